//! What happens to a cache shows within ten seconds, in words, and clears again.

use std::time::Duration;

use app::model::Health;

use crate::bed::{Shows, Watching, estate, said};

const CACHE: &str = "cache/sessions";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_of_the_cache_shows_within_ten_seconds_and_clears() {
    let _alone = crate::cache_bed::alone().await;
    let mut estate = estate();
    estate.databases.clear();
    let watching = Watching::start(estate);
    watching.until_all_well(Duration::from_secs(20)).await;
    for probe in ["redis_members", "redis_memory", "redis_hit_rate", "sentinel_quorum"] {
        println!("{}", said(&watching.instance(probe, CACHE)));
    }
    let shows = |probe, healths, says| Shows { probe, system: CACHE, healths, says };
    watching.strike_and_mend("drop-sentinel", shows("sentinel_quorum", &[Health::Degraded], "refuses connections")).await;
    watching.strike_and_mend("kill-redis-master", shows("redis_members", &[Health::Degraded, Health::Down], "refuses connections")).await;
    watching.until_all_well(Duration::from_secs(30)).await;
}
