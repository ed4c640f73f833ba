//! One GET as a visitor's browser would make it, with the time of each phase.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use url::Url;

use super::{
    connect::connect,
    failure::{Failure, one_line},
    trust::{self, Trust},
};
use crate::config::{Endpoint, HostPort};

/// How long the whole exchange may take.
pub const WAIT: Duration = Duration::from_secs(4);
/// The most that is read of a body; a longer one is cut, which is no failure: the time to here is what counts.
const LARGEST: usize = 1_000_000;

/// One URL, asked on a new connection each time: what a new visitor meets.
pub struct Http {
    url: Url,
    at: HostPort,
    fixed: Option<SocketAddr>,
    trust: Trust,
    client: OnceLock<Arc<ClientConfig>>,
    last: Mutex<Option<Result<Answer, (Failure, Phases)>>>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status; redirects are answers, not followed.
    pub status: u16,
    /// What was read of the body, in bytes, at most a million.
    pub bytes: usize,
    /// How long each phase took.
    pub phases: Phases,
}

/// How long each phase took; a phase that did not take place, none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Finding the address.
    pub resolve: Option<Duration>,
    /// The TCP handshake.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the request to the head of the answer.
    pub first_byte: Option<Duration>,
    /// Reading the body.
    pub body: Option<Duration>,
}

impl Phases {
    /// All of them together.
    #[must_use]
    pub fn whole(&self) -> Duration {
        [self.resolve, self.connect, self.tls, self.first_byte, self.body].into_iter().flatten().sum()
    }

    /// What had been reached before it went wrong, to follow "did not answer": ": connected, then nothing".
    #[must_use]
    pub fn reached(&self) -> &'static str {
        match (self.connect, self.tls, self.first_byte) {
            (None, ..) => "no connection came about",
            (Some(_), None, None) => "it took the connection, then nothing came",
            (Some(_), Some(_), None) => "it took connection and TLS, then nothing came",
            (_, _, Some(_)) => "the answer began, but did not end",
        }
    }
}

impl Http {
    /// Never waits.
    #[must_use]
    pub fn new(endpoint: &Endpoint) -> Self {
        let host = endpoint.url.host_str().unwrap_or_default().to_owned();
        let port = endpoint.url.port_or_known_default().unwrap_or(443);
        Self {
            url: endpoint.url.clone(),
            at: HostPort { host, port },
            fixed: endpoint.connect,
            trust: Trust::new(endpoint.ca_file.as_deref()),
            client: OnceLock::new(),
            last: Mutex::default(),
        }
    }

    /// Asks once.
    ///
    /// # Errors
    /// Why there is no answer, and the phases that were passed.
    pub async fn get(&self) -> Result<Answer, (Failure, Phases)> {
        let mut phases = Phases::default();
        let outcome = timeout(WAIT, self.exchange(&mut phases)).await.unwrap_or(Err(Failure::Silent(WAIT)));
        let answer = outcome.map(|(status, bytes)| Answer { status, bytes, phases }).map_err(|failure| (failure, phases));
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer.clone());
        answer
    }

    /// What came of the last try. Never waits.
    #[must_use]
    pub fn last(&self) -> Option<Result<Answer, (Failure, Phases)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn exchange(&self, phases: &mut Phases) -> Result<(u16, usize), Failure> {
        let connected = connect(&self.at, self.fixed).await?;
        // With a fixed address there is no look-up, rather than one that took no time.
        phases.resolve = self.fixed.is_none().then_some(connected.resolve);
        phases.connect = Some(connected.connect);
        if self.url.scheme() != "https" {
            return self.request(connected.stream, phases).await;
        }
        let name = ServerName::try_from(self.at.host.trim_matches(['[', ']']).to_owned());
        let name = name.map_err(|_| Failure::Unreachable("its host is no name that TLS knows".into()))?;
        let began = Instant::now();
        let stream = TlsConnector::from(self.client()?).connect(name, connected.stream).await.map_err(|error| trust::failure(&error))?;
        phases.tls = Some(began.elapsed());
        self.request(stream, phases).await
    }

    fn client(&self) -> Result<Arc<ClientConfig>, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(Arc::clone(client));
        }
        let mut client = self.trust.client()?;
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A resumed session would hide what a new visitor's handshake costs.
        client.resumption = rustls::client::Resumption::disabled();
        Ok(Arc::clone(self.client.get_or_init(|| Arc::new(client))))
    }

    async fn request(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        phases: &mut Phases,
    ) -> Result<(u16, usize), Failure> {
        let began = Instant::now();
        let (mut sender, connection) =
            http1::Builder::new().max_headers(100).handshake(TokioIo::new(stream)).await.map_err(|error| failure(&error))?;
        let exchange = async {
            let answer = sender.send_request(self.head()?).await.map_err(|error| failure(&error))?;
            phases.first_byte = Some(began.elapsed());
            let status = answer.status().as_u16();
            let began = Instant::now();
            let mut body = answer.into_body();
            let mut bytes = 0;
            while let Some(frame) = body.frame().await {
                bytes += frame.map_err(|error| failure(&error))?.data_ref().map_or(0, Bytes::len);
                if bytes >= LARGEST {
                    bytes = LARGEST;
                    break;
                }
            }
            phases.body = Some(began.elapsed());
            Ok((status, bytes))
        };
        // The connection's own work is done beside the exchange; when it ends first, the exchange tells how.
        tokio::pin!(exchange);
        tokio::select! {
            outcome = &mut exchange => outcome,
            _ = connection => exchange.await,
        }
    }

    fn head(&self) -> Result<Request<Empty<Bytes>>, Failure> {
        let path = &self.url[url::Position::BeforePath..url::Position::AfterQuery];
        let host = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        Request::get(path)
            .header(header::HOST, host)
            .header(header::USER_AGENT, concat!("quarterdeck/", env!("CARGO_PKG_VERSION")))
            .header(header::ACCEPT, "*/*")
            .header(header::CONNECTION, "close")
            .body(Empty::new())
            .map_err(|error| Failure::Unreachable(one_line(&error.to_string())))
    }
}

fn failure(error: &hyper::Error) -> Failure {
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return Failure::HungUp;
    }
    let io = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    match io {
        Some(io) => trust::failure(io),
        None => Failure::Garbled(format!("no HTTP ({})", one_line(&error.to_string()))),
    }
}
