//! Failing over a real cache: nothing that was acknowledged is lost, every Sentinel agrees, and what cannot be done is told truthfully.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use app::model::{Role, RunState};
use redis::cmd;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    bed::{fault, variable},
    cache_bed::{ESTATE, SYSTEM, Server, Witness, Writer, estate, fail_over, plan, press},
    console::{TestConsole, ended, succeeded},
    gates::{Before, Gates},
    store::TestStore,
};

/// Longer than any of these runs takes on a machine that is busy.
const RUN: Duration = Duration::from_secs(90);
/// What every Sentinel must agree within, from the press of the button.
const AGREE: Duration = Duration::from_secs(5);

async fn console(text: &str) -> TestConsole {
    let it = TestStore::new().await;
    let url = it.url.clone();
    TestConsole::with_estate(it, url, estate(text)).await
}

/// Makes the replica master; how long it took until all Sentinels agreed, and how long the run took.
async fn there(witness: &Witness, it: &TestConsole) -> (Duration, Duration) {
    let otto = it.signed_in_as(Role::Operator).await;
    let to = 1 - witness.master().await.unwrap();
    let before = witness.orders().await;
    let began = Instant::now();
    let run = fail_over(&otto, &witness.nodes[to].at).await;
    let (agreed, run) = tokio::join!(witness.agreed(to, AGREE), succeeded(&it.it.store, run, RUN));
    let took = began.elapsed();
    assert!(
        run.sentence.contains(&format!("{} is master", witness.nodes[to].at)) && run.sentence.contains("all 3 Sentinels agree"),
        "{run:?}"
    );
    assert_eq!(witness.master().await, Some(to));
    let after = witness.orders().await;
    assert_eq!((after.0 - before.0, after.1 - before.1), (1, 1), "one FAILOVER and one failover of Sentinel's");
    (agreed, took)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_failover_loses_nothing_there_and_back() {
    let witness = Witness::new().await;
    let it = console(ESTATE).await;
    // `CACHE_FAILOVERS=30` measures more of them.
    let rounds: u32 = std::env::var("CACHE_FAILOVERS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let (mut acknowledged, mut worst, mut longest) = (0, Duration::ZERO, Duration::ZERO);
    for _ in 0..rounds {
        let writer = Writer::start(&witness).begun(&witness).await;
        let (agreed, took) = there(&witness, &it).await;
        let master = witness.master().await.unwrap();
        let (written, lost) = writer.lost(&witness.nodes[master]).await;
        assert_eq!(lost, Vec::<u64>::new(), "of {} acknowledged writes", written.acknowledged.len());
        println!(
            "acknowledged {:>5}, lost 0, Sentinels agree after {:.2} s, run {:.1} s, longest write gap {:.2} s",
            written.acknowledged.len(),
            agreed.as_secs_f64(),
            took.as_secs_f64(),
            written.gap.as_secs_f64()
        );
        acknowledged += written.acknowledged.len();
        (worst, longest) = (worst.max(agreed), longest.max(written.gap));
        witness.settled().await;
    }
    println!(
        "{rounds} failovers: {acknowledged} acknowledged, 0 lost; Sentinels agree within {:.2} s at most; longest write gap {:.2} s",
        worst.as_secs_f64(),
        longest.as_secs_f64()
    );
    assert!(acknowledged > 100);
}

/// A run that is held right before its effect, with every check behind it; then `change`, then it goes on.
async fn held_while(it: &TestConsole, gates: &mut Gates, witness: &Witness, to: usize, change: impl AsyncFnOnce()) -> server::store::Run {
    let otto = it.signed_in_as(Role::Operator).await;
    let gate = gates.close_on(SYSTEM, Before::Step(0, "running")).await;
    let run = fail_over(&otto, &witness.nodes[to].at).await;
    gates.reached(gate).await;
    change().await;
    gates.open().await;
    ended(&it.it.store, run, RUN).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_freezes_is_given_up_and_the_master_freed() {
    let witness = Witness::new().await;
    let it = console(ESTATE).await;
    let master = witness.master().await.unwrap();
    let (old, new) = (&witness.nodes[master], &witness.nodes[1 - master]);
    let mut gates = Gates::new(&it.it).await;
    let mut frozen = None;
    // Nothing is written, not even by Sentinels or as a ping. So it has every byte, and the master goes on to hand over, and would wait for ever.
    quiet(old, true).await;
    let run = held_while(&it, &mut gates, &witness, 1 - master, async || {
        let caught_up = async |witness: &Witness| {
            drop(frozen.take());
            frozen = Some(witness.nodes[1 - master].freeze().await);
            let newest = witness.nodes[master].info("replication", "master_repl_offset").await;
            witness.nodes[master].info("replication", "slave0").await.contains(&format!(",offset={newest},"))
        };
        witness.until("the frozen replica has every byte", Duration::from_secs(20), caught_up).await;
    });
    let run = run.await;
    println!("frozen with every byte: {}", run.sentence);
    assert_eq!(run.state, RunState::Failed, "{run:?}");
    for part in ["The hand-over was aborted", "Nothing was lost", "takes writes again"] {
        assert!(run.sentence.contains(part), "{part}: {}", run.sentence);
    }
    quiet(old, false).await;
    let set: String = old.ask(cmd("SET").arg("after-the-abort").arg(1).arg("EX").arg(60)).await.unwrap();
    assert_eq!(set, "OK", "the master is free");
    assert_eq!(old.info("replication", "master_failover_state").await, "no-failover");
    drop(frozen.take());
    witness.settled().await;
    assert_eq!(witness.master().await, Some(master), "all as before");
    // Behind by what is written while it stands still: the master gives up by itself.
    let writer = Writer::start(&witness).begun(&witness).await;
    let run = held_while(&it, &mut gates, &witness, 1 - master, async || {
        frozen = Some(new.freeze().await);
        let before: u64 = old.info("replication", "master_repl_offset").await.parse().unwrap();
        let moved = async |witness: &Witness| {
            witness.nodes[master].info("replication", "master_repl_offset").await.parse::<u64>().unwrap() > before
        };
        witness.until("writes go on", Duration::from_secs(10), moved).await;
    });
    let run = run.await;
    println!("behind: {}", run.sentence);
    assert_eq!(run.state, RunState::Failed, "{run:?}");
    assert!(run.sentence.contains("gave up by itself") || run.sentence.contains("aborted"), "{}", run.sentence);
    drop(frozen.take());
    witness.settled().await;
    let (_, lost) = writer.lost(old).await;
    assert_eq!(lost, Vec::<u64>::new());
    assert_eq!(witness.master().await, Some(master));
    println!("and then: {:?}", there(&witness, &it).await);
}

/// Keeps everybody but the witness from moving the master's offset, or lets them again.
async fn quiet(master: &Server, quiet: bool) {
    let run = async |words: &[&str]| {
        let mut command = cmd(words[0]);
        command.arg(&words[1..]);
        master.ask::<String>(&command).await.unwrap()
    };
    if quiet {
        run(&["ACL", "SETUSER", "sentinel", "-publish"]).await;
        run(&["ACL", "SETUSER", "aia", "-@all"]).await;
        run(&["CONFIG", "SET", "repl-ping-replica-period", "3600"]).await;
    } else {
        run(&["ACL", "SETUSER", "sentinel", "+publish"]).await;
        run(&["ACL", "SETUSER", "aia", "+@all", "-@admin", "-@dangerous", "+info", "+role"]).await;
        run(&["CONFIG", "SET", "repl-ping-replica-period", "10"]).await;
    }
}

/// Each Sentinel keeps from failing over by itself for so long; in milliseconds.
async fn failover_timeout(witness: &Witness, ms: &str) {
    for nth in 0..3 {
        let _: String = witness.sentinel(nth, "SET", &["failover-timeout", ms]).await.unwrap();
    }
}

async fn priority(witness: &Witness, nth: usize, priority: &str) {
    let _: String = witness.nodes[nth].ask(cmd("CONFIG").arg("SET").arg("replica-priority").arg(priority)).await.unwrap();
    let told = async |witness: &Witness| {
        witness.replica_as_told().await.iter().all(|told| told.get("slave-priority").is_some_and(|told| told == priority))
    };
    witness.until("every Sentinel tells the priority", Duration::from_secs(60), told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_master_a_cache_is_failed_over_by_force() {
    let witness = Witness::new().await;
    let it = console(ESTATE).await;
    let otto = it.signed_in_as(Role::Operator).await;
    let master = witness.master().await.unwrap();
    let (old, new) = (witness.nodes[master].at.clone(), witness.nodes[1 - master].at.clone());
    // While it answers, nothing is forced: the plan is the planned one.
    let planned = plan(&otto, &new).await.leads_to("/plans/").to_owned();
    otto.get(&format!("/plans/{planned}"))
        .await
        .says(200, &["hands over to", "Nothing that was acknowledged is lost", "replica-priority 100"]);

    // The Sentinels find no good replica, try in vain once, and wait then for twenty minutes.
    priority(&witness, 1 - master, "0").await;
    let barred = plan(&otto, &new).await.leads_to("/plans/").to_owned();
    otto.get(&format!("/plans/{barred}")).await.says(200, &["Sentinel never promotes it"]);
    failover_timeout(&witness, "600000").await;
    fault("kill-redis-master", false).await;
    let tried = async |witness: &Witness| {
        let mut tried = 0;
        for nth in 0..3 {
            let fields: std::collections::HashMap<String, String> = witness.sentinel(nth, "MASTER", &[]).await.unwrap_or_default();
            tried +=
                usize::from(fields.get("flags").is_some_and(|flags| flags.contains("o_down") && !flags.contains("failover_in_progress")));
        }
        tried == 3
    };
    witness.until("every Sentinel finds it down and tries nothing", Duration::from_secs(60), tried).await;
    priority(&witness, 1 - master, "100").await;
    assert_eq!(witness.named().await, vec![old.clone(); 3], "nobody has failed over");

    let answer = otto.get(&format!("/plans/{planned}")).await;
    let key = crate::console::value_of(&answer.text, "request_key").unwrap_or_default().to_owned();
    let moved = [("request_key", key.as_str()), ("reason", "the master was there"), ("target", "sessions")];
    otto.post(&format!("/plans/{planned}/run"), &moved).await.says(409, &["The world has moved"]);

    let forced = plan(&otto, &new).await.leads_to("/plans/").to_owned();
    let page = otto.get(&format!("/plans/{forced}")).await;
    page.says(200, &["One Sentinel is told to promote", "3 of 3 Sentinels find it down", "is lost"]);
    let began = Instant::now();
    let run: i64 = press(&otto, &forced).await.leads_to("/runs/").parse().unwrap();
    let run = succeeded(&it.it.store, run, RUN).await;
    println!("forced: {:.1} s: {}", began.elapsed().as_secs_f64(), run.sentence);
    assert!(run.sentence.contains("forced") && run.sentence.contains(&new), "{}", run.sentence);
    assert_eq!(witness.named().await, vec![new.clone(); 3]);
    failover_timeout(&witness, "5000").await;
    fault("kill-redis-master", true).await;
    witness.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_sentinels_did_by_themselves_is_told_and_not_done_again() {
    let witness = Witness::new().await;
    let it = console(ESTATE).await;
    let master = witness.master().await.unwrap();
    let new = witness.nodes[1 - master].at.clone();
    let before = witness.orders().await;
    // Held with every check behind it; meanwhile the master dies, and the Sentinels promote the replica.
    let mut gates = Gates::new(&it.it).await;
    let run = held_while(&it, &mut gates, &witness, 1 - master, async || {
        fault("kill-redis-master", false).await;
        witness.agreed(1 - master, Duration::from_secs(60)).await;
    });
    let run = run.await;
    println!("promoted meanwhile: {:?}: {}", run.state, run.sentence);
    assert_eq!(run.state, RunState::Failed, "{run:?}");
    assert!(run.sentence.starts_with("Nothing was done"), "{}", run.sentence);
    assert_eq!(witness.orders().await.1 - before.1, 1, "the Sentinels' own failover and no other");
    fault("kill-redis-master", true).await;
    witness.settled().await;
    assert_eq!(witness.named().await, vec![new; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_nothing_is_begun() {
    let witness = Witness::new().await;
    let it = console(ESTATE).await;
    let otto = it.signed_in_as(Role::Operator).await;
    let new = witness.nodes[1 - witness.master().await.unwrap()].at.clone();
    let before = witness.orders().await;
    let sound = plan(&otto, &new).await.leads_to("/plans/").to_owned();
    let frozen = [witness.sentinels[1].freeze().await, witness.sentinels[2].freeze().await];
    let alone = async |witness: &Witness| witness.sentinel::<String>(0, "CKQUORUM", &[]).await.is_err();
    witness.until("the third Sentinel is alone", Duration::from_secs(60), alone).await;
    let barred = plan(&otto, &new).await.leads_to("/plans/").to_owned();
    otto.get(&format!("/plans/{barred}")).await.says(200, &["The Sentinels have their quorum", "1 of 3 answer", "1 usable Sentinels"]);
    // Made while all was well, and pressed now: refused by the same rule.
    press(&otto, &sound).await.says(422, &["The Sentinels have their quorum", "Nothing was started"]);
    drop(frozen);
    witness.settled().await;
    assert_eq!(witness.orders().await, before, "nothing was asked of anybody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_sentinel_of_three_is_told_of_and_enough() {
    let witness = Witness::new().await;
    let it = console(ESTATE).await;
    let otto = it.signed_in_as(Role::Operator).await;
    let to = 1 - witness.master().await.unwrap();
    fault("drop-sentinel", false).await;
    let made = plan(&otto, &witness.nodes[to].at).await.leads_to("/plans/").to_owned();
    otto.get(&format!("/plans/{made}")).await.says(200, &["2 of 3 answer", "refuses connections"]);
    let run: i64 = press(&otto, &made).await.leads_to("/runs/").parse().unwrap();
    let run = succeeded(&it.it.store, run, RUN).await;
    assert!(run.sentence.contains("2 of 3 Sentinels answer, and agree"), "{}", run.sentence);
    fault("drop-sentinel", true).await;
    witness.settled().await;
    assert_eq!(witness.master().await, Some(to));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_password_is_told_in_clear_words_and_not_shown() {
    let witness = Witness::new().await;
    let new = witness.nodes[1 - witness.master().await.unwrap()].at.clone();
    for (key, with) in [("act", "    act: {"), ("act_sentinels", "    act_sentinels: {")] {
        let wrong = format!("{with} user: qd-act, password: \"${{WRONG_PASSWORD}}\" }} #");
        let text = ESTATE.replace(with, &wrong);
        let specs: Vec<_> = server::actions::all().iter().map(|action| action.spec()).collect();
        let variables = |name: &str| if name == "WRONG_PASSWORD" { Some("hunter2".to_owned()) } else { std::env::var(name).ok() };
        let estate =
            server::config::Estate::from_text(&text, std::path::Path::new("."), &variables, &specs).unwrap_or_else(|_| panic!("{text}"));
        let it = TestStore::new().await;
        let url = it.url.clone();
        let it = TestConsole::with_estate(it, url, estate).await;
        let answer = plan(&it.signed_in_as(Role::Operator).await, &new).await;
        assert!(answer.status >= 400, "{}", answer.status);
        let remedy = format!("Give caches.sessions.{key} in the estate file a login that it accepts");
        answer.says(answer.status, &["does not let the console in", &remedy]);
        assert!(!answer.text.contains("hunter2"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_form_is_refused_and_recorded() {
    let witness = Witness::new().await;
    let it = console(ESTATE).await;
    let (before, new) = (witness.orders().await, witness.nodes[1 - witness.master().await.unwrap()].at.clone());
    for (nth, role) in [Role::Viewer, Role::Auditor, Role::Responder].into_iter().enumerate() {
        let answer = plan(&it.signed_in_as(role).await, &new).await;
        assert_eq!(answer.status, 403, "{role:?}");
        assert_eq!(it.count("permission_denied").await, nth as i64 + 1, "{role:?}");
    }
    let otto = it.signed_in_as(Role::Operator).await;
    let made = plan(&otto, &new).await.leads_to("/plans/").to_owned();
    let rosa = it.signed_in_as(Role::Responder).await;
    let fields = [("request_key", "0123456789abcdef0123456789abcdef"), ("reason", "a forged form"), ("target", "sessions")];
    let answer = rosa.post(&format!("/plans/{made}/run"), &fields).await;
    assert_eq!(answer.status, 403);
    for (typed, says) in [("", "Choose one"), ("127.0.0.1:1", "is no replica of sessions"), ("<script>", "is no replica")] {
        let answer = plan(&otto, typed).await;
        answer.says(answer.status, &[says]);
        assert!(answer.status >= 400 && !answer.text.contains("<script>alert"), "{typed}: {}", answer.status);
    }
    let master = &witness.nodes[witness.master().await.unwrap()].at;
    let answer = plan(&otto, master).await;
    answer.says(answer.status, &["is the master already"]);
    assert_eq!(witness.orders().await, before);
}

/// A node that says what it likes to everybody.
async fn liar(info: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let info = info.clone();
            tokio::spawn(async move {
                let mut request = [0; 4_096];
                while let Ok(n @ 1..) = stream.read(&mut request).await {
                    let asked = String::from_utf8_lossy(&request[..n]).to_uppercase();
                    // One answer for each command of a pipeline: each begins with the number of its words.
                    for command in asked.split('*').skip(1) {
                        let answer = match command {
                            command if command.contains("INFO") => format!("${}\r\n{info}\r\n", info.len()),
                            command if command.contains("SLOWLOG") => "*0\r\n".to_owned(),
                            _ => "+OK\r\n".to_owned(),
                        };
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    at
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_lies_about_its_role_is_not_believed() {
    let witness = Witness::new().await;
    let master = witness.master().await.unwrap();
    let (host, port) = witness.nodes[master].at.rsplit_once(':').unwrap();
    let claims_to_follow = format!(
        "role:slave\r\nrun_id:ffff\r\nmaster_host:{host}\r\nmaster_port:{port}\r\nmaster_link_status:up\r\nmaster_sync_in_progress:0\r\n\
         slave_repl_offset:99999999999\r\nslave_priority:1\r\n"
    );
    let claims_to_be_master = "role:master\r\nrun_id:ffff\r\nconnected_slaves:9\r\nmaster_repl_offset:99999999999\r\n".to_owned();
    let before = witness.orders().await;
    for (info, says) in
        [(claims_to_follow, "the master does not list it among its replicas"), (claims_to_be_master, "demoted the wrong one")]
    {
        let lying = liar(info).await;
        let text = ESTATE.replace("\"${REDIS2}\"", &format!("\"${{REDIS2}}\", \"{lying}\""));
        let it = console(&text).await;
        let otto = it.signed_in_as(Role::Operator).await;
        let honest = witness.nodes[1 - master].at.clone();
        let candidate = if says.contains("list") { lying.to_string() } else { honest };
        let made = plan(&otto, &candidate).await.leads_to("/plans/").to_owned();
        otto.get(&format!("/plans/{made}")).await.says(200, &[says]);
        let forged = [("request_key", "0123456789abcdef0123456789abcdef"), ("reason", "pressed all the same"), ("target", "sessions")];
        otto.post(&format!("/plans/{made}/run"), &forged).await.says(422, &["Nothing was started"]);
    }
    assert_eq!(witness.orders().await, before);
    assert_eq!(variable("REDIS_MASTER_NAME"), "cache");
}
