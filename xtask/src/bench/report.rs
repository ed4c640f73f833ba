//! What was measured, beside its goal.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::files::write;

/// One figure.
pub struct Figure {
    what: String,
    measured: String,
    goal: String,
    met: Option<bool>,
}

/// All figures, in the order in which they were measured.
#[derive(Default)]
pub struct Report {
    figures: Vec<Figure>,
}

impl Report {
    /// A figure with an upper bound.
    pub fn at_most(&mut self, what: &str, measured: f64, goal: f64, unit: &str) {
        let met = Some(measured <= goal);
        self.add(Figure { what: what.to_owned(), measured: spell(measured, unit), goal: format!("at most {}", spell(goal, unit)), met });
    }

    /// A figure with a lower bound.
    pub fn at_least(&mut self, what: &str, measured: f64, goal: f64, unit: &str) {
        let met = Some(measured >= goal);
        self.add(Figure { what: what.to_owned(), measured: spell(measured, unit), goal: format!("at least {}", spell(goal, unit)), met });
    }

    /// A figure without a goal.
    pub fn says(&mut self, what: &str, measured: impl Into<String>) {
        self.add(Figure { what: what.to_owned(), measured: measured.into(), goal: String::new(), met: None });
    }

    fn add(&mut self, figure: Figure) {
        println!("    {}: {}", figure.what, figure.measured);
        self.figures.push(figure);
    }

    /// As a table of Markdown.
    pub fn table(&self) -> String {
        let mut text = String::from("| what | measured | goal | |\n|---|---|---|---|\n");
        for Figure { what, measured, goal, met } in &self.figures {
            let mark = match met {
                Some(true) => "met",
                Some(false) => "**not met**",
                None => "",
            };
            let _ = writeln!(text, "| {what} | {measured} | {goal} | {mark} |");
        }
        text
    }

    /// Keeps the table.
    pub fn write(&self, file: &Path) -> Result<()> {
        write(file, self.table())
    }
}

/// `8.3 ms`, `63 900 B`: three digits where there is a fraction.
fn spell(value: f64, unit: &str) -> String {
    let number = if value >= 100.0 || value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") };
    format!("{number} {unit}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_past_its_goal_is_said_to_be() {
        let mut report = Report::default();
        report.at_most("bundle", 95.0, 90.0, "kB");
        report.at_least("requests", 1.204, 1.0, "times");
        report.says("first paint", "44 ms");
        let table = report.table();
        assert!(table.contains("| bundle | 95 kB | at most 90 kB | **not met** |"), "{table}");
        assert!(table.contains("| requests | 1.20 times | at least 1 times | met |"), "{table}");
        assert!(table.contains("| first paint | 44 ms |  |  |"), "{table}");
    }
}
