//! What happens to a database shows within ten seconds, in words, and clears again.

use std::time::Duration;

use app::model::Health;

use crate::{
    bed::{Shows, Watching, estate, said},
    database::alone,
};

const DATABASE: &str = "database/aia_production";

fn shows<'a>(probe: &'a str, healths: &'a [Health], says: &'a str) -> Shows<'a> {
    Shows { probe, system: DATABASE, healths, says }
}

/// One test, since each fault needs a whole database to begin with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_of_the_database_shows_within_ten_seconds_and_clears() {
    let _alone = alone().await;
    let watching = Watching::start(estate());
    watching.until_all_well(Duration::from_secs(20)).await;
    for probe in ["postgres_members", "postgres_replication", "postgres_connections", "postgres_transactions", "patroni"] {
        println!("{}", said(&watching.instance(probe, DATABASE)));
    }
    let not_well = &[Health::Degraded, Health::Down];
    watching.strike_and_mend("pause-replay", shows("postgres_replication", &[Health::Degraded], "replay")).await;
    watching.strike_and_mend("fill-connections", shows("postgres_connections", not_well, "connections of pg")).await;
    watching.strike_and_mend("long-transaction", shows("postgres_transactions", &[Health::Degraded], "idle in transaction")).await;
    let frozen = shows("postgres_members", &[Health::Degraded], "did not answer within 2 s");
    watching.strike("freeze-replica", &frozen).await;
    // Longer than any deadline.
    tokio::time::sleep(Duration::from_secs(16)).await;
    let oldest = watching.oldest(|instance| instance.system.as_str() != DATABASE);
    assert!(oldest < 1.0, "what hangs delays nobody, but something is {oldest} deadlines old");
    watching.mend("freeze-replica", &frozen).await;
    watching.until_all_well(Duration::from_secs(30)).await;
    watching.strike_and_mend("kill-primary", shows("postgres_members", not_well, "refuses connections")).await;
    watching.until_all_well(Duration::from_secs(30)).await;
}
