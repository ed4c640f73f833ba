//! Prometheus, which collects AIA's six metrics.
//!
//! Started first: it looks for its targets only every 5 s.

use std::time::Duration;

use serde_json::json;

use crate::{
    account::Account,
    bed::Bed,
    error::{Of, Result},
    http,
    layout::{Port, create_folder, write_file},
    process::{Launch, wait_until},
    program,
};

pub(crate) const NAME: &str = "prometheus";

const READY_WITHIN: Duration = Duration::from_secs(60);
/// Measured: the first sample can be asked for 6.1 s after the start.
const FIRST_SAMPLE_WITHIN: Duration = Duration::from_secs(60);

pub(crate) async fn start(bed: &Bed) -> Result<()> {
    let layout = bed.layout();
    let account = Account::of_service("prometheus", "prometheus")?;
    let data = layout.data(NAME);
    create_folder(&data, account, 0o700)?;
    let configuration = json!({
        "global": { "scrape_interval": "1s", "scrape_timeout": "900ms" },
        "scrape_configs": [{
            "job_name": "aia-backend",
            "static_configs": [{ "targets": [layout.address(Port::Metrics).to_string()] }],
        }],
    });
    // JSON is YAML too.
    let file = layout.config_file("prometheus.yml");
    write_file(&file, serde_json::to_vec_pretty(&configuration).of("Prometheus")?, account, 0o644)?;
    let ready = format!("{}/-/ready", url(bed));
    Launch::new(NAME, program::find("prometheus", "prometheus")?)
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", data.join("tsdb").display()))
        .args(["--storage.tsdb.retention.time=6h", "--storage.tsdb.retention.size=64MB"])
        .arg(format!("--web.listen-address={}", layout.address(Port::Prometheus)))
        .account(account)
        .folder(&data)
        .start(layout)?
        .ready(READY_WITHIN, async || http::get(&ready).await?.expect_success())
        .await
}

pub(crate) fn url(bed: &Bed) -> String {
    format!("http://{}", bed.layout().address(Port::Prometheus))
}

/// Waits until the first of AIA's figures can be asked for.
pub(crate) async fn fed(bed: &Bed) -> Result<()> {
    let question = format!("{}/api/v1/query?query=aia_request_total", url(bed));
    wait_until("a first sample", FIRST_SAMPLE_WITHIN, &bed.layout().log_file(NAME), async || {
        http::get(&question).await?.expect_text("\"__name__\":\"aia_request_total\"")
    })
    .await
}
