//! What the page of the edge shows, from what the adapters remember of the probes' last look: nothing here waits.

use std::time::Duration;

use app::model::{CertificateRow, CountCell, EdgeView, EndpointRow, Health, Kind, NameRow, ResolverAnswer, Seen, SystemId, Value};
use chrono::{DateTime, Utc};

use crate::{
    adapters::{
        Adapters, Failure,
        dns::DnsAnswer,
        http::{Answer, Phases},
        tls::Presented,
    },
    config::{self, DnsName, Estate},
    monitor::{Instance, World},
    overview::{Ages, health_of},
    probes::dns,
};

/// At most so many rows stand in each table.
const ROWS: usize = 100;
/// At most so many things that are wrong are told in the one line.
const TOLD: usize = 3;
/// A bar ends at one of these, in seconds.
const SCALES: [f64; 8] = [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

/// The page.
#[must_use]
pub fn edge_view(estate: &Estate, world: &World, adapters: &Adapters, ages: Ages) -> EdgeView {
    let stamp = ages.now();
    let seen = |probe: &str, system: &SystemId| world.get(probe, system).and_then(|instance| ages.seen(instance));
    let health = |system: &SystemId| health_of(world, system, stamp);
    let id = |kind: Kind, name: &str| SystemId::new(kind, &[name]).ok();

    let endpoints: Vec<_> = estate
        .endpoints
        .iter()
        .filter_map(|(name, configured)| {
            let system = id(Kind::Endpoint, name)?;
            let last = adapters.http.get(name).and_then(|http| http.last());
            let recent = world.get("endpoint", &system).map(|instance| instance.recent.to_vec()).unwrap_or_default();
            let (health, seen) = (health(&system), seen("endpoint", &system));
            Some(endpoint(system, configured, last.as_ref(), &recent, health, seen))
        })
        .take(ROWS)
        .collect();
    let certificates: Vec<_> = estate
        .certificates
        .iter()
        .filter_map(|(name, configured)| {
            let system = id(Kind::Certificate, name)?;
            let last = adapters.tls.get(name).and_then(|tls| tls.last());
            let (health, seen) = (health(&system), seen("certificate", &system));
            Some(certificate(system, configured, last.as_ref(), stamp.wall, health, seen))
        })
        .take(ROWS)
        .collect();
    let names: Vec<_> = estate
        .dns
        .iter()
        .filter_map(|(name, configured)| {
            let system = id(Kind::Dns, name)?;
            let last = adapters.dns.get(name).map(|dns| dns.last()).unwrap_or_default();
            let seen = seen("dns", &system);
            Some(name_row(system, configured, &last, seen))
        })
        .take(ROWS)
        .collect();

    let edge = |instance: &&std::sync::Arc<Instance>| matches!(instance.system.kind(), Kind::Endpoint | Kind::Certificate | Kind::Dns);
    let oldest = world.instances.iter().filter(edge).filter_map(|instance| ages.seen(instance)).max_by_key(|seen| seen.age_ms);
    let worst = world.instances.iter().filter(edge).map(|instance| health_of(world, &instance.system, stamp)).max();
    EdgeView {
        health: worst.unwrap_or(Health::Unknown),
        verdict: verdict(world.instances.iter().filter(edge).map(AsRef::as_ref)),
        counts: counts(&endpoints, &certificates, &names),
        seen: oldest,
        scale_s: scale(&endpoints),
        endpoints,
        certificates,
        names,
    }
}

fn verdict<'a>(instances: impl Iterator<Item = &'a Instance>) -> String {
    let mut any = false;
    let wrong: Vec<_> = instances
        .inspect(|_| any = true)
        .filter(|instance| instance.health() != Health::Ok)
        .filter_map(|instance| instance.reading.as_ref())
        .map(|reading| reading.summary.clone())
        .collect();
    match (any, wrong.len()) {
        (false, _) => "Nothing of the edge is watched yet: name endpoints, certificates and DNS names in the estate file.".to_owned(),
        (true, 0) => "Nothing is wrong here.".to_owned(),
        (true, count) => {
            let more = if count > TOLD { format!("; and {} more", count - TOLD) } else { String::new() };
            format!("{}{more}.", wrong.iter().take(TOLD).map(|says| says.trim_end_matches('.')).collect::<Vec<_>>().join("; "))
        }
    }
}

fn words(duration: Duration) -> String {
    Value::Duration(duration.as_secs_f64()).text()
}

fn endpoint(
    system: SystemId,
    configured: &config::Endpoint,
    last: Option<&Result<Answer, (Failure, Phases)>>,
    recent: &[Option<f64>],
    health: Health,
    seen: Option<Seen>,
) -> EndpointRow {
    let (status, phases) = match last {
        None => ("not asked yet".to_owned(), Phases::default()),
        Some(Ok(answer)) => (answer.status.to_string(), answer.phases),
        Some(Err((failure, phases))) => (failure.to_string(), *phases),
    };
    let seconds = |took: Option<Duration>| took.map(|took| took.as_secs_f64());
    let mut sorted: Vec<_> = recent.iter().flatten().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let percentile = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).checked_sub(1)?).map(|took| Value::Duration(*took));
    EndpointRow {
        asked: format!("GET {}, wants {} within {}", configured.url, configured.status, words(configured.within)),
        health,
        status,
        p50: percentile(50),
        p95: percentile(95),
        phases: vec![
            ("DNS", seconds(phases.resolve)),
            ("Connect", seconds(phases.connect)),
            ("TLS", seconds(phases.tls)),
            ("Wait", seconds(phases.first_byte)),
            ("Body", seconds(phases.body)),
        ],
        history: history(recent, configured.within.as_secs_f64()),
        seen,
        system,
    }
}

/// One cell a minute, of two half-minutes: the worse of them counts.
fn history(recent: &[Option<f64>], limit: f64) -> Vec<Health> {
    let cells = recent.chunks(2).map(|minute| match minute.iter().flatten().copied().reduce(f64::max) {
        None => Health::Unknown,
        Some(took) if took > limit => Health::Degraded,
        Some(_) => Health::Ok,
    });
    cells.collect()
}

/// The smallest scale that has room for every answer, so that bars can be compared.
fn scale(endpoints: &[EndpointRow]) -> f64 {
    let longest = endpoints.iter().map(|row| row.phases.iter().filter_map(|(_, took)| *took).sum::<f64>()).fold(0.0, f64::max);
    SCALES.into_iter().find(|scale| *scale >= longest).unwrap_or(longest)
}

fn certificate(
    system: SystemId,
    configured: &config::Certificate,
    last: Option<&Result<Presented, Failure>>,
    now: DateTime<Utc>,
    health: Health,
    seen: Option<Seen>,
) -> CertificateRow {
    let name = configured.address.host.clone();
    let presented = match last {
        Some(Ok(presented)) => presented,
        Some(Err(_)) | None => {
            let chain = match last {
                Some(Err(failure)) => format!("none was seen: it {failure}"),
                _ => "not looked at yet".to_owned(),
            };
            let (names, issuer) = (String::new(), String::new());
            return CertificateRow { system, name, names, issuer, health, left: None, used: None, chain, seen };
        }
    };
    let life = (presented.not_after - presented.not_before).num_seconds().max(1) as f64;
    let left = (presented.not_after - now).num_seconds();
    let sent = match presented.chain {
        1 => "alone".to_owned(),
        sent => format!("with {} of its authorities", sent - 1),
    };
    let accepted = match &presented.accepted {
        Ok(()) => String::new(),
        Err(why) => format!("; clients do not accept it: it is one that {why}"),
    };
    CertificateRow {
        name,
        names: presented.names.join(", "),
        issuer: presented.issuer.clone(),
        health,
        left: (left > 0).then_some(Value::Duration(left as f64)),
        used: Some(((1.0 - left as f64 / life).clamp(0.0, 1.0), (1.0 - configured.left.degraded.as_secs_f64() / life).clamp(0.0, 1.0))),
        chain: format!("until {}, sent {sent}{accepted}", presented.not_after.format("%-d %b %Y %H:%M UTC")),
        seen,
        system,
    }
}

fn name_row(
    system: SystemId,
    configured: &DnsName,
    last: &[(std::net::SocketAddr, Result<DnsAnswer, Failure>)],
    seen: Option<Seen>,
) -> NameRow {
    let answers = last.iter().map(|(at, answer)| {
        let (health, says) = match answer {
            Ok(answer) if dns::agrees(answer, configured) => (Health::Ok, "as wanted".to_owned()),
            Ok(answer) if answer.found.is_empty() => (Health::Degraded, "no answer of that type".to_owned()),
            Ok(answer) => (Health::Degraded, answer.found.join(", ")),
            Err(failure) if failure.means_down() => (Health::Down, failure.to_string()),
            Err(failure) => (Health::Unknown, failure.to_string()),
        };
        ResolverAnswer { resolver: at.to_string(), health, says }
    });
    NameRow {
        name: format!("{} {}", configured.record, configured.name),
        wanted: configured.want.join(", "),
        answers: answers.collect(),
        seen,
        system,
    }
}

fn counts(endpoints: &[EndpointRow], certificates: &[CertificateRow], names: &[NameRow]) -> Vec<CountCell> {
    let cell = |title: &str, value: Option<Value>, note: String| CountCell { title: title.to_owned(), value, note, spark: None };
    let of = |some: usize, all: usize| Value::Of(some as u64, all as u64, String::new());
    let mut cells = Vec::new();
    if !endpoints.is_empty() {
        let well = endpoints.iter().filter(|row| row.health == Health::Ok).count();
        cells.push(cell("Endpoints ok", Some(of(well, endpoints.len())), "status and time as wanted".to_owned()));
        let seconds = |row: &EndpointRow| row.p95.as_ref().and_then(Value::number);
        let slowest = endpoints.iter().filter(|row| row.p95.is_some()).max_by(|a, b| by(seconds(a), seconds(b)));
        let note = slowest.map_or_else(|| "not read yet".to_owned(), |row| format!("{}, of the last hour", row.system.name()));
        cells.push(cell("Slowest p95", slowest.and_then(|row| row.p95.clone()), note));
    }
    if !certificates.is_empty() {
        let seconds = |row: &CertificateRow| row.left.as_ref().and_then(Value::number).or_else(|| row.used.map(|_| 0.0));
        let nearest = certificates.iter().filter(|row| seconds(row).is_some()).min_by(|a, b| by(seconds(a), seconds(b)));
        let value = nearest.map(|row| row.left.clone().unwrap_or_else(|| Value::Text("expired".into())));
        cells.push(cell("Nearest certificate", value, nearest.map(|row| row.name.clone()).unwrap_or_default()));
    }
    if !names.is_empty() {
        let answers = || names.iter().flat_map(|row| &row.answers);
        let right = answers().filter(|answer| answer.health == Health::Ok).count();
        let asked = if names.len() == 1 { "of one name".to_owned() } else { format!("of {} names", names.len()) };
        cells.push(cell("DNS answers as wanted", Some(of(right, answers().count())), asked));
    }
    cells
}

/// Orders numbers of which both are known.
fn by(a: Option<f64>, b: Option<f64>) -> std::cmp::Ordering {
    a.unwrap_or_default().total_cmp(&b.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{HostPort, Limit};

    fn system(text: &str) -> SystemId {
        text.parse().unwrap()
    }

    #[test]
    fn an_hour_is_a_cell_a_minute_and_silence_is_no_health() {
        let recent = [Some(0.1), Some(0.2), None, None, Some(0.1), Some(0.9), None, Some(0.1), Some(0.3)];
        assert_eq!(history(&recent, 0.5), [Health::Ok, Health::Unknown, Health::Degraded, Health::Ok, Health::Ok]);
    }

    #[test]
    fn an_endpoint_shows_its_phases_and_its_last_hour() {
        let url = url::Url::parse("https://shop.example/health").unwrap();
        let within = Duration::from_millis(500);
        let configured = config::Endpoint { url, connect: None, ca_file: None, status: 200, within };
        let phases = Phases { connect: Some(Duration::from_millis(6)), first_byte: Some(Duration::from_millis(39)), ..Phases::default() };
        let recent: Vec<_> = (1..=100).map(|ms| Some(f64::from(ms) / 1e3)).collect();
        let answer = Ok(Answer { status: 200, bytes: 2, phases });
        let row = endpoint(system("endpoint/shop"), &configured, Some(&answer), &recent, Health::Ok, None);
        assert_eq!(row.asked, "GET https://shop.example/health, wants 200 within 500 ms");
        assert_eq!((row.p50.unwrap().text(), row.p95.unwrap().text()), ("50 ms".to_owned(), "95 ms".to_owned()));
        assert_eq!(row.phases[1], ("Connect", Some(0.006)));
        let silent = Err((Failure::Refused, Phases::default()));
        let row = endpoint(system("endpoint/shop"), &configured, Some(&silent), &[], Health::Down, None);
        assert!(row.status == "refuses connections" && row.p50.is_none());
        assert!((scale(&[row]) - 0.05).abs() < f64::EPSILON);
    }

    #[test]
    fn a_certificate_shows_the_life_that_is_used() {
        let day = Duration::from_secs(86_400);
        let address = HostPort { host: "shop.example".into(), port: 443 };
        let configured = config::Certificate { address, connect: None, ca_file: None, left: Limit { degraded: day * 9, down: day } };
        let now: DateTime<Utc> = "2026-11-24T12:00:00Z".parse().unwrap();
        let days = chrono::TimeDelta::days;
        let presented = Presented {
            names: vec!["shop.example".into(), "*.shop.example".into()],
            issuer: "R11".into(),
            not_before: now - days(81),
            not_after: now + days(9),
            chain: 2,
            accepted: Ok(()),
        };
        let row = certificate(system("certificate/shop"), &configured, Some(&Ok(presented.clone())), now, Health::Ok, None);
        assert_eq!(
            (row.left.unwrap().text().as_str(), row.chain.as_str()),
            ("9 d", "until 3 Dec 2026 12:00 UTC, sent with 1 of its authorities")
        );
        let (used, limit) = row.used.unwrap();
        assert!((used - 0.9).abs() < 1e-9 && (limit - 0.9).abs() < 1e-9);
        let expired = Presented { not_after: now - days(1), accepted: Err("has expired".into()), ..presented };
        let row = certificate(system("certificate/shop"), &configured, Some(&Ok(expired)), now, Health::Down, None);
        assert!(row.left.is_none() && row.used.unwrap().0 > 0.999 && row.chain.contains("do not accept it"), "{row:?}");
    }

    #[test]
    fn each_resolver_is_told_by_its_own_answer() {
        let configured = DnsName { name: "shop.example".into(), record: "A".into(), want: vec!["192.0.2.1".into()], resolvers: Vec::new() };
        let answer = |found: &[&str]| Ok(DnsAnswer { found: found.iter().map(|at| (*at).to_owned()).collect(), took: Duration::ZERO });
        let at = |n: u8| std::net::SocketAddr::from(([192, 0, 2, n], 53));
        let last =
            [(at(53), answer(&["192.0.2.1"])), (at(54), answer(&["192.0.2.9"])), (at(55), answer(&[])), (at(56), Err(Failure::Refused))];
        let row = name_row(system("dns/shop"), &configured, &last, None);
        let told: Vec<_> = row.answers.iter().map(|answer| (answer.health, answer.says.as_str())).collect();
        let wrong = Health::Degraded;
        assert_eq!(
            told,
            [(Health::Ok, "as wanted"), (wrong, "192.0.2.9"), (wrong, "no answer of that type"), (Health::Down, "refuses connections")]
        );
    }
}
