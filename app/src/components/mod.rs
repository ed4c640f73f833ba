//! Values in, markup out. A component is a plain function: nothing here fetches, waits, or computes with the time of day.
//!
//! Words come from the model, looks from a data attribute (`data-health`, `data-stale`, `data-state` …), so that the style sheets
//! never parse a word and the words never carry a color.

mod button;
mod checks;
mod field;
mod figure;
mod filter;
mod find;
mod frame;
mod head;
mod health;
mod history;
mod icon;
mod keys;
mod meter;
mod notice;
mod panel;
mod path;
mod problem;
mod run;
mod settings;
mod spark;
mod steps;
mod text;
mod tile;
mod time;
mod topology;

pub use button::*;
pub use checks::*;
pub use field::*;
pub use figure::*;
pub use filter::*;
pub use find::*;
pub use frame::*;
pub use head::*;
pub use health::*;
pub use history::*;
pub use icon::icon;
pub use keys::*;
pub use meter::*;
pub use notice::*;
pub use panel::*;
pub use path::*;
pub use problem::*;
pub use run::*;
pub use settings::*;
pub use spark::*;
pub use steps::*;
pub use text::*;
pub use tile::*;
pub use time::*;
pub use topology::*;
