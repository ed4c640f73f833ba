//! Finding the programs that the bed runs.

use std::path::PathBuf;

use crate::error::{Error, Result};

/// Major version of PostgreSQL that the estate runs (the operations guide, "Data Layer").
const POSTGRES_MAJOR: u8 = 15;
/// Folders that hold servers but are often missing from a person's PATH.
const SERVER_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The program of this name from PATH or the usual folders for servers.
pub fn find(name: &str, package: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SERVER_FOLDERS.map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| missing(name, package))
}

/// The folder of PostgreSQL's programs: `TESTBED_POSTGRES_BIN`, else Debian's, else where PATH finds the server.
pub fn postgres_folder() -> Result<PathBuf> {
    let named = std::env::var_os("TESTBED_POSTGRES_BIN").map(PathBuf::from);
    let packaged = PathBuf::from(format!("/usr/lib/postgresql/{POSTGRES_MAJOR}/bin"));
    let on_path = find("postgres", "").ok().and_then(|program| program.parent().map(PathBuf::from));
    named
        .into_iter()
        .chain([packaged])
        .chain(on_path)
        .find(|folder| folder.join("postgres").is_file())
        .ok_or_else(|| missing(&format!("PostgreSQL {POSTGRES_MAJOR}"), &format!("postgresql-{POSTGRES_MAJOR}")))
}

fn missing(program: &str, package: &str) -> Error {
    Error::NotInstalled { program: program.to_owned(), package: package.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_told_with_the_package_that_brings_it() {
        let told = find("no-such-server", "no-such-package").unwrap_err().to_string();
        assert!(told.contains("no-such-server") && told.contains("apt-get install no-such-package"), "{told}");
    }
}
