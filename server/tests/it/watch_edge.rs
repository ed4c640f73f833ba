//! What happens to names, certificates and endpoints shows within ten seconds, in words, and clears again.

use std::time::Duration;

use app::model::Health;

use crate::bed::{Shows, Watching, estate, said};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_of_the_edge_shows_within_ten_seconds_and_clears() {
    let mut estate = estate();
    estate.databases.clear();
    estate.caches.clear();
    let watching = Watching::start(estate);
    watching.until_all_well(Duration::from_secs(20)).await;
    for (probe, system) in [
        ("dns", "dns/site"),
        ("certificate", "certificate/site"),
        ("endpoint", "endpoint/site"),
        ("endpoint", "endpoint/api"),
        ("metric", "metric/targets"),
    ] {
        println!("{}", said(&watching.instance(probe, system)));
    }
    let api = |health, says| Shows { probe: "endpoint", system: "endpoint/api", healths: health, says };
    watching.strike_and_mend("endpoint-503", api(&[Health::Down], "status 503, 200 is right")).await;
    watching.strike_and_mend("endpoint-slow", api(&[Health::Degraded], "limit 1")).await;
    watching.strike_and_mend("endpoint-hang", api(&[Health::Down], "did not answer within 4 s")).await;
    let certificate = Shows { probe: "certificate", system: "certificate/site", healths: &[Health::Down], says: "expired" };
    watching.strike_and_mend("expire-certificate", certificate).await;
    let dns = Shows { probe: "dns", system: "dns/site", healths: &[Health::Down], says: "wanted 34.118.226.10" };
    watching.strike_and_mend("dns-wrong", dns).await;
    watching.until_all_well(Duration::from_secs(30)).await;
}
