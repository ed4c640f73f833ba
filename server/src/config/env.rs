//! The environment: every variable that the console reads, and nowhere else.

use std::{net::SocketAddr, path::PathBuf};

use super::{Fault, Faults, Secret, Variables, fault::nearest};

/// Where the console listens unless told otherwise: this machine only.
const LISTEN: &str = "127.0.0.1:8080";

/// What the log holds unless told otherwise: what happens here, and what others warn of.
const LOG: &str = "info,sqlx=warn,kube=warn,tower_sessions=warn,tower_sessions_core=error";

/// What our variables' names begin with.
const PREFIX: &str = "QUARTERDECK_";

/// Every variable of that prefix; one that is nearly one of them is a slip.
const KNOWN: [&str; 8] = ["ESTATE", "LISTEN", "LOG", "LOG_FORMAT", "REPLICA", "TLS_CERT", "TLS_KEY", "TRUSTED_PROXY"];

/// What `serve` is told by its environment.
#[derive(Clone, Debug)]
pub struct Config {
    /// The console's own PostgreSQL, as the run-time role.
    pub database_url: Secret,
    /// The estate file.
    pub estate: PathBuf,
    /// Where to listen, and how people get there.
    pub listen: Listen,
    /// The name of this replica: who executes a run.
    pub replica: String,
    /// How the log is written.
    pub log: Log,
}

/// The log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// How it is written.
    pub format: LogFormat,
    /// What it holds, as `tracing-subscriber` reads it ("info,sqlx=warn").
    pub filter: String,
}

/// Where the console listens, and what stands between it and people. A non-loopback address without TLS or a proxy cannot be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Address and port.
    pub address: SocketAddr,
    /// What protects it.
    pub tls: Tls,
}

/// Who speaks TLS with the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Nobody: only this machine can reach the console.
    Loopback,
    /// A proxy, declared to be trusted: `X-Forwarded-For` from this address is believed, and the browser's side is https.
    Proxy(std::net::IpAddr),
    /// The console itself.
    Own {
        /// The certificate chain, PEM.
        certificate: PathBuf,
        /// Its key, PEM.
        key: PathBuf,
    },
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What `migrate` is told by its environment.
#[derive(Clone, Debug)]
pub struct OwnerConfig {
    /// The owner's address.
    pub owner_url: Secret,
    /// The run-time role's address: the role is made from it.
    pub database_url: Secret,
}

/// Reads variables and notes every fault.
struct Reader<'a> {
    variables: Variables<'a>,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    fn new(variables: Variables<'a>) -> Self {
        Self { variables, faults: Vec::new() }
    }

    fn may(&self, name: &str) -> Option<String> {
        (self.variables)(name).filter(|value| !value.trim().is_empty())
    }

    fn need(&mut self, name: &str, remedy: &str) -> Option<String> {
        let value = self.may(name);
        if value.is_none() {
            self.note(name, None, "is not set", remedy);
        }
        value
    }

    fn note(&mut self, name: &str, value: Option<&str>, what: impl Into<String>, remedy: impl Into<String>) {
        self.faults.push(Fault {
            line: 0,
            field: name.to_owned(),
            value: value.map(str::to_owned),
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    /// A PostgreSQL address: its value is never shown.
    fn database(&mut self, name: &str, who: &str) -> Option<Secret> {
        let url = self.need(name, &format!("set it to postgres://USER:PASSWORD@HOST:PORT/DATABASE, as {who}"))?;
        let sound = url::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql"));
        if !sound {
            self.note(name, None, "is no PostgreSQL address", "write postgres://USER:PASSWORD@HOST:PORT/DATABASE");
        }
        sound.then(|| Secret::new(url))
    }

    fn done<T>(self, value: Option<T>) -> Result<T, Faults> {
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            Some(_) | None => Err(Faults { source: "the environment".to_owned(), faults: self.faults }),
        }
    }

    fn listen(&mut self) -> Option<Listen> {
        let text = self.may("QUARTERDECK_LISTEN").unwrap_or_else(|| LISTEN.to_owned());
        let address: Option<SocketAddr> = text.parse().ok();
        if address.is_none() {
            self.note("QUARTERDECK_LISTEN", Some(&text), "is no address with a port", "write 127.0.0.1:8080, or [::1]:8080");
        }
        let proxy = self.may("QUARTERDECK_TRUSTED_PROXY").map(|text| {
            let proxy = text.parse::<std::net::IpAddr>().ok();
            if proxy.is_none() {
                self.note(
                    "QUARTERDECK_TRUSTED_PROXY",
                    Some(&text),
                    "is no IP address",
                    "write the one address that the proxy connects from",
                );
            }
            proxy
        });
        let (certificate, key) = (self.pem("QUARTERDECK_TLS_CERT"), self.pem("QUARTERDECK_TLS_KEY"));
        let own = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(certificate.zip(key)),
            (None, None) => None,
            (Some(_), None) => {
                self.note("QUARTERDECK_TLS_KEY", None, "is not set, and QUARTERDECK_TLS_CERT is", "set both or neither");
                Some(None)
            }
            (None, Some(_)) => {
                self.note("QUARTERDECK_TLS_CERT", None, "is not set, and QUARTERDECK_TLS_KEY is", "set both or neither");
                Some(None)
            }
        };
        let address = address?;
        let tls = match (own, proxy) {
            (Some(_), Some(_)) => {
                self.note(
                    "QUARTERDECK_TRUSTED_PROXY",
                    None,
                    "is set beside QUARTERDECK_TLS_CERT",
                    "say who speaks TLS with the browser: the proxy or the console",
                );
                return None;
            }
            (Some(own), None) => own.map(|(certificate, key)| Tls::Own { certificate, key })?,
            (None, Some(proxy)) => Tls::Proxy(proxy?),
            (None, None) if address.ip().is_loopback() => Tls::Loopback,
            (None, None) => {
                self.note(
                    "QUARTERDECK_LISTEN",
                    Some(&text),
                    "can be reached from other machines, and passwords would cross the network in the clear",
                    "set QUARTERDECK_TLS_CERT and QUARTERDECK_TLS_KEY, or declare the TLS proxy in front by QUARTERDECK_TRUSTED_PROXY, or listen on 127.0.0.1",
                );
                return None;
            }
        };
        Some(Listen { address, tls })
    }

    /// A PEM file's path. Outer `None`: not set; inner: set and wrong.
    fn pem(&mut self, name: &str) -> Option<Option<PathBuf>> {
        let path = PathBuf::from(self.may(name)?);
        let read = std::fs::read(&path);
        let sound = match &read {
            Ok(bytes) if bytes.starts_with(b"-----BEGIN ") => true,
            Ok(_) => {
                self.note(name, Some(&path.display().to_string()), "is no PEM file", "name a file that begins with -----BEGIN");
                false
            }
            Err(err) => {
                self.note(
                    name,
                    Some(&path.display().to_string()),
                    format!("cannot be read: {}", err.kind()),
                    "name a file that the console may read",
                );
                false
            }
        };
        Some(sound.then_some(path))
    }

    fn log(&mut self) -> Option<Log> {
        let filter = self.may("QUARTERDECK_LOG").unwrap_or_else(|| LOG.to_owned());
        let sound = filter.parse::<tracing_subscriber::filter::Targets>().is_ok();
        if !sound {
            self.note("QUARTERDECK_LOG", Some(&filter), "is no log filter", "write a level, or levels by target: info,server=debug");
        }
        let format = self.log_format()?;
        sound.then_some(Log { format, filter })
    }

    fn log_format(&mut self) -> Option<LogFormat> {
        match self.may("QUARTERDECK_LOG_FORMAT").as_deref() {
            None | Some("text") => Some(LogFormat::Text),
            Some("json") => Some(LogFormat::Json),
            Some(other) => {
                self.note("QUARTERDECK_LOG_FORMAT", Some(other), "is no log format", "write text or json");
                None
            }
        }
    }

    fn replica(&mut self) -> Option<String> {
        let given = self.may("QUARTERDECK_REPLICA");
        let name = given.clone().or_else(|| hostname::get().ok().and_then(|name| name.into_string().ok())).unwrap_or_default();
        if (1..=128).contains(&name.len()) && !name.contains(char::is_control) {
            return Some(name);
        }
        self.note(
            "QUARTERDECK_REPLICA",
            given.as_deref(),
            "names this replica with 1 to 128 characters",
            "set it to a name that differs from the other replicas'",
        );
        None
    }
}

impl Config {
    /// Reads what `serve` needs. `names` are the variables that are set, to find slips.
    ///
    /// # Errors
    /// Every fault that was found.
    pub fn from_env(variables: Variables<'_>, names: &[String]) -> Result<Self, Faults> {
        let mut reader = Reader::new(variables);
        for name in names {
            let Some(own) = name.strip_prefix(PREFIX).filter(|own| !KNOWN.contains(own)) else { continue };
            // Others may use the prefix for purposes of their own, such as the address for a test.
            if let Some(meant) = nearest(own, KNOWN) {
                reader.note(name, None, "is no variable of the console", format!("did you mean {PREFIX}{meant}?"));
            }
        }
        let database_url = reader.database("DATABASE_URL", "the run-time role");
        let estate = reader.need("QUARTERDECK_ESTATE", "set it to the path of the estate file").map(PathBuf::from);
        let listen = reader.listen();
        let replica = reader.replica();
        let log = reader.log();
        let config = (|| Some(Self { database_url: database_url?, estate: estate?, listen: listen?, replica: replica?, log: log? }))();
        reader.done(config)
    }

    /// Reads the run-time role's address alone, for the commands that need nothing else.
    ///
    /// # Errors
    /// When it is missing or no address.
    pub fn database_url(variables: Variables<'_>) -> Result<Secret, Faults> {
        let mut reader = Reader::new(variables);
        let url = reader.database("DATABASE_URL", "the run-time role");
        reader.done(url)
    }
}

impl OwnerConfig {
    /// Reads what `migrate` needs.
    ///
    /// # Errors
    /// Every fault that was found.
    pub fn from_env(variables: Variables<'_>) -> Result<Self, Faults> {
        let mut reader = Reader::new(variables);
        let owner_url = reader.database("DATABASE_OWNER_URL", "the owner of the tables");
        let database_url = reader.database("DATABASE_URL", "the run-time role");
        let config = owner_url.zip(database_url).map(|(owner_url, database_url)| Self { owner_url, database_url });
        reader.done(config)
    }
}

/// One of the process's variables. This and [`names`] are the only readers of the environment.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The names of the process's variables.
#[must_use]
pub fn names() -> Vec<String> {
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, String> {
        let map: BTreeMap<_, _> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let names: Vec<_> = map.keys().cloned().collect();
        Config::from_env(&|name| map.get(name).cloned(), &names).map_err(|faults| faults.to_string())
    }

    const ENOUGH: [(&str, &str); 2] = [("DATABASE_URL", "postgres://qd:hunter2@db/qd"), ("QUARTERDECK_ESTATE", "estate.yaml")];

    fn with(more: &[(&str, &str)]) -> Result<Config, String> {
        read(&[&ENOUGH, more].concat())
    }

    #[test]
    fn every_fault_is_told_at_once_and_no_secret() {
        let words = read(&[
            ("DATABASE_URL", "mysql://qd:hunter2@db/qd"),
            ("QUARTERDECK_LISTEN", "everywhere"),
            ("QUARTERDECK_LOG_FORMAT", "xml"),
            ("QUARTERDECK_LISTNE", "127.0.0.1:1"),
            ("QUARTERDECK_TLS_CERT", "/nowhere"),
        ])
        .err()
        .unwrap_or_default();
        for part in [
            "DATABASE_URL",
            "QUARTERDECK_ESTATE",
            "`everywhere`",
            "`xml`",
            "did you mean QUARTERDECK_LISTEN?",
            "/nowhere",
            "QUARTERDECK_TLS_KEY",
        ] {
            assert!(words.contains(part), "{part} in {words}");
        }
        assert!(!words.contains("hunter2"), "{words}");
    }

    #[test]
    fn every_variable_is_in_the_documentation() {
        let text = include_str!("../../../docs/CONFIGURATION.md");
        let missing: Vec<_> = KNOWN.iter().filter(|name| !text.contains(&format!("`{PREFIX}{name}`"))).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn another_machine_is_reached_by_tls_or_not_at_all() {
        let refused = with(&[("QUARTERDECK_LISTEN", "0.0.0.0:8080")]).err().unwrap_or_default();
        assert!(refused.contains("in the clear") && refused.contains("QUARTERDECK_TRUSTED_PROXY"), "{refused}");
        let proxied = with(&[("QUARTERDECK_LISTEN", "0.0.0.0:8080"), ("QUARTERDECK_TRUSTED_PROXY", "10.0.0.7")]);
        assert_eq!(proxied.map(|config| config.listen.tls), Ok(Tls::Proxy("10.0.0.7".parse().unwrap_or_else(|_| panic!()))));
        assert_eq!(with(&[]).map(|config| config.listen.tls), Ok(Tls::Loopback));
    }
}
