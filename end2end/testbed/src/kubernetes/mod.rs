//! The estate's cluster: a real Kubernetes control plane without containers, with nodes that kwok plays.
//!
//! Everything but the kubelets is the real program, so Deployments roll out, autoscalers read targets, rights are checked and
//! the API server keeps an audit log. Data is thrown away with the bed.

pub mod binaries;
mod certificates;
mod components;
mod estate;
mod faults;
mod kubectl;
mod load;
mod logs;

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use time::OffsetDateTime;

pub use self::{
    binaries::{Binaries, Missing, Program},
    certificates::{CLUSTER, Identity},
    components::Component,
    faults::Fault,
    kubectl::Kubectl,
    logs::cri_line,
};
use self::{
    certificates::Certificates,
    components::{Heartbeats, Launches},
};
use crate::{
    account::Account,
    error::{Doing, Error, Result},
    layout::{Layout, check_port_free, create_folder, write_file},
    process::Process,
};

/// How long the API server may take to answer; seconds on an idle machine, and a busy one must not fail.
const API_READY_WITHIN: Duration = Duration::from_secs(60);

/// The stages by which kwok plays nodes and pods.
const STAGES: [(&str, &str); 4] = [
    ("nodes.yaml", include_str!("stages/nodes.yaml")),
    ("pods.yaml", include_str!("stages/pods.yaml")),
    ("failures.yaml", include_str!("stages/failures.yaml")),
    ("kubelet.yaml", include_str!("stages/kubelet.yaml")),
];
/// The stage file that names the container logs; it holds this bed's paths.
const LOG_STAGE: &str = "logs.yaml";

/// A bed's control plane.
#[derive(Clone, Debug)]
pub struct Plane {
    layout: Layout,
    binaries: Binaries,
    certificates: Certificates,
}

impl Plane {
    /// The plane of this bed, started or not.
    pub fn new(layout: &Layout, binaries: Binaries) -> Plane {
        let certificates = Certificates::in_folder(layout.kubernetes());
        Plane { layout: layout.clone(), binaries, certificates }
    }

    /// The plane that was started in this bed.
    pub fn find(layout: &Layout) -> Result<Plane> {
        let binaries = fs::canonicalize(programs(layout))
            .ok()
            .and_then(|folder| Binaries::in_folder(&folder).ok())
            .ok_or_else(|| Error::Refused(format!("the bed at base {} has no control plane; start it first", layout.base())))?;
        Ok(Plane::new(layout, binaries))
    }

    /// Starts the plane and its estate; returns when every workload is available.
    ///
    /// Usage figures follow half a minute later: metrics-server needs two looks.
    pub async fn up(&self) -> Result<()> {
        self.check_ports_free()?;
        self.prepare()?;
        self.start(Component::Etcd)?;
        self.start_api_server().await?;
        for component in [Component::ControllerManager, Component::Scheduler, Component::Kubelets, Component::MetricsServer] {
            self.start(component)?;
        }
        estate::create(&self.kubectl(Identity::Admin), &self.layout).await
    }

    /// Ends every process of the plane at once and removes its files.
    ///
    /// Killing is right here: the API server takes up to a minute to end by itself, and nothing is kept.
    pub async fn down(layout: &Layout) -> Result<()> {
        let mut running: Vec<Process> = Component::ALL.iter().filter_map(|component| Process::find(layout, component.name())).collect();
        for process in &running {
            process.signal(rustix::process::Signal::KILL)?;
        }
        while let Some(process) = running.pop() {
            process.kill().await?;
        }
        match fs::remove_dir_all(layout.kubernetes()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).doing(|| format!("remove {}", layout.kubernetes().display()))
            }
            _ => Ok(()),
        }
    }

    /// What a test or a person needs to reach the plane, as `KEY=value` pairs.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let text = |path: PathBuf| path.display().to_string();
        vec![
            ("KUBECONFIG", text(self.certificates.kubeconfig(Identity::Admin))),
            ("KUBECTL", text(self.binaries.path(Program::Kubectl))),
            ("CLUSTER_AUDIT_LOG", text(audit_log(&self.layout))),
            ("WATCH_KUBECONFIG", text(self.certificates.kubeconfig(Identity::Watch))),
            ("ACT_KUBECONFIG", text(self.certificates.kubeconfig(Identity::Act))),
        ]
    }

    /// kubectl as this person.
    pub fn kubectl(&self, identity: Identity) -> Kubectl {
        Kubectl::new(&self.binaries, &self.certificates, identity, &self.layout.logs())
    }

    /// The log file that every container of this name shares; append lines made by [`cri_line`] to it.
    pub fn container_log(&self, container: &str) -> PathBuf {
        logs::file(&log_folder(&self.layout), container, false)
    }

    /// The file in which the API server writes down requests, one JSON object a line.
    pub fn audit_log(&self) -> PathBuf {
        audit_log(&self.layout)
    }

    /// The running process of a component.
    pub fn process(&self, component: Component) -> Option<Process> {
        Process::find(&self.layout, component.name())
    }

    fn start(&self, component: Component) -> Result<Process> {
        let launches =
            Launches { layout: &self.layout, binaries: &self.binaries, certificates: &self.certificates, heartbeats: self.heartbeats() };
        launches.of(component).start(&self.layout)
    }

    async fn start_api_server(&self) -> Result<()> {
        let process = self.start(Component::ApiServer)?;
        let kubectl = &self.kubectl(Identity::Admin);
        process.ready(API_READY_WITHIN, || kubectl.is_ready()).await
    }

    fn check_ports_free(&self) -> Result<()> {
        check_port_free(components::etcd_peer_port(&self.layout), "etcd of the control plane, peers")?;
        Component::ALL.iter().try_for_each(|component| check_port_free(component.port(&self.layout), component.name()))
    }

    /// Writes every file that the processes read.
    fn prepare(&self) -> Result<()> {
        let folder = self.layout.kubernetes();
        fs::remove_dir_all(&folder).ok();
        create_folder(&folder, Account::STARTER, 0o755)?;
        create_folder(&stage_folder(&self.layout), Account::STARTER, 0o755)?;
        let link = programs(&self.layout);
        symlink(self.binaries.folder(), &link).doing(|| format!("link {}", link.display()))?;
        self.certificates.issue(&format!("https://127.0.0.1:{}", Component::ApiServer.port(&self.layout)))?;
        let write = |path: &Path, content: &str| write_file(path, content, Account::STARTER, 0o644);
        write(&audit_policy(&self.layout), include_str!("manifests/audit-policy.yaml"))?;
        for (name, content) in STAGES {
            write(&stage_folder(&self.layout).join(name), content)?;
        }
        let logs = logs::write(&log_folder(&self.layout), OffsetDateTime::now_utc())?;
        write(&stage_folder(&self.layout).join(LOG_STAGE), &logs)
    }

    /// The pace that the running plane was last given.
    fn heartbeats(&self) -> Heartbeats {
        if heartbeats_slowed(&self.layout).exists() { Heartbeats::Slow } else { Heartbeats::Brisk }
    }
}

/// Leads to the folder of the programs that the bed was started with.
fn programs(layout: &Layout) -> PathBuf {
    layout.kubernetes().join("bin")
}

fn audit_policy(layout: &Layout) -> PathBuf {
    layout.kubernetes().join("audit-policy.yaml")
}

fn audit_log(layout: &Layout) -> PathBuf {
    layout.kubernetes().join("audit.log")
}

fn log_folder(layout: &Layout) -> PathBuf {
    layout.kubernetes().join("container-logs")
}

fn stage_folder(layout: &Layout) -> PathBuf {
    layout.kubernetes().join("stages")
}

fn stage_files(layout: &Layout) -> Vec<PathBuf> {
    let names = STAGES.iter().map(|(name, _)| *name).chain([LOG_STAGE]);
    names.map(|name| stage_folder(layout).join(name)).collect()
}

/// Stands when a load test has slowed the nodes' signs of life.
fn heartbeats_slowed(layout: &Layout) -> PathBuf {
    layout.kubernetes().join("heartbeats-slowed")
}
