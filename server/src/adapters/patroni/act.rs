//! Patroni's REST interface, its acting half: two requests, each sent once, and what their answers mean.
//!
//! An answer is what Patroni *says*; what is so is asked afterwards. Bodies are plain text whatever their content type.

use std::time::Duration;

use serde::Serialize;
use url::Url;

use super::{at, place};
use crate::{
    adapters::failure::{Failure, one_line},
    config::{Database, Login},
};

/// The most that is read of an answer.
const LARGEST: usize = 64 * 1024;
/// How long a connection may take: nothing was sent before.
const CONNECT: Duration = Duration::from_secs(3);

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Hand the lead over; the leader is named and stops first.
    SwitchOver,
    /// Give the lead to a member, whether or not anybody has it.
    FailOver,
}

/// What Patroni answered. No answer says what is so; only how to look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// "Successfully switched over to …": by its word it is done.
    Done(String),
    /// 202: it is put off to a time, which was not asked for.
    Scheduled(String),
    /// It looked, and will not: nothing was begun.
    Refused(String),
    /// The credential is not accepted: nothing was begun.
    Denied(String),
    /// 503 "failed": it gave up, and the leader is said to be the same.
    Failed(String),
    /// It may be done, or may still be: no answer, one that says so, or one that cannot be read.
    Unknown(String),
    /// No connection came about, so nothing was sent.
    NotSent(Failure),
}

/// The door through which one database's Patroni is asked to act.
pub struct PatroniAct {
    urls: Vec<Url>,
    login: Login,
    client: Result<reqwest::Client, Failure>,
}

#[derive(Serialize)]
struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    leader: Option<&'a str>,
    candidate: &'a str,
}

impl PatroniAct {
    /// Never waits; nothing where the estate names no credential.
    #[must_use]
    pub fn new(database: &Database) -> Option<Self> {
        let login = database.patroni_act.clone()?;
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // Each request has a connection of its own and is sent once: a second one by itself would be a second switchover.
            .pool_max_idle_per_host(0)
            .retry(reqwest::retry::never())
            .user_agent(concat!("quarterdeck/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::Unreachable(one_line(&error.to_string())));
        Some(Self { urls: database.patroni.clone(), login, client })
    }

    /// The user by whose name it acts, for the lines of the same by hand.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.login.user
    }

    /// Asks the Patroni at `at` once, and waits `within` for its answer.
    pub async fn ask(&self, to: &str, verb: Verb, leader: Option<&str>, candidate: &str, within: Duration) -> Asked {
        let path = match verb {
            Verb::SwitchOver => "switchover",
            Verb::FailOver => "failover",
        };
        let Some(url) = self.urls.iter().find(|url| place(url) == to).and_then(|url| at(url, path).ok()) else {
            return Asked::NotSent(Failure::Unreachable("the estate file names no such Patroni".into()));
        };
        let client = match self.client.clone() {
            Ok(client) => client,
            Err(failure) => return Asked::NotSent(failure),
        };
        let request = client
            .post(url)
            .basic_auth(&self.login.user, Some(self.login.password.reveal()))
            .timeout(within)
            .json(&Request { leader, candidate });
        let mut answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => return Asked::NotSent(lost(&error, CONNECT)),
            Err(error) => return Asked::Unknown(format!("Patroni at {to} {}", lost(&error, within))),
        };
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST => body.extend_from_slice(&chunk),
                // What is cut off here says as little as it would whole.
                Ok(Some(_) | None) => break,
                Err(error) => return Asked::Unknown(format!("Patroni at {to} {}", lost(&error, within))),
            }
        }
        Asked::from_answer(status, &String::from_utf8_lossy(&body))
    }
}

impl Asked {
    /// What a status and a text mean.
    fn from_answer(status: u16, text: &str) -> Self {
        let text = if text.trim_start().starts_with('<') { "a page instead of a sentence".to_owned() } else { one_line(text) };
        let said = if text.is_empty() { format!("status {status}") } else { format!("“{text}” (status {status})") };
        match status {
            200 if text.contains("ed over to") => Self::Done(said),
            202 => Self::Scheduled(said),
            401 | 403 => Self::Denied(said),
            400..500 => Self::Refused(said),
            503 if text.ends_with("failed") => Self::Failed(said),
            // A 200 in other words, a redirect, a proxy's 502: whether the request came through cannot be read from it.
            _ => Self::Unknown(format!("Patroni answered {said}")),
        }
    }
}

/// How a request was lost.
fn lost(error: &reqwest::Error, within: Duration) -> Failure {
    if error.is_timeout() {
        return Failure::Silent(within);
    }
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return crate::adapters::trust::failure(io);
        }
        if inner.downcast_ref::<hyper::Error>().is_some_and(|inner| inner.is_incomplete_message() || inner.is_closed()) {
            return Failure::HungUp;
        }
        source = inner.source();
    }
    Failure::Garbled("no HTTP that the console understands".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_told_apart() {
        let of = |status, text: &str| Asked::from_answer(status, text);
        assert!(matches!(of(200, "Successfully switched over to \"pg2\""), Asked::Done(_)));
        assert!(matches!(of(200, "Switched over to \"pg3\" instead of \"pg2\""), Asked::Done(_)));
        assert!(matches!(of(200, "Failed over to \"pg3\" instead of \"pg2\""), Asked::Done(_)));
        assert!(matches!(of(200, "It works!"), Asked::Unknown(_)));
        assert!(matches!(of(202, "Switchover scheduled"), Asked::Scheduled(_)));
        assert_eq!(of(412, "leader name does not match"), Asked::Refused("“leader name does not match” (status 412)".into()));
        assert_eq!(of(400, "<html>Bad request"), Asked::Refused("“a page instead of a sentence” (status 400)".into()));
        assert!(matches!(of(401, "no auth header received"), Asked::Denied(_)));
        assert!(matches!(of(503, "Switchover failed"), Asked::Failed(_)));
        assert!(matches!(of(503, "Switchover status unknown"), Asked::Unknown(_)));
        assert!(matches!(of(502, "Bad gateway"), Asked::Unknown(_)));
        assert!(matches!(of(503, "upstream connect error"), Asked::Unknown(_)));
    }
}
