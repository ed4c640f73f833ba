//! Why a pod is not well, in plain words.

use std::fmt;

use super::{
    super::{
        names::{Name, Names},
        quantity::memory_words,
        text::{clip, times},
        wire,
    },
    scheduling::scheduling_words,
};

/// What keeps a pod from running.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// A container ends again and again.
    Crashes {
        /// Which container.
        container: Name,
        /// With which code it ended last.
        exit_code: i32,
        /// How often it was started again.
        restarts: u32,
        /// Whether Kubernetes waits before it starts it again (CrashLoopBackOff).
        waits: bool,
    },
    /// A container is killed for its memory again and again.
    OutOfMemory {
        /// Which container.
        container: Name,
        /// Its limit in bytes, where it has one.
        limit: Option<u64>,
        /// How often it was started again.
        restarts: u32,
    },
    /// An image cannot be pulled.
    Image {
        /// Which image.
        image: Box<str>,
        /// kubectl's word: ErrImagePull, ImagePullBackOff, InvalidImageName.
        word: Name,
        /// Why, in plain words.
        why: Box<str>,
    },
    /// A container cannot be set up: a ConfigMap or Secret is missing, a mount fails.
    Setup {
        /// Which container.
        container: Name,
        /// kubectl's word: CreateContainerConfigError, RunContainerError …
        word: Name,
        /// Why.
        why: Box<str>,
    },
    /// No node takes it.
    Unschedulable {
        /// Why, in plain words.
        why: Box<str>,
    },
    /// It was ended from outside: evicted, out of its deadline, its node shut down.
    Ended {
        /// kubectl's word.
        word: Name,
        /// Why.
        why: Box<str>,
    },
}

impl Trouble {
    /// What is wrong with the pod by its own status; none when it runs, starts, or has done its work.
    pub(super) fn of(pod: &wire::Pod, names: &mut Names) -> Option<Self> {
        if pod.status.phase == "Succeeded" {
            return None;
        }
        let scheduled = wire::condition(&pod.status.conditions, "PodScheduled");
        if let Some(condition) = scheduled.filter(|condition| condition.status == "False") {
            let message = condition.message.as_deref().unwrap_or_default();
            return Some(Self::Unschedulable { why: scheduling_words(message).into() });
        }
        let containers = pod.status.init_container_statuses.iter().chain(&pod.status.container_statuses);
        if let Some(trouble) = containers.filter_map(|status| of_container(pod, status, names)).max_by_key(rank) {
            return Some(trouble);
        }
        (pod.status.phase == "Failed").then(|| {
            let word = pod.status.reason.as_deref().filter(|reason| !reason.is_empty()).unwrap_or("Failed");
            Self::Ended { word: names.intern(&clip(word, 60)), why: clip(pod.status.message.as_deref().unwrap_or_default(), 200).into() }
        })
    }

    /// What to say of pods that have it: `1 of 5 pods does not start`.
    #[must_use]
    pub const fn verb(&self) -> (&'static str, &'static str) {
        match self {
            Self::Crashes { .. } => ("crashes", "crash"),
            Self::OutOfMemory { .. } => ("runs out of memory", "run out of memory"),
            Self::Image { .. } | Self::Setup { .. } => ("does not start", "do not start"),
            Self::Unschedulable { .. } => ("finds no node", "find no node"),
            Self::Ended { .. } => ("was ended", "were ended"),
        }
    }
}

/// When several containers are in trouble, the one that explains most.
fn rank(trouble: &Trouble) -> u8 {
    match trouble {
        Trouble::OutOfMemory { .. } => 5,
        Trouble::Crashes { .. } => 4,
        Trouble::Setup { .. } => 3,
        Trouble::Image { .. } => 2,
        Trouble::Unschedulable { .. } | Trouble::Ended { .. } => 1,
    }
}

fn of_container(pod: &wire::Pod, status: &wire::ContainerStatus, names: &mut Names) -> Option<Trouble> {
    let is_init = pod.status.init_container_statuses.iter().any(|init| std::ptr::eq(init, status));
    if let Some(waiting) = &status.state.waiting {
        let word = waiting.reason.as_deref().unwrap_or_default();
        let message = waiting.message.as_deref().unwrap_or_default();
        return match word {
            "CrashLoopBackOff" => Some(crashes(pod, status, status.last_state.terminated.as_ref(), true, names)),
            "ErrImagePull"
            | "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "RegistryUnavailable"
            | "ImageInspectError" => {
                let image = pod.spec.containers.iter().find(|container| container.name == status.name).map(|container| &container.image);
                Some(Trouble::Image {
                    image: clip(image.unwrap_or(&status.image), 200).into(),
                    word: names.intern(word),
                    why: image_words(word, message).into(),
                })
            }
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" | "PreStartHookError" | "PostStartHookError" => {
                Some(Trouble::Setup {
                    container: names.intern(&clip(&status.name, 63)),
                    word: names.intern(word),
                    why: clip(message, 200).into(),
                })
            }
            // ContainerCreating, PodInitializing: it starts.
            _ => None,
        };
    }
    if let Some(ended) = &status.state.terminated {
        // An init container that ended well has done its work; a container of a pod that restarts always has not.
        let done = ended.exit_code == 0 && (is_init || pod.status.phase != "Running");
        return (!done).then(|| crashes(pod, status, Some(ended), false, names));
    }
    // Up again after a crash, and not ready yet: until it is ready, the crash is still what keeps it.
    let last = status.last_state.terminated.as_ref()?;
    (status.restart_count > 0 && !status.ready && (last.exit_code != 0 || last.reason.as_deref() == Some("OOMKilled")) && !is_init)
        .then(|| crashes(pod, status, Some(last), false, names))
}

fn crashes(pod: &wire::Pod, status: &wire::ContainerStatus, ended: Option<&wire::Terminated>, waits: bool, names: &mut Names) -> Trouble {
    let container = names.intern(&clip(&status.name, 63));
    let restarts = status.restart_count;
    if ended.and_then(|ended| ended.reason.as_deref()) == Some("OOMKilled") {
        let spec = pod.spec.containers.iter().find(|container| container.name == status.name);
        let limit = spec.and_then(|spec| spec.resources.limits.memory.as_deref()).and_then(super::super::quantity::bytes);
        return Trouble::OutOfMemory { container, limit, restarts };
    }
    Trouble::Crashes { container, exit_code: ended.map_or(0, |ended| ended.exit_code), restarts, waits }
}

/// Why an image was not pulled, from the container runtime's message.
fn image_words(word: &str, message: &str) -> String {
    if word == "InvalidImageName" {
        return "its name is not valid".into();
    }
    let lower = message.to_ascii_lowercase();
    let has = |signs: &[&str]| signs.iter().any(|sign| lower.contains(sign));
    if has(&["not found", "notfound", "manifest unknown", "does not exist"]) {
        "the registry has no such image or tag".into()
    } else if has(&["unauthorized", "denied", "forbidden", "authentication required", "401", "403"]) {
        "the registry refuses the credentials".into()
    } else if has(&["no such host", "timeout", "connection refused", "i/o timeout", "deadline exceeded", "no route to host"]) {
        "the registry does not answer".into()
    } else if has(&["toomanyrequests", "rate limit"]) {
        "the registry limits how often it is asked".into()
    } else {
        clip(message, 160)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crashes { container, exit_code, restarts, waits } => {
                write!(f, "The container `{container}` ended with exit code {exit_code}, {}", times(*restarts))?;
                if *waits { f.write_str("; Kubernetes waits before it starts it again (CrashLoopBackOff)") } else { Ok(()) }
            }
            Self::OutOfMemory { container, limit, restarts } => {
                write!(f, "The container `{container}` was killed for using more than ")?;
                match limit {
                    Some(limit) => write!(f, "its limit of {}", memory_words(*limit))?,
                    None => f.write_str("its node has")?,
                }
                write!(f, " (OOMKilled), {}", times(*restarts))
            }
            Self::Image { image, word, why } => write!(f, "The image `{image}` cannot be pulled: {why} ({word})"),
            Self::Setup { container, word, why } if why.is_empty() => write!(f, "The container `{container}` cannot be set up ({word})"),
            Self::Setup { container, word, why } => write!(f, "The container `{container}` cannot be set up: {why} ({word})"),
            Self::Unschedulable { why } => write!(f, "No node takes it: {why}"),
            Self::Ended { word, why } if why.is_empty() => write!(f, "It was ended ({word})"),
            Self::Ended { word, why } => write!(f, "It was ended: {why} ({word})"),
        }
    }
}
