//! The schema's version, its migration, and what the run-time role may do.

use std::{collections::BTreeMap, time::Duration};

use sqlx::{AssertSqlSafe, Connection, PgConnection, migrate::Migrator, postgres::PgConnectOptions};
use url::Url;

use super::{Store, StoreError, scram};
use crate::config::Secret;

/// Every migration, embedded.
static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// Connecting takes this long at most; a migration may take its time.
const CONNECT: Duration = Duration::from_secs(10);

/// What the run-time role may do, table by table: exactly what the questions in this folder need.
const GRANTS: &[(&str, &str)] = &[
    ("_sqlx_migrations", "select"),
    ("accounts", "select, insert, update"),
    ("sessions", "select, insert, update, delete"),
    ("sign_in_failures", "select, insert, delete"),
    ("set_up_tokens", "select, insert, update, delete"),
    ("password_links", "select, insert, update, delete"),
    ("devices", "select, insert, update"),
    ("device_codes", "select, insert, delete"),
    // Never update, delete or truncate: history is not this role's to change.
    ("audit_events", "select, insert"),
    ("plans", "select, insert, update, delete"),
    ("runs", "select, insert, update"),
    ("run_steps", "select, insert, update"),
    ("run_notes", "select, insert, update"),
    ("target_locks", "select, insert, delete"),
    ("health_changes", "select, insert, delete"),
];

/// Why the store cannot be migrated or reached as configured.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// The address does not parse.
    #[error("the address is no PostgreSQL URL; write postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Address,
    /// The run-time address names no user or password of its own.
    #[error("DATABASE_URL names {0}; `migrate` makes the run-time role from it, so it needs a user and a password of its own")]
    NoRole(&'static str),
    /// Owner and run-time role are one.
    #[error(
        "DATABASE_URL and DATABASE_OWNER_URL name the same role `{0}`; the run-time role must not own the tables, or it could change the audit"
    )]
    OwnerIsRole(String),
    /// A migration did not go through.
    #[error("the migration stopped: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// PostgreSQL refused.
    #[error("PostgreSQL refused: {0}")]
    Refused(#[from] sqlx::Error),
    /// It did not answer.
    #[error("the store at {0} does not answer within {1} s")]
    Silent(String, u64),
}

/// Why this store cannot be served from.
#[derive(Debug, thiserror::Error)]
pub enum SchemaFault {
    /// Nothing was ever migrated.
    #[error("the store is empty: run `quarterdeck migrate` first")]
    Empty,
    /// It is behind.
    #[error(
        "the store's schema is version {found}, and this console was built for {built}: run `quarterdeck migrate` of this version first"
    )]
    Older {
        /// What the store has.
        found: i64,
        /// What this program has.
        built: i64,
    },
    /// It is ahead.
    #[error("the store's schema is version {found}, newer than the {built} that this console was built for: run a newer console")]
    Newer {
        /// What the store has.
        found: i64,
        /// What this program has.
        built: i64,
    },
    /// It has the number but not the content.
    #[error("migration {0} of the store is not the one that this console was built with: the store belongs to another build")]
    Different(i64),
    /// A migration stopped half-way.
    #[error("migration {0} stopped half-way: run `quarterdeck migrate` and read what it says")]
    Unfinished(i64),
    /// Commits are not durable.
    #[error(
        "the store has synchronous_commit=off: a crash would lose audit events that were already acted upon; set it to on for this role"
    )]
    NotDurable,
    /// The run-time role may change history.
    #[error("the role in DATABASE_URL may change or remove audit events; use the role that `quarterdeck migrate` makes, which may not")]
    RoleTooStrong,
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Brings the schema up to date as the owner, and makes or mends the run-time role that `database_url` names. Returns the version.
///
/// # Errors
/// In words; what was done up to there stays, and running it again goes on.
pub async fn migrate(owner_url: &Secret, database_url: &Secret) -> Result<i64, StoreFault> {
    let (role, password, database) = role_of(database_url)?;
    let options: PgConnectOptions = owner_url.reveal().parse().map_err(|_| StoreFault::Address)?;
    if options.get_username() == role {
        return Err(StoreFault::OwnerIsRole(role));
    }
    let options = options.application_name("quarterdeck migrate");
    let mut owner = tokio::time::timeout(CONNECT, PgConnection::connect_with(&options)).await.map_err(|_| silent(&options))??;
    MIGRATIONS.run(&mut owner).await?;
    let mut tx = owner.begin().await?;
    // Two migrations at once would alter the role under each other's hands.
    sqlx::query!("select pg_advisory_xact_lock(hashtext('quarterdeck migrate'))").fetch_one(&mut *tx).await?;
    // A role that can sign in as it should is left alone: it may have been made by somebody who may do more than this owner.
    if !signs_in(database_url).await? {
        make_role(&mut tx, &role, &password).await?;
    }
    grant(&mut tx, &role, database.as_deref()).await?;
    tx.commit().await?;
    owner.close().await?;
    Ok(built())
}

/// Whether the run-time role is there, with its password.
async fn signs_in(database_url: &Secret) -> Result<bool, StoreFault> {
    let options: PgConnectOptions = database_url.reveal().parse().map_err(|_| StoreFault::Address)?;
    match tokio::time::timeout(CONNECT, PgConnection::connect_with(&options)).await {
        Ok(Ok(connection)) => {
            connection.close().await.ok();
            Ok(true)
        }
        Ok(Err(_)) => Ok(false),
        Err(_) => Err(silent(&options)),
    }
}

fn silent(options: &PgConnectOptions) -> StoreFault {
    StoreFault::Silent(format!("{}:{}", options.get_host(), options.get_port()), CONNECT.as_secs())
}

/// User, password and database of the run-time address.
fn role_of(database_url: &Secret) -> Result<(String, Secret, Option<String>), StoreFault> {
    let url = Url::parse(database_url.reveal()).map_err(|_| StoreFault::Address)?;
    let decoded = |text: &str| {
        percent_encoding::percent_decode_str(text).decode_utf8().map(|text| text.into_owned()).map_err(|_| StoreFault::Address)
    };
    let user = decoded(url.username())?;
    if user.is_empty() {
        return Err(StoreFault::NoRole("no user"));
    }
    let password = decoded(url.password().ok_or(StoreFault::NoRole("no password"))?)?;
    let database = decoded(url.path().trim_start_matches('/'))?;
    Ok((user, Secret::new(password), (!database.is_empty()).then_some(database)))
}

/// Role statements take no parameters, so PostgreSQL itself quotes what goes into them. The password goes as its verifier: statements
/// end up in server logs.
async fn make_role(owner: &mut PgConnection, role: &str, password: &Secret) -> Result<(), StoreFault> {
    let verb = sqlx::query_scalar!(
        r#"select case when exists (select 1 from pg_roles where rolname = $1) then 'alter' else 'create' end as "verb!""#,
        role
    )
    .fetch_one(&mut *owner)
    .await?;
    let verifier =
        scram::verifier(password.reveal(), &rand::random()).ok_or(StoreFault::NoRole("a password with characters outside ASCII"))?;
    let statement = sqlx::query_scalar!(
        r#"select format($1 || ' role %I login password %L', $2::text, $3::text) as "statement!""#,
        verb,
        role,
        verifier
    )
    .fetch_one(&mut *owner)
    .await?;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *owner).await?;
    Ok(())
}

async fn grant(owner: &mut PgConnection, role: &str, database: Option<&str>) -> Result<(), StoreFault> {
    let quoted =
        sqlx::query!(r#"select quote_ident($1) as "role!", quote_ident(coalesce($2, current_database())) as "database!""#, role, database)
            .fetch_one(&mut *owner)
            .await?;
    let (role, database) = (quoted.role, quoted.database);
    let mut statements = vec![
        format!("grant connect on database {database} to {role}"),
        format!("grant usage on schema public to {role}"),
        format!("revoke all on all tables in schema public from {role}, public"),
    ];
    statements.extend(GRANTS.iter().map(|(table, rights)| format!("grant {rights} on {table} to {role}")));
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *owner).await?;
    }
    Ok(())
}

/// The version that this program was built for.
fn built() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

impl Store {
    /// Checks that this store can be served from: the schema is the one that this program was built for, commits are durable, and our
    /// role cannot change history. Returns the version.
    ///
    /// # Errors
    /// In words, with the remedy.
    pub async fn check(&self) -> Result<i64, SchemaFault> {
        let found = self
            .ask(async {
                let mut link = self.link().await?;
                let there =
                    sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is not null as "there!""#).fetch_one(&mut *link).await?;
                if !there {
                    return Ok(link.done(None));
                }
                let rows =
                    sqlx::query!("select version, success, checksum from _sqlx_migrations order by version").fetch_all(&mut *link).await?;
                let durable = sqlx::query_scalar!(r#"select current_setting('synchronous_commit') <> 'off' as "durable!""#)
                    .fetch_one(&mut *link)
                    .await?;
                let too_strong = sqlx::query_scalar!(
                    r#"select has_table_privilege('audit_events', 'update') or has_table_privilege('audit_events', 'delete')
                              or has_table_privilege('audit_events', 'truncate') as "too_strong!""#
                )
                .fetch_one(&mut *link)
                .await;
                Ok(link.done(Some((rows, durable, too_strong))))
            })
            .await?;
        let Some((rows, durable, too_strong)) = found else { return Err(SchemaFault::Empty) };
        let known: BTreeMap<_, _> = MIGRATIONS.iter().map(|migration| (migration.version, &migration.checksum)).collect();
        let (found, built) = (rows.last().map_or(0, |row| row.version), built());
        if rows.is_empty() {
            return Err(SchemaFault::Empty);
        }
        if let Some(row) = rows.iter().find(|row| !row.success) {
            return Err(SchemaFault::Unfinished(row.version));
        }
        if found > built {
            return Err(SchemaFault::Newer { found, built });
        }
        if let Some(row) = rows.iter().find(|row| known.get(&row.version).is_none_or(|checksum| checksum[..] != row.checksum[..])) {
            return Err(SchemaFault::Different(row.version));
        }
        if found < built || rows.len() < known.len() {
            return Err(SchemaFault::Older { found, built });
        }
        if !durable {
            return Err(SchemaFault::NotDurable);
        }
        if too_strong.map_err(StoreError::from)? {
            return Err(SchemaFault::RoleTooStrong);
        }
        Ok(found)
    }
}
