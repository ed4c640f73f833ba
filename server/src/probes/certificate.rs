//! How long a certificate is good for, and whether a client accepts it now.

use std::time::Duration;

use app::model::{Fact, Health, Kind, SystemId, Value};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

use super::{
    Probe, ProbeCtx, ProbeError, ProbeSpec, Reading,
    judge::{above, list, not_configured, words},
};
use crate::{adapters::tls::Presented, config};

pub(super) struct Certificate;

impl Probe for Certificate {
    fn spec(&self) -> ProbeSpec {
        let timeout = Duration::from_millis(3_500);
        ProbeSpec { id: "certificate", title: "Certificate of {}", kind: Kind::Certificate, every: Duration::from_secs(5), timeout }
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let tls = ctx.adapters.tls.get(system.name()).ok_or_else(not_configured)?;
            let certificate = ctx.estate.certificates.get(system.name()).ok_or_else(not_configured)?;
            let now = ctx.clock.now().wall;
            // A server that shows none says nothing of its certificate; that it is down is its endpoint's to tell.
            let presented = tls.presented(now).await.map_err(|failure| ProbeError(format!("{} {failure}", certificate.address)))?;
            Ok(judge(&presented, now, certificate))
        })
    }
}

fn judge(presented: &Presented, now: DateTime<Utc>, certificate: &config::Certificate) -> Reading {
    let limit = &certificate.left;
    let left = (presented.not_after - now).to_std();
    let name = &certificate.address.host;
    let (health, summary, cause) = match (&left, &presented.accepted) {
        (Err(_), _) => {
            let ago = (now - presented.not_after).to_std().unwrap_or_default();
            (
                Health::Down,
                format!("the certificate of {name} expired {} ago", words(ago)),
                Some("it was not renewed, or the server has not loaded the new one".to_owned()),
            )
        }
        (Ok(_), Err(why)) if presented.not_before > now => {
            (Health::Down, format!("the certificate of {name} {why}"), Some("the server's clock or the authority's is wrong".to_owned()))
        }
        (Ok(_), Err(why)) => {
            (Health::Down, format!("clients do not accept the certificate of {name}: it is one that {why}"), untrusted(presented))
        }
        (Ok(left), Ok(())) => match above(left, limit) {
            Health::Ok | Health::Unknown => (Health::Ok, format!("{} left", words(*left)), None),
            short => {
                let bound = if short == Health::Down { limit.down } else { limit.degraded };
                let cause = "it should have been renewed by now: look at what renews it";
                (short, format!("the certificate of {name} has {} left, limit {}", words(*left), words(bound)), Some(cause.to_owned()))
            }
        },
    };
    let mut reading = Reading::new(health, summary)
        .figure(match left {
            Ok(left) => Value::Duration(left.as_secs_f64()),
            Err(_) => Value::Text("expired".into()),
        })
        .limit(limit.degraded.as_secs_f64())
        .note(format!("until {}, by {}", presented.not_after.format("%-d %b %Y"), presented.issuer));
    reading.cause = cause;
    let left = Value::Duration((presented.not_after - now).num_seconds().max(0) as f64);
    reading
        .fact(Fact::new("left", left).limit(Value::Duration(limit.degraded.as_secs_f64())))
        .fact(Fact::new("valid until", Value::Text(presented.not_after.format("%Y-%m-%d %H:%M UTC").to_string())))
        .fact(Fact::new("for", Value::Text(list(&presented.names))))
        .fact(Fact::new("issuer", Value::Text(presented.issuer.clone())))
        .fact(Fact::new("certificates sent", Value::Count(i64::try_from(presented.chain).unwrap_or(i64::MAX), String::new())))
}

fn untrusted(presented: &Presented) -> Option<String> {
    let alone = presented.chain == 1 && presented.accepted.as_ref().is_err_and(|why| why.contains("vouches"));
    alone.then(|| format!("the server sends it without the certificate of {}, or that authority is not trusted here", presented.issuer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{HostPort, Limit};

    const DAY: u64 = 86_400;

    #[test]
    fn a_certificate_must_be_accepted_and_have_time_left() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let days = |days: i64| now + chrono::TimeDelta::days(days);
        let left = Limit { degraded: Duration::from_secs(21 * DAY), down: Duration::from_secs(3 * DAY) };
        let address = HostPort { host: "shop.example".into(), port: 443 };
        let certificate = config::Certificate { address, connect: None, ca_file: None, left };
        let accepted = || Ok(());
        let refused = |why: &str| Err(why.to_owned());
        for (from, until, accepted, health, says) in [
            (-60, 30, accepted(), Health::Ok, "30 d left"),
            (-60, 9, accepted(), Health::Degraded, "9 d left, limit 21 d"),
            (-60, 2, accepted(), Health::Down, "2 d left, limit 3 d"),
            (-60, -2, refused("has expired"), Health::Down, "the certificate of shop.example expired 2 d ago"),
            (-60, 30, refused("is for another name"), Health::Down, "is one that is for another name"),
            (5, 30, refused("is not valid yet"), Health::Down, "is not valid yet"),
        ] {
            let presented = Presented {
                names: vec!["shop.example".into()],
                issuer: "Test CA".into(),
                not_before: days(from),
                not_after: days(until),
                chain: 1,
                accepted,
            };
            let reading = judge(&presented, now, &certificate);
            assert_eq!(reading.health, health, "{}", reading.summary);
            assert!(reading.summary.contains(says), "{} should say: {says}", reading.summary);
        }
    }
}
