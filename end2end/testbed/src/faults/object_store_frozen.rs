//! The object store stands still: connections stay open and nothing answers.

use super::{Fault, Step};
use crate::{bed::Bed, parts::objects, process::Process};

pub(super) struct ObjectStoreFrozen;

impl Fault for ObjectStoreFrozen {
    fn name(&self) -> &'static str {
        "object-store-frozen"
    }

    fn summary(&self) -> &'static str {
        "Freezes the object store: connections stay open, nothing answers."
    }

    fn system(&self) -> Option<&'static str> {
        Some("store/main")
    }

    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String> {
        Box::pin(async move {
            objects::process(bed).iter().try_for_each(Process::freeze)?;
            Ok(objects::NAME.to_owned())
        })
    }

    fn mend<'a>(&'a self, bed: &'a Bed, hit: &'a str) -> Step<'a, ()> {
        Box::pin(async move { Process::find(bed.layout(), hit).iter().try_for_each(Process::thaw) })
    }
}
