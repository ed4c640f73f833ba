//! Sessions that hold on to the database until they are killed.

use std::{future::pending, time::Duration};

use sqlx::PgConnection;
use tokio::task::JoinSet;

use crate::{
    bed::Bed,
    error::{Of, Result},
    parts::{
        patroni::{self, APP, DATABASE, Member},
        postgres,
    },
};

/// Slots that stay free, so that whoever watches can still look and see how full it is.
const LEFT_FREE: i64 = 2;
/// Sessions opened at once: on both sides a password check costs some processor time, and each must be through in time.
const AT_ONCE: i64 = 8;
/// Slots freed by others are taken again after this long.
const REFILL: Duration = Duration::from_secs(1);

/// Occupies all connections but two on the leader.
pub(super) async fn connections(bed: &Bed) -> Result<()> {
    let leader = patroni::leader(bed).await?;
    let mut counter = leader.superuser(bed, "postgres").await?;
    let mut held: Vec<PgConnection> = Vec::new();
    loop {
        let mut opening = JoinSet::new();
        let wanted = free(&mut counter).await? - LEFT_FREE;
        for _ in 0..wanted.min(AT_ONCE) {
            let bed = bed.clone();
            opening.spawn(async move { session(&bed, leader).await });
        }
        // Where somebody else was quicker, the slot is taken all the same.
        let opened: Vec<PgConnection> = opening.join_all().await.into_iter().flatten().collect();
        if opened.is_empty() {
            tokio::time::sleep(REFILL).await;
        }
        held.extend(opened);
    }
}

async fn session(bed: &Bed, leader: Member) -> Result<PgConnection> {
    postgres::connect(bed.layout(), leader.sql(), DATABASE, APP, &bed.secrets().pg_app).await
}

/// Connections that roles other than superusers could still open.
async fn free(counter: &mut PgConnection) -> Result<i64> {
    sqlx::query_scalar(
        "select current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint - count(*)
         from pg_stat_activity where backend_type = 'client backend'",
    )
    .fetch_one(counter)
    .await
    .of("PostgreSQL")
}

/// Opens a transaction on the leader that has changed a row, and never finishes it.
pub(super) async fn transaction(bed: &Bed) -> Result<()> {
    let leader = patroni::leader(bed).await?;
    let mut session = session(bed, leader).await?;
    for statement in ["begin", "update users set last_login_at = now() where email = (select min(email) from users)"] {
        sqlx::raw_sql(statement).execute(&mut session).await.of("PostgreSQL")?;
    }
    pending().await
}
