//! The sections that name what is watched.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use app::model::Kind;
use url::Url;

use super::{index::Index, is_name, limits, url};
use crate::config::{
    Cache, Certificate, Cluster, Database, DnsName, Endpoint, HostPort, KubeAccess, Login, Metric, Unit, reader::Field, units,
};

/// An endpoint that says nothing else answers 200 …
const STATUS: u16 = 200;
/// … within two seconds: what people wait for without wondering.
const WITHIN: Duration = Duration::from_secs(2);

/// `clusters.*`
pub(super) fn cluster(field: &Field<'_>) -> Option<Cluster> {
    let mut map = field.map()?;
    let watch = map.need("watch").and_then(|field| kube_access(&field));
    let act = map.may("act").map_or(Some(None), |field| kube_access(&field).map(Some));
    let namespaces =
        map.need("namespaces").and_then(|field| field.some_of("namespace", |field| field.parse("a namespace's name", namespace)));
    map.end();
    Some(Cluster { watch: watch?, act: act?, namespaces: namespaces? })
}

/// A label of RFC 1123, as Kubernetes asks for it.
fn namespace(text: &str) -> Option<String> {
    let sound = (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    sound.then(|| text.to_owned())
}

fn kube_access(field: &Field<'_>) -> Option<KubeAccess> {
    let mut map = field.map()?;
    let (in_cluster, kubeconfig) = (map.may("in_cluster"), map.may("kubeconfig"));
    map.end();
    match (in_cluster, kubeconfig) {
        (Some(field), None) => field.parse("in_cluster: true", |text| (text == "true").then_some(KubeAccess::InCluster)),
        (None, Some(field)) => {
            let mut map = field.map()?;
            let file = map.need("file").and_then(|field| field.file());
            map.end();
            file.map(KubeAccess::Kubeconfig)
        }
        (Some(_), Some(_)) => {
            field.wrong("names two ways to reach the cluster", "keep one of `in_cluster` and `kubeconfig`");
            None
        }
        (None, None) => {
            field.wrong("names no way to reach the cluster", "write { kubeconfig: { file: PATH } } or { in_cluster: true }");
            None
        }
    }
}

/// `databases.*`
pub(super) fn database(field: &Field<'_>) -> Option<Database> {
    let mut map = field.map()?;
    let members = map.need("members").and_then(|field| members(&field));
    let database = map.need("database").and_then(|field| field.text());
    let watch = map.need("watch").and_then(|field| login(&field));
    let patroni = map.may("patroni").map_or(Some((Vec::new(), None)), |field| patroni(&field));
    let limits = limits::of_database(map.may("limits"));
    let backup = map.may("backup").map_or(Some(None), |field| login(&field).map(Some));
    map.not_yet("act");
    map.end();
    let (patroni, patroni_act) = patroni?;
    Some(Database { members: members?, database: database?, watch: watch?, backup: backup?, patroni, patroni_act, limits: limits? })
}

/// Its addresses, and who may ask it to act.
fn patroni(field: &Field<'_>) -> Option<(Vec<Url>, Option<Login>)> {
    let mut map = field.map()?;
    let urls = map.need("urls").and_then(|field| field.some_of("address", url));
    let act = map.may("act").map_or(Some(None), |field| login(&field).map(Some));
    map.end();
    urls.zip(act)
}

/// `caches.*`
pub(super) fn cache(field: &Field<'_>) -> Option<Cache> {
    let mut map = field.map()?;
    let data = map.need("members").and_then(|field| members(&field));
    let sentinels = map.may("sentinels");
    let master = map.may("master");
    if let (Some(sentinels), None) = (&sentinels, &master) {
        sentinels.wrong_secret("stands without `master`", "write `master: NAME`, the name that the Sentinels know it by");
    }
    let sound = sentinels.is_none() || master.is_some();
    let sentinels = sentinels.map_or(Some(Vec::new()), |field| members(&field));
    let master = master.map_or(Some(String::new()), |field| field.text());
    let watch = map.may("watch").map_or(Some(None), |field| login(&field).map(Some));
    let watch_sentinels = map.may("watch_sentinels").map_or(Some(None), |field| login(&field).map(Some));
    let act = map.may("act").map_or(Some(None), |field| login(&field).map(Some));
    let act_sentinels = map.may("act_sentinels").map_or(Some(None), |field| login(&field).map(Some));
    let limits = limits::of_cache(map.may("limits"));
    map.not_yet("max_memory");
    map.end();
    let cache = Cache {
        members: data?,
        sentinels: sentinels?,
        master: master?,
        watch: watch?,
        watch_sentinels: watch_sentinels?,
        act: act?,
        act_sentinels: act_sentinels?,
        limits: limits?,
    };
    sound.then_some(cache)
}

/// `endpoints.*`
pub(super) fn endpoint(field: &Field<'_>) -> Option<Endpoint> {
    let mut map = field.map()?;
    let address = map.need("url").and_then(|field| url(&field));
    let connect = map.may("connect").map_or(Some(None), |field| socket(&field).map(Some));
    let ca_file = map.may("ca_file").map_or(Some(None), |field| field.file().map(Some));
    let expect = map.may("expect").map_or(Some((STATUS, WITHIN)), |field| expect(&field));
    map.end();
    let (status, within) = expect?;
    Some(Endpoint { url: address?, connect: connect?, ca_file: ca_file?, status, within })
}

fn expect(field: &Field<'_>) -> Option<(u16, Duration)> {
    let mut map = field.map()?;
    let status = map.may("status").map_or(Some(STATUS), |field| {
        field.parse("an HTTP status from 100 to 599", |text| text.parse().ok().filter(|status| (100..600).contains(status)))
    });
    let within = map.may("within").map_or(Some(WITHIN), |field| field.parse("a length of time such as 500ms or 2s", units::duration));
    map.end();
    status.zip(within)
}

/// `certificates.*`
pub(super) fn certificate(field: &Field<'_>) -> Option<Certificate> {
    let mut map = field.map()?;
    let address = map.need("address").and_then(|field| host_port(&field));
    let connect = map.may("connect").map_or(Some(None), |field| socket(&field).map(Some));
    let ca_file = map.may("ca_file").map_or(Some(None), |field| field.file().map(Some));
    let left = limits::of_certificate(&mut map);
    map.end();
    Some(Certificate { address: address?, connect: connect?, ca_file: ca_file?, left: left? })
}

/// `dns.*`
pub(super) fn dns(field: &Field<'_>) -> Option<DnsName> {
    let mut map = field.map()?;
    let name = map.need("name").and_then(|field| field.text());
    let record = map.may("type").map_or(Some("A".to_owned()), |field| {
        field.parse("A, AAAA or CNAME", |text| matches!(text, "A" | "AAAA" | "CNAME").then(|| text.to_owned()))
    });
    let want = map.need("want").and_then(|field| {
        field.some_of("answer", |answer| match record.as_deref() {
            Some("A") => answer.parse("an IPv4 address", |text| text.parse::<std::net::Ipv4Addr>().ok().map(|address| address.to_string())),
            Some("AAAA") => {
                answer.parse("an IPv6 address", |text| text.parse::<std::net::Ipv6Addr>().ok().map(|address| address.to_string()))
            }
            Some(_) | None => answer.text(),
        })
    });
    let resolvers = map.need("resolvers").and_then(|field| field.some_of("resolver", resolver));
    map.end();
    Some(DnsName { name: name?, record: record?, want: want?, resolvers: resolvers? })
}

/// A resolver's address; port 53 where none is given.
fn resolver(field: &Field<'_>) -> Option<SocketAddr> {
    field.parse("an IP address, with a port if it is not 53: 192.0.2.1:53", |text| {
        text.parse().ok().or_else(|| text.parse().ok().map(|address: std::net::IpAddr| SocketAddr::new(address, 53)))
    })
}

/// `metrics`: each source has tiles; a tile's name is its `name`, or its title in lower case.
pub(super) fn metrics(field: Option<Field<'_>>, index: &mut Index) -> Option<BTreeMap<String, Metric>> {
    let Some(field) = field else { return Some(BTreeMap::new()) };
    let (mut all, mut sound) = (BTreeMap::new(), true);
    for (_, source) in field.map()?.names() {
        let Some(mut map) = source.map() else {
            index.add_unreadable(Kind::Metric);
            sound = false;
            continue;
        };
        let prometheus = map.need("prometheus").and_then(|field| url(&field));
        let tiles = map.need("tiles").and_then(|field| field.list());
        map.end();
        for tile in tiles.iter().flatten() {
            match metric(tile, prometheus.as_ref()) {
                Some((name, metric)) => {
                    index.add(Kind::Metric, &name);
                    if all.insert(name.clone(), metric).is_some() {
                        tile.wrong(format!("is a second tile called `{name}`"), "give it a `name` of its own");
                        sound = false;
                    }
                }
                None => {
                    index.add_unreadable(Kind::Metric);
                    sound = false;
                }
            }
        }
        sound &= tiles.is_some() && prometheus.is_some();
    }
    sound.then_some(all)
}

fn metric(field: &Field<'_>, prometheus: Option<&Url>) -> Option<(String, Metric)> {
    let mut map = field.map()?;
    let title = map.need("title").and_then(|field| field.text());
    let name = match map.may("name") {
        Some(field) => field.text(),
        None => title.as_ref().map(|title| title.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-")),
    };
    let query = map.need("query").and_then(|field| field.text());
    let unit = map.need("unit").and_then(|field| field.parse("seconds, bytes, ratio, WHAT/s or the word for what is counted", unit));
    let limit = limits::of_metric(&mut map);
    map.end();
    let name = name?;
    let sound = is_name(field, Kind::Metric, &name);
    let metric = Metric { prometheus: prometheus?.clone(), title: title?, query: query?, unit: unit?, limit: limit? };
    sound.then_some((name, metric))
}

fn unit(text: &str) -> Option<Unit> {
    Some(match text {
        "seconds" => Unit::Seconds,
        "bytes" => Unit::Bytes,
        "ratio" => Unit::Ratio,
        other => match other.strip_suffix("/s") {
            Some("") => return None,
            Some(what) => Unit::PerSecond(what.to_owned()),
            None => Unit::Count(other.to_owned()),
        },
    })
}

/// `{ user: NAME, password: { file: PATH } }`
fn login(field: &Field<'_>) -> Option<Login> {
    let mut map = field.map()?;
    let user = map.need("user").and_then(|field| field.text());
    let password = map.need("password").and_then(|field| field.secret());
    map.end();
    Some(Login { user: user?, password: password? })
}

fn members(field: &Field<'_>) -> Option<Vec<HostPort>> {
    let members = field.some_of("member", host_port)?;
    match members.iter().enumerate().find(|(at, member)| members[..*at].contains(member)) {
        Some((_, twice)) => {
            field.wrong(format!("names {twice} twice"), "name each member once");
            None
        }
        None => Some(members),
    }
}

fn host_port(field: &Field<'_>) -> Option<HostPort> {
    field.parse("host:port, such as pg1.example.org:5432 or [2001:db8::1]:5432", |text| {
        let (host, port) = text.rsplit_once(':')?;
        let host = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']')?,
            None if host.contains(':') => return None,
            None => host,
        };
        let sound = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':'));
        Some(HostPort { host: host.to_owned(), port: port.parse().ok().filter(|port| *port > 0)? }).filter(|_| sound)
    })
}

fn socket(field: &Field<'_>) -> Option<SocketAddr> {
    field.parse("an IP address with a port, such as 127.0.0.1:8443", |text| text.parse().ok())
}
