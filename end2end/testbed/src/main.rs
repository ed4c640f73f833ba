//! Starts, breaks, mends and stops a test bed from the command line.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::{Args, Parser, Subcommand};
use testbed::{
    Bed, Error, Layout, Options, Result,
    bed::Condition,
    env, faults,
    kubernetes::{Binaries, Missing, Plane},
    serve,
};

/// A real estate on one machine, for tests and for the demo.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts a bed, detached, and returns when everything speaks.
    Up {
        /// Leave the cluster out.
        #[arg(long)]
        without_kubernetes: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Ends a bed and removes all of its files.
    Down(Place),
    /// Shows every process and every active fault.
    Status(Place),
    /// Prints addresses, users and passwords as shell KEY='value' lines.
    Env(Place),
    /// Breaks something, or mends it again; without a name, lists what can be broken.
    Fault {
        /// Which fault.
        name: Option<String>,
        /// Mend it.
        #[arg(long)]
        undo: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Brings the cluster to so many nodes and running pods beside the estate's, for measurements.
    KubernetesLoad {
        /// How many nodes.
        #[arg(long)]
        nodes: u32,
        /// How many pods on them.
        #[arg(long)]
        pods: u32,
        #[command(flatten)]
        place: Place,
    },
    /// Runs one of the bed's own servers.
    #[command(hide = true)]
    Serve {
        /// Which one.
        child: serve::Child,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Args)]
struct Place {
    /// First of the bed's 200 ports.
    #[arg(long, default_value_t = 21_000)]
    base: u16,
    /// Folder of all of the bed's files [default: one below the system's temporary folder].
    #[arg(long)]
    dir: Option<PathBuf>,
}

impl Place {
    fn layout(&self) -> Result<Layout> {
        Layout::new(self.base, self.dir.clone().unwrap_or_else(|| Layout::default_root(self.base)))
    }

    fn bed(&self) -> Result<Bed> {
        Bed::attach(self.layout()?)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    match run(Cli::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("testbed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<()> {
    let began = Instant::now();
    match command {
        Command::Up { without_kubernetes, place } => {
            let kubernetes = match without_kubernetes {
                true => None,
                false => control_plane().await?,
            };
            let program = std::env::current_exe().map_err(|source| Error::Io { doing: "find this program".to_owned(), source })?;
            let layout = place.layout()?;
            let coming_up = Bed::up(Options { base: place.base, root: place.dir, program, kubernetes });
            let bed = tokio::select! {
                bed = coming_up => bed?,
                _ = tokio::signal::ctrl_c() => {
                    testbed::bed::clear(&layout).await?;
                    return Err(Error::Refused("interrupted; nothing is left".to_owned()));
                }
            };
            println!("The bed at {} is up after {:.1} s.", bed.layout().root().display(), began.elapsed().as_secs_f32());
        }
        Command::Down(place) => {
            let layout = place.layout()?;
            testbed::bed::clear(&layout).await?;
            println!("Nothing is left at {} after {:.1} s.", layout.root().display(), began.elapsed().as_secs_f32());
        }
        Command::Status(place) => status(&place.bed()?),
        Command::Env(place) => place.bed()?.env().iter().for_each(|(key, value)| println!("{}", env::line(key, value))),
        Command::Fault { name: None, .. } => {
            for fault in faults::all() {
                println!("{:20} {:56} {}", fault.name(), fault.system().unwrap_or("(the console itself)"), fault.summary());
            }
        }
        Command::Fault { name: Some(name), undo, place } => {
            let bed = place.bed()?;
            if undo {
                bed.mend(&name).await?
            } else {
                bed.strike(&name).await?
            }
            let done = if undo { "mended" } else { "struck" };
            println!("{name} is {done} after {:.1} s.", began.elapsed().as_secs_f32());
        }
        Command::KubernetesLoad { nodes, pods, place } => {
            let plane = Plane::find(&place.layout()?)?;
            plane.load(nodes, pods, |line| println!("{line}")).await?;
        }
        Command::Serve { child, place } => serve::run(child, place.bed()?).await?,
    }
    Ok(())
}

/// The cluster's programs, built if need be; without them the bed starts without a cluster and says how to get one.
async fn control_plane() -> Result<Option<Binaries>> {
    let found = tokio::task::spawn_blocking(|| Binaries::find_or_build(|line| println!("{line}"))).await;
    match found.map_err(|error| Error::Refused(error.to_string()))? {
        Ok(binaries) => Ok(Some(binaries)),
        Err(missing @ Missing::Go { .. }) => {
            eprintln!("The bed starts without a cluster: {missing}");
            Ok(None)
        }
        Err(missing) => Err(missing.into()),
    }
}

fn status(bed: &Bed) {
    for part in bed.status() {
        let condition = match part.condition {
            Condition::Running => "running",
            Condition::Frozen => "frozen",
            Condition::Gone => "gone",
        };
        println!("{:24} {:8} {}", part.name, condition, part.pid.map(|pid| pid.to_string()).unwrap_or_default());
    }
    for fault in bed.active_faults() {
        println!("fault: {fault}");
    }
}
