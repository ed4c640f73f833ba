//! A ReplicaSet: one revision of a Deployment, and what its template holds.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::super::{
    names::{Name, Names},
    quantity,
    table::Record,
    text::clip,
    wire,
};

/// What is kept of a ReplicaSet.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaSet {
    /// The Deployment that it is a revision of.
    pub deployment: Option<Name>,
    /// The revision's number.
    pub revision: u64,
    /// Pods wanted of it.
    pub wanted: u32,
    /// Pods that it has.
    pub replicas: u32,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// What the controller says when it cannot make pods (quota, admission).
    pub refused: Option<Box<str>>,
    /// The hash of its template.
    pub template_hash: Option<Name>,
    /// Its template.
    pub template: Template,
}

impl Record for ReplicaSet {
    fn owner(&self) -> Option<&Name> {
        self.deployment.as_ref()
    }
}

/// The parts of a pod template whose change can be named. Values of variables are kept as a hash only: they may be secrets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    /// Its containers.
    pub containers: Vec<Container>,
    /// ConfigMaps and Secrets that it takes, "config aia-backend-config".
    pub takes: Vec<Name>,
    /// When a restart was asked for, as `kubectl rollout restart` writes it.
    pub restarted_at: Option<Box<str>>,
    /// Service account, node selector, affinity and tolerations, hashed.
    placing: u64,
}

/// One container of a template.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    /// Its name.
    pub name: Name,
    /// Its image.
    pub image: Name,
    /// What it asks for and may use, as written: `cpu 500m`, in four places.
    amounts: [Option<Name>; 4],
    env: u64,
    command: u64,
    probes: u64,
}

fn hashed(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn json(value: Option<&serde_json::Value>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

impl Container {
    fn from_wire(container: &wire::TemplateContainer, names: &mut Names) -> Self {
        let resources = &container.resources;
        let amounts = [&resources.requests.cpu, &resources.requests.memory, &resources.limits.cpu, &resources.limits.memory];
        let env: Vec<_> = container.env.iter().map(|env| (&env.name, &env.value, json(env.value_from.as_ref()))).collect();
        Self {
            name: names.intern(&clip(&container.name, 63)),
            image: names.intern(&clip(&container.image, 300)),
            amounts: amounts.map(|amount| amount.as_deref().map(|amount| names.intern(&clip(amount, 30)))),
            env: hashed(&env),
            command: hashed(&(json(container.command.as_ref()), json(container.args.as_ref()))),
            probes: hashed(
                &[&container.readiness_probe, &container.liveness_probe, &container.startup_probe].map(|probe| json(probe.as_ref())),
            ),
        }
    }

    /// What it may use of memory, in bytes; none without a limit.
    #[must_use]
    pub fn memory_limit(&self) -> Option<u64> {
        self.amounts[3].as_deref().and_then(quantity::bytes)
    }

    fn changes(&self, before: &Self, out: &mut Vec<String>) {
        let name = &self.name;
        if self.image != before.image {
            out.push(match (before.image.rsplit_once(':'), self.image.rsplit_once(':')) {
                (Some((old_image, old)), Some((image, new))) if old_image == image => format!("image of {name}: {old} → {new}"),
                _ => format!("image of {name}: {} → {}", before.image, self.image),
            });
        }
        for (at, what) in ["CPU request", "memory request", "CPU limit", "memory limit"].into_iter().enumerate() {
            let (old, new) = (&before.amounts[at], &self.amounts[at]);
            if old != new {
                out.push(format!("{what} of {name}: {} → {}", old.as_deref().unwrap_or("none"), new.as_deref().unwrap_or("none")));
            }
        }
        for (what, differs) in
            [("variables", self.env != before.env), ("command", self.command != before.command), ("probes", self.probes != before.probes)]
        {
            if differs {
                out.push(format!("{what} of {name}"));
            }
        }
    }
}

impl Template {
    pub(in super::super) fn from_wire(template: wire::Template, names: &mut Names) -> Self {
        let spec = &template.spec;
        let mut takes = Vec::new();
        let mut take = |kind: &str, name: &str, names: &mut Names| {
            let text = names.intern(&format!("{kind} {}", clip(name, 253)));
            if !takes.contains(&text) {
                takes.push(text);
            }
        };
        for source in spec.containers.iter().flat_map(|container| &container.env_from) {
            if let Some(map) = &source.config_map_ref {
                take("config", &map.name, names);
            }
            if let Some(secret) = &source.secret_ref {
                take("secret", &secret.name, names);
            }
        }
        for volume in &spec.volumes {
            if let Some(map) = &volume.config_map {
                take("config", &map.name, names);
            }
            if let Some(secret) = &volume.secret {
                take("secret", &secret.secret_name, names);
            }
        }
        takes.sort();
        let placing = [spec.node_selector.as_ref(), spec.affinity.as_ref(), spec.tolerations.as_ref()].map(json);
        Self {
            placing: hashed(&(&spec.service_account_name, placing)),
            containers: spec.containers.iter().map(|container| Container::from_wire(container, names)).collect(),
            takes,
            restarted_at: template.metadata.annotations.restarted_at.map(|at| clip(&at, 40).into()),
        }
    }

    /// What changed from `before`, a phrase each; at most eight.
    #[must_use]
    pub fn changes(&self, before: &Self) -> Vec<String> {
        let mut out = Vec::new();
        for container in &self.containers {
            match before.containers.iter().find(|old| old.name == container.name) {
                Some(old) => container.changes(old, &mut out),
                None => out.push(format!("container {} added", container.name)),
            }
        }
        for old in &before.containers {
            if !self.containers.iter().any(|container| container.name == old.name) {
                out.push(format!("container {} taken out", old.name));
            }
        }
        let gone: Vec<_> = before.takes.iter().filter(|name| !self.takes.contains(name)).collect();
        let new: Vec<_> = self.takes.iter().filter(|name| !before.takes.contains(name)).collect();
        match (gone.as_slice(), new.as_slice()) {
            ([old], [new]) => out.push(format!("{old} → {}", new.split_once(' ').map_or(&***new, |(_, name)| name))),
            (gone, new) => {
                out.extend(gone.iter().map(|name| format!("{name} taken out")));
                out.extend(new.iter().map(|name| format!("{name} added")));
            }
        }
        if self.placing != before.placing {
            out.push("placing or account".into());
        }
        if self.restarted_at.is_some() && self.restarted_at != before.restarted_at {
            out.push("restarted".into());
        }
        if out.is_empty() {
            out.push("pod template".into());
        }
        out.truncate(8);
        out
    }
}

impl ReplicaSet {
    /// From the API's form.
    pub(in super::super) fn from_wire(set: wire::ReplicaSet, names: &mut Names) -> Self {
        let refused = wire::condition(&set.status.conditions, "ReplicaFailure").filter(|condition| condition.status == "True");
        Self {
            deployment: set.metadata.controller("Deployment").map(|name| names.intern(name)),
            revision: set.metadata.annotations.revision.as_deref().and_then(|revision| revision.parse().ok()).unwrap_or_default(),
            wanted: set.spec.replicas.unwrap_or(1),
            replicas: set.status.replicas,
            created: set.metadata.created(),
            refused: refused.and_then(|condition| condition.message.as_deref()).map(|message| clip(message, 200).into()),
            template_hash: set.metadata.labels.template_hash.as_deref().map(|hash| names.intern(&clip(hash, 63))),
            template: Template::from_wire(set.spec.template, names),
        }
    }
}
