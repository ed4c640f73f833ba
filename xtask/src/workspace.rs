//! Where things are: the clone, cargo's target folder, and the cache that outlives both.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The folders that every command works with.
pub struct Workspace {
    /// The clone's top folder, the one with `Cargo.lock`.
    pub root: PathBuf,
    /// Cargo's target folder, wherever the environment or the configuration puts it.
    pub target: PathBuf,
    /// `${XDG_CACHE_HOME:-$HOME/.cache}/quarterdeck`: shared by all clones of this user.
    pub cache: PathBuf,
}

impl Workspace {
    /// Asks cargo, which alone knows how its own configuration, flags and environment add up.
    pub fn find() -> Result<Self> {
        let output = Command::new(cargo())
            .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
            .output()
            .context("cannot start cargo")?;
        if !output.status.success() {
            bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).context("cargo metadata is not JSON")?;
        let folder = |key: &str| metadata[key].as_str().map(PathBuf::from).with_context(|| format!("cargo metadata has no `{key}`"));
        Ok(Self { root: folder("workspace_root")?, target: folder("target_directory")?, cache: cache_folder()? })
    }

    /// What the server embeds and serves under `/pkg`.
    pub fn site(&self) -> PathBuf {
        self.target.join("site").join("pkg")
    }

    /// A program that cargo built here.
    pub fn program(&self, profile: &str, name: &str) -> PathBuf {
        let folder = if profile == "dev" { "debug" } else { profile };
        self.target.join(folder).join(name)
    }

    /// `path` as seen from the clone's top, for messages.
    pub fn short<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}

/// The cargo that runs this command, so that children use the same toolchain.
pub fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

fn cache_folder() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(base) => PathBuf::from(base),
        None => {
            PathBuf::from(std::env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set; set one: downloads are kept there")?)
                .join(".cache")
        }
    };
    Ok(base.join("quarterdeck"))
}
