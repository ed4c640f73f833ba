//! Keeping accounts: the list, roles, who may sign in, and the links by which passwords are set.

use std::time::Duration;

use app::model::Role;
use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};

use super::{AccountId, SessionHash, Store, StoreError, TokenHash, accounts::read_role};
use crate::{
    audit::{Actor, Event, Made, PasswordBy, Record},
    config::Secret,
};

/// An account as the settings list it.
#[derive(Clone, Debug)]
pub struct AccountSummary {
    /// Its number.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Since when it may not sign in.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When somebody last signed in with it.
    pub signed_in_at: Option<DateTime<Utc>>,
    /// Whether somebody has set its password.
    pub has_password: bool,
    /// How many sessions it has.
    pub n_sessions: i64,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is so now; of the account of this name.
    Done(String),
    /// It was so already.
    Same(String),
    /// There is no such account.
    NoSuchAccount,
    /// It is the last administrator who could sign in: nobody could undo it.
    LastAdmin(String),
}

/// An account made by an administrator: whoever holds the link sets its password.
#[derive(Clone, Debug)]
pub struct Invited<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it may do.
    pub role: Role,
    /// The hash of a password that nobody has.
    pub password_hash: &'a Secret,
    /// SHA-256 of what stands in the link.
    pub link: &'a TokenHash,
    /// How long the link works.
    pub link_lives: Duration,
}

impl AccountId {
    /// From a number in an address.
    #[must_use]
    pub const fn numbered(id: i64) -> Self {
        Self(id)
    }
}

impl Store {
    /// Every account by name, or the one of that number; with the store's time at the read.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn account_summaries(&self, only: Option<AccountId>) -> Result<(DateTime<Utc>, Vec<AccountSummary>), StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let rows = sqlx::query!(
                r#"select a.id, a.name, a.role, a.created_at, a.disabled_at, a.signed_in_at,
                          a.password_set_at is not null as "has_password!", clock_timestamp() as "now!",
                          (select count(*) from sessions s where s.account_id = a.id and s.expires_at > clock_timestamp()) as "n_sessions!"
                   from accounts a where ($1::bigint is null or a.id = $1) order by a.name"#,
                only.map(AccountId::get)
            )
            .fetch_all(&mut *link)
            .await?;
            let rows = link.done(rows);
            let now = rows.first().map_or_else(Utc::now, |row| row.now);
            let accounts = rows.into_iter().map(|row| {
                Ok(AccountSummary {
                    id: AccountId(row.id),
                    name: row.name,
                    role: read_role(&row.role)?,
                    created_at: row.created_at,
                    disabled_at: row.disabled_at,
                    signed_in_at: row.signed_in_at,
                    has_password: row.has_password,
                    n_sessions: row.n_sessions,
                })
            });
            Ok((now, accounts.collect::<Result<_, StoreError>>()?))
        })
        .await
    }

    /// Gives an account another role, with its audit event. Its open streams end within a second; its next page knows the new role.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn change_role(&self, id: AccountId, role: Role, actor: Actor) -> Result<Changed, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            let last = only_admin(&mut tx).await?;
            let row = sqlx::query!("select name, role from accounts where id = $1 for update", id.0).fetch_optional(&mut *tx).await?;
            let (changed, event) = match row {
                None => (Changed::NoSuchAccount, None),
                Some(row) => match read_role(&row.role)? {
                    from if from == role => (Changed::Same(row.name), None),
                    Role::Admin if last == Some(id) => (Changed::LastAdmin(row.name), None),
                    from => (Changed::Done(row.name.clone()), Some(Event::RoleChanged { account: row.name, from, to: role })),
                },
            };
            let Some(event) = event else {
                drop(tx);
                return Ok(link.done(changed));
            };
            sqlx::query!("update accounts set role = $2 where id = $1", id.0, role.word()).execute(&mut *tx).await?;
            self.seal(tx, &[Record::new(actor, event)]).await?;
            Ok(link.done(changed))
        })
        .await
    }

    /// Lets an account sign in, or not, with its audit event. One that may not any more loses its sessions and its password link.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn set_disabled(&self, id: AccountId, disabled: bool, actor: Actor) -> Result<Changed, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            let last = only_admin(&mut tx).await?;
            let row = sqlx::query!(r#"select name, disabled_at is not null as "disabled!" from accounts where id = $1 for update"#, id.0)
                .fetch_optional(&mut *tx)
                .await?;
            let changed = match row {
                None => Changed::NoSuchAccount,
                Some(row) if row.disabled == disabled => Changed::Same(row.name),
                Some(row) if disabled && last == Some(id) => Changed::LastAdmin(row.name),
                Some(row) => Changed::Done(row.name),
            };
            let Changed::Done(name) = &changed else {
                drop(tx);
                return Ok(link.done(changed));
            };
            sqlx::query!("update accounts set disabled_at = case when $2 then clock_timestamp() end where id = $1", id.0, disabled)
                .execute(&mut *tx)
                .await?;
            let event = if disabled {
                sqlx::query!("delete from sessions where account_id = $1", id.0).execute(&mut *tx).await?;
                sqlx::query!("delete from password_links where account_id = $1", id.0).execute(&mut *tx).await?;
                Event::AccountDisabled { account: name.clone() }
            } else {
                Event::AccountEnabled { account: name.clone() }
            };
            self.seal(tx, &[Record::new(actor, event)]).await?;
            Ok(link.done(changed))
        })
        .await
    }

    /// Makes an account without a password, and the link by which one is set, with their audit events. `None`: the name is taken.
    ///
    /// # Errors
    /// When the store does not answer, or refuses the name.
    pub async fn invite_account(&self, invited: &Invited<'_>, actor: Actor) -> Result<Option<AccountId>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            let id = sqlx::query_scalar!(
                "insert into accounts (name, password_hash, role, password_set_at) values ($1, $2, $3, null)
                 on conflict on constraint accounts_name_once do nothing returning id",
                invited.name,
                invited.password_hash.reveal(),
                invited.role.word()
            )
            .fetch_optional(&mut *tx)
            .await?;
            let Some(id) = id else {
                drop(tx);
                return Ok(link.done(None));
            };
            keep_link(&mut tx, id, invited.link, invited.link_lives).await?;
            let account = invited.name.to_owned();
            let made = Event::AccountCreated { account: account.clone(), role: invited.role, made: Made::Settings };
            let linked = Event::PasswordLinkMade { account };
            self.seal(tx, &[Record::new(actor.clone(), made), Record::new(actor, linked)]).await?;
            Ok(link.done(Some(AccountId(id))))
        })
        .await
    }

    /// Makes a link by which an account's password is set; the one before it ends, the password stays until then. Returns the account's
    /// name; `None` when there is no such account, or it may not sign in.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn make_password_link(
        &self,
        id: AccountId,
        token: &TokenHash,
        lives: Duration,
        actor: Actor,
    ) -> Result<Option<String>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            let name = sqlx::query_scalar!("select name from accounts where id = $1 and disabled_at is null for update", id.0)
                .fetch_optional(&mut *tx)
                .await?;
            let Some(name) = name else {
                drop(tx);
                return Ok(link.done(None));
            };
            keep_link(&mut tx, id.0, token, lives).await?;
            self.seal(tx, &[Record::new(actor, Event::PasswordLinkMade { account: name.clone() })]).await?;
            Ok(link.done(Some(name)))
        })
        .await
    }

    /// Whose password a link sets now. `None`: it is unknown, used, or too old, or its account may not sign in.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn password_link_owner(&self, token: &TokenHash) -> Result<Option<String>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let name = sqlx::query_scalar!(
                "select a.name from password_links l join accounts a on a.id = l.account_id
                 where l.token_hash = $1 and l.expires_at > clock_timestamp() and a.disabled_at is null",
                &token[..]
            )
            .fetch_optional(&mut *link)
            .await?;
            Ok(link.done(name))
        })
        .await
    }

    /// Spends a link: sets the password and ends the account's sessions, with the audit event. `None`: the link does not work (any more).
    ///
    /// # Errors
    /// When the store does not answer: the link is spent only by success.
    pub async fn set_password_by_link(&self, token: &TokenHash, password_hash: &Secret) -> Result<Option<String>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            // The delete takes the row: of two that use it at once, the second finds none.
            let id = sqlx::query_scalar!(
                "delete from password_links l using accounts a
                 where a.id = l.account_id and l.token_hash = $1 and l.expires_at > clock_timestamp() and a.disabled_at is null
                 returning l.account_id",
                &token[..]
            )
            .fetch_optional(&mut *tx)
            .await?;
            let name = match id {
                Some(id) => write_password(&mut tx, id, password_hash, None).await?,
                None => None,
            };
            let Some(name) = name else {
                drop(tx);
                return Ok(link.done(None));
            };
            let event = Event::PasswordSet { account: name.clone(), by: PasswordBy::Link };
            self.seal(tx, &[Record::new(Actor::Account(name.clone()), event)]).await?;
            Ok(link.done(Some(name)))
        })
        .await
    }

    /// Sets an account's password and ends all of its sessions but `keep`, with the audit event. `false`: there is no such account.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn set_password(&self, id: AccountId, password_hash: &Secret, keep: &SessionHash) -> Result<bool, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            let Some(name) = write_password(&mut tx, id.0, password_hash, Some(keep)).await? else {
                drop(tx);
                return Ok(link.done(false));
            };
            sqlx::query!("delete from password_links where account_id = $1", id.0).execute(&mut *tx).await?;
            let event = Event::PasswordSet { account: name.clone(), by: PasswordBy::Owner };
            self.seal(tx, &[Record::new(Actor::Account(name), event)]).await?;
            Ok(link.done(true))
        })
        .await
    }
}

/// The administrator without whom nobody could keep accounts, if there is only one. All of them are locked, so that two who take each
/// other's role away at once do it one after the other.
async fn only_admin(tx: &mut PgConnection) -> Result<Option<AccountId>, StoreError> {
    let admins = sqlx::query_scalar!(
        "select id from accounts where role = 'admin' and disabled_at is null and password_set_at is not null order by id for update"
    )
    .fetch_all(tx)
    .await?;
    Ok(match admins.as_slice() {
        [only] => Some(AccountId(*only)),
        _ => None,
    })
}

async fn keep_link(tx: &mut PgConnection, account: i64, token: &TokenHash, lives: Duration) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into password_links (account_id, token_hash, expires_at) values ($1, $2, now() + make_interval(secs => $3))
         on conflict (account_id) do update set token_hash = excluded.token_hash, created_at = now(), expires_at = excluded.expires_at",
        account,
        &token[..],
        lives.as_secs_f64()
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes a password, forgets wrong ones, and ends sessions. The account's name.
async fn write_password(
    tx: &mut PgConnection,
    account: i64,
    password_hash: &Secret,
    keep: Option<&SessionHash>,
) -> Result<Option<String>, StoreError> {
    let name = sqlx::query_scalar!(
        "update accounts set password_hash = $2, password_set_at = clock_timestamp() where id = $1 and disabled_at is null returning name",
        account,
        password_hash.reveal()
    )
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(name) = &name {
        sqlx::query!("delete from sign_in_failures where scope = 'account' and subject = $1", name).execute(&mut *tx).await?;
        sqlx::query!(
            "delete from sessions where account_id = $1 and ($2::bytea is null or id_hash <> $2)",
            account,
            keep.map(|keep| keep.to_vec())
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(name)
}
