//! Somebody changes a row, goes to lunch and does not commit.

use std::time::Duration;

use super::{Fault, Step};
use crate::{
    bed::Bed,
    parts::patroni,
    process::{Process, wait_until},
    serve::Child,
};

const NAME: &str = "hold-transaction";
const OPEN_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct LongTransaction;

impl Fault for LongTransaction {
    fn name(&self) -> &'static str {
        "long-transaction"
    }

    fn summary(&self) -> &'static str {
        "Opens a transaction on the leading database server that holds a row and is never finished."
    }

    fn system(&self) -> Option<&'static str> {
        Some("database/aia_production")
    }

    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String> {
        Box::pin(async move {
            let holder = bed.serve_child(NAME, Child::HoldTransaction)?;
            let log = bed.layout().log_file(NAME);
            let opened = wait_until("an open transaction", OPEN_WITHIN, &log, async || {
                if patroni::idle_transactions(bed).await? > 0 { Ok(()) } else { Err("none".to_owned()) }
            });
            if let Err(error) = opened.await {
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
            wait_until("the transaction's end", OPEN_WITHIN, &bed.layout().logs(), async || {
                if patroni::idle_transactions(bed).await? == 0 { Ok(()) } else { Err("still open".to_owned()) }
            })
            .await
        })
    }
}
