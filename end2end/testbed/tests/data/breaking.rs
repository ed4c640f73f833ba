//! Each fault shows to somebody who only looks, and no longer does after its undo.

use std::time::{Duration, Instant};

use testbed::{Bed, faults, kubernetes};

use crate::{
    s3,
    witness::{PATIENCE, Witness, ask, eventually, holds},
};

/// The first issue's promise for what is polled slowest; the fault itself must show sooner.
const SHOWS_WITHIN: Duration = Duration::from_secs(15);

/// Goes through the list, so that a new fault without a check here fails the test.
pub async fn every_fault_shows_and_mends(bed: &Bed, witness: &Witness) {
    for fault in faults::all().into_iter().filter(|fault| !is_of_cluster(fault.name())) {
        let name = fault.name();
        // What the fault before left behind may take a moment to pass: a replica that was frozen has replay to catch up.
        eventually(&format!("the calm before {name}"), SHOWS_WITHIN, async || shows(name, witness, false).await).await;
        let began = Instant::now();
        bed.strike(name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let struck = began.elapsed();
        assert_eq!(bed.active_faults(), [name]);
        eventually(name, SHOWS_WITHIN, async || shows(name, witness, true).await).await;
        let shown = began.elapsed();
        let again = bed.strike(name).await.unwrap_err().to_string();
        assert!(again.contains("--undo"), "{name} struck twice: {again}");
        let began = Instant::now();
        bed.mend(name).await.unwrap_or_else(|error| panic!("mending {name}: {error}"));
        let mended = began.elapsed();
        eventually(&format!("the end of {name}"), SHOWS_WITHIN, async || shows(name, witness, false).await).await;
        println!("{name:20} struck {struck:.1?}, shown {shown:.1?}, mended {mended:.1?}, clear {:.1?}", began.elapsed());
    }
    let refusal = bed.mend("dns-wrong").await.unwrap_err().to_string();
    assert!(refusal.contains("not struck"), "{refusal}");
}

/// The cluster's faults have a test of their own.
fn is_of_cluster(name: &str) -> bool {
    kubernetes::Fault::ALL.iter().any(|fault| faults::Fault::name(fault) == name)
}

/// Holds when the fault is to be seen (`wanted`), or is not to be seen.
async fn shows(name: &str, witness: &Witness, wanted: bool) -> Result<(), String> {
    let look = match name {
        "kill-primary" => kill_primary(witness).await,
        "freeze-replica" => freeze_replica(witness).await,
        "pause-replay" => pause_replay(witness).await,
        "fill-connections" => fill_connections(witness).await,
        "long-transaction" => long_transaction(witness).await,
        "kill-redis-master" => kill_redis_master(witness).await,
        "drop-sentinel" => drop_sentinel(witness).await,
        "expire-certificate" => expire_certificate(witness).await,
        "endpoint-503" => endpoint_503(witness).await,
        "endpoint-slow" => endpoint_slow(witness).await,
        "endpoint-hang" => endpoint_hang(witness).await,
        "store-down" => store(witness, "refused").await,
        "store-frozen" => store(witness, "no answer").await,
        "object-store-full" => object_store(witness, 507).await,
        "object-store-frozen" => object_store(witness, 0).await,
        "dns-wrong" => dns_wrong(witness).await,
        other => panic!("no check for {other}"),
    };
    holds(if wanted { look.seen } else { look.clear }, look.told)
}

/// What one look saw. Between the two a system is neither broken as meant nor well.
struct Look {
    seen: bool,
    clear: bool,
    told: String,
}

impl Look {
    fn new(seen: bool, clear: bool, told: impl std::fmt::Debug) -> Look {
        Look { seen, clear, told: format!("{told:?}") }
    }
}

async fn kill_primary(witness: &Witness) -> Look {
    let answers = [witness.patroni("PATRONI1").await, witness.patroni("PATRONI2").await];
    let writable = witness.primary().await;
    let taken_over = answers.iter().any(|answer| matches!(answer, Ok((Some(_), 1)))) && answers.iter().any(Result::is_err);
    let whole = answers.iter().all(|answer| matches!(answer, Ok((Some(_), 2))));
    Look::new(writable.is_ok() && taken_over, writable.is_ok() && whole, (writable.err(), answers))
}

async fn freeze_replica(witness: &Witness) -> Look {
    let answers = [witness.watch("PG1").await.map(drop), witness.watch("PG2").await.map(drop)];
    Look::new(
        answers.iter().flat_map(|answer| answer.as_ref().err()).any(|error| error == "no answer"),
        answers.iter().all(Result::is_ok),
        answers,
    )
}

async fn pause_replay(witness: &Witness) -> Look {
    // Of an idle leader the last replayed commit grows old although nothing is behind: one commit a look.
    if let Ok(mut leader) = witness.primary().await {
        ask::<String>(&mut leader, "select pg_logical_emit_message(true, 'witness', 'a look')::text").await.ok();
    }
    // A leader that was promoted still knows what it received and replayed as a replica, and the two may differ for ever.
    let behind = "select coalesce(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8, 0)
                  * (pg_is_in_recovery() and pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn())::int";
    let mut answers = Vec::new();
    for member in ["PG1", "PG2"] {
        answers.push(match witness.watch(member).await {
            Ok(mut connection) => ask::<Option<f64>>(&mut connection, behind).await,
            Err(error) => Err(error),
        });
    }
    let worst_s = answers.iter().flatten().flatten().copied().fold(0.0, f64::max);
    let known = answers.iter().all(Result::is_ok);
    Look::new(known && worst_s > 3.0, known && worst_s < 1.0, answers)
}

async fn fill_connections(witness: &Witness) -> Look {
    let Some(mut leader) = leading(witness).await else {
        return Look::new(false, false, "no leader lets us look");
    };
    let question =
        "select count(*)::float8 / current_setting('max_connections')::float8 from pg_stat_activity where backend_type = 'client backend'";
    let share = ask::<f64>(&mut leader, question).await;
    Look::new(share.as_ref().is_ok_and(|share| *share > 0.9), share.as_ref().is_ok_and(|share| *share < 0.5), share)
}

async fn long_transaction(witness: &Witness) -> Look {
    let Some(mut leader) = leading(witness).await else {
        return Look::new(false, false, "no leader lets us look");
    };
    let question = "select count(*) from pg_stat_activity where state = 'idle in transaction' and now() - xact_start > interval '1 second'";
    let open = ask::<i64>(&mut leader, question).await;
    Look::new(open == Ok(1), open == Ok(0), open)
}

async fn leading(witness: &Witness) -> Option<sqlx::PgConnection> {
    for member in ["PG1", "PG2"] {
        if let Ok(mut connection) = witness.watch(member).await
            && ask::<bool>(&mut connection, "select pg_is_in_recovery()").await == Ok(false)
        {
            return Some(connection);
        }
    }
    None
}

async fn kill_redis_master(witness: &Witness) -> Look {
    let mut roles = Vec::new();
    for nth in 0..2 {
        roles.push(match witness.redis("REDIS_URLS", nth).await {
            Ok(mut node) => redis::cmd("INFO").arg("replication").query_async::<String>(&mut node).await.map_err(|error| error.to_string()),
            Err(error) => Err(error),
        });
    }
    let count = |words: &str| roles.iter().flatten().filter(|text| text.contains(words)).count();
    let named = witness.sentinel_master().await;
    let (masters, linked) = (count("role:master"), count("master_link_status:up"));
    let survivor_named = named
        .as_ref()
        .is_ok_and(|named| ["REDIS1", "REDIS2"].iter().zip(&roles).any(|(key, role)| role.is_ok() && named == witness.env(key)));
    Look::new(roles.iter().any(Result::is_err) && masters == 1 && survivor_named, masters == 1 && linked == 1, (masters, linked, named))
}

async fn drop_sentinel(witness: &Witness) -> Look {
    let said = witness.quorum(0).await;
    let says = |words: &str| said.as_ref().is_ok_and(|said| said.starts_with(words));
    Look::new(says("OK 2 usable"), says("OK 3 usable"), &said)
}

async fn expire_certificate(witness: &Witness) -> Look {
    let answer = witness.endpoint("SITE", PATIENCE).await;
    let expired = answer.as_ref().is_err_and(|error| error.contains("certificate expired"));
    Look::new(expired, answer.as_ref().is_ok_and(|answer| answer.0 == 200), answer)
}

async fn endpoint_503(witness: &Witness) -> Look {
    let status = witness.endpoint("API", PATIENCE).await.map(|answer| answer.0);
    Look::new(status == Ok(503), status == Ok(200), status)
}

async fn endpoint_slow(witness: &Witness) -> Look {
    let began = Instant::now();
    let status = witness.endpoint("API", Duration::from_secs(8)).await.map(|answer| answer.0);
    let took = began.elapsed();
    let well = status == Ok(200);
    Look::new(well && took > Duration::from_millis(2_900), well && took < Duration::from_secs(1), (status, took))
}

async fn endpoint_hang(witness: &Witness) -> Look {
    let status = witness.endpoint("API", PATIENCE).await.map(|answer| answer.0);
    Look::new(status.as_ref().is_err_and(|error| error.contains("timed out")), status == Ok(200), status)
}

async fn store(witness: &Witness, broken: &str) -> Look {
    let answer = witness.store("STORE_DSN").await.map(drop);
    Look::new(answer.as_ref().is_err_and(|error| error.contains(broken)), answer.is_ok(), answer)
}

async fn object_store(witness: &Witness, broken: u16) -> Look {
    let (status, text) = s3::send(witness, reqwest::Method::PUT, "passing-by", "kept").await;
    Look::new(status == broken, status == 200, (status, text))
}

async fn dns_wrong(witness: &Witness) -> Look {
    let answer = witness.resolve(witness.env("DNS_NAME")).await;
    let wanted: std::net::Ipv4Addr = witness.env("DNS_WANT").parse().unwrap();
    Look::new(answer.as_ref().is_ok_and(|found| !found.contains(&wanted)), answer.as_ref().is_ok_and(|found| found[..] == [wanted]), answer)
}
