//! The npm packages of `end2end/`: browser tests, and the two tools that shrink what a browser loads.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::files::Fingerprint;
use crate::process::{Program, on_path};
use crate::workspace::Workspace;

/// Puts `end2end/node_modules` in place and returns it. It is a link into the cache, in a folder named by the lock
/// file's hash, so that a fresh clone with the same lock file installs nothing.
pub fn modules(workspace: &Workspace) -> Result<PathBuf> {
    let end2end = workspace.root.join("end2end");
    let (list, lock) = (end2end.join("package.json"), end2end.join("package-lock.json"));
    let mut fingerprint = Fingerprint::default();
    fingerprint.add_file(&end2end, &list)?;
    fingerprint.add_file(&end2end, &lock)?;
    let kept = workspace.cache.join("npm").join(&fingerprint.finish()[..16]);

    if !kept.join("node_modules").is_dir() {
        expect_node()?;
        println!("    npm packages by end2end/package-lock.json (usually 15 s)");
        let fresh = workspace.cache.join("npm").join(format!("partial-{}", std::process::id()));
        std::fs::create_dir_all(&fresh).with_context(|| format!("cannot create {}", fresh.display()))?;
        std::fs::copy(&list, fresh.join("package.json"))?;
        std::fs::copy(&lock, fresh.join("package-lock.json"))?;
        // No package's install script is run: none is needed, and each would be code that nobody here has read.
        Program::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
            .dir(&fresh)
            .limit(Duration::from_secs(600))
            .run()?;
        if std::fs::rename(&fresh, &kept).is_err() {
            // Another clone was quicker; its folder is the same.
            std::fs::remove_dir_all(&fresh).ok();
        }
    }

    let (link, wanted) = (end2end.join("node_modules"), kept.join("node_modules"));
    match std::fs::symlink_metadata(&link) {
        // A folder is somebody's own `npm install`: theirs to keep.
        Ok(found) if found.is_dir() => return Ok(link),
        Ok(_) if std::fs::read_link(&link).is_ok_and(|now| now == wanted) => return Ok(link),
        Ok(_) => std::fs::remove_file(&link)?,
        Err(_) => {}
    }
    std::os::unix::fs::symlink(&wanted, &link).with_context(|| format!("cannot link {}", link.display()))?;
    Ok(link)
}

/// The oldest that Playwright works with.
const NODE_MAJOR: u32 = 20;

/// Debian 12's own Node.js is older, so it is named, not installed.
fn expect_node() -> Result<()> {
    let wanted = format!("Node.js {NODE_MAJOR} or later with npm (https://nodejs.org/)");
    for name in ["node", "npm"] {
        if !on_path(name) {
            bail!("{name} is missing: install {wanted}");
        }
    }
    let version = Program::new("node").args(["--version"]).output()?;
    match major(&version) {
        Some(found) if found >= NODE_MAJOR => Ok(()),
        _ => bail!("node is {}: install {wanted}", version.trim()),
    }
}

/// The 20 of `v20.1.2`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("20"), None);
    }
}
