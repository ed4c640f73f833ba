//! The dump on its way into the store: part by part, never whole in memory, and nothing of it left behind when it is given up.
//!
//! What must be known after a crash is kept before it is needed: the object's name before the upload is opened, the upload's id before its first
//! part, what the parts are called before they are put together.

use std::{collections::BTreeMap, pin::pin, time::Duration};

use app::model::Value;
use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::{
    kept::{self, Dumped, Kept},
    source::{self, Chosen, candidates},
};
use crate::{
    actions::{
        ActionError, Observation, RunCtx,
        backup::{Pace, SAY, Target, pace as pace_of, said},
    },
    adapters::{
        backups::Names,
        object_store::{COMPLETION, StoreFault},
        pg_client::{Programs, Source},
    },
};

/// The smallest part: Amazon asks for 5 MiB; three of these are in memory at once.
const PART: usize = 8 << 20;
/// Of parts that are larger than this, one is on its way while the next is filled.
const LARGE: usize = 64 << 20;
/// The most parts that one upload may have.
const PARTS: usize = 10_000;
/// So many parts are on their way at once.
const IN_FLIGHT: usize = 2;
/// How often the store is asked whether it has put the parts together.
const LOOK: Duration = Duration::from_secs(2);

/// How large a part is for a database of that size, in whole MiB: large enough that a dump half as large again as its database on disk has not too
/// many. It is compressed and leaves indexes out; what was compressed in the database already may come out somewhat larger.
fn part_size(database_bytes: u64) -> usize {
    let most = usize::try_from(database_bytes.saturating_add(database_bytes / 2)).unwrap_or(usize::MAX);
    most.div_ceil(PARTS).clamp(PART, 1 << 30).next_multiple_of(1 << 20)
}

/// How many parts of that size are on their way at once.
const fn in_flight(size: usize) -> usize {
    if size > LARGE { 1 } else { IN_FLIGHT }
}

/// Why a dump ended before its end.
enum Broken {
    /// The run was asked to stop.
    Stopped,
    /// `pg_dump` did not do it.
    Dump(String),
    /// The store did not take it.
    Store(StoreFault),
}

/// Dumps into the store, from the beginning or from wherever the executor before was lost.
pub(super) async fn dump(ctx: &RunCtx<'_>, target: &Target<'_>) -> Result<String, ActionError> {
    let store = target.store();
    let kept = Kept::of(ctx.notes).await?;
    if let (Some(object), Some(upload), Some(dumped)) = (&kept.object, &kept.upload, kept.dumped.clone()) {
        // Everything had arrived. Putting the same parts together again makes the same object.
        let parts = kept::parts(ctx.notes, dumped.part_notes).await?;
        return complete(ctx, target, object, upload, &parts, &dumped).await;
    }
    if let (Some(object), Some(upload)) = (&kept.object, &kept.upload) {
        ctx.progress.line("The console that began the dump is gone; its upload is given up, and the dump begins again.".to_owned());
        store.abort(object, upload).await.map_err(|fault| ActionError::Unknown(left(target, upload, &fault)))?;
    }
    let programs = target.programs().await.map_err(ActionError::NotDone)?;
    let chosen = source::choose(&candidates(target).await, target.backup.from, &target.database.limits).map_err(ActionError::NotDone)?;
    let begun_at = ctx.act.clock.now().wall;
    let object = kept.object.unwrap_or_else(|| Names::of_run(target.name, begun_at, ctx.run).dump());
    ctx.notes.keep(kept::OBJECT, &object).await?;
    let upload = store.open_upload(&object).await.map_err(|fault| ActionError::NotDone(not_taken(target, &fault, 0)))?;
    if let Err(err) = ctx.notes.keep(kept::UPLOAD, &upload).await {
        return Err(give_up(ctx, target, &object, &upload, err.to_string()).await);
    }
    ctx.progress.line(format!("Dumps {} {}, version {}, to {object}", chosen.role, chosen.at, chosen.version));
    if let Some(why) = &chosen.instead {
        ctx.progress.line(format!("No replica is dumped, since {why}"));
    }
    let mut pace = Pace::new();
    let streamed = stream(ctx, target, &programs, &chosen, &object, &upload, &mut pace).await;
    let (parts, sha256) = match streamed {
        Ok(done) => done,
        Err(Broken::Stopped) => return Err(give_up(ctx, target, &object, &upload, format!("stopped after {}", pace.words())).await),
        Err(Broken::Dump(why)) => return Err(give_up(ctx, target, &object, &upload, format!("{why} (after {})", pace.words())).await),
        Err(Broken::Store(fault)) => {
            let why = not_taken(target, &fault, pace.bytes);
            return Err(give_up(ctx, target, &object, &upload, why).await);
        }
    };
    let kept = async {
        let part_notes = kept::keep_parts(ctx.notes, &parts).await?;
        let dumped = Dumped {
            begun_at,
            ended_at: ctx.act.clock.now().wall,
            seconds: pace.seconds(),
            bytes: pace.bytes,
            sha256,
            part_notes,
            server_version: chosen.version.clone(),
            dumped_with: programs.version.clone(),
            member: chosen.at.to_string(),
            role: chosen.role.to_owned(),
            database_bytes: chosen.bytes,
        };
        kept::keep(ctx.notes, kept::DUMPED, &dumped).await?;
        Ok::<_, ActionError>(dumped)
    };
    match kept.await {
        Ok(dumped) => complete(ctx, target, &object, &upload, &parts, &dumped).await,
        Err(err) => Err(give_up(ctx, target, &object, &upload, err.to_string()).await),
    }
}

/// Streams `pg_dump` into parts; what they are called, and the SHA-256 of all of them.
async fn stream(
    ctx: &RunCtx<'_>,
    target: &Target<'_>,
    programs: &Programs,
    chosen: &Chosen,
    object: &str,
    upload: &str,
    pace: &mut Pace,
) -> Result<(Vec<String>, String), Broken> {
    let login = target.database.backup.as_ref().ok_or_else(|| Broken::Dump("no role to dump with is configured".to_owned()))?;
    let source = Source { at: &chosen.at, database: &target.database.database, login };
    let mut dumping = programs.dump(&source).map_err(Broken::Dump)?;
    let size = part_size(chosen.bytes);
    let mut sending = Sending { ctx, target, object, upload, flying: FuturesUnordered::new(), arrived: BTreeMap::new(), bytes: 0 };
    let mut hash = Sha256::new();
    for no in 0..PARTS {
        let part = sending.while_flying(pace, dumping.part(size)).await?.map_err(Broken::Dump)?;
        let is_last = part.len() < size;
        hash.update(&part);
        pace.bytes += part.len() as u64;
        // A dump whose end falls between two parts ends with an empty one, which is not sent.
        if no == 0 || !part.is_empty() {
            sending.send(pace, no, part).await?;
        }
        if is_last {
            // Only a program that ended well has written everything.
            sending.while_flying(pace, dumping.finish()).await?.map_err(Broken::Dump)?;
            sending.all(pace).await?;
            return Ok((sending.arrived.into_values().collect(), hex::encode(hash.finalize())));
        }
    }
    Err(Broken::Dump(format!("it has more than {PARTS} parts of {size} bytes")))
}

/// A part that arrived, or did not: its number, its size, and what the store calls it.
type Arrived = (usize, usize, Result<String, StoreFault>);

/// Parts on their way.
struct Sending<'a> {
    ctx: &'a RunCtx<'a>,
    target: &'a Target<'a>,
    object: &'a str,
    upload: &'a str,
    flying: FuturesUnordered<BoxFuture<'a, Arrived>>,
    arrived: BTreeMap<usize, String>,
    bytes: u64,
}

impl Sending<'_> {
    /// Waits for something while the parts arrive; says how far it is, and ends when the run was asked to stop or a part does not arrive.
    async fn while_flying<T>(&mut self, pace: &Pace, wanted: impl Future<Output = T>) -> Result<T, Broken> {
        let mut wanted = pin!(wanted);
        let mut tick = interval(SAY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(arrived) = self.flying.next(), if !self.flying.is_empty() => self.arrived(arrived)?,
                got = &mut wanted => return Ok(got),
                _ = tick.tick() => self.say(pace)?,
            }
        }
    }

    /// Sends a part; waits first while too many are on their way, so that no more than those are in memory.
    async fn send(&mut self, pace: &Pace, no: usize, part: Bytes) -> Result<(), Broken> {
        self.fewer_than(pace, in_flight(part.len())).await?;
        let (store, object, upload, size) = (self.target.store(), self.object, self.upload, part.len());
        self.flying.push(Box::pin(async move { (no, size, store.put_part(object, upload, no, part).await) }));
        Ok(())
    }

    async fn all(&mut self, pace: &Pace) -> Result<(), Broken> {
        self.fewer_than(pace, 1).await
    }

    async fn fewer_than(&mut self, pace: &Pace, most: usize) -> Result<(), Broken> {
        let mut tick = interval(SAY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.flying.len() >= most {
            tokio::select! {
                Some(arrived) = self.flying.next() => self.arrived(arrived)?,
                _ = tick.tick() => self.say(pace)?,
            }
        }
        Ok(())
    }

    fn arrived(&mut self, (no, size, part): Arrived) -> Result<(), Broken> {
        self.arrived.insert(no, part.map_err(Broken::Store)?);
        self.bytes += size as u64;
        Ok(())
    }

    fn say(&self, pace: &Pace) -> Result<(), Broken> {
        self.ctx.progress.report(format!("dumps: {}", pace_of(self.bytes, pace.seconds())), None);
        if self.ctx.progress.cancelled() { Err(Broken::Stopped) } else { Ok(()) }
    }
}

/// Has the store put the parts together, and sees that the object is there. That takes minutes for gigabytes with some stores, and no answer may come:
/// so the object itself is looked for.
async fn complete(
    ctx: &RunCtx<'_>,
    target: &Target<'_>,
    object: &str,
    upload: &str,
    parts: &[String],
    dumped: &Dumped,
) -> Result<String, ActionError> {
    let store = target.store();
    let began = Instant::now();
    let done = || {
        let took = Value::Duration(dumped.seconds).text();
        let pace = pace_of(dumped.bytes, dumped.seconds);
        format!("Dumped in {took} ({pace}) from {} {} into {object}, in {} parts", dumped.role, dumped.member, parts.len())
    };
    let mut answer = {
        let mut asking = pin!(store.complete(object, upload, parts));
        let mut tick = interval(SAY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                answer = &mut asking => break answer,
                _ = tick.tick() => ctx.progress.report(format!("the store puts {} parts together", parts.len()), None),
            }
        }
    };
    loop {
        match store.head(object).await {
            Ok(Some(found)) if found.size == dumped.bytes => return Ok(done()),
            Ok(Some(found)) => {
                return Err(ActionError::Failed(format!(
                    "{object} has {} bytes in the store where {} were sent: another wrote it. It has no manifest and does not count as a backup",
                    found.size, dumped.bytes
                )));
            }
            Ok(None) => match &answer {
                // The upload is gone, or was never ours to finish: the store may be at it since an earlier try whose answer was lost.
                Ok(()) | Err(StoreFault::Missing | StoreFault::Denied(_)) => {}
                Err(fault) if fault.may_have_been_done() => {}
                Err(fault @ StoreFault::Unanswered(_)) => {
                    ctx.progress.report(format!("waits: {}", said(store, fault)), None);
                    answer = store.complete(object, upload, parts).await;
                }
                Err(fault) => {
                    let why = format!("the parts could not be put together: {}. {}", said(store, fault), fault.remedy());
                    return Err(give_up(ctx, target, object, upload, why).await);
                }
            },
            Err(fault) => ctx.progress.report(format!("waits: {}", said(store, &fault)), None),
        }
        if began.elapsed() > COMPLETION {
            let why = format!("the store has not put the parts together within {} min", COMPLETION.as_secs() / 60);
            if let Err(err) = ctx.notes.keep(kept::GIVEN_UP, "1").await {
                return Err(ActionError::Unknown(format!("{why}; {err}")));
            }
            return Err(give_up(ctx, target, object, upload, why).await);
        }
        sleep(LOOK).await;
    }
}

/// Gives an upload up: nothing of it stays in the store. Where that cannot be seen to, the ending is unknown, and the console goes on trying.
async fn give_up(ctx: &RunCtx<'_>, target: &Target<'_>, object: &str, upload: &str, why: String) -> ActionError {
    match target.store().abort(object, upload).await {
        Ok(()) => {
            // So that nobody looks for it again; that it is forgotten twice does no harm.
            let _forgotten = ctx.notes.keep(kept::UPLOAD, "").await;
            ActionError::NotDone(format!("{why}. The upload was given up: nothing is left in the store"))
        }
        Err(fault) => ActionError::Unknown(format!("{why}. {}", left(target, upload, &fault))),
    }
}

fn left(target: &Target<'_>, upload: &str, fault: &StoreFault) -> String {
    format!("The store is asked to drop upload {upload} with its parts until it answers ({})", said(target.store(), fault))
}

fn not_taken(target: &Target<'_>, fault: &StoreFault, sent: u64) -> String {
    let after = if sent == 0 { String::new() } else { format!(" after {}", Value::Bytes(sent).text()) };
    format!("{}{after}: {}", said(target.store(), fault), fault.remedy())
}

/// Whether the dump is in the store. Where it is not, what there is of it is given up, so that no part of ours is on its way or left behind.
pub(super) async fn observe(ctx: &RunCtx<'_>, target: &Target<'_>) -> Observation {
    match observed(ctx, target).await {
        Ok(seen) => seen,
        Err(why) => Observation::CannotTell(why),
    }
}

async fn observed(ctx: &RunCtx<'_>, target: &Target<'_>) -> Result<Observation, String> {
    let store = target.store();
    let kept = Kept::of(ctx.notes).await.map_err(|err| err.to_string())?;
    let Some(object) = &kept.object else { return Ok(Observation::NotApplied) };
    let found = store.head(object).await.map_err(|fault| said(store, &fault))?;
    match (&kept.upload, &kept.dumped, found) {
        (_, Some(dumped), Some(found)) if found.size == dumped.bytes => Ok(Observation::Applied),
        (_, _, Some(found)) => Ok(Observation::CannotTell(format!(
            "{object} is in the store with {} bytes, and this run does not remember to have written it: look at it, and remove it if it is of no use",
            found.size
        ))),
        (None, _, None) => Ok(Observation::NotApplied),
        // All parts had arrived: they are put together when the step is taken up, and not given up for want of an answer.
        (Some(_), Some(_), None) if !kept.given_up => Ok(Observation::NotApplied),
        (Some(upload), _, None) => {
            store.abort(object, upload).await.map_err(|fault| left(target, upload, &fault))?;
            ctx.notes.keep(kept::UPLOAD, "").await.map_err(|err| err.to_string())?;
            Ok(Observation::NotApplied)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_with_the_database_so_that_there_are_never_too_many() {
        assert_eq!(part_size(0), PART);
        assert_eq!(part_size(30_000_000_000), PART);
        assert_eq!((part_size(100_000_000_000) >> 20, in_flight(part_size(100_000_000_000))), (15, 2));
        assert_eq!((part_size(1_000_000_000_000) >> 20, in_flight(part_size(1_000_000_000_000))), (144, 1));
        for gigabytes in [50_u64, 83, 400, 3_000] {
            let bytes = gigabytes * 1_000_000_000;
            let parts = (bytes + bytes / 2).div_ceil(part_size(bytes) as u64);
            assert!(parts <= PARTS as u64, "{gigabytes} GB: {parts}");
        }
        assert!(part_size(u64::MAX) <= 1 << 30);
    }
}
