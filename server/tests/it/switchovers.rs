//! The lead of a real database is moved, refused, lost half-way: what the console says of it is what is so, and no acknowledged commit is lost.

use std::time::{Duration, Instant};

use app::model::{Role, RunState, StepState};
use server::store::Run;
use tokio::time::sleep;

use crate::{
    bed::{fault, variable},
    console::{Answer, TestConsole, Visitor, ended, succeeded, value_of, words},
    database::{
        Between, DATABASE, ESTATE, Script, Writer, alone, client, configuration, configure, kill, patroni_url, postmaster, roles, signal,
        superuser, whole,
    },
    store::TestStore,
};

const SWITCH: &str = "switch-over-database";
const FAIL: &str = "fail-over-database";
/// Longer than a switchover with the old leader's return takes on a machine that is busy.
const WHOLE: Duration = Duration::from_secs(150);

async fn console(estate: &str) -> TestConsole {
    let it = TestStore::new().await;
    let url = it.url.clone();
    TestConsole::of_estate(it, url, estate).await
}

impl Visitor {
    async fn plan_lead(&self, runbook: &str, candidate: &str) -> Answer {
        self.post(&format!("/runbooks/{runbook}/plan"), &[("target", DATABASE), ("candidate", candidate)]).await
    }

    /// Plans and confirms, with the name typed where that is asked for; the run's number.
    async fn lead(&self, runbook: &str, candidate: &str) -> i64 {
        let planned = self.plan_lead(runbook, candidate).await;
        let plan = planned.leads_to("/plans/");
        let page = self.get(&format!("/plans/{plan}")).await;
        let key = value_of(&page.text, "request_key").unwrap_or_else(|| panic!("no form to press in: {}", words(&page.text)));
        let fields = [("request_key", key), ("reason", "a test of the lead"), ("target", "aia_production")];
        self.post(&format!("/plans/{plan}/run"), &fields).await.leads_to("/runs/").parse().unwrap()
    }

    /// The words of a plan's page.
    async fn planned(&self, runbook: &str, candidate: &str) -> String {
        let planned = self.plan_lead(runbook, candidate).await;
        words(&self.get(&format!("/plans/{}", planned.leads_to("/plans/"))).await.text)
    }
}

/// The seconds without writes that the run tells of.
fn told_gap(run: &Run) -> f64 {
    let (_, rest) = run.sentence.split_once("writes were refused for ").unwrap_or_else(|| panic!("no gap in: {}", run.sentence));
    rest.split(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switchover_and_back_loses_no_commit_and_its_gap_is_what_a_client_sees() {
    let _alone = alone().await;
    let it = console(ESTATE).await;
    let otto = it.signed_in_as(Role::Operator).await;
    let (leader, replica) = roles().await;
    let form = otto.get(&format!("/runbooks/{SWITCH}?target={DATABASE}")).await;
    form.says(200, &[&format!("{replica}, asynchronous"), &format!("{leader} leads now")]);
    let writer = Writer::start().await;
    for (from, to) in [(&leader, &replica), (&replica, &leader)] {
        whole().await;
        let page = otto.planned(SWITCH, to).await;
        assert!(page.contains("17/17pass") && page.contains("Nothing has happened yet"), "{page}");
        let run = otto.lead(SWITCH, to).await;
        let end = succeeded(&it.it.store, run, WHOLE).await;
        let (told, seen) = (told_gap(&end), writer.gap().expect("writes went over").as_secs_f64());
        println!("{from} to {to}: told {told:.2} s, a client saw {seen:.2} s: {}", end.sentence);
        assert!(end.sentence.contains(&format!("{to} leads on timeline")) && end.sentence.contains(&format!("{from} follows it again")));
        assert!((told - seen).abs() <= 0.1 * seen + 0.02, "told {told}, a client saw {seen}");
        assert_eq!(roles().await, (to.clone(), from.clone()));
        assert_eq!(writer.lost().await, 0, "acknowledged commits are there");
        let page = otto.get(&format!("/runs/{run}")).await;
        page.says(200, &[&format!("Switch over back to {from}"), "Plan the undo"]);
        assert_eq!(value_of(&page.text, "candidate"), Some(from.as_str()), "the undo is a switchover back");
    }
    println!("{} commits were acknowledged", writer.acknowledged());
    writer.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_is_refused_and_what_is_typed_is_kept() {
    let _alone = alone().await;
    let it = console(ESTATE).await;
    let (leader, replica) = roles().await;
    let rosa = it.signed_in_as(Role::Responder).await;
    rosa.plan_lead(SWITCH, &replica).await.says(403, &["needs the role operator", "recorded"]);
    let otto = it.signed_in_as(Role::Operator).await;
    otto.plan_lead(FAIL, &replica).await.says(403, &["needs the role admin", "recorded"]);
    assert_eq!(it.count("permission_denied").await, 2);
    otto.plan_lead(SWITCH, "pg9")
        .await
        .says(422, &["“pg9” is no member of aia_production", &format!("choose {replica}"), "pg9 (not offered now)"]);
    otto.plan_lead(SWITCH, "").await.says(422, &["Choose one"]);
    let page = otto.planned(SWITCH, &leader).await;
    assert!(page.contains("It cannot run.") && page.contains("it leads already"), "{page}");

    // The last resort while the leader is well: refused by its rule, and the other verb is offered.
    let ada = it.signed_in_as(Role::Admin).await;
    let page = ada.planned(FAIL, &replica).await;
    for part in [
        "It cannot run.",
        "switch over instead, which loses nothing",
        "There is a better way.",
        &format!("Switch over aia_production to {replica}"),
    ] {
        assert!(page.contains(part), "“{part}” in: {page}");
    }

    // The page says of it what a plan would.
    let began = Instant::now();
    let page = loop {
        let page = otto.get(&format!("/systems/{DATABASE}")).await;
        if words(&page.text).contains(&format!("to {replica}: possible now")) {
            break page;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{}", words(&page.text));
        sleep(Duration::from_millis(200)).await;
    };
    let (primary, follows) = (format!("{leader}, primary"), format!("{replica}, replica"));
    page.says(
        200,
        &[&primary, &follows, "reach the lock store", "Not yet received", "Not yet replayed", "Replayed after", "Who blocks whom"],
    );
    page.says(200, &["Switch over aia_production", "Fail over aia_production", "Who is connected", "aia"]);

    let wrong = console(&ESTATE.replace("\"${PATRONI_USER}\"", "nobody")).await;
    let otto = wrong.signed_in_as(Role::Operator).await;
    let run = otto.lead(SWITCH, &replica).await;
    let end = ended(&wrong.it.store, run, WHOLE).await;
    assert_eq!(end.state, RunState::Failed, "{end:?}");
    assert!(
        end.sentence.contains("Nothing was done: Patroni does not let the console act") && end.sentence.contains("401"),
        "{}",
        end.sentence
    );
    assert_eq!(roles().await, (leader, replica));
}

/// Waits until a plan's page says it.
async fn plan_says(otto: &Visitor, candidate: &str, part: &str) {
    let began = Instant::now();
    loop {
        let page = otto.planned(SWITCH, candidate).await;
        if page.contains(part) {
            assert!(page.contains("It cannot run."), "{page}");
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "no “{part}” in: {page}");
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_condition_that_does_not_hold_refuses_by_its_rule() {
    let _alone = alone().await;
    let it = console(ESTATE).await;
    let otto = it.signed_in_as(Role::Operator).await;
    let (leader, replica) = roles().await;

    configure(serde_json::json!({"pause": true})).await;
    plan_says(&otto, &replica, "somebody paused it and may be at work").await;
    configure(serde_json::json!({"pause": null})).await;

    let login = (variable("PATRONI_USER"), variable("PATRONI_PASSWORD"));
    let at = (chrono::Utc::now() + chrono::TimeDelta::hours(6)).to_rfc3339();
    let body = serde_json::json!({"leader": leader, "candidate": replica, "scheduled_at": at});
    let url = format!("{}/switchover", patroni_url(&leader));
    let answer = client().post(&url).basic_auth(&login.0, Some(&login.1)).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    plan_says(&otto, &replica, "one is scheduled for").await;
    assert!(client().delete(&url).basic_auth(&login.0, Some(&login.1)).send().await.unwrap().status().is_success());

    // A base backup as slow as they come.
    let replication = configuration(&leader)["postgresql"]["authentication"]["replication"].clone();
    let (host, port) = crate::database::address(&leader).rsplit_once(':').map(|(host, port)| (host.to_owned(), port.to_owned())).unwrap();
    let mut backup = tokio::process::Command::new("pg_basebackup")
        .args([
            "-h",
            &host,
            "-p",
            &port,
            "-U",
            replication["username"].as_str().unwrap(),
            "-D",
            "-",
            "-F",
            "tar",
            "-X",
            "none",
            "-c",
            "fast",
            "-r",
            "32k",
        ])
        .env("PGPASSWORD", replication["password"].as_str().unwrap())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    plan_says(&otto, &replica, &format!("1 running from {leader}; it would be lost")).await;
    backup.kill().await.unwrap();

    // It streams, and replays nothing; it receives nothing, and its connection stands. Neither says so of itself.
    let wal = "select pg_logical_emit_message(false, 'it', 'something to receive and to replay')";
    fault("pause-replay", false).await;
    sqlx::query(wal).execute(&mut superuser(&leader).await).await.unwrap();
    plan_says(&otto, &replica, "it has replayed nothing for").await;
    fault("pause-replay", true).await;
    whole().await;
    let receiver: i32 = sqlx::query_scalar("select pid from pg_stat_wal_receiver").fetch_one(&mut superuser(&replica).await).await.unwrap();
    kill(&receiver.to_string(), "STOP");
    sqlx::query(wal).execute(&mut superuser(&leader).await).await.unwrap();
    plan_says(&otto, &replica, "it has received nothing for").await;
    kill(&receiver.to_string(), "CONT");
    whole().await;

    // Its walreceiver stands still while more than Patroni's bound is written.
    let receiver: i32 = sqlx::query_scalar("select pid from pg_stat_wal_receiver").fetch_one(&mut superuser(&replica).await).await.unwrap();
    kill(&receiver.to_string(), "STOP");
    sqlx::query("select pg_logical_emit_message(false, 'it', repeat('x', 1000000)) from generate_series(1, 3)")
        .execute(&mut superuser(&leader).await)
        .await
        .unwrap();
    plan_says(&otto, &replica, "Patroni's maximum_lag_on_failover is").await;
    kill(&receiver.to_string(), "CONT");
    whole().await;

    // The replica's machine stands still.
    fault("freeze-replica", false).await;
    plan_says(&otto, &replica, "did not answer within 2 s").await;
    fault("freeze-replica", true).await;
    whole().await;

    // The mark of its administrator.
    let file = crate::database::folder().join("cfg").join(format!("{replica}.yml"));
    let plain = std::fs::read_to_string(&file).unwrap();
    let mut marked: serde_json::Value = serde_json::from_str(&plain).unwrap();
    marked["tags"] = serde_json::json!({"nofailover": true});
    std::fs::write(&file, marked.to_string()).unwrap();
    let reload = async || {
        let url = format!("{}/reload", patroni_url(&replica));
        assert!(client().post(url).basic_auth(&login.0, Some(&login.1)).send().await.unwrap().status().is_success());
    };
    reload().await;
    plan_says(&otto, &replica, "its administrator marked it: nofailover").await;
    std::fs::write(&file, plain).unwrap();
    reload().await;
    assert_eq!(roles().await, (leader, replica.clone()), "nothing was moved by all this");

    // And when all holds again, so does the plan.
    let began = Instant::now();
    while otto.planned(SWITCH, &replica).await.contains("It cannot run.") {
        assert!(began.elapsed() < Duration::from_secs(30), "{}", otto.planned(SWITCH, &replica).await);
        sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_patroni_answers_the_run_ends_by_what_is_so() {
    let _alone = alone().await;
    let between = Between::start().await;
    let it = console(&between.estate()).await;
    let otto = it.signed_in_as(Role::Operator).await;
    // No effect is made by any of these: the run says so, however the answer was.
    for (script, state, says) in [
        (Script::Failed, RunState::Failed, "Nothing was done: Patroni gave it up: “Switchover failed”"),
        (Script::Scheduled, RunState::Failed, "Patroni put it off to a time, which was not asked for"),
        (Script::Unknown, RunState::Failed, "and it was seen not to be done"),
        (Script::HangsUp, RunState::Failed, "closed the connection without an answer; and it was seen not to be done"),
        (Script::Rubbish, RunState::Failed, "and it was seen not to be done"),
        (Script::WithoutEffect, RunState::Failed, "Patroni said that it was done, but for 10 s"),
        (Script::Instead, RunState::Failed, "Patroni said that it was done, but for 10 s"),
    ] {
        whole().await;
        let (leader, replica) = roles().await;
        let before = between.asked();
        between.set(script);
        let run = otto.lead(SWITCH, &replica).await;
        let end = ended(&it.it.store, run, WHOLE).await;
        println!("{script:?}: {}: {}", end.state.word(), end.sentence);
        assert_eq!(end.state, state, "{script:?}: {end:?}");
        assert!(end.sentence.contains(says), "{script:?}: {}", end.sentence);
        assert_eq!(between.asked() - before, 1, "{script:?}: asked once");
        assert_eq!(roles().await, (leader, replica), "{script:?}: nothing moved");
    }

    // Done, and the answer is lost: unknown, and then seen.
    let (leader, replica) = roles().await;
    let before = between.asked();
    between.set(Script::DoneAndHangsUp);
    let run = otto.lead(SWITCH, &replica).await;
    let end = succeeded(&it.it.store, run, WHOLE).await;
    println!("DoneAndHangsUp: {}", end.sentence);
    assert!(end.steps[0].detail.contains("the answer was lost"), "{end:?}");
    assert!(end.sentence.contains("writes were refused for"), "{}", end.sentence);
    assert_eq!((between.asked() - before, roles().await), (1, (replica, leader)));

    // A member that says of itself that it leads, and a Patroni that speaks no JSON: refused in words, and nothing of it becomes markup.
    let (_, replica) = roles().await;
    between.set(Script::Lies);
    plan_says(&otto, &replica, "says that it leads").await;
    between.set(Script::Babbles);
    let refused = otto.plan_lead(SWITCH, &replica).await;
    refused.says(422, &["It cannot be told who leads aia_production", "Nothing was started"]);
    assert!(!refused.text.contains("<script>alert"), "{}", refused.text);
    between.set(Script::Passes);
}

/// Waits until a run's first step is under way.
async fn asking(it: &TestConsole, run: i64) {
    let began = Instant::now();
    while it.it.store.run(run).await.ok().flatten().is_none_or(|run| run.steps[0].state != StepState::Running) {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not ask");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_dies_in_the_middle_and_the_ending_is_true() {
    let _alone = alone().await;
    let it = console(ESTATE).await;
    let otto = it.signed_in_as(Role::Operator).await;
    let (leader, replica) = roles().await;
    let server = postmaster(&leader);
    let run = otto.lead(SWITCH, &replica).await;
    asking(&it, run).await;
    // Until the request is on its way. By then its PostgreSQL may have stopped: its Patroni dies with the lead not yet handed over.
    sleep(Duration::from_millis(300)).await;
    signal(["patroni1", "patroni2"][crate::database::index(&leader)], "KILL");
    let _ = std::process::Command::new("kill").args(["-KILL", &server]).status();
    // The old leader comes back by somebody's hand while the run waits for it.
    let back = async {
        let began = Instant::now();
        while roles_now().await.as_deref() != Some(&replica) {
            assert!(began.elapsed() < Duration::from_secs(60), "nobody takes over");
            sleep(Duration::from_millis(300)).await;
        }
        restart_patroni(&leader);
    };
    let (end, ()) = tokio::join!(ended(&it.it.store, run, WHOLE), back);
    println!("the leader was killed: {}: {}", end.state.word(), end.sentence);
    let (now, _) = {
        whole().await;
        roles().await
    };
    assert_eq!(end.state, RunState::Succeeded, "{end:?}");
    assert_eq!(now, replica);
    assert!(end.sentence.contains(&format!("{replica} leads on timeline")), "{}", end.sentence);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_whose_last_checkpoint_takes_long_is_waited_for() {
    let _alone = alone().await;
    let it = console(ESTATE).await;
    let otto = it.signed_in_as(Role::Operator).await;
    let (leader, replica) = roles().await;
    let pid: i32 = sqlx::query_scalar("select pid from pg_stat_activity where backend_type = 'checkpointer'")
        .fetch_one(&mut superuser(&leader).await)
        .await
        .unwrap();
    // Longer than Patroni answers for, and than a request may leave no trace.
    let run = otto.lead(SWITCH, &replica).await;
    kill(&pid.to_string(), "STOP");
    asking(&it, run).await;
    let began = Instant::now();
    let mut said = String::new();
    while began.elapsed() < Duration::from_secs(50) {
        sleep(Duration::from_secs(1)).await;
        let now = it.it.store.run(run).await.unwrap().unwrap();
        if now.state.has_ended() {
            kill(&pid.to_string(), "CONT");
            panic!("it ended after {:?}: {now:?}", began.elapsed());
        }
        said = now.steps[0].detail.clone();
    }
    println!("after 50 s: {said}");
    kill(&pid.to_string(), "CONT");
    let end = ended(&it.it.store, run, WHOLE).await;
    assert_eq!(end.state, RunState::Succeeded, "{end:?}");
    println!("{}", end.sentence);
    whole().await;
    assert_eq!(roles().await.0, replica);
}

async fn roles_now() -> Option<String> {
    let cluster = crate::database::cluster().await?;
    let members = cluster["members"].as_array()?;
    members.iter().find(|member| member["role"] == "leader")?["name"].as_str().map(str::to_owned)
}

/// Starts a member's Patroni as the bed does: the fault's mending does it where nothing was struck by it.
fn restart_patroni(member: &str) {
    let scars = crate::database::folder().join("scars");
    std::fs::write(scars.join("kill-primary"), member).unwrap();
    tokio::spawn(async { fault("kill-primary", true).await });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lock_store_goes_in_the_middle_and_the_ending_waits_until_it_can_be_told() {
    let _alone = alone().await;
    let it = console(ESTATE).await;
    let otto = it.signed_in_as(Role::Operator).await;
    let (leader, replica) = roles().await;
    let run = otto.lead(SWITCH, &replica).await;
    asking(&it, run).await;
    sleep(Duration::from_millis(150)).await;
    signal("etcd", "STOP");
    // Nobody can tell: the run is unknown or still waits, and has not ended.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        let run = it.it.store.run(run).await.ok().flatten();
        assert!(run.as_ref().is_none_or(|run| !run.state.has_ended() || run.state == RunState::Succeeded), "{run:?}");
        sleep(Duration::from_millis(500)).await;
    }
    signal("etcd", "CONT");
    let end = ended(&it.it.store, run, WHOLE).await;
    whole().await;
    let (now, _) = roles().await;
    println!("the lock store stood still: {}: {} ({now} leads)", end.state.word(), end.sentence);
    match end.state {
        RunState::Succeeded => assert_eq!(now, replica, "{end:?}"),
        RunState::Failed => {
            assert_eq!(now, leader, "{end:?}");
            assert!(end.sentence.contains("Nothing was done"), "{}", end.sentence);
        }
        RunState::SucceededElsewhere => assert!(end.sentence.contains(&format!("{now} leads")), "{}", end.sentence),
        _ => panic!("{end:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_leader_a_failover_names_what_may_be_lost() {
    let _alone = alone().await;
    let it = console(ESTATE).await;
    let ada = it.signed_in_as(Role::Admin).await;
    let (leader, replica) = roles().await;
    // The console has seen the leader write for a while.
    sleep(Duration::from_secs(8)).await;
    // Paused, it does not fail over by itself.
    configure(serde_json::json!({"pause": true})).await;
    sleep(Duration::from_secs(2)).await;
    fault("kill-primary", false).await;
    let began = Instant::now();
    while roles_now().await.is_some() {
        assert!(began.elapsed() < Duration::from_secs(40), "the lease does not end");
        sleep(Duration::from_millis(300)).await;
    }
    let otto = it.signed_in_as(Role::Operator).await;
    let page = otto.planned(SWITCH, &replica).await;
    assert!(page.contains("no member leads: only a failover helps") && page.contains("There is a better way."), "{page}");
    let began = Instant::now();
    let page = loop {
        let page = ada.planned(FAIL, &replica).await;
        if !page.contains("It cannot run.") {
            break page;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{page}");
        sleep(Duration::from_millis(500)).await;
    };
    let at = page.find("commits that were acknowledged").unwrap_or_else(|| panic!("{page}"));
    println!("{}", &page[at..page.len().min(at + 420)]);
    assert!(page[at..].contains("lost: ") && !page[at..].contains("lost: not known") && page.contains(&leader), "{page}");

    // Not without the target's name.
    let planned = ada.plan_lead(FAIL, &replica).await;
    let plan = planned.leads_to("/plans/");
    let form = ada.get(&format!("/plans/{plan}")).await;
    let key = value_of(&form.text, "request_key").unwrap();
    let fields = [("request_key", key), ("reason", "the leader is dead"), ("target", "aia")];
    ada.post(&format!("/plans/{plan}/run"), &fields).await.says(422, &["Type aia_production to confirm", "the leader is dead"]);

    let run = ada.lead(FAIL, &replica).await;
    let end = succeeded(&it.it.store, run, WHOLE).await;
    println!("{}", end.sentence);
    assert!(end.sentence.contains(&format!("{replica} leads and takes writes")), "{}", end.sentence);
    configure_alone(&replica, serde_json::json!({"pause": null})).await;
    fault("kill-primary", true).await;
    whole().await;
    assert_eq!(roles().await, (replica, leader));
}

/// Where only the leader is there to be asked.
async fn configure_alone(leader: &str, change: serde_json::Value) {
    let (user, password) = (variable("PATRONI_USER"), variable("PATRONI_PASSWORD"));
    let answer =
        client().patch(format!("{}/config", patroni_url(leader))).basic_auth(user, Some(password)).json(&change).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}
