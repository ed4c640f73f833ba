//! The console as a process: migrated, served, waited for.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::estate::Estate;
use crate::process::{Program, Running, interrupted};

/// Ready means that the store answers and every probe has been asked once.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A console: where it listens and what its environment holds.
pub struct Console {
    program: PathBuf,
    address: SocketAddr,
    env: BTreeMap<String, String>,
    owner_url: String,
    running: Option<Running>,
    log: PathBuf,
}

impl Console {
    /// For this bed and estate. The console gets what its estate file names, and nothing else of the bed.
    pub fn new(program: PathBuf, port: u16, bed: &BTreeMap<String, String>, estate: Estate) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let of_bed = |key: &str| bed.get(key).cloned().with_context(|| format!("the test bed has no {key}"));
        let mut env = estate.variables;
        env.insert("DATABASE_URL".to_owned(), of_bed("STORE_DSN")?);
        env.insert("QUARTERDECK_ESTATE".to_owned(), estate.file.display().to_string());
        env.insert("QUARTERDECK_LISTEN".to_owned(), address.to_string());
        Ok(Self { program, address, env, owner_url: of_bed("STORE_OWNER_DSN")?, running: None, log: PathBuf::new() })
    }

    /// The same console once more, at another port; not started.
    fn another(&self, port: u16) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut env = self.env.clone();
        env.insert("QUARTERDECK_LISTEN".to_owned(), address.to_string());
        Self { program: self.program.clone(), address, env, owner_url: self.owner_url.clone(), running: None, log: PathBuf::new() }
    }

    /// How long another console over the same store takes from its start to its first answer. It is ended again.
    pub fn another_answers_after(&self, port: u16, log: &Path) -> Result<Duration> {
        let another = self.another(port);
        let began = Instant::now();
        let _running = another.command(&["serve"]).log_to(log)?.start()?;
        while !answers_ok(another.address, "/healthz") {
            if began.elapsed() > READY_WITHIN {
                bail!("another console gave no answer within {} s; see {}", READY_WITHIN.as_secs(), log.display());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(began.elapsed())
    }

    /// Where a browser finds it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// One of its subcommands, as the console's own role.
    pub fn command(&self, words: &[&str]) -> Program {
        Program::new(&self.program).args(words).envs(&self.env)
    }

    /// Lets it say everything that is wrong with the estate file.
    pub fn check(&self) -> Result<()> {
        self.command(&["check", &self.env["QUARTERDECK_ESTATE"]]).limit(Duration::from_secs(30)).output().map(|_| ())
    }

    /// Creates or updates the store's schema, as its owner.
    pub fn migrate(&self) -> Result<()> {
        self.command(&["migrate"]).env("DATABASE_OWNER_URL", &self.owner_url).limit(Duration::from_secs(120)).output().map(|_| ())
    }

    /// Makes a wall screen, and returns the link that opens it in any browser for a week.
    pub fn pair_wall(&self) -> Result<String> {
        let said =
            self.command(&["admin", "device", "create", "Demo wall", "--link-minutes", "10080"]).limit(Duration::from_secs(60)).output()?;
        said.lines().last().filter(|link| link.starts_with("http")).map(str::to_owned).with_context(|| format!("no link in: {said}"))
    }

    /// Starts it and waits until it says that it is ready.
    pub fn serve(mut self, log: &Path) -> Result<Self> {
        if let Err(error) = TcpListener::bind(self.address) {
            bail!("{} is taken ({error}); choose another port with --port", self.address);
        }
        self.log = log.to_path_buf();
        self.running = Some(self.command(&["serve"]).log_to(log)?.start()?);
        let deadline = Instant::now() + READY_WITHIN;
        while !answers_ok(self.address, "/readyz") {
            self.expect_alive()?;
            if interrupted() {
                bail!("interrupted");
            }
            if Instant::now() > deadline {
                bail!("the console was not ready within {} s; {}", READY_WITHIN.as_secs(), self.last_words());
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(self)
    }

    /// Fails with its last words when it has ended.
    pub fn expect_alive(&mut self) -> Result<()> {
        let ended = match &mut self.running {
            Some(running) => running.ended()?,
            None => bail!("the console was not started"),
        };
        match ended {
            Some(status) => bail!("the console ended by itself ({status}); {}", self.last_words()),
            None => Ok(()),
        }
    }

    /// Its process id.
    pub fn id(&self) -> Option<u32> {
        self.running.as_ref().map(Running::id)
    }

    /// Lets it run on after this command.
    pub fn keep(&mut self) {
        if let Some(running) = self.running.take() {
            running.detach();
        }
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(15)..].join("\n");
        format!("the end of {}:\n{tail}", self.log.display())
    }
}

/// Whether `GET path` is answered with 200 within a second.
fn answers_ok(address: SocketAddr, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes())?;
        let mut start = [0_u8; 12];
        stream.read_exact(&mut start)?;
        Ok(&start == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_200_is_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            for line in ["HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
                let (mut stream, _) = listener.accept().unwrap();
                assert!(stream.read(&mut [0; 512]).unwrap() > 0);
                stream.write_all(line.as_bytes()).unwrap();
            }
        });
        assert!(!answers_ok(address, "/readyz"));
        assert!(answers_ok(address, "/readyz"));
        server.join().unwrap();
        assert!(!answers_ok(address, "/readyz"));
    }
}
