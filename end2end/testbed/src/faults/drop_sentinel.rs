//! One of three Sentinels dies; two still agree.

use super::{Fault, Step};
use crate::{bed::Bed, parts::sentinel};

/// Not the first one, which the bed itself asks.
const DROPPED: usize = 2;

pub(super) struct DropSentinel;

impl Fault for DropSentinel {
    fn name(&self) -> &'static str {
        "drop-sentinel"
    }

    fn summary(&self) -> &'static str {
        "Kills the third Sentinel; the quorum of two is just reached."
    }

    fn system(&self) -> Option<&'static str> {
        Some("cache/sessions")
    }

    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String> {
        Box::pin(async move {
            if let Some(process) = sentinel::process(bed, DROPPED) {
                process.kill().await?;
            }
            sentinel::agreed(bed, sentinel::NAMES.len() - 1).await?;
            Ok(sentinel::NAMES[DROPPED].to_owned())
        })
    }

    fn mend<'a>(&'a self, bed: &'a Bed, hit: &'a str) -> Step<'a, ()> {
        Box::pin(async move {
            tracing::debug!(sentinel = hit, "Starting it again unless it runs");
            if sentinel::process(bed, DROPPED).is_none() {
                sentinel::start(bed, DROPPED).await?;
            }
            sentinel::agreed(bed, sentinel::NAMES.len()).await
        })
    }
}
