//! `audience ADDRESS SECONDS (COUNT TARGET COOKIE)…`: so many screens at once, each following a live stream, and how far apart one change
//! reaches them. `ADDRESS` is host:port, `TARGET` the path of a stream with its query.
//!
//! It says `listening` once every screen has its answer's head, and at the end, one figure a line: `screens`, `closed` (streams that ended
//! by themselves), `changes`, `bytes` (of body and framing, a screen), and of the time from the first screen that had a change to each
//! screen that had it, in milliseconds: `p50`, `p99`, `most`.

use std::{
    collections::HashMap,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Barrier,
    time::timeout_at,
};

/// When the first screen had a change, and how much later each one had it, in milliseconds.
type Changes = HashMap<(usize, u64), (Instant, Vec<f64>)>;

/// What all screens saw.
#[derive(Default)]
struct Seen {
    changes: Changes,
    bytes: usize,
    closed: usize,
}

/// Screens of one kind.
struct Screens {
    count: usize,
    target: String,
    cookie: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((address, time, kinds)) = parsed(&arguments) else {
        eprintln!("audience ADDRESS SECONDS (COUNT TARGET COOKIE)…");
        return ExitCode::FAILURE;
    };
    match follow(&address, time, kinds).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parsed(arguments: &[String]) -> Option<(String, Duration, Vec<Screens>)> {
    let [address, seconds, kinds @ ..] = arguments else {
        return None;
    };
    let kinds: Option<Vec<_>> = kinds
        .chunks(3)
        .map(|kind| match kind {
            [count, target, cookie] => Some(Screens { count: count.parse().ok()?, target: target.clone(), cookie: cookie.clone() }),
            _ => None,
        })
        .collect();
    Some((address.clone(), Duration::from_secs(seconds.parse().ok()?), kinds.filter(|kinds| !kinds.is_empty())?))
}

async fn follow(address: &str, time: Duration, kinds: Vec<Screens>) -> std::io::Result<()> {
    let screens: usize = kinds.iter().map(|kind| kind.count).sum();
    let (seen, ready) = (Arc::new(Mutex::new(Seen::default())), Arc::new(Barrier::new(screens + 1)));
    let mut tasks = tokio::task::JoinSet::new();
    for (kind, Screens { count, target, cookie }) in kinds.into_iter().enumerate() {
        for _ in 0..count {
            let stream = open(address, &target, &cookie).await?;
            let (seen, ready) = (seen.clone(), ready.clone());
            tasks.spawn(async move {
                ready.wait().await;
                watch(stream, kind, Instant::now() + time, &seen).await;
            });
        }
    }
    ready.wait().await;
    println!("listening");
    tasks.join_all().await;
    let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    report(screens, seen);
    Ok(())
}

/// Asks for the stream and reads the answer's head.
async fn open(address: &str, target: &str, cookie: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {target} HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\ncookie: {cookie}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    if head.starts_with(b"HTTP/1.1 200") {
        Ok(stream)
    } else {
        let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
        Err(std::io::Error::other(format!("{target} is answered with {line}")))
    }
}

async fn watch(mut stream: TcpStream, kind: usize, until: Instant, seen: &Mutex<Seen>) {
    let (mut buffer, mut line) = (vec![0; 16 * 1024], Vec::new());
    while let Ok(read) = timeout_at(until.into(), stream.read(&mut buffer)).await {
        let now = Instant::now();
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(bytes) = read.ok().filter(|read| *read > 0).and_then(|read| buffer.get(..read)) else {
            seen.closed += 1;
            return;
        };
        seen.bytes += bytes.len();
        for number in numbers(&mut line, bytes) {
            let (first, delays) = seen.changes.entry((kind, number)).or_insert_with(|| (now, Vec::new()));
            delays.push(now.saturating_duration_since(*first).as_secs_f64() * 1_000.0);
        }
    }
}

/// The numbers of the events that began in these bytes; what of a line is not complete yet stays in `line`.
fn numbers(line: &mut Vec<u8>, bytes: &[u8]) -> Vec<u64> {
    /// `id: ` and 20 digits: what is longer is no number's line, and its start is enough to know.
    const LONGEST: usize = 32;
    let mut found = Vec::new();
    for byte in bytes {
        if *byte == b'\n' {
            let number = std::str::from_utf8(line).ok().and_then(|text| text.strip_prefix("id: ")?.trim().parse::<u64>().ok());
            found.extend(number);
            line.clear();
        } else if line.len() < LONGEST {
            line.push(*byte);
        }
    }
    found
}

fn report(screens: usize, seen: Seen) {
    let mut delays: Vec<f64> = seen.changes.values().flat_map(|(_, delays)| delays).copied().collect();
    delays.sort_by(f64::total_cmp);
    let at = |share: f64| delays.get(((delays.len() as f64 * share) as usize).min(delays.len().saturating_sub(1))).copied().unwrap_or(0.0);
    println!("screens {screens}\nclosed {}\nchanges {}\nbytes {}", seen.closed, seen.changes.len(), seen.bytes / screens.max(1));
    println!("p50 {:.1}\np99 {:.1}\nmost {:.1}", at(0.5), at(0.99), at(1.0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_however_the_bytes_come() {
        let text = b"1f\r\nid: 41\nevent: patch\ndata: {\"id: 5\"}\n\nid: 42\n";
        for step in 1..text.len() {
            let mut line = Vec::new();
            let found: Vec<_> = text.chunks(step).flat_map(|bytes| numbers(&mut line, bytes)).collect();
            assert_eq!(found, [41, 42], "in pieces of {step}");
        }
    }

    #[test]
    fn screens_come_in_threes() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (_, time, kinds) = parsed(&words("127.0.0.1:80 60 500 /live?topic=wall a=b 200 /live?topic=overview c=d")).expect("two kinds");
        assert_eq!((time.as_secs(), kinds.len(), kinds.iter().map(|kind| kind.count).sum::<usize>()), (60, 2, 700));
        assert!(parsed(&words("127.0.0.1:80 60 500 /live")).is_none());
        assert!(parsed(&words("127.0.0.1:80 60")).is_none());
    }
}
