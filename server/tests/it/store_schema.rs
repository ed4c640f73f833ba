//! The schema's version, durability and the run-time role are checked in words.

use server::store::{self, SchemaFault, StoreFault};
use sqlx::{AssertSqlSafe, Executor};

use crate::store::{TestStore, empty_database, migrations};

#[tokio::test]
async fn an_empty_store_says_to_migrate_and_migrating_twice_is_migrating_once() {
    // Makes the role that both databases are reached as.
    let ready = TestStore::new().await;
    let newest = *migrations().last().unwrap();
    assert_eq!(ready.store.check().await.unwrap(), newest);
    let (url, owner_url, name) = empty_database().await;
    let empty = TestStore::over(url, owner_url, name);
    assert!(matches!(empty.store.check().await, Err(SchemaFault::Empty)));
    for _ in 0..2 {
        assert_eq!(store::migrate(&empty.owner_url, &empty.url).await.unwrap(), newest);
    }
    assert_eq!(empty.store.check().await.unwrap(), newest);
}

#[tokio::test]
async fn an_older_and_a_newer_schema_are_refused_in_words() {
    let it = TestStore::new().await;
    let mut owner = it.owner().await;
    owner
        .execute(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (99, 'later', true, 'x', 0)",
        )
        .await
        .unwrap();
    let newer = it.store.check().await.unwrap_err().to_string();
    let known = migrations();
    let (newest, before) = (known[known.len() - 1], known[known.len() - 2]);
    assert!(newer.contains(&format!("version 99, newer than the {newest}")) && newer.contains("newer console"), "{newer}");
    owner.execute(AssertSqlSafe(format!("delete from _sqlx_migrations where version in ({newest}, 99)"))).await.unwrap();
    let older = it.store.check().await.unwrap_err().to_string();
    assert!(older.contains(&format!("version {before}")) && older.contains("quarterdeck migrate"), "{older}");
}

#[tokio::test]
async fn a_changed_and_a_half_done_migration_are_refused() {
    let it = TestStore::new().await;
    let mut owner = it.owner().await;
    owner.execute("update _sqlx_migrations set checksum = 'other' where version = 2").await.unwrap();
    assert!(matches!(it.store.check().await, Err(SchemaFault::Different(2))));
    owner.execute("update _sqlx_migrations set success = false where version = 3").await.unwrap();
    assert!(matches!(it.store.check().await, Err(SchemaFault::Unfinished(3))));
}

#[tokio::test]
async fn a_store_that_forgets_commits_is_refused() {
    let it = TestStore::new().await;
    let database: String = sqlx::query_scalar("select current_database()").fetch_one(&mut it.owner().await).await.unwrap();
    it.owner().await.execute(AssertSqlSafe(format!("alter database {database} set synchronous_commit = off"))).await.unwrap();
    let console = server::store::Store::connect(&it.url).unwrap();
    assert!(matches!(console.check().await, Err(SchemaFault::NotDurable)));
}

#[tokio::test]
async fn the_owner_may_not_serve() {
    let it = TestStore::new().await;
    let console = server::store::Store::connect(&it.owner_url).unwrap();
    assert!(matches!(console.check().await, Err(SchemaFault::RoleTooStrong)));
    assert!(matches!(store::migrate(&it.owner_url, &it.owner_url).await, Err(StoreFault::OwnerIsRole(_))));
}

#[tokio::test]
async fn every_table_has_its_grants() {
    let it = TestStore::new().await;
    let without: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace
         and not has_table_privilege(oid, 'select')",
    )
    .fetch_all(&mut it.run_time().await)
    .await
    .unwrap();
    assert_eq!(without, Vec::<String>::new(), "tables that store/schema.rs grants nothing on");
}

#[tokio::test]
async fn the_run_time_role_cannot_change_history_or_the_schema() {
    let it = TestStore::new().await;
    it.account("anna", app::model::Role::Admin).await;
    let mut role = it.run_time().await;
    for statement in [
        "update audit_events set actor = 'x'",
        "delete from audit_events",
        "truncate audit_events",
        "alter table audit_events disable trigger all",
        "drop table audit_events",
        "create table mine (x int)",
        "delete from runs",
        "delete from accounts",
        "update health_changes set summary = 'x'",
        "update _sqlx_migrations set version = 1",
    ] {
        let err = role.execute(statement).await.expect_err(statement);
        let code = err.as_database_error().and_then(|err| err.code().map(|code| code.into_owned()));
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {err}");
    }
}

#[tokio::test]
async fn a_password_never_shows_in_a_fault() {
    let url = server::config::Secret::new("postgres://qd:hunter2@127.0.0.1:1/none");
    let owner = server::config::Secret::new("postgres://own:hunter3@127.0.0.1:1/none");
    let fault = store::migrate(&owner, &url).await.unwrap_err();
    assert!(!format!("{fault} {fault:?}").contains("hunter"), "{fault:?}");
}
