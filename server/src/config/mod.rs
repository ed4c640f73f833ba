//! Environment and estate file; the only reader of either.

mod env;
mod estate;
mod fault;
mod file;
mod reader;
mod schema;
mod secret;
mod tree;
mod units;

pub use env::{Config, Listen, Log, LogFormat, OwnerConfig, Tls, names, variable};
pub use estate::*;
pub use fault::{Fault, Faults};
pub use reader::Variables;
pub use schema::estate_schema;
pub use secret::Secret;
