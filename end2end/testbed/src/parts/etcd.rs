//! etcd, which Patroni keeps its leader key in.

use std::time::Duration;

use crate::{
    account::Account,
    bed::Bed,
    error::Result,
    http,
    layout::{Port, create_folder},
    process::Launch,
    program,
};

pub(crate) const NAME: &str = "etcd";

/// Measured: 0.2 to 0.8 s; the rest is for a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(60);

pub(crate) async fn start(bed: &Bed) -> Result<()> {
    let layout = bed.layout();
    let data = layout.data(NAME);
    create_folder(&data, Account::STARTER, 0o700)?;
    let client = format!("http://{}", layout.address(Port::EtcdClient));
    let peer = format!("http://{}", layout.address(Port::EtcdPeer));
    let etcd = Launch::new(NAME, program::find("etcd", "etcd-server")?)
        .args(["--name", "bed", "--data-dir"])
        .arg(&data)
        .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
        .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
        .args(["--initial-cluster", &format!("bed={peer}")])
        // The data lives as long as the bed, so it need not survive a power cut.
        .arg("--unsafe-no-fsync=true")
        .start(layout)?;
    let health = format!("{client}/health");
    etcd.ready(READY_WITHIN, async || http::get(&health).await.and_then(|answer| answer.expect_text("true"))).await
}
