//! The test bed, through its own program: up, environment, faults, down.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::packages;
use crate::process::Program;

/// Debian's packages of the systems that a bed is made of.
const PACKAGES: [&str; 8] =
    ["postgresql-15", "patroni", "python3-etcd", "etcd-server", "redis-server", "redis-sentinel", "prometheus", "curl"];

/// A bed takes this many ports from its base on.
const PORTS: u16 = 200;

/// A test bed; taken down when this value goes away.
pub struct Bed {
    program: PathBuf,
    base: u16,
    keep: bool,
}

impl Bed {
    /// Installs what a bed is made of.
    pub fn prepare() -> Result<()> {
        packages::ensure(&PACKAGES)
    }

    /// Starts a bed on the first free block of ports from `from` on. The control plane's programs are built the first
    /// time, which takes minutes.
    pub fn up(program: PathBuf, from: u16) -> Result<Self> {
        let base = free_block(from)?;
        let mut bed = Self { program, base, keep: false };
        if !bed.command(&["up"]).limit(Duration::from_secs(1800)).watch(|_| {})? {
            // It has ended what it started and left its logs; taking it down would remove them.
            bed.keep = true;
            bail!("the test bed did not start; its words are above");
        }
        Ok(bed)
    }

    /// A bed that was started before; it is not taken down with this value.
    pub fn attach(program: PathBuf, base: u16) -> Self {
        Self { program, base, keep: true }
    }

    /// The first of its ports.
    pub fn base(&self) -> u16 {
        self.base
    }

    /// The test bed's own program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Lets it run on after this command.
    pub fn keep(&mut self) {
        self.keep = true;
    }

    /// Addresses, users and passwords of everything in it.
    pub fn env(&self) -> Result<BTreeMap<String, String>> {
        let text = self.command(&["env"]).limit(Duration::from_secs(60)).output()?;
        text.lines().filter(|line| !line.trim().is_empty()).map(assignment).collect()
    }

    /// Breaks something, or mends it again.
    pub fn fault(&self, name: Option<&str>, undo: bool) -> Result<()> {
        let mut words = vec!["fault"];
        words.extend(name);
        if undo {
            words.push("--undo");
        }
        self.command(&words).limit(Duration::from_secs(180)).run()
    }

    /// Ends everything in it and removes its files.
    pub fn down(mut self) -> Result<()> {
        self.keep = true;
        self.end()
    }

    fn end(&self) -> Result<()> {
        self.command(&["down"]).limit(Duration::from_secs(120)).despite_interrupt().run()
    }

    fn command(&self, words: &[&str]) -> Program {
        Program::new(&self.program).args(words).args(["--base".to_owned(), self.base.to_string()])
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = self.end()
        {
            eprintln!("the test bed at port {} is not gone: {error:#}", self.base);
        }
    }
}

/// One line of a shell's environment file as the test bed writes it: `KEY='value'`, a quote as `'\''`.
pub fn assignment(line: &str) -> Result<(String, String)> {
    let (key, quoted) = line.split_once('=').with_context(|| format!("`{line}` is no KEY=value"))?;
    let value = match quoted.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(inner) => inner.replace(r"'\''", "'"),
        None => quoted.to_owned(),
    };
    Ok((key.trim_start_matches("export ").to_owned(), value))
}

/// A block of ports with nobody on it. All stay below 32768, where the kernel begins to hand out ports by itself.
fn free_block(from: u16) -> Result<u16> {
    let last = 32_768 - PORTS;
    (from..=last)
        .step_by(usize::from(PORTS))
        .find(|base| (*base..base + PORTS).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()))
        .map_or_else(|| bail!("no {PORTS} free ports in a row between {from} and 32767; stop another test bed"), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_read_as_a_shell_reads_them() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(assignment("PG1='127.0.0.1:21011'").unwrap(), pair("PG1", "127.0.0.1:21011"));
        assert_eq!(assignment(r"WORD='it'\''s'").unwrap(), pair("WORD", "it's"));
        assert_eq!(assignment("URL='a?b=c&d=e'").unwrap(), pair("URL", "a?b=c&d=e"));
        assert!(assignment("nothing").is_err());
    }

    #[test]
    fn a_taken_port_moves_the_block() {
        let first = free_block(29_000).unwrap();
        let _taken = TcpListener::bind(("127.0.0.1", first + 7)).unwrap();
        assert!(free_block(first).unwrap() > first);
    }
}
