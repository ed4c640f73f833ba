//! Patroni's REST interface, its reading half: the cluster as the DCS has it, and each member by its own word.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use futures::future::join_all;
use serde::{Deserialize, Deserializer};
use url::Url;

use super::{
    failure::{Failure, one_line},
    json::Json,
};
use crate::config::{Database, HostPort};

/// How long a member may take. With its DCS lost, `/cluster` hangs for `retry_timeout` and then hangs up; `/patroni` answers at once.
const WAIT: Duration = Duration::from_secs(2);

/// The members of one database by their Patroni.
pub struct Patroni {
    urls: Vec<Url>,
    json: Json,
    /// What the members were called when the cluster was last read.
    names: RwLock<HashMap<HostPort, String>>,
}

/// The cluster as the DCS has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ClusterView {
    /// Every member whose lease has not ended.
    #[serde(default)]
    pub members: Vec<MemberView>,
    /// Whether somebody has told Patroni to keep its hands off.
    #[serde(default)]
    pub pause: bool,
}

/// One member as the DCS has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct MemberView {
    /// Its name ("pg1").
    pub name: String,
    /// "leader", "replica", "sync_standby", …
    pub role: String,
    /// "running", "starting", "streaming" (newer versions), …
    pub state: String,
    /// Where its PostgreSQL listens.
    #[serde(default)]
    pub host: Option<String>,
    /// See `host`.
    #[serde(default)]
    pub port: Option<u16>,
    /// Its timeline; unknown while it starts.
    #[serde(default)]
    pub timeline: Option<u32>,
    /// How far it trails, in bytes. Up to a loop old; the word "unknown" while it starts.
    #[serde(default, deserialize_with = "number_or_word")]
    pub lag: Option<u64>,
    /// Whether a setting waits for a restart.
    #[serde(default)]
    pub pending_restart: bool,
}

impl MemberView {
    /// Whether it holds the leader key.
    #[must_use]
    pub fn leads(&self) -> bool {
        matches!(self.role.as_str(), "leader" | "standby_leader")
    }
}

/// One member by its own word.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct OwnView {
    /// "running", "starting", "stopped", …
    pub state: String,
    /// "master" or "primary", "replica", …; missing while PostgreSQL is down.
    #[serde(default)]
    pub role: Option<String>,
    /// Its timeline.
    #[serde(default)]
    pub timeline: Option<u32>,
    /// When it last reached the DCS, in seconds since 1970.
    #[serde(default)]
    pub dcs_last_seen: Option<i64>,
    /// Who it is.
    pub patroni: Identity,
}

/// Which member of which cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Identity {
    /// Patroni's version.
    pub version: String,
    /// The cluster's name.
    #[serde(default)]
    pub scope: Option<String>,
    /// The member's name; missing in old versions.
    #[serde(default)]
    pub name: Option<String>,
}

/// `"lag": "unknown"` is a text where a number is meant.
fn number_or_word<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    let value = serde_json::Value::deserialize(from)?;
    Ok(value.as_u64())
}

impl Patroni {
    /// Never waits; nothing where the database is kept by hand.
    #[must_use]
    pub fn new(database: &Database) -> Option<Self> {
        (!database.patroni.is_empty()).then(|| Self { urls: database.patroni.clone(), json: Json::new(WAIT), names: RwLock::default() })
    }

    /// The cluster as the first member that answers knows it. All are asked at once, so a dead one costs no time.
    ///
    /// # Errors
    /// When none answers: what the last said.
    pub async fn cluster(&self) -> Result<ClusterView, Failure> {
        let asked = self.urls.iter().map(|url| Box::pin(async { self.json.get::<ClusterView>(at(url, "cluster")?).await }));
        match futures::future::select_ok(asked).await {
            Ok((view, _)) => {
                let view = view.shown();
                *self.names.write().unwrap_or_else(PoisonError::into_inner) = view.names();
                Ok(view)
            }
            Err(failure) => Err(failure),
        }
    }

    /// What Patroni calls the member that listens there, as far as the cluster has been read. Never waits.
    #[must_use]
    pub fn name_of(&self, member: &HostPort) -> Option<String> {
        self.names.read().unwrap_or_else(PoisonError::into_inner).get(member).cloned()
    }

    /// Each member by its own word. All are asked side by side.
    pub async fn own(&self) -> Vec<(String, Result<OwnView, Failure>)> {
        let asked = self.urls.iter().map(async |url| {
            let name = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(8008));
            let answer = async { self.json.get::<OwnView>(at(url, "patroni")?).await }.await;
            (name, answer)
        });
        join_all(asked).await
    }
}

impl ClusterView {
    fn names(&self) -> HashMap<HostPort, String> {
        let named = |member: &MemberView| Some((HostPort { host: member.host.clone()?, port: member.port? }, member.name.clone()));
        self.members.iter().filter_map(named).collect()
    }

    /// Foreign texts as they may be shown; no cluster has more members.
    fn shown(mut self) -> Self {
        self.members.truncate(50);
        for member in &mut self.members {
            for text in [&mut member.name, &mut member.role, &mut member.state] {
                *text = one_line(text);
            }
        }
        self
    }
}

fn at(url: &Url, path: &str) -> Result<Url, Failure> {
    url.join(path).map_err(|_| Failure::Unreachable("its address takes no path".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_starts_has_no_lag_and_no_timeline() {
        let text = r#"{"members":[{"name":"pg1","role":"replica","state":"starting","api_url":"http://h:1/patroni","host":"h","port":5432,"lag":"unknown"},
            {"name":"pg2","role":"leader","state":"running","host":"h","port":5433,"timeline":7,"new_in_5":{}}],"pause":true}"#;
        let view: ClusterView = serde_json::from_str(text).unwrap();
        assert!(view.pause && view.members[1].leads());
        assert_eq!((view.members[0].lag, view.members[0].timeline, view.members[1].timeline), (None, None, Some(7)));
    }
}
