//! The disks of the object store are full.

use super::{Fault, Step};
use crate::{
    bed::Bed,
    control::{Control, Objects},
    parts::objects::BUCKET,
};

pub(super) struct ObjectStoreFull;

impl Fault for ObjectStoreFull {
    fn name(&self) -> &'static str {
        "object-store-full"
    }

    fn summary(&self) -> &'static str {
        "Refuses all data that is brought to the object store, for want of space."
    }

    fn system(&self) -> Option<&'static str> {
        Some("store/main")
    }

    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String> {
        Box::pin(async move {
            Objects { full: true }.write(bed.layout())?;
            Ok(BUCKET.to_owned())
        })
    }

    fn mend<'a>(&'a self, bed: &'a Bed, hit: &'a str) -> Step<'a, ()> {
        Box::pin(async move {
            tracing::debug!(bucket = hit, "Taking data again");
            Objects { full: false }.write(bed.layout())
        })
    }
}
