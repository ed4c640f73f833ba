//! What stands beside a dump: enough to tell what it is, whether it is whole, and how it came to be, without the console that made it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::adapters::one_line;

/// What names the format.
pub const FORMAT: &str = "quarterdeck-backup";
/// The version that is written. A reader takes this one and says so of any other.
pub const VERSION: u32 = 1;
/// The largest manifest that is read, in bytes.
pub(super) const LARGEST: u64 = 64 * 1024;
/// The clocks of two consoles may differ by so much; a backup from further ahead is not believed.
const AHEAD: TimeDelta = TimeDelta::minutes(10);

/// A backup, by its own word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The database's name in the estate.
    pub database: String,
    /// "pg_dump".
    pub engine: String,
    /// "custom": `pg_restore` reads it.
    pub archive: String,
    /// The dump's whole name in the store.
    pub object: String,
    /// When the dump began: what it restores to.
    pub begun_at: DateTime<Utc>,
    /// When its last byte was there.
    pub ended_at: DateTime<Utc>,
    /// How long the dump took, in seconds.
    pub dump_seconds: f64,
    /// The run that made it, by the text that no other run has.
    pub run: String,
    /// Who asked for it.
    pub by: String,
    /// The server's version ("15.6").
    pub server_version: String,
    /// The version of `pg_dump` ("15.6").
    pub dumped_with: String,
    /// The member that was dumped, as the estate names it.
    pub member: String,
    /// "leader" or "replica".
    pub role: String,
    /// The database's name at the server.
    pub server_database: String,
    /// Its size at the server, in bytes.
    pub database_bytes: u64,
    /// The dump's size, in bytes.
    pub bytes: u64,
    /// SHA-256 of the dump as it left `pg_dump`, in hex.
    pub sha256: String,
    /// When the dump had been read back from the store, compared and decoded to its end.
    pub proven_at: DateTime<Utc>,
    /// How many objects the archive defines.
    pub objects: u64,
    /// How many tables it has data of.
    pub tables: u64,
}

/// What a later verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// [`FORMAT`] with `-verification`.
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The dump's whole name in the store.
    pub object: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The run that looked.
    pub run: String,
    /// Who asked for it.
    pub by: String,
    /// What was found.
    pub verdict: Verdict,
    /// In a sentence.
    pub what: String,
}

/// What a verification found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Size and checksum are the manifest's, and the archive decodes to its end.
    Good,
    /// It is not what was written.
    Spoilt,
}

/// Why a manifest is not believed; follows "the manifest".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Distrust(pub String);

/// The head that every version has.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    format: String,
    #[serde(default)]
    version: u32,
}

impl Manifest {
    /// Reads a manifest and checks it against what the store says of the dump beside it: `object` with its size, if there is one.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn read(bytes: &[u8], database: &str, object: &str, in_store: Option<u64>, now: DateTime<Utc>) -> Result<Self, Distrust> {
        let distrust = |why: String| Err(Distrust(why));
        let head: Head = match serde_json::from_slice(bytes) {
            Ok(head) => head,
            Err(_) => return distrust("is no JSON that says what it is".into()),
        };
        if head.format != FORMAT {
            return distrust("was not written by this console: it does not name the format".into());
        }
        if head.version != VERSION {
            return distrust(format!("has format version {}, and this console reads version {VERSION}", head.version));
        }
        let manifest: Self = match serde_json::from_slice(bytes) {
            Ok(manifest) => manifest,
            Err(error) => return distrust(format!("lacks something: {}", one_line(&error.to_string()))),
        };
        if manifest.database != database {
            return distrust(format!("is of another database, {}", one_line(&manifest.database)));
        }
        if manifest.object != object {
            return distrust("speaks of another object than the one beside it".into());
        }
        if manifest.engine != "pg_dump" || manifest.archive != "custom" {
            return distrust("names an engine or an archive that this console does not read".into());
        }
        if manifest.sha256.len() != 64 || !manifest.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return distrust("has no SHA-256 in hex".into());
        }
        if manifest.begun_at > manifest.ended_at || manifest.begun_at > now + AHEAD {
            return distrust("has times that cannot be".into());
        }
        if !(manifest.dump_seconds.is_finite() && manifest.dump_seconds >= 0.0) {
            return distrust("has a duration that cannot be".into());
        }
        match in_store {
            None => distrust("has no dump beside it".into()),
            Some(size) if size != manifest.bytes => distrust(format!("says {} bytes, and the dump beside it has {size}", manifest.bytes)),
            Some(_) => Ok(manifest.shown()),
        }
    }

    /// Foreign texts as they may be shown.
    fn shown(mut self) -> Self {
        for text in [
            &mut self.run,
            &mut self.by,
            &mut self.server_version,
            &mut self.dumped_with,
            &mut self.member,
            &mut self.role,
            &mut self.server_database,
        ] {
            *text = one_line(text);
        }
        self
    }

    /// The number of the run that made it, where its text begins with one.
    #[must_use]
    pub fn run_number(&self) -> Option<i64> {
        number(&self.run)
    }
}

impl Verification {
    /// The format's name.
    pub const FORMAT: &'static str = "quarterdeck-backup-verification";

    /// Reads what was found; none where it is none that this console wrote for `object`.
    #[must_use]
    pub fn read(bytes: &[u8], object: &str, now: DateTime<Utc>) -> Option<Self> {
        let mut found: Self = serde_json::from_slice(bytes).ok()?;
        let sound = found.format == Self::FORMAT && found.version == VERSION && found.object == object && found.at <= now + AHEAD;
        for text in [&mut found.run, &mut found.by, &mut found.what] {
            *text = one_line(text);
        }
        sound.then_some(found)
    }

    /// The number of the run that looked.
    #[must_use]
    pub fn run_number(&self) -> Option<i64> {
        number(&self.run)
    }
}

fn number(run: &str) -> Option<i64> {
    run.split('-').next()?.parse().ok().filter(|number| *number > 0)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::adapters::backups) fn sample(object: &str, at: DateTime<Utc>) -> Manifest {
        Manifest {
            format: FORMAT.into(),
            version: VERSION,
            database: "shop".into(),
            engine: "pg_dump".into(),
            archive: "custom".into(),
            object: object.into(),
            begun_at: at,
            ended_at: at + TimeDelta::seconds(4),
            dump_seconds: 4.0,
            run: "12-abc".into(),
            by: "olga".into(),
            server_version: "15.6".into(),
            dumped_with: "15.6".into(),
            member: "db1:5432".into(),
            role: "replica".into(),
            server_database: "shop".into(),
            database_bytes: 2_000,
            bytes: 1_000,
            sha256: "ab".repeat(32),
            proven_at: at + TimeDelta::seconds(9),
            objects: 9,
            tables: 3,
        }
    }

    #[test]
    fn a_manifest_is_believed_only_as_a_whole() {
        let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let good = sample("shop/a.dump", now);
        let read = |manifest: &serde_json::Value, size| Manifest::read(manifest.to_string().as_bytes(), "shop", "shop/a.dump", size, now);
        let json = serde_json::to_value(&good).unwrap();
        assert_eq!(read(&json, Some(1_000)).as_ref(), Ok(&good));
        assert_eq!(good.run_number(), Some(12));
        let with = |field: &str, value: serde_json::Value| {
            let mut json = json.clone();
            json[field] = value;
            json
        };
        for (manifest, size, says) in [
            (json.clone(), Some(999), "says 1000 bytes, and the dump beside it has 999"),
            (json.clone(), None, "no dump beside it"),
            (with("version", 2.into()), Some(1_000), "format version 2"),
            (with("version", 0.into()), Some(1_000), "format version 0"),
            (with("format", "pgbackrest".into()), Some(1_000), "does not name the format"),
            (with("database", "other\u{1b}[31m".into()), Some(1_000), "another database, other [31m"),
            (with("object", "shop/b.dump".into()), Some(1_000), "another object"),
            (with("sha256", "AB".repeat(32).into()), Some(1_000), "no SHA-256"),
            (with("begun_at", "2099-01-01T00:00:00Z".into()), Some(1_000), "times that cannot be"),
            (with("bytes", (-1).into()), Some(1_000), "lacks something"),
            (with("archive", "plain".into()), Some(1_000), "does not read"),
            (serde_json::json!([1]), Some(1_000), "is no JSON that says what it is"),
        ] {
            let why = read(&manifest, size).expect_err(says).to_string();
            assert!(why.contains(says), "{why}");
        }
        assert!(Manifest::read(b"\xff\xfe", "shop", "shop/a.dump", Some(1), now).is_err());
    }

    #[test]
    fn a_verification_counts_for_its_own_dump_alone() {
        let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let found = Verification {
            format: Verification::FORMAT.into(),
            version: VERSION,
            object: "shop/a.dump".into(),
            at: now,
            run: "13-x".into(),
            by: "olga".into(),
            verdict: Verdict::Spoilt,
            what: "the checksum differs".into(),
        };
        let bytes = serde_json::to_vec(&found).unwrap();
        assert_eq!(Verification::read(&bytes, "shop/a.dump", now), Some(found));
        assert_eq!(Verification::read(&bytes, "shop/b.dump", now), None);
        assert_eq!(Verification::read(&bytes, "shop/a.dump", now - TimeDelta::days(1)), None);
        assert_eq!(Verification::read(b"{}", "shop/a.dump", now), None);
    }
}
