//! Starting programs: each with a deadline, in a process group of its own, ended as a whole.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Pid;
pub use rustix::process::Signal;

/// How long a program may take to end after SIGTERM before it gets SIGKILL.
const GRACE: Duration = Duration::from_secs(10);

/// One program to run.
pub struct Program {
    command: Command,
    shown: String,
    limit: Duration,
    heeds_interrupt: bool,
}

impl Program {
    /// `name` is looked up on PATH unless it has a slash. The limit is ten minutes until `limit` says otherwise.
    pub fn new(name: impl AsRef<OsStr>) -> Self {
        let name = name.as_ref();
        let mut command = Command::new(name);
        // No stage may wait for a person to type.
        command.stdin(Stdio::null()).process_group(0);
        Self { command, shown: name.to_string_lossy().into_owned(), limit: Duration::from_secs(600), heeds_interrupt: true }
    }

    /// Adds arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, arguments: I) -> Self {
        for argument in arguments {
            self.shown.push(' ');
            self.shown.push_str(&argument.as_ref().to_string_lossy());
            self.command.arg(argument);
        }
        self
    }

    /// Sets one variable.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Sets several variables.
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(mut self, variables: impl IntoIterator<Item = (K, V)>) -> Self {
        self.command.envs(variables);
        self
    }

    /// Takes one variable away.
    pub fn without(mut self, key: &str) -> Self {
        self.command.env_remove(key);
        self
    }

    /// Runs in this folder.
    pub fn dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Ends the program, and what it started, when it takes longer.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Goes on after Ctrl-C: for what cleans up.
    pub fn despite_interrupt(mut self) -> Self {
        self.heeds_interrupt = false;
        self
    }

    /// Runs to the end with output shown; fails unless it exits with 0.
    pub fn run(mut self) -> Result<()> {
        let mut running = Running::start(&mut self)?;
        let status = running.wait(self.limit)?;
        expect_success(&self.shown, status)
    }

    /// Runs to the end, shows each line of standard output and hands it to `seen`. Returns whether it exited with 0.
    pub fn watch(mut self, mut seen: impl FnMut(&str)) -> Result<bool> {
        self.command.stdout(Stdio::piped());
        let mut running = Running::start(&mut self)?;
        let output = running.child.stdout.take().context("standard output is not piped")?;
        let (sender, lines) = mpsc::sync_channel::<String>(1024);
        let reader = thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                println!("{line}");
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let status = running.wait_with(self.limit, || {
            while let Ok(line) = lines.try_recv() {
                seen(&line);
            }
        })?;
        // A grandchild that keeps the pipe open must not hold the stage: what has not come by now is not awaited long.
        let end = Instant::now() + Duration::from_secs(2);
        while Instant::now() < end {
            match lines.recv_timeout(Duration::from_millis(100)) {
                Ok(line) => seen(&line),
                Err(mpsc::RecvTimeoutError::Timeout) if reader.is_finished() => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        Ok(status.success())
    }

    /// Runs to the end and returns standard output; on failure the error carries standard error.
    pub fn output(mut self) -> Result<String> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = Running::start(&mut self)?;
        let read = |pipe: Option<Box<dyn Read + Send>>| {
            thread::spawn(move || {
                let mut text = Vec::new();
                if let Some(mut pipe) = pipe {
                    // An unreadable pipe shows as missing text in the message, which is all it is for.
                    pipe.read_to_end(&mut text).ok();
                }
                String::from_utf8_lossy(&text).into_owned()
            })
        };
        let out = read(running.child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
        let err = read(running.child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
        let status = running.wait(self.limit)?;
        let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
        if !status.success() {
            bail!("`{}` {}: {}{}", self.shown, describe(status), err.trim(), out.trim());
        }
        Ok(out)
    }

    /// Starts and returns at once; dropping the value ends the process group.
    pub fn start(mut self) -> Result<Running> {
        Running::start(&mut self)
    }

    /// Standard output and standard error go to this file.
    pub fn log_to(mut self, file: &Path) -> Result<Self> {
        let log = std::fs::File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
        self.command.stderr(log.try_clone()?).stdout(log);
        Ok(self)
    }
}

/// A started program; ended, with everything it started, when this value goes away.
pub struct Running {
    child: Child,
    shown: String,
    heeds_interrupt: bool,
    ended: bool,
}

impl Running {
    fn start(program: &mut Program) -> Result<Self> {
        let child = program.command.spawn().with_context(|| format!("cannot start `{}`", program.shown))?;
        Ok(Self { child, shown: program.shown.clone(), heeds_interrupt: program.heeds_interrupt, ended: false })
    }

    /// The process id, which is also the id of its group.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The exit status if it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        self.ended |= status.is_some();
        Ok(status)
    }

    /// Lets the program outlive this command.
    pub fn detach(mut self) -> u32 {
        self.ended = true;
        self.child.id()
    }

    fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.wait_with(limit, || {})
    }

    fn wait_with(&mut self, limit: Duration, mut meanwhile: impl FnMut()) -> Result<ExitStatus> {
        let start = Instant::now();
        let limit = match DEADLINE.get() {
            Some(end) if self.heeds_interrupt => limit.min(end.saturating_duration_since(start)),
            _ => limit,
        };
        loop {
            meanwhile();
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if self.heeds_interrupt && interrupted() {
                self.end();
                bail!("interrupted");
            }
            if start.elapsed() > limit {
                self.end();
                bail!("`{}` was still running after {} s and has been ended", self.shown, limit.as_secs());
            }
            thread::sleep(Duration::from_millis(30));
        }
    }

    /// SIGTERM to the group, SIGKILL to what is left after ten seconds.
    pub fn end(&mut self) {
        if self.ended {
            return;
        }
        self.ended = true;
        let group = self.child.id();
        signal_group(Signal::TERM, group);
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                break;
            }
            thread::sleep(Duration::from_millis(30));
        }
        signal_group(Signal::KILL, group);
        // Reaped or not, the group has been killed; there is nothing further to do about an error.
        self.child.wait().ok();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Sends a signal to a process group by its id; a group that is gone is fine.
pub fn signal_group(signal: Signal, group: u32) {
    if let Some(group) = pid(group) {
        rustix::process::kill_process_group(group, signal).ok();
    }
}

/// Whether a process group still has a member.
pub fn group_lives(group: u32) -> bool {
    pid(group).is_some_and(|group| rustix::process::test_kill_process_group(group).is_ok())
}

fn pid(number: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(number).ok()?)
}

/// When a process was started, in clock ticks since boot: with its id it names one process, though ids are used again.
pub fn started_at(process: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name is in parentheses and may hold anything, so fields are counted from the last one.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    if fields.first() == Some(&"Z") {
        return None;
    }
    fields.get(19)?.parse().ok()
}

/// From now on no program runs longer than until this moment, whatever its own limit.
pub fn end_everything_at(moment: Instant) {
    DEADLINE.set(moment).ok();
}

static DEADLINE: OnceLock<Instant> = OnceLock::new();

fn flag() -> &'static Arc<AtomicBool> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    FLAG.get_or_init(Arc::default)
}

/// From now on Ctrl-C and SIGTERM set a flag instead of ending this process, so that children can be ended first. Pressing again
/// changes nothing: what cleans up has a limit of its own.
pub fn catch_interrupts() -> Result<()> {
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, flag().clone())?;
    }
    Ok(())
}

/// Whether a person has asked to stop.
pub fn interrupted() -> bool {
    flag().load(Ordering::Relaxed)
}

/// Whether PATH has this program.
pub fn on_path(name: &str) -> bool {
    find_on_path(name).is_some()
}

/// Where PATH has this program.
pub fn find_on_path(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn expect_success(shown: &str, status: ExitStatus) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    bail!("`{shown}` {}", describe(status));
}

fn describe(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with code {code}"),
        None => "was ended by a signal".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_never_ends_is_ended_at_its_limit() {
        let start = Instant::now();
        let refused = Program::new("sleep").args(["60"]).limit(Duration::from_millis(200)).run();
        assert!(refused.unwrap_err().to_string().contains("still running"));
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn dropping_a_started_program_ends_its_children_too() {
        let running = Program::new("sh").args(["-c", "sleep 60 & sleep 60"]).start().unwrap();
        let group = running.id();
        assert!(group_lives(group));
        drop(running);
        // The grandchild is reaped by init a moment later.
        let deadline = Instant::now() + Duration::from_secs(5);
        while group_lives(group) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        assert!(!group_lives(group));
    }

    #[test]
    fn watching_sees_every_line_and_the_exit_code() {
        let mut lines = Vec::new();
        let good = Program::new("sh").args(["-c", "echo one; echo two; exit 3"]).watch(|line| lines.push(line.to_owned())).unwrap();
        assert!(!good);
        assert_eq!(lines, ["one", "two"]);
    }

    #[test]
    fn a_failing_program_s_words_are_in_the_error() {
        let failed = Program::new("sh").args(["-c", "echo no disk >&2; exit 1"]).output();
        assert!(failed.unwrap_err().to_string().contains("no disk"));
    }
}
