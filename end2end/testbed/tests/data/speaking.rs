//! Each part answers whoever comes with the bed's own addresses and passwords, and refuses what it should.

use std::time::Duration;

use crate::{
    s3,
    witness::{PATIENCE, Witness, ask, close, eventually, holds},
};

pub async fn every_part_speaks(witness: &Witness) {
    store(witness).await;
    postgres(witness).await;
    redis(witness).await;
    endpoints(witness).await;
    objects(witness).await;
    assert_eq!(witness.resolve(witness.env("DNS_NAME")).await.unwrap(), [witness.env("DNS_WANT").parse::<std::net::Ipv4Addr>().unwrap()]);
    metrics(witness).await;
}

async fn store(witness: &Witness) {
    let mut owner = witness.store("STORE_OWNER_DSN").await.unwrap();
    sqlx::raw_sql("create role passing_by; drop role passing_by; create table passing_by (); drop table passing_by")
        .execute(&mut owner)
        .await
        .unwrap();
    assert_eq!(ask::<String>(&mut owner, "show synchronous_commit").await.unwrap(), "on");
    close(owner).await;
    let mut app = witness.store("STORE_DSN").await.unwrap();
    assert!(sqlx::raw_sql("create table passing_by ()").execute(&mut app).await.is_err(), "the run-time role may create tables");
    close(app).await;
}

async fn postgres(witness: &Witness) {
    assert_eq!(witness.patroni("PATRONI1").await.unwrap(), (Some("pg1".to_owned()), 2));
    let mut primary = witness.primary().await.unwrap();
    for (question, least) in [
        ("select count(*) from users", 2_000),
        ("select count(*) from session_logs", 5_000),
        ("select count(*) from agent_performance", 5_000),
        ("select count(*) from pg_extension where extname = 'pg_stat_statements'", 1),
    ] {
        let rows: i64 = ask(&mut primary, question).await.unwrap();
        assert!(rows >= least, "{question}: {rows}");
    }
    close(primary).await;
    let mut watch = witness.watch("PG1").await.unwrap();
    assert_eq!(ask::<String>(&mut watch, "select state from pg_stat_replication").await.unwrap(), "streaming");
    let refusal = ask::<i64>(&mut watch, "select count(*) from users").await.unwrap_err();
    assert!(refusal.contains("permission denied"), "the watching role reads data: {refusal}");
    close(watch).await;
    let unsigned = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .post(format!("{}/switchover", witness.env("PATRONI1")))
        .send()
        .await
        .unwrap();
    assert_eq!(unsigned.status().as_u16(), 401);
}

async fn redis(witness: &Witness) {
    for nth in 0..3 {
        let said = witness.quorum(nth).await.unwrap();
        assert!(said.starts_with("OK 3 usable"), "{said}");
    }
    assert_eq!(witness.sentinel_master().await.unwrap(), witness.env("REDIS1"));
    for (user, allowed, forbidden) in [("WATCH", vec!["INFO"], vec!["GET", "x"]), ("ACT", vec!["ROLE"], vec!["FLUSHALL"])] {
        let (name, password) = (witness.env(&format!("REDIS_{user}_USER")), witness.env(&format!("REDIS_{user}_PASSWORD")));
        let client = redis::Client::open(format!("redis://{name}:{password}@{}", witness.env("REDIS1"))).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        command(&allowed).query_async::<redis::Value>(&mut connection).await.unwrap();
        let refusal = command(&forbidden).query_async::<redis::Value>(&mut connection).await.unwrap_err().to_string();
        assert!(refusal.contains("no permissions"), "{name} {forbidden:?}: {refusal}");
    }
}

fn command(words: &[&str]) -> redis::Cmd {
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command
}

async fn endpoints(witness: &Witness) {
    for which in ["SITE", "API"] {
        assert_eq!(witness.endpoint(which, PATIENCE).await.unwrap().0, 200, "{which}");
    }
}

async fn objects(witness: &Witness) {
    assert_eq!(s3::send(witness, reqwest::Method::PUT, "passing-by", "kept").await.0, 200);
    assert_eq!(s3::send(witness, reqwest::Method::GET, "passing-by", "").await, (200, "kept".to_owned()));
    assert_eq!(s3::send(witness, reqwest::Method::DELETE, "passing-by", "").await.0, 204);
    let stranger = witness.page(&format!("{}/{}/passing-by", witness.env("S3_URL"), witness.env("S3_BUCKET"))).await.unwrap();
    assert_eq!(stranger.0, 403);
}

async fn metrics(witness: &Witness) {
    let page = witness.page(witness.env("METRICS_URL")).await.unwrap().1;
    for metric in [
        "aia_request_duration_seconds",
        "aia_request_total",
        "aia_active_connections",
        "aia_database_query_duration",
        "aia_cache_hit_ratio",
        "kubernetes_pod_container_resource_usage",
    ] {
        assert!(page.contains(&format!("\n# TYPE {metric} ")), "{metric} is not in\n{page}");
    }
    let rate = format!("{}/api/v1/query?query=sum(rate(aia_request_total[5s]))>1", witness.env("PROMETHEUS"));
    eventually("a rate of requests in Prometheus", Duration::from_secs(20), async || {
        let text = witness.page(&rate).await?.1;
        holds(text.contains("\"value\":["), text)
    })
    .await;
}
