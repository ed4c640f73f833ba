//! What the actions on backups share: finding the database's store and programs, and proving a dump by reading it to its end. No action itself.

use std::time::Duration;

use app::model::{Check, CheckOutcome, SystemId, Value};
use futures::TryStreamExt;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::{ActCtx, ActionError, RunCtx, check};
use crate::{
    adapters::{
        backups::Backups,
        object_store::{ObjectStore, StoreFault},
        pg_client::{Decoded, PgClient, Programs, Undone},
        postgres::Postgres,
    },
    config::{self, Database},
};

/// How often a step says how far it is; the executor writes it down twice a second.
pub(super) const SAY: Duration = Duration::from_millis(500);

/// A step that streams is given up after so long, in seconds: beyond it the next day's backup is due.
pub(super) const STREAM_LIMIT_S: u64 = 20 * 3_600;

/// A step that writes a small object is given up after so long, in seconds.
pub(super) const WRITE_LIMIT_S: u64 = 60;

/// The backups that an action is done to.
pub(super) struct Target<'a> {
    pub name: &'a str,
    pub database: &'a Database,
    pub backup: &'a config::Backup,
    pub backups: &'a Backups,
    pub members: &'a Postgres,
    pub dumped: &'a Postgres,
}

impl<'a> Target<'a> {
    /// The target of an action.
    pub(super) fn of(ctx: &'a ActCtx, system: &'a SystemId) -> Result<Self, ActionError> {
        let name = system.name();
        let found = || {
            Some(Self {
                name,
                database: ctx.estate.databases.get(name)?,
                backup: ctx.estate.backups.get(name)?,
                backups: ctx.adapters.backups.get(name)?,
                members: ctx.adapters.postgres.get(name)?,
                dumped: ctx.adapters.dumped.get(name)?,
            })
        };
        found().ok_or_else(|| ActionError::Refused(format!("The estate file names no backups of {name}: add it under `backups`")))
    }

    pub(super) fn store(&self) -> &'a ObjectStore {
        self.backups.store()
    }

    /// The programs, found and asked for their versions.
    pub(super) async fn programs(&self) -> Result<Programs, String> {
        PgClient::new(self.backup.programs.as_deref()).programs().await
    }
}

/// "the object store main (aia-backups at s3.example.org) has no space left (…)".
pub(super) fn said(store: &ObjectStore, fault: &StoreFault) -> String {
    format!("the object store {} ({}) {fault}", store.name(), store.place())
}

/// The check that the store answers.
pub(super) fn store_check(store: &ObjectStore, answer: &Result<impl Sized, StoreFault>, good: String) -> Check {
    let title = format!("The object store {} answers", store.name());
    match answer {
        Ok(_) => check("store-answers", title, CheckOutcome::Pass, good),
        Err(fault @ StoreFault::Unanswered(_)) => {
            check("store-answers", title, CheckOutcome::Unknown, format!("{} {fault}: {}", store.place(), fault.remedy()))
        }
        Err(fault) => check("store-answers", title, CheckOutcome::Fail, format!("{} {fault}: {}", store.place(), fault.remedy())),
    }
}

/// The check that the programs are there and not older than what they read: whose version that is, and its first number.
pub(super) fn programs_check(programs: &Result<Programs, String>, read: Option<(&str, u32)>) -> Check {
    let title = "pg_dump and pg_restore are there and new enough";
    match (programs, read) {
        (Err(why), _) => check("programs", title, CheckOutcome::Fail, why.clone()),
        (Ok(programs), Some((whose, major))) if programs.major < major || programs.restore_major < major => {
            let value = format!(
                "pg_dump is version {}, {whose} {major}: install PostgreSQL's client programs of version {major} or later",
                programs.version
            );
            check("programs", title, CheckOutcome::Fail, value)
        }
        (Ok(programs), _) => check("programs", title, CheckOutcome::Pass, format!("version {}", programs.version)),
    }
}

/// How much has passed, and how fast.
pub(super) struct Pace {
    began: Instant,
    pub bytes: u64,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), bytes: 0 }
    }

    pub(super) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// "412 MB, 61 MB/s".
    pub(super) fn words(&self) -> String {
        pace(self.bytes, self.seconds())
    }
}

/// So many bytes in so many seconds, in words.
pub(super) fn pace(bytes: u64, seconds: f64) -> String {
    let rate = if seconds > 0.0 { bytes as f64 / seconds } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is not negative and shown with three digits")]
    let rate = Value::Bytes(rate as u64).text();
    format!("{}, {rate}/s", Value::Bytes(bytes).text())
}

/// A dump that was read to its end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Proof {
    pub bytes: u64,
    pub sha256: String,
    pub decoded: Decoded,
    pub seconds: f64,
}

/// Why a dump is not proven.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Unproven {
    /// The store did not give it; nothing is known against it.
    NotRead(StoreFault),
    /// The proof could not be made here; nothing is known against it.
    NotMade(String),
    /// It is not what was written: a sentence's end.
    Spoilt(String),
    /// The run was asked to stop.
    Stopped,
}

/// What a dump should be.
pub(super) struct Expected<'a> {
    pub bytes: u64,
    pub sha256: &'a str,
    /// Whether these very bytes were decoded to their end before: then it is not for them when they are not now.
    pub once_decoded: bool,
}

/// Reads a dump from the store to its end, compares size and checksum, and decodes the whole archive on the way.
pub(super) async fn prove(ctx: &RunCtx<'_>, target: &Target<'_>, object: &str, expected: &Expected<'_>) -> Result<Proof, Unproven> {
    let programs = target.programs().await.map_err(Unproven::NotMade)?;
    let mut decoding = programs.decode().map_err(Unproven::NotMade)?;
    let (size, mut content) = target.store().read(object).await.map_err(|fault| match fault {
        StoreFault::Missing => Unproven::Spoilt("it is not in the store any more".to_owned()),
        fault => Unproven::NotRead(fault),
    })?;
    let mut pace = Pace::new();
    let mut hash = Sha256::new();
    let mut decodes = true;
    let mut told = Instant::now();
    loop {
        let chunk = match content.try_next().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(fault) => return Err(Unproven::NotRead(fault)),
        };
        hash.update(&chunk);
        pace.bytes += chunk.len() as u64;
        // An archive that ends early is read on all the same: whether the checksum is right says where the fault lies.
        decodes = decodes && decoding.write(&chunk).await;
        if told.elapsed() >= SAY {
            told = Instant::now();
            ctx.progress.report(format!("reads it back: {}", pace.words()), Some((pace.bytes, size.max(expected.bytes))));
        }
        if ctx.progress.cancelled() {
            return Err(Unproven::Stopped);
        }
    }
    let sha256 = hex::encode(hash.finalize());
    let decoded = decoding.finish().await;
    if pace.bytes != expected.bytes {
        return Err(Unproven::Spoilt(format!("it has {} bytes where {} were written", pace.bytes, expected.bytes)));
    }
    if sha256 != expected.sha256 {
        return Err(Unproven::Spoilt(format!("its SHA-256 is {}… where {}… was written", &sha256[..12], short(expected.sha256))));
    }
    let decoded = decoded_whole(decoded, decodes, expected.once_decoded)?;
    Ok(Proof { bytes: pace.bytes, sha256, decoded, seconds: pace.seconds() })
}

/// What the program that decodes came to, of a dump whose size and checksum are right. `decodes` is whether it took every byte.
fn decoded_whole(decoded: Result<Decoded, Undone>, decodes: bool, once_decoded: bool) -> Result<Decoded, Unproven> {
    let why = match decoded {
        Ok(decoded) if decodes => return Ok(decoded),
        Ok(_) => "its archive ends before its last byte".to_owned(),
        Err(Undone::Hindered(why)) => return Err(Unproven::NotMade(format!("it could not be decoded here: {why}"))),
        Err(Undone::Failed(why)) => format!("it does not decode to its end: {why}"),
    };
    Err(if once_decoded {
        Unproven::NotMade(format!("{why}; but size and checksum are those with which it was decoded when it was made"))
    } else {
        Unproven::Spoilt(why)
    })
}

fn short(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}

/// `4 objects`, `1 object`.
pub(super) fn counted(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_has_its_size_and_its_speed() {
        assert_eq!(pace(412_000_000, 6.75), "412 MB, 61 MB/s");
        assert_eq!(pace(0, 0.0), "0 B, 0 B/s");
    }

    #[test]
    fn programs_must_not_be_older_than_the_server() {
        let none: Result<Programs, String> = Err("pg_dump is not found".into());
        assert!(programs_check(&none, Some(("the server's is", 15))).forbids());
    }

    #[test]
    fn a_dump_is_spoilt_only_by_what_is_found_in_it() {
        let whole = Decoded { objects: 2, tables: 1 };
        let failed = || Err(Undone::Failed("pg_restore failed with code 1: unexpected end of file".into()));
        let killed = || Err(Undone::Hindered("pg_restore was ended by signal 9: it gave no reason".into()));
        assert_eq!(decoded_whole(Ok(whole), true, false), Ok(whole));
        assert!(matches!(decoded_whole(failed(), false, false), Err(Unproven::Spoilt(_))));
        assert!(matches!(decoded_whole(Ok(whole), false, false), Err(Unproven::Spoilt(_))));
        // A good dump is not removed because the kernel killed the program.
        assert!(matches!(decoded_whole(killed(), false, false), Err(Unproven::NotMade(why)) if why.contains("signal 9")));
        // What decoded once and has not changed is not spoilt, whatever the program says.
        assert!(matches!(decoded_whole(failed(), true, true), Err(Unproven::NotMade(_))));
        assert!(matches!(decoded_whole(Ok(whole), false, true), Err(Unproven::NotMade(_))));
    }
}
