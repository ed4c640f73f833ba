//! Somebody opens connections and never closes them.

use std::time::Duration;

use super::{Fault, Step};
use crate::{
    bed::Bed,
    parts::patroni,
    process::{Process, wait_until},
    serve::Child,
};

const NAME: &str = "hold-connections";
/// Fifty sessions open within 2 s.
const FULL_WITHIN: Duration = Duration::from_secs(60);
/// A server notices within a moment that clients are gone.
const FREE_WITHIN: Duration = Duration::from_secs(30);

pub(super) struct FillConnections;

impl Fault for FillConnections {
    fn name(&self) -> &'static str {
        "fill-connections"
    }

    fn summary(&self) -> &'static str {
        "Occupies all connections of the leading database server but two."
    }

    fn system(&self) -> Option<&'static str> {
        Some("database/aia_production")
    }

    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String> {
        Box::pin(async move {
            let holder = bed.serve_child(NAME, Child::HoldConnections)?;
            let full = i64::from(patroni::MAX_CONNECTIONS) * 9 / 10;
            let log = bed.layout().log_file(NAME);
            let filled = wait_until("a full database server", FULL_WITHIN, &log, async || {
                let sessions = patroni::sessions(bed).await?;
                if sessions >= full { Ok(()) } else { Err(format!("{sessions} sessions")) }
            });
            if let Err(error) = filled.await {
                holder.kill().await?;
                return Err(error);
            }
            Ok(NAME.to_owned())
        })
    }

    fn mend<'a>(&'a self, bed: &'a Bed, hit: &'a str) -> Step<'a, ()> {
        Box::pin(async move {
            if let Some(holder) = Process::find(bed.layout(), hit) {
                holder.kill().await?;
            }
            let half = i64::from(patroni::MAX_CONNECTIONS) / 2;
            wait_until("free connections", FREE_WITHIN, &bed.layout().logs(), async || {
                let sessions = patroni::sessions(bed).await?;
                if sessions < half { Ok(()) } else { Err(format!("{sessions} sessions")) }
            })
            .await
        })
    }
}
