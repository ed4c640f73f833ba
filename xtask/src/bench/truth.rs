//! Faults in turn: what a wall says of each, beside what is so.

use anyhow::{Context, Result};

use super::{Bench, MINUTE, load, report::Report};
use crate::files::write;
use crate::node;
use crate::process::Program;

/// How many faults, one after another.
const TURNS: usize = 30;

impl Bench<'_> {
    pub(super) fn truth(&self, report: &mut Report) -> Result<()> {
        node::modules(self.workspace)?;
        let text = Program::new("node")
            .args(["end2end/bench/truth.mjs", &TURNS.to_string()])
            .envs(&self.running.env)
            .dir(&self.workspace.root)
            .limit(MINUTE * 40)
            .output()?;
        write(&self.folder.join("truth.txt"), &text)?;
        let turns: Vec<Turn> = text.lines().filter_map(Turn::read).collect();
        anyhow::ensure!(turns.len() == TURNS, "only {} of {TURNS} turns ended; see truth.txt", turns.len());
        let shown: Vec<f64> = turns.iter().filter_map(|turn| turn.shown_s).collect();
        let truthful =
            turns.iter().map(|turn| turn.truthful_s.with_context(|| format!("the wall was not true again after {}", turn.fault)));
        let truthful = truthful.collect::<Result<Vec<f64>>>()?;
        let most = |values: &[f64]| load::quantile(values.to_vec(), 1.0);
        report.says(
            &format!("{TURNS} faults, seen on the wall"),
            format!("{} of them, at most {:.1} s after the strike", shown.len(), most(&shown)),
        );
        report.at_most("from recovery, as the witnesses see it, to a wall that says so, at most", most(&truthful), 5.0, "s");
        report.at_most(
            "times that a wall said, undated, what was not so for longer than promised",
            turns.iter().map(|turn| turn.lies).sum(),
            0.0,
            "",
        );
        Ok(())
    }
}

/// One line of `truth.mjs`.
struct Turn {
    fault: String,
    shown_s: Option<f64>,
    truthful_s: Option<f64>,
    lies: f64,
}

impl Turn {
    fn read(line: &str) -> Option<Self> {
        let [fault, shown, truthful, lies] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
        Some(Self { fault: fault.to_owned(), shown_s: shown.parse().ok(), truthful_s: truthful.parse().ok(), lies: lies.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_did_not_show_is_told_from_one_that_did() {
        let turn = Turn::read("crash-pods 1.5 - 2").expect("a turn");
        assert_eq!((turn.fault.as_str(), turn.shown_s, turn.truthful_s, turn.lies), ("crash-pods", Some(1.5), None, 2.0));
        assert!(Turn::read("the wall says").is_none());
    }
}
