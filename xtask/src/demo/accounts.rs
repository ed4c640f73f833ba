//! The demo's people: one of each role, and a second where something needs two.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::Console;
use crate::files::write;

/// Somebody who can sign in.
pub struct Account {
    /// The prefix of the keys in `demo.env`.
    pub key: &'static str,
    /// The name to sign in with.
    pub name: &'static str,
    /// The role held.
    pub role: &'static str,
}

/// Everybody.
pub const ALL: [Account; 7] = [
    Account { key: "ADMIN", name: "ada", role: "admin" },
    Account { key: "ADMIN2", name: "ben", role: "admin" },
    Account { key: "OPERATOR", name: "olga", role: "operator" },
    Account { key: "OPERATOR2", name: "omar", role: "operator" },
    Account { key: "RESPONDER", name: "rosa", role: "responder" },
    Account { key: "VIEWER", name: "vera", role: "viewer" },
    Account { key: "AUDITOR", name: "aldo", role: "auditor" },
];

/// Creates all accounts with fresh passwords; returns the `…_USER` and `…_PASSWORD` pairs.
pub fn create(console: &Console, folder: &Path) -> Result<Vec<(String, String)>> {
    let file = folder.join("password");
    let mut pairs = Vec::new();
    for account in &ALL {
        let password = draw()?;
        write(&file, &password)?;
        let created = console
            .command(&["admin", "create", "--name", account.name, "--role", account.role])
            .args(["--password-file".as_ref(), file.as_os_str()])
            .limit(Duration::from_secs(60))
            .output();
        std::fs::remove_file(&file)?;
        created?;
        pairs.push((format!("{}_USER", account.key), account.name.to_owned()));
        pairs.push((format!("{}_PASSWORD", account.key), password));
    }
    Ok(pairs)
}

/// 24 characters of a 32-letter alphabet without look-alikes: 120 bits, in groups of four that a person can type.
fn draw() -> Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = [0_u8; 24];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut random)?;
    let mut password = String::new();
    for (index, byte) in random.iter().enumerate() {
        if index > 0 && index % 4 == 0 {
            password.push('-');
        }
        password.push(char::from(LETTERS[usize::from(byte % 32)]));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_differ_and_can_be_typed() {
        let (one, two) = (draw().unwrap(), draw().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), 29);
        assert!(one.chars().all(|c| c == '-' || c.is_ascii_lowercase() || c.is_ascii_digit()));
    }

    #[test]
    fn keys_and_names_are_unique() {
        for (index, account) in ALL.iter().enumerate() {
            assert!(ALL[index + 1..].iter().all(|other| other.key != account.key && other.name != account.name));
        }
    }
}
