//! The replica receives but no longer replays, so what it shows grows old.
//!
//! `pg_wal_replay_pause()` would not last: Patroni resumes a replay that it finds paused within a second. So the process that
//! replays is stopped instead, as a disk that hangs would stop it.

use super::{Fault, Step, unknown_hit};
use crate::{
    bed::Bed,
    error::{Of, Result},
    parts::patroni::{self, Member},
    process::Process,
};

pub(super) struct PauseReplay;

impl Fault for PauseReplay {
    fn name(&self) -> &'static str {
        "pause-replay"
    }

    fn summary(&self) -> &'static str {
        "Stops replay on the replica: it still receives and answers, and falls behind."
    }

    fn system(&self) -> Option<&'static str> {
        Some("database/aia_production")
    }

    fn strike<'a>(&'a self, bed: &'a Bed) -> Step<'a, String> {
        Box::pin(async move {
            let replica = patroni::replica(bed).await?;
            replayer(bed, replica).await?.iter().try_for_each(Process::freeze)?;
            Ok(replica.name().to_owned())
        })
    }

    fn mend<'a>(&'a self, bed: &'a Bed, hit: &'a str) -> Step<'a, ()> {
        Box::pin(async move {
            let member = Member::of_name(hit).ok_or_else(|| unknown_hit(hit))?;
            replayer(bed, member).await?.iter().try_for_each(Process::thaw)?;
            patroni::whole(bed).await
        })
    }
}

/// The process that replays; a member that leads by now has none.
async fn replayer(bed: &Bed, member: Member) -> Result<Option<Process>> {
    let mut connection = member.superuser(bed, "postgres").await?;
    let pid: Option<i32> = sqlx::query_scalar("select pid from pg_stat_activity where backend_type = 'startup'")
        .fetch_optional(&mut connection)
        .await
        .of("PostgreSQL")?;
    Ok(pid.and_then(|pid| Process::adopt(bed.layout(), "replay", pid.unsigned_abs())))
}
