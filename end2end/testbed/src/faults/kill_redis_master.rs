//! The cache's master dies; Sentinels promote the replica.

use std::time::Duration;

use super::{Fault, Step, unknown_hit};
use crate::{
    bed::Bed,
    parts::{
        redis::{self, Node},
        sentinel,
    },
    process::wait_until,
};

/// Measured: 3.2 s until the Sentinels name the new master.
const PROMOTED_WITHIN: Duration = Duration::from_secs(30);

pub(super) struct KillRedisMaster;

impl Fault for KillRedisMaster {
    fn name(&self) -> &'static str {
        "kill-redis-master"
    }

    fn summary(&self) -> &'static str {
        "Kills the master of the cache; the Sentinels promote the replica within seconds."
    }

    fn system(&self) -> Option<&'static str> {
        Some("cache/sessions")
    }

    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String> {
        Box::pin(async move {
            let master = redis::master(bed).await?;
            if let Some(process) = master.process(bed) {
                process.kill().await?;
            }
            Ok(master.name().to_owned())
        })
    }

    fn mend<'a>(&'a self, bed: &'a Bed, hit: &'a str) -> Step<'a, ()> {
        Box::pin(async move {
            let node = Node::of_name(hit).ok_or_else(|| unknown_hit(hit))?;
            // Back before the promotion, it would be a second master for a while.
            wait_until("the promotion of the other node", PROMOTED_WITHIN, &bed.layout().logs(), async || {
                let named = sentinel::master(bed, 0).await.map_err(|error| error.to_string())?;
                let master = redis::master(bed).await.map_err(|error| error.to_string())?;
                if named == Some(node.other()) && master == node.other() { Ok(()) } else { Err(format!("Sentinel names {named:?}")) }
            })
            .await?;
            if node.process(bed).is_none() {
                redis::start(bed, node, Some(node.other())).await?;
            }
            redis::linked(bed).await
        })
    }
}
