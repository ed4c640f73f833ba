//! What the objects of a backup are called.

use chrono::{DateTime, Utc};

/// How a dump's name ends.
pub(super) const DUMP: &str = ".dump";
/// How a manifest's name ends.
pub(super) const MANIFEST: &str = ".json";
/// How the name of what a verification found ends. It ends like a manifest's, and is none.
pub(super) const VERIFIED: &str = ".verified.json";
/// The longest name within the folder: what a file system takes.
const LONGEST: usize = 200;

/// The names of one backup's objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    stem: String,
}

impl Names {
    /// The names of a backup that begins now. `run` is the text that no other run has; the moment stands first, so that names sort by age.
    #[must_use]
    pub fn of_run(database: &str, at: DateTime<Utc>, run: &str) -> Self {
        Self { stem: format!("{}{}-run-{run}", folder(database), at.format("%Y%m%dT%H%M%SZ")) }
    }

    /// The names beside a dump; none when it is not called like a dump.
    #[must_use]
    pub fn beside(dump: &str) -> Option<Self> {
        dump.strip_suffix(DUMP).map(|stem| Self { stem: stem.to_owned() })
    }

    /// The dump.
    #[must_use]
    pub fn dump(&self) -> String {
        format!("{}{DUMP}", self.stem)
    }

    /// The manifest beside it.
    #[must_use]
    pub fn manifest(&self) -> String {
        format!("{}{MANIFEST}", self.stem)
    }

    /// What the last verification found.
    #[must_use]
    pub fn verification(&self) -> String {
        format!("{}{VERIFIED}", self.stem)
    }
}

/// What the names of a database's backups begin with.
pub(super) fn folder(database: &str) -> String {
    format!("{database}/")
}

/// Whether a name in the folder is one that this console would give: others are counted, not opened.
pub(super) fn is_plain(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_backup_stand_side_by_side_and_sort_by_age() {
        let at = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let names = Names::of_run("shop", at, "12-ab");
        assert_eq!(names.dump(), "shop/20261118T110640Z-run-12-ab.dump");
        assert_eq!(Names::beside(&names.dump()), Some(names.clone()));
        assert_eq!(names.manifest(), "shop/20261118T110640Z-run-12-ab.json");
        assert_eq!(Names::beside("shop/x.json"), None);
        assert!(Names::of_run("shop", at + chrono::TimeDelta::days(40), "1-a").dump() > names.dump());
    }

    #[test]
    fn an_odd_name_is_not_opened() {
        for odd in ["", ".", "..", ".hidden", "a/b", "a b", "a\nb", "<script>.json", "\u{202e}nosj.", &"x".repeat(201)] {
            assert!(!is_plain(odd), "{odd:?}");
        }
        assert!(is_plain("20261118T110640Z-run-12-ab.dump"));
    }
}
