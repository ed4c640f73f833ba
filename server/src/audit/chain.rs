//! How one event is bound to the one before it.
//!
//! The hash is SHA-256 over the columns in this order, each as a four-byte big-endian length and its bytes: format (two bytes, big-endian),
//! seq (eight), at in microseconds since 1970 (eight), actor, kind, run (eight), target, detail, prev_hash. A column that is null is the
//! length `0xFFFFFFFF` and no bytes, so that *absent* and *empty* differ. A change of this recipe takes a new [`FORMAT`]; old rows keep theirs.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

/// The recipe that new events are hashed by.
pub const FORMAT: i16 = 1;

/// What the first event names as the one before it.
pub const NO_HASH: [u8; 32] = [0; 32];

/// Every column that is hashed, as it stands in the table.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// The recipe.
    pub format: i16,
    /// Its place, from 1.
    pub seq: i64,
    /// When, by the store's clock; whole microseconds.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: &'a str,
    /// What kind.
    pub kind: &'a str,
    /// The run that it belongs to.
    pub run: Option<i64>,
    /// What it was about.
    pub target: Option<&'a str>,
    /// Canonical JSON.
    pub detail: &'a str,
    /// The hash of the event before.
    pub prev_hash: &'a [u8],
}

impl Link<'_> {
    /// The hash of this event.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut column = |bytes: Option<&[u8]>| match bytes {
            // A column longer than 4 GiB does not fit into the table.
            Some(bytes) => {
                hash.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX - 1).to_be_bytes());
                hash.update(bytes);
            }
            None => hash.update(u32::MAX.to_be_bytes()),
        };
        column(Some(&self.format.to_be_bytes()));
        column(Some(&self.seq.to_be_bytes()));
        column(Some(&self.at.timestamp_micros().to_be_bytes()));
        column(Some(self.actor.as_bytes()));
        column(Some(self.kind.as_bytes()));
        column(self.run.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
        column(self.target.map(str::as_bytes));
        column(Some(self.detail.as_bytes()));
        column(Some(self.prev_hash));
        hash.finalize().into()
    }
}

/// One event as it stands in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The recipe of its hash.
    pub format: i16,
    /// Its place, from 1.
    pub seq: i64,
    /// When, by the store's clock.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// What kind, as a word.
    pub kind: String,
    /// The run that it belongs to.
    pub run: Option<i64>,
    /// What it was about.
    pub target: Option<String>,
    /// Canonical JSON.
    pub detail: String,
    /// The hash of the event before.
    pub prev_hash: Vec<u8>,
    /// Its own hash, as stored.
    pub hash: Vec<u8>,
}

impl Sealed {
    /// The columns that its hash is made of.
    #[must_use]
    pub fn link(&self) -> Link<'_> {
        Link {
            format: self.format,
            seq: self.seq,
            at: self.at,
            actor: &self.actor,
            kind: &self.kind,
            run: self.run,
            target: self.target.as_deref(),
            detail: &self.detail,
            prev_hash: &self.prev_hash,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link<'static> {
        Link {
            format: FORMAT,
            seq: 7,
            at: DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap_or_default(),
            actor: "anna",
            kind: "requested",
            run: Some(3),
            target: Some("database/main"),
            detail: "{}",
            prev_hash: &NO_HASH,
        }
    }

    /// Pinned: verifiers outside this program rely on the recipe.
    #[test]
    fn the_recipe_does_not_move() {
        assert_eq!(hex::encode(link().hash()), "ef6bd8569e2ba6cd8190f11942d22378d29b99cde3a7e18e46bd93e85e82d255");
    }

    #[test]
    fn what_moves_between_columns_changes_the_hash() {
        let whole = Link { actor: "ann", kind: "arequested", ..link() };
        assert_ne!(whole.hash(), link().hash());
    }

    #[test]
    fn absent_and_empty_differ() {
        assert_ne!(Link { target: None, ..link() }.hash(), Link { target: Some(""), ..link() }.hash());
    }
}
