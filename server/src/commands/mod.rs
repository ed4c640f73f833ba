//! The command line: one file per subcommand. What a person reads goes to standard output, what is wrong to standard error.

mod admin;
mod check;
mod log;
mod migrate;
mod serve;
mod verify_audit;

use std::{path::PathBuf, process::ExitCode};

use app::model::Role;
use clap::{Parser, Subcommand};

use crate::config::estate_schema;

/// A self-hosted console for the people who keep a platform alive.
#[derive(Debug, Parser)]
#[command(name = "quarterdeck", version, about, propagate_version = true)]
pub struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Serve the console. Reads DATABASE_URL, QUARTERDECK_ESTATE, QUARTERDECK_LISTEN and more from the environment.
    Serve,
    /// Bring the store's schema up to date as DATABASE_OWNER_URL, and make the run-time role that DATABASE_URL names.
    Migrate,
    /// Check an estate file and tell of everything that is wrong with it.
    Check {
        /// The estate file.
        file: PathBuf,
    },
    /// Print the JSON Schema of estate files.
    Schema,
    /// Verify the chain of the audit. Ends with 1 at a broken link, with 2 if it could not be looked at.
    VerifyAudit {
        /// The first event to look at.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..))]
        from: i64,
        /// The last one; the newest if it is not given.
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
        to: Option<i64>,
    },
    /// Look after accounts.
    Admin {
        #[command(subcommand)]
        what: Admin,
    },
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Make an account. The password is read from a file or from standard input.
    Create {
        /// Its name.
        #[arg(long)]
        name: String,
        /// What it may do: viewer, auditor, responder, operator or admin.
        #[arg(long, value_parser = role)]
        role: Role,
        /// The file that holds the password; standard input if it is not given.
        #[arg(long)]
        password_file: Option<PathBuf>,
    },
}

fn role(word: &str) -> Result<Role, String> {
    Role::from_word(word).ok_or_else(|| format!("write one of {}", Role::ALL.map(Role::word).join(", ")))
}

impl Command {
    /// Does what the command line says.
    pub async fn run(self) -> ExitCode {
        let done = match self.what {
            What::Serve => serve::serve().await,
            What::Migrate => migrate::migrate().await,
            What::Check { file } => check::check(&file),
            What::Schema => {
                println!("{:#}", estate_schema());
                Ok(())
            }
            What::VerifyAudit { from, to } => return verify_audit::verify_audit(from, to).await,
            What::Admin { what: Admin::Create { name, role, password_file } } => admin::create(&name, role, password_file.as_deref()).await,
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(words) => {
                eprintln!("quarterdeck: {words}");
                ExitCode::FAILURE
            }
        }
    }
}

/// What went wrong, in words with the remedy.
type Words = String;

/// An error with the causes that it does not tell itself.
fn words(err: &dyn std::error::Error) -> Words {
    let mut words = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        let text = err.to_string();
        if !words.contains(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        cause = err.source();
    }
    words
}
