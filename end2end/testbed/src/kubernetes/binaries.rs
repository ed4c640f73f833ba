//! The control plane's programs: found in a folder, found in the user's cache, or built with Go into that cache.
//!
//! The Go module beside this crate (`control-plane/`) fixes every version; its `go.sum` keys the cache, so a change of version
//! builds anew and an unchanged one never does.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use sha2::{Digest, Sha256};

use crate::error::{Doing, Error, Result};

/// Names the folder of ready binaries, when somebody has them already.
pub const FOLDER_VARIABLE: &str = "QUARTERDECK_CONTROL_PLANE";
/// What go.mod asks for.
const GO_MINOR: u32 = 26;
/// The version that the API server reports; without it the server calls itself v0.0.0-master and clients complain.
const KUBERNETES_VERSION: (&str, &str, &str) = ("v1.37.2", "1", "37");
/// How many packages there are (`go list -deps tool`); progress is told by it.
const PACKAGES: usize = 2_849;

const GO_MOD: &str = include_str!("../../control-plane/go.mod");
const GO_SUM: &str = include_str!("../../control-plane/go.sum");

/// One program of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The store behind the API server.
    Etcd,
    /// kube-apiserver.
    ApiServer,
    /// kube-controller-manager.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
    /// kwok, which plays the kubelets.
    Kwok,
    /// metrics-server.
    MetricsServer,
    /// kubectl.
    Kubectl,
}

impl Program {
    /// All seven.
    pub const ALL: [Program; 7] = [
        Program::Etcd,
        Program::ApiServer,
        Program::ControllerManager,
        Program::Scheduler,
        Program::Kwok,
        Program::MetricsServer,
        Program::Kubectl,
    ];

    /// Its file name, as `go build` names it.
    pub fn file_name(self) -> &'static str {
        match self {
            Program::Etcd => "server",
            Program::ApiServer => "kube-apiserver",
            Program::ControllerManager => "kube-controller-manager",
            Program::Scheduler => "kube-scheduler",
            Program::Kwok => "kwok",
            Program::MetricsServer => "metrics-server",
            Program::Kubectl => "kubectl",
        }
    }
}

/// Why there is no control plane to start.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// The folder that was named lacks programs.
    #[error("{FOLDER_VARIABLE} names {}, which lacks {}; unset it to use the cache, or put them there", .folder.display(), .programs.join(", "))]
    Programs {
        /// The named folder.
        folder: PathBuf,
        /// What is not in it.
        programs: Vec<&'static str>,
    },
    /// Nothing is built and nothing can be.
    #[error(
        "the Kubernetes control plane is not built, and building it needs Go 1.{GO_MINOR} or later, but {found}; \
         get Go from https://go.dev/dl/ (unpack it to /usr/local and put /usr/local/go/bin on PATH), \
         or set {FOLDER_VARIABLE} to a folder with {}", Program::ALL.map(Program::file_name).join(", ")
    )]
    Go {
        /// What was found instead.
        found: String,
    },
    /// Go was there but the build failed.
    #[error("building the Kubernetes control plane failed: {reason}")]
    Build {
        /// The end of what Go said.
        reason: String,
    },
    /// A cache folder cannot be derived.
    #[error("no cache folder: set XDG_CACHE_HOME or HOME")]
    Cache,
    /// A file could not be worked with.
    #[error(transparent)]
    Bed(#[from] Error),
}

impl From<Missing> for Error {
    fn from(missing: Missing) -> Error {
        Error::Refused(missing.to_string())
    }
}

/// A folder that holds all seven programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Ready binaries: the named folder, else the cache; `None` when they would have to be built.
    pub fn find() -> Result<Option<Binaries>, Missing> {
        if let Some(folder) = env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty()) {
            return Binaries::in_folder(Path::new(&folder)).map(Some);
        }
        Ok(Binaries::in_folder(&cached()?).ok())
    }

    /// Ready binaries, or freshly built ones. `say` is told, now and then, how far a build is.
    ///
    /// Blocks for the length of the build: call it off the async threads.
    pub fn find_or_build(say: impl FnMut(&str)) -> Result<Binaries, Missing> {
        match Binaries::find()? {
            Some(binaries) => Ok(binaries),
            None => build(&go()?, say),
        }
    }

    /// The binaries in this folder.
    pub fn in_folder(folder: &Path) -> Result<Binaries, Missing> {
        let programs: Vec<_> = Program::ALL.into_iter().map(Program::file_name).filter(|name| !folder.join(name).is_file()).collect();
        if programs.is_empty() {
            Ok(Binaries { folder: folder.to_owned() })
        } else {
            Err(Missing::Programs { folder: folder.to_owned(), programs })
        }
    }

    /// Where a program lies.
    pub fn path(&self, program: Program) -> PathBuf {
        self.folder.join(program.file_name())
    }

    /// The folder that holds them.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The folder of this version in the user's cache.
fn version_folder() -> Result<PathBuf, Missing> {
    let cache = match env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env::var_os("HOME").ok_or(Missing::Cache)?).join(".cache"),
    };
    let key = hex::encode(&Sha256::digest(GO_SUM)[..8]);
    Ok(cache.join("quarterdeck").join("control-plane").join(key))
}

fn cached() -> Result<PathBuf, Missing> {
    Ok(version_folder()?.join("bin"))
}

/// A `go` that is new enough.
fn go() -> Result<PathBuf, Missing> {
    let mut found = "none was found".to_owned();
    for go in ["go", "/usr/local/go/bin/go"] {
        let answer = Command::new(go)
            .arg("version")
            // The installed one, not one that it would download.
            .env("GOTOOLCHAIN", "local")
            .current_dir("/")
            .output();
        let Ok(answer) = answer else { continue };
        let words = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        if minor(&words).is_some_and(|minor| minor >= GO_MINOR) {
            return Ok(go.into());
        }
        found = format!("found only: {words}");
    }
    Err(Missing::Go { found })
}

/// The 26 of `go version go1.26.8 linux/amd64`.
fn minor(words: &str) -> Option<u32> {
    let version = words.split_whitespace().nth(2)?.strip_prefix("go1.")?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Builds into a folder of its own and renames it when whole, so an interrupted build is never taken for a finished one.
fn build(go: &Path, mut say: impl FnMut(&str)) -> Result<Binaries, Missing> {
    let version = version_folder()?;
    let source = version.join("source");
    fs::create_dir_all(&source).doing(|| format!("create {}", source.display()))?;
    let lock_path = version.join("lock");
    let lock = fs::File::create(&lock_path).doing(|| format!("create {}", lock_path.display()))?;
    // Somebody else's build of the same version is worth waiting for.
    lock.lock().doing(|| format!("lock {}", lock_path.display()))?;
    let ready = version.join("bin");
    if let Ok(binaries) = Binaries::in_folder(&ready) {
        return Ok(binaries);
    }

    say("building the Kubernetes control plane with Go, once for this version (6 to 10 minutes on 2 idle cores, of which \
         the last one or two link in silence)");
    for (name, content) in [("go.mod", GO_MOD), ("go.sum", GO_SUM)] {
        let path = source.join(name);
        fs::write(&path, content).doing(|| format!("write {}", path.display()))?;
    }
    let unfinished = version.join("bin.unfinished");
    fs::remove_dir_all(&unfinished).ok();
    compile(go, &source, &unfinished, &mut say)?;
    Binaries::in_folder(&unfinished)?;
    fs::remove_dir_all(&ready).ok();
    fs::rename(&unfinished, &ready).doing(|| format!("put {} in place", ready.display()))?;
    Binaries::in_folder(&ready)
}

fn compile(go: &Path, source: &Path, output: &Path, say: &mut impl FnMut(&str)) -> Result<(), Missing> {
    let (version, major, minor) = KUBERNETES_VERSION;
    let set = "-X k8s.io/component-base/version.git";
    let flags = format!("-s -w {set}Version={version} {set}Major={major} {set}Minor={minor}");
    let mut child = Command::new(go)
        .args(["build", "-v", "-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", &flags, "-o"])
        .arg(output.join(""))
        .arg("tool")
        .current_dir(source)
        // Without C the build needs no compiler but Go's own.
        .env("CGO_ENABLED", "0")
        .env("GOWORK", "off")
        .env_remove("GOFLAGS")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .doing(|| format!("start {}", go.display()))?;

    let began = Instant::now();
    let mut built = 0;
    let mut told = 0;
    let mut complaint = String::new();
    if let Some(lines) = child.stderr.take() {
        // A package path is one word; anything else is something that Go has to say.
        for line in BufReader::new(lines.take(64 << 20)).lines().map_while(Result::ok) {
            if line.starts_with("go: downloading") {
                continue;
            }
            if line.contains(' ') || line.starts_with('#') {
                complaint.push_str(&line);
                complaint.push('\n');
                continue;
            }
            built += 1;
            let percent = (100 * built / PACKAGES).min(99);
            if percent >= told + 5 {
                told = percent;
                say(&format!("control plane: {percent} % built after {} s", began.elapsed().as_secs()));
            }
        }
    }
    let status = child.wait().doing(|| format!("wait for {}", go.display()))?;
    if status.success() {
        say(&format!("control plane: built in {} s", began.elapsed().as_secs()));
        return Ok(());
    }
    let end = complaint.len().saturating_sub(2_000);
    let start = complaint.ceil_char_boundary(end);
    Err(Missing::Build { reason: format!("{status}; {}", complaint[start..].trim()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_go_is_judged_by_its_minor_version() {
        assert_eq!(minor("go version go1.26.8 linux/amd64"), Some(26));
        assert_eq!(minor("go version go1.27rc1 linux/amd64"), Some(27));
        assert_eq!(minor("go version devel linux/amd64"), None);
    }

    #[test]
    fn a_folder_that_lacks_a_program_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for program in Program::ALL {
            fs::write(folder.path().join(program.file_name()), "").unwrap();
        }
        assert!(Binaries::in_folder(folder.path()).is_ok());
        fs::remove_file(folder.path().join("kwok")).unwrap();
        let refusal = Binaries::in_folder(folder.path()).unwrap_err().to_string();
        assert!(refusal.contains("lacks kwok;"), "{refusal}");
    }

    #[test]
    fn the_module_fixes_the_version_that_the_server_reports() {
        assert!(GO_MOD.contains(&format!("k8s.io/kubernetes {}", KUBERNETES_VERSION.0)));
    }
}
