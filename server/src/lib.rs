//! The console's server half. `main` reads the command line and hands over to [`commands`]; everything else is a library, so that tests use
//! the same doors.

pub mod actions;
pub mod adapters;
pub mod asked;
pub mod assets;
pub mod audit;
pub mod cache_page;
pub mod clock;
pub mod cluster_pages;
pub mod commands;
pub mod config;
pub mod console;
pub mod edge_page;
pub mod executor;
pub mod filters;
pub mod forms;
pub mod headers;
pub mod identity;
pub mod leadership;
pub mod live;
pub mod monitor;
pub mod overview;
pub mod pace;
pub mod pages;
pub mod probe_points;
pub mod probes;
pub mod router;
pub mod serve;
pub mod shared_page;
pub mod store;
pub mod views;
