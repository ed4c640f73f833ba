//! Everything that is remembered of one cluster.

use super::{
    names::Names,
    records::{Autoscaler, Deployment, Endpoints, Event, Ingress, Node, Pod, ReplicaSet, Service},
    source::Watch,
    table::{Key, Record, Table},
    wire,
};

/// Events are a help, not a record: beyond so many, the oldest go.
const MAX_EVENTS: usize = 2_000;

/// The tables. Each is filled by its own watches.
#[derive(Debug, Default)]
pub struct State {
    pub(super) names: Names,
    /// Nodes.
    pub nodes: Table<Node>,
    /// Pods, by ReplicaSet.
    pub pods: Table<Pod>,
    /// Deployments.
    pub deployments: Table<Deployment>,
    /// ReplicaSets, by Deployment.
    pub replica_sets: Table<ReplicaSet>,
    /// Autoscalers, by Deployment.
    pub autoscalers: Table<Autoscaler>,
    /// Ingresses.
    pub ingresses: Table<Ingress>,
    /// Services.
    pub services: Table<Service>,
    /// Endpoints, by Service.
    pub endpoints: Table<Endpoints>,
    /// Warnings, and what is said about Deployments.
    pub events: Table<Event>,
}

/// What came of putting an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It was not there before.
    New,
    /// Something that is kept of it is another.
    Changed,
    /// All that is kept of it is as it was.
    Same,
}

impl State {
    /// Whether that node is ready; none when there is no such node.
    #[must_use]
    pub fn node_ready(&self, node: Option<&str>) -> Option<bool> {
        self.nodes.get("", node?).map(|node| node.ready)
    }

    /// The pods of a Deployment, through its ReplicaSets.
    pub fn pods_of<'a>(&'a self, namespace: &'a str, deployment: &'a str) -> impl Iterator<Item = (&'a Key, &'a Pod)> {
        self.replica_sets.owned_by(namespace, deployment).flat_map(move |(set, _)| self.pods.owned_by(namespace, &set.name))
    }

    /// Makes room for a new event when there are too many: a tenth goes at once, so that a storm does not search each time.
    fn bound_events(&mut self) {
        if self.events.len() < MAX_EVENTS {
            return;
        }
        let mut by_age: Vec<(i64, Key)> = self.events.iter().map(|(key, event)| (event.last, key.clone())).collect();
        by_age.sort_unstable_by_key(|(last, _)| *last);
        for (_, key) in by_age.iter().take(MAX_EVENTS / 10) {
            self.events.remove(&key.namespace, &key.name);
        }
    }
}

/// An object of the API that is watched.
pub(super) trait Watched: Clone + serde::de::DeserializeOwned + Send + 'static {
    /// What is kept of it.
    type Kept: Record + PartialEq + Send;

    /// Its metadata.
    fn meta(&self) -> &wire::Meta;

    /// Where it is kept.
    fn table(state: &mut State) -> &mut Table<Self::Kept>;

    /// What is kept of it.
    fn keep(self, names: &mut Names, old: Option<&Self::Kept>) -> Self::Kept;

    /// Whether that watch is the one that lists it: two share the table of events.
    fn is_listed_by(_kept: &Self::Kept, _watch: Watch) -> bool {
        true
    }

    /// Before a new one is put.
    fn make_room(_state: &mut State) {}
}

impl State {
    /// Puts an object.
    pub(super) fn put<T: Watched>(&mut self, object: T, mark: u32) -> Put {
        T::make_room(self);
        let mut names = std::mem::take(&mut self.names);
        let namespace = names.intern(&object.meta().namespace);
        let table = T::table(self);
        let (key, old) = match table.find(&namespace, &object.meta().name) {
            Some((key, old)) => (key.clone(), Some(old)),
            None => (Key { namespace, name: object.meta().name.as_str().into() }, None),
        };
        let record = object.keep(&mut names, old);
        // Most of what a busy cluster writes is of no interest here: the beat of a node, a field that is not kept.
        let is_same = old.is_some_and(|old| *old == record);
        let is_new = table.put(key, record, mark);
        self.names = names;
        match (is_new, is_same) {
            (true, _) => Put::New,
            (false, true) => Put::Same,
            (false, false) => Put::Changed,
        }
    }

    /// Takes an object out; true when it was there.
    pub(super) fn remove<T: Watched>(&mut self, object: &T) -> bool {
        T::table(self).remove(&object.meta().namespace, &object.meta().name)
    }
}

macro_rules! watched {
    ($wire:ident => $kept:ident in $table:ident: |$object:ident, $names:ident, $old:ident| $keep:expr) => {
        impl Watched for wire::$wire {
            type Kept = $kept;

            fn meta(&self) -> &wire::Meta {
                &self.metadata
            }

            fn table(state: &mut State) -> &mut Table<$kept> {
                &mut state.$table
            }

            fn keep(self, $names: &mut Names, $old: Option<&$kept>) -> $kept {
                let $object = self;
                $keep
            }
        }
    };
}

watched!(Node => Node in nodes: |node, names, old| Node::from_wire(node, names, old));
watched!(Pod => Pod in pods: |pod, names, old| Pod::from_wire(pod, names, old));
watched!(Deployment => Deployment in deployments: |deployment, names, _old| Deployment::from_wire(deployment, names));
watched!(ReplicaSet => ReplicaSet in replica_sets: |set, names, _old| ReplicaSet::from_wire(set, names));
watched!(Autoscaler => Autoscaler in autoscalers: |autoscaler, names, _old| Autoscaler::from_wire(&autoscaler, names));
watched!(Ingress => Ingress in ingresses: |ingress, names, _old| Ingress::from_wire(ingress, names));
watched!(Service => Service in services: |service, _names, _old| Service::from_wire(&service));
watched!(EndpointSlice => Endpoints in endpoints: |slice, names, _old| Endpoints::from_wire(&slice, names));

impl Watched for wire::Event {
    type Kept = Event;

    fn meta(&self) -> &wire::Meta {
        &self.metadata
    }

    fn table(state: &mut State) -> &mut Table<Event> {
        &mut state.events
    }

    fn keep(self, names: &mut Names, _old: Option<&Event>) -> Event {
        Event::from_wire(self, names)
    }

    fn is_listed_by(kept: &Event, watch: Watch) -> bool {
        kept.warning == (watch == Watch::Warnings)
    }

    fn make_room(state: &mut State) {
        state.bound_events();
    }
}
