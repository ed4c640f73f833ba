//! The machine of the replica stands still: connections stay open and nothing answers.

use super::{Fault, Step, unknown_hit};
use crate::{
    bed::Bed,
    parts::patroni::{self, Member},
    process::{Process, children_of},
};

pub(super) struct FreezeReplica;

impl Fault for FreezeReplica {
    fn name(&self) -> &'static str {
        "freeze-replica"
    }

    fn summary(&self) -> &'static str {
        "Freezes the replica, its database server and its Patroni: connections stay open, nothing answers."
    }

    fn system(&self) -> Option<&'static str> {
        Some("database/aia_production")
    }

    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String> {
        Box::pin(async move {
            let replica = patroni::replica(bed).await?;
            // The server before its children, so that it starts no new ones meanwhile.
            for process in processes(bed, replica) {
                process.freeze()?;
            }
            for child in server_children(bed, replica) {
                child.freeze()?;
            }
            Ok(replica.name().to_owned())
        })
    }

    fn mend<'a>(&'a self, bed: &'a Bed, hit: &'a str) -> Step<'a, ()> {
        Box::pin(async move {
            let member = Member::of_name(hit).ok_or_else(|| unknown_hit(hit))?;
            for process in server_children(bed, member).into_iter().chain(processes(bed, member)) {
                process.thaw()?;
            }
            patroni::whole(bed).await
        })
    }
}

fn processes(bed: &Bed, member: Member) -> Vec<Process> {
    member.patroni(bed.layout()).into_iter().chain(member.server(bed.layout())).collect()
}

fn server_children(bed: &Bed, member: Member) -> Vec<Process> {
    member.server(bed.layout()).map(|server| children_of(bed.layout(), &server)).unwrap_or_default()
}
