//! Plain types that the server and the browser both speak. Uses std, serde and chrono only.

mod audit;
mod database;
mod door;
mod fact;
mod frame;
mod health;
mod kubernetes;
mod overview;
mod place;
mod plan;
mod refusal;
mod role;
mod run;
mod runbook;
mod seen;
mod system;
mod topic;

pub use audit::*;
pub use database::*;
pub use door::*;
pub use fact::*;
pub use frame::*;
pub use health::*;
pub use kubernetes::*;
pub use overview::*;
pub use place::*;
pub use plan::*;
pub use refusal::*;
pub use role::*;
pub use run::*;
pub use runbook::*;
pub use seen::*;
pub use system::*;
pub use topic::*;
