//! One page a file: each says what stands in `<main>` for one model value.

mod audit;
mod cache;
mod cluster;
mod clusters;
mod database;
mod overview;
mod plan;
mod refusal;
mod run;
mod runbook;
mod runbooks;
mod runs;
mod set_up;
mod sign_in;
mod system;
mod systems;
mod workload;
