//! The estate file: read, checked as a whole, resolved.

mod backups;
mod index;
mod limits;
mod path;
mod runbooks;
mod systems;

use std::{collections::BTreeMap, path::Path};

use app::model::{Kind, SystemId};
use sha2::{Digest, Sha256};
use url::Url;

use self::index::Index;
use super::{
    Cache, Environment, Estate, Fault, Faults,
    reader::{Field, Reading, Variables},
    tree,
};
use crate::actions::ActionSpec;

/// The largest estate file that is read.
const FILE_BYTES: u64 = 4 * 1024 * 1024;

/// What an estate is called that does not say.
const ESTATE: &str = "Estate";

impl Estate {
    /// Reads the file at `path`; `actions` are the runbooks that it may approve.
    ///
    /// # Errors
    /// Every fault that was found, each with line, field, value and remedy.
    pub fn from_file(path: &Path, variables: Variables<'_>, actions: &[ActionSpec]) -> Result<Self, Faults> {
        let source = path.display().to_string();
        let whole = |what: String, remedy: &str| Faults {
            source: source.clone(),
            faults: vec![Fault { line: 0, field: String::new(), value: None, what, remedy: remedy.to_owned() }],
        };
        let about = std::fs::metadata(path)
            .map_err(|err| whole(format!("cannot be read: {}", err.kind()), "name a file that the console may read"))?;
        if about.len() > FILE_BYTES {
            return Err(whole("is larger than 4 MiB".to_owned(), "an estate file names systems and limits; keep data elsewhere"));
        }
        let text =
            std::fs::read_to_string(path).map_err(|err| whole(format!("cannot be read: {}", err.kind()), "write it as UTF-8 text"))?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        Self::from_text(&text, folder, variables, actions).map_err(|faults| Faults { source, faults })
    }

    /// Reads the text of an estate file; paths in it are relative to `folder`.
    ///
    /// # Errors
    /// Every fault that was found, in the order of the lines.
    pub fn from_text(text: &str, folder: &Path, variables: Variables<'_>, actions: &[ActionSpec]) -> Result<Self, Vec<Fault>> {
        let tree = tree::parse(text).map_err(|(line, why)| {
            vec![Fault {
                line,
                field: String::new(),
                value: None,
                what: format!("is no YAML: {why}"),
                remedy: "mend it there; the rest is looked at afterwards".into(),
            }]
        })?;
        let reading = Reading::new(variables, folder.to_path_buf());
        let estate = resolve(&Field::root(&reading, &tree), hex::encode(Sha256::digest(text.as_bytes())), actions);
        match (estate, reading.into_faults()) {
            (Some(estate), faults) if faults.is_empty() => Ok(estate),
            (_, faults) => Err(faults),
        }
    }
}

/// `None` only with a fault noted. Every section is read whatever became of the others.
fn resolve(root: &Field<'_>, hash: String, actions: &[ActionSpec]) -> Option<Estate> {
    let mut map = root.map()?;
    let mut index = Index::default();
    let environment = map.need("environment").and_then(|field| environment(&field));
    let path_field = map.may("path");
    let clusters = section(map.may("clusters"), Kind::Cluster, systems::cluster, |name, cluster| index.add_cluster(name, cluster.cloned()));
    let databases = section(map.may("databases"), Kind::Database, systems::database, |name, database| index.add_database(name, database));
    let caches = section(map.may("caches"), Kind::Cache, systems::cache, |name, cache| {
        index.add(Kind::Cache, name);
        if let Some(lacks) = cache.and_then(Cache::lacks_to_act) {
            index.add_passive(Kind::Cache, name, lacks);
        }
    });
    let endpoints = section(map.may("endpoints"), Kind::Endpoint, systems::endpoint, |name, _| index.add(Kind::Endpoint, name));
    let certificates =
        section(map.may("certificates"), Kind::Certificate, systems::certificate, |name, _| index.add(Kind::Certificate, name));
    let dns = section(map.may("dns"), Kind::Dns, systems::dns, |name, _| index.add(Kind::Dns, name));
    let metrics = systems::metrics(map.may("metrics"), &mut index);
    let (stores_field, backups_field) = (map.may("stores"), map.may("backups"));
    let runbooks_field = map.may("runbooks");
    map.end();
    let stores = stores_field.map_or(Some(BTreeMap::new()), |field| backups::stores(&field, &mut index));
    let backups = backups_field.map_or(Some(BTreeMap::new()), |field| backups::backups(&field, &mut index, databases.as_ref()));

    let path = path_field.map_or(Some(Vec::new()), |field| path::path(&field, &index));
    let runbooks = runbooks_field.map_or(Some(Vec::new()), |field| runbooks::runbooks(&field, &index, actions));
    Some(Estate {
        environment: environment?,
        path: path?,
        clusters: clusters?,
        databases: databases?,
        caches: caches?,
        endpoints: endpoints?,
        certificates: certificates?,
        dns: dns?,
        metrics: metrics?,
        stores: stores?,
        backups: backups?,
        runbooks: runbooks?,
        hash,
    })
}

fn environment(field: &Field<'_>) -> Option<Environment> {
    let mut map = field.map()?;
    let name = map.need("name").and_then(|field| field.text());
    let estate = map.may("estate").map_or(Some(ESTATE.to_owned()), |field| field.text());
    let public_url = map.may("public_url").map_or(Some(None), |field| url(&field).map(Some));
    map.not_yet("accent");
    map.end();
    Some(Environment { name: name?, estate: estate?, public_url: public_url? })
}

/// A section whose keys are the names of systems; each is told of to `found`, whole or not. A section that is not there is empty.
fn section<T>(
    field: Option<Field<'_>>,
    kind: Kind,
    read: impl Fn(&Field<'_>) -> Option<T>,
    mut found: impl FnMut(&str, Option<&T>),
) -> Option<BTreeMap<String, T>> {
    let Some(field) = field else { return Some(BTreeMap::new()) };
    let entries = field.map()?.names();
    let n = entries.len();
    let mut systems = BTreeMap::new();
    for (name, field) in entries {
        let sound = is_name(&field, kind, name);
        let system = read(&field);
        found(name, system.as_ref());
        if let (true, Some(system)) = (sound, system) {
            systems.insert(name.to_owned(), system);
        }
    }
    (systems.len() == n).then_some(systems)
}

fn is_name(field: &Field<'_>, kind: Kind, name: &str) -> bool {
    match SystemId::new(kind, &[name]) {
        Ok(_) => true,
        Err(why) => {
            field.wrong_secret(format!("has no good name: {why}"), "rename it");
            false
        }
    }
}

/// An http or https address. A password in it would end up on pages.
fn url(field: &Field<'_>) -> Option<Url> {
    let text = field.text()?;
    let url = match Url::parse(text.trim()) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() => url,
        Ok(_) | Err(_) => {
            field.wrong("is no address", "write http://HOST/ or https://HOST/");
            return None;
        }
    };
    if url.password().is_some() || !url.username().is_empty() {
        field.wrong_secret("holds a user or a password", "take it out: addresses are shown to people");
        return None;
    }
    Some(url)
}
