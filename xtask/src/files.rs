//! Small things that several commands do with files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Every regular file under `folder`, sorted, so that a hash over them is the same everywhere.
pub fn all_under(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("cannot list {}", folder.display())),
        };
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Reads text, naming the file when that fails.
pub fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Writes through a second name, so that a reader sees the old content or the new, never half.
pub fn write(file: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    let folder = file.parent().context("a file needs a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut partial = file.as_os_str().to_owned();
    partial.push(".partial");
    std::fs::write(&partial, content).with_context(|| format!("cannot write {}", file.display()))?;
    std::fs::rename(&partial, file).with_context(|| format!("cannot write {}", file.display()))
}

/// Collects names and contents into one SHA-256.
#[derive(Default)]
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Adds one piece; its length is hashed too, so that pieces cannot run into each other.
    pub fn add(&mut self, piece: impl AsRef<[u8]>) {
        let piece = piece.as_ref();
        self.0.update((piece.len() as u64).to_le_bytes());
        self.0.update(piece);
    }

    /// Adds a file's name, as seen from `root`, and its content. A missing file counts as empty.
    pub fn add_file(&mut self, root: &Path, file: &Path) -> Result<()> {
        self.add(file.strip_prefix(root).unwrap_or(file).as_os_str().as_encoded_bytes());
        match std::fs::read(file) {
            Ok(content) => self.add(content),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.add(""),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
        Ok(())
    }

    /// The hash in hexadecimal, 64 characters.
    pub fn finish(self) -> String {
        hex::encode(self.0.finalize())
    }
}

/// The first 16 hexadecimal characters of the SHA-256: 64 bits, enough to tell versions of one file apart.
pub fn short_hash(content: &[u8]) -> String {
    hex::encode(&Sha256::digest(content)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cannot_run_into_each_other() {
        let of = |pieces: &[&str]| {
            let mut fingerprint = Fingerprint::default();
            pieces.iter().for_each(|piece| fingerprint.add(piece));
            fingerprint.finish()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_eq!(of(&["ab", "c"]), of(&["ab", "c"]));
    }

    #[test]
    fn files_are_listed_in_one_order_and_a_missing_folder_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("b/2"), "").unwrap();
        write(&folder.path().join("a"), "").unwrap();
        let found = all_under(folder.path()).unwrap();
        assert_eq!(found, [folder.path().join("a"), folder.path().join("b/2")]);
        assert!(all_under(&folder.path().join("none")).unwrap().is_empty());
    }
}
