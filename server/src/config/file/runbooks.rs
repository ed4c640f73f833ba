//! `runbooks:`, checked against the actions that this version has, and against what the estate could ever have for them.

use std::collections::BTreeMap;

use app::model::{Kind, Role, SystemGlob, SystemId};

use super::{super::fault::nearest, index::Index};
use crate::{
    actions::{ActionSpec, ParameterKind},
    config::{Approved, Cluster, reader::Field},
};

pub(super) fn runbooks(field: &Field<'_>, index: &Index, actions: &[ActionSpec]) -> Option<Vec<Approved>> {
    let items = field.list()?;
    let n = items.len();
    let read: Vec<_> = items.iter().filter_map(|item| approved(item, index, actions)).collect();
    (read.len() == n).then_some(read)
}

fn approved(field: &Field<'_>, index: &Index, actions: &[ActionSpec]) -> Option<Approved> {
    let mut map = field.map()?;
    let action = map.need("use").and_then(|field| action(&field, actions));
    let targets = map.need("targets");
    let role_field = map.need("role");
    let parameters = map.may("parameters");
    map.not_yet("approval");
    map.not_yet("windows");
    map.end();
    let role = role_field.as_ref().and_then(role);
    // What the rest must be depends on the action.
    let action = action?;
    let targets = targets.and_then(|field| field.some_of("target", |field| target(field, index, action)));
    let max = parameters.map_or(Some(BTreeMap::new()), |field| maxima(&field, action));
    let role = role?;
    if !role.reaches(action.floor) {
        role_field?.wrong(
            format!("is below what {} needs", action.id),
            format!("write {} or higher: an estate file can raise the role, not lower it", action.floor.word()),
        );
        return None;
    }
    Some(Approved { runbook: action.id.to_owned(), targets: targets?, role, max: max? })
}

fn action<'s>(field: &Field<'_>, actions: &'s [ActionSpec]) -> Option<&'s ActionSpec> {
    let id = field.text()?;
    let found = actions.iter().find(|action| action.id == id);
    if found.is_none() {
        let known: Vec<_> = actions.iter().map(|action| action.id).collect();
        let remedy = match nearest(&id, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("this version has {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") }),
        };
        field.wrong("is no runbook of this version", remedy);
    }
    found
}

fn role(field: &Field<'_>) -> Option<Role> {
    field.parse("responder, operator or admin", |text| match Role::from_word(text)? {
        role @ (Role::Responder | Role::Operator | Role::Admin) => Some(role),
        // Neither runs anything.
        Role::Viewer | Role::Auditor => None,
    })
}

fn target(field: &Field<'_>, index: &Index, action: &ActionSpec) -> Option<SystemGlob> {
    let glob: SystemGlob =
        field.parse_or_say("write kind/name, or kind/cluster/namespace/name, with `*` for any run of characters", str::parse)?;
    if glob.kind() != action.kind {
        field.wrong(
            format!("is a {}, and {} is done to a {}", glob.kind().word(), action.id, action.kind.word()),
            format!("write {}/…", action.kind.word()),
        );
        return None;
    }
    let clusters = clusters_of(&glob, index);
    let possible = match glob.kind() {
        Kind::Ingress | Kind::Deployment => !clusters.is_empty(),
        Kind::Dns | Kind::Certificate | Kind::Endpoint | Kind::Cluster | Kind::Database | Kind::Cache | Kind::Backup | Kind::Metric => {
            let (systems, open) = index.systems(glob.kind());
            open || systems.iter().any(|system| glob.matches(system))
        }
    };
    if !possible {
        field.wrong("matches nothing in this estate, and never can", "name systems, clusters and namespaces of this file");
        return None;
    }
    let mut sound = true;
    for (name, cluster) in clusters {
        if cluster.is_some_and(|cluster| cluster.act.is_none()) {
            field.wrong(
                format!("reaches cluster `{name}`, which has no credential to act with"),
                format!("add clusters.{name}.act, or narrow the target"),
            );
            sound = false;
        }
    }
    if matches!(action.id, "switch-over-database" | "fail-over-database") {
        for name in index.fixed().filter(|name| SystemId::new(Kind::Database, &[name]).is_ok_and(|id| glob.matches(&id))) {
            field.wrong(
                format!("reaches database `{name}`, whose Patroni has no user to act as"),
                format!("add databases.{name}.patroni.act, or narrow the target"),
            );
            sound = false;
        }
    }
    for system in index.systems(glob.kind()).0.iter().filter(|system| glob.matches(system)) {
        if let Some(lacks) = index.lacking(system) {
            let section = format!("{}s.{}", system.kind().word(), system.name());
            field.wrong(format!("reaches {system}, on which nothing can be done"), format!("add {section}.{lacks}, or narrow the target"));
            sound = false;
        }
    }
    sound.then_some(glob)
}

/// The clusters in whose watched namespaces the glob may find something. One that could not be read may hold anything.
fn clusters_of<'i>(glob: &SystemGlob, index: &'i Index) -> Vec<(&'i str, Option<&'i Cluster>)> {
    // The last part is free: what is called so may be made tomorrow. It is matched by the glob's own last part.
    let text = String::from(glob.clone());
    let own: Vec<_> = text.split('/').map(|part| part.replace('*', "x")).collect();
    let name = own.last().map_or("", String::as_str);
    let anything = own.get(2).map_or("", String::as_str);
    let finds = |cluster: &str, namespace: &str| SystemId::new(glob.kind(), &[cluster, namespace, name]).is_ok_and(|id| glob.matches(&id));
    index
        .clusters()
        .filter(|(cluster, found)| match (glob.kind(), found) {
            (Kind::Ingress | Kind::Deployment, Some(found)) => found.namespaces.iter().any(|namespace| finds(cluster, namespace)),
            (Kind::Ingress | Kind::Deployment, None) => finds(cluster, anything),
            (Kind::Cluster, _) => SystemId::new(Kind::Cluster, &[cluster]).is_ok_and(|id| glob.matches(&id)),
            (Kind::Dns | Kind::Certificate | Kind::Endpoint | Kind::Database | Kind::Cache | Kind::Backup | Kind::Metric, _) => false,
        })
        .collect()
}

fn maxima(field: &Field<'_>, action: &ActionSpec) -> Option<BTreeMap<String, i64>> {
    let entries = field.map()?.names();
    let n = entries.len();
    let mut read = BTreeMap::new();
    for (name, parameter) in entries {
        let Some(spec) = action.parameters.iter().find(|spec| spec.name == name) else {
            let known: Vec<_> = action.parameters.iter().map(|spec| spec.name).collect();
            parameter.wrong_secret(
                format!("is no parameter of {}", action.id),
                if known.is_empty() { "it has none".to_owned() } else { format!("known here: {}", known.join(", ")) },
            );
            continue;
        };
        let ParameterKind::Number { min, max } = spec.kind else {
            parameter.wrong_secret("is a choice and has no bound", "remove it: what may be chosen is what the target offers");
            continue;
        };
        let Some(mut map) = parameter.map() else { continue };
        let bound = map.need("max").and_then(|field| {
            field.parse(&format!("a whole number from {min} to {max}: an estate file can lower the bound, not raise it"), |text| {
                text.parse().ok().filter(|bound| (min..=max).contains(bound))
            })
        });
        map.end();
        if let Some(bound) = bound {
            read.insert(name.to_owned(), bound);
        }
    }
    (read.len() == n).then_some(read)
}
