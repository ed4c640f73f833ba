//! The help page.

use super::{Me, Spot};

/// `/help`
#[derive(Clone, Debug)]
pub struct Help {
    /// The places that are there for whoever looks.
    pub places: Vec<&'static Spot>,
    /// Whoever looks.
    pub me: Option<Me>,
    /// Whether single-letter keys are on in this browser.
    pub keys: bool,
}
