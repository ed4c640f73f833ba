//! Three Sentinels that watch the cache, two of which must agree.

use std::time::Duration;

use super::redis::{self as cache, ACT, ADMIN, Node, WATCH, of_redis};
use crate::{
    bed::Bed,
    error::Result,
    layout::{Port, create_folder, write_file},
    process::{Launch, Process, wait_until},
    program,
};

pub(crate) const NAMES: [&str; 3] = ["sentinel1", "sentinel2", "sentinel3"];
/// What Sentinels call the cache.
pub(crate) const MASTER: &str = "cache";
/// Their listeners, in the order of [`NAMES`].
pub(crate) const PORTS: [Port; 3] = [Port::Sentinel1, Port::Sentinel2, Port::Sentinel3];

const QUORUM: usize = 2;
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Measured: 2.3 s until all know each other.
const QUORUM_WITHIN: Duration = Duration::from_secs(60);

/// Starts all three and waits until they know each other.
pub(crate) async fn create(bed: &Bed) -> Result<()> {
    let layout = bed.layout();
    let account = cache::account()?;
    for (nth, name) in NAMES.into_iter().enumerate() {
        let folder = layout.data(name);
        create_folder(&folder, account, 0o700)?;
        write_file(&folder.join("sentinel.conf"), configuration(bed, nth), account, 0o600)?;
        start(bed, nth).await?;
    }
    agreed(bed, NAMES.len()).await
}

/// Starts one Sentinel over what it remembers.
pub(crate) async fn start(bed: &Bed, nth: usize) -> Result<()> {
    let layout = bed.layout();
    let folder = layout.data(NAMES[nth]);
    Launch::new(NAMES[nth], program::find("redis-sentinel", "redis-sentinel")?)
        .arg(folder.join("sentinel.conf"))
        .account(cache::account()?)
        .folder(&folder)
        .start(layout)?
        .ready(READY_WITHIN, async || master(bed, nth).await.map(drop).map_err(|error| error.to_string()))
        .await
}

pub(crate) fn process(bed: &Bed, nth: usize) -> Option<Process> {
    Process::find(bed.layout(), NAMES[nth])
}

/// Waits until the first Sentinel counts this many usable ones, itself included.
pub(crate) async fn agreed(bed: &Bed, wanted: usize) -> Result<()> {
    wait_until(&format!("{wanted} usable Sentinels"), QUORUM_WITHIN, &bed.layout().logs(), async || {
        let said = usable(bed, 0).await.map_err(|error| error.to_string())?;
        if said.starts_with(&format!("OK {wanted} usable")) { Ok(()) } else { Err(said) }
    })
    .await
}

/// What one Sentinel says of the quorum.
pub(crate) async fn usable(bed: &Bed, nth: usize) -> Result<String> {
    let mut connection = cache::connect(bed, PORTS[nth], ADMIN, &bed.secrets().redis_admin).await?;
    redis::cmd("SENTINEL").arg("CKQUORUM").arg(MASTER).query_async(&mut connection).await.map_err(of_redis)
}

/// Which node a Sentinel sends clients to.
pub(crate) async fn master(bed: &Bed, nth: usize) -> Result<Option<Node>> {
    let mut connection = cache::connect(bed, PORTS[nth], ADMIN, &bed.secrets().redis_admin).await?;
    let (_, port): (String, String) =
        redis::cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(MASTER).query_async(&mut connection).await.map_err(of_redis)?;
    Ok(Node::ALL.into_iter().find(|node| bed.layout().port(node.port()).to_string() == port))
}

/// Sentinel rewrites this file as it learns.
fn configuration(bed: &Bed, nth: usize) -> String {
    let (layout, secrets) = (bed.layout(), bed.secrets());
    let (admin, watch, act) = (secrets.redis_admin.reveal(), secrets.redis_watch.reveal(), secrets.redis_act.reveal());
    let peer = secrets.sentinel_peer.reveal();
    let introduction = "+hello +client|setname";
    let looking = "+ping +info +role +acl|whoami +sentinel|masters +sentinel|master +sentinel|replicas +sentinel|sentinels \
                   +sentinel|get-master-addr-by-name +sentinel|ckquorum +sentinel|myid";
    format!(
        "port {port}\nbind 127.0.0.1\ndir {folder}\n\
         sentinel monitor {MASTER} 127.0.0.1 {master} {QUORUM}\n\
         sentinel auth-user {MASTER} sentinel\n\
         sentinel auth-pass {MASTER} {password}\n\
         sentinel down-after-milliseconds {MASTER} 2000\n\
         sentinel failover-timeout {MASTER} 5000\n\
         sentinel parallel-syncs {MASTER} 1\n\
         user default off\n\
         user {ADMIN} on >{admin} +@all &* ~*\n\
         user peer on >{peer} +@all &*\n\
         user {WATCH} on >{watch} &* -@all {introduction} {looking} +subscribe +psubscribe\n\
         user {ACT} on >{act} resetchannels -@all {introduction} {looking} +sentinel|failover\n\
         sentinel sentinel-user peer\n\
         sentinel sentinel-pass {peer}\n",
        port = layout.port(PORTS[nth]),
        folder = layout.data(NAMES[nth]).display(),
        master = layout.port(Port::Redis1),
        password = secrets.redis_sentinel.reveal(),
    )
}
