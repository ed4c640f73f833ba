//! The console's own database is gone.

use std::time::Duration;

use rustix::process::Signal;

use super::{Fault, Step};
use crate::{bed::Bed, parts::store, process::Process};

/// PostgreSQL itself kills after 5 s what has not ended.
const END_WITHIN: Duration = Duration::from_secs(8);

pub(super) struct StoreDown;

impl Fault for StoreDown {
    fn name(&self) -> &'static str {
        "store-down"
    }

    fn summary(&self) -> &'static str {
        "Stops the console's own database server at once."
    }

    fn system(&self) -> Option<&'static str> {
        None
    }

    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String> {
        Box::pin(async move {
            if let Some(server) = store::process(bed) {
                server.end(Signal::QUIT, END_WITHIN).await?;
            }
            Ok(store::NAME.to_owned())
        })
    }

    fn mend<'a>(&'a self, bed: &'a Bed, hit: &'a str) -> Step<'a, ()> {
        Box::pin(async move {
            if Process::find(bed.layout(), hit).is_none() {
                store::start(bed).await?;
            }
            store::answers(bed).await
        })
    }
}
