//! One database as a whole at one moment: what Patroni and each PostgreSQL say, side by side and by the same names. And what is remembered of it,
//! since a leader that has died can no longer say how far it was.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    Adapters,
    failure::Failure,
    patroni::{self, ClusterView, MemberView, OwnView, Settings},
    postgres::{MemberLook, MemberRole, Replica, Stream},
};
use crate::{
    clock::{SharedClock, Stamp},
    config::{Database, HostPort},
};

/// A database at one moment.
#[derive(Clone, Debug)]
pub struct DatabaseLook {
    /// When the last answer came.
    pub at: Stamp,
    /// The cluster as the lock store has it, from the first Patroni that reads it.
    pub cluster: Result<ClusterView, Failure>,
    /// What the cluster was told to keep to; none when nobody answered.
    pub settings: Option<Settings>,
    /// The newest changes of the lead, oldest first; none when nobody answered.
    pub history: Option<Vec<patroni::Turn>>,
    /// Every member of the estate file, and those that only Patroni knows.
    pub members: Vec<Member>,
    /// What was known of the leader and its replicas up to now.
    pub known: Known,
}

/// One member by everybody's word.
#[derive(Clone, Debug)]
pub struct Member {
    /// What Patroni calls it; its address where Patroni does not know it.
    pub name: String,
    /// Where its PostgreSQL listens.
    pub at: HostPort,
    /// What the lock store has of it; none when its lease has ended or nobody reads the store.
    pub registered: Option<MemberView>,
    /// Its own Patroni; none where the estate file names no address of it.
    pub agent: Option<Agent>,
    /// Its PostgreSQL.
    pub look: Result<MemberLook, Failure>,
}

/// The Patroni of one member.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its host and port.
    pub place: String,
    /// What it says of its member.
    pub own: Result<OwnView, Failure>,
    /// Who leads, as it reads from the lock store at this moment; nobody, none.
    pub leader: Result<Option<String>, Failure>,
}

/// What is remembered between looks.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The last leader that was seen to take writes.
    pub leader: Option<LastLeader>,
    /// When each replica was last seen to have received all that its leader had written.
    pub whole: BTreeMap<String, Stamp>,
    /// How each replica goes on.
    pub pace: BTreeMap<String, Pace>,
}

/// How a replica goes on: what it says of itself does not tell that it stands still.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pace {
    /// Receiving.
    pub received: Place,
    /// Replaying.
    pub replayed: Place,
}

/// Where something is, and since when it has been there although there was somewhere to go.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    position: u64,
    /// Since which look it has stood still, with something to do; none while it moves or has nothing to do.
    pub still_since: Option<Stamp>,
}

impl Place {
    fn at(&mut self, now: Stamp, position: u64, goal: u64) {
        if position >= goal {
            self.still_since = None;
        } else if position != self.position {
            self.still_since = Some(now);
        } else {
            self.still_since.get_or_insert(now);
        }
        self.position = position;
    }
}

/// A leader as it was last seen.
#[derive(Clone, Debug, PartialEq)]
pub struct LastLeader {
    /// Its name.
    pub name: String,
    /// Its timeline.
    pub timeline: u32,
    /// How far it had written its log, in bytes since the beginning.
    pub written: u64,
    /// When that was.
    pub seen: Stamp,
    /// When it was first looked for and not found; none while it is there.
    pub gone: Option<Stamp>,
    /// How fast it wrote between its last two looks, in bytes a second; none after one look.
    pub rate: Option<f64>,
}

/// What the console remembers of one database. Made once; looked at by a probe, by plans and by runs.
pub struct Watched {
    clock: SharedClock,
    known: Mutex<Known>,
    last: Mutex<Option<Arc<DatabaseLook>>>,
}

impl Watched {
    pub(super) fn new(clock: &SharedClock) -> Self {
        Self { clock: Arc::clone(clock), known: Mutex::default(), last: Mutex::default() }
    }

    /// The last look; none before the first. Never waits.
    #[must_use]
    pub fn last(&self) -> Option<Arc<DatabaseLook>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Adapters {
    /// Looks at a database, everywhere at once; nothing where the estate has none of that name. Takes as long as the slowest answer, two seconds at
    /// most.
    pub async fn look_at(&self, database: &str) -> Option<Arc<DatabaseLook>> {
        let (watched, postgres) = (self.databases.get(database)?, self.postgres.get(database)?);
        let patroni = self.patroni.get(database);
        let of_patroni = async {
            match patroni {
                Some(patroni) => {
                    Box::pin(async { tokio::join!(patroni.own(), patroni.clusters(), patroni.settings(), patroni.history()) }).await
                }
                None => {
                    let none = || Failure::Unreachable("no Patroni keeps it".into());
                    (Vec::new(), Vec::new(), Err(none()), Err(none()))
                }
            }
        };
        let ((own, clusters, settings, history), looks) = Box::pin(async { tokio::join!(of_patroni, postgres.looks()) }).await;
        let leaders = clusters.iter().map(|(_, answer)| answer.as_ref().map(leader_of).map_err(Clone::clone));
        let agents = own.into_iter().zip(leaders).map(|((place, own), leader)| Agent { place, own, leader }).collect();
        let cluster = first_good(clusters);
        let members = members(&cluster, agents, looks, watched.last().as_deref());
        let mut look = DatabaseLook {
            at: watched.clock.now(),
            cluster,
            settings: settings.ok(),
            history: history.ok(),
            members,
            known: Known::default(),
        };
        {
            let mut known = watched.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.take(&look);
            look.known = known.clone();
        }
        let look = Arc::new(look);
        *watched.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&look));
        Some(look)
    }
}

fn leader_of(cluster: &ClusterView) -> Option<String> {
    cluster.members.iter().find(|member| member.leads()).map(|member| member.name.clone())
}

fn first_good(clusters: Vec<(String, Result<ClusterView, Failure>)>) -> Result<ClusterView, Failure> {
    let mut failed = Failure::Unreachable("no Patroni keeps it".into());
    for (_, answer) in clusters {
        match answer {
            Ok(cluster) => return Ok(cluster),
            Err(failure) => failed = failure,
        }
    }
    Err(failed)
}

/// Whether a Patroni is that of a member.
type Match<'a> = &'a dyn Fn(&Agent, &Member) -> bool;

/// Joins what was said of each member. One that Patroni does not know any more keeps the name that it had before.
fn members(
    cluster: &Result<ClusterView, Failure>,
    mut agents: Vec<Agent>,
    looks: Vec<(HostPort, Result<MemberLook, Failure>)>,
    before: Option<&DatabaseLook>,
) -> Vec<Member> {
    let called =
        |at: &HostPort| before.and_then(|before| before.members.iter().find(|member| member.at == *at)).map(|member| member.name.clone());
    let mut registered = cluster.as_ref().map(|cluster| cluster.members.clone()).unwrap_or_default();
    let mut members: Vec<Member> = looks
        .into_iter()
        .map(|(at, look)| {
            let known = registered.iter().position(|view| view.host.as_deref() == Some(at.host.as_str()) && view.port == Some(at.port));
            let view = known.map(|known| registered.remove(known));
            let name = view.as_ref().map(|view| view.name.clone()).or_else(|| called(&at)).unwrap_or_else(|| at.to_string());
            Member { name, at, registered: view, agent: None, look }
        })
        .collect();
    members.extend(registered.into_iter().map(|view| Member {
        name: view.name.clone(),
        at: HostPort { host: view.host.clone().unwrap_or_default(), port: view.port.unwrap_or(5432) },
        registered: Some(view),
        agent: None,
        look: Err(Failure::Unreachable("the estate file does not name it".into())),
    }));
    // By its own name where it says one, by the address that it told the cluster, by its host where no other member has the same.
    let named = |agent: &Agent, member: &Member| agent.own.as_ref().is_ok_and(|own| own.patroni.name.as_deref() == Some(&member.name));
    let told = |agent: &Agent, member: &Member| {
        let url = member.registered.as_ref().and_then(|view| url::Url::parse(view.api_url.as_deref()?).ok());
        url.is_some_and(|url| {
            format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(8008)) == agent.place
        })
    };
    let host_of = |agent: &Agent| agent.place.rsplit_once(':').map(|(host, _)| host.to_owned()).unwrap_or_default();
    let hosts: Vec<_> = members.iter().map(|member| member.at.host.clone()).collect();
    let housed = |agent: &Agent, member: &Member| {
        let host = host_of(agent);
        member.at.host == host && hosts.iter().filter(|known| **known == host).count() == 1
    };
    let ways: [Match<'_>; 3] = [&named, &told, &housed];
    for is_its in ways {
        for member in &mut members {
            if member.agent.is_none()
                && let Some(at) = agents.iter().position(|agent| is_its(agent, member))
            {
                member.agent = Some(agents.remove(at));
            }
        }
    }
    // What is dead is registered no longer; with as many addresses as members, the one that is left over is its own.
    let mut without: Vec<_> = members.iter_mut().filter(|member| member.agent.is_none()).collect();
    if let ([member], 1) = (without.as_mut_slice(), agents.len()) {
        member.agent = agents.pop();
    }
    members
}

impl DatabaseLook {
    /// The member that holds the lead by the lock store's word.
    #[must_use]
    pub fn leader(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.registered.as_ref().is_some_and(MemberView::leads))
    }

    /// The member of that name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The leader's own view of a member that streams from it; none when the leader does not answer or streams nothing to it.
    #[must_use]
    pub fn stream_to(&self, name: &str) -> Option<&Stream> {
        let streams = self.leader()?.look.as_ref().ok()?.streams.as_ref().ok()?;
        streams.iter().find(|stream| stream.application == name)
    }
}

impl Member {
    /// Its timeline and position when it takes writes, by its own word.
    #[must_use]
    pub fn primary(&self) -> Option<(u32, u64)> {
        match self.look.as_ref().ok()?.state.role {
            MemberRole::Primary { timeline, written } => Some((timeline, written)),
            MemberRole::Replica(_) => None,
        }
    }

    /// How it follows when it does, by its own word.
    #[must_use]
    pub fn replica(&self) -> Option<&Replica> {
        match &self.look.as_ref().ok()?.state.role {
            MemberRole::Replica(replica) => Some(replica),
            MemberRole::Primary { .. } => None,
        }
    }

    /// The timeline that it is on, by whoever says so first: its PostgreSQL, its Patroni, the lock store.
    #[must_use]
    pub fn timeline(&self) -> Option<u32> {
        let own = self.agent.as_ref().and_then(|agent| agent.own.as_ref().ok()?.timeline);
        let by_postgres = self.primary().map(|(timeline, _)| timeline).or_else(|| self.replica()?.timeline);
        by_postgres.or(own).or_else(|| self.registered.as_ref()?.timeline)
    }
}

impl Known {
    /// Takes what a look saw.
    fn take(&mut self, look: &DatabaseLook) {
        let now = look.at;
        // While the lock store is away, the leader that was known writes on until its Patroni stops it.
        let last = self.leader.as_ref().and_then(|last| look.member(&last.name));
        let leader = look.leader().or(last).and_then(|leader| Some((leader, leader.primary()?)));
        let Some((leader, (timeline, written))) = leader else {
            if let Some(last) = &mut self.leader {
                last.gone.get_or_insert(now);
            }
            return;
        };
        let rate = self.leader.as_ref().filter(|last| last.timeline == timeline && last.gone.is_none()).and_then(|last| {
            let seconds = now.since(last.seen).as_secs_f64();
            (seconds > 0.2).then(|| written.saturating_sub(last.written) as f64 / seconds).or(last.rate)
        });
        let next = LastLeader { name: leader.name.clone(), timeline, written, seen: now, gone: None, rate };
        let before = self.leader.replace(next).filter(|last| last.timeline == timeline);
        for member in &look.members {
            let Some(received) = member.replica().and_then(|replica| replica.received) else { continue };
            // Under load a replica is never seen to have everything; but it has what the leader had when it was looked at before.
            let whole =
                if received >= written { Some(now) } else { before.as_ref().filter(|last| received >= last.written).map(|last| last.seen) };
            if let Some(whole) = whole {
                self.whole.insert(member.name.clone(), whole);
            }
            let pace = self.pace.entry(member.name.clone()).or_default();
            pace.received.at(now, received, written);
            pace.replayed.at(now, member.replica().and_then(|replica| replica.replayed).unwrap_or(0), written);
        }
        self.pace.retain(|name, _| look.member(name).is_some_and(|member| member.replica().is_some()));
        self.whole.retain(|name, _| look.member(name).is_some());
    }
}

/// One memory a database.
pub(super) fn watched(databases: &BTreeMap<String, Database>, clock: &SharedClock) -> BTreeMap<String, Watched> {
    databases.keys().map(|name| (name.clone(), Watched::new(clock))).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::leadership::samples;

    #[test]
    fn a_leader_is_remembered_with_its_pace_and_when_it_was_missed() {
        let (mut known, mut look) = (Known::default(), samples::pair());
        let later = |look: &mut DatabaseLook, seconds: u64| look.at.mono += Duration::from_secs(seconds);
        known.take(&look);
        assert_eq!(known.whole.get("pg2"), Some(&look.at));
        let first = look.at;
        // It writes on, and the replica has what there was at the look before.
        later(&mut look, 2);
        samples::primary(&mut look, "pg1", 7, samples::WRITTEN + 4_000);
        known.take(&look);
        assert_eq!(known.leader.as_ref().and_then(|last| last.rate), Some(2_000.0));
        assert_eq!(known.whole.get("pg2"), Some(&first));
        // The lock store goes, and it writes on.
        later(&mut look, 2);
        look.cluster = Err(Failure::HungUp);
        look.members.iter_mut().for_each(|member| member.registered = None);
        samples::primary(&mut look, "pg1", 7, samples::WRITTEN + 8_000);
        known.take(&look);
        assert_eq!(known.leader.as_ref().map(|last| (last.written, last.gone)), Some((samples::WRITTEN + 8_000, None)));
        // It is gone; the first look that misses it counts.
        later(&mut look, 2);
        let missed = look.at;
        samples::of(&mut look, "pg1").look = Err(Failure::Refused);
        known.take(&look);
        later(&mut look, 2);
        known.take(&look);
        assert_eq!(known.leader.and_then(|last| last.gone), Some(missed));
    }

    #[test]
    fn each_patroni_is_found_to_be_its_members_by_whatever_tells() {
        let look = samples::pair();
        let looks = || look.members.iter().map(|member| (member.at.clone(), member.look.clone())).collect::<Vec<_>>();
        let agents = || look.members.iter().filter_map(|member| member.agent.clone()).rev().collect::<Vec<_>>();
        let mut cluster = look.cluster.clone();
        let places =
            |members: &[Member]| members.iter().map(|member| member.agent.as_ref().map(|agent| agent.place.clone())).collect::<Vec<_>>();
        // Two on one host whose Patronis say neither name nor address: nobody can tell.
        assert_eq!(places(&members(&cluster, agents(), looks(), None)), [None, None]);
        for (view, port) in cluster.as_mut().unwrap().members.iter_mut().zip([11, 12]) {
            view.api_url = Some(format!("http://h:{port}/patroni"));
        }
        let found = members(&cluster, agents(), looks(), None);
        assert_eq!(places(&found), [Some("h:11".into()), Some("h:12".into())]);
        assert_eq!(found.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(), ["pg1", "pg2"]);
        // One that is registered no longer keeps its name, and gets the one that is left over.
        cluster.as_mut().unwrap().members.remove(0);
        let found = members(&cluster, agents(), looks(), Some(&look));
        assert_eq!((found[0].name.as_str(), found[0].registered.is_some()), ("pg1", false));
        assert_eq!(places(&found), [Some("h:11".into()), Some("h:12".into())]);
    }
}
