//! `/edge`: what visitors meet first: endpoints, certificates, names.

use super::{CountCell, Health, Seen, SystemId, Value};

/// The page of the edge.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeView {
    /// The worst of all of it.
    pub health: Health,
    /// What is wrong, in one line.
    pub verdict: String,
    /// Endpoints well, slowest, nearest expiry, answers as wanted.
    pub counts: Vec<CountCell>,
    /// The age of what the counts rest on.
    pub seen: Option<Seen>,
    /// Each URL.
    pub endpoints: Vec<EndpointRow>,
    /// Where the bars of phases end, in seconds.
    pub scale_s: f64,
    /// Each certificate.
    pub certificates: Vec<CertificateRow>,
    /// Each name.
    pub names: Vec<NameRow>,
}

/// One URL.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointRow {
    /// Which.
    pub system: SystemId,
    /// "GET https://api.example/health, wants 200 within 500 ms".
    pub asked: String,
    /// How well.
    pub health: Health,
    /// The status, or why there is none.
    pub status: String,
    /// The median of the last hour.
    pub p50: Option<Value>,
    /// Its 95th percentile.
    pub p95: Option<Value>,
    /// Name and length in seconds of each phase of the last answer, in order; one that did not take place has none.
    pub phases: Vec<(&'static str, Option<f64>)>,
    /// The last hour, oldest first: well, slower than its limit, or nothing read.
    pub history: Vec<Health>,
    /// Its age.
    pub seen: Option<Seen>,
}

/// One certificate as it is presented.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateRow {
    /// Which.
    pub system: SystemId,
    /// The name that is asked for.
    pub name: String,
    /// The names on it.
    pub names: String,
    /// Who signed it.
    pub issuer: String,
    /// How well.
    pub health: Health,
    /// The time left; none once it has run out, or while none was seen.
    pub left: Option<Value>,
    /// How much of its life is used, and the share at which its limit lies.
    pub used: Option<(f64, f64)>,
    /// Until when, and what was sent with it; why clients do not accept it, if they do not.
    pub chain: String,
    /// Its age.
    pub seen: Option<Seen>,
}

/// One name in the DNS.
#[derive(Clone, Debug, PartialEq)]
pub struct NameRow {
    /// Which.
    pub system: SystemId,
    /// "A shop.example".
    pub name: String,
    /// The answers that are right.
    pub wanted: String,
    /// What each resolver says, and whether that is right.
    pub answers: Vec<ResolverAnswer>,
    /// Its age.
    pub seen: Option<Seen>,
}

/// What one resolver says.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolverAnswer {
    /// Which.
    pub resolver: String,
    /// As wanted, another answer, none.
    pub health: Health,
    /// "as wanted", "198.51.100.7", "did not answer within 2 s".
    pub says: String,
}
