//! The resolver that stands for the public DNS: it answers from one zone file, read anew for each question.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use hickory_proto::{
    op::{Message, MessageType, OpCode, Query},
    rr::{Name, RData, RecordType},
};
use tokio::net::UdpSocket;

use crate::{
    account::Account,
    bed::Bed,
    error::Result,
    layout::{Layout, Port, write_file},
    serve::zone::Zone,
};

pub(crate) const NAME: &str = "dns";
/// The public site's name.
pub(crate) const SITE: &str = "013a.tech";
/// The public interface's name.
pub(crate) const API: &str = "api.013a.tech";
/// Where both names should lead.
pub(crate) const WANTED: Ipv4Addr = Ipv4Addr::new(34, 118, 226, 10);

const READY_WITHIN: Duration = Duration::from_secs(60);

pub(crate) async fn start(bed: &Bed) -> Result<()> {
    let layout = bed.layout();
    point_at(layout, WANTED)?;
    bed.serve(NAME)?.ready(READY_WITHIN, async || resolve(layout, SITE).await.map(drop)).await
}

/// Lets the site's name lead here from now on.
pub(crate) fn point_at(layout: &Layout, address: Ipv4Addr) -> Result<()> {
    let zone = format!(
        "; name, seconds to live, class, type, address\n{SITE}. {ttl} IN A {address}\n{API}. {ttl} IN A {WANTED}\n",
        ttl = Zone::TTL_S
    );
    write_file(&layout.control_file(Zone::FILE), zone, Account::STARTER, 0o600)
}

/// Asks the bed's resolver for the addresses of a name.
pub async fn resolve(layout: &Layout, name: &str) -> Result<Vec<Ipv4Addr>, String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let mut question = Message::new(rand::random(), MessageType::Query, OpCode::Query);
    question.add_query(Query::query(Name::from_ascii(format!("{name}.")).map_err(|error| told(&error))?, RecordType::A));
    let socket = UdpSocket::bind("127.0.0.1:0").await.map_err(|error| told(&error))?;
    socket.connect(SocketAddr::from(layout.address(Port::Dns))).await.map_err(|error| told(&error))?;
    socket.send(&question.to_vec().map_err(|error| told(&error))?).await.map_err(|error| told(&error))?;
    let mut buffer = [0; 512];
    let length = tokio::time::timeout(Duration::from_secs(1), socket.recv(&mut buffer))
        .await
        .map_err(|error| told(&error))?
        .map_err(|error| told(&error))?;
    let answer = Message::from_vec(&buffer[..length]).map_err(|error| told(&error))?;
    Ok(answer
        .answers
        .iter()
        .filter_map(|record| match record.data {
            RData::A(address) => Some(address.0),
            _ => None,
        })
        .collect())
}
