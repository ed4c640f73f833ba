//! Stands between the console and its store, and can stop passing bytes on: what a frozen server looks like.

use server::config::Secret;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};
use url::Url;

/// A way to a store that can be frozen.
pub struct Freezable {
    /// The store's address by this way.
    pub url: Secret,
    flows: watch::Sender<bool>,
}

impl Freezable {
    pub async fn before(store: &Secret) -> Self {
        let mut url = Url::parse(store.reveal()).unwrap();
        let to = (url.host_str().unwrap().to_owned(), url.port().unwrap_or(5432));
        let (flows, follows) = watch::channel(true);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        tokio::spawn(async move {
            while let Ok((console, _)) = listener.accept().await {
                let server = TcpStream::connect(&to).await.unwrap();
                let ((from_console, to_console), (from_server, to_server)) = (console.into_split(), server.into_split());
                tokio::spawn(pass(from_console, to_server, follows.clone()));
                tokio::spawn(pass(from_server, to_console, follows.clone()));
            }
        });
        Self { url: Secret::new(url.to_string()), flows }
    }

    pub fn freeze(&self) {
        self.flows.send(false).unwrap();
    }

    pub fn thaw(&self) {
        self.flows.send(true).unwrap();
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut flows: watch::Receiver<bool>) {
    let mut buffer = vec![0; 65_536];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        if flows.wait_for(|flows| *flows).await.is_err() || to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}
