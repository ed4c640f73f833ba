//! What a run remembers of its dump: whoever goes on with it after a crash knows what to look for and what to give up.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::actions::{ActionError, Notes};

/// The dump's whole name in the store; kept before anything is opened there.
pub(super) const OBJECT: &str = "object";
/// The upload's id; kept before its first part.
pub(super) const UPLOAD: &str = "upload";
/// What the parts are called, some to a note; kept before they are put together.
const PARTS: &str = "parts";
/// What was dumped; kept before the parts are put together.
pub(super) const DUMPED: &str = "dumped";
/// That the store was given up on while it put the parts together.
pub(super) const GIVEN_UP: &str = "given_up";
/// What reading back found.
pub(super) const PROVEN: &str = "proven";

/// The longest note, with room to spare below the store's 8 KiB.
const NOTE: usize = 8_000;

/// What was dumped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Dumped {
    pub begun_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
    pub seconds: f64,
    pub bytes: u64,
    pub sha256: String,
    /// In how many notes the parts are.
    pub part_notes: usize,
    pub server_version: String,
    pub dumped_with: String,
    pub member: String,
    pub role: String,
    pub database_bytes: u64,
}

/// What reading back found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Proven {
    pub at: DateTime<Utc>,
    pub objects: u64,
    pub tables: u64,
}

/// Everything that a run has kept so far.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub object: Option<String>,
    pub upload: Option<String>,
    pub dumped: Option<Dumped>,
    pub given_up: bool,
    proven: Option<Proven>,
}

impl Kept {
    pub(super) async fn of(notes: &dyn Notes) -> Result<Self, ActionError> {
        Ok(Self {
            object: notes.kept(OBJECT).await?,
            // An upload that was given up is noted as empty.
            upload: notes.kept(UPLOAD).await?.filter(|upload| !upload.is_empty()),
            dumped: read(notes, DUMPED).await?,
            given_up: notes.kept(GIVEN_UP).await?.is_some(),
            proven: read(notes, PROVEN).await?,
        })
    }

    pub(super) fn dumped(&self) -> Result<(&str, &Dumped), ActionError> {
        match (&self.object, &self.dumped) {
            (Some(object), Some(dumped)) => Ok((object, dumped)),
            _ => Err(ActionError::NotDone("the run does not remember its dump".to_owned())),
        }
    }

    pub(super) fn proven(&self) -> Result<&Proven, ActionError> {
        self.proven.as_ref().ok_or_else(|| ActionError::NotDone("the run does not remember its proof".to_owned()))
    }
}

async fn read<T: DeserializeOwned>(notes: &dyn Notes, name: &str) -> Result<Option<T>, ActionError> {
    let Some(text) = notes.kept(name).await? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|_| ActionError::NotDone(format!("the run's note `{name}` cannot be read")))
}

/// Keeps a value under a name.
pub(super) async fn keep(notes: &dyn Notes, name: &str, value: &impl Serialize) -> Result<(), ActionError> {
    let text =
        serde_json::to_string(value).map_err(|error| ActionError::NotDone(format!("the note `{name}` cannot be written: {error}")))?;
    notes.keep(name, &text).await
}

/// Keeps what the parts are called; in how many notes.
pub(super) async fn keep_parts(notes: &dyn Notes, parts: &[String]) -> Result<usize, ActionError> {
    let texts = packed(parts);
    for (no, text) in texts.iter().enumerate() {
        notes.keep(&format!("{PARTS}_{no}"), text).await?;
    }
    Ok(texts.len())
}

/// What the parts are called.
pub(super) async fn parts(notes: &dyn Notes, in_notes: usize) -> Result<Vec<String>, ActionError> {
    let mut parts = Vec::new();
    for no in 0..in_notes {
        let text = notes.kept(&format!("{PARTS}_{no}")).await?;
        let text = text.ok_or_else(|| ActionError::NotDone("the run does not remember all parts of its dump".to_owned()))?;
        parts.extend(text.lines().map(str::to_owned));
    }
    Ok(parts)
}

/// Lines, some to a text.
fn packed(lines: &[String]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for line in lines {
        match texts.last_mut() {
            Some(text) if text.len() + line.len() < NOTE => {
                text.push('\n');
                text.push_str(line);
            }
            _ => texts.push(line.clone()),
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_ten_thousand_parts_fit_into_notes_and_come_back() {
        let parts: Vec<String> = (0..10_000).map(|no| format!("\"{no:032x}\"")).collect();
        let texts = packed(&parts);
        assert!(texts.iter().all(|text| text.len() <= 8 * 1024));
        let back: Vec<String> = texts.iter().flat_map(|text| text.lines().map(str::to_owned)).collect();
        assert_eq!(back, parts);
        assert!(packed(&[]).is_empty());
    }
}
