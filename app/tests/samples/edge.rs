//! The edge in its states.

use super::*;

fn endpoint(name: &str, url: &str, health: Health, status: &str, took: f64, history: Vec<Health>) -> EndpointRow {
    EndpointRow {
        system: id(&format!("endpoint/{name}")),
        asked: format!("GET {url}, wants 200 within 500 ms"),
        health,
        status: status.into(),
        p50: Some(Value::Duration(took)),
        p95: Some(Value::Duration(took * 1.5)),
        phases: vec![
            ("DNS", Some(0.002)),
            ("Connect", Some(0.006)),
            ("TLS", Some(0.009)),
            ("Wait", Some(took - 0.019)),
            ("Body", Some(0.002)),
        ],
        history,
        seen: Some(seen(11, 2, 12)),
    }
}

pub fn edge() -> EdgeView {
    let count =
        |title: &str, value: Value, note: &str| CountCell { title: title.into(), value: Some(value), note: note.into(), spark: None };
    let hour = |slow: usize| (0..60).map(|n| if n < slow { Health::Degraded } else { Health::Ok }).collect::<Vec<_>>();
    let answer = |resolver: &str, health: Health, says: &str| ResolverAnswer { resolver: resolver.into(), health, says: says.into() };
    EdgeView {
        health: Health::Degraded,
        verdict: "The certificate of api.013a.tech has 9 d left, limit 14 d; one of 4 resolvers still gives its old address.".into(),
        counts: vec![
            count("Endpoints ok", Value::Of(2, 2, String::new()), "status and time as wanted"),
            count("Slowest p95", Value::Duration(0.096), "api, of the last hour"),
            count("Nearest certificate", days(9.0).expect("a length"), "api.013a.tech"),
            count("DNS answers as wanted", Value::Of(2, 3, String::new()), "of one name"),
        ],
        seen: Some(seen(11, 3, 12)),
        endpoints: vec![
            endpoint("site", "https://013a.tech/", Health::Ok, "200", 0.044, hour(0)),
            endpoint("api", "https://api.013a.tech/health", Health::Ok, "200", 0.058, hour(3)),
        ],
        scale_s: 0.1,
        certificates: vec![CertificateRow {
            system: id("certificate/api"),
            name: "api.013a.tech".into(),
            names: "api.013a.tech".into(),
            issuer: "Let's Encrypt R11".into(),
            health: Health::Degraded,
            left: days(9.0),
            used: Some((0.9, 0.84)),
            chain: "until 3 Dec 2026 08:10 UTC, sent with 1 of its authorities".into(),
            seen: Some(seen(12, 2, 14)),
        }],
        names: vec![NameRow {
            system: id("dns/api"),
            name: "A api.013a.tech".into(),
            wanted: "34.118.226.10".into(),
            answers: vec![
                answer("1.1.1.1:53", Health::Ok, "as wanted"),
                answer("8.8.8.8:53", Health::Ok, "as wanted"),
                answer("9.9.9.9:53", Health::Degraded, "34.118.226.9"),
            ],
            seen: Some(seen(13, 2, 13)),
        }],
    }
}

pub fn edge_stale() -> EdgeView {
    let mut edge = edge();
    edge.seen = Some(seen(11, 60, 12));
    edge.endpoints.iter_mut().for_each(|row| row.seen = Some(seen(11, 60, 12)));
    edge.certificates.iter_mut().for_each(|row| row.seen = Some(seen(12, 60, 14)));
    edge.names.iter_mut().for_each(|row| row.seen = Some(seen(13, 60, 13)));
    edge
}

pub fn edge_empty() -> EdgeView {
    EdgeView {
        health: Health::Unknown,
        verdict: "Nothing of the edge is watched yet: name endpoints, certificates and DNS names in the estate file.".into(),
        counts: Vec::new(),
        seen: None,
        endpoints: Vec::new(),
        scale_s: 0.05,
        certificates: Vec::new(),
        names: Vec::new(),
    }
}
