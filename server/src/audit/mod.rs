//! What was done, tried and refused: the kinds of event, the chain that binds them, and its verification. The SQL is in [`crate::store`].

mod canonical;
mod chain;
mod event;
mod export;
mod outcome;
mod verify;

pub use chain::{FORMAT, Link, NO_HASH, Sealed};
pub use event::{Actor, Event, Exported, Kind, Made, PasswordBy, Record, ScreenMade, SignInFault};
pub use export::export;
pub use outcome::Outcome;
pub use verify::{Broken, Chain, Span, verify, verify_span};
