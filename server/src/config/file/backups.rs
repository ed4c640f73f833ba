//! The sections that say where backups go and how they are made.

use std::{collections::BTreeMap, path::PathBuf};

use app::model::Kind;

use super::{super::fault::nearest, index::Index, is_name, limits, url};
use crate::config::{Backup, Database, DumpFrom, Store, reader::Field};

/// What requests are signed for where the estate file names no region: most stores that are not Amazon's do not look at it.
const REGION: &str = "us-east-1";

/// `stores:`
pub(super) fn stores(field: &Field<'_>, index: &mut Index) -> Option<BTreeMap<String, Store>> {
    let entries = field.map()?.names();
    let n = entries.len();
    let mut stores = BTreeMap::new();
    for (name, field) in entries {
        index.add_store(name);
        let sound = is_name(&field, Kind::Backup, name);
        if let (true, Some(store)) = (sound, store(name, &field)) {
            stores.insert(name.to_owned(), store);
        }
    }
    (stores.len() == n).then_some(stores)
}

fn store(name: &str, field: &Field<'_>) -> Option<Store> {
    let mut map = field.map()?;
    let s3 = map.need("s3");
    map.end();
    let mut map = s3?.map()?;
    let endpoint = map.need("endpoint").and_then(|field| url(&field));
    let bucket = map.need("bucket").and_then(|field| {
        field.parse("a bucket's name: 3 to 63 lower case letters, digits, `.` and `-`", |text| is_bucket(text).then(|| text.to_owned()))
    });
    let region = map.may("region").map_or(Some(REGION.to_owned()), |field| field.text());
    let credentials = map.need("credentials");
    let ca_file = map.may("ca_file").map_or(Some(None), |field| field.file().map(Some));
    map.end();
    let mut map = credentials?.map()?;
    let access_key = map.need("access_key").and_then(|field| field.secret());
    let secret_key = map.need("secret_key").and_then(|field| field.secret());
    map.end();
    Some(Store {
        name: name.to_owned(),
        endpoint: endpoint?,
        bucket: bucket?,
        region: region?,
        access_key: access_key?,
        secret_key: secret_key?,
        ca_file: ca_file?,
    })
}

/// As Amazon asks for it.
fn is_bucket(text: &str) -> bool {
    (3..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
}

/// `backups:`; each is a system of its own, called like its database.
pub(super) fn backups(
    field: &Field<'_>,
    index: &mut Index,
    databases: Option<&BTreeMap<String, Database>>,
) -> Option<BTreeMap<String, Backup>> {
    let entries = field.map()?.names();
    let n = entries.len();
    let mut backups = BTreeMap::new();
    for (name, field) in entries {
        let known = is_of_a_database(&field, name, index, databases);
        let backup = backup(&field, index);
        index.add(Kind::Backup, name);
        if let (true, Some(backup)) = (known, backup) {
            backups.insert(name.to_owned(), backup);
        }
    }
    (backups.len() == n).then_some(backups)
}

/// Whether it is called like a database that names a role to dump with. Where the databases could not be read, that is told there.
fn is_of_a_database(field: &Field<'_>, name: &str, index: &Index, databases: Option<&BTreeMap<String, Database>>) -> bool {
    let (named, _) = index.systems(Kind::Database);
    if !named.iter().any(|system| system.name() == name) {
        let remedy = match nearest(name, named.iter().map(app::model::SystemId::name)) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "call it as one of `databases` is called".to_owned(),
        };
        field.wrong_secret(format!("is no database of this estate: nothing there is called `{name}`"), remedy);
        return false;
    }
    let without = databases.and_then(|databases| databases.get(name)).is_some_and(|database| database.backup.is_none());
    if without {
        field.wrong_secret(
            "has no role to dump with",
            format!("add databases.{name}.backup: {{ user: …, password: … }}, a role in pg_read_all_data"),
        );
    }
    !without
}

fn backup(field: &Field<'_>, index: &Index) -> Option<Backup> {
    let mut map = field.map()?;
    let engine = map
        .need("engine")
        .and_then(|field| field.parse("pg_dump: it is the only one that is built", |text| (text == "pg_dump").then_some(())));
    let store = map.need("to").and_then(|field| to(&field, index));
    let from = map.may("from").map_or(Some(DumpFrom::Leader), |field| {
        field.parse("leader or replica", |text| match text {
            "leader" => Some(DumpFrom::Leader),
            "replica" => Some(DumpFrom::Replica),
            _ => None,
        })
    });
    let older_than = limits::of_backup(&mut map);
    let programs = map.may("programs").map_or(Some(None), |field| folder(&field).map(Some));
    map.not_yet("schedule");
    map.not_yet("keep");
    map.end();
    engine?;
    Some(Backup { store: store?, from: from?, older_than: older_than?, programs: programs? })
}

/// The one store that dumps go to.
fn to(field: &Field<'_>, index: &Index) -> Option<String> {
    let named = field.some_of("store", |item| {
        let name = item.text()?;
        if index.stores().any(|known| known == name) {
            return Some(name);
        }
        let remedy = match nearest(&name, index.stores()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "name one of `stores`".to_owned(),
        };
        item.wrong("is no store of this estate", remedy);
        None
    })?;
    match <[String; 1]>::try_from(named) {
        Ok([one]) => Some(one),
        Err(several) => {
            field.wrong_secret(format!("names {} stores, and this version writes to one", several.len()), "keep one of them");
            None
        }
    }
}

/// A folder that has both programs.
fn folder(field: &Field<'_>) -> Option<PathBuf> {
    let path = field.path()?;
    let missing: Vec<_> = ["pg_dump", "pg_restore"].into_iter().filter(|program| !path.join(program).is_file()).collect();
    if missing.is_empty() {
        return Some(path);
    }
    field.wrong(
        format!("is no folder with {}", missing.join(" and ")),
        "name the folder of PostgreSQL's client programs, such as /usr/lib/postgresql/15/bin",
    );
    None
}
