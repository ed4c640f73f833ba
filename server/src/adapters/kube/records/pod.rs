//! A pod.

use super::{
    super::{
        names::{Name, Names},
        quantity,
        table::Record,
        text::clip,
        wire,
    },
    Trouble,
};

/// How long a new pod may take to become ready before that is called a fault, in seconds. The kubelet pulls, starts and probes within
/// this time on a healthy node; an image that takes longer to come up says so by its startup probe's budget, which a rollout's own deadline covers.
const START_S: i64 = 60;
/// How long past its grace period a pod may take to end, in seconds.
const END_S: i64 = 30;

/// CPU and memory, small: 4 TiB of memory and 4 million cores at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    milli_cpu: u32,
    memory_kib: u32,
}

impl Amounts {
    /// From thousandths of a core and bytes.
    #[must_use]
    pub fn new(milli_cpu: u32, bytes: u64) -> Self {
        Self { milli_cpu, memory_kib: u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX) }
    }

    pub(in super::super) fn from_wire(amounts: &wire::Amounts) -> Self {
        Self::new(
            amounts.cpu.as_deref().and_then(quantity::milli_cpu).unwrap_or_default(),
            amounts.memory.as_deref().and_then(quantity::bytes).unwrap_or_default(),
        )
    }

    /// Thousandths of a core.
    #[must_use]
    pub fn milli_cpu(self) -> u64 {
        u64::from(self.milli_cpu)
    }

    /// Bytes of memory.
    #[must_use]
    pub fn memory(self) -> u64 {
        u64::from(self.memory_kib) * 1024
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { milli_cpu: self.milli_cpu.saturating_add(other.milli_cpu), memory_kib: self.memory_kib.saturating_add(other.memory_kib) }
    }
}

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not all containers were started yet.
    Pending,
    /// Bound to a node, containers started.
    Running,
    /// Done, well.
    Succeeded,
    /// Done, not well.
    Failed,
    /// Its node does not say.
    Unknown,
}

/// What is kept of a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// The ReplicaSet that controls it.
    pub replica_set: Option<Name>,
    /// The hash of the template that it was made from.
    pub template_hash: Option<Name>,
    /// Where it runs.
    pub node: Option<Name>,
    /// kubectl's word for its state.
    pub word: Name,
    /// What its own status says is wrong.
    pub trouble: Option<Box<Trouble>>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// When it became ready or ceased to be, in seconds since 1970; 0 when never.
    pub changed: i64,
    /// By when it must be gone, in seconds since 1970; 0 when it is not being ended.
    pub ends: i64,
    /// How often its containers were started again.
    pub restarts: u32,
    /// Where it is in its life.
    pub phase: Phase,
    /// Whether it takes requests.
    pub ready: bool,
    /// What its containers ask for together.
    pub requests: Amounts,
    /// What its containers may use together; zero where one has no limit.
    pub limits: Amounts,
    /// What they use, where metrics-server says.
    pub used: Option<Amounts>,
}

impl Record for Pod {
    fn owner(&self) -> Option<&Name> {
        self.replica_set.as_ref()
    }
}

/// How a pod stands now.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing<'a> {
    /// It takes requests.
    Ready,
    /// It is new and starts.
    Starting,
    /// It is being ended.
    Ending,
    /// It has done its work.
    Done,
    /// Its own status says why it does not run.
    Troubled(&'a Trouble),
    /// Its containers run and its readiness check fails.
    NotReady {
        /// Since when, in seconds since 1970.
        since: i64,
    },
    /// It is new no more, and has not started; its status does not say why.
    Slow,
    /// Its node is not ready.
    NodeLost(&'a Name),
    /// It should be gone.
    Stuck,
}

impl Standing<'_> {
    /// Whether something is wrong with it.
    #[must_use]
    pub const fn is_unwell(&self) -> bool {
        match self {
            Self::Ready | Self::Starting | Self::Ending | Self::Done => false,
            Self::Troubled(_) | Self::NotReady { .. } | Self::Slow | Self::NodeLost(_) | Self::Stuck => true,
        }
    }

    /// The reason in plain words, where something is wrong.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Ready | Self::Starting | Self::Ending | Self::Done => None,
            Self::Troubled(trouble) => Some(trouble.to_string()),
            Self::NotReady { .. } => Some("Its containers run, and its readiness check fails".into()),
            Self::Slow => Some(format!("It has not started within {START_S} s, and its status does not say why")),
            Self::NodeLost(node) => Some(format!("Its node `{node}` is not ready")),
            Self::Stuck => Some("It was told to end and has not, past its grace period".into()),
        }
    }

    /// What to say of one pod and of several that stand so.
    #[must_use]
    pub const fn verb(&self) -> (&'static str, &'static str) {
        match self {
            Self::Ready => ("is ready", "are ready"),
            Self::Starting => ("is starting", "are starting"),
            Self::Ending => ("is ending", "are ending"),
            Self::Done => ("is done", "are done"),
            Self::Troubled(trouble) => trouble.verb(),
            Self::NotReady { .. } => ("is not ready", "are not ready"),
            Self::Slow => ("does not start", "do not start"),
            Self::NodeLost(_) => ("is on a node that is not ready", "are on nodes that are not ready"),
            Self::Stuck => ("does not end", "do not end"),
        }
    }
}

impl Pod {
    /// How it stands at `now` (seconds since 1970, by the cluster's clock); `node_ready` is none when its node is not known.
    #[must_use]
    pub fn standing(&self, now: i64, node_ready: Option<bool>) -> Standing<'_> {
        let fresh = now - self.created < START_S;
        if self.ends != 0 {
            return if now > self.ends + END_S { Standing::Stuck } else { Standing::Ending };
        }
        if self.phase == Phase::Succeeded {
            return Standing::Done;
        }
        if let Some(node) = self.node.as_ref().filter(|_| node_ready == Some(false)) {
            return Standing::NodeLost(node);
        }
        if let Some(trouble) = &self.trouble {
            return Standing::Troubled(trouble);
        }
        if self.ready {
            return Standing::Ready;
        }
        // A pod that was ready before (its readiness changed well after it was made) gets no time to start.
        let was_ready = self.changed - self.created > START_S;
        match self.phase {
            Phase::Running if was_ready || !fresh => Standing::NotReady { since: self.changed.max(self.created) },
            Phase::Pending if !fresh => Standing::Slow,
            Phase::Unknown => Standing::NotReady { since: self.changed },
            Phase::Pending | Phase::Running | Phase::Succeeded | Phase::Failed => Standing::Starting,
        }
    }

    /// Whether it is one of the pods that its workload counts.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.ends == 0 && !matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }

    /// From the API's form; what is used is kept from `old`, since the API does not say it.
    pub(in super::super) fn from_wire(pod: wire::Pod, names: &mut Names, old: Option<&Self>) -> Self {
        let trouble = Trouble::of(&pod, names).map(Box::new);
        let ready = wire::condition(&pod.status.conditions, "Ready");
        let sum = |pick: fn(&wire::Resources) -> &wire::Amounts| {
            pod.spec
                .containers
                .iter()
                .map(|container| Amounts::from_wire(pick(&container.resources)))
                .fold(Amounts::default(), Amounts::plus)
        };
        let unlimited = |pick: fn(&wire::Amounts) -> Option<&String>| {
            pod.spec.containers.iter().any(|container| pick(&container.resources.limits).is_none())
        };
        let mut limits = sum(|resources| &resources.limits);
        if unlimited(|limits| limits.cpu.as_ref()) {
            limits.milli_cpu = 0;
        }
        if unlimited(|limits| limits.memory.as_ref()) {
            limits.memory_kib = 0;
        }
        Self {
            replica_set: pod.metadata.controller("ReplicaSet").map(|name| names.intern(name)),
            template_hash: pod.metadata.labels.template_hash.as_deref().map(|hash| names.intern(&clip(hash, 63))),
            node: pod.spec.node_name.as_deref().filter(|node| !node.is_empty()).map(|node| names.intern(node)),
            word: names.intern(&word(&pod)),
            trouble,
            created: pod.metadata.created(),
            changed: wire::seconds(ready.and_then(|condition| condition.last_transition_time)),
            ends: wire::seconds(pod.metadata.deletion_timestamp),
            restarts: pod.status.container_statuses.iter().map(|status| status.restart_count).fold(0, u32::saturating_add),
            phase: match pod.status.phase.as_str() {
                "" | "Pending" => Phase::Pending,
                "Running" => Phase::Running,
                "Succeeded" => Phase::Succeeded,
                "Failed" => Phase::Failed,
                _ => Phase::Unknown,
            },
            ready: ready.is_some_and(|condition| condition.status == "True"),
            requests: sum(|resources| &resources.requests),
            limits,
            used: old.and_then(|old| old.used),
        }
    }
}

/// The state as `kubectl get pods` says it.
fn word(pod: &wire::Pod) -> String {
    if pod.metadata.deletion_timestamp.is_some() {
        return "Terminating".into();
    }
    let of_state = |status: &wire::ContainerStatus| {
        let waiting = status.state.waiting.as_ref().and_then(|waiting| waiting.reason.clone());
        let ended = status.state.terminated.as_ref().map(|ended| match ended.reason.as_deref() {
            Some(reason) if !reason.is_empty() => reason.to_owned(),
            _ => format!("ExitCode:{}", ended.exit_code),
        });
        waiting.or(ended).filter(|word| !word.is_empty())
    };
    let init = pod.status.init_container_statuses.iter().find_map(|status| {
        let done = status.state.terminated.as_ref().is_some_and(|ended| ended.exit_code == 0) || status.started == Some(true);
        let word = of_state(status).filter(|word| word != "PodInitializing");
        (!done).then_some(word).flatten().map(|word| format!("Init:{word}"))
    });
    let word = init
        .or_else(|| pod.status.container_statuses.iter().rev().find_map(of_state).filter(|_| pod.status.phase != "Succeeded"))
        .or_else(|| pod.status.reason.clone().filter(|reason| !reason.is_empty()))
        .unwrap_or_else(|| match pod.status.phase.as_str() {
            "" => "Pending".into(),
            "Succeeded" => "Completed".into(),
            phase => phase.into(),
        });
    clip(&word, 60)
}
