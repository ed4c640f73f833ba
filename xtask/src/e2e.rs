//! `cargo xtask e2e`: browser journeys against a console over a test bed of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::bed::Bed;
use crate::demo::{self, Running};
use crate::files::{all_under, read};
use crate::process::Program;
use crate::stages::Stages;
use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{node, packages};

/// The bed and the console of the journeys look for ports from here on.
const FIRST_PORT: u16 = 28_000;
const CONSOLE_PORT: u16 = 18_080;

/// The browser, and letters for it: a bare machine has none.
const PACKAGES: [&str; 2] = ["chromium", "fonts-dejavu-core"];

/// What to run.
#[derive(Default)]
pub struct Options {
    /// Against the running demo instead of a bed of its own.
    pub on_demo: bool,
    /// Handed on to Playwright: files, `--grep`, `--project`.
    pub arguments: Vec<String>,
}

/// Installs what the journeys need.
pub fn prepare() -> Result<()> {
    packages::ensure(&PACKAGES)
}

/// Runs the journeys; the tally says how many passed and failed.
pub fn run(workspace: &Workspace, stages: &mut Stages, options: &Options) -> Result<Tally> {
    stages.run("e2e: packages", || {
        prepare()?;
        Bed::prepare()
    })?;
    let modules = node::modules(workspace)?;
    if options.on_demo {
        let env = demo_env(workspace)?;
        return stages.run("e2e: journeys", || journeys(workspace, &modules, &env, options));
    }
    demo::build(workspace, stages, "dev")?;
    let folder = workspace.root.join("target").join("e2e");
    let running = Running::start(workspace, stages, "dev", FIRST_PORT, CONSOLE_PORT, &folder)?;
    stages.run("e2e: journeys", || journeys(workspace, &modules, &running.env, options))
}

fn journeys(workspace: &Workspace, modules: &Path, env: &BTreeMap<String, String>, options: &Options) -> Result<Tally> {
    let output = workspace.root.join("target").join("e2e");
    let report = output.join("report.json");
    std::fs::create_dir_all(&output)?;
    std::fs::remove_file(&report).ok();
    let screenshots = workspace.root.join("target").join("screenshots");
    let good = Program::new(modules.join(".bin/playwright"))
        .args(["test"])
        .args(&options.arguments)
        .dir(&workspace.root.join("end2end"))
        .envs(env)
        .env("PLAYWRIGHT_JSON_OUTPUT_FILE", &report)
        .env("QUARTERDECK_E2E_OUTPUT", output.join("results"))
        .env("QUARTERDECK_SCREENSHOTS", &screenshots)
        .limit(Duration::from_secs(1800))
        .watch(|_| {})?;
    let shots = all_under(&screenshots)?.len();
    if shots > 0 {
        println!("    {shots} pictures in {}", workspace.short(&screenshots).display());
    }
    let tally = counted(&read(&report)?)?;
    if !good && tally.failed == 0 {
        bail!("Playwright failed without a failed test; its words are above");
    }
    Ok(tally)
}

/// Playwright's own sums: `expected` as hoped, `flaky` only at a later try, `unexpected` failed.
fn counted(report: &str) -> Result<Tally> {
    let value: serde_json::Value = serde_json::from_str(report).context("Playwright's report is not JSON")?;
    let count = |key: &str| value["stats"][key].as_u64().with_context(|| format!("Playwright's report has no `{key}`"));
    Ok(Tally { passed: count("expected")?, failed: count("unexpected")? + count("flaky")? })
}

fn demo_env(workspace: &Workspace) -> Result<BTreeMap<String, String>> {
    let file = demo::folder(workspace).join("demo.env");
    let text = read(&file).context("no demo runs here; `cargo xtask demo --detach` starts one")?;
    text.lines().map(crate::bed::assignment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journey_that_passes_only_at_the_second_try_has_failed() {
        let report = r#"{"stats": {"expected": 5, "unexpected": 1, "flaky": 2, "skipped": 0}}"#;
        assert_eq!(counted(report).unwrap(), Tally { passed: 5, failed: 3 });
        assert!(counted("{}").is_err());
    }
}
