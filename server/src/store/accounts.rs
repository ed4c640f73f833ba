//! Local accounts.

use app::model::Role;
use sqlx::Connection;

use super::{Store, StoreError};
use crate::{
    audit::{Actor, Event, Made, Record},
    config::Secret,
};

/// Numbers an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountId(pub(super) i64);

impl AccountId {
    /// The number in the store.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// An account with what a sign-in is checked against.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Its name, in lower case.
    pub name: String,
    /// argon2id, in PHC form.
    pub password_hash: Secret,
    /// What it may do.
    pub role: Role,
    /// Whether it may sign in.
    pub disabled: bool,
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewAccount<'a> {
    /// Its name: lower case letters, digits, `.`, `_`, `@` and `-`, at most 64.
    pub name: &'a str,
    /// argon2id, in PHC form.
    pub password_hash: &'a Secret,
    /// What it may do.
    pub role: Role,
}

impl Store {
    /// The account of that name, disabled ones too.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let row = sqlx::query!(
                r#"select id, name, password_hash, role, disabled_at is not null as "disabled!" from accounts where name = $1"#,
                name
            )
            .fetch_optional(&mut *link)
            .await?;
            link.done(row)
                .map(|row| {
                    Ok(Account {
                        id: AccountId(row.id),
                        name: row.name,
                        password_hash: Secret::new(row.password_hash),
                        role: read_role(&row.role)?,
                        disabled: row.disabled,
                    })
                })
                .transpose()
        })
        .await
    }

    /// Makes an account, with its audit event. `None`: the name is taken.
    ///
    /// # Errors
    /// When the store does not answer, or refuses the name.
    pub async fn create_account(&self, account: &NewAccount<'_>, actor: Actor) -> Result<Option<AccountId>, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let mut tx = link.begin().await?;
            let made = insert_account(&mut tx, account).await?;
            if made.is_none() {
                drop(tx);
                return Ok(link.done(None));
            }
            let event = Event::AccountCreated { account: account.name.to_owned(), role: account.role, made: Made::CommandLine };
            self.seal(tx, &[Record::new(actor, event)]).await?;
            Ok(link.done(made))
        })
        .await
    }

    /// Whether anybody could sign in at all.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn has_accounts(&self) -> Result<bool, StoreError> {
        self.ask(async {
            let mut link = self.link().await?;
            let any = sqlx::query_scalar!(r#"select exists (select 1 from accounts) as "any!""#).fetch_one(&mut *link).await?;
            Ok(link.done(any))
        })
        .await
    }
}

pub(super) async fn insert_account(tx: &mut sqlx::PgConnection, account: &NewAccount<'_>) -> Result<Option<AccountId>, StoreError> {
    let id = sqlx::query_scalar!(
        "insert into accounts (name, password_hash, role) values ($1, $2, $3)
         on conflict on constraint accounts_name_once do nothing returning id",
        account.name,
        account.password_hash.reveal(),
        account.role.word()
    )
    .fetch_optional(tx)
    .await?;
    Ok(id.map(AccountId))
}

pub(super) fn read_role(word: &str) -> Result<Role, StoreError> {
    Role::from_word(word).ok_or_else(|| StoreError::unreadable("a role", word))
}
