//! One test bed: brought up, looked at, taken down.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::{
    account::Account,
    error::{Doing, Error, Of, Result},
    kubernetes::{Binaries, Component, Plane},
    layout::{Layout, create_folder, write_file},
    parts::{self, patroni::Member, postgres},
    process::{Launch, Process, below_root, wait_until},
    secrets::Secrets,
    serve::Child,
};

/// How long servers may take to end at once (PostgreSQL itself kills what has not ended after 5 s).
const END_WITHIN: Duration = Duration::from_secs(8);
/// How long everything may take to vanish after it was killed.
const GONE_WITHIN: Duration = Duration::from_secs(60);

/// What a bed is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// The first of its ports.
    pub base: u16,
    /// The folder of all its files; `None` takes [`Layout::default_root`].
    pub root: Option<PathBuf>,
    /// The `testbed` program, which serves the parts that are the bed's own.
    pub program: PathBuf,
    /// The programs of the cluster's control plane; `None` leaves the cluster out.
    pub kubernetes: Option<Binaries>,
}

/// A bed that runs, or did.
#[derive(Clone, Debug)]
pub struct Bed {
    layout: Layout,
    state: State,
}

/// What is remembered of a bed in its folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    base: u16,
    program: PathBuf,
    secrets: Secrets,
}

impl Bed {
    /// Starts a bed, detached: it runs until [`Bed::down`], whatever becomes of the caller.
    ///
    /// What a crashed bed left in the same folder is cleared away first. A bed that runs whole is refused. When a part does
    /// not start, everything is stopped and the logs stay.
    pub async fn up(options: Options) -> Result<Bed> {
        let root = options.root.unwrap_or_else(|| Layout::default_root(options.base));
        let layout = Layout::new(options.base, root)?;
        if let Ok(bed) = Bed::attach(layout.clone())
            && bed.status().iter().all(|part| part.condition == Condition::Running)
        {
            return Err(Error::Refused(format!(
                "a bed runs at {root} already; `testbed down --base {} --dir {root}` ends it",
                layout.base(),
                root = layout.root().display()
            )));
        }
        clear(&layout).await?;
        layout.check_ports_free()?;
        layout.create()?;
        let bed = Bed { layout, state: State { base: options.base, program: options.program, secrets: Secrets::draw() } };
        let remembered = serde_json::to_vec_pretty(&bed.state).of("bed")?;
        write_file(&bed.layout.bed_file(), remembered, Account::STARTER, 0o600)?;
        bed.write_secret_files()?;
        let plane = options.kubernetes.map(|binaries| Plane::new(&bed.layout, binaries));
        let cluster = async {
            match &plane {
                Some(plane) => plane.up().await,
                None => Ok(()),
            }
        };
        match tokio::try_join!(bed.start_parts(), cluster) {
            Ok(_) => Ok(bed),
            Err(error) => {
                end_processes(&bed.layout).await?;
                Err(error)
            }
        }
    }

    async fn start_parts(&self) -> Result<()> {
        // Prometheus first, for it looks for its targets only every 5 s; whatever needs another waits for that one alone.
        let (a, b, c, d, e, f) = tokio::join!(
            parts::prometheus::start(self),
            parts::store::create(self),
            async {
                parts::etcd::start(self).await?;
                parts::patroni::create(self).await
            },
            async {
                parts::redis::create(self).await?;
                parts::sentinel::create(self).await
            },
            async {
                parts::objects::start(self).await?;
                parts::dns::start(self).await
            },
            parts::aia::start(self),
        );
        [a, b, c, d, e, f].into_iter().collect::<Result<()>>()?;
        parts::prometheus::fed(self).await
    }

    /// The bed of this layout, running or not.
    pub fn attach(layout: Layout) -> Result<Bed> {
        let file = layout.bed_file();
        let text = fs::read(&file)
            .map_err(|_| Error::Refused(format!("there is no bed at {}; `testbed up` starts one", layout.root().display())))?;
        let state: State = serde_json::from_slice(&text).of("bed.json")?;
        if state.base != layout.base() {
            return Err(Error::Refused(format!(
                "the bed at {} has base {}, not {}; give --base {1}",
                layout.root().display(),
                state.base,
                layout.base()
            )));
        }
        Ok(Bed { layout, state })
    }

    /// Ends everything and removes all files.
    pub async fn down(self) -> Result<()> {
        clear(&self.layout).await
    }

    /// Where everything is.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.state.secrets
    }

    /// The cluster's control plane, when the bed was started with one.
    pub fn plane(&self) -> Option<Plane> {
        Plane::find(&self.layout).ok()
    }

    /// Each process that belongs to a healthy bed, and how it is.
    pub fn status(&self) -> Vec<Part> {
        let condition = |process: Option<Process>| match process {
            None => Condition::Gone,
            Some(process) if process.is_frozen() => Condition::Frozen,
            Some(_) => Condition::Running,
        };
        let started = parts::PROCESSES.map(|name| (name.to_owned(), Process::find(&self.layout, name)));
        let servers = Member::ALL.map(|member| (member.name().to_owned(), member.server(&self.layout)));
        let cluster = self
            .plane()
            .into_iter()
            .flat_map(|plane| Component::ALL.map(|component| (component.name().to_owned(), plane.process(component))));
        started
            .into_iter()
            .chain(servers)
            .chain(cluster)
            .map(|(name, process)| Part { name, pid: process.as_ref().map(Process::pid), condition: condition(process) })
            .collect()
    }

    /// Starts one of the bed's own servers.
    pub(crate) fn serve(&self, name: &str) -> Result<Process> {
        let child = <Child as clap::ValueEnum>::from_str(name, true).map_err(|_| Error::Refused(format!("no child is called {name}")))?;
        self.serve_child(name, child)
    }

    pub(crate) fn serve_child(&self, name: &str, child: Child) -> Result<Process> {
        let word = clap::ValueEnum::to_possible_value(&child).map(|value| value.get_name().to_owned()).unwrap_or_default();
        Launch::new(name, &self.state.program)
            .args(["serve", &word, "--base", &self.layout.base().to_string(), "--dir"])
            .arg(self.layout.root())
            .start(&self.layout)
    }
}

/// One process of the bed, as [`Bed::status`] sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name in the bed.
    pub name: String,
    /// Its process id, when it runs.
    pub pid: Option<u32>,
    /// How it is.
    pub condition: Condition,
}

/// How a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It runs.
    Running,
    /// It is stopped by a signal and answers nothing.
    Frozen,
    /// It does not run.
    Gone,
}

/// Ends what runs in a bed's folder and removes the folder. A folder that is no bed's is left alone.
pub async fn clear(layout: &Layout) -> Result<()> {
    let root = layout.root();
    if root.exists() && !is_bed(layout)? {
        return Err(Error::Refused(format!("{} holds files that are no bed's; give --dir an empty or new folder", root.display())));
    }
    end_processes(layout).await?;
    match fs::remove_dir_all(root) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).doing(|| format!("remove {}", root.display()));
        }
        _ => {}
    }
    // Stays, of course, while it holds another bed.
    layout.shared_parent().map(fs::remove_dir);
    Ok(())
}

/// Whether this folder is a bed's, even of one that was killed while it came up; an empty one may become a bed's.
fn is_bed(layout: &Layout) -> Result<bool> {
    let root = layout.root();
    let is_empty = fs::read_dir(root).doing(|| format!("read {}", root.display()))?.next().is_none();
    Ok(is_empty || layout.pids().is_dir())
}

/// Ends every process of the bed. The data goes with it, so nobody needs time to save anything; but PostgreSQL is asked,
/// because only a server that ends by itself takes its shared memory along.
async fn end_processes(layout: &Layout) -> Result<()> {
    // Whoever would start a server again goes first.
    for patroni in Member::ALL.into_iter().filter_map(|member| member.patroni(layout)) {
        patroni.kill().await?;
    }
    below_root(layout).iter().try_for_each(Process::thaw)?;
    let folders = data_folders(layout);
    let servers: Vec<Process> = folders.iter().filter_map(|folder| postgres::server_over(layout, "postgres", folder)).collect();
    // All are told before the first is waited for.
    servers.iter().try_for_each(|server| server.signal(Signal::QUIT))?;
    for server in servers {
        server.end(Signal::QUIT, END_WITHIN).await?;
    }
    wait_until("the end of every process of the bed", GONE_WITHIN, &layout.logs(), async || {
        let left = below_root(layout);
        for process in &left {
            process.signal(Signal::KILL).map_err(|error| error.to_string())?;
        }
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await?;
    folders.iter().for_each(|folder| postgres::remove_segment_of(folder));
    Ok(())
}

fn data_folders(layout: &Layout) -> Vec<PathBuf> {
    Member::ALL
        .into_iter()
        .map(|member| member.data(layout))
        .chain([layout.data(parts::store::NAME)])
        .filter(|folder: &PathBuf| Path::is_dir(folder))
        .collect()
}

impl Bed {
    fn write_secret_files(&self) -> Result<()> {
        let secrets = self.secrets();
        create_folder(&self.layout.root().join("secrets"), Account::STARTER, 0o700)?;
        for (name, secret) in [
            ("pg-watch", &secrets.pg_watch),
            ("pg-backup", &secrets.pg_backup),
            ("patroni", &secrets.patroni),
            ("redis-watch", &secrets.redis_watch),
            ("redis-act", &secrets.redis_act),
            ("s3-access-key", &secrets.objects_access),
            ("s3-secret-key", &secrets.objects_secret),
        ] {
            write_file(&self.layout.secret_file(name), secret.reveal(), Account::STARTER, 0o600)?;
        }
        Ok(())
    }
}
