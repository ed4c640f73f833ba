//! Who leads a database, who may take over, and what must hold before the lead is moved. Pure: looks in, judgments out; plans, runs, the probe and
//! the database's page judge by these same functions, so that no two of them disagree.

mod candidates;
mod checks;
mod loss;
#[cfg(test)]
pub(crate) mod samples;
mod sight;

pub use self::{
    candidates::{Candidate, candidates},
    checks::checks,
    loss::Loss,
    sight::{Before, Sight, Sighted, sight},
};
