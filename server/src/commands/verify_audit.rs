//! `quarterdeck verify-audit`: walks the chain.

use std::process::ExitCode;

use super::{Words, words};
use crate::{
    audit::{Chain, verify},
    config::{self, Config},
    store::Store,
};

/// Nothing could be said about the chain.
const NOT_LOOKED_AT: u8 = 2;

pub(super) async fn verify_audit(from: i64, to: Option<i64>) -> ExitCode {
    match walk(from, to).await {
        Ok(chain) => {
            println!("{}", chain.sentence());
            if let Some((seq, hash)) = &chain.head {
                println!("head {seq} {}", hex::encode(hash));
            }
            if chain.broken.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(words) => {
            eprintln!("quarterdeck: the audit was not verified: {words}");
            ExitCode::from(NOT_LOOKED_AT)
        }
    }
}

async fn walk(from: i64, to: Option<i64>) -> Result<Chain, Words> {
    let url = Config::database_url(&config::variable).map_err(|faults| faults.to_string())?;
    let store = Store::connect(&url).map_err(|err| words(&err))?;
    verify(&store, from, to).await.map_err(|err| words(&err))
}
