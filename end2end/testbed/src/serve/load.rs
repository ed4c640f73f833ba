//! A few requests a second, as AIA's backend would serve them: a session from the cache, else from the database; sometimes a
//! write. It follows whoever leads and never waits long for anyone who does not answer.

use std::{sync::Arc, time::Duration};

use redis::aio::MultiplexedConnection;
use sqlx::{Connection, PgConnection};
use tokio::{
    sync::{Mutex, Semaphore},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    aia::{Face, SLOW},
    metrics::Metrics,
};
use crate::{
    bed::Bed,
    control::Answer,
    error::{Error, Of, Result},
    parts::{
        patroni::{self, Member},
        postgres,
        redis::{self as cache, Node},
    },
};

/// Time between two requests: four a second keep figures alive and cost nothing.
const EVERY: Duration = Duration::from_millis(250);
/// Requests under way at once; the ones that come while all are taken are refused, as a real backend would.
const AT_ONCE: usize = 16;
/// A backend gives up on what is behind it after so long.
const PATIENCE: Duration = Duration::from_secs(2);
/// What a load balancer in front would do with a backend that never answers.
const GATEWAY_PATIENCE: Duration = Duration::from_secs(10);
/// Sessions that come back again and again.
const REGULARS: u32 = 60;
/// One request in so many is of somebody who was not here lately.
const STRANGER_ONE_IN: u32 = 16;
/// Whom a stranger is drawn from: as many users as the database has.
const USERS: u32 = 2_400;
/// Sessions live this long in the cache, in seconds; drawn, so that they do not all run out at once.
const SESSION_TTL_S: std::ops::Range<u32> = 300..900;
/// Time between two looks for a leader, before the load begins.
const LOOK: Duration = Duration::from_millis(500);
/// One request in so many writes.
const WRITE_ONE_IN: u64 = 4;
/// Rows that the growing tables keep.
const KEPT_ROWS: i64 = 50_000;
/// Requests between two trims of the growing tables.
const TRIM_EVERY: u64 = 1_200;

struct Load {
    bed: Bed,
    metrics: Arc<Metrics>,
    database: Mutex<Option<PgConnection>>,
    cache: Mutex<Option<MultiplexedConnection>>,
}

/// Loads the estate for ever.
pub(super) async fn run(bed: &Bed, metrics: &Arc<Metrics>) {
    let load = Arc::new(Load { bed: bed.clone(), metrics: metrics.clone(), database: Mutex::default(), cache: Mutex::default() });
    // Requests that failed only because the estate was still starting would spoil its figures for minutes.
    while load.warm_up().await.is_err() {
        sleep(LOOK).await;
    }
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for nth in 0_u64.. {
        ticks.tick().await;
        let Ok(place) = places.clone().try_acquire_owned() else {
            metrics.request(503, Duration::ZERO);
            continue;
        };
        let load = load.clone();
        tokio::spawn(async move {
            load.request(nth).await;
            drop(place);
        });
    }
}

impl Load {
    /// Puts the regulars' sessions into the cache and finds out who leads the database.
    async fn warm_up(&self) -> Result<()> {
        self.query(async |_: &mut PgConnection| Ok(())).await?;
        for session in 0..REGULARS {
            self.remember(session).await?;
        }
        Ok(())
    }

    /// One request from outside: what the interface does to it, then what is behind.
    async fn request(&self, nth: u64) {
        let _open = self.metrics.connection_opened();
        let began = Instant::now();
        let status = match Face::Api.answer(self.bed.layout()) {
            Answer::Unavailable => 503,
            Answer::Never => {
                sleep(GATEWAY_PATIENCE).await;
                504
            }
            answer @ (Answer::Normal | Answer::Slow) => {
                if answer == Answer::Slow {
                    sleep(SLOW).await;
                }
                match self.work(nth).await {
                    Ok(()) => 200,
                    Err(error) => {
                        tracing::debug!(%error, "A request failed");
                        500
                    }
                }
            }
        };
        self.metrics.request(status, began.elapsed());
    }

    async fn work(&self, nth: u64) -> Result<()> {
        let of = if rand::random_ratio(1, STRANGER_ONE_IN) { USERS } else { REGULARS };
        let session = rand::random_range(0..of);
        if !self.cached(session).await? {
            self.query(async |database: &mut PgConnection| find_user(database, session).await).await?;
            self.remember(session).await?;
        }
        if nth.is_multiple_of(WRITE_ONE_IN) {
            self.query(async |database: &mut PgConnection| log(database, session).await).await?;
        }
        if nth % TRIM_EVERY == TRIM_EVERY - 1 {
            self.query(async |database: &mut PgConnection| trim(database).await).await?;
        }
        Ok(())
    }

    /// Whether the cache knows this session.
    async fn cached(&self, session: u32) -> Result<bool> {
        let found: Option<String> = self.cache(redis::cmd("GET").arg(key(session))).await?;
        self.metrics.cache_lookup(found.is_some());
        Ok(found.is_some())
    }

    async fn remember(&self, session: u32) -> Result<()> {
        self.cache(redis::cmd("SET").arg(key(session)).arg(format!("user-{session}")).arg("EX").arg(rand::random_range(SESSION_TTL_S)))
            .await
    }

    /// Asks the cache; a connection that failed is not used again.
    async fn cache<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> Result<T> {
        let mut slot = self.cache.lock().await;
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => within("Redis", self.cache_master()).await?,
        };
        let answer = within("Redis", async { command.query_async(&mut connection).await.of("Redis") }).await?;
        *slot = Some(connection);
        Ok(answer)
    }

    async fn cache_master(&self) -> Result<MultiplexedConnection> {
        for node in Node::ALL {
            let Ok(mut connection) = cache::connect(&self.bed, node.port(), cache::APP, &self.bed.secrets().redis_app).await else {
                continue;
            };
            let role: redis::RedisResult<(String, redis::Value, redis::Value)> = redis::cmd("ROLE").query_async(&mut connection).await;
            if role.is_ok_and(|(role, _, _)| role == "master") {
                return Ok(connection);
            }
        }
        Err(Error::Part { part: "Redis", reason: "no node is master".to_owned() })
    }

    /// Asks the database; a connection that failed, or that leads to a replica by now, is not used again.
    async fn query(&self, ask: impl AsyncFnOnce(&mut PgConnection) -> Result<()>) -> Result<()> {
        let mut slot = self.database.lock().await;
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => within("PostgreSQL", self.database_leader()).await?,
        };
        let began = Instant::now();
        let answer = within("PostgreSQL", ask(&mut connection)).await;
        self.metrics.database_query(began.elapsed());
        answer?;
        *slot = Some(connection);
        Ok(())
    }

    async fn database_leader(&self) -> Result<PgConnection> {
        for member in Member::ALL {
            let connecting =
                postgres::connect(self.bed.layout(), member.sql(), patroni::DATABASE, patroni::APP, &self.bed.secrets().pg_app);
            let Ok(mut connection) = connecting.await else {
                continue;
            };
            let follows: Result<bool, sqlx::Error> = sqlx::query_scalar("select pg_is_in_recovery()").fetch_one(&mut connection).await;
            match follows {
                Ok(false) => return Ok(connection),
                _ => connection.close().await.ok(),
            };
        }
        Err(Error::Part { part: "PostgreSQL", reason: "no member leads".to_owned() })
    }
}

async fn within<T>(part: &'static str, work: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(Error::Part { part, reason: format!("no answer within {PATIENCE:?}") }))
}

fn key(session: u32) -> String {
    format!("session:{session}")
}

async fn find_user(database: &mut PgConnection, session: u32) -> Result<()> {
    sqlx::query("select id, display_name from users order by email offset $1 limit 1")
        .bind(i64::from(session))
        .fetch_optional(database)
        .await
        .map(drop)
        .of("PostgreSQL")
}

async fn log(database: &mut PgConnection, session: u32) -> Result<()> {
    sqlx::query("insert into session_logs (user_id, event, detail) select id, 'question_asked', '{\"agent\": \"web\"}' from users order by email offset $1 limit 1")
        .bind(i64::from(session))
        .execute(&mut *database)
        .await
        .of("PostgreSQL")?;
    sqlx::query("insert into agent_performance (agent_id, task, duration_ms, tokens, succeeded) values ('writer', 'draft', $1, $2, true)")
        .bind(rand::random_range(180..4_000))
        .bind(rand::random_range(90..3_000))
        .execute(database)
        .await
        .map(drop)
        .of("PostgreSQL")
}

/// Keeps a bed that runs for weeks from growing.
async fn trim(database: &mut PgConnection) -> Result<()> {
    for statement in [
        "delete from session_logs where id < (select max(id) from session_logs) - $1",
        "delete from agent_performance where id < (select max(id) from agent_performance) - $1",
    ] {
        sqlx::query(statement).bind(KEPT_ROWS).execute(&mut *database).await.of("PostgreSQL")?;
    }
    Ok(())
}
