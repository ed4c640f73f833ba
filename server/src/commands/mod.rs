//! The command line: one file per subcommand. What a person reads goes to standard output, what is wrong to standard error.

mod admin;
mod check;
mod device;
mod log;
mod migrate;
mod serve;
mod verify_audit;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use app::model::Role;
use clap::{Parser, Subcommand};

use crate::{config::estate_schema, identity::LINK_LIVES};

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
    /// Look after accounts and wall screens.
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
    /// List every account: name, role, whether it may sign in, when it last did.
    List,
    /// Keep an account from signing in. Its sessions end within a second.
    Disable {
        /// Its name.
        name: String,
    },
    /// Let an account sign in again.
    Enable {
        /// Its name.
        name: String,
    },
    /// Look after wall screens.
    Device {
        #[command(subcommand)]
        what: Device,
    },
}

#[derive(Debug, Subcommand)]
enum Device {
    /// Make a wall screen without a code, and print the link that opens it in a browser.
    Create {
        /// Where it hangs.
        name: String,
        /// How many minutes the link works: a quarter of an hour unless told otherwise, a week at most.
        #[arg(long, default_value_t = LINK_LIVES.as_secs() / 60, value_parser = clap::value_parser!(u64).range(1..=10_080))]
        link_minutes: u64,
    },
    /// List every wall screen: name, number, when it last looked.
    List,
    /// Revoke a wall screen. It goes dark within a second.
    Revoke {
        /// Its name.
        name: String,
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
            What::Admin { what } => what.run().await,
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

impl Admin {
    async fn run(self) -> Result<(), Words> {
        match self {
            Self::Create { name, role, password_file } => admin::create(&name, role, password_file.as_deref()).await,
            Self::List => admin::list().await,
            Self::Disable { name } => admin::set_disabled(&name, true).await,
            Self::Enable { name } => admin::set_disabled(&name, false).await,
            Self::Device { what: Device::Create { name, link_minutes } } => {
                device::create(&name, Duration::from_secs(link_minutes * 60)).await
            }
            Self::Device { what: Device::List } => device::list().await,
            Self::Device { what: Device::Revoke { name } } => device::revoke(&name).await,
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
