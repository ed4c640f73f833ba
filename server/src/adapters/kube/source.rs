//! What is watched, and how each watch stands.

use std::fmt;

use super::names::Name;
use crate::clock::Stamp;

/// The kinds of object that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Watch {
    /// Nodes of the whole cluster.
    Nodes,
    /// Pods.
    Pods,
    /// Deployments.
    Deployments,
    /// ReplicaSets.
    ReplicaSets,
    /// HorizontalPodAutoscalers.
    Autoscalers,
    /// Ingresses.
    Ingresses,
    /// Services.
    Services,
    /// EndpointSlices.
    Endpoints,
    /// Warnings about anything.
    Warnings,
    /// What is said about Deployments besides.
    Notes,
}

impl Watch {
    /// Every kind that lives in a namespace.
    pub(super) const NAMESPACED: [Self; 9] = [
        Self::Pods,
        Self::Deployments,
        Self::ReplicaSets,
        Self::Autoscalers,
        Self::Ingresses,
        Self::Services,
        Self::Endpoints,
        Self::Warnings,
        Self::Notes,
    ];

    const fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Nodes => ("/api/v1", "nodes"),
            Self::Pods => ("/api/v1", "pods"),
            Self::Services => ("/api/v1", "services"),
            Self::Warnings | Self::Notes => ("/api/v1", "events"),
            Self::Deployments => ("/apis/apps/v1", "deployments"),
            Self::ReplicaSets => ("/apis/apps/v1", "replicasets"),
            Self::Autoscalers => ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
            Self::Ingresses => ("/apis/networking.k8s.io/v1", "ingresses"),
            Self::Endpoints => ("/apis/discovery.k8s.io/v1", "endpointslices"),
        }
    }
}

/// One watch: a kind of object in one namespace, or in none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// The kind.
    pub watch: Watch,
    /// The namespace; empty for nodes.
    pub namespace: Name,
}

impl Source {
    /// Whether it has anything to say about that namespace; nodes have about each.
    pub(super) fn is_in(&self, namespace: Option<&str>) -> bool {
        self.namespace.is_empty() || namespace.is_none_or(|namespace| *self.namespace == *namespace)
    }

    pub(super) fn path(&self) -> String {
        let (group, resource) = self.watch.parts();
        if self.namespace.is_empty() { format!("{group}/{resource}") } else { format!("{group}/namespaces/{}/{resource}", self.namespace) }
    }

    /// The part of the kind that is watched, where that is not all.
    pub(super) const fn fields(&self) -> Option<&'static str> {
        match self.watch {
            Watch::Warnings => Some("type=Warning"),
            Watch::Notes => Some("type=Normal,involvedObject.kind=Deployment"),
            _ => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.watch.parts().1)?;
        if self.namespace.is_empty() { Ok(()) } else { write!(f, " in {}", self.namespace) }
    }
}

/// How a watch stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Status {
    /// Whether a whole list was ever read.
    pub listed: bool,
    /// Since when it does not follow, and why.
    pub broken: Option<(Stamp, String)>,
    /// How often it failed in a row.
    pub failures: u32,
}

impl Status {
    /// It failed.
    pub(super) fn fail(&mut self, reason: String, at: Stamp) {
        self.failures = self.failures.saturating_add(1);
        self.lose(reason, at);
    }

    /// It does not follow, by no fault of its own. The first time stands, the last reason.
    pub(super) fn lose(&mut self, reason: String, at: Stamp) {
        let since = self.broken.take().map_or(at, |(since, _)| since);
        self.broken = Some((since, reason));
    }

    /// It follows.
    pub(super) fn alive(&mut self) {
        self.broken = None;
        self.failures = 0;
    }

    /// A whole list was read.
    pub(super) fn listed(&mut self) {
        *self = Self { listed: true, ..Self::default() };
    }
}
