//! Every port and every folder of a bed, from one base and one root.
//!
//! Two beds with different bases share nothing, so they run side by side.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddrV4, TcpListener},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::{
    account::Account,
    error::{Doing, Error, Result},
};

/// How many ports a bed owns, counted from its base.
pub const SPAN: u16 = 200;
/// First port of the Kubernetes half, counted from the base; the half owns the hundred from there.
const KUBERNETES: u16 = 100;
/// Linux hands out ports from here on by itself (`net.ipv4.ip_local_port_range`), so none of ours may reach it.
const EPHEMERAL_FROM: u16 = 32_768;
/// Ports below need root.
const UNPRIVILEGED_FROM: u16 = 1_024;

/// A listener of the data half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// etcd, for Patroni.
    EtcdClient,
    /// etcd, for its (absent) peers.
    EtcdPeer,
    /// The console's own PostgreSQL.
    Store,
    /// The first member of the estate's PostgreSQL.
    Pg1,
    /// The second member.
    Pg2,
    /// Patroni's interface of the first member.
    Patroni1,
    /// Patroni's interface of the second member.
    Patroni2,
    /// The cache that starts as master.
    Redis1,
    /// The cache that starts as replica.
    Redis2,
    /// First Sentinel.
    Sentinel1,
    /// Second Sentinel.
    Sentinel2,
    /// Third Sentinel.
    Sentinel3,
    /// The resolver, UDP and TCP.
    Dns,
    /// The public site over TLS.
    Site,
    /// The public interface over TLS.
    Api,
    /// The interface's metrics page, plain.
    Metrics,
    /// The S3-compatible store.
    Objects,
    /// Prometheus.
    Prometheus,
}

impl Port {
    /// Every port of the data half.
    pub const ALL: [Port; 18] = [
        Port::EtcdClient,
        Port::EtcdPeer,
        Port::Store,
        Port::Pg1,
        Port::Pg2,
        Port::Patroni1,
        Port::Patroni2,
        Port::Redis1,
        Port::Redis2,
        Port::Sentinel1,
        Port::Sentinel2,
        Port::Sentinel3,
        Port::Dns,
        Port::Site,
        Port::Api,
        Port::Metrics,
        Port::Objects,
        Port::Prometheus,
    ];

    const fn offset(self) -> u16 {
        match self {
            Port::EtcdClient => 0,
            Port::EtcdPeer => 1,
            Port::Store => 5,
            Port::Pg1 => 11,
            Port::Pg2 => 12,
            Port::Patroni1 => 21,
            Port::Patroni2 => 22,
            Port::Redis1 => 31,
            Port::Redis2 => 32,
            Port::Sentinel1 => 41,
            Port::Sentinel2 => 42,
            Port::Sentinel3 => 43,
            Port::Dns => 51,
            Port::Site => 53,
            Port::Api => 54,
            Port::Metrics => 55,
            Port::Objects => 57,
            Port::Prometheus => 60,
        }
    }
}

/// Where everything of one bed lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    base: u16,
    root: PathBuf,
}

impl Layout {
    /// The bed at this base, with all its files below this root.
    pub fn new(base: u16, root: impl Into<PathBuf>) -> Result<Layout> {
        let max = EPHEMERAL_FROM - SPAN;
        if !(UNPRIVILEGED_FROM..=max).contains(&base) {
            return Err(Error::BaseOutOfRange { base, min: UNPRIVILEGED_FROM, max });
        }
        let root = root.into();
        let root = std::path::absolute(&root).doing(|| format!("make {} absolute", root.display()))?;
        Ok(Layout { base, root: without_links(&root) })
    }

    /// Where a bed of this base lives unless told otherwise: a folder of this user below the system's temporary one, which
    /// every service account can reach.
    pub fn default_root(base: u16) -> PathBuf {
        let user = rustix::process::geteuid().as_raw();
        std::env::temp_dir().join(format!("quarterdeck-testbed-{user}")).join(base.to_string())
    }

    /// The base from which ports count.
    pub fn base(&self) -> u16 {
        self.base
    }

    /// The folder that holds everything of the bed.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The number of a port of the data half.
    pub fn port(&self, port: Port) -> u16 {
        self.base + port.offset()
    }

    /// The loopback address of a port of the data half.
    pub fn address(&self, port: Port) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.port(port))
    }

    /// The `nth` (0 to 99) port of the Kubernetes half.
    pub fn kubernetes_port(&self, nth: u8) -> u16 {
        debug_assert!(nth < 100, "the Kubernetes half owns a hundred ports");
        self.base + KUBERNETES + u16::from(nth)
    }

    /// The file that identifies a running process of the bed.
    pub fn pid_file(&self, name: &str) -> PathBuf {
        self.root.join("pid").join(name)
    }

    /// The folder of the files that identify running processes.
    pub fn pids(&self) -> PathBuf {
        self.root.join("pid")
    }

    /// The output of a process.
    pub fn log_file(&self, name: &str) -> PathBuf {
        self.root.join("log").join(format!("{name}.log"))
    }

    /// The folder of all outputs.
    pub fn logs(&self) -> PathBuf {
        self.root.join("log")
    }

    /// A configuration file of the data half.
    pub fn config_file(&self, name: &str) -> PathBuf {
        self.root.join("cfg").join(name)
    }

    /// A file through which faults steer one of the bed's own servers.
    pub fn control_file(&self, name: &str) -> PathBuf {
        self.root.join("control").join(name)
    }

    /// What an active fault needs for its undo.
    pub fn scar_file(&self, fault: &str) -> PathBuf {
        self.root.join("scars").join(fault)
    }

    /// A file with one password, for whatever reads it from a file.
    pub fn secret_file(&self, name: &str) -> PathBuf {
        self.root.join("secrets").join(name)
    }

    /// What identifies a folder as a bed's, with the bed's passwords.
    pub fn bed_file(&self) -> PathBuf {
        self.root.join("bed.json")
    }

    /// The data folder of one part: `etcd`, `pg`, `redis`, ...
    pub fn data(&self, part: &str) -> PathBuf {
        self.root.join("data").join(part)
    }

    /// The folder of the Kubernetes half.
    pub fn kubernetes(&self) -> PathBuf {
        self.root.join("kubernetes")
    }

    /// Creates the folders that every part needs.
    pub fn create(&self) -> Result<()> {
        create_folder(&self.root, Account::STARTER, 0o755)?;
        self.check_owner()?;
        for (name, mode) in [
            ("pid", 0o755),
            ("log", 0o755),
            ("cfg", 0o755),
            ("data", 0o755),
            ("kubernetes", 0o755),
            ("control", 0o700),
            ("scars", 0o700),
            ("secrets", 0o700),
        ] {
            create_folder(&self.root.join(name), Account::STARTER, mode)?;
        }
        Ok(())
    }

    /// Refuses a folder that somebody else has put where ours would be: what runs with our rights must be ours.
    fn check_owner(&self) -> Result<()> {
        let user = rustix::process::geteuid().as_raw();
        let ours = Some(self.root.as_path()).into_iter().chain(self.shared_parent());
        for folder in ours {
            let owner = fs::metadata(folder).doing(|| format!("look at {}", folder.display()))?.uid();
            if owner != user {
                return Err(Error::Refused(format!(
                    "{} belongs to user {owner}, not to us ({user}); give another folder with --dir",
                    folder.display()
                )));
            }
        }
        Ok(())
    }

    /// The folder of all of this user's beds, when this bed lies where it does by itself.
    pub fn shared_parent(&self) -> Option<&Path> {
        let by_itself = self.root == without_links(&Layout::default_root(self.base));
        self.root.parent().filter(|_| by_itself)
    }

    /// Refuses when a port of the data half is taken.
    pub fn check_ports_free(&self) -> Result<()> {
        Port::ALL.into_iter().try_for_each(|port| check_port_free(self.port(port), &format!("{port:?}")))
    }
}

/// The path with every symbolic link on the way followed, as far as it exists: processes' folders are told that way.
fn without_links(path: &Path) -> PathBuf {
    match (fs::canonicalize(path), path.parent(), path.file_name()) {
        (Ok(real), _, _) => real,
        (Err(_), Some(parent), Some(name)) => without_links(parent).join(name),
        (Err(_), _, _) => path.to_owned(),
    }
}

/// Refuses when something listens on this loopback port.
pub fn check_port_free(port: u16, purpose: &str) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::PortTaken { port, purpose: purpose.to_owned() }),
    }
}

/// Creates a folder (and what leads to it) for an account.
pub fn create_folder(path: &Path, owner: Account, mode: u32) -> Result<()> {
    fs::create_dir_all(path).doing(|| format!("create {}", path.display()))?;
    set_mode(path, mode)?;
    owner.own(path)
}

/// Writes a file for an account; it never stands half written or with wider rights.
pub fn write_file(path: &Path, content: impl AsRef<[u8]>, owner: Account, mode: u32) -> Result<()> {
    let fresh = path.with_extension("new");
    fs::write(&fresh, b"").doing(|| format!("write {}", fresh.display()))?;
    set_mode(&fresh, mode)?;
    fs::write(&fresh, content).doing(|| format!("write {}", fresh.display()))?;
    owner.own(&fresh)?;
    fs::rename(&fresh, path).doing(|| format!("put {} in place", path.display()))
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).doing(|| format!("set the mode of {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_beds_a_span_apart_share_no_port() {
        let first = Layout::new(21_000, "/tmp/a").unwrap();
        let second = Layout::new(21_000 + SPAN, "/tmp/b").unwrap();
        let highest = Port::ALL.iter().map(|port| first.port(*port)).chain((0..100).map(|nth| first.kubernetes_port(nth))).max();
        let lowest = Port::ALL.iter().map(|port| second.port(*port)).min();
        assert!(highest < lowest);
    }

    #[test]
    fn a_root_behind_a_symbolic_link_is_the_folder_that_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        let layout = Layout::new(21_000, link.join("not-there-yet")).unwrap();
        assert_eq!(layout.root(), fs::canonicalize(folder.path()).unwrap().join("not-there-yet"));
    }

    #[test]
    fn no_two_parts_share_a_port() {
        let layout = Layout::new(21_000, "/tmp/a").unwrap();
        let mut ports: Vec<u16> =
            Port::ALL.iter().map(|port| layout.port(*port)).chain((0..100).map(|nth| layout.kubernetes_port(nth))).collect();
        ports.sort_unstable();
        let all = ports.len();
        ports.dedup();
        assert_eq!(ports.len(), all);
    }

    #[test]
    fn a_base_that_reaches_the_ephemeral_ports_is_refused_in_words() {
        let refusal = Layout::new(32_700, "/tmp/a").unwrap_err().to_string();
        assert!(refusal.contains("base 32700") && refusal.contains("32568"), "{refusal}");
    }
}
