//! The list of backups, made from what is in the store and from nothing else.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, future::BoxFuture, stream};

use super::{
    manifest::{LARGEST, Manifest, Verdict, Verification},
    names::{DUMP, MANIFEST, VERIFIED, folder, is_plain},
};
use crate::adapters::object_store::{Listing, Object, ObjectStore, StoreFault};

/// So many backups are opened, newest first; older ones are counted.
const OPENED: usize = 100;
/// So many small objects are asked for at once.
const AT_ONCE: usize = 8;

/// What a store holds of one database's backups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    /// Newest first.
    pub backups: Vec<Backup>,
    /// So many older ones were not opened.
    pub older: usize,
    /// Dumps without a manifest: of runs under way, and of runs that ended before theirs. How many, and how many bytes.
    pub without_manifest: (usize, u64),
    /// Objects in the folder that are none of a backup's.
    pub strangers: usize,
    /// How many bytes everything in the folder has.
    pub bytes: u64,
    /// Whether there was more in the store than is read.
    pub cut: bool,
}

/// One backup, or what looks like one.
#[derive(Clone, Debug, PartialEq)]
pub struct Backup {
    /// The dump's whole name in the store.
    pub object: String,
    /// What it is called within the database's folder, without its ending.
    pub name: String,
    /// When its manifest was written, by the store's clock.
    pub written: DateTime<Utc>,
    /// What is known of it.
    pub standing: Standing,
}

/// What is known of a backup.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// Its manifest holds, and nothing was found against it.
    Good {
        /// By its own word.
        manifest: Box<Manifest>,
        /// What the last verification found, if there was one.
        verified: Option<Verification>,
    },
    /// Its manifest holds, and a verification found that the dump is not what was written.
    Spoilt {
        /// By its own word.
        manifest: Box<Manifest>,
        /// What was found.
        verified: Verification,
    },
    /// Its manifest is not believed, and why.
    Distrusted(String),
}

impl Backup {
    /// Its manifest, where that holds.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        match &self.standing {
            Standing::Good { manifest, .. } | Standing::Spoilt { manifest, .. } => Some(manifest),
            Standing::Distrusted(_) => None,
        }
    }

    /// Whether it may be restored from.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        matches!(self.standing, Standing::Good { .. })
    }

    /// When it was last known to be whole.
    #[must_use]
    pub fn proven_at(&self) -> Option<DateTime<Utc>> {
        match &self.standing {
            Standing::Good { manifest, verified } => Some(verified.as_ref().map_or(manifest.proven_at, |found| found.at)),
            Standing::Spoilt { .. } | Standing::Distrusted(_) => None,
        }
    }
}

impl Catalog {
    /// The newest that may be restored from.
    #[must_use]
    pub fn newest(&self) -> Option<(&Backup, &Manifest)> {
        self.backups.iter().filter(|backup| backup.is_good()).find_map(|backup| Some((backup, backup.manifest()?)))
    }

    /// The backup of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Backup> {
        self.backups.iter().find(|backup| backup.name == name)
    }
}

/// What a folder holds, by kind.
#[derive(Default)]
struct Sorted<'a> {
    dumps: HashMap<&'a str, &'a Object>,
    manifests: Vec<(&'a str, &'a Object)>,
    verifications: HashMap<&'a str, &'a Object>,
    strangers: usize,
}

/// The objects of one backup.
struct Objects<'a> {
    stem: &'a str,
    manifest: &'a Object,
    dump: Option<&'a Object>,
    /// What a verification found.
    found: Option<&'a Object>,
}

/// Sorts a folder by its names; those that are odd, or of nothing, are strangers.
fn sort<'a>(listing: &'a Listing, folder: &str) -> Sorted<'a> {
    let mut sorted = Sorted::default();
    for object in &listing.objects {
        let name = object.key.strip_prefix(folder).unwrap_or_default();
        let named = |ending: &str| name.strip_suffix(ending).filter(|stem| !stem.is_empty());
        if !is_plain(name) {
            sorted.strangers += 1;
        } else if let Some(stem) = named(VERIFIED) {
            sorted.verifications.insert(stem, object);
        } else if let Some(stem) = named(MANIFEST) {
            sorted.manifests.push((stem, object));
        } else if let Some(stem) = named(DUMP) {
            sorted.dumps.insert(stem, object);
        } else {
            sorted.strangers += 1;
        }
    }
    // By the store's clock: a foreign manifest may have any name.
    sorted.manifests.sort_by(|(a_name, a), (b_name, b)| (b.modified, b_name).cmp(&(a.modified, a_name)));
    sorted
}

/// Reads the list of a database's backups.
pub(super) async fn read(store: &ObjectStore, database: &str, now: DateTime<Utc>) -> Result<Catalog, StoreFault> {
    let folder = folder(database);
    let listing = store.list(&folder).await?;
    let sorted = sort(&listing, &folder);
    let mut opened: Vec<BoxFuture<'_, _>> = Vec::new();
    for (stem, manifest) in sorted.manifests.iter().take(OPENED).copied() {
        let (dump, found) = (sorted.dumps.get(stem).copied(), sorted.verifications.get(stem).copied());
        opened.push(Box::pin(open(store, database, Objects { stem, manifest, dump, found }, now)));
    }
    let mut backups: Vec<Backup> = stream::iter(opened).buffered(AT_ONCE).try_filter_map(|found| async { Ok(found) }).try_collect().await?;
    // What a backup restores to counts, and not when its manifest was last copied about.
    backups.sort_by_key(|backup| std::cmp::Reverse(backup.manifest().map_or(backup.written, |manifest| manifest.begun_at)));
    let with_manifest = |stem: &str| sorted.manifests.iter().any(|(known, _)| *known == stem);
    let alone: Vec<_> = sorted.dumps.iter().filter(|(stem, _)| !with_manifest(stem)).map(|(_, object)| object.size).collect();
    Ok(Catalog {
        older: sorted.manifests.len().saturating_sub(OPENED),
        without_manifest: (alone.len(), alone.iter().sum()),
        strangers: sorted.strangers,
        bytes: listing.objects.iter().map(|object| object.size).sum(),
        cut: listing.cut,
        backups,
    })
}

/// Opens one backup. None when its manifest has gone since the list was made.
async fn open(store: &ObjectStore, database: &str, objects: Objects<'_>, now: DateTime<Utc>) -> Result<Option<Backup>, StoreFault> {
    let Objects { stem, manifest, dump, found } = objects;
    let object = format!("{}{DUMP}", manifest.key.strip_suffix(MANIFEST).unwrap_or(&manifest.key));
    let read = match store.small(manifest, LARGEST).await {
        Ok(bytes) => Manifest::read(&bytes, database, &object, dump.map(|dump| dump.size), now).map_err(|why| why.to_string()),
        Err(StoreFault::Missing) => return Ok(None),
        Err(StoreFault::Refused(why)) => Err(format!("cannot be read: {why}")),
        Err(fault) => return Err(fault),
    };
    let verified = match found {
        None => None,
        Some(found) => match store.small(found, LARGEST).await {
            Ok(bytes) => Verification::read(&bytes, &object, now),
            Err(StoreFault::Missing | StoreFault::Refused(_)) => None,
            Err(fault) => return Err(fault),
        },
    };
    let standing = match (read, verified) {
        (Err(why), _) => Standing::Distrusted(why),
        (Ok(manifest), Some(verified)) if verified.verdict == Verdict::Spoilt => {
            Standing::Spoilt { manifest: Box::new(manifest), verified }
        }
        (Ok(manifest), verified) => Standing::Good { manifest: Box::new(manifest), verified },
    };
    Ok(Some(Backup { object, name: stem.to_owned(), written: manifest.modified, standing }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_sorted_by_names_alone() {
        let at = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let object = |key: &str, ago_s: i64| Object {
            key: key.into(),
            size: 10,
            modified: at - chrono::TimeDelta::seconds(ago_s),
            tag: String::new(),
        };
        let listing = Listing {
            objects: vec![
                object("shop/a.dump", 50),
                object("shop/a.json", 40),
                object("shop/a.verified.json", 5),
                object("shop/b.json", 20),
                object("shop/c.dump", 10),
                object("shop/sub/d.dump", 10),
                object("shop/<script>.json", 10),
                object("shop/.json", 10),
                object("shop/notes.txt", 10),
            ],
            cut: false,
        };
        let sorted = sort(&listing, "shop/");
        assert_eq!(sorted.manifests.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["b", "a"], "newest first");
        assert_eq!((sorted.dumps.len(), sorted.verifications.len(), sorted.strangers), (2, 1, 4));
    }
}
