//! AIA's cache: a master and a replica. Who is master changes; the configuration file of each says how it began.

use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, aio::MultiplexedConnection};

use crate::{
    account::Account,
    bed::Bed,
    error::{Error, Result},
    layout::{Port, create_folder, write_file},
    process::{Launch, Process, wait_until},
    program,
    secrets::Secret,
};

pub(crate) const NAMES: [&str; 2] = ["redis1", "redis2"];
/// Full rights, for witnesses.
pub(crate) const ADMIN: &str = "admin";
/// AIA's own user.
pub(crate) const APP: &str = "aia";
/// The console's user for looking.
pub(crate) const WATCH: &str = "qd-watch";
/// The console's user for failing over.
pub(crate) const ACT: &str = "qd-act";

/// The operations guide's "Memory: 256MB with LRU eviction", in the console's units (MB = 10^6).
const MAX_MEMORY_BYTES: u32 = 256_000_000;
const READY_WITHIN: Duration = Duration::from_secs(60);
/// A replica's first link took 0.15 s; Sentinel demotes a returned master within 10 s.
const LINKED_WITHIN: Duration = Duration::from_secs(60);

/// One of the two caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    First,
    Second,
}

impl Node {
    pub(crate) const ALL: [Node; 2] = [Node::First, Node::Second];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Node::First => NAMES[0],
            Node::Second => NAMES[1],
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Node> {
        Node::ALL.into_iter().find(|node| node.name() == name)
    }

    pub(crate) const fn port(self) -> Port {
        match self {
            Node::First => Port::Redis1,
            Node::Second => Port::Redis2,
        }
    }

    pub(crate) const fn other(self) -> Node {
        match self {
            Node::First => Node::Second,
            Node::Second => Node::First,
        }
    }

    pub(crate) fn process(self, bed: &Bed) -> Option<Process> {
        Process::find(bed.layout(), self.name())
    }
}

pub(crate) fn account() -> Result<Account> {
    Account::of_service("redis", "redis-server")
}

/// Starts the master and the replica that follows it.
pub(crate) async fn create(bed: &Bed) -> Result<()> {
    let layout = bed.layout();
    let account = account()?;
    for node in Node::ALL {
        let folder = layout.data(node.name());
        create_folder(&folder, account, 0o700)?;
        write_file(&folder.join("users.acl"), users(bed), account, 0o600)?;
        let text = format!(
            "port {}\nbind 127.0.0.1\ndir {}\naclfile {}\nmasteruser replica\nmasterauth {}\nmaxmemory {MAX_MEMORY_BYTES}\n\
             maxmemory-policy allkeys-lru\nsave \"\"\nappendonly no\nrepl-diskless-sync-delay 0\nlatency-monitor-threshold 50\n\
             slowlog-log-slower-than 5000\n",
            layout.port(node.port()),
            folder.display(),
            folder.join("users.acl").display(),
            bed.secrets().redis_replica.reveal()
        );
        write_file(&folder.join("redis.conf"), text, account, 0o600)?;
    }
    start(bed, Node::First, None).await?;
    start(bed, Node::Second, Some(Node::First)).await?;
    linked(bed).await
}

/// Starts one cache, following another or nobody.
///
/// A master that returns from the dead would believe itself master for 10 s: start it as the replica of its successor.
pub(crate) async fn start(bed: &Bed, node: Node, master: Option<Node>) -> Result<()> {
    let layout = bed.layout();
    let folder = layout.data(node.name());
    let mut launch = Launch::new(node.name(), program::find("redis-server", "redis-server")?)
        .arg(folder.join("redis.conf"))
        .account(account()?)
        .folder(&folder);
    if let Some(master) = master {
        launch = launch.args(["--replicaof", "127.0.0.1", &layout.port(master.port()).to_string()]);
    }
    launch.start(layout)?.ready(READY_WITHIN, async || info(bed, node).await.map(drop).map_err(|error| error.to_string())).await
}

/// Waits until one node is master and the other follows it with a live link.
pub(crate) async fn linked(bed: &Bed) -> Result<()> {
    wait_until("a cache with a linked replica", LINKED_WITHIN, &bed.layout().logs(), async || {
        let master = master(bed).await.map_err(|error| error.to_string())?;
        let replica = info(bed, master.other()).await.map_err(|error| error.to_string())?;
        let port = bed.layout().port(master.port()).to_string();
        let follows = field(&replica, "master_port") == Some(port.as_str()) && field(&replica, "master_link_status") == Some("up");
        if follows { Ok(()) } else { Err(format!("{} follows nobody", master.other().name())) }
    })
    .await
}

/// The node that says it is master.
pub(crate) async fn master(bed: &Bed) -> Result<Node> {
    for node in Node::ALL {
        if let Ok(text) = info(bed, node).await
            && field(&text, "role") == Some("master")
        {
            return Ok(node);
        }
    }
    Err(Error::Part { part: "Redis", reason: "no node says that it is master".to_owned() })
}

async fn info(bed: &Bed, node: Node) -> Result<String> {
    let mut connection = connect(bed, node.port(), ADMIN, &bed.secrets().redis_admin).await?;
    redis::cmd("INFO").arg("replication").query_async(&mut connection).await.map_err(of_redis)
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// A connection as this user.
pub(crate) async fn connect(bed: &Bed, port: Port, user: &str, password: &Secret) -> Result<MultiplexedConnection> {
    let address = ConnectionAddr::Tcp("127.0.0.1".to_owned(), bed.layout().port(port));
    let login = RedisConnectionInfo::default().set_username(user).set_password(password.reveal());
    let client = address.into_connection_info().map(|info| info.set_redis_settings(login)).and_then(Client::open).map_err(of_redis)?;
    let patience = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(Duration::from_secs(2)))
        .set_response_timeout(Some(Duration::from_secs(2)));
    client.get_multiplexed_async_connection_with_config(&patience).await.map_err(of_redis)
}

/// Tells what Redis or Sentinel answered.
pub(crate) fn of_redis(error: redis::RedisError) -> Error {
    Error::Part { part: "Redis", reason: error.to_string() }
}

fn users(bed: &Bed) -> String {
    let secrets = bed.secrets();
    let (admin, app, replica) = (secrets.redis_admin.reveal(), secrets.redis_app.reveal(), secrets.redis_replica.reveal());
    let (sentinel, watch, act) = (secrets.redis_sentinel.reveal(), secrets.redis_watch.reveal(), secrets.redis_act.reveal());
    // What client libraries say on connecting; Redis 7.0 knows no CLIENT SETINFO, and they live without.
    let introduction = "+hello +client|setname";
    format!(
        "user default off\n\
         user {ADMIN} on >{admin} ~* &* +@all\n\
         user {APP} on >{app} ~* &* +@all -@admin -@dangerous +info +role\n\
         user replica on >{replica} +psync +replconf +ping\n\
         user sentinel on >{sentinel} allchannels +multi +slaveof +ping +exec +subscribe +config|rewrite +role +publish +info \
         +client|setname +client|kill +script|kill\n\
         user {WATCH} on >{watch} resetchannels -@all {introduction} +ping +info +role +dbsize +time +slowlog|get +slowlog|len +latency \
         +client|list +client|info +memory|stats +memory|doctor +acl|whoami +command|count\n\
         user {ACT} on >{act} resetchannels -@all {introduction} +ping +info +role +acl|whoami +failover\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "# Replication\r\nrole:slave\r\nmaster_port:6379\r\n";
        assert_eq!((field(text, "role"), field(text, "master_port"), field(text, "master")), (Some("slave"), Some("6379"), None));
    }
}
