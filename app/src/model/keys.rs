//! The keys. The page's island hears them by these names, and the help page lists them.

/// With Ctrl or Cmd: find a page, a system, a runbook or a run.
pub const FIND: &str = "k";
/// Filter the list.
pub const FILTER: &str = "/";
/// Open the help.
pub const HELP: &str = "?";
/// The first of two: go to a place.
pub const GO: &str = "g";
/// The second of two comes within this time, in milliseconds: long enough for two fingers of one hand, too short for two thoughts.
pub const GO_WITHIN_MS: f64 = 1_500.0;

/// One line of the help page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stroke {
    /// What is pressed; several in a row are pressed one after the other, or together where the first is Ctrl.
    pub keys: &'static [&'static str],
    /// What it does.
    pub does: &'static str,
}

/// What works on every page.
pub const ANYWHERE: &[Stroke] = &[
    Stroke { keys: &["Ctrl", "K"], does: "Find a page, a system, a runbook or a run; Cmd K on a Mac" },
    Stroke { keys: &[FILTER], does: "Filter the list; without a list: find" },
    Stroke { keys: &[HELP], does: "Open this page" },
    Stroke { keys: &["Esc"], does: "Close what is open" },
];

/// What works in the palette.
pub const IN_THE_PALETTE: &[Stroke] = &[
    Stroke { keys: &["↓"], does: "Next" },
    Stroke { keys: &["↑"], does: "Before" },
    Stroke { keys: &["Enter"], does: "Open the first, or the one in focus; a runbook opens its form, nothing runs" },
    Stroke { keys: &["Esc"], does: "Close" },
];
