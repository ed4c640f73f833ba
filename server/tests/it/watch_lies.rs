//! What a real server cannot be made to do: servers that flood, stop half way, hang up or speak another language. Each answer is bounded in time
//! and in memory, and says what was wrong.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use server::{
    adapters::{Failure, http::Http, patroni::Patroni, postgres::Postgres, prometheus::Prometheus, redis::Redis, tls::Tls},
    config::{Cache, CacheLimits, Certificate, Database, DatabaseLimits, Endpoint, HostPort, Limit, Login, Metric, Secret, Unit},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use url::Url;

/// Every adapter gives up within this time.
const LONGEST: Duration = Duration::from_millis(4_500);

/// What a lying server does with each connection.
#[derive(Clone, Copy)]
enum Lie {
    /// Takes it and says nothing.
    Silence,
    /// Reads the request and closes.
    HangUp,
    /// Says this, then nothing more.
    Stops(&'static str),
    /// Says the first, then the second again and again.
    Floods(&'static str, &'static str),
}

async fn liar(lie: Lie) -> SocketAddr {
    // The provider is installed here, since no test of this file does without a liar.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4_096];
                match lie {
                    Lie::Silence => std::future::pending::<()>().await,
                    Lie::HangUp => drop(stream.read(&mut request).await),
                    Lie::Stops(text) => {
                        let _ = stream.read(&mut request).await;
                        let _ = stream.write_all(text.as_bytes()).await;
                        std::future::pending::<()>().await;
                    }
                    Lie::Floods(head, again) => {
                        let _ = stream.read(&mut request).await;
                        let _ = stream.write_all(head.as_bytes()).await;
                        let flood = again.repeat(10_000);
                        while stream.write_all(flood.as_bytes()).await.is_ok() {}
                    }
                }
            });
        }
    });
    at
}

/// Runs `ask`, which must not take longer than any adapter may.
async fn in_time<T>(ask: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let answer = tokio::time::timeout(2 * LONGEST, ask).await.expect("an adapter that never answers");
    assert!(began.elapsed() < LONGEST, "it took {:?}", began.elapsed());
    answer
}

fn http(at: SocketAddr) -> Http {
    let url = Url::parse(&format!("http://{at}/health")).unwrap();
    Http::new(&Endpoint { url, connect: None, ca_file: None, status: 200, within: Duration::from_secs(1) })
}

fn host_port(at: SocketAddr) -> HostPort {
    HostPort { host: at.ip().to_string(), port: at.port() }
}

fn database(at: SocketAddr) -> Database {
    let second = Duration::from_secs(1);
    Database {
        members: vec![host_port(at)],
        database: "d".into(),
        watch: Login { user: "u".into(), password: Secret::new("hunter2") },
        backup: None,
        patroni: vec![Url::parse(&format!("http://{at}")).unwrap()],
        patroni_act: None,
        limits: DatabaseLimits {
            replica_lag: Limit { degraded: second, down: second },
            replica_lag_bytes: Limit { degraded: 1, down: 1 },
            connections: Limit { degraded: 0.5, down: 0.5 },
            longest_transaction: Limit { degraded: second, down: second },
        },
    }
}

fn redis(at: SocketAddr) -> Redis {
    Redis::new(&Cache {
        members: vec![host_port(at)],
        sentinels: Vec::new(),
        master: "m".into(),
        watch: Some(Login { user: "u".into(), password: Secret::new("hunter2") }),
        watch_sentinels: None,
        act: None,
        act_sentinels: None,
        limits: CacheLimits {
            memory: Limit { degraded: 1.0, down: 1.0 },
            hit_rate: 0.0,
            replica_lag_bytes: Limit { degraded: 1, down: 1 },
        },
    })
}

fn prometheus(at: SocketAddr) -> Prometheus {
    let prometheus = Url::parse(&format!("http://{at}")).unwrap();
    Prometheus::new(&Metric { prometheus, title: "t".into(), query: "q".into(), unit: Unit::Seconds, limit: None })
}

#[tokio::test]
async fn an_endless_body_is_cut_and_an_endless_head_is_no_http() {
    let body = http(liar(Lie::Floods("HTTP/1.1 200 OK\r\n\r\n", "lies ")).await);
    let answer = in_time(body.get()).await.unwrap();
    assert_eq!((answer.status, answer.bytes), (200, 1_000_000));
    let head = http(liar(Lie::Floods("HTTP/1.1 200 OK\r\n", "x: y\r\n")).await);
    let (failure, _) = in_time(head.get()).await.unwrap_err();
    assert!(matches!(failure, Failure::Garbled(_)), "{failure}");
}

#[tokio::test]
async fn an_answer_that_stops_half_way_tells_how_far_it_came() {
    let stops = http(liar(Lie::Stops("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")).await);
    let (failure, phases) = in_time(stops.get()).await.unwrap_err();
    assert!(matches!(failure, Failure::Silent(_)), "{failure}");
    assert_eq!(phases.reached(), "the answer began, but did not end");
    let (failure, phases) = in_time(http(liar(Lie::Silence).await).get()).await.unwrap_err();
    assert!(matches!(failure, Failure::Silent(_)), "{failure}");
    assert_eq!(phases.reached(), "it took the connection, then nothing came");
    let (failure, _) = in_time(http(liar(Lie::HangUp).await).get()).await.unwrap_err();
    assert_eq!(failure, Failure::HungUp);
}

#[tokio::test]
async fn a_redis_that_floods_hangs_up_or_is_none_gives_no_answer_and_takes_no_memory() {
    // What is cut off in the flood is no answer, whatever the library calls it. A banner that is no Redis ends the library's reader: the
    // question that waits for it hears either of the two, whichever is first.
    for (lie, expected) in [
        (Lie::Floods("$2000000000\r\n", "lies"), [""].as_slice()),
        (Lie::Floods("+OK\r\n$2000000000\r\n", "lies"), &[""]),
        (Lie::Silence, &["did not answer within 2 s"]),
        (Lie::HangUp, &["closed the connection"]),
        (Lie::Stops("SSH-2.0-OpenSSH_9.2\r\n"), &["does not understand", "closed the connection"]),
    ] {
        let answers = in_time(redis(liar(lie).await).info()).await;
        let failure = answers.into_iter().next().unwrap().1.unwrap_err().to_string();
        assert!(expected.iter().any(|words| failure.contains(words)), "{failure} should say: {expected:?}");
        assert!(!failure.contains("hunter2"));
    }
}

#[tokio::test]
async fn a_postgres_that_is_none_gives_no_answer() {
    for (lie, expected) in [
        (Lie::Silence, "did not answer within 2 s"),
        (Lie::HangUp, "closed the connection"),
        (Lie::Stops("HTTP/1.1 400 Bad Request\r\n\r\n"), "no PostgreSQL answers there"),
    ] {
        let postgres = Postgres::new(&database(liar(lie).await));
        let (greetings, states) = in_time(async { tokio::join!(postgres.greetings(), postgres.states()) }).await;
        let failure = greetings.into_iter().next().unwrap().1.unwrap_err().to_string();
        assert!(failure.contains(expected), "{failure} should say: {expected}");
        let failure = states.into_iter().next().unwrap().1.unwrap_err().to_string();
        assert!(!failure.contains("hunter2"), "{failure}");
    }
}

#[tokio::test]
async fn json_that_never_ends_or_is_none_is_refused() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
    for (lie, expected) in [
        (Lie::Floods("HTTP/1.1 200 OK\r\n\r\n[", "1,"), "more than 1000000 bytes"),
        (Lie::Silence, "did not answer within 2 s"),
        (Lie::HangUp, "closed the connection without an answer"),
        (Lie::Stops("HTTP/1.1 500 Oh\r\ncontent-length: 4\r\n\r\noops"), "status 500"),
    ] {
        let patroni = Patroni::new(&database(liar(lie).await)).unwrap();
        let failure = in_time(patroni.cluster()).await.unwrap_err().to_string();
        assert!(failure.contains(expected), "{failure} should say: {expected}");
    }
    let nothing = in_time(prometheus(liar(Lie::Floods(head, " ")).await).value()).await.unwrap_err();
    assert!(matches!(nothing, Failure::Garbled(_)), "{nothing}");
}

#[tokio::test]
async fn a_server_without_tls_presents_no_certificate() {
    let at = liar(Lie::Stops("220 mail.example ESMTP\r\n")).await;
    let day = Duration::from_secs(86_400);
    let tls = Tls::new(&Certificate { address: host_port(at), connect: None, ca_file: None, left: Limit { degraded: day, down: day } });
    let failure = in_time(tls.presented(chrono::Utc::now())).await.unwrap_err();
    assert!(matches!(failure, Failure::Garbled(_)), "{failure}");
}

#[tokio::test]
async fn what_does_not_listen_refuses() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let at = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (failure, _) = in_time(http(at).get()).await.unwrap_err();
    assert_eq!(failure, Failure::Refused);
    let member = in_time(redis(at).members()).await.remove(0);
    assert_eq!((member.answer.unwrap_err(), member.peer), (Failure::Refused, Some(at)), "it is known by its address all the same");
    let database = database(at);
    assert_eq!(in_time(Postgres::new(&database).states()).await.remove(0).1.unwrap_err(), Failure::Refused);
    assert_eq!(in_time(Patroni::new(&database).unwrap().cluster()).await.unwrap_err(), Failure::Refused);
}
