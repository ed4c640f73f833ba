//! A TCP connection, bounded in time.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::net::{TcpStream, lookup_host};

use super::failure::{Failure, one_line};
use crate::config::HostPort;

/// A connection and how long its making took.
pub(super) struct Connected {
    pub(super) stream: TcpStream,
    /// Finding the address; zero where it was given.
    pub(super) resolve: Duration,
    /// The handshake.
    pub(super) connect: Duration,
}

/// Connects to `fixed` where it is given, else to what the host's name resolves to. The caller bounds the time.
pub(super) async fn connect(at: &HostPort, fixed: Option<SocketAddr>) -> Result<Connected, Failure> {
    let began = Instant::now();
    let addresses: Vec<SocketAddr> = match fixed {
        Some(address) => vec![address],
        None => {
            let host = at.host.trim_start_matches('[').trim_end_matches(']');
            let found = lookup_host((host, at.port)).await;
            found.map_err(|error| Failure::Unreachable(format!("its name does not resolve: {}", one_line(&error.to_string()))))?.collect()
        }
    };
    let resolved = Instant::now();
    let stream = TcpStream::connect(&addresses[..]).await.map_err(|error| Failure::from_io(&error))?;
    // Without this, a small request may wait for the other side's delayed acknowledgement.
    stream.set_nodelay(true).map_err(|error| Failure::from_io(&error))?;
    Ok(Connected { stream, resolve: resolved - began, connect: resolved.elapsed() })
}
