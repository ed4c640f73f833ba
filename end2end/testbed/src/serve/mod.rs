//! The bed's own servers, each a long-lived child process: the test bed's program itself with a hidden command.

mod aia;
mod dns;
mod hold;
mod load;
mod metrics;
mod objects;
mod tls;
pub(crate) mod zone;

use std::{convert::Infallible, future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
};

use crate::{
    bed::Bed,
    error::{Doing, Result},
    layout::{Layout, Port},
};

/// A child process of the bed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Child {
    /// AIA's endpoints, metrics page and load.
    Aia,
    /// The resolver.
    Dns,
    /// The object store.
    Objects,
    /// Sessions that occupy the database: `fill-connections`.
    HoldConnections,
    /// A transaction that is never finished: `long-transaction`.
    HoldTransaction,
}

/// Runs a child until it is killed.
pub async fn run(child: Child, bed: Bed) -> Result<()> {
    rustls::crypto::ring::default_provider().install_default().ok();
    match child {
        Child::Aia => aia::run(bed).await,
        Child::Dns => dns::run(bed.layout()).await,
        Child::Objects => objects::run(bed).await,
        Child::HoldConnections => hold::connections(&bed).await,
        Child::HoldTransaction => hold::transaction(&bed).await,
    }
}

/// Connections that one server holds at once; more wait in the system's queue.
const MAX_CONNECTIONS: usize = 256;
/// How long a client may take to send its request's head.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

async fn listen(layout: &Layout, port: Port) -> Result<TcpListener> {
    TcpListener::bind(layout.address(port)).await.doing(|| format!("listen on port {} ({port:?})", layout.port(port)))
}

/// Accepts for ever and hands each connection to a task of its own.
async fn accept<F>(listener: TcpListener, serve: impl Fn(tokio::net::TcpStream) -> F) -> Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return Ok(());
        };
        // Out of file handles, or a client that left already: neither ends the server.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        stream.set_nodelay(true).ok();
        let serving = serve(stream);
        tokio::spawn(async move {
            serving.await;
            drop(place);
        });
    }
}

/// Speaks HTTP/1.1 over one connection until either side is done.
async fn speak<F>(stream: impl AsyncRead + AsyncWrite + Unpin, answer: impl Fn(Request<Incoming>) -> F)
where
    F: Future<Output = Response<Full<Bytes>>>,
{
    let service = service_fn(|request| {
        let answering = answer(request);
        async { Ok::<_, Infallible>(answering.await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "A connection ended early");
    }
}
