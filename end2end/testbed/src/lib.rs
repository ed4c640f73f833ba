//! A real estate on one machine, for tests and for the demo: every part is the real program, started on loopback ports
//! that derive from one base, and breakable on purpose.
//!
//! It never touches anything outside its root folder and its ports.

pub mod account;
pub mod bed;
mod certificates;
pub mod control;
pub mod env;
pub mod error;
pub mod faults;
mod http;
pub mod kubernetes;
pub mod layout;
mod parts;
pub mod process;
pub mod program;
pub mod secrets;
pub mod serve;

pub use bed::{Bed, Options};
pub use error::{Error, Result};
pub use layout::Layout;
