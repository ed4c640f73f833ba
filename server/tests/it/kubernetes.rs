//! What the tests on a real control plane share: a console's view of it, a workload of one's own, and a wire that can be cut.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use app::model::{Kind, PlanBody, SystemId};
use server::{
    actions::{ActCtx, Action, ActionError, Observation, Parameters, Progress, RunCtx, Value},
    adapters::{Adapters, kube::Clusters},
    clock::{SharedClock, SystemClock},
    config::{Cluster, Environment, Estate, KubeAccess},
    probes::{self, ProbeCtx, ProbeError, Reading},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::Command,
    time::{sleep, timeout},
};

use crate::notes::Remembered;

pub const CLUSTER: &str = "aia-production-eu";
pub const NAMESPACE: &str = "aia-production";

/// A variable of the test bed's; without it there is nothing to test on.
pub fn bed(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: start the test bed and set what `testbed env` prints"))
}

/// Runs kubectl with full rights; what it printed.
pub async fn kubectl(words: &[&str]) -> String {
    kubectl_with(words, "").await
}

pub async fn kubectl_with(words: &[&str], input: &str) -> String {
    let mut child = Command::new(bed("KUBECTL"))
        .args(["--kubeconfig", &bed("KUBECONFIG")])
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubectl starts");
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    let output = timeout(Duration::from_secs(60), child.wait_with_output()).await.expect("kubectl answers").unwrap();
    assert!(output.status.success(), "kubectl {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A console's adapters over the test bed's cluster.
pub struct Console {
    pub act: ActCtx,
    pub probe: ProbeCtx,
}

impl Console {
    /// With the bed's own two accounts.
    pub fn new() -> Self {
        Self::with(bed("WATCH_KUBECONFIG").into(), bed("ACT_KUBECONFIG").into())
    }

    pub fn with(watch: PathBuf, act: PathBuf) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let cluster = Cluster {
            watch: KubeAccess::Kubeconfig(watch),
            act: Some(KubeAccess::Kubeconfig(act)),
            namespaces: vec![NAMESPACE.into(), "aia-monitoring".into()],
        };
        let estate = Arc::new(Estate {
            environment: Environment { name: "test".into(), estate: "test".into(), public_url: None },
            path: Vec::new(),
            clusters: BTreeMap::from([(CLUSTER.to_owned(), cluster)]),
            databases: BTreeMap::new(),
            caches: BTreeMap::new(),
            endpoints: BTreeMap::new(),
            certificates: BTreeMap::new(),
            dns: BTreeMap::new(),
            metrics: BTreeMap::new(),
            stores: BTreeMap::new(),
            backups: BTreeMap::new(),
            runbooks: Vec::new(),
            hash: String::new(),
        });
        let clock: SharedClock = Arc::new(SystemClock);
        let adapters = Arc::new(Adapters { kube: Clusters::start(&estate, &clock), ..Adapters::default() });
        Self {
            act: ActCtx { adapters: adapters.clone(), estate: estate.clone(), clock: clock.clone() },
            probe: ProbeCtx { adapters, estate, clock },
        }
    }

    /// What a probe says of a system now.
    pub async fn read(&self, probe: &str, system: &SystemId) -> Result<Reading, ProbeError> {
        let all = probes::all();
        let probe = all.iter().find(|known| known.spec().id == probe).expect("there is such a probe");
        probe.read(&self.probe, system).await
    }

    /// Looks until a probe's reading is as wanted; how long that took.
    pub async fn until(&self, probe: &str, system: &SystemId, within: Duration, wanted: impl Fn(&Reading) -> bool) -> (Reading, Duration) {
        let began = Instant::now();
        loop {
            let reading = self.read(probe, system).await;
            if let Ok(reading) = &reading
                && wanted(reading)
            {
                return (reading.clone(), began.elapsed());
            }
            assert!(began.elapsed() < within, "not within {within:?}: {reading:?}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    pub async fn plan(&self, action: &dyn Action, target: &SystemId, parameters: &[(&str, i64)]) -> Result<PlanBody, ActionError> {
        let parameters: Parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), Value::Number(*value))).collect();
        action.plan(&self.act, target, &parameters).await
    }

    pub async fn apply(&self, action: &dyn Action, plan: &PlanBody, run: i64, step: usize) -> Result<String, ActionError> {
        self.apply_watched(action, plan, run, step, &Reports::default()).await
    }

    pub async fn apply_watched(
        &self,
        action: &dyn Action,
        plan: &PlanBody,
        run: i64,
        step: usize,
        reports: &Reports,
    ) -> Result<String, ActionError> {
        action
            .apply(RunCtx {
                act: &self.act,
                plan,
                step,
                run: &run.to_string(),
                by: "rosa",
                progress: reports,
                notes: &Remembered::default(),
            })
            .await
    }

    pub async fn observe(&self, action: &dyn Action, plan: &PlanBody, run: i64, step: usize) -> Observation {
        action
            .observe(RunCtx {
                act: &self.act,
                plan,
                step,
                run: &run.to_string(),
                by: "rosa",
                progress: &Reports::default(),
                notes: &Remembered::default(),
            })
            .await
    }
}

/// What a step reported.
#[derive(Default)]
pub struct Reports {
    pub said: Mutex<Vec<String>>,
    pub cancel: std::sync::atomic::AtomicBool,
}

impl Progress for Reports {
    fn report(&self, detail: String, done_of: Option<(u64, u64)>) {
        self.said.lock().unwrap().push(format!("{detail} {done_of:?}"));
    }

    fn line(&self, line: String) {
        self.said.lock().unwrap().push(line);
    }

    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::SeqCst)
    }
}

/// A Deployment of a test's own; deleted when it is dropped.
pub struct Workload {
    pub name: String,
    pub system: SystemId,
}

impl Workload {
    /// Creates it and waits until it is available, unless `annotations` break it.
    pub async fn create(name: &str, replicas: u32, annotations: &str) -> Self {
        let name = format!("it-{name}-{:06x}", rand::random::<u32>() & 0xff_ffff);
        let manifest = serde_json::json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": NAMESPACE },
            "spec": {
                "replicas": replicas,
                "selector": { "matchLabels": { "app": name } },
                "template": {
                    "metadata": { "labels": { "app": name }, "annotations": serde_json::from_str::<serde_json::Value>(annotations).unwrap() },
                    "spec": {
                        "automountServiceAccountToken": false,
                        "containers": [{
                            "name": "app", "image": "registry.example/app:1.0",
                            "resources": { "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "memory": "64Mi" } },
                        }],
                    },
                },
            },
        });
        kubectl_with(&["apply", "-f", "-"], &manifest.to_string()).await;
        let system = SystemId::new(Kind::Deployment, &[CLUSTER, NAMESPACE, &name]).unwrap();
        let workload = Self { name, system };
        if !annotations.contains("fault") {
            workload.kubectl(&["rollout", "status", "--timeout=50s"]).await;
        }
        workload
    }

    /// Runs `kubectl -n NAMESPACE WORDS deployment/NAME`.
    pub async fn kubectl(&self, words: &[&str]) -> String {
        let target = format!("deployment/{}", self.name);
        kubectl(&[&["-n", NAMESPACE], words, &[target.as_str()]].concat()).await
    }

    /// One field of it, by JSONPath.
    pub async fn field(&self, path: &str) -> String {
        self.kubectl(&["get", "-o", &format!("jsonpath={path}")]).await
    }

    /// The names of its pods that are not on their way out.
    pub async fn pods(&self) -> Vec<String> {
        let list = kubectl(&["-n", NAMESPACE, "get", "pods", "-l", &format!("app={}", self.name), "-o", "json"]).await;
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        let alive = list["items"].as_array().unwrap().iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        alive.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Requests that the cluster's own audit log knows to have changed it by the acting account, by status.
    pub fn changes_in_the_clusters_audit(&self) -> Vec<u64> {
        let log = std::fs::read_to_string(bed("CLUSTER_AUDIT_LOG")).unwrap();
        let events =
            log.lines().filter(|line| line.contains(&self.name)).filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let ours = events.filter(|event| {
            event["verb"] == "patch"
                && event["user"]["username"] == "quarterdeck-act"
                && event["objectRef"]["name"] == self.name.as_str()
                && event["stage"] == "ResponseComplete"
        });
        ours.filter_map(|event| event["responseStatus"]["code"].as_u64()).collect()
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        let delete = std::process::Command::new(bed("KUBECTL"))
            .args([
                "--kubeconfig",
                &bed("KUBECONFIG"),
                "-n",
                NAMESPACE,
                "delete",
                "deployment,hpa",
                &self.name,
                "--ignore-not-found",
                "--wait=false",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        drop(delete);
    }
}

/// A wire to the API server that can be cut in the ways that real ones are.
pub struct Wire {
    port: u16,
    how: Arc<AtomicU8>,
    generation: Arc<AtomicU8>,
    server: String,
}

/// What a wire does.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum How {
    /// Everything passes.
    Passes,
    /// Nothing passes, and no connection is closed; what was sent arrives when it passes again.
    Frozen,
    /// Requests pass and answers are lost; connections close.
    LosesAnswers,
    /// Connections are refused, those that are open are closed.
    Down,
}

impl Wire {
    /// A wire beside the one of `kubeconfig`.
    pub async fn beside(kubeconfig: &str) -> Self {
        let text = std::fs::read_to_string(kubeconfig).unwrap();
        // In YAML or in JSON: what follows the scheme, up to the end of the text.
        let (_, server) = text.split_once("https://").expect("a server");
        let server =
            server.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | ':' | '-')).next().unwrap_or_default().to_owned();
        Self::to(server).await
    }

    /// A wire to a server, `host:port`.
    pub async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let how = Arc::new(AtomicU8::new(How::Passes as u8));
        let generation = Arc::new(AtomicU8::new(0));
        {
            let (how, generation, server) = (how.clone(), generation.clone(), server.clone());
            tokio::spawn(async move {
                while let Ok((near, _)) = listener.accept().await {
                    if how.load(Ordering::SeqCst) == How::Down as u8 {
                        continue;
                    }
                    let (how, generation, server) = (how.clone(), generation.clone(), server.clone());
                    tokio::spawn(async move {
                        let born = generation.load(Ordering::SeqCst);
                        let Ok(far) = TcpStream::connect(server).await else { return };
                        let (near_read, near_write) = near.into_split();
                        let (far_read, far_write) = far.into_split();
                        let there = pump(near_read, far_write, how.clone(), generation.clone(), born, false);
                        let back = pump(far_read, near_write, how, generation, born, true);
                        tokio::select! { () = there => {}, () = back => {} }
                    });
                }
            });
        }
        Self { port, how, generation, server }
    }

    /// Where its near end is, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn set(&self, how: How) {
        self.how.store(how as u8, Ordering::SeqCst);
    }

    /// Connections that are open now never pass anything again, and are not closed either; new ones pass.
    pub fn lose_open_connections(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// The kubeconfig, led through this wire.
    pub fn kubeconfig(&self, kubeconfig: &str, folder: &tempfile::TempDir) -> PathBuf {
        let text = std::fs::read_to_string(kubeconfig).unwrap().replace(&self.server, &format!("127.0.0.1:{}", self.port));
        let path = folder.path().join(format!("{:08x}.kubeconfig", rand::random::<u32>()));
        std::fs::write(&path, text).unwrap();
        path
    }
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    how: Arc<AtomicU8>,
    generation: Arc<AtomicU8>,
    born: u8,
    is_answer: bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
        loop {
            if generation.load(Ordering::SeqCst) != born {
                std::future::pending::<()>().await;
            }
            match how.load(Ordering::SeqCst) {
                how if how == How::Passes as u8 => break,
                how if how == How::LosesAnswers as u8 => {
                    if is_answer {
                        return;
                    }
                    break;
                }
                how if how == How::Down as u8 => return,
                _ => sleep(Duration::from_millis(10)).await,
            }
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
