//! The S3-compatible store that backups go to: a server of the bed's own over plain files.

use std::{fs, time::Duration};

use crate::{
    account::Account,
    bed::Bed,
    error::{Doing, Result},
    http,
    layout::{Port, create_folder},
    process::Process,
};

pub(crate) const NAME: &str = "objects";
/// The operations guide's bucket for backups.
pub(crate) const BUCKET: &str = "aia-backups";

const READY_WITHIN: Duration = Duration::from_secs(60);

pub(crate) async fn start(bed: &Bed) -> Result<()> {
    let layout = bed.layout();
    let data = layout.data(NAME);
    create_folder(&data, Account::STARTER, 0o700)?;
    fs::create_dir_all(data.join(BUCKET)).doing(|| format!("create the bucket {BUCKET}"))?;
    let address = format!("http://{}/", layout.address(Port::Objects));
    // Anonymous callers are refused: any answer shows that it is up.
    bed.serve(NAME)?.ready(READY_WITHIN, async || http::get(&address).await.map(drop)).await
}

pub(crate) fn process(bed: &Bed) -> Option<Process> {
    Process::find(bed.layout(), NAME)
}
