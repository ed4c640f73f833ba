//! Redis data nodes: what `INFO` tells.

use std::{collections::HashMap, time::Duration};

use futures::future::join_all;
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, RedisConnectionInfo, RedisError, ServerErrorKind, aio::MultiplexedConnection,
};
use tokio::{io::AsyncReadExt, time::timeout};

use super::{
    connect::connect,
    failure::{Failure, one_line},
};
use crate::config::{Cache, HostPort, Login};

/// How long a node may take for everything that one question needs, connecting included.
const WAIT: Duration = Duration::from_secs(2);
/// The most that is read of one connection: `INFO` of a busy node is about 10 kB.
const LARGEST: u64 = 1_000_000;
/// The most fields that are kept of `INFO`.
const FIELDS: usize = 2_000;

/// The data nodes of one cache.
pub struct Redis {
    nodes: Vec<Node>,
}

impl Redis {
    /// Never waits.
    #[must_use]
    pub fn new(cache: &Cache) -> Self {
        Self { nodes: cache.members.iter().map(|at| Node::new(at, cache.watch.as_ref())).collect() }
    }

    /// What each node says of itself. All are asked side by side.
    pub async fn info(&self) -> Vec<(HostPort, Result<Info, Failure>)> {
        let asked = self.nodes.iter().map(async |node| {
            let answer = node.ask(async |connection| connection.query::<String>(&redis::cmd("INFO")).await).await;
            (node.at.clone(), answer.map(|text| Info::parse(&text)))
        });
        join_all(asked).await
    }
}

/// The fields of `INFO`. Unknown ones are kept, missing ones are missing: versions differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info(HashMap<String, String>);

impl Info {
    /// Reads `name:value` lines; headings and what is no field are skipped.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let fields = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.trim_end().split_once(':'));
        Self(fields.take(FIELDS).map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// A field as it stands.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A field that is a whole number; none where it is missing or something else.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }
}

/// One node; a connection is made for each question, so none is ever stale, and a node that takes no new clients is noticed.
pub(super) struct Node {
    pub(super) at: HostPort,
    settings: RedisConnectionInfo,
}

/// A connection that belongs to one question.
pub(super) struct Asking(MultiplexedConnection);

impl Asking {
    pub(super) async fn query<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, RedisError> {
        command.query_async(&mut self.0).await
    }
}

impl Node {
    pub(super) fn new(at: &HostPort, login: Option<&Login>) -> Self {
        // A limited account may not name its library, and each refusal would fill the server's ACL log.
        let mut settings = RedisConnectionInfo::default().set_skip_set_lib_name();
        if let Some(login) = login {
            settings = settings.set_username(&login.user).set_password(login.password.reveal());
        }
        Self { at: at.clone(), settings }
    }

    /// Connects, asks, hangs up; all within [`WAIT`] and [`LARGEST`].
    pub(super) async fn ask<T>(&self, question: impl AsyncFnOnce(&mut Asking) -> Result<T, RedisError>) -> Result<T, Failure> {
        let exchange = async {
            let (read, write) = connect(&self.at, None).await?.stream.into_split();
            let bounded = tokio::io::join(read.take(LARGEST), write);
            // The library's own limit of half a second would call a busy node silent.
            let config = AsyncConnectionConfig::new().set_response_timeout(Some(WAIT));
            let (connection, driver) = MultiplexedConnection::new_with_config(&self.settings, bounded, config).await.map_err(failure)?;
            let mut asking = Asking(connection);
            tokio::select! {
                answer = question(&mut asking) => answer.map_err(failure),
                () = driver => Err(Failure::HungUp),
            }
        };
        timeout(WAIT, exchange).await.unwrap_or(Err(Failure::Silent(WAIT)))
    }
}

fn failure(error: RedisError) -> Failure {
    let says = one_line(error.detail().unwrap_or(error.category()));
    match error.kind() {
        ErrorKind::AuthenticationFailed => Failure::Denied("it does not accept the user or the password".into()),
        ErrorKind::Server(ServerErrorKind::NoPerm) => Failure::Denied(says),
        ErrorKind::Server(ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown) => Failure::NotReady(says),
        _ if error.code() == Some("NOAUTH") || error.code() == Some("WRONGPASS") => {
            Failure::Denied("it asks for another user or password".into())
        }
        _ if says.contains("max number of clients") => Failure::Full("maxclients is reached".into()),
        _ if error.is_connection_refusal() => Failure::Refused,
        _ if error.is_timeout() => Failure::Silent(WAIT),
        _ if error.is_io_error() || error.is_connection_dropped() => Failure::HungUp,
        _ => Failure::Garbled(says),
    }
}

#[cfg(test)]
mod tests {
    use super::Info;

    #[test]
    fn info_is_read_past_what_is_unknown_and_without_what_is_missing() {
        let info = Info::parse(
            "# Server\r\nredis_version:7.0.15\r\n\r\nnew_thing_of_2031:a:b\r\nbroken line\r\nused_memory:123\r\nmaxmemory:lots\r\n",
        );
        assert_eq!(info.text("redis_version"), Some("7.0.15"));
        assert_eq!(info.text("new_thing_of_2031"), Some("a:b"));
        assert_eq!((info.number("used_memory"), info.number("maxmemory"), info.number("missing")), (Some(123), None, None));
    }

    #[test]
    fn a_lying_node_cannot_make_info_large() {
        let endless = (0..1_000_000).map(|n| format!("f{n}:1\n")).collect::<String>();
        assert_eq!(Info::parse(&endless).0.len(), super::FIELDS);
    }
}
