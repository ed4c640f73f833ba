//! Patroni's REST interface, its reading half: the cluster as the DCS has it, and each member by its own word.

mod act;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{PoisonError, RwLock},
    time::Duration,
};

use futures::future::join_all;
use serde::{Deserialize, Deserializer};
use url::Url;

pub use self::act::{Asked, PatroniAct, Verb};
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ClusterView {
    /// Every member whose lease has not ended.
    #[serde(default)]
    pub members: Vec<MemberView>,
    /// Whether somebody has told Patroni to keep its hands off.
    #[serde(default)]
    pub pause: bool,
    /// A switchover that waits for its time.
    #[serde(default)]
    pub scheduled_switchover: Option<Scheduled>,
}

/// A switchover that waits for its time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Scheduled {
    /// When, as Patroni writes it.
    #[serde(default)]
    pub at: Option<String>,
    /// To which member; none where Patroni chooses.
    #[serde(default)]
    pub to: Option<String>,
}

/// One member as the DCS has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
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
    /// Where its own Patroni is reached, as it says itself.
    #[serde(default)]
    pub api_url: Option<String>,
    /// What its administrator marked it with ("nofailover": true).
    #[serde(default)]
    pub tags: BTreeMap<String, serde_json::Value>,
}

impl MemberView {
    /// Whether it holds the leader key.
    #[must_use]
    pub fn leads(&self) -> bool {
        matches!(self.role.as_str(), "leader" | "standby_leader")
    }

    /// Whether it may stand in for a synchronous leader.
    #[must_use]
    pub fn is_synchronous(&self) -> bool {
        matches!(self.role.as_str(), "sync_standby" | "quorum_standby")
    }

    /// Whether its administrator set a mark ("nofailover").
    #[must_use]
    pub fn is_marked(&self, tag: &str) -> bool {
        self.tags.get(tag).is_some_and(|value| value.as_bool() == Some(true))
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
    /// When it last reached the DCS, in seconds since 1970 by its own clock.
    #[serde(default)]
    pub dcs_last_seen: Option<i64>,
    /// Whether a watchdog that must be there cannot be armed.
    #[serde(default)]
    pub watchdog_failed: bool,
    /// Who it is.
    pub patroni: Identity,
}

impl OwnView {
    /// Whether it says of itself that it takes writes.
    #[must_use]
    pub fn leads(&self) -> bool {
        matches!(self.role.as_deref(), Some("master" | "primary"))
    }
}

/// What the cluster was told to keep to. `GET /config`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Settings {
    /// How often each Patroni looks, in seconds; 10 where it is not said.
    #[serde(default)]
    loop_wait: Option<u64>,
    /// How far behind a new leader may be, in bytes; 1 MiB where it is not said.
    #[serde(default)]
    maximum_lag_on_failover: Option<u64>,
    /// Whether only a synchronous member may take over.
    #[serde(default, deserialize_with = "flag")]
    pub synchronous_mode: bool,
    #[serde(default)]
    postgresql: PostgresSettings,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
struct PostgresSettings {
    #[serde(default, deserialize_with = "flag")]
    use_pg_rewind: bool,
}

impl Settings {
    /// How often each Patroni looks.
    #[must_use]
    pub fn loop_wait(&self) -> Duration {
        // Nobody waits an hour between two looks; a number that says so is a mistake, and waits are counted by it.
        Duration::from_secs(self.loop_wait.unwrap_or(10).clamp(1, 300))
    }

    /// How far behind a new leader may be, in bytes.
    #[must_use]
    pub fn longest_lag(&self) -> u64 {
        self.maximum_lag_on_failover.unwrap_or(1 << 20)
    }

    /// Whether a leader that has gone its own way is wound back.
    #[must_use]
    pub const fn rewinds(&self) -> bool {
        self.postgresql.use_pg_rewind
    }
}

/// One change of the lead. `GET /history`: timeline, position, reason, time, new leader; the last is missing in old versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The timeline that ended.
    pub timeline: u32,
    /// When, as Patroni writes it.
    pub at: Option<String>,
    /// Who leads the next timeline.
    pub leader: Option<String>,
}

/// The newest so many changes of the lead are kept.
const TURNS: usize = 50;

/// Old clusters have `"on"` where a truth value is meant.
fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    let value = serde_json::Value::deserialize(from)?;
    Ok(value.as_bool().unwrap_or_else(|| matches!(value.as_str(), Some("on" | "true" | "quorum"))))
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
            let answer = async { self.json.get::<OwnView>(at(url, "patroni")?).await }.await;
            (place(url), answer)
        });
        join_all(asked).await
    }

    /// The cluster as each member reads it from the DCS at this moment: who answers reaches it.
    pub async fn clusters(&self) -> Vec<(String, Result<ClusterView, Failure>)> {
        let asked = self.urls.iter().map(async |url| {
            let answer = async { self.json.get::<ClusterView>(at(url, "cluster")?).await }.await;
            (place(url), answer.map(ClusterView::shown))
        });
        let answers = join_all(asked).await;
        if let Some(view) = answers.iter().find_map(|(_, answer)| answer.as_ref().ok()) {
            *self.names.write().unwrap_or_else(PoisonError::into_inner) = view.names();
        }
        answers
    }

    /// What the cluster was told to keep to, as the first member that answers knows it.
    ///
    /// # Errors
    /// When none answers.
    pub async fn settings(&self) -> Result<Settings, Failure> {
        let asked = self.urls.iter().map(|url| Box::pin(async { self.json.get::<Settings>(at(url, "config")?).await }));
        futures::future::select_ok(asked).await.map(|(settings, _)| settings)
    }

    /// The newest changes of the lead, oldest first, as the first member that answers knows them.
    ///
    /// # Errors
    /// When none answers.
    pub async fn history(&self) -> Result<Vec<Turn>, Failure> {
        let asked = self.urls.iter().map(|url| Box::pin(async { self.json.get::<Vec<Vec<serde_json::Value>>>(at(url, "history")?).await }));
        let (rows, _) = futures::future::select_ok(asked).await?;
        let first = rows.len().saturating_sub(TURNS);
        Ok(rows.iter().skip(first).filter_map(|row| turn(row)).collect())
    }

    /// The addresses, in the order of the estate file.
    #[must_use]
    pub fn places(&self) -> Vec<String> {
        self.urls.iter().map(place).collect()
    }
}

/// One row of the history.
fn turn(row: &[serde_json::Value]) -> Option<Turn> {
    let text = |at: usize| row.get(at).and_then(|value| value.as_str()).map(one_line);
    let timeline = row.first()?.as_u64().and_then(|timeline| u32::try_from(timeline).ok())?;
    Some(Turn { timeline, at: text(3), leader: text(4) })
}

/// How a member's Patroni is called: host and port.
fn place(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(8008))
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
        if let Some(scheduled) = &mut self.scheduled_switchover {
            for text in [&mut scheduled.at, &mut scheduled.to].into_iter().flatten() {
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

    #[test]
    fn marks_settings_and_history_are_read_in_old_and_new_spellings() {
        let member: MemberView =
            serde_json::from_str(r#"{"name":"pg2","role":"replica","state":"running","tags":{"nofailover":true,"x":"y"}}"#).unwrap();
        assert!(member.is_marked("nofailover") && !member.is_marked("x") && !member.is_marked("noloadbalance"));
        let settings: Settings =
            serde_json::from_str(r#"{"ttl":8,"loop_wait":1,"synchronous_mode":"on","postgresql":{"use_pg_rewind":true}}"#).unwrap();
        assert!(settings.synchronous_mode && settings.rewinds());
        assert_eq!((settings.loop_wait(), settings.longest_lag()), (Duration::from_secs(1), 1_048_576));
        let none: Settings = serde_json::from_str("{}").unwrap();
        assert!(none.loop_wait() == Duration::from_secs(10) && !none.synchronous_mode);
        let row = |text: &str| turn(serde_json::from_str::<Vec<serde_json::Value>>(text).unwrap().as_slice());
        assert_eq!(
            row(r#"[7,50352280,"no recovery target specified","2026-11-23T18:11:58+00:00","pg1"]"#).unwrap().leader.as_deref(),
            Some("pg1")
        );
        assert_eq!(row("[7,50352280,\"x\"]").unwrap().leader, None);
        assert_eq!(row(r#"["seven"]"#), None);
    }
}
