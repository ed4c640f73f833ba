//! Debian packages: installed where that is possible without asking, named all at once where it is not.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::process::{Program, on_path};

/// Installs those of `names` that are missing, by apt, when this is root or `sudo` asks for no password. Elsewhere it
/// fails with one line that names them all.
pub fn ensure(names: &[&str]) -> Result<()> {
    if !on_path("dpkg-query") {
        bail!("this is no Debian or Ubuntu; install what these packages hold there: {}", names.join(" "));
    }
    let missing: Vec<&str> = names.iter().copied().filter(|name| !installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let Some(prefix) = root_prefix() else {
        bail!("missing packages, and this user may not install them: `sudo apt-get install {}`", missing.join(" "));
    };
    println!("    apt-get install {} (usually 60 s)", missing.join(" "));
    let guard = NoAutostart::set(&prefix);
    let apt = |arguments: &[&str], minutes: u64| {
        let mut words: Vec<&str> = prefix.clone();
        words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]);
        words.extend(arguments);
        Program::new(words[0]).args(&words[1..]).limit(Duration::from_secs(minutes * 60))
    };
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(&missing);
    // The package lists may be there already; fetching them again costs more than a failed first try.
    let first = apt(&install, 20).output();
    let result = match first {
        Ok(_) => Ok(()),
        Err(_) => apt(&["update"], 10).output().and_then(|_| apt(&install, 20).run()),
    };
    drop(guard);
    result
}

/// Those of `names` that dpkg does not have.
fn installed(name: &str) -> bool {
    Program::new("dpkg-query").args(["-W", "-f", "${Status}", name]).output().is_ok_and(|status| status == "install ok installed")
}

/// What to put before a command that needs root: nothing, `sudo -n`, or no way.
fn root_prefix() -> Option<Vec<&'static str>> {
    let root = Program::new("id").args(["-u"]).output().is_ok_and(|id| id.trim() == "0");
    if root {
        return Some(vec![]);
    }
    let sudo = on_path("sudo") && Program::new("sudo").args(["-n", "true"]).output().is_ok();
    sudo.then(|| vec!["sudo", "-n"])
}

/// Debian starts a service when its package is installed; the test bed starts its own, so a policy forbids that
/// meanwhile. A policy that is there already is somebody's own and stays.
struct NoAutostart<'a> {
    prefix: Option<&'a [&'static str]>,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";

impl<'a> NoAutostart<'a> {
    fn set(prefix: &'a [&'static str]) -> Self {
        if Path::new(POLICY).exists() {
            return Self { prefix: None };
        }
        let script = format!("printf '#!/bin/sh\\nexit 101\\n' > {POLICY} && chmod 755 {POLICY}");
        let done = as_root(prefix, &["sh", "-c", &script]);
        Self { prefix: done.then_some(prefix) }
    }
}

impl Drop for NoAutostart<'_> {
    fn drop(&mut self) {
        if let Some(prefix) = self.prefix {
            as_root(prefix, &["rm", "-f", POLICY]);
        }
    }
}

fn as_root(prefix: &[&str], words: &[&str]) -> bool {
    let all: Vec<&str> = prefix.iter().chain(words).copied().collect();
    Program::new(all[0]).args(&all[1..]).output().is_ok()
}
