//! Which member is dumped.

use app::model::{Check, CheckOutcome, Value};

use crate::{
    actions::{backup::Target, check},
    adapters::{
        Failure,
        postgres::{Contents, MemberRole, MemberState, Receiver},
    },
    config::{DatabaseLimits, DumpFrom, HostPort},
};

/// A member, by what it says of itself and by what the dumping role sees there.
pub(super) struct Member {
    at: HostPort,
    state: Result<MemberState, Failure>,
    contents: Result<Contents, Failure>,
}

/// The member that is dumped.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chosen {
    pub at: HostPort,
    /// "leader" or "replica".
    pub role: &'static str,
    /// The server's version ("15.6").
    pub version: String,
    /// Its first number.
    pub major: u32,
    /// What the database takes on disk there, in bytes.
    pub bytes: u64,
    /// Why it is not the kind of member that the estate file asks for.
    pub instead: Option<String>,
}

/// Asks every member.
pub(super) async fn candidates(target: &Target<'_>) -> Vec<Member> {
    let (states, contents) = tokio::join!(target.members.states(), target.dumped.contents());
    states.into_iter().zip(contents).map(|((at, state), (_, contents))| Member { at, state, contents }).collect()
}

/// Chooses; why none can be dumped.
pub(super) fn choose(members: &[Member], from: DumpFrom, limits: &DatabaseLimits) -> Result<Chosen, String> {
    let written = members.iter().find_map(|member| match member.state.as_ref().ok()?.role {
        MemberRole::Primary { written, .. } => Some(written),
        MemberRole::Replica(_) => None,
    });
    let mut why_not = Vec::new();
    if from == DumpFrom::Replica {
        for member in members {
            match fresh(member, written, limits) {
                None => {}
                Some(Ok(())) => match chosen(member, "replica", None) {
                    Ok(chosen) => return Ok(chosen),
                    Err(why) => why_not.push(why),
                },
                Some(Err(why)) => why_not.push(format!("{} {why}", member.at)),
            }
        }
        if why_not.is_empty() {
            why_not.push("there is no replica".to_owned());
        }
    }
    let instead = (from == DumpFrom::Replica).then(|| why_not.join("; "));
    for member in members {
        if let Ok(MemberState { role: MemberRole::Primary { .. }, .. }) = &member.state {
            return chosen(member, "leader", instead);
        }
    }
    let failures = members.iter().filter_map(|member| Some(format!("{} {}", member.at, member.state.as_ref().err()?)));
    why_not.extend(failures);
    Err(if why_not.is_empty() { "no member leads".to_owned() } else { format!("no member leads: {}", why_not.join("; ")) })
}

/// Whether a replica streams and is not far behind; none for what is no replica.
fn fresh(member: &Member, written: Option<u64>, limits: &DatabaseLimits) -> Option<Result<(), String>> {
    let MemberRole::Replica(replica) = &member.state.as_ref().ok()?.role else { return None };
    let Receiver::Connected { status } = &replica.receiver else { return Some(Err("does not stream".to_owned())) };
    if status != "streaming" {
        return Some(Err(format!("does not stream: {status}")));
    }
    if replica.replay_paused {
        return Some(Err("has its replay paused".to_owned()));
    }
    let (Some(written), Some(replayed)) = (written, replica.replayed) else {
        return Some(Err("cannot be told to be fresh: no member leads".to_owned()));
    };
    let behind = written.saturating_sub(replayed);
    let limit = limits.replica_lag_bytes.degraded;
    Some(if behind < limit {
        Ok(())
    } else {
        Err(format!("is {} behind, limit {}", Value::Bytes(behind).text(), Value::Bytes(limit).text()))
    })
}

fn chosen(member: &Member, role: &'static str, instead: Option<String>) -> Result<Chosen, String> {
    let contents = member.contents.as_ref().map_err(|failure| format!("{} {failure}, asked as the role that dumps", member.at))?;
    let version = member.state.as_ref().map(|state| state.version.clone()).unwrap_or_default();
    Ok(Chosen {
        at: member.at.clone(),
        role,
        version,
        major: u32::try_from(contents.version / 10_000).unwrap_or(0),
        bytes: u64::try_from(contents.bytes).unwrap_or(0),
        instead,
    })
}

/// The checks on the member and on what the role may read there.
pub(super) fn checks(target: &Target<'_>, members: &[Member], chosen: &Result<Chosen, String>) -> Vec<Check> {
    let title = match target.backup.from {
        DumpFrom::Leader => "A leader can be dumped",
        DumpFrom::Replica => "A fresh replica, or the leader, can be dumped",
    };
    let chosen = match chosen {
        Err(why) => return vec![check("member-to-dump", title, CheckOutcome::Fail, why.clone())],
        Ok(chosen) => chosen,
    };
    let value = format!("{} {}, version {}, {}", chosen.role, chosen.at, chosen.version, Value::Bytes(chosen.bytes).text());
    let source = match &chosen.instead {
        None => check("member-to-dump", title, CheckOutcome::Pass, value),
        Some(why) => check("member-to-dump", title, CheckOutcome::Warn, format!("{value}; no replica, since {why}")),
    };
    let title = "The role that dumps may read every table";
    let user = target.database.backup.as_ref().map_or("", |login| login.user.as_str());
    let contents = members.iter().find(|member| member.at == chosen.at).and_then(|member| member.contents.as_ref().ok());
    let readable = match contents {
        Some(Contents { unreadable: 0, tables, .. }) => {
            check("role-reads-all", title, CheckOutcome::Pass, format!("{user} may read all {tables}"))
        }
        Some(contents) => {
            let first = contents.first_unreadable.as_deref().map(crate::adapters::one_line).unwrap_or_default();
            let value = format!(
                "{user} may not read {} of {}, such as {first}: `grant pg_read_all_data to {user}`, and `alter role {user} bypassrls` where row security stands in the way",
                contents.unreadable, contents.tables
            );
            check("role-reads-all", title, CheckOutcome::Fail, value)
        }
        None => check("role-reads-all", title, CheckOutcome::Unknown, "it could not be asked"),
    };
    vec![source, readable]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{adapters::postgres::Replica, config::Limit};

    fn limits() -> DatabaseLimits {
        let seconds = |degraded, down| Limit { degraded: Duration::from_secs(degraded), down: Duration::from_secs(down) };
        DatabaseLimits {
            replica_lag: seconds(10, 60),
            replica_lag_bytes: Limit { degraded: 1_000, down: 2_000 },
            connections: Limit { degraded: 0.7, down: 0.9 },
            longest_transaction: seconds(10, 60),
        }
    }

    fn contents() -> Result<Contents, Failure> {
        Ok(Contents { version: 150_006, bytes: 5_000, tables: 4, unreadable: 0, first_unreadable: None })
    }

    fn member(host: &str, role: MemberRole) -> Member {
        let at = HostPort { host: host.into(), port: 5432 };
        Member { at, state: Ok(MemberState { version: "15.6".into(), role }), contents: contents() }
    }

    fn leader() -> Member {
        member("a", MemberRole::Primary { timeline: 1, written: 10_000 })
    }

    fn replica(replayed: u64, receiver: Receiver) -> Member {
        let replica = Replica {
            timeline: Some(1),
            received: Some(replayed),
            replayed: Some(replayed),
            since_replayed_commit: None,
            replay_paused: false,
            receiver,
        };
        member("b", MemberRole::Replica(replica))
    }

    fn streaming() -> Receiver {
        Receiver::Connected { status: "streaming".into() }
    }

    #[test]
    fn a_replica_is_dumped_only_when_it_streams_and_is_fresh() {
        let pick = |members: &[Member]| choose(members, DumpFrom::Replica, &limits());
        let fresh = pick(&[leader(), replica(9_500, streaming())]).unwrap();
        assert_eq!((fresh.at.host.as_str(), fresh.role, fresh.major, fresh.instead), ("b", "replica", 15, None));
        for (replica, says) in [
            (replica(9_000, streaming()), "b:5432 is 1 kB behind"),
            (replica(10_000, Receiver::Disconnected), "b:5432 does not stream"),
            (replica(10_000, Receiver::Connected { status: "catchup".into() }), "does not stream: catchup"),
        ] {
            let chosen = pick(&[leader(), replica]).unwrap();
            assert_eq!(chosen.role, "leader");
            assert!(chosen.instead.as_deref().is_some_and(|why| why.contains(says)), "{chosen:?} should say {says}");
        }
        let alone = pick(&[leader()]).unwrap();
        assert_eq!(alone.instead.as_deref(), Some("there is no replica"));
        let chosen = choose(&[leader(), replica(10_000, streaming())], DumpFrom::Leader, &limits()).unwrap();
        assert_eq!((chosen.role, chosen.instead), ("leader", None));
    }

    #[test]
    fn without_a_leader_nothing_is_dumped_and_the_reason_is_told() {
        let dead = Member { state: Err(Failure::Refused), contents: Err(Failure::Refused), ..leader() };
        let why = choose(&[dead, replica(10_000, streaming())], DumpFrom::Replica, &limits()).unwrap_err();
        assert!(why.contains("no member leads") && why.contains("a:5432 refuses connections"), "{why}");
        let locked = Member { contents: Err(Failure::Denied("password".into())), ..leader() };
        let why = choose(&[locked], DumpFrom::Leader, &limits()).unwrap_err();
        assert!(why.contains("does not let the console in") && why.contains("the role that dumps"), "{why}");
    }
}
