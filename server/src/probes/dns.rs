//! Whether every resolver gives the answers that are wanted.

use std::{net::SocketAddr, time::Duration};

use app::model::{Fact, Health, Kind, SystemId, Value};
use futures::future::BoxFuture;

use super::{
    Probe, ProbeCtx, ProbeError, ProbeSpec, Reading,
    judge::{list, not_configured, words},
};
use crate::{
    adapters::{Failure, dns::DnsAnswer},
    config::DnsName,
};

pub(super) struct Dns;

impl Probe for Dns {
    fn spec(&self) -> ProbeSpec {
        ProbeSpec { id: "dns", title: "{}", kind: Kind::Dns, every: Duration::from_secs(5), timeout: Duration::from_secs(3) }
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let dns = ctx.adapters.dns.get(system.name()).ok_or_else(not_configured)?;
            let name = ctx.estate.dns.get(system.name()).ok_or_else(not_configured)?;
            judge(&dns.answers().await, name)
        })
    }
}

/// The wanted answers as a resolver would write them.
fn wanted(name: &DnsName) -> Vec<String> {
    let mut want: Vec<_> = name.want.iter().map(|want| plain(want)).collect();
    want.sort();
    want.dedup();
    want
}

/// The answers of a resolver, in the same spelling.
fn as_found(answer: &DnsAnswer) -> Vec<String> {
    let mut found: Vec<_> = answer.found.iter().map(|found| plain(found)).collect();
    found.sort();
    found
}

/// Whether a resolver gives the answers that are wanted and no others.
#[must_use]
pub fn agrees(answer: &DnsAnswer, name: &DnsName) -> bool {
    as_found(answer) == wanted(name)
}

/// One spelling for addresses and names: `2001:DB8::0` and `2001:db8::` are the same.
fn plain(text: &str) -> String {
    text.parse::<std::net::IpAddr>().map_or_else(|_| text.trim_end_matches('.').to_ascii_lowercase(), |address| address.to_string())
}

fn judge(answers: &[(SocketAddr, Result<DnsAnswer, Failure>)], name: &DnsName) -> Result<Reading, ProbeError> {
    let want = wanted(name);
    let mut agreeing = Vec::new();
    let mut wrong = Vec::new();
    let mut failed = Vec::new();
    for (at, answer) in answers {
        match answer {
            Ok(answer) => {
                let found = as_found(answer);
                if found == want { agreeing.push(answer.took) } else { wrong.push((at, found)) }
            }
            Err(failure) => failed.push(format!("{at} {failure}")),
        }
    }
    if agreeing.is_empty() && wrong.is_empty() {
        return Err(ProbeError(format!("no resolver can be asked: {}", failed.join("; "))));
    }
    let health = match (agreeing.is_empty(), wrong.is_empty() && failed.is_empty()) {
        (true, _) => Health::Down,
        (false, true) => Health::Ok,
        (false, false) => Health::Degraded,
    };
    let mut says: Vec<_> =
        wrong.iter().map(|(at, found)| format!("{at} answers {}, wanted {}", answer_words(found), answer_words(&want))).collect();
    says.extend(failed);
    let mut reading = match says.as_slice() {
        [] if answers.len() == 1 => Reading::new(health, format!("the resolver answers {}", answer_words(&want))),
        [] => Reading::new(health, format!("all {} resolvers answer {}", answers.len(), answer_words(&want))),
        says => Reading::new(health, format!("{}: {}", name.name, says.join("; "))),
    };
    if !wrong.is_empty() {
        reading = reading.cause(if agreeing.is_empty() {
            "the record was changed at its zone, or the estate file names an old answer"
        } else {
            "a resolver still holds an old answer, or answers for itself"
        });
    }
    agreeing.sort_unstable();
    if let Some(median) = agreeing.get(agreeing.len() / 2) {
        reading = reading.note(format!("{} median", words(*median)));
    }
    reading.facts.push(Fact::new("wanted", Value::Text(answer_words(&want))));
    for (at, answer) in answers {
        let told = match answer {
            Ok(answer) => format!("{} in {}", answer_words(&answer.found), words(answer.took)),
            Err(failure) => failure.to_string(),
        };
        reading.facts.push(Fact::new(at.to_string(), Value::Text(told)));
    }
    let agree = if answers.len() == 1 { "agrees" } else { "agree" };
    Ok(reading.figure(Value::Of(agreeing.len() as u64, answers.len() as u64, agree.into())))
}

fn answer_words(found: &[String]) -> String {
    if found.is_empty() { "nothing".into() } else { list(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(found: &[&str]) -> Result<DnsAnswer, Failure> {
        Ok(DnsAnswer { found: found.iter().map(|found| (*found).to_owned()).collect(), took: Duration::from_millis(11) })
    }

    #[test]
    fn each_resolver_must_give_exactly_what_is_wanted() {
        let name = DnsName {
            name: "shop.example".into(),
            record: "AAAA".into(),
            want: vec!["2001:DB8::2".into(), "2001:db8:0::1".into()],
            resolvers: Vec::new(),
        };
        let right = || answer(&["2001:db8::1", "2001:db8::2"]);
        let silent = || Err(Failure::Silent(Duration::from_secs(2)));
        for (first, second, health, says) in [
            (right(), right(), Health::Ok, "all 2 resolvers answer 2001:db8::1 and 2001:db8::2"),
            (right(), answer(&["2001:db8::1"]), Health::Degraded, "127.0.0.2:53 answers 2001:db8::1, wanted"),
            (right(), silent(), Health::Degraded, "127.0.0.2:53 did not answer"),
            (answer(&[]), answer(&["2001:db8::9"]), Health::Down, "answers nothing, wanted"),
        ] {
            let at = |n: u8| SocketAddr::from(([127, 0, 0, n], 53));
            let reading = judge(&[(at(1), first), (at(2), second)], &name).unwrap();
            assert_eq!(reading.health, health, "{}", reading.summary);
            assert!(reading.summary.contains(says), "{} should say: {says}", reading.summary);
        }
        assert!(judge(&[(SocketAddr::from(([127, 0, 0, 1], 53)), silent())], &name).is_err());
    }
}
