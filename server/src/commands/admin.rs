//! `quarterdeck admin`: accounts, kept by whoever may read the run-time role's password.

use std::{
    io::{IsTerminal, Read},
    path::Path,
};

use app::model::Role;
use chrono::{DateTime, Utc};

use super::{Words, words};
use crate::{
    audit::Actor,
    config::{self, Config, Secret},
    identity::{NAME_HINT, PasswordFault, account_name, hash_password, password_fault},
    store::{Changed, NewAccount, Store},
};

/// More than any password: what is longer was piped in by mistake.
const LONGEST: u64 = 64 * 1024;

pub(super) async fn create(name: &str, role: Role, password_file: Option<&Path>) -> Result<(), Words> {
    let name = account_name(name).ok_or_else(|| format!("--name `{name}` cannot be a name; write {NAME_HINT}"))?;
    let url = Config::database_url(&config::variable).map_err(|faults| faults.to_string())?;
    let password = match password_file {
        Some(file) => from_file(file)?,
        None => from_input()?,
    };
    if let Some(fault) = password_fault(&name, &password) {
        return Err(format!("the password will not do. {fault}"));
    }
    let password_hash = tokio::task::spawn_blocking(move || hash_password(&password))
        .await
        .map_err(|err| words(&err))?
        .map_err(|err: PasswordFault| words(&err))?;
    let store = connect(&url).await?;
    let account = NewAccount { name: &name, password_hash: &password_hash, role };
    match store.create_account(&account, Actor::Console).await.map_err(|err| words(&err))? {
        Some(_) => {
            println!("Account {name} is made, as {}.", role.word());
            Ok(())
        }
        None => Err(format!("there is an account {name} already; choose another name")),
    }
}

/// The store that the environment names, once it is known to be usable.
pub(super) async fn store() -> Result<Store, Words> {
    connect(&Config::database_url(&config::variable).map_err(|faults| faults.to_string())?).await
}

async fn connect(url: &Secret) -> Result<Store, Words> {
    let store = Store::connect(url).map_err(|err| words(&err))?;
    store.check().await.map_err(|err| words(&err))?;
    Ok(store)
}

pub(super) async fn list() -> Result<(), Words> {
    let (_, accounts) = store().await?.account_summaries(None).await.map_err(|err| words(&err))?;
    for account in &accounts {
        let state = match (account.disabled_at, account.has_password) {
            (Some(at), _) => format!("disabled since {}", minute(at)),
            (None, true) => "may sign in".to_owned(),
            (None, false) => "no password yet".to_owned(),
        };
        let last = account.signed_in_at.map_or_else(|| "never signed in".to_owned(), |at| format!("last signed in {}", minute(at)));
        println!("{:<24} {:<10} {state}, {last}", account.name, account.role.word());
    }
    if accounts.is_empty() {
        println!("There is no account yet; `quarterdeck admin create` makes one.");
    }
    Ok(())
}

/// A moment as the lists of the command line write it.
pub(super) fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

pub(super) async fn set_disabled(name: &str, disabled: bool) -> Result<(), Words> {
    let store = store().await?;
    let word = if disabled { "disabled" } else { "enabled" };
    let account = store.account(&name.trim().to_lowercase()).await.map_err(|err| words(&err))?;
    let changed = match account {
        Some(account) => store.set_disabled(account.id, disabled, Actor::Console).await.map_err(|err| words(&err))?,
        None => Changed::NoSuchAccount,
    };
    match changed {
        Changed::Done(name) => {
            println!("Account {name} is {word}.");
            Ok(())
        }
        Changed::Same(name) => {
            println!("Account {name} was {word} already; nothing was changed.");
            Ok(())
        }
        Changed::NoSuchAccount => Err(format!("there is no account {name}; `quarterdeck admin list` lists them")),
        Changed::LastAdmin(name) => Err(format!(
            "{name} is the last administrator who can sign in; make another one first, with `quarterdeck admin create --role admin`"
        )),
    }
}

fn from_file(file: &Path) -> Result<Secret, Words> {
    let opened = std::fs::File::open(file).map_err(|err| format!("--password-file {}: {}", file.display(), err.kind()))?;
    read(opened).map_err(|why| format!("--password-file {}: {why}", file.display()))
}

fn from_input() -> Result<Secret, Words> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return Err("the password would be shown as it is typed; pipe it in, or name a file with --password-file".to_owned());
    }
    read(input).map_err(|why| format!("standard input: {why}"))
}

/// The text without the line's end.
fn read(from: impl Read) -> Result<Secret, Words> {
    let mut text = String::new();
    from.take(LONGEST).read_to_string(&mut text).map_err(|err| err.kind().to_string())?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}
