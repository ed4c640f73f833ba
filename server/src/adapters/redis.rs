//! Redis data nodes: what `INFO` and the slow log tell, and the one command that hands mastership over.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::join_all;
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, RedisConnectionInfo, RedisError, ServerErrorKind, aio::MultiplexedConnection,
};
use tokio::{io::AsyncReadExt, net::lookup_host, time::timeout};

use super::{
    connect::connect,
    failure::{Failure, one_line},
};
use crate::config::{Cache, HostPort, Login};

/// How long a node may take for everything that one question needs, connecting included.
const WAIT: Duration = Duration::from_secs(2);
/// The most that is read of one connection: `INFO` of a busy node is about 10 kB.
const LARGEST: u64 = 1_000_000;
/// The most fields that are kept of `INFO`.
const FIELDS: usize = 2_000;
/// How long the look-up of a name may take that could not be connected to.
const RESOLVE: Duration = Duration::from_millis(500);
/// So many entries of the slow log are read.
const SLOW: usize = 8;

/// The data nodes of one cache.
pub struct Redis {
    nodes: Vec<Node>,
    /// The same nodes under the login that acts.
    act: Option<Vec<Node>>,
    known: Mutex<Known>,
}

/// What the data nodes said last.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Each node as it was asked last; empty before the first time.
    pub members: Vec<Member>,
    /// The last good answer of each node, however old, with when it was given.
    pub good: BTreeMap<HostPort, (Instant, Info)>,
    /// The master's slow log, newest first; none before it was read.
    pub slow: Option<Result<Vec<Slow>, Failure>>,
}

/// One node as one question found it.
#[derive(Clone, Debug)]
pub struct Member {
    /// What the estate file calls it.
    pub at: HostPort,
    /// The address that was reached, or would have been; none where its name does not resolve.
    pub peer: Option<SocketAddr>,
    /// What it said.
    pub answer: Result<Info, Failure>,
}

impl Member {
    /// Whether `host` and `port`, as another node or a Sentinel writes them, mean this one: nodes know each other by address also where the
    /// estate file has names.
    #[must_use]
    pub fn is_at(&self, host: &str, port: u16) -> bool {
        (self.at.host == host && self.at.port == port) || self.peer.is_some_and(|peer| peer.port() == port && peer.ip().to_string() == host)
    }

    /// What it said, where it said something.
    #[must_use]
    pub fn info(&self) -> Option<&Info> {
        self.answer.as_ref().ok()
    }

    /// Whether it answers and calls itself master.
    #[must_use]
    pub fn is_master(&self) -> bool {
        self.info().is_some_and(Info::is_master)
    }
}

/// One entry of the slow log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slow {
    /// When it began, in seconds since 1970.
    pub at: i64,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// The command with its first key, and how many arguments follow. Values are not shown: they are the application's.
    pub command: String,
    /// Who sent it: the connection's name, else its address.
    pub client: String,
}

/// Why a node did not take a command that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTold {
    /// It said no, in these words, its code first; nothing was done.
    Refused(String),
    /// No connection came about, so nothing was sent.
    NotSent(Failure),
    /// It was sent, and no answer came: it may have been done.
    Unanswered(Failure),
}

impl Redis {
    /// Never waits.
    #[must_use]
    pub fn new(cache: &Cache) -> Self {
        let nodes = |login: Option<&Login>| cache.members.iter().map(|at| Node::new(at, login)).collect();
        Self { nodes: nodes(cache.watch.as_ref()), act: cache.act.as_ref().map(|login| nodes(Some(login))), known: Mutex::default() }
    }

    /// What each node says of itself. All are asked side by side.
    pub async fn info(&self) -> Vec<(HostPort, Result<Info, Failure>)> {
        self.members().await.into_iter().map(|member| (member.at, member.answer)).collect()
    }

    /// The same, with the addresses that were reached; remembered for whoever must not wait.
    pub async fn members(&self) -> Vec<Member> {
        let members = ask_all(&self.nodes, &redis::cmd("INFO")).await;
        let now = Instant::now();
        let mut known = self.known();
        for member in &members {
            if let Ok(info) = &member.answer {
                known.good.insert(member.at.clone(), (now, info.clone()));
            }
        }
        known.members.clone_from(&members);
        members
    }

    /// Reads the master's slow log into memory. An account that may not is remembered, too.
    pub async fn read_slow_log(&self) {
        let master = self.known().members.iter().find(|member| member.is_master()).map(|member| member.at.clone());
        let Some(node) = self.nodes.iter().find(|node| Some(&node.at) == master.as_ref()) else { return };
        let mut command = redis::cmd("SLOWLOG");
        command.arg("GET").arg(SLOW);
        let read = node.ask(async |connection| connection.query::<Vec<SlowEntry>>(&command).await).await;
        self.known().slow = Some(read.map(|entries| entries.into_iter().map(Slow::of).collect()));
    }

    /// What was last known. Never waits.
    #[must_use]
    pub fn last(&self) -> Known {
        self.known().clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What each node says to the login that acts, command statistics included; none where the estate file gives no such login.
    pub async fn act_members(&self) -> Option<Vec<Member>> {
        Some(ask_all(self.act.as_ref()?, redis::cmd("INFO").arg("all")).await)
    }

    /// What one node says to the login that acts.
    pub async fn act_member(&self, at: &HostPort) -> Option<Member> {
        let node = self.acting(at)?;
        ask_all(std::slice::from_ref(node), redis::cmd("INFO").arg("all")).await.into_iter().next()
    }

    fn acting(&self, at: &HostPort) -> Option<&Node> {
        self.act.as_ref()?.iter().find(|node| node.at == *at)
    }

    /// Asks `master` to pause its writes until the replica at `host`, `port` has every byte, and to hand over then. It gives up by itself when the
    /// replica does not catch up within `patience`; not when the replica has caught up and answers no more.
    ///
    /// # Errors
    /// Why it was not taken.
    pub async fn fail_over(&self, master: &HostPort, (host, port): (&str, u16), patience: Duration) -> Result<(), NotTold> {
        let mut command = redis::cmd("FAILOVER");
        command.arg("TO").arg(host).arg(port).arg("TIMEOUT").arg(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX));
        self.tell(master, &command).await
    }

    /// Ends a failover under way: the master takes writes again at once.
    ///
    /// # Errors
    /// Why it was not taken; also when there is none under way.
    pub async fn abort_failover(&self, master: &HostPort) -> Result<(), NotTold> {
        self.tell(master, redis::cmd("FAILOVER").arg("ABORT")).await
    }

    async fn tell(&self, at: &HostPort, command: &Cmd) -> Result<(), NotTold> {
        match self.acting(at) {
            Some(node) => node.tell(command).await,
            None => Err(NotTold::Refused("the estate file gives no login that acts".into())),
        }
    }
}

/// Asks every node the same, side by side.
async fn ask_all(nodes: &[Node], command: &Cmd) -> Vec<Member> {
    let asked = nodes.iter().map(async |node| {
        let peer = OnceLock::new();
        let answer = node.reach(&peer, async |connection| connection.query::<String>(command).await).await;
        if answer.is_err() && peer.get().is_none() {
            // One that is gone is still known to others by its address.
            let host = node.at.host.trim_matches(['[', ']']);
            if let Ok(Ok(mut found)) = timeout(RESOLVE, lookup_host((host, node.at.port))).await
                && let Some(address) = found.next()
            {
                peer.get_or_init(|| address);
            }
        }
        Member { at: node.at.clone(), peer: peer.get().copied(), answer: answer.map(|text| Info::parse(&text)) }
    });
    join_all(asked).await
}

/// Id, when, microseconds, arguments, address, name; the last two since Redis 4.
type SlowEntry = (u64, i64, u64, Vec<String>, String, String);

impl Slow {
    fn of((_, at, took_us, arguments, address, name): SlowEntry) -> Self {
        let shown = arguments.iter().take(2).map(|argument| one_line(argument)).collect::<Vec<_>>().join(" ");
        let more = arguments.len().saturating_sub(2);
        let command = if more == 0 { shown } else { format!("{shown} and {more} more") };
        Self { at, took_us, command, client: one_line(if name.is_empty() { &address } else { &name }) }
    }
}

/// The fields of `INFO`. Unknown ones are kept, missing ones are missing: versions differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info(HashMap<String, String>);

impl Info {
    /// Reads `name:value` lines; headings and what is no field are skipped.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let fields = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.trim_end().split_once(':'));
        Self(fields.take(FIELDS).map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// A field as it stands.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A field that is a whole number; none where it is missing or something else.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// Whether it calls itself master.
    #[must_use]
    pub fn is_master(&self) -> bool {
        self.text("role") == Some("master")
    }

    /// The replicas that a master has, as it writes them.
    #[must_use]
    pub fn replicas(&self) -> Vec<Attached> {
        let count = self.number("connected_slaves").unwrap_or(0).min(ATTACHED);
        (0..count).filter_map(|n| Attached::parse(self.text(&format!("slave{n}"))?)).collect()
    }

    /// How often a command was called since the server started; none where the statistics were not asked for.
    #[must_use]
    pub fn calls(&self, command: &str) -> Option<u64> {
        let Some(told) = self.text(&format!("cmdstat_{command}")) else {
            return self.0.keys().any(|name| name.starts_with("cmdstat_")).then_some(0);
        };
        told.split(',').find_map(|pair| pair.strip_prefix("calls=")?.parse().ok())
    }
}

/// The most replicas of one master that are looked at.
const ATTACHED: u64 = 100;

/// One replica as its master writes it: `ip=10.0.0.2,port=6379,state=online,offset=1234,lag=0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Its address as the master knows it; `FAILOVER TO` wants exactly this.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether the stream flows; else it is being copied everything.
    pub online: bool,
}

impl Attached {
    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| text.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let host = field("ip")?;
        let sound = !host.is_empty() && host.len() <= 255 && host.bytes().all(|b| b.is_ascii_graphic());
        Some(Self { host: host.to_owned(), port: field("port")?.parse().ok()?, online: field("state") == Some("online") }).filter(|_| sound)
    }
}

/// One node; a connection is made for each question, so none is ever stale, and a node that takes no new clients is noticed.
pub(super) struct Node {
    pub(super) at: HostPort,
    settings: RedisConnectionInfo,
}

/// A connection that belongs to one question.
pub(super) struct Asking(MultiplexedConnection);

impl Asking {
    pub(super) async fn query<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, RedisError> {
        command.query_async(&mut self.0).await
    }
}

impl Node {
    pub(super) fn new(at: &HostPort, login: Option<&Login>) -> Self {
        // A limited account may not name its library, and each refusal would fill the server's ACL log.
        let mut settings = RedisConnectionInfo::default().set_skip_set_lib_name();
        if let Some(login) = login {
            settings = settings.set_username(&login.user).set_password(login.password.reveal());
        }
        Self { at: at.clone(), settings }
    }

    /// Connects, asks, hangs up; all within [`WAIT`] and [`LARGEST`].
    pub(super) async fn ask<T>(&self, question: impl AsyncFnOnce(&mut Asking) -> Result<T, RedisError>) -> Result<T, Failure> {
        self.reach(&OnceLock::new(), question).await
    }

    /// The same; `peer` gets the address that was reached.
    async fn reach<T>(
        &self,
        peer: &OnceLock<SocketAddr>,
        question: impl AsyncFnOnce(&mut Asking) -> Result<T, RedisError>,
    ) -> Result<T, Failure> {
        let exchange = async {
            let stream = connect(&self.at, None).await?.stream;
            if let Ok(address) = stream.peer_addr() {
                peer.get_or_init(|| address);
            }
            let (read, write) = stream.into_split();
            let bounded = tokio::io::join(read.take(LARGEST), write);
            // The library's own limit of half a second would call a busy node silent.
            let config = AsyncConnectionConfig::new().set_response_timeout(Some(WAIT));
            let (connection, driver) = MultiplexedConnection::new_with_config(&self.settings, bounded, config).await.map_err(failure)?;
            let mut asking = Asking(connection);
            tokio::select! {
                answer = question(&mut asking) => answer.map_err(failure),
                () = driver => Err(Failure::HungUp),
            }
        };
        timeout(WAIT, exchange).await.unwrap_or(Err(Failure::Silent(WAIT)))
    }

    /// Sends one command that changes something, once.
    pub(super) async fn tell(&self, command: &Cmd) -> Result<(), NotTold> {
        let sent = AtomicBool::new(false);
        let told = self.ask(async |connection| {
            sent.store(true, Ordering::Relaxed);
            match connection.query::<redis::Value>(command).await {
                Ok(_) => Ok(Ok(())),
                // A code is the server's own: it answered, and said no.
                Err(error) => match error.code() {
                    Some(code) => Ok(Err(one_line(&format!("{code} {}", error.detail().unwrap_or_default())))),
                    None => Err(error),
                },
            }
        });
        match told.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(refusal)) => Err(NotTold::Refused(refusal)),
            Err(failure) if sent.load(Ordering::Relaxed) => Err(NotTold::Unanswered(failure)),
            Err(failure) => Err(NotTold::NotSent(failure)),
        }
    }
}

fn failure(error: RedisError) -> Failure {
    let says = one_line(error.detail().unwrap_or(error.category()));
    match error.kind() {
        ErrorKind::AuthenticationFailed => Failure::Denied("it does not accept the user or the password".into()),
        ErrorKind::Server(ServerErrorKind::NoPerm) => Failure::Denied(says),
        ErrorKind::Server(ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown) => Failure::NotReady(says),
        _ if error.code() == Some("NOAUTH") || error.code() == Some("WRONGPASS") => {
            Failure::Denied("it asks for another user or password".into())
        }
        _ if says.contains("max number of clients") => Failure::Full("maxclients is reached".into()),
        _ if error.is_connection_refusal() => Failure::Refused,
        _ if error.is_timeout() => Failure::Silent(WAIT),
        _ if error.is_io_error() || error.is_connection_dropped() => Failure::HungUp,
        _ => Failure::Garbled(says),
    }
}

#[cfg(test)]
mod tests {
    use super::{Attached, HostPort, Info, Member, Slow};

    #[test]
    fn info_is_read_past_what_is_unknown_and_without_what_is_missing() {
        let info = Info::parse(
            "# Server\r\nredis_version:7.0.15\r\n\r\nnew_thing_of_2031:a:b\r\nbroken line\r\nused_memory:123\r\nmaxmemory:lots\r\n",
        );
        assert_eq!(info.text("redis_version"), Some("7.0.15"));
        assert_eq!(info.text("new_thing_of_2031"), Some("a:b"));
        assert_eq!((info.number("used_memory"), info.number("maxmemory"), info.number("missing")), (Some(123), None, None));
    }

    #[test]
    fn a_masters_replicas_and_command_counts_are_read() {
        let info = Info::parse(
            "role:master\r\nconnected_slaves:3\r\nslave0:ip=10.0.0.2,port=6379,state=online,offset=12,lag=0\r\n\
             slave1:ip=::1,port=6380,state=wait_bgsave,offset=0,lag=9\r\nslave2:ip=,port=x\r\ncmdstat_failover:calls=2,usec=9\r\n",
        );
        let attached = |host: &str, port, online| Attached { host: host.into(), port, online };
        assert_eq!(info.replicas(), [attached("10.0.0.2", 6379, true), attached("::1", 6380, false)]);
        assert_eq!((info.calls("failover"), info.calls("get"), Info::default().calls("get")), (Some(2), Some(0), None));
        let endless = Info::parse("connected_slaves:18446744073709551615\r\n");
        assert!(endless.replicas().is_empty());
    }

    #[test]
    fn a_node_is_known_by_its_name_and_by_the_address_that_was_reached() {
        let at = HostPort { host: "cache-1".into(), port: 6379 };
        let member = Member { at, peer: Some(([10, 0, 0, 2], 6379).into()), answer: Ok(Info::default()) };
        assert!(member.is_at("cache-1", 6379) && member.is_at("10.0.0.2", 6379));
        assert!(!member.is_at("10.0.0.2", 6380) && !member.is_at("10.0.0.3", 6379));
    }

    #[test]
    fn a_slow_command_is_shown_without_its_values() {
        let arguments = ["SET", "session:1", "secret", "EX", "60"].map(str::to_owned).to_vec();
        let slow = Slow::of((7, 1_795_457_864, 12_000, arguments, "10.0.0.9:5000".into(), String::new()));
        assert_eq!((slow.command.as_str(), slow.client.as_str()), ("SET session:1 and 3 more", "10.0.0.9:5000"));
    }

    #[test]
    fn a_lying_node_cannot_make_info_large() {
        let endless = (0..1_000_000).map(|n| format!("f{n}:1\n")).collect::<String>();
        assert_eq!(Info::parse(&endless).0.len(), super::FIELDS);
    }
}
