//! AIA's endpoints: the site and the interface over TLS, and the interface's metrics page.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Response, StatusCode, header};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::{load, metrics::Metrics, tls};
use crate::{
    bed::Bed,
    certificates::Leaf,
    control::{Answer, Control, Endpoints},
    error::Result,
    layout::{Layout, Port},
};

/// Well above what the operations guide lets either endpoint take.
pub(super) const SLOW: Duration = Duration::from_secs(3);
/// A request to an endpoint that never answers is held this long; the connection then ends without one.
const HELD: Duration = Duration::from_secs(120);
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// Which of the two a listener stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    Site,
    Api,
}

impl Face {
    pub(super) fn answer(self, layout: &Layout) -> Answer {
        let endpoints = Endpoints::read(layout);
        match self {
            Face::Site => endpoints.site.answer,
            Face::Api => endpoints.api.answer,
        }
    }
}

pub(super) async fn run(bed: Bed) -> Result<()> {
    let layout = bed.layout().clone();
    let metrics = Arc::new(Metrics::default());
    let site = endpoint(&layout, Face::Site, Port::Site, tls::configuration(&layout, Leaf::Site, Some(Leaf::SiteExpired))?, &metrics);
    let api = endpoint(&layout, Face::Api, Port::Api, tls::configuration(&layout, Leaf::Api, None)?, &metrics);
    let page = metrics_page(&layout, &metrics);
    tokio::select! {
        ended = site => ended,
        ended = api => ended,
        ended = page => ended,
        () = load::run(&bed, &metrics) => Ok(()),
    }
}

async fn endpoint(layout: &Layout, face: Face, port: Port, tls: Arc<rustls::ServerConfig>, metrics: &Arc<Metrics>) -> Result<()> {
    let acceptor = TlsAcceptor::from(tls);
    super::accept(super::listen(layout, port).await?, |stream| {
        let (acceptor, metrics, layout) = (acceptor.clone(), metrics.clone(), layout.clone());
        async move {
            // Clients that only look at the certificate, or that do not like it, leave here.
            let Ok(Ok(stream)) = timeout(HANDSHAKE_WITHIN, acceptor.accept(stream)).await else {
                return;
            };
            let _open = metrics.connection_opened();
            super::speak(stream, |request| {
                let (metrics, layout) = (metrics.clone(), layout.clone());
                async move {
                    let began = Instant::now();
                    let answer = respond(face, &layout, request.method(), request.uri().path()).await;
                    metrics.request(answer.status().as_u16(), began.elapsed());
                    answer
                }
            })
            .await;
        }
    })
    .await
}

async fn respond(face: Face, layout: &Layout, method: &Method, path: &str) -> Response<Full<Bytes>> {
    match face.answer(layout) {
        Answer::Normal => {}
        Answer::Slow => sleep(SLOW).await,
        Answer::Unavailable => {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "upstream connect error or disconnect/reset before headers\n");
        }
        Answer::Never => {
            wait_for_recovery(face, layout).await;
            return plain(StatusCode::GATEWAY_TIMEOUT, "text/plain", "upstream request timeout\n");
        }
    }
    match (method, face, path) {
        (&Method::GET | &Method::HEAD, _, "/health") => plain(StatusCode::OK, "application/json", "{\"status\":\"healthy\"}\n"),
        (&Method::GET | &Method::HEAD, Face::Site, "/") => plain(StatusCode::OK, "text/html; charset=utf-8", SITE),
        (&Method::GET | &Method::HEAD, Face::Api, "/") => {
            plain(StatusCode::OK, "application/json", "{\"service\":\"aia-backend-simple\"}\n")
        }
        _ => plain(StatusCode::NOT_FOUND, "text/plain", "not found\n"),
    }
}

const SITE: &str =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>AIA</title></head><body><h1>AIA</h1></body></html>\n";

/// Returns when the endpoint has been mended, or when the client has been held long enough.
async fn wait_for_recovery(face: Face, layout: &Layout) {
    let until = Instant::now() + HELD;
    while face.answer(layout) == Answer::Never && Instant::now() < until {
        sleep(Duration::from_millis(200)).await;
    }
}

async fn metrics_page(layout: &Layout, metrics: &Arc<Metrics>) -> Result<()> {
    super::accept(super::listen(layout, Port::Metrics).await?, |stream| {
        let metrics = metrics.clone();
        async move {
            super::speak(stream, |request| {
                let found = request.uri().path() == "/metrics";
                let metrics = metrics.clone();
                async move { if found { page(metrics.page()) } else { plain(StatusCode::NOT_FOUND, "text/plain", "not found\n") } }
            })
            .await;
        }
    })
    .await
}

fn page(text: String) -> Response<Full<Bytes>> {
    typed(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", Bytes::from(text))
}

fn plain(status: StatusCode, kind: &'static str, text: &'static str) -> Response<Full<Bytes>> {
    typed(status, kind, Bytes::from_static(text.as_bytes()))
}

fn typed(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
