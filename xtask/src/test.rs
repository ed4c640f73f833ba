//! `cargo xtask test`: everything, in the order in which a slip shows soonest.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::bed::Bed;
use crate::process::{self, Program, interrupted};
use crate::stages::Stages;
use crate::tally::Tally;
use crate::workspace::{Workspace, cargo};
use crate::{demo, e2e, lint};

/// The whole run ends after this time, whatever is still going on. A cold run on two cores takes about half of it.
const WHOLE: Duration = Duration::from_secs(85 * 60);

/// The integration tests' bed looks for ports from here on.
const FIRST_PORT: u16 = 21_000;

/// Runs everything. The last line that it prints is `N passed, N failed`; a stage that cannot be run counts as one failure.
pub fn test(workspace: &Workspace, stages: &mut Stages) -> Result<()> {
    process::end_everything_at(Instant::now() + WHOLE);
    let mut tally = Tally::default();
    let result = everything(workspace, stages, &mut tally);
    if let Err(error) = &result {
        tally.failed += 1;
        eprintln!("error: {error:#}");
    }
    println!("\n{}\n", stages.summary());
    println!("{tally}");
    if tally.failed > 0 {
        // The count is the last word; an error line would follow it.
        std::process::exit(1);
    }
    Ok(())
}

fn everything(workspace: &Workspace, stages: &mut Stages, tally: &mut Tally) -> Result<()> {
    stages.run("packages", || {
        Bed::prepare()?;
        e2e::prepare()
    })?;
    demo::build(workspace, stages, "dev")?;

    // A finding does not keep the tests from being run: both are wanted at once.
    if let Err(error) = lint::lint(workspace, stages) {
        tally.failed += 1;
        eprintln!("error: {error:#}");
    }
    stages.run("build of all tests", || {
        Program::new(cargo())
            .args(["test", "--quiet", "--locked", "--workspace", "--no-run"])
            .dir(&workspace.root)
            .limit(Duration::from_secs(3600))
            .run()
    })?;
    *tally += stages.run("unit tests", || cargo_test(workspace, &["--lib", "--bins"], vec![], 600))?;
    if has_integration_tests(workspace)? {
        *tally += integration(workspace, stages)?;
    }
    if interrupted() {
        bail!("interrupted");
    }
    *tally += e2e::run(workspace, stages, &e2e::Options::default())?;
    Ok(())
}

/// One bed for all of them, so that they cost its start once.
fn integration(workspace: &Workspace, stages: &mut Stages) -> Result<Tally> {
    let bed = stages.run("test bed", || Bed::up(workspace.program("dev", "testbed"), FIRST_PORT))?;
    let mut env: Vec<(String, String)> = bed.env()?.into_iter().collect();
    if !env.iter().any(|(key, _)| key == "KUBECONFIG") {
        bail!("the test bed has no cluster: its programs are built with Go 1.26 or later (https://go.dev/dl/), put it on PATH");
    }
    env.push(("TESTBED_BASE".to_owned(), bed.base().to_string()));
    env.push(("TESTBED_BIN".to_owned(), bed.program().display().to_string()));
    let tally = stages.run("integration tests", || cargo_test(workspace, &["--test", "*"], env, 1800));
    let ended = stages.run("test bed down", || bed.down());
    let tally = tally?;
    ended?;
    Ok(tally)
}

fn cargo_test(workspace: &Workspace, which: &[&str], env: Vec<(String, String)>, seconds: u64) -> Result<Tally> {
    let mut tally = Tally::default();
    let good = Program::new(cargo())
        .args(["test", "--locked", "--workspace", "--no-fail-fast"])
        .args(which)
        .dir(&workspace.root)
        .envs(env)
        .limit(Duration::from_secs(seconds))
        .watch(|line| tally.read_line(line))?;
    if !good && tally.failed == 0 {
        bail!("cargo test failed without a failed test; its words are above");
    }
    Ok(tally)
}

/// Cargo refuses a pattern that matches no test program, so it is asked first.
fn has_integration_tests(workspace: &Workspace) -> Result<bool> {
    let text = Program::new(cargo()).args(["metadata", "--no-deps", "--format-version", "1", "--offline"]).dir(&workspace.root).output()?;
    let metadata: serde_json::Value = serde_json::from_str(&text)?;
    let found = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|package| package["targets"].as_array().into_iter().flatten().any(|target| target["kind"][0] == "test"));
    Ok(found)
}
