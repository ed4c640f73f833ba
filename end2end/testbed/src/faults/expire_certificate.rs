//! Nobody renewed the certificate of the public site.

use super::{Fault, Step};
use crate::{
    bed::Bed,
    control::{Control, Endpoints},
    error::Result,
};

pub(super) struct ExpireCertificate;

impl Fault for ExpireCertificate {
    fn name(&self) -> &'static str {
        "expire-certificate"
    }

    fn summary(&self) -> &'static str {
        "Shows a certificate on the public site that ran out an hour ago."
    }

    fn system(&self) -> Option<&'static str> {
        Some("certificate/site")
    }

    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String> {
        Box::pin(async move {
            set(bed, true)?;
            Ok("site".to_owned())
        })
    }

    fn mend<'a>(&'a self, bed: &'a Bed, hit: &'a str) -> Step<'a, ()> {
        Box::pin(async move {
            tracing::debug!(endpoint = hit, "Showing the valid certificate again");
            set(bed, false)
        })
    }
}

fn set(bed: &Bed, expired: bool) -> Result<()> {
    let mut endpoints = Endpoints::read(bed.layout());
    endpoints.site.certificate_expired = expired;
    endpoints.write(bed.layout())
}
