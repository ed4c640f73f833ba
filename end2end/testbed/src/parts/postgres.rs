//! What the console's PostgreSQL and the estate's have in common.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use sqlx::{
    ConnectOptions, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use crate::{
    account::Account,
    error::{Error, Of, Result},
    layout::{Layout, Port},
    process::{Process, folder_of},
    secrets::Secret,
};

/// Keeps parallel queries' shared memory in the data folder, so that a killed server leaves nothing in /dev/shm.
pub(crate) const NO_SHARED_FILES: &str = "dynamic_shared_memory_type=mmap";

/// A server on this machine lets one in at once or not at all.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// The account that servers run as.
pub(crate) fn account() -> Result<Account> {
    Account::of_service("postgres", "postgresql-15")
}

/// A connection to one server.
pub(crate) async fn connect(layout: &Layout, port: Port, database: &str, user: &str, password: &Secret) -> Result<PgConnection> {
    let options = PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(layout.port(port))
        .database(database)
        .username(user)
        .password(password.reveal())
        .application_name("testbed")
        .ssl_mode(PgSslMode::Disable)
        .disable_statement_logging();
    match tokio::time::timeout(CONNECT_WITHIN, options.connect()).await {
        Ok(connection) => connection.of("PostgreSQL"),
        Err(_) => Err(Error::Part {
            part: "PostgreSQL",
            reason: format!("port {} did not let us in within {CONNECT_WITHIN:?}", layout.port(port)),
        }),
    }
}

/// The server that runs over this data folder, whoever started it.
pub(crate) fn server_over(layout: &Layout, name: &str, data: &Path) -> Option<Process> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let process = Process::adopt(layout, name, text.lines().next()?.trim().parse().ok()?)?;
    // The file outlives a killed server; its number may be another's by now.
    let folder = folder_of(process.pid())?;
    (folder == data && process.is_running()).then_some(process)
}

/// Removes the shared memory segment that a killed server left behind: PostgreSQL keys it by the inode of the data folder.
pub(crate) fn remove_segment_of(data: &Path) {
    let Ok(folder) = fs::metadata(data) else {
        return;
    };
    let Ok(table) = fs::read_to_string("/proc/sysvipc/shm") else {
        return;
    };
    for segment in orphans(&table, folder.ino(), folder.uid()) {
        Command::new("ipcrm").args(["-m", &segment.to_string()]).stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
    }
}

/// The ids of unattached segments of this user with this key, from the text of `/proc/sysvipc/shm`.
fn orphans(table: &str, inode: u64, user: u32) -> Vec<u64> {
    // A key has 32 bits; the table shows it as a signed number.
    let key = i64::from(inode as u32 as i32);
    let row = |line: &str| {
        let fields: Vec<i64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
        let [row_key, id, _mode, _size, _creator, _last, attached, owner, ..] = fields[..] else {
            return None;
        };
        (row_key == key && attached == 0 && owner == i64::from(user)).then_some(id.unsigned_abs())
    };
    table.lines().skip(1).filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap
  22011001         12   600                    56  4711  4711      0   101   104   101   104 1795457000 1795457100 1795457000                  4096                     0
  22011001         13   600                    56  4712  4712      3   101   104   101   104 1795457000 1795457100 1795457000                  4096                     0
  22011002         14   600                    56  4713  4713      0   101   104   101   104 1795457000 1795457100 1795457000                  4096                     0
";

    #[test]
    fn only_an_unattached_segment_of_that_folder_and_user_is_an_orphan() {
        assert_eq!(orphans(TABLE, 22_011_001, 101), [12]);
        assert!(orphans(TABLE, 22_011_001, 102).is_empty());
    }
}
