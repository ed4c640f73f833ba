//! Quarterdeck's own commands: `cargo xtask COMMAND`.

mod bed;
mod bench;
mod demo;
mod e2e;
mod files;
mod licences;
mod lint;
mod node;
mod packages;
mod process;
mod site;
mod stages;
mod tally;
mod test;
mod tidy;
mod visitor;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};

use crate::stages::Stages;
use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Quarterdeck's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the browser half, the style sheet and the console with both inside.
    Build {
        /// With optimisation, as it is shipped.
        #[arg(long)]
        release: bool,
    },
    /// Checks format, clippy, the project's own rules (tidy) and licences.
    Lint,
    /// Checks only the project's own rules; takes a second.
    Tidy,
    /// Prepares what is missing, builds, and runs every test, browser journeys included.
    Test,
    /// Runs the browser journeys against a console over a test bed of its own.
    E2e {
        /// Against the running demo instead: quick while writing journeys.
        #[arg(long)]
        on_demo: bool,
        /// Handed on to Playwright: files, `--grep`, `--project`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Starts a living estate and the console over it; prints address and sign-ins.
    Demo {
        /// Return when everything is ready; it runs on in the background.
        #[arg(long, conflicts_with = "stop")]
        detach: bool,
        /// End a demo that runs in the background.
        #[arg(long)]
        stop: bool,
        /// The console's port on 127.0.0.1.
        #[arg(long, default_value_t = 8080)]
        port: u16,
    },
    /// Measures the console over a real estate, each figure beside its goal; takes half an hour.
    Bench {
        /// Pods of the large estate.
        #[arg(long, default_value_t = 20_000)]
        pods: u32,
        /// Minutes for which a wall stays open while the estate changes.
        #[arg(long, default_value_t = 5)]
        soak: u32,
        /// Only these parts, instead of all.
        #[arg(long, value_enum, value_delimiter = ',')]
        only: Vec<bench::Part>,
    },
    /// Breaks something in the running demo; without a name, lists what can be broken.
    Fault {
        /// Which fault.
        name: Option<String>,
        /// Mend it.
        #[arg(long, requires = "name")]
        undo: bool,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    process::catch_interrupts()?;
    let workspace = Workspace::find()?;
    let mut stages = Stages::open(&workspace);
    match arguments.command {
        Task::Build { release } => {
            let profile = if release { "release" } else { "dev" };
            demo::build(&workspace, &mut stages, profile)?;
            println!("{}", workspace.program(profile, "quarterdeck").display());
            Ok(())
        }
        Task::Lint => lint::lint(&workspace, &mut stages),
        Task::Tidy => tidy::check(&workspace.root),
        Task::Test => test::test(&workspace, &mut stages),
        Task::E2e { on_demo, arguments } => {
            let tally = e2e::run(&workspace, &mut stages, &e2e::Options { on_demo, arguments })?;
            println!("{tally}");
            if tally.failed > 0 {
                bail!("{} journeys failed", tally.failed);
            }
            Ok(())
        }
        Task::Demo { stop: true, .. } => demo::stop(&workspace),
        Task::Demo { detach, port, .. } => demo::start(&workspace, &mut stages, &demo::Options { detach, port }),
        Task::Bench { pods, soak, only } => bench::run(&workspace, &mut stages, &bench::Options { pods, soak, only }),
        Task::Fault { name, undo } => demo::fault(&workspace, name.as_deref(), undo),
    }
}
