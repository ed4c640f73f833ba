//! The public interface misbehaves in three ways.

use super::{Fault, Step};
use crate::{
    bed::Bed,
    control::{Answer, Control, Endpoints},
    error::{Error, Result},
};

const SYSTEM: Option<&str> = Some("endpoint/api");

pub(super) struct Unavailable;
pub(super) struct Slow;
pub(super) struct Hang;

impl Fault for Unavailable {
    fn name(&self) -> &'static str {
        "endpoint-503"
    }

    fn summary(&self) -> &'static str {
        "Answers every request to the public interface with status 503."
    }

    fn system(&self) -> Option<&'static str> {
        SYSTEM
    }

    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String> {
        Box::pin(async { strike(bed, Answer::Unavailable) })
    }

    fn mend<'a>(&'a self, bed: &'a Bed, _hit: &'a str) -> Step<'a, ()> {
        Box::pin(async { mend(bed) })
    }
}

impl Fault for Slow {
    fn name(&self) -> &'static str {
        "endpoint-slow"
    }

    fn summary(&self) -> &'static str {
        "Answers every request to the public interface only after three seconds."
    }

    fn system(&self) -> Option<&'static str> {
        SYSTEM
    }

    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String> {
        Box::pin(async { strike(bed, Answer::Slow) })
    }

    fn mend<'a>(&'a self, bed: &'a Bed, _hit: &'a str) -> Step<'a, ()> {
        Box::pin(async { mend(bed) })
    }
}

impl Fault for Hang {
    fn name(&self) -> &'static str {
        "endpoint-hang"
    }

    fn summary(&self) -> &'static str {
        "Takes every request to the public interface and never answers it."
    }

    fn system(&self) -> Option<&'static str> {
        SYSTEM
    }

    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String> {
        Box::pin(async { strike(bed, Answer::Never) })
    }

    fn mend<'a>(&'a self, bed: &'a Bed, _hit: &'a str) -> Step<'a, ()> {
        Box::pin(async { mend(bed) })
    }
}

/// An endpoint can misbehave in one way at a time.
fn strike(bed: &Bed, answer: Answer) -> Result<String> {
    let mut endpoints = Endpoints::read(bed.layout());
    if endpoints.api.answer != Answer::Normal {
        return Err(Error::Refused(format!("the public interface is broken already ({:?}); mend that first", endpoints.api.answer)));
    }
    endpoints.api.answer = answer;
    endpoints.write(bed.layout())?;
    Ok("api".to_owned())
}

fn mend(bed: &Bed) -> Result<()> {
    let mut endpoints = Endpoints::read(bed.layout());
    endpoints.api.answer = Answer::Normal;
    endpoints.write(bed.layout())
}
