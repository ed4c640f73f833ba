//! Redis Sentinels: whether they could fail over, and whom they call master.

use std::collections::HashMap;

use futures::future::join_all;

use super::{
    failure::{Failure, one_line},
    redis::Node,
};
use crate::config::{Cache, HostPort};

/// The Sentinels of one cache.
pub struct Sentinel {
    nodes: Vec<Node>,
    master: String,
}

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
}

impl Sentinel {
    /// Never waits.
    #[must_use]
    pub fn new(cache: &Cache) -> Self {
        Self {
            nodes: cache.sentinels.iter().map(|at| Node::new(at, cache.watch_sentinels.as_ref())).collect(),
            master: cache.master.clone(),
        }
    }

    /// What each Sentinel says. All are asked side by side.
    pub async fn views(&self) -> Vec<(HostPort, Result<SentinelView, Failure>)> {
        join_all(self.nodes.iter().map(async |node| (node.at.clone(), self.view(node).await))).await
    }

    async fn view(&self, node: &Node) -> Result<SentinelView, Failure> {
        node.ask(async |connection| {
            let mut ckquorum = redis::cmd("SENTINEL");
            ckquorum.arg("CKQUORUM").arg(&self.master);
            let quorum = match connection.query::<String>(&ckquorum).await {
                Ok(_) => Ok(()),
                Err(error) if error.code().is_some_and(|code| code == "NOQUORUM" || code == "NOAUTH") && error.detail().is_some() => {
                    Err(one_line(error.detail().unwrap_or_default()))
                }
                Err(error) => return Err(error),
            };
            let mut address = redis::cmd("SENTINEL");
            address.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.master);
            let master: Option<(String, u16)> = connection.query(&address).await?;
            let mut state = redis::cmd("SENTINEL");
            state.arg("MASTER").arg(&self.master);
            let fields: HashMap<String, String> = connection.query(&state).await?;
            Ok(SentinelView::of(quorum, master, &fields))
        })
        .await
    }
}

impl SentinelView {
    fn of(quorum: Result<(), String>, master: Option<(String, u16)>, fields: &HashMap<String, String>) -> Self {
        let flags: Vec<_> = fields.get("flags").map(|flags| flags.split(',').collect()).unwrap_or_default();
        let number = |name: &str| fields.get(name).and_then(|value| value.parse().ok());
        Self {
            quorum,
            master: master.map(|(host, port)| HostPort { host: one_line(&host), port }),
            master_down: flags.iter().any(|flag| matches!(*flag, "s_down" | "o_down")),
            failing_over: flags.contains(&"failover_in_progress"),
            needed: number("quorum"),
            replicas: number("num-slaves"),
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
        );
        assert_eq!(view.master, Some(HostPort { host: "127.0.0.1".into(), port: 6379 }));
        assert!(view.master_down && view.failing_over);
        assert_eq!((view.needed, view.replicas), (Some(2), None));
    }
}
