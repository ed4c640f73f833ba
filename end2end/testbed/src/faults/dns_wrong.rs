//! Somebody mistyped the address of the public site.

use std::net::Ipv4Addr;

use super::{Fault, Step};
use crate::{
    bed::Bed,
    parts::dns::{self, SITE, WANTED},
};

/// From a range that is kept for documentation (RFC 5737), so nobody's.
const WRONG: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 66);

pub(super) struct DnsWrong;

impl Fault for DnsWrong {
    fn name(&self) -> &'static str {
        "dns-wrong"
    }

    fn summary(&self) -> &'static str {
        "Lets the name of the public site lead to an address that is not ours."
    }

    fn system(&self) -> Option<&'static str> {
        Some("dns/site")
    }

    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String> {
        Box::pin(async move {
            dns::point_at(bed.layout(), WRONG)?;
            Ok(SITE.to_owned())
        })
    }

    fn mend<'a>(&'a self, bed: &'a Bed, hit: &'a str) -> Step<'a, ()> {
        Box::pin(async move {
            tracing::debug!(name = hit, "Leading to the right address again");
            dns::point_at(bed.layout(), WANTED)
        })
    }
}
