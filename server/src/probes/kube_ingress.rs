//! Whether an Ingress has somewhere to send requests to.

use std::time::Duration;

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;
use tokio::sync::watch;

use super::{Probe, ProbeCtx, ProbeError, ProbeSpec, Reading, cluster_news};
use crate::adapters::kube::{Ingress, State, Watch, text::counted};

/// Ready endpoints behind each Service of an Ingress.
pub struct KubeIngress;

const NEEDS: [Watch; 3] = [Watch::Ingresses, Watch::Services, Watch::Endpoints];

impl Probe for KubeIngress {
    fn spec(&self) -> ProbeSpec {
        ProbeSpec { id: "kube_ingress", title: "{}", kind: Kind::Ingress, every: Duration::from_secs(2), timeout: Duration::from_secs(1) }
    }

    fn news(&self, ctx: &ProbeCtx, system: &SystemId) -> Option<watch::Receiver<u64>> {
        cluster_news(ctx, system)
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let namespace = system.namespace().unwrap_or_default();
            let look = ctx.adapters.kube.of(system)?.look(&NEEDS, Some(namespace))?;
            let Some(ingress) = look.state.ingresses.get(namespace, system.name()) else {
                return Ok(Reading::new(Health::Down, format!("There is no such Ingress in {namespace}")).age(look.age));
            };
            let backends: Vec<_> = ingress
                .services
                .iter()
                .map(|service| Backend { name: service.to_string(), behind: behind(&look.state, namespace, service) })
                .collect();
            Ok(judge(ingress, &backends).age(look.age))
        })
    }
}

/// A Service that an Ingress sends requests to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Its name.
    pub name: String,
    /// What stands behind it.
    pub behind: Behind,
}

/// What stands behind a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// There is no such Service.
    NoService,
    /// It is a name for something outside: nothing to count.
    Outside,
    /// Its selector matches no pod, or it has no endpoints otherwise.
    Nothing,
    /// So many endpoints take requests, of so many.
    Endpoints(u32, u32),
}

fn behind(state: &State, namespace: &str, service: &str) -> Behind {
    let Some(found) = state.services.get(namespace, service) else { return Behind::NoService };
    if found.is_name {
        return Behind::Outside;
    }
    let slices = state.endpoints.owned_by(namespace, service);
    let (ready, all) = slices.fold((0, 0), |(ready, all), (_, slice)| (slice.ready.saturating_add(ready), slice.all.saturating_add(all)));
    if all == 0 { Behind::Nothing } else { Behind::Endpoints(ready, all) }
}

impl Behind {
    const fn serves(self) -> bool {
        match self {
            Self::Outside => true,
            Self::Endpoints(ready, _) => ready > 0,
            Self::NoService | Self::Nothing => false,
        }
    }
}

/// Down when no Service has a ready endpoint; degraded when one has none.
#[must_use]
pub fn judge(ingress: &Ingress, backends: &[Backend]) -> Reading {
    let all = backends.len();
    let serving = backends.iter().filter(|backend| backend.behind.serves()).count();
    let hosts: Vec<&str> = ingress.hosts.iter().map(|host| &**host).collect();
    let (health, summary) = match (serving, all) {
        (_, 0) => (Health::Degraded, "It sends requests to no Service".to_owned()),
        (0, _) => (Health::Down, format!("None of {} has a ready endpoint", counted(all as u64, "Service"))),
        (serving, all) if serving == all => (Health::Ok, format!("{} with ready endpoints", counted(all as u64, "Service"))),
        (serving, all) if all - serving == 1 => (Health::Degraded, format!("1 of {all} Services has no ready endpoint")),
        (serving, all) => (Health::Degraded, format!("{} of {all} Services have no ready endpoint", all - serving)),
    };
    let class = ingress.class.as_deref().map_or_else(|| "default class".to_owned(), |class| format!("class {class}"));
    let mut reading = Reading::new(health, summary)
        .figure(Value::Of(serving as u64, all as u64, "Services ready".into()))
        .limit(all as f64)
        .note(if hosts.is_empty() { class } else { format!("{class}, {}", crate::adapters::kube::text::clip(&hosts.join(", "), 80)) })
        .fact(Fact::new("addresses", Value::Count(ingress.n_addresses as i64, String::new())));
    for backend in backends.iter().take(20) {
        let value = match backend.behind {
            Behind::NoService => Value::Text("no such Service".into()),
            Behind::Outside => Value::Text("outside the cluster".into()),
            Behind::Nothing => Value::Of(0, 0, "endpoints ready".into()),
            Behind::Endpoints(ready, all) => Value::Of(ready.into(), all.into(), "endpoints ready".into()),
        };
        reading = reading.fact(Fact::new(backend.name.clone(), value));
    }
    match backends.iter().find(|backend| !backend.behind.serves()) {
        Some(Backend { name, behind }) => reading.cause(match behind {
            Behind::NoService => format!("There is no Service {name}: requests for it are answered 503"),
            Behind::Nothing | Behind::Outside => format!("The Service {name} has no endpoints: its selector matches no pod"),
            Behind::Endpoints(_, all) => format!("The Service {name} has {}, and none is ready", counted((*all).into(), "endpoint")),
        }),
        None => reading,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ingress_is_as_well_as_the_services_behind_it() {
        let ingress = Ingress { class: Some("nginx".into()), hosts: vec!["shop.example".into()], services: vec![], n_addresses: 0 };
        let backend = |name: &str, behind| Backend { name: name.into(), behind };
        for (backends, health, cause) in [
            (vec![backend("a", Behind::Endpoints(2, 2)), backend("b", Behind::Outside)], Health::Ok, ""),
            (vec![backend("a", Behind::Endpoints(1, 2)), backend("b", Behind::Nothing)], Health::Degraded, "its selector matches no pod"),
            (vec![backend("a", Behind::Endpoints(0, 3))], Health::Down, "has 3 endpoints, and none is ready"),
            (vec![backend("a", Behind::NoService)], Health::Down, "There is no Service a"),
            (vec![], Health::Degraded, ""),
        ] {
            let reading = judge(&ingress, &backends);
            assert_eq!(reading.health, health, "{backends:?}");
            assert!(reading.cause.unwrap_or_default().contains(cause), "{backends:?}");
        }
    }
}
