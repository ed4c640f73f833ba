//! The server's behaviour on real systems: one file per behaviour. `cargo xtask test` starts them and names them in the environment.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod accounts;
mod act_kubernetes;
mod audit_chain;
mod audit_out;
mod backups;
mod backups_fail;
mod backups_foreign;
mod backups_interrupted;
mod bed;
mod cache_bed;
mod cache_interrupted;
mod command_line;
mod console;
mod database;
mod demo_estate;
mod doors;
mod estate_file;
mod fail_over_cache;
mod freezable;
mod gates;
mod kubernetes;
mod lists;
mod notes;
mod runs_interrupted;
mod runs_over_http;
mod search;
mod shop;
mod sign_in;
mod store;
mod store_away;
mod store_away_http;
mod store_runs;
mod store_schema;
mod switchovers;
mod switchovers_interrupted;
mod walls;
mod watch_edge;
mod watch_kubernetes;
mod watch_lies;
mod watch_postgres;
mod watch_redis;
