//! What is found for some words: pages, systems, runbooks, runs.

use super::{Health, RunState};

/// What an answer with found things holds, and no other page does: whoever puts it into a page asks for this first.
pub const FOUND: &str = " data-said=\"";

/// `/search`, and what stands in the palette.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The words as typed.
    pub words: String,
    /// What was found, by kind of thing; none of the groups is empty.
    pub groups: Vec<FoundGroup>,
    /// What could not be looked through, as sentences.
    pub notes: Vec<String>,
}

/// Things of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundGroup {
    /// "Systems".
    pub title: &'static str,
    /// The best first.
    pub rows: Vec<FoundRow>,
    /// How many more match.
    pub more: usize,
}

/// One thing that was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundRow {
    /// Its name.
    pub title: String,
    /// What tells it from others of that name.
    pub note: String,
    /// Its address.
    pub href: String,
    /// The health of a system.
    pub health: Option<Health>,
    /// How a run stands.
    pub state: Option<RunState>,
    /// The key that leads to a place after `g`.
    pub key: Option<char>,
}

impl Found {
    /// "8 found", in words.
    #[must_use]
    pub fn count(&self) -> String {
        match self.groups.iter().map(|group| group.rows.len() + group.more).sum::<usize>() {
            0 => format!("Nothing found for “{}”.", self.words),
            all => format!("{all} found."),
        }
    }
}
