//! What is watched: system ids and the globs that select them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The kinds of system that an estate has. The word is the first part of a [`SystemId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One name in the DNS.
    Dns,
    /// One certificate, as a server presents it.
    Certificate,
    /// One URL.
    Endpoint,
    /// One Kubernetes cluster.
    Cluster,
    /// One Kubernetes Ingress.
    Ingress,
    /// One Kubernetes Deployment.
    Deployment,
    /// One PostgreSQL database with its members.
    Database,
    /// One Redis master with its replicas and Sentinels.
    Cache,
    /// The backups of one database.
    Backup,
    /// One figure from Prometheus.
    Metric,
}

impl Kind {
    /// Every kind, in the order in which a request meets them.
    pub const ALL: [Self; 10] = [
        Self::Dns,
        Self::Certificate,
        Self::Endpoint,
        Self::Cluster,
        Self::Ingress,
        Self::Deployment,
        Self::Database,
        Self::Cache,
        Self::Backup,
        Self::Metric,
    ];

    /// The word in a system id.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Certificate => "certificate",
            Self::Endpoint => "endpoint",
            Self::Cluster => "cluster",
            Self::Ingress => "ingress",
            Self::Deployment => "deployment",
            Self::Database => "database",
            Self::Cache => "cache",
            Self::Backup => "backup",
            Self::Metric => "metric",
        }
    }

    /// What several of them are called, as a heading.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Dns => "DNS",
            Self::Certificate => "Certificates",
            Self::Endpoint => "Endpoints",
            Self::Cluster => "Clusters",
            Self::Ingress => "Ingresses",
            Self::Deployment => "Workloads",
            Self::Database => "Databases",
            Self::Cache => "Caches",
            Self::Backup => "Backups",
            Self::Metric => "Metrics",
        }
    }

    /// The product behind it, by which people call it too; empty where there is none.
    #[must_use]
    pub const fn product(self) -> &'static str {
        match self {
            Self::Cluster | Self::Ingress | Self::Deployment => "Kubernetes",
            Self::Database => "PostgreSQL",
            Self::Cache => "Redis",
            Self::Metric => "Prometheus",
            Self::Dns | Self::Certificate | Self::Endpoint | Self::Backup => "",
        }
    }

    /// How many parts follow the kind: `deployment/CLUSTER/NAMESPACE/NAME` has three.
    #[must_use]
    pub const fn parts(self) -> usize {
        match self {
            Self::Ingress | Self::Deployment => 3,
            Self::Dns | Self::Certificate | Self::Endpoint | Self::Cluster | Self::Database | Self::Cache | Self::Backup | Self::Metric => {
                1
            }
        }
    }
}

/// Names one watched system: `kind/name`, or `kind/cluster/namespace/name` for what lives in Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SystemId {
    kind: Kind,
    text: String,
}

/// Why a text is no system id or glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotASystem(String);

impl fmt::Display for NotASystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotASystem {}

/// A part is what Kubernetes, DNS and PostgreSQL names have in common, at most 253 bytes (the longest DNS name).
fn is_part(part: &str, star: bool) -> bool {
    (1..=253).contains(&part.len())
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-') || (star && b == b'*'))
}

fn split(text: &str, star: bool) -> Result<(Kind, Vec<&str>), NotASystem> {
    let mut parts = text.split('/');
    let word = parts.next().unwrap_or_default();
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word).ok_or_else(|| {
        let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.word()).collect();
        NotASystem(format!("`{text}` does not begin with a kind of system; one of {}", known.join(", ")))
    })?;
    let rest: Vec<_> = parts.collect();
    if rest.len() != kind.parts() {
        let shape = if kind.parts() == 3 { "cluster/namespace/name" } else { "name" };
        return Err(NotASystem(format!("`{text}` should read {word}/{shape}")));
    }
    match rest.iter().find(|part| !is_part(part, star)) {
        Some(part) => Err(NotASystem(format!("`{part}` in `{text}` is no name: letters, digits, `.`, `_` and `-`, at most 253"))),
        None => Ok((kind, rest)),
    }
}

impl SystemId {
    /// Puts an id together from a kind and its parts.
    ///
    /// # Errors
    /// When a part is no name, or the number of parts is not the kind's.
    pub fn new(kind: Kind, parts: &[&str]) -> Result<Self, NotASystem> {
        format!("{}/{}", kind.word(), parts.join("/")).parse()
    }

    /// What kind of system this is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The last part, which people call it by.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }

    /// The cluster that it lives in (a cluster's own name for a cluster).
    #[must_use]
    pub fn cluster(&self) -> Option<&str> {
        matches!(self.kind, Kind::Cluster | Kind::Ingress | Kind::Deployment).then(|| self.text.split('/').nth(1)).flatten()
    }

    /// The namespace that it lives in.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        matches!(self.kind, Kind::Ingress | Kind::Deployment).then(|| self.text.split('/').nth(2)).flatten()
    }

    /// The page that shows it.
    #[must_use]
    pub fn href(&self) -> String {
        match self.kind {
            Kind::Cluster => format!("/clusters/{}", self.name()),
            Kind::Backup => format!("/backups/{}", self.name()),
            Kind::Deployment => format!("/workloads/{}", self.text.split_once('/').map_or("", |(_, rest)| rest)),
            Kind::Dns | Kind::Certificate | Kind::Endpoint | Kind::Ingress | Kind::Database | Kind::Cache | Kind::Metric => {
                format!("/systems/{}", self.text)
            }
        }
    }
}

impl FromStr for SystemId {
    type Err = NotASystem;

    fn from_str(text: &str) -> Result<Self, NotASystem> {
        let (kind, _) = split(text, false)?;
        Ok(Self { kind, text: text.to_owned() })
    }
}

impl TryFrom<String> for SystemId {
    type Error = NotASystem;

    fn try_from(text: String) -> Result<Self, NotASystem> {
        text.parse()
    }
}

impl From<SystemId> for String {
    fn from(id: SystemId) -> Self {
        id.text
    }
}

impl fmt::Display for SystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Selects systems: a system id in which `*` stands for any run of characters within one part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SystemGlob {
    kind: Kind,
    text: String,
}

impl SystemGlob {
    /// The kind of system that it selects.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it selects `id`.
    #[must_use]
    pub fn matches(&self, id: &SystemId) -> bool {
        self.kind == id.kind && self.text.split('/').zip(id.text.split('/')).all(|(glob, part)| part_matches(glob, part))
    }
}

/// Greedy matching of one part: the pieces between the stars must follow one another.
fn part_matches(glob: &str, part: &str) -> bool {
    let Some((head, rest)) = glob.split_once('*') else {
        return glob == part;
    };
    let Some(mut left) = part.strip_prefix(head) else {
        return false;
    };
    let mut pieces: Vec<_> = rest.split('*').collect();
    let tail = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match left.find(piece) {
            Some(at) => left = &left[at + piece.len()..],
            None => return false,
        }
    }
    left.ends_with(tail)
}

impl FromStr for SystemGlob {
    type Err = NotASystem;

    fn from_str(text: &str) -> Result<Self, NotASystem> {
        let (kind, _) = split(text, true)?;
        Ok(Self { kind, text: text.to_owned() })
    }
}

impl TryFrom<String> for SystemGlob {
    type Error = NotASystem;

    fn try_from(text: String) -> Result<Self, NotASystem> {
        text.parse()
    }
}

impl From<SystemGlob> for String {
    fn from(glob: SystemGlob) -> Self {
        glob.text
    }
}

impl fmt::Display for SystemGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> SystemId {
        text.parse().unwrap_or_else(|err| panic!("{err}"))
    }

    #[test]
    fn an_id_knows_its_parts() {
        let id = id("deployment/eu/shop/cart");
        assert_eq!((id.kind(), id.cluster(), id.namespace(), id.name()), (Kind::Deployment, Some("eu"), Some("shop"), "cart"));
        assert_eq!(id.href(), "/workloads/eu/shop/cart");
    }

    #[test]
    fn a_text_that_is_no_id_says_what_it_should_be() {
        for (text, hint) in [
            ("deploy/a", "kind"),
            ("database/a/b", "database/name"),
            ("database/", "no name"),
            ("database/a b", "no name"),
            ("database/<b>", "no name"),
        ] {
            let fault = text.parse::<SystemId>().err().map(|err| err.to_string()).unwrap_or_default();
            assert!(fault.contains(hint), "{text}: {fault}");
        }
    }

    #[test]
    fn a_star_stays_within_its_part() {
        let glob: SystemGlob = "deployment/*/aia-production/aia-*".parse().unwrap_or_else(|err| panic!("{err}"));
        assert!(glob.matches(&id("deployment/eu/aia-production/aia-frontend")));
        assert!(!glob.matches(&id("deployment/eu/other/aia-frontend")));
        assert!(!glob.matches(&id("deployment/eu/aia-production/frontend")));
        assert!(part_matches("a*b*c", "a-b-b-c") && !part_matches("a*b*c", "a-c") && part_matches("*", "x") && !part_matches("ab*b", "ab"));
    }
}
