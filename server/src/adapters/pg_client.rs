//! PostgreSQL's own client programs, as child processes: `pg_dump` makes a backup, `pg_restore` proves that it can be read to its end.
//!
//! A password is handed over in the child's environment, never on its command line, and the child sees nothing else of the console's environment.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
};

use super::failure::one_line;
use crate::config::{self, HostPort, Login};

/// How long a program may take to say its version.
const VERSION: Duration = Duration::from_secs(5);
/// How long `pg_dump` waits for each table's lock: behind a migration it gives up rather than stand in line and hold others up.
const LOCK_WAIT: Duration = Duration::from_secs(60);
/// How long a program may take to end once its work is done.
const END: Duration = Duration::from_secs(30);
/// So many of the last lines that a program said are kept.
const LINES: usize = 12;

/// Where the programs are.
#[derive(Clone, Debug, Default)]
pub struct PgClient {
    folder: Option<PathBuf>,
}

/// Both programs, found and asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    dump: PathBuf,
    restore: PathBuf,
    /// The version of `pg_dump` ("15.6").
    pub version: String,
    /// Its first number.
    pub major: u32,
    /// The first number of `pg_restore`'s version.
    pub restore_major: u32,
}

/// What is dumped.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// The member.
    pub at: &'a HostPort,
    /// The database.
    pub database: &'a str,
    /// The role that reads it.
    pub login: &'a Login,
}

impl PgClient {
    /// The programs of `folder`, or those that `PATH` finds.
    #[must_use]
    pub fn new(folder: Option<&Path>) -> Self {
        Self { folder: folder.map(Path::to_owned) }
    }

    /// Finds both programs and asks them for their versions.
    ///
    /// # Errors
    /// What is missing, and what to do about it.
    pub async fn programs(&self) -> Result<Programs, String> {
        let (dump, restore) = (self.find("pg_dump")?, self.find("pg_restore")?);
        let ((version, major), (_, restore_major)) = tokio::try_join!(version(&dump), version(&restore))?;
        Ok(Programs { dump, restore, version, major, restore_major })
    }

    fn find(&self, name: &str) -> Result<PathBuf, String> {
        let path = config::variable("PATH").unwrap_or_default();
        let folders = self.folder.clone().map_or_else(|| path.split(':').map(PathBuf::from).collect(), |folder| vec![folder]);
        folders.into_iter().filter(|folder| folder.is_absolute()).map(|folder| folder.join(name)).find(|file| file.is_file()).ok_or_else(|| {
            match &self.folder {
                Some(folder) => format!("{} has no {name}: install PostgreSQL's client programs there, or name their folder", folder.display()),
                None => format!(
                    "{name} is not found: install PostgreSQL's client programs, or name their folder as `programs` of the backup in the estate file"
                ),
            }
        })
    }
}

/// Asks a program for its version.
async fn version(program: &Path) -> Result<(String, u32), String> {
    let name = program.display();
    let asked = command(program).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(VERSION, asked).await.map_err(|_| format!("{name} does not say its version"))?;
    let output = output.map_err(|error| format!("{name} cannot be run: {}", error.kind()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    read_version(&text).ok_or_else(|| format!("{name} says “{}” for its version", one_line(&text)))
}

/// `pg_dump (PostgreSQL) 15.6 (Debian 15.6-0+deb12u1)`.
fn read_version(text: &str) -> Option<(String, u32)> {
    let (_, after) = text.split_once("(PostgreSQL) ")?;
    let version = after.split_whitespace().next()?;
    Some((one_line(version), major(version)?))
}

/// The first number of a version.
#[must_use]
pub fn major(version: &str) -> Option<u32> {
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A program with an environment of its own, and in a group of its own: a signal for the console's terminal is not for it.
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").env("PATH", config::variable("PATH").unwrap_or_default()).process_group(0);
    command
}

/// How the server is reached, without the password.
fn conninfo(source: &Source<'_>) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let host = source.at.host.trim_start_matches('[').trim_end_matches(']');
    // A server or a way to it that dies is noticed within a minute, not when the kernel gives up.
    format!(
        "host={} port={} user={} dbname={} connect_timeout=10 keepalives_idle=15 keepalives_interval=5 keepalives_count=3 tcp_user_timeout=30000",
        quoted(host),
        source.at.port,
        quoted(&source.login.user),
        quoted(source.database)
    )
}

impl Programs {
    /// Begins a dump in the custom format. It ends with the value: a dump that is given up does not go on.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn dump(&self, source: &Source<'_>) -> Result<Dumping, String> {
        let mut command = command(&self.dump);
        command
            .args(["--format=custom", "--no-password"])
            .arg(format!("--lock-wait-timeout={}", LOCK_WAIT.as_millis()))
            .arg(format!("--dbname={}", conninfo(source)))
            .env("PGPASSWORD", source.login.password.reveal())
            .env("PGPASSFILE", "/dev/null");
        let (mut child, said) = begin(command, Stdio::null())?;
        let stdout = child.stdout.take().ok_or_else(|| "pg_dump has no output".to_owned())?;
        Ok(Dumping { child, stdout, said })
    }

    /// Begins to decode an archive, to nowhere.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn decode(&self) -> Result<Decoding, String> {
        let mut command = command(&self.restore);
        // Written out as SQL to nowhere: every block is decompressed and every row comes past. `--list` would read the table of contents alone.
        command.args(["--verbose", "--file=/dev/null"]);
        let (mut child, said) = begin(command, Stdio::piped())?;
        let stdin = child.stdin.take();
        Ok(Decoding { child, stdin, said })
    }
}

fn begin(mut command: Command, stdin: Stdio) -> Result<(Child, JoinHandle<Said>), String> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let spawned = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn();
    let mut child = spawned.map_err(|error| format!("{program} cannot be run: {}", error.kind()))?;
    let stderr = child.stderr.take();
    let said = tokio::spawn(async move {
        match stderr {
            Some(stderr) => listen(stderr).await,
            None => Said::default(),
        }
    });
    Ok((child, said))
}

/// What a program said on its way.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    last: std::collections::VecDeque<String>,
    /// Objects that `pg_restore` has met.
    objects: u64,
    /// Tables whose data it has met.
    tables: u64,
}

impl Said {
    fn take(&mut self, line: &str) {
        let told = line.strip_prefix("pg_restore: ").unwrap_or_default();
        if told.starts_with("creating ") {
            self.objects += 1;
        } else if told.starts_with("processing data for table ") {
            self.tables += 1;
        } else if !line.trim().is_empty() {
            if self.last.len() == LINES {
                self.last.pop_front();
            }
            self.last.push_back(one_line(line));
        }
    }

    /// The line that says most: the last error, else the last line.
    fn reason(&self) -> String {
        let error = self.last.iter().rev().find(|line| line.contains("error: ") || line.contains("FATAL: "));
        error
            .or(self.last.back())
            .map_or_else(|| "it gave no reason".to_owned(), |line| line.replace("pg_dump: error: ", "").replace("pg_restore: error: ", ""))
    }
}

async fn listen(from: impl AsyncRead + Unpin) -> Said {
    /// A line that is longer is cut into several.
    const LINE: u64 = 8 * 1024;
    let mut from = BufReader::new(from);
    let mut said = Said::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut from).take(LINE).read_until(b'\n', &mut line).await {
            Ok(1..) => said.take(&String::from_utf8_lossy(&line)),
            Ok(0) | Err(_) => return said,
        }
    }
}

/// Why a program did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undone {
    /// It says that something is wrong with what it was given.
    #[error("{0}")]
    Failed(String),
    /// It was killed or lost, does not end, lacks memory, or does not know the format: that says nothing of what it was given.
    #[error("{0}")]
    Hindered(String),
}

/// Waits for a program whose work is done.
async fn end(name: &str, child: &mut Child, said: JoinHandle<Said>) -> Result<Said, Undone> {
    let ended = tokio::time::timeout(END, child.wait()).await.map_err(|_| Undone::Hindered(format!("{name} does not end")))?;
    let status = ended.map_err(|error| Undone::Hindered(format!("{name} was lost: {}", error.kind())))?;
    let said = said.await.unwrap_or_default();
    if status.success() { Ok(said) } else { Err(undone(name, status, &said.reason())) }
}

/// Tells a program that found fault from one that could not look.
fn undone(name: &str, status: ExitStatus, reason: &str) -> Undone {
    /// What a program says that lacks something itself.
    const LACKS: [&str; 4] = ["unsupported version", "out of memory", "not support compression", "compression is not supported"];
    let why = format!("{name} {}: {reason}", how(status));
    // A code beyond those that it uses itself is of what should have loaded it.
    let by_itself = status.code().is_some_and(|code| code < 126);
    if by_itself && !LACKS.iter().any(|lacks| reason.contains(lacks)) { Undone::Failed(why) } else { Undone::Hindered(why) }
}

fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("failed with code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "failed".to_owned(),
    }
}

/// A dump under way.
pub struct Dumping {
    child: Child,
    stdout: ChildStdout,
    said: JoinHandle<Said>,
}

impl Dumping {
    /// The next `size` bytes; fewer only at the end.
    ///
    /// # Errors
    /// When the program's output cannot be read.
    pub async fn part(&mut self, size: usize) -> Result<Bytes, String> {
        let mut part = BytesMut::with_capacity(size);
        while part.len() < size {
            let left = size - part.len();
            let mut rest = (&mut self.stdout).take(left as u64);
            let read = rest.read_buf(&mut part).await.map_err(|error| format!("pg_dump's output cannot be read: {}", error.kind()))?;
            if read == 0 {
                break;
            }
        }
        Ok(part.freeze())
    }

    /// Waits for the end: only a program that ended well has written everything.
    ///
    /// # Errors
    /// How it ended, and what it said.
    pub async fn finish(mut self) -> Result<(), String> {
        end("pg_dump", &mut self.child, self.said).await.map(drop).map_err(|undone| undone.to_string())
    }
}

/// An archive being decoded.
pub struct Decoding {
    child: Child,
    stdin: Option<ChildStdin>,
    said: JoinHandle<Said>,
}

/// What an archive holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Objects that it defines.
    pub objects: u64,
    /// Tables that it has data of.
    pub tables: u64,
}

impl Decoding {
    /// Hands over what comes next. Whether the program still reads: one that does not has ended, and [`Decoding::finish`] tells how.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        let Some(stdin) = &mut self.stdin else { return false };
        let taken = stdin.write_all(bytes).await.is_ok();
        if !taken {
            self.stdin = None;
        }
        taken
    }

    /// Says that nothing more comes, and waits for the end.
    ///
    /// # Errors
    /// How it ended, and what it said.
    pub async fn finish(mut self) -> Result<Decoded, Undone> {
        self.stdin = None;
        let said = end("pg_restore", &mut self.child, self.said).await?;
        Ok(Decoded { objects: said.objects, tables: said.tables })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn a_program_that_found_fault_is_told_from_one_that_could_not_look() {
        use std::os::unix::process::ExitStatusExt;
        let ended = |wait: i32, reason: &str| undone("pg_restore", ExitStatus::from_raw(wait), reason);
        let failed = |reason| matches!(ended(1 << 8, reason), Undone::Failed(_));
        assert!(failed("could not read from input file: end of file"));
        assert!(failed("did not find magic string in file header"));
        assert!(!failed("unsupported version (1.16) in file header"), "made with a newer one");
        assert!(!failed("out of memory"));
        assert_eq!(ended(9, "it gave no reason"), Undone::Hindered("pg_restore was ended by signal 9: it gave no reason".into()));
        assert!(matches!(ended(127 << 8, "error while loading shared libraries"), Undone::Hindered(_)));
    }

    #[test]
    fn a_version_is_read_with_what_distributions_add() {
        assert_eq!(read_version("pg_dump (PostgreSQL) 15.6 (Debian 15.6-0+deb12u1)\n"), Some(("15.6".into(), 15)));
        assert_eq!(read_version("pg_restore (PostgreSQL) 18beta1\n"), Some(("18beta1".into(), 18)));
        assert_eq!(read_version("sh: not found"), None);
    }

    #[test]
    fn names_cannot_break_out_of_the_address_and_no_password_is_in_it() {
        let login = Login { user: "o'brien\\ host=evil".into(), password: Secret::new("hunter2") };
        let at = HostPort { host: "[::1]".into(), port: 5432 };
        let text = conninfo(&Source { at: &at, database: "a b", login: &login });
        assert!(text.starts_with("host='::1' port=5432 user='o\\'brien\\\\ host=evil' dbname='a b' "), "{text}");
        assert!(!text.contains("hunter2"));
    }

    #[test]
    fn what_a_program_says_is_counted_and_its_error_found() {
        let mut said = Said::default();
        for line in [
            "pg_restore: creating TABLE \"public.users\"",
            "pg_restore: processing data for table \"public.users\"",
            "pg_restore: creating INDEX \"public.users_email_key\"",
            "pg_restore: error: could not read from input file: end of file",
            "pg_restore: finished",
        ] {
            said.take(line);
        }
        assert_eq!((said.objects, said.tables), (2, 1));
        assert_eq!(said.reason(), "could not read from input file: end of file");
        assert_eq!(Said::default().reason(), "it gave no reason");
    }

    #[tokio::test]
    async fn what_is_not_there_is_named_with_the_remedy() {
        let folder = PathBuf::from("/nonexistent");
        let why = PgClient::new(Some(&folder)).programs().await.unwrap_err();
        assert!(why.contains("/nonexistent has no pg_dump") && why.contains("name their folder"), "{why}");
    }
}
