//! What is remembered of a running demo, for `--stop` and `fault`.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Console;
use crate::bed::Bed;
use crate::files::write;
use crate::process::{Signal, group_lives, signal_group, started_at};

/// How long the console may take to hand over and end.
const END_WITHIN: Duration = Duration::from_secs(15);

/// A running demo.
pub struct State {
    /// The console's process and when it started: an id alone may belong to another by now.
    console: u32,
    console_started: u64,
    /// Where it is.
    pub url: String,
    /// The test bed's program and first port.
    pub testbed: PathBuf,
    /// The first of the bed's ports.
    pub base: u16,
}

fn file(folder: &Path) -> PathBuf {
    folder.join("running.json")
}

impl State {
    /// Of what was just started.
    pub fn of(console: &Console, bed: &Bed) -> Result<Self> {
        let id = console.id().context("the console was not started")?;
        Ok(Self {
            console: id,
            console_started: started_at(id).context("the console has ended")?,
            url: console.url(),
            testbed: bed.program().to_path_buf(),
            base: bed.base(),
        })
    }

    /// Keeps it in the folder.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let value = serde_json::json!({
            "console": self.console,
            "console_started": self.console_started,
            "url": self.url,
            "testbed": self.testbed,
            "base": self.base,
        });
        write(&file(folder), value.to_string())
    }

    /// What the folder remembers.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let Ok(text) = std::fs::read(file(folder)) else { return Ok(None) };
        let read = || -> Option<Self> {
            let value: serde_json::Value = serde_json::from_slice(&text).ok()?;
            Some(Self {
                console: value["console"].as_u64()?.try_into().ok()?,
                console_started: value["console_started"].as_u64()?,
                url: value["url"].as_str()?.to_owned(),
                testbed: PathBuf::from(value["testbed"].as_str()?),
                base: value["base"].as_u64()?.try_into().ok()?,
            })
        };
        read().map(Some).with_context(|| format!("{} is damaged; remove it", file(folder).display()))
    }

    /// Nothing runs any more, and what `demo.env` says is true no longer.
    pub fn forget(folder: &Path) -> Result<()> {
        for file in [file(folder), folder.join("demo.env")] {
            match std::fs::remove_file(file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether its console still runs.
    pub fn lives(&self) -> bool {
        started_at(self.console) == Some(self.console_started)
    }

    /// SIGTERM, and SIGKILL when that was not enough.
    pub fn end_console(&self) {
        if !self.lives() {
            return;
        }
        signal_group(Signal::TERM, self.console);
        let deadline = Instant::now() + END_WITHIN;
        while group_lives(self.console) && self.lives() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(50));
        }
        if self.lives() {
            signal_group(Signal::KILL, self.console);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(console: u32, console_started: u64) -> State {
        State { console, console_started, url: "http://x".into(), testbed: "testbed".into(), base: 24_000 }
    }

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        assert!(State::read(folder.path()).unwrap().is_none());
        state(7, 9).write(folder.path()).unwrap();
        let read = State::read(folder.path()).unwrap().unwrap();
        assert_eq!((read.console, read.console_started, read.base), (7, 9, 24_000));
        State::forget(folder.path()).unwrap();
        assert!(State::read(folder.path()).unwrap().is_none());
    }

    #[test]
    fn another_process_with_the_same_id_is_not_the_console() {
        let own = std::process::id();
        let started = started_at(own).unwrap();
        assert!(state(own, started).lives());
        assert!(!state(own, started + 1).lives());
    }
}
