//! Starting, finding, freezing and ending the bed's processes.
//!
//! Each process leads a session of its own, so it outlives whoever started the bed. Its pid file names the process by pid,
//! start time and boot; a signal goes through a pidfd that was opened before that identity was compared, so it can never
//! reach another process that was given the same number later.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    fs::{self, OpenOptions},
    io::{Read, Seek, SeekFrom},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    str::FromStr,
    time::{Duration, Instant},
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::{
    account::Account,
    error::{Doing, Error, Result},
    layout::Layout,
};

/// How often a wait looks again.
const LOOK: Duration = Duration::from_millis(40);
/// How long a killed process may take to vanish.
const KILLED_WITHIN: Duration = Duration::from_secs(30);
/// How much of a log an error quotes, in bytes.
const TAIL: u64 = 800;

/// A process about to be started.
#[derive(Debug)]
pub struct Launch {
    name: String,
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    account: Account,
    folder: Option<PathBuf>,
}

impl Launch {
    /// A process with this name in the bed (its pid and log files are called so) and an empty environment but for PATH and UTC.
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>) -> Launch {
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin:/usr/sbin:/sbin".into());
        let env = vec![("PATH".into(), path), ("LANG".into(), "C.UTF-8".into()), ("TZ".into(), "UTC".into())];
        Launch { name: name.into(), program: program.into(), args: Vec::new(), env, account: Account::STARTER, folder: None }
    }

    /// Adds one argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Launch {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Launch {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Launch {
        self.env.push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Runs it as this account.
    pub fn account(mut self, account: Account) -> Launch {
        self.account = account;
        self
    }

    /// Runs it in this folder instead of the bed's root. It must lie below the root: what is left after a crash is found by it.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Launch {
        self.folder = Some(folder.into());
        self
    }

    /// Starts it, detached, output appended to its log file.
    pub fn start(self, layout: &Layout) -> Result<Process> {
        let log = layout.log_file(&self.name);
        let mut child = self.command(layout, true)?.spawn().doing(|| format!("start {} ({})", self.name, self.program.display()))?;
        let identity =
            Identity::of(child.id()).ok_or_else(|| Error::Ended { name: self.name.clone(), tail: tail(&log), log: log.clone() })?;
        // Whoever starts a bed and stays must take the exit status of what ends, or it lingers as a zombie.
        std::thread::spawn(move || child.wait());
        let pid_file = layout.pid_file(&self.name);
        fs::write(&pid_file, identity.to_string()).doing(|| format!("write {}", pid_file.display()))?;
        Ok(Process { name: self.name, identity, pid_file, log })
    }

    /// Runs it to its end, output appended to its log file; anything but success within the time is an error.
    pub async fn run(self, layout: &Layout, within: Duration) -> Result<()> {
        let log = layout.log_file(&self.name);
        let mut child = tokio::process::Command::from(self.command(layout, false)?)
            .kill_on_drop(true)
            .spawn()
            .doing(|| format!("run {} ({})", self.name, self.program.display()))?;
        match tokio::time::timeout(within, child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(_)) => Err(Error::Ended { name: self.name, tail: tail(&log), log }),
            Ok(Err(source)) => Err(source).doing(|| format!("wait for {}", self.name)),
            Err(_) => {
                Err(Error::TooLate { what: format!("the end of {}", self.name), within, last: "still running".to_owned(), logs: log })
            }
        }
    }

    fn command(&self, layout: &Layout, own_session: bool) -> Result<Command> {
        let path = layout.log_file(&self.name);
        let log = OpenOptions::new().create(true).append(true).open(&path).doing(|| format!("open {}", path.display()))?;
        let errors = log.try_clone().doing(|| format!("open {}", path.display()))?;
        // `setsid` executes the program in its own place, so the child's pid is the program's.
        let mut command = if own_session {
            let mut command = Command::new("setsid");
            command.arg(&self.program);
            command
        } else {
            Command::new(&self.program)
        };
        command.args(&self.args).env_clear().envs(self.env.iter().map(|(key, value)| (key, value)));
        command.current_dir(self.folder.as_deref().unwrap_or(layout.root()));
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        if let Some((user, group)) = self.account.ids() {
            command.gid(group).uid(user);
        }
        Ok(command)
    }
}

/// A process of the bed, running or not.
#[derive(Clone, Debug)]
pub struct Process {
    name: String,
    identity: Identity,
    pid_file: PathBuf,
    log: PathBuf,
}

impl Process {
    /// The process that was last started under this name, if its pid file is there and it still runs.
    pub fn find(layout: &Layout, name: &str) -> Option<Process> {
        let pid_file = layout.pid_file(name);
        let identity = fs::read_to_string(&pid_file).ok()?.parse().ok()?;
        let process = Process { name: name.to_owned(), identity, pid_file, log: layout.log_file(name) };
        process.is_running().then_some(process)
    }

    /// A running process that the bed did not start itself, such as a server that Patroni started.
    pub fn adopt(layout: &Layout, name: &str, pid: u32) -> Option<Process> {
        let identity = Identity::of(pid)?;
        Some(Process { name: name.to_owned(), identity, pid_file: layout.pid_file(name), log: layout.log_file(name) })
    }

    /// Its name in the bed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.identity.pid
    }

    /// Whether it still runs (a frozen one does).
    pub fn is_running(&self) -> bool {
        self.identity.is_alive()
    }

    /// Whether it is stopped by a signal.
    pub fn is_frozen(&self) -> bool {
        self.is_running() && Stat::of(self.identity.pid).is_some_and(|stat| matches!(stat.state, 'T' | 't'))
    }

    /// Sends a signal to it, and to nobody else; a process that is gone is no error.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let Some(pid) = i32::try_from(self.identity.pid).ok().and_then(Pid::from_raw) else {
            return Ok(());
        };
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
            return Ok(());
        };
        if !self.is_running() {
            return Ok(());
        }
        match pidfd_send_signal(&handle, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(refusal) => Err(std::io::Error::from(refusal)).doing(|| format!("signal {} (pid {})", self.name, self.identity.pid)),
        }
    }

    /// Stops it in its tracks; it keeps its connections and answers nothing.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a frozen one go on.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Ends it at once and waits until it is gone.
    pub async fn kill(&self) -> Result<()> {
        self.signal(Signal::KILL)?;
        wait_until(&format!("the end of {}", self.name), KILLED_WITHIN, &self.log, async || self.gone()).await?;
        self.forget();
        Ok(())
    }

    /// Asks it to end; kills it when it has not within `grace`.
    pub async fn terminate(&self, grace: Duration) -> Result<()> {
        self.end(Signal::TERM, grace).await
    }

    /// Ends it by this signal; kills it when it is still there after `grace`.
    pub async fn end(&self, signal: Signal, grace: Duration) -> Result<()> {
        self.signal(signal)?;
        self.thaw()?;
        if wait_until("its end", grace, &self.log, async || self.gone()).await.is_err() {
            return self.kill().await;
        }
        self.forget();
        Ok(())
    }

    /// Waits until `ready` holds; fails early when the process ends.
    pub async fn ready(&self, within: Duration, mut ready: impl AsyncFnMut() -> Result<(), String>) -> Result<()> {
        let began = Instant::now();
        loop {
            let attempt = tokio::time::timeout(within, ready()).await.unwrap_or_else(|_| Err("no answer".to_owned()));
            let Err(last) = attempt else { return Ok(()) };
            if !self.is_running() {
                return Err(Error::Ended { name: self.name.clone(), log: self.log.clone(), tail: tail(&self.log) });
            }
            if began.elapsed() > within {
                return Err(Error::TooLate { what: format!("{} ready", self.name), within, last, logs: self.log.clone() });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn gone(&self) -> Result<(), String> {
        if self.is_running() { Err(format!("pid {} still runs", self.identity.pid)) } else { Ok(()) }
    }

    /// Removes the pid file unless a successor has written its own.
    fn forget(&self) {
        let mine = fs::read_to_string(&self.pid_file).ok().and_then(|text| text.parse().ok()) == Some(self.identity);
        if mine {
            fs::remove_file(&self.pid_file).ok();
        }
    }
}

/// Looks again and again until `done` holds or the time is over.
pub async fn wait_until(what: &str, within: Duration, logs: &Path, mut done: impl AsyncFnMut() -> Result<(), String>) -> Result<()> {
    let began = Instant::now();
    loop {
        let left = within.saturating_sub(began.elapsed()).max(LOOK);
        let attempt = tokio::time::timeout(left, done()).await.unwrap_or_else(|_| Err("no answer".to_owned()));
        let Err(last) = attempt else { return Ok(()) };
        if began.elapsed() >= within {
            return Err(Error::TooLate { what: what.to_owned(), within, last, logs: logs.to_owned() });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Every running process whose working folder lies below the bed's root and that has no terminal: what the bed started, what
/// those started, and what a crash left behind. A person's shell in the folder has a terminal and is left alone.
pub fn below_root(layout: &Layout) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let own = std::process::id();
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != own)
        .filter(|pid| folder_of(*pid).is_some_and(|folder| folder.starts_with(layout.root())))
        .filter(|pid| Stat::of(*pid).is_some_and(|stat| stat.terminal == 0))
        .filter_map(|pid| Process::adopt(layout, &command_name(pid), pid))
        .collect()
}

/// The working folder of a process, also when it was removed meanwhile (proc(5) marks it so).
pub(crate) fn folder_of(pid: u32) -> Option<PathBuf> {
    let folder = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    let removed = folder.to_str().and_then(|text| text.strip_suffix(" (deleted)")).map(PathBuf::from);
    Some(removed.unwrap_or(folder))
}

/// The processes that this one started and that still run.
pub fn children_of(layout: &Layout, parent: &Process) -> Vec<Process> {
    below_root(layout).into_iter().filter(|process| Stat::of(process.pid()).is_some_and(|stat| stat.parent == parent.pid())).collect()
}

fn command_name(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).map(|name| name.trim().to_owned()).unwrap_or_default()
}

/// The end of a log, for an error.
fn tail(log: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = fs::File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    read().unwrap_or_else(|error| error.to_string())
}

/// Tells one process from every other that ever had or will have its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    pid: u32,
    started_ticks: u64,
    boot: u128,
}

impl Identity {
    fn of(pid: u32) -> Option<Identity> {
        Some(Identity { pid, started_ticks: Stat::of(pid)?.started_ticks, boot: boot()? })
    }

    fn is_alive(self) -> bool {
        boot() == Some(self.boot)
            && Stat::of(self.pid).is_some_and(|stat| stat.started_ticks == self.started_ticks && stat.holds_anything())
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {} {:032x}", self.pid, self.started_ticks, self.boot)
    }
}

impl FromStr for Identity {
    type Err = ();

    fn from_str(text: &str) -> Result<Identity, ()> {
        let mut words = text.split_whitespace();
        let pid = words.next().and_then(|word| word.parse().ok()).ok_or(())?;
        let started_ticks = words.next().and_then(|word| word.parse().ok()).ok_or(())?;
        let boot = words.next().and_then(|word| u128::from_str_radix(word, 16).ok()).ok_or(())?;
        Ok(Identity { pid, started_ticks, boot })
    }
}

/// The part of `/proc/PID/stat` that the bed uses (proc(5)).
struct Stat {
    state: char,
    parent: u32,
    terminal: i32,
    threads: u32,
    started_ticks: u64,
}

impl Stat {
    fn of(pid: u32) -> Option<Stat> {
        Stat::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The second field is the command in parentheses and may itself hold blanks and parentheses; what follows the last one is regular.
    fn parse(line: &str) -> Option<Stat> {
        let mut fields = line.get(line.rfind(')')? + 1..)?.split_whitespace();
        let state = fields.next()?.chars().next()?; // field 3
        let parent = fields.next()?.parse().ok()?; // field 4
        let terminal = fields.nth(2)?.parse().ok()?; // field 7
        let threads = fields.nth(12)?.parse().ok()?; // field 20
        let started_ticks = fields.nth(1)?.parse().ok()?; // field 22
        Some(Stat { state, parent, terminal, threads, started_ticks })
    }

    /// Whether it may still have its files and ports: a killed process is a zombie as soon as its first thread has ended, and
    /// keeps what it had open until the last one has.
    fn holds_anything(&self) -> bool {
        !matches!(self.state, 'Z' | 'X') || self.threads > 1
    }
}

/// Identifies this run of the machine: ticks count from it.
fn boot() -> Option<u128> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    u128::from_str_radix(&id.trim().replace('-', ""), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bed() -> (tempfile::TempDir, Layout) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(30_000, folder.path()).unwrap();
        layout.create().unwrap();
        (folder, layout)
    }

    #[test]
    fn a_command_name_with_blanks_and_parentheses_is_parsed() {
        let line = "77 (a (b) c) S 1 77 77 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 3 0 5159 0 0";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.state, stat.terminal, stat.threads, stat.started_ticks), ('S', 0, 3, 5159));
    }

    #[test]
    fn a_zombie_whose_other_threads_still_run_is_not_gone() {
        let stat = |state: char, threads: u32| {
            Stat::parse(&format!("77 (a) {state} 1 77 77 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 {threads} 0 5159 0 0")).unwrap()
        };
        assert!(stat('S', 1).holds_anything() && stat('Z', 2).holds_anything());
        assert!(!stat('Z', 1).holds_anything() && !stat('X', 1).holds_anything());
    }

    #[tokio::test]
    async fn a_process_is_found_frozen_thawed_and_ended() {
        let (_folder, layout) = bed();
        let started = Launch::new("sleeper", "sleep").arg("60").start(&layout).unwrap();
        let found = Process::find(&layout, "sleeper").unwrap();
        assert_eq!(found.pid(), started.pid());
        found.freeze().unwrap();
        wait_until(
            "freeze",
            Duration::from_secs(2),
            layout.root(),
            async || {
                if found.is_frozen() { Ok(()) } else { Err("runs".to_owned()) }
            },
        )
        .await
        .unwrap();
        found.thaw().unwrap();
        found.terminate(Duration::from_secs(5)).await.unwrap();
        assert!(Process::find(&layout, "sleeper").is_none() && !layout.pid_file("sleeper").exists());
    }

    #[tokio::test]
    async fn a_recycled_pid_is_neither_found_nor_signalled() {
        let (_folder, layout) = bed();
        let stranger = Launch::new("stranger", "sleep").arg("60").start(&layout).unwrap();
        let mut identity = stranger.identity;
        identity.started_ticks += 1;
        fs::write(layout.pid_file("dead"), identity.to_string()).unwrap();
        assert!(Process::find(&layout, "dead").is_none());
        let dead = Process { name: "dead".into(), identity, pid_file: layout.pid_file("dead"), log: layout.log_file("dead") };
        dead.kill().await.unwrap();
        assert!(stranger.is_running());
        stranger.kill().await.unwrap();
    }

    #[tokio::test]
    async fn a_process_that_ends_before_it_is_ready_is_told_with_its_last_words() {
        let (_folder, layout) = bed();
        let process = Launch::new("talker", "sh").args(["-c", "echo no such option; sleep 0.1; exit 3"]).start(&layout).unwrap();
        let error = process.ready(Duration::from_secs(5), async || Err("not yet".to_owned())).await.unwrap_err();
        assert!(error.to_string().contains("no such option"), "{error}");
    }

    #[tokio::test]
    async fn what_a_crash_left_behind_is_found_by_its_folder() {
        let (_folder, layout) = bed();
        let process = Launch::new("left", "sleep").arg("60").start(&layout).unwrap();
        fs::remove_file(layout.pid_file("left")).unwrap();
        let left: Vec<u32> = below_root(&layout).iter().map(Process::pid).collect();
        assert_eq!(left, [process.pid()]);
        process.kill().await.unwrap();
    }
}
