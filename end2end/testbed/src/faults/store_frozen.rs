//! The console's own database stands still: connections stay open and nothing answers.

use super::{Fault, Step};
use crate::{
    bed::Bed,
    parts::store,
    process::{Process, children_of},
};

pub(super) struct StoreFrozen;

impl Fault for StoreFrozen {
    fn name(&self) -> &'static str {
        "store-frozen"
    }

    fn summary(&self) -> &'static str {
        "Freezes the console's own database server: connections stay open, nothing answers."
    }

    fn system(&self) -> Option<&'static str> {
        None
    }

    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String> {
        Box::pin(async move {
            let server = store::process(bed);
            // The server before its children, so that it starts no new ones meanwhile.
            server.iter().try_for_each(Process::freeze)?;
            for child in server.iter().flat_map(|server| children_of(bed.layout(), server)) {
                child.freeze()?;
            }
            Ok(store::NAME.to_owned())
        })
    }

    fn mend<'a>(&'a self, bed: &'a Bed, hit: &'a str) -> Step<'a, ()> {
        Box::pin(async move {
            let server = Process::find(bed.layout(), hit);
            for child in server.iter().flat_map(|server| children_of(bed.layout(), server)) {
                child.thaw()?;
            }
            server.iter().try_for_each(Process::thaw)?;
            store::answers(bed).await
        })
    }
}
