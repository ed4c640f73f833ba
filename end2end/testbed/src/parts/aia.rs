//! AIA's public face: the site and the interface over TLS, its metrics page, and a small steady load on everything behind.

use std::time::Duration;

use crate::{bed::Bed, certificates, error::Result, http, layout::Port};

pub(crate) const NAME: &str = "aia";

const READY_WITHIN: Duration = Duration::from_secs(60);

/// Starts the endpoints.
pub(crate) async fn start(bed: &Bed) -> Result<()> {
    certificates::issue(bed.layout())?;
    let metrics = format!("http://{}/metrics", bed.layout().address(Port::Metrics));
    bed.serve(NAME)?.ready(READY_WITHIN, async || http::get(&metrics).await?.expect_text("aia_request_total")).await
}
