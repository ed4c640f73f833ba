//! `path:`, checked against the sections that it names.

use app::model::SystemId;

use super::{
    super::fault::nearest,
    index::{Index, Missing},
};
use crate::config::{PathHop, reader::Field};

pub(super) fn path(field: &Field<'_>, index: &Index) -> Option<Vec<PathHop>> {
    let items = field.list()?;
    let n = items.len();
    let mut hops: Vec<PathHop> = Vec::with_capacity(n);
    for item in items {
        let Some(mut map) = item.map() else { continue };
        let (name, systems) = (map.need("hop"), map.need("systems"));
        map.end();
        let systems = systems.and_then(|field| field.some_of("system", |field| system(field, index)));
        let Some(name_field) = name else { continue };
        let Some(name) = name_field.text() else { continue };
        if hops.iter().any(|hop| hop.name == name) {
            name_field.wrong("is a second hop of that name", "a hop stands once; put its systems together");
            continue;
        }
        if let Some(systems) = systems {
            hops.push(PathHop { name, systems });
        }
    }
    (hops.len() == n).then_some(hops)
}

fn system(field: &Field<'_>, index: &Index) -> Option<SystemId> {
    let id: SystemId = field.parse_or_say("name a system of this file", str::parse)?;
    let name = id.cluster().unwrap_or(id.name());
    match index.missing(&id) {
        None => return Some(id),
        Some(Missing::Name(known)) => {
            let remedy = match nearest(name, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if known.is_empty() => "add it, or take this out".to_owned(),
                None => format!("add it, or name one of {}", known.join(", ")),
            };
            field.wrong(format!("is no system of this estate: nothing here is called `{name}`"), remedy);
        }
        Some(Missing::Namespace) => {
            let namespace = id.namespace().unwrap_or_default();
            field.wrong(
                format!("is not watched: {name} has no namespace `{namespace}` here"),
                format!("add it to clusters.{name}.namespaces"),
            );
        }
    }
    None
}
