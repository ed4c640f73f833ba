//! Redis Sentinels: whether they could fail over, whom they call master, and how they are told to fail over.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use futures::future::join_all;

use super::{
    failure::{Failure, one_line},
    redis::{Asking, Node, NotTold},
};
use crate::config::{Cache, HostPort, Login};

/// The most replicas that are kept of one Sentinel's list.
const REPLICAS: usize = 100;

/// The Sentinels of one cache.
pub struct Sentinel {
    nodes: Vec<Node>,
    /// The same under the login that acts.
    act: Option<Vec<Node>>,
    master: String,
    last: Mutex<Views>,
}

/// What each Sentinel said.
pub type Views = Vec<(HostPort, Result<SentinelView, Failure>)>;

/// What one Sentinel knows of the master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentinelView {
    /// `CKQUORUM`: whether enough Sentinels are there to agree and to be authorised; else why not, in its words. It is about Sentinels only and stays
    /// well while the master is down.
    pub quorum: Result<(), String>,
    /// Whom it sends clients to.
    pub master: Option<HostPort>,
    /// It finds the master down by itself, or together with others.
    pub master_down: bool,
    /// It is making another node master now.
    pub failing_over: bool,
    /// How many must agree.
    pub needed: Option<u64>,
    /// How many replicas it knows.
    pub replicas: Option<u64>,
    /// How long ago the master last answered it well, in milliseconds.
    pub master_answered_ms: Option<u64>,
    /// The replicas as it knows them, up to ten seconds old; none where the account may not ask.
    pub known: Option<Vec<KnownReplica>>,
}

/// A replica as a Sentinel knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownReplica {
    /// Its address as the Sentinel knows it.
    pub at: HostPort,
    /// Its `replica-priority`: the lowest above 0 is promoted first, 0 never.
    pub priority: Option<u64>,
    /// Whether the Sentinel finds it down or is not connected to it.
    pub down: bool,
    /// How old this is, in milliseconds.
    pub told_ms: Option<u64>,
}

impl Sentinel {
    /// Never waits.
    #[must_use]
    pub fn new(cache: &Cache) -> Self {
        let nodes = |login: Option<&Login>| cache.sentinels.iter().map(|at| Node::new(at, login)).collect();
        Self {
            nodes: nodes(cache.watch_sentinels.as_ref()),
            act: cache.act_sentinels.as_ref().map(|login| nodes(Some(login))),
            master: cache.master.clone(),
            last: Mutex::default(),
        }
    }

    /// What each Sentinel says; remembered for whoever must not wait. All are asked side by side.
    pub async fn views(&self) -> Views {
        let views = self.ask_all(&self.nodes).await;
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&views);
        views
    }

    /// What each said last; empty before the first time. Never waits.
    #[must_use]
    pub fn last(&self) -> Views {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What each Sentinel says to the login that acts; none where the estate file gives no such login.
    pub async fn act_views(&self) -> Option<Views> {
        Some(self.ask_all(self.act.as_ref()?).await)
    }

    /// Tells one Sentinel to fail over, without asking the others to agree. It refuses while it fails over already (`INPROG`); another one would
    /// take a second order meanwhile and turn the first about.
    ///
    /// # Errors
    /// Why it was not taken.
    pub async fn fail_over(&self, at: &HostPort) -> Result<(), NotTold> {
        let node = self.act.iter().flatten().find(|node| node.at == *at);
        let node = node.ok_or_else(|| NotTold::Refused("the estate file gives no login that acts".into()))?;
        node.tell(&self.about("FAILOVER")).await
    }

    async fn ask_all(&self, nodes: &[Node]) -> Views {
        join_all(nodes.iter().map(async |node| (node.at.clone(), self.view(node).await))).await
    }

    /// `SENTINEL WORD master`.
    fn about(&self, word: &str) -> redis::Cmd {
        let mut command = redis::cmd("SENTINEL");
        command.arg(word).arg(&self.master);
        command
    }

    async fn view(&self, node: &Node) -> Result<SentinelView, Failure> {
        node.ask(async |connection| {
            let quorum = match connection.query::<String>(&self.about("CKQUORUM")).await {
                Ok(_) => Ok(()),
                Err(error) if error.code().is_some_and(|code| code == "NOQUORUM" || code == "NOAUTH") && error.detail().is_some() => {
                    Err(one_line(error.detail().unwrap_or_default()))
                }
                Err(error) => return Err(error),
            };
            let master: Option<(String, u16)> = connection.query(&self.about("GET-MASTER-ADDR-BY-NAME")).await?;
            let fields: HashMap<String, String> = connection.query(&self.about("MASTER")).await?;
            let known = self.replicas(connection).await;
            Ok(SentinelView::of(quorum, master, &fields, known))
        })
        .await
    }

    async fn replicas(&self, connection: &mut Asking) -> Option<Vec<KnownReplica>> {
        let replicas: Vec<HashMap<String, String>> = connection.query(&self.about("REPLICAS")).await.ok()?;
        Some(replicas.iter().take(REPLICAS).filter_map(KnownReplica::of).collect())
    }
}

fn flags(fields: &HashMap<String, String>) -> Vec<&str> {
    fields.get("flags").map(|flags| flags.split(',').collect()).unwrap_or_default()
}

impl KnownReplica {
    fn of(fields: &HashMap<String, String>) -> Option<Self> {
        Some(Self {
            at: HostPort { host: one_line(fields.get("ip")?), port: fields.get("port")?.parse().ok()? },
            priority: fields.get("slave-priority").and_then(|priority| priority.parse().ok()),
            told_ms: fields.get("info-refresh").and_then(|age| age.parse().ok()),
            down: flags(fields).iter().any(|flag| matches!(*flag, "s_down" | "o_down" | "disconnected")),
        })
    }
}

impl SentinelView {
    fn of(
        quorum: Result<(), String>,
        master: Option<(String, u16)>,
        fields: &HashMap<String, String>,
        known: Option<Vec<KnownReplica>>,
    ) -> Self {
        let flags = flags(fields);
        let number = |name: &str| fields.get(name).and_then(|value| value.parse().ok());
        Self {
            quorum,
            master: master.map(|(host, port)| HostPort { host: one_line(&host), port }),
            master_down: flags.iter().any(|flag| matches!(*flag, "s_down" | "o_down")),
            failing_over: flags.contains(&"failover_in_progress"),
            needed: number("quorum"),
            replicas: number("num-slaves"),
            master_answered_ms: number("last-ok-ping-reply"),
            known,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentinels_fields_tell_the_master_and_a_failover_under_way() {
        let fields = [("flags", "master,s_down,o_down,failover_in_progress"), ("quorum", "2"), ("field-of-2031", "x")];
        let view = SentinelView::of(
            Ok(()),
            Some(("127.0.0.1".into(), 6379)),
            &fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            None,
        );
        assert_eq!(view.master, Some(HostPort { host: "127.0.0.1".into(), port: 6379 }));
        assert!(view.master_down && view.failing_over);
        assert_eq!((view.needed, view.replicas), (Some(2), None));
    }
    #[test]
    fn a_replica_that_is_not_linked_is_down() {
        let replica = |flags: &str| {
            let fields = [("ip", "10.0.0.2"), ("port", "6379"), ("flags", flags), ("slave-priority", "0")];
            KnownReplica::of(&fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).unwrap()
        };
        assert_eq!((replica("slave").down, replica("slave").priority), (false, Some(0)));
        assert!(replica("slave,disconnected").down && replica("s_down,slave").down);
    }
}
