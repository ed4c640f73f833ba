//! Looks at a bed from outside, knowing nothing but what its `env` says.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use hickory_proto::{
    op::{Message, MessageType, OpCode, Query},
    rr::{Name, RData, RecordType},
};
use redis::aio::MultiplexedConnection;
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use testbed::Bed;
use tokio::net::UdpSocket;

/// What has not answered by then does not answer.
pub const PATIENCE: Duration = Duration::from_secs(2);

pub struct Witness {
    env: BTreeMap<&'static str, String>,
}

impl Witness {
    pub fn of(bed: &Bed) -> Witness {
        Witness { env: bed.env().into_iter().collect() }
    }

    pub fn env(&self, key: &str) -> &str {
        self.env.get(key).unwrap_or_else(|| panic!("the bed's env has no {key}"))
    }

    /// A connection to one member (`PG1`, `PG2`) as the console's watching role.
    pub async fn watch(&self, member: &str) -> Result<PgConnection, String> {
        self.postgres(member, self.env("PG_WATCH_USER"), self.env("PG_WATCH_PASSWORD")).await
    }

    async fn postgres(&self, member: &str, user: &str, password: &str) -> Result<PgConnection, String> {
        let address: SocketAddr = self.env(member).parse().unwrap();
        let options = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(address.port())
            .database(self.env("PG_DATABASE"))
            .username(user)
            .password(password)
            .disable_statement_logging();
        patiently(async { options.connect().await.map_err(|error| error.to_string()) }).await
    }

    /// A connection by a whole address, such as `STORE_DSN`.
    pub async fn store(&self, key: &str) -> Result<PgConnection, String> {
        let options: PgConnectOptions = self.env(key).parse().unwrap();
        patiently(async { options.connect().await.map_err(|error| error.to_string()) }).await
    }

    /// A connection to the member that takes writes, found as `PRIMARY_DSN` tells libpq to.
    pub async fn primary(&self) -> Result<PgConnection, String> {
        let (login, rest) = self.env("PRIMARY_DSN").strip_prefix("postgresql://").unwrap().split_once('@').unwrap();
        let (user, password) = login.split_once(':').unwrap();
        assert!(rest.ends_with("target_session_attrs=read-write"), "{rest}");
        for member in ["PG1", "PG2"] {
            let Ok(mut connection) = self.postgres(member, user, password).await else {
                continue;
            };
            if ask::<bool>(&mut connection, "select not pg_is_in_recovery()").await == Ok(true) {
                return Ok(connection);
            }
        }
        Err("no member takes writes".to_owned())
    }

    /// The name of the member that leads, and how many are running, by Patroni's word.
    pub async fn patroni(&self, url: &str) -> Result<(Option<String>, usize), String> {
        let text = self.page(&format!("{}/cluster", self.env(url))).await?.1;
        let cluster: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let members = cluster["members"].as_array().ok_or("no members")?;
        let leader = members.iter().find(|member| member["role"] == "leader");
        let running = members.iter().filter(|member| member["state"] == "running").count();
        Ok((leader.and_then(|member| member["name"].as_str()).map(str::to_owned), running))
    }

    /// A connection to the nth address of `REDIS_URLS` or `SENTINEL_URLS`.
    pub async fn redis(&self, key: &str, nth: usize) -> Result<MultiplexedConnection, String> {
        let url = self.env(key).split(',').nth(nth).unwrap();
        let client = redis::Client::open(url).unwrap();
        patiently(async { client.get_multiplexed_async_connection().await.map_err(|error| error.to_string()) }).await
    }

    /// What the nth Sentinel says of the quorum.
    pub async fn quorum(&self, nth: usize) -> Result<String, String> {
        let mut sentinel = self.redis("SENTINEL_URLS", nth).await?;
        let name = self.env("REDIS_MASTER_NAME");
        patiently(async {
            redis::cmd("SENTINEL").arg("CKQUORUM").arg(name).query_async(&mut sentinel).await.map_err(|error| error.to_string())
        })
        .await
    }

    /// Where the first Sentinel sends clients.
    pub async fn sentinel_master(&self) -> Result<String, String> {
        let mut sentinel = self.redis("SENTINEL_URLS", 0).await?;
        let name = self.env("REDIS_MASTER_NAME");
        let (host, port): (String, String) = redis::cmd("SENTINEL")
            .arg("GET-MASTER-ADDR-BY-NAME")
            .arg(name)
            .query_async(&mut sentinel)
            .await
            .map_err(|error| error.to_string())?;
        Ok(format!("{host}:{port}"))
    }

    /// Status and text of a plain page.
    pub async fn page(&self, url: &str) -> Result<(u16, String), String> {
        self.fetch(self.client(), url, PATIENCE).await
    }

    /// Status and text of `SITE_URL` or `API_URL`, reached at its address, trusting only the bed's authority.
    pub async fn endpoint(&self, which: &str, patience: Duration) -> Result<(u16, String), String> {
        let url = self.env(&format!("{which}_URL"));
        let address: SocketAddr = self.env(&format!("{which}_ADDR")).parse().unwrap();
        let host = url.strip_prefix("https://").unwrap().split('/').next().unwrap();
        let authority = reqwest::Certificate::from_pem(&std::fs::read(self.env("CA_FILE")).unwrap()).unwrap();
        let client = self.client().tls_certs_only([authority]).resolve(host, address);
        // `resolve` replaces the address alone when the port is the scheme's own.
        self.fetch(client, url, patience).await
    }

    fn client(&self) -> reqwest::ClientBuilder {
        rustls::crypto::ring::default_provider().install_default().ok();
        reqwest::Client::builder().no_proxy()
    }

    async fn fetch(&self, client: reqwest::ClientBuilder, url: &str, patience: Duration) -> Result<(u16, String), String> {
        let answer = client.timeout(patience).build().unwrap().get(url).send().await.map_err(|error| chain(&error))?;
        Ok((answer.status().as_u16(), answer.text().await.map_err(|error| chain(&error))?))
    }

    /// What the resolver says of a name.
    pub async fn resolve(&self, name: &str) -> Result<Vec<Ipv4Addr>, String> {
        let mut question = Message::new(4711, MessageType::Query, OpCode::Query);
        question.add_query(Query::query(Name::from_ascii(format!("{name}.")).unwrap(), RecordType::A));
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(self.env("RESOLVER")).await.unwrap();
        socket.send(&question.to_vec().unwrap()).await.map_err(|error| error.to_string())?;
        let mut buffer = [0; 512];
        let length = patiently(async { socket.recv(&mut buffer).await.map_err(|error| error.to_string()) }).await?;
        let answer = Message::from_vec(&buffer[..length]).unwrap();
        let address = |data: &RData| {
            if let RData::A(address) = data { Some(address.0) } else { None }
        };
        Ok(answer.answers.iter().filter_map(|record| address(&record.data)).collect())
    }
}

/// One value from a database.
pub async fn ask<T>(connection: &mut PgConnection, question: &'static str) -> Result<T, String>
where
    T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    patiently(async { sqlx::query_scalar(question).fetch_one(connection).await.map_err(|error| error.to_string()) }).await
}

pub async fn close(connection: PgConnection) {
    connection.close().await.unwrap();
}

async fn patiently<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| Err("no answer".to_owned()))
}

fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Looks until it holds, and fails the test when it does not in time.
pub async fn eventually<T>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let began = Instant::now();
    loop {
        match look().await {
            Ok(seen) => return seen,
            Err(last) => assert!(began.elapsed() < within, "{what} was not seen within {within:?}: {last}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A condition as something to look for.
pub fn holds(condition: bool, otherwise: impl Into<String>) -> Result<(), String> {
    if condition { Ok(()) } else { Err(otherwise.into()) }
}
