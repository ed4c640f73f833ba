//! The audit's chain: what was changed, removed or put in is found, also when the tables' owner did it.

use app::model::Role;
use server::{
    audit::{Actor, Event, Record, verify},
    store::AuditQuery,
};
use sqlx::{AssertSqlSafe, Executor};

use crate::store::TestStore;

async fn with_history(n: usize) -> TestStore {
    let it = TestStore::new().await;
    for n in 0..n {
        let event = Event::SignedIn { address: format!("192.0.2.{n}") };
        it.store
            .record(&Record::new(Actor::Account("anna".to_owned()), event).on("database/main".parse().unwrap()).in_run(7))
            .await
            .unwrap();
    }
    it
}

#[tokio::test]
async fn every_link_holds_after_many_writers() {
    let it = with_history(1).await;
    // Two doors are two replicas: they race for the next link.
    let other = server::store::Store::connect(&it.url).unwrap();
    let writers = (0..40).map(|n| {
        let store = if n % 2 == 0 { it.store.clone() } else { other.clone() };
        tokio::spawn(async move { store.record(&Record::new(Actor::Console, Event::SignedOut {})).await })
    });
    for written in futures::future::join_all(writers).await {
        written.unwrap().unwrap();
    }
    let chain = verify(&it.store, 1, None).await.unwrap();
    assert_eq!((chain.broken.as_ref(), chain.n_events), (None, 41), "{}", chain.sentence());
    let part = verify(&it.store, 10, Some(20)).await.unwrap();
    assert_eq!((part.broken.as_ref(), part.n_events), (None, 11), "{}", part.sentence());
}

#[tokio::test]
async fn a_change_of_any_column_of_any_row_is_found() {
    const ROWS: i64 = 3;
    let it = with_history(3).await;
    let mut owner = it.owner().await;
    let columns: Vec<String> = sqlx::query_scalar(
        "select column_name::text from information_schema.columns where table_name = 'audit_events' and column_name <> 'seq' order by 1",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert_eq!(columns.len(), 9);
    for column in columns {
        for seq in 1..=ROWS {
            let other = match column.as_str() {
                "at" => "at + interval '1 microsecond'",
                "format" => "format + 1",
                "run_id" => "null",
                "target" => "null",
                "detail" => "detail || ' '",
                "hash" | "prev_hash" => "sha256('x')",
                "actor" => "'ben'",
                "kind" => "'signed_out'",
                other => panic!("no change for the new column {other}: is it hashed?"),
            };
            owner.execute("begin").await.unwrap();
            owner.execute(AssertSqlSafe(format!("create table kept as select * from audit_events where seq = {seq}"))).await.unwrap();
            owner.execute(AssertSqlSafe(format!("update audit_events set {column} = {other} where seq = {seq}"))).await.unwrap();
            owner.execute("commit").await.unwrap();
            let broken = verify(&it.store, 1, None).await.unwrap().broken.unwrap_or_else(|| panic!("{column} of {seq} changed unseen"));
            assert!(broken.seq == seq || broken.seq == seq + 1, "{column} of {seq}: {broken:?}");
            owner.execute("begin").await.unwrap();
            owner.execute(AssertSqlSafe(format!("delete from audit_events where seq = {seq}"))).await.unwrap();
            owner.execute("insert into audit_events select * from kept").await.unwrap();
            owner.execute("drop table kept").await.unwrap();
            owner.execute("commit").await.unwrap();
            assert_eq!(verify(&it.store, 1, None).await.unwrap().broken, None, "put back as it was");
        }
    }
}

#[tokio::test]
async fn a_row_taken_out_of_the_middle_is_found() {
    let it = with_history(5).await;
    it.owner().await.execute("delete from audit_events where seq = 3").await.unwrap();
    let broken = verify(&it.store, 1, None).await.unwrap().broken.unwrap();
    assert_eq!((broken.seq, broken.why.as_str()), (4, "event 3 before it is missing"));
}

#[tokio::test]
async fn rows_closed_up_over_a_gap_are_found() {
    let it = with_history(5).await;
    it.owner().await.execute("delete from audit_events where seq = 3; update audit_events set seq = seq - 1 where seq > 3").await.unwrap();
    assert_eq!(verify(&it.store, 1, None).await.unwrap().broken.unwrap().seq, 3);
}

#[tokio::test]
async fn a_row_put_in_between_is_found() {
    let it = with_history(3).await;
    it.owner()
        .await
        .execute(
            "update audit_events set seq = 4 where seq = 3;
             insert into audit_events (seq, format, at, actor, kind, detail, prev_hash, hash)
             values (3, 1, now(), 'anna', 'signed_out', '{}', sha256('x'), sha256('y'))",
        )
        .await
        .unwrap();
    assert_eq!(verify(&it.store, 1, None).await.unwrap().broken.unwrap().seq, 3);
}

#[tokio::test]
async fn a_state_and_its_event_are_written_together_or_not_at_all() {
    let it = TestStore::new().await;
    let mut owner = it.owner().await;
    owner.execute("alter table audit_events add constraint nothing_more check (kind <> 'account_created') not valid").await.unwrap();
    let hash = server::config::Secret::new("$argon2id$x");
    let account = server::store::NewAccount { name: "anna", password_hash: &hash, role: Role::Admin };
    assert!(it.store.create_account(&account, Actor::Console).await.is_err());
    assert!(it.store.account("anna").await.unwrap().is_none(), "no account without its event");
}

#[tokio::test]
async fn the_audit_is_paged_and_filtered() {
    let it = with_history(3).await;
    it.store.record(&Record::new(Actor::Nobody, Event::SignedOut {})).await.unwrap();
    let page = async |query: AuditQuery, limit| {
        it.store.audit_page(&query, limit).await.unwrap().1.into_iter().map(|event| event.seq).collect::<Vec<_>>()
    };
    assert_eq!(page(AuditQuery::default(), 2).await, [4, 3]);
    assert_eq!(page(AuditQuery { before: Some(3), ..AuditQuery::default() }, 2).await, [2, 1]);
    assert_eq!(page(AuditQuery { actor: Some("nobody".into()), ..AuditQuery::default() }, 9).await, [4]);
    assert_eq!(page(AuditQuery { kind: Some("signed_in".into()), ..AuditQuery::default() }, 9).await, [3, 2, 1]);
    assert_eq!(page(AuditQuery { run: Some(7), targets: Some(vec!["database/main".into()]), ..AuditQuery::default() }, 9).await, [3, 2, 1]);
    let (now, events) = it.store.audit_page(&AuditQuery::default(), 2).await.unwrap();
    let row = events[1].row(now);
    assert_eq!((row.sentence.as_str(), row.hash.len()), ("Signed in from 192.0.2.2", 12));
    assert_eq!(row.detail, [("address".to_owned(), "192.0.2.2".to_owned())]);
}
