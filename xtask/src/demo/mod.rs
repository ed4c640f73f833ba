//! `cargo xtask demo` and `cargo xtask fault`: a living estate and the console over it.

mod accounts;
mod console;
mod estate;
mod first_backup;
mod state;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

pub use console::Console;
use state::State;

use crate::bed::Bed;
use crate::files::write;
use crate::process::{Program, interrupted};
use crate::site;
use crate::stages::Stages;
use crate::workspace::{Workspace, cargo};

/// The demo's bed looks for ports from here on, away from those of tests.
const FIRST_PORT: u16 = 26_000;

/// Where the demo keeps its files: always in the clone, since people and scripts look for them there.
pub fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join("target").join("demo")
}

/// What to start.
pub struct Options {
    /// Return when everything is ready.
    pub detach: bool,
    /// The console's port on 127.0.0.1.
    pub port: u16,
}

/// Starts everything and prints address and sign-ins.
pub fn start(workspace: &Workspace, stages: &mut Stages, options: &Options) -> Result<()> {
    let folder = folder(workspace);
    if let Some(state) = State::read(&folder)?
        && state.lives()
    {
        bail!("a demo runs already at {}; `cargo xtask demo --stop` ends it", state.url);
    }
    stages.run("packages", Bed::prepare)?;
    build(workspace, stages, "release")?;
    let mut running = Running::start(workspace, stages, "release", FIRST_PORT, options.port, &folder)?;
    running.remember(&folder)?;
    running.introduce(&folder)?;
    if options.detach {
        running.keep();
        println!("It runs on in the background; `cargo xtask demo --stop` ends it.");
        return Ok(());
    }
    println!("Ctrl-C ends all.");
    let ended = running.wait();
    State::forget(&folder)?;
    drop(running);
    println!("All has ended.");
    ended
}

/// Ends a demo that was started before.
pub fn stop(workspace: &Workspace) -> Result<()> {
    let folder = folder(workspace);
    let Some(state) = State::read(&folder)? else {
        println!("No demo runs here.");
        return Ok(());
    };
    state.end_console();
    Bed::attach(state.testbed.clone(), state.base).down()?;
    State::forget(&folder)?;
    println!("The demo at {} has ended.", state.url);
    Ok(())
}

/// Breaks something in the running demo, mends it, or lists what can be broken.
pub fn fault(workspace: &Workspace, name: Option<&str>, undo: bool) -> Result<()> {
    let state = State::read(&folder(workspace))?
        .context("no demo runs here; `cargo xtask demo` in another terminal, or `cargo xtask demo --detach`, starts one")?;
    Bed::attach(state.testbed, state.base).fault(name, undo)
}

/// Console, test bed and browser half, in one cargo call: what they share is compiled once.
pub fn build(workspace: &Workspace, stages: &mut Stages, profile: &str) -> Result<()> {
    stages.run("site", || site::build(workspace))?;
    stages.run(&format!("console and test bed, {profile}"), || {
        Program::new(cargo())
            .args(["build", "--locked", "--package", "server", "--package", "testbed", "--profile", profile])
            .dir(&workspace.root)
            .limit(Duration::from_secs(3600))
            .run()
    })
}

/// A bed, and a console over it; both end when this value goes away, the console first.
pub struct Running {
    console: Console,
    bed: Bed,
    /// Everything that `demo.env` says.
    pub env: BTreeMap<String, String>,
}

impl Running {
    /// Starts the bed, prepares store, estate file and accounts, starts the console, waits until it is ready, and has it make its first
    /// backup. Files go to `folder`.
    pub fn start(workspace: &Workspace, stages: &mut Stages, profile: &str, first_port: u16, port: u16, folder: &Path) -> Result<Self> {
        let bed = stages.run("test bed", || Bed::up(workspace.program(profile, "testbed"), first_port))?;
        let running = stages.run("console", || {
            let bed_env = bed.env()?;
            private_folder(folder)?;
            let template = workspace.root.join("end2end/demo/estate.yaml");
            let estate = estate::write_for(&template, &bed_env, folder)?;
            let program = workspace.program(profile, "quarterdeck");
            let console = Console::new(program.clone(), port, &bed_env, estate)?;
            console.check()?;
            console.migrate()?;
            let sign_ins = accounts::create(&console, folder)?;
            let wall = console.pair_wall()?;
            let console = console.serve(&folder.join("console.log"))?;

            let mut env = bed_env;
            env.extend(sign_ins);
            env.insert("QUARTERDECK_URL".to_owned(), console.url());
            env.insert("WALL_URL".to_owned(), wall);
            env.insert("QUARTERDECK_BIN".to_owned(), program.display().to_string());
            if let Some(id) = console.id() {
                env.insert("CONSOLE_PID".to_owned(), id.to_string());
            }
            // For witnesses that break something: `$TESTBED_BIN fault NAME --base $TESTBED_BASE`.
            env.insert("TESTBED_BIN".to_owned(), bed.program().display().to_string());
            env.insert("TESTBED_BASE".to_owned(), bed.base().to_string());
            write_env(&folder.join("demo.env"), &env)?;
            Ok(Self { console, bed, env })
        })?;
        stages.run("first backup", || {
            let of = |key: &str| running.env.get(key).map(String::as_str).unwrap_or_default();
            first_backup::make(&running.console.url(), of("OPERATOR_USER"), of("OPERATOR_PASSWORD"), folder)
        })?;
        Ok(running)
    }

    /// The console of this estate.
    pub fn console(&self) -> &Console {
        &self.console
    }

    fn remember(&self, folder: &Path) -> Result<()> {
        State::of(&self.console, &self.bed)?.write(folder)
    }

    fn introduce(&self, folder: &Path) -> Result<()> {
        println!("\nQuarterdeck is at {}\n", self.console.url());
        for account in accounts::ALL {
            let value = |suffix: &str| self.env.get(&format!("{}_{suffix}", account.key)).cloned().unwrap_or_default();
            println!("  {:<10} {:<12} {}", account.role, value("USER"), value("PASSWORD"));
        }
        if let Some(wall) = self.env.get("WALL_URL") {
            println!("\nA screen for a wall, for a week: {wall}");
        }
        if !self.env.contains_key("KUBECONFIG") {
            println!("\nThe cluster is not configured: its programs are built with Go 1.26 or later (https://go.dev/dl/),");
            println!("which is not on PATH. Install it and start the demo again.");
        }
        println!("\nFor scripts: {}", folder.join("demo.env").display());
        Ok(())
    }

    fn keep(mut self) {
        self.bed.keep();
        self.console.keep();
    }

    /// Until a person ends it, or the console ends by itself, which is an error.
    fn wait(&mut self) -> Result<()> {
        while !interrupted() {
            self.console.expect_alive()?;
            thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }
}

/// `KEY='value'` lines, readable by their owner only: they hold passwords.
fn write_env(file: &Path, env: &BTreeMap<String, String>) -> Result<()> {
    let lines: String = env.iter().map(|(key, value)| format!("{key}='{}'\n", value.replace('\'', r"'\''"))).collect();
    write(file, lines)
}

/// Only its owner may look into the folder, so nothing in it needs a mode of its own.
fn private_folder(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(folder)?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
        .with_context(|| format!("cannot make {} private", folder.display()))
}
