//! The leader and its Patroni die at once, as when their machine does.

use super::{Fault, Step, unknown_hit};
use crate::{
    bed::Bed,
    parts::patroni::{self, Member},
};

pub(super) struct KillPrimary;

impl Fault for KillPrimary {
    fn name(&self) -> &'static str {
        "kill-primary"
    }

    fn summary(&self) -> &'static str {
        "Kills the leading database server and its Patroni; the replica takes over when the lease has run out."
    }

    fn system(&self) -> Option<&'static str> {
        Some("database/aia_production")
    }

    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String> {
        Box::pin(async move {
            let leader = patroni::leader(bed).await?;
            // Patroni first, or it would start its server again within seconds.
            if let Some(patroni) = leader.patroni(bed.layout()) {
                patroni.kill().await?;
            }
            if let Some(server) = leader.server(bed.layout()) {
                server.kill().await?;
            }
            Ok(leader.name().to_owned())
        })
    }

    fn mend<'a>(&'a self, bed: &'a Bed, hit: &'a str) -> Step<'a, ()> {
        Box::pin(async move {
            let member = Member::of_name(hit).ok_or_else(|| unknown_hit(hit))?;
            if member.patroni(bed.layout()).is_none() {
                patroni::start(bed, member)?;
            }
            patroni::whole(bed).await
        })
    }
}
