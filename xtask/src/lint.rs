//! `cargo xtask lint`: format, clippy, the project's own rules, licences.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::process::{Program, on_path};
use crate::stages::Stages;
use crate::workspace::{Workspace, cargo};
use crate::{licences, tidy};

/// Cheapest first, so that a slip is seen early; all of them, so that one does not hide another.
pub fn lint(workspace: &Workspace, stages: &mut Stages) -> Result<()> {
    let checks = [
        stages.run("lint: format", || {
            prepare()?;
            Program::new(cargo()).args(["fmt", "--all", "--check"]).dir(&workspace.root).run()
        }),
        stages.run("lint: tidy", || tidy::check(&workspace.root)),
        stages.run("lint: licences", || licences::check(workspace)),
        stages.run("lint: clippy", || {
            Program::new(cargo())
                .args(["clippy", "--quiet", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"])
                .dir(&workspace.root)
                .limit(Duration::from_secs(3600))
                .run()
        }),
    ];
    let words: Vec<String> = checks.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    if !words.is_empty() {
        bail!("{}", words.join("\n"));
    }
    Ok(())
}

/// A minimal toolchain has neither; rustup can add them.
fn prepare() -> Result<()> {
    let lacks = |name: &str| Program::new(cargo()).args([name, "--version"]).output().is_err();
    let missing: Vec<&str> =
        [("fmt", "rustfmt"), ("clippy", "clippy")].into_iter().filter(|(name, _)| lacks(name)).map(|(_, component)| component).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !on_path("rustup") {
        bail!("cargo has no {}: install them for this toolchain", missing.join(", no "));
    }
    println!("    rustup component add {}", missing.join(" "));
    Program::new("rustup").args(["component", "add"]).args(&missing).limit(Duration::from_secs(180)).run()
}
