//! Ingresses, Services and their endpoints.

use super::super::{
    names::{Name, Names},
    table::Record,
    text::clip,
    wire,
};

/// What is kept of an Ingress.
#[derive(Clone, Debug, PartialEq)]
pub struct Ingress {
    /// Which controller it is for.
    pub class: Option<Name>,
    /// The hosts that it answers for.
    pub hosts: Vec<Name>,
    /// The Services that it sends requests to, each once, in the order of its rules.
    pub services: Vec<Name>,
    /// Addresses that a controller gave it.
    pub n_addresses: usize,
}

impl Record for Ingress {}

impl Ingress {
    /// From the API's form.
    pub(in super::super) fn from_wire(ingress: wire::Ingress, names: &mut Names) -> Self {
        let spec = ingress.spec;
        let class = spec.ingress_class_name.or(ingress.metadata.annotations.ingress_class);
        let mut hosts: Vec<Name> = Vec::new();
        let mut services: Vec<Name> = Vec::new();
        let mut once = |list: &mut Vec<Name>, name: &str| {
            if !list.iter().any(|known| **known == *name) {
                list.push(names.intern(&clip(name, 253)));
            }
        };
        for rule in &spec.rules {
            if let Some(host) = &rule.host {
                once(&mut hosts, host);
            }
            for path in rule.http.iter().flat_map(|http| &http.paths) {
                if let Some(service) = &path.backend.service {
                    once(&mut services, &service.name);
                }
            }
        }
        if let Some(service) = spec.default_backend.and_then(|backend| backend.service) {
            once(&mut services, &service.name);
        }
        let class = class.map(|class| names.intern(&clip(&class, 253)));
        Self { class, hosts, services, n_addresses: ingress.status.load_balancer.ingress.len() }
    }
}

/// What is kept of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Whether it selects pods; without a selector somebody else keeps its endpoints.
    pub selects: bool,
    /// Whether it is only another name (ExternalName): it has no endpoints.
    pub is_name: bool,
}

impl Record for Service {}

impl Service {
    /// From the API's form.
    pub(in super::super) fn from_wire(service: &wire::Service) -> Self {
        Self { selects: !service.spec.selector.is_empty(), is_name: service.spec.kind.as_deref() == Some("ExternalName") }
    }
}

/// What is kept of an EndpointSlice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The Service whose endpoints they are.
    pub service: Option<Name>,
    /// Those that take requests.
    pub ready: u32,
    /// All.
    pub all: u32,
}

impl Record for Endpoints {
    fn owner(&self) -> Option<&Name> {
        self.service.as_ref()
    }
}

impl Endpoints {
    /// From the API's form.
    pub(in super::super) fn from_wire(slice: &wire::EndpointSlice, names: &mut Names) -> Self {
        let ready = slice.endpoints.iter().filter(|endpoint| !endpoint.addresses.is_empty() && endpoint.conditions.ready != Some(false));
        Self {
            service: slice.metadata.labels.service.as_deref().map(|service| names.intern(&clip(service, 253))),
            ready: u32::try_from(ready.count()).unwrap_or(u32::MAX),
            all: u32::try_from(slice.endpoints.len()).unwrap_or(u32::MAX),
        }
    }
}
