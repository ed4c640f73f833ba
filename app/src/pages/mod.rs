//! One page a file: each says what stands in `<main>` for one model value.

mod account;
mod accounts;
mod audit;
mod backups;
mod cache;
mod cluster;
mod clusters;
mod database;
mod edge;
mod help;
mod my_account;
mod overview;
mod pairing;
mod plan;
mod refusal;
mod run;
mod runbook;
mod runbooks;
mod runs;
mod screens;
mod search;
mod sessions;
mod set_password;
mod set_up;
mod sign_in;
mod system;
mod systems;
mod wall;
mod workload;

pub use refusal::Refused;
pub use search::found_alone;
