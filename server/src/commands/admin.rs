//! `quarterdeck admin create`: an account, made by whoever may read the run-time role's password.

use std::{
    io::{IsTerminal, Read},
    path::Path,
};

use app::model::Role;

use super::{Words, words};
use crate::{
    audit::Actor,
    config::{self, Config, Secret},
    identity::{NAME_HINT, PasswordFault, account_name, hash_password, password_fault},
    store::{NewAccount, Store},
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
    let store = Store::connect(&url).map_err(|err| words(&err))?;
    store.check().await.map_err(|err| words(&err))?;
    let account = NewAccount { name: &name, password_hash: &password_hash, role };
    match store.create_account(&account, Actor::Console).await.map_err(|err| words(&err))? {
        Some(_) => {
            println!("Account {name} is made, as {}.", role.word());
            Ok(())
        }
        None => Err(format!("there is an account {name} already; choose another name")),
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
