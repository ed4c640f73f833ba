//! The six processes of a control plane and their flags.

use super::{
    binaries::{Binaries, Program},
    certificates::{Certificates, Identity},
};
use crate::{layout::Layout, process::Launch};

/// A node is kept by kwok as long as it carries this label; without it its heartbeat stops, as if the machine had gone.
pub const KUBELET_LABEL: &str = "testbed.quarterdeck.dev/kubelet";

/// How often nodes give a sign of life, and how soon their silence is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeats {
    /// Every second, noticed after 7 s: a lost node shows while people watch. Too many writes for hundreds of nodes.
    Brisk,
    /// Every 40 s, noticed after 3 minutes: hundreds of nodes stay well even when processors are short.
    Slow,
}

impl Heartbeats {
    /// A kubelet renews its lease every quarter of this many seconds.
    fn lease_seconds(self) -> u32 {
        match self {
            Heartbeats::Brisk => 4,
            Heartbeats::Slow => 160,
        }
    }

    fn grace_seconds(self) -> u32 {
        match self {
            Heartbeats::Brisk => 7,
            Heartbeats::Slow => 180,
        }
    }
}

/// A process of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// The store behind the API server.
    Etcd,
    /// The API server.
    ApiServer,
    /// The controllers.
    ControllerManager,
    /// The scheduler.
    Scheduler,
    /// Every node's kubelet.
    Kubelets,
    /// Usage figures.
    MetricsServer,
}

impl Component {
    /// All of them, in the order in which they can start.
    pub const ALL: [Component; 6] = [
        Component::Etcd,
        Component::ApiServer,
        Component::ControllerManager,
        Component::Scheduler,
        Component::Kubelets,
        Component::MetricsServer,
    ];

    /// Its name among the bed's processes.
    pub fn name(self) -> &'static str {
        match self {
            Component::Etcd => "kube-etcd",
            Component::ApiServer => "kube-apiserver",
            Component::ControllerManager => "kube-controller-manager",
            Component::Scheduler => "kube-scheduler",
            Component::Kubelets => "kwok",
            Component::MetricsServer => "metrics-server",
        }
    }

    /// Where it listens on loopback.
    pub fn port(self, layout: &Layout) -> u16 {
        layout.kubernetes_port(match self {
            Component::Etcd => 0,
            // 1: etcd's peers
            Component::ApiServer => 2,
            Component::ControllerManager => 3,
            Component::Scheduler => 4,
            Component::Kubelets => 5,
            Component::MetricsServer => 6,
        })
    }
}

/// The port where etcd waits for peers that do not exist.
pub fn etcd_peer_port(layout: &Layout) -> u16 {
    layout.kubernetes_port(1)
}

/// All that a component's flags are made of.
#[derive(Clone, Copy, Debug)]
pub struct Launches<'a> {
    /// Ports and folders.
    pub layout: &'a Layout,
    /// Programs.
    pub binaries: &'a Binaries,
    /// Certificates and kubeconfig files.
    pub certificates: &'a Certificates,
    /// Pace of the nodes' signs of life.
    pub heartbeats: Heartbeats,
}

impl Launches<'_> {
    /// How to start this component.
    pub fn of(&self, component: Component) -> Launch {
        let program = match component {
            Component::Etcd => Program::Etcd,
            Component::ApiServer => Program::ApiServer,
            Component::ControllerManager => Program::ControllerManager,
            Component::Scheduler => Program::Scheduler,
            Component::Kubelets => Program::Kwok,
            Component::MetricsServer => Program::MetricsServer,
        };
        let flags = match component {
            Component::Etcd => self.etcd(),
            Component::ApiServer => self.api_server(),
            Component::ControllerManager => self.controller_manager(),
            Component::Scheduler => self.scheduler(),
            Component::Kubelets => self.kubelets(),
            Component::MetricsServer => self.metrics_server(),
        };
        let flags = flags.into_iter().map(|(flag, value)| format!("--{flag}={value}"));
        Launch::new(component.name(), self.binaries.path(program))
            .args(flags)
            .env("HOME", self.layout.kubernetes())
            .folder(self.layout.kubernetes())
    }

    fn etcd(&self) -> Flags {
        let client = format!("http://127.0.0.1:{}", Component::Etcd.port(self.layout));
        let peer = format!("http://127.0.0.1:{}", etcd_peer_port(self.layout));
        vec![
            ("name", "plane".into()),
            ("data-dir", path(self.layout.kubernetes().join("etcd"))),
            ("listen-client-urls", client.clone()),
            ("advertise-client-urls", client),
            ("listen-peer-urls", peer.clone()),
            ("initial-advertise-peer-urls", peer.clone()),
            ("initial-cluster", format!("plane={peer}")),
            // The data is thrown away with the bed.
            ("unsafe-no-fsync", "true".into()),
            ("quota-backend-bytes", (4_u64 << 30).to_string()),
            ("log-level", "warn".into()),
        ]
    }

    fn api_server(&self) -> Flags {
        let certificates = self.certificates;
        let (server, server_key) = certificates.server();
        let (front_proxy, front_proxy_key) = certificates.front_proxy_client();
        let (kubelet, kubelet_key) = certificates.kubelet_client();
        let (accounts, accounts_key) = certificates.service_accounts();
        vec![
            ("bind-address", "127.0.0.1".into()),
            ("advertise-address", "127.0.0.1".into()),
            ("secure-port", Component::ApiServer.port(self.layout).to_string()),
            // Loopback may not be advertised as the endpoint of `kubernetes`.
            ("endpoint-reconciler-type", "none".into()),
            ("etcd-servers", format!("http://127.0.0.1:{}", Component::Etcd.port(self.layout))),
            ("service-cluster-ip-range", "10.32.0.0/16".into()),
            ("authorization-mode", "Node,RBAC".into()),
            ("client-ca-file", path(certificates.authority())),
            ("tls-cert-file", path(server)),
            ("tls-private-key-file", path(server_key)),
            ("service-account-issuer", "https://kubernetes.default.svc".into()),
            ("service-account-key-file", path(accounts)),
            ("service-account-signing-key-file", path(accounts_key)),
            ("requestheader-client-ca-file", path(certificates.front_proxy_authority())),
            ("requestheader-allowed-names", "front-proxy-client".into()),
            ("requestheader-username-headers", "X-Remote-User".into()),
            ("requestheader-group-headers", "X-Remote-Group".into()),
            ("requestheader-extra-headers-prefix", "X-Remote-Extra-".into()),
            ("proxy-client-cert-file", path(front_proxy)),
            ("proxy-client-key-file", path(front_proxy_key)),
            ("kubelet-client-certificate", path(kubelet)),
            ("kubelet-client-key", path(kubelet_key)),
            ("kubelet-preferred-address-types", "InternalIP".into()),
            ("audit-policy-file", path(super::audit_policy(self.layout))),
            ("audit-log-path", path(super::audit_log(self.layout))),
            // One file for the life of the bed: a witness reads it from its start.
            ("audit-log-maxsize", "0".into()),
            ("profiling", "false".into()),
        ]
    }

    fn controller_manager(&self) -> Flags {
        let certificates = self.certificates;
        let kubeconfig = path(certificates.kubeconfig(Identity::ControllerManager));
        let mut flags = self.client(Component::ControllerManager, Identity::ControllerManager);
        flags.extend([
            ("authentication-kubeconfig", kubeconfig.clone()),
            ("authorization-kubeconfig", kubeconfig),
            ("root-ca-file", path(certificates.authority())),
            ("cluster-signing-cert-file", path(certificates.authority())),
            ("cluster-signing-key-file", path(certificates.authority_key())),
            ("service-account-private-key-file", path(certificates.service_accounts().1)),
            ("use-service-account-credentials", "true".into()),
            ("node-monitor-period", "1s".into()),
            ("node-monitor-grace-period", format!("{}s", self.heartbeats.grace_seconds())),
            // Of use to people who watch: an autoscaler that takes its replicas back shows within seconds.
            ("horizontal-pod-autoscaler-sync-period", "5s".into()),
        ]);
        flags
    }

    fn scheduler(&self) -> Flags {
        let kubeconfig = path(self.certificates.kubeconfig(Identity::Scheduler));
        let mut flags = self.client(Component::Scheduler, Identity::Scheduler);
        flags.extend([("authentication-kubeconfig", kubeconfig.clone()), ("authorization-kubeconfig", kubeconfig)]);
        flags
    }

    /// What the two clients of the API server share.
    fn client(&self, component: Component, identity: Identity) -> Flags {
        vec![
            ("kubeconfig", path(self.certificates.kubeconfig(identity))),
            ("bind-address", "127.0.0.1".into()),
            ("secure-port", component.port(self.layout).to_string()),
            ("cert-dir", path(self.layout.kubernetes().join(component.name()))),
            // There is no second one.
            ("leader-elect", "false".into()),
            // The default of 20 requests a second takes minutes over a thousand pods.
            ("kube-api-qps", "300".into()),
            ("kube-api-burst", "500".into()),
            ("profiling", "false".into()),
        ]
    }

    fn kubelets(&self) -> Flags {
        let (server, server_key) = self.certificates.server();
        let port = Component::Kubelets.port(self.layout);
        let mut flags = vec![
            ("kubeconfig", path(self.certificates.kubeconfig(Identity::Kubelets))),
            ("manage-nodes-with-label-selector", format!("{KUBELET_LABEL}=running")),
            ("node-lease-duration-seconds", self.heartbeats.lease_seconds().to_string()),
            ("node-ip", "127.0.0.1".into()),
            ("node-port", port.to_string()),
            ("server-address", format!("127.0.0.1:{port}")),
            ("tls-cert-file", path(server)),
            ("tls-private-key-file", path(server_key)),
            ("cidr", "10.64.0.0/10".into()),
            // It tells of every lease otherwise.
            ("v", "WARN".into()),
        ];
        flags.extend(super::stage_files(self.layout).into_iter().map(|file| ("config", path(file))));
        flags
    }

    fn metrics_server(&self) -> Flags {
        let kubeconfig = path(self.certificates.kubeconfig(Identity::MetricsServer));
        vec![
            ("kubeconfig", kubeconfig.clone()),
            ("authentication-kubeconfig", kubeconfig.clone()),
            ("authorization-kubeconfig", kubeconfig),
            ("bind-address", "127.0.0.1".into()),
            ("secure-port", Component::MetricsServer.port(self.layout).to_string()),
            ("cert-dir", path(self.layout.kubernetes().join(Component::MetricsServer.name()))),
            ("kubelet-insecure-tls", "true".into()),
            ("kubelet-preferred-address-types", "InternalIP".into()),
            ("kubelet-use-node-status-port", "true".into()),
            // The resolution must exceed the timeout.
            ("metric-resolution", "10s".into()),
            ("kubelet-request-timeout", "5s".into()),
        ]
    }
}

type Flags = Vec<(&'static str, String)>;

fn path(path: std::path::PathBuf) -> String {
    path.display().to_string()
}
