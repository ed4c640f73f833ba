//! The subcommands, as a person runs them.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use sqlx::Executor;

use crate::store::{TestStore, empty_database, migrations};

/// Runs a subcommand: its code, what it said, and what was wrong.
pub fn quarterdeck(words: &[&str], env: &[(&str, &str)], input: &str) -> (Option<i32>, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_quarterdeck"))
        .args(words)
        .env_clear()
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

const ESTATE: &str = "environment: { name: test }\nendpoints:\n  site: { url: \"http://127.0.0.1:1/\" }\n";

fn estate() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    file.write_all(ESTATE.as_bytes()).unwrap();
    file
}

#[test]
fn check_says_ok_or_everything_that_is_wrong() {
    let file = estate();
    let path = file.path().to_str().unwrap();
    assert_eq!(quarterdeck(&["check", path], &[], ""), (Some(0), format!("{path}: ok, 1 system, 0 runbooks\n"), String::new()));
    std::fs::write(path, ESTATE.replace("url", "ulr").replace("name: test", "nam: test")).unwrap();
    let (code, _, faults) = quarterdeck(&["check", path], &[], "");
    assert_eq!(code, Some(1));
    for part in [path, "line 1: environment.nam", "did you mean `name`?", "line 3: endpoints.site.ulr", "did you mean `url`?"] {
        assert!(faults.contains(part), "{part} in {faults}");
    }
}

#[test]
fn schema_is_json() {
    let (code, schema, _) = quarterdeck(&["schema"], &[], "");
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert_eq!((code, schema["properties"]["databases"].is_object()), (Some(0), true));
}

#[tokio::test]
async fn migrate_then_admin_create_then_verify_audit() {
    // Makes the role, which the commands below use.
    drop(TestStore::new().await);
    let (url, owner_url, name) = empty_database().await;
    let it = TestStore::over(url, owner_url, name);
    let env = [("DATABASE_URL", it.url.reveal()), ("DATABASE_OWNER_URL", it.owner_url.reveal())];
    let run_time = &env[..1];

    let (code, _, words) = quarterdeck(&["admin", "create", "--name", "ada", "--role", "admin"], run_time, "correct horse battery\n");
    assert!(code == Some(1) && words.contains("quarterdeck migrate"), "{words}");
    let (code, words, faults) = quarterdeck(&["migrate"], &env, "");
    assert!(code == Some(0) && words.contains(&format!("version {}", migrations().last().unwrap())), "{words} {faults}");

    let create = |words: &[&str], input: &str| quarterdeck(&[&["admin", "create"], words].concat(), run_time, input);
    let (code, words, faults) = create(&["--name", "Ada", "--role", "admin"], "correct horse battery\n");
    assert_eq!((code, words.as_str()), (Some(0), "Account ada is made, as admin.\n"), "{faults}");
    for (words, input, fault) in [
        (["--name", "ada", "--role", "admin"], "correct horse battery", "there is an account ada already"),
        (["--name", "ben", "--role", "admin"], "short", "at least 12 characters"),
        (["--name", "console", "--role", "admin"], "correct horse battery", "cannot be a name"),
    ] {
        let (code, _, faults) = create(&words, input);
        assert!(code == Some(1) && faults.contains(fault), "{fault} in {faults}");
    }
    assert_eq!(create(&["--name", "ben", "--role", "root"], "").0, Some(2));
    assert!(it.store.account("ada").await.unwrap().is_some());

    let admin = |words: &[&str]| quarterdeck(&[&["admin"], words].concat(), run_time, "");
    let (code, words, _) = admin(&["list"]);
    assert!(code == Some(0) && words.starts_with("ada ") && words.contains("admin") && words.contains("never signed in"), "{words}");
    let (code, _, faults) = admin(&["disable", "ada"]);
    assert!(code == Some(1) && faults.contains("ada is the last administrator"), "{faults}");
    let (code, _, faults) = admin(&["disable", "nobody-here"]);
    assert!(code == Some(1) && faults.contains("there is no account nobody-here"), "{faults}");
    assert_eq!(create(&["--name", "ben", "--role", "admin"], "correct horse battery\n").0, Some(0));
    assert_eq!(admin(&["disable", "Ada"]).1, "Account ada is disabled.\n");
    assert_eq!(admin(&["disable", "ada"]).1, "Account ada was disabled already; nothing was changed.\n");
    assert_eq!(admin(&["enable", "ada"]).1, "Account ada is enabled.\n");

    let (code, words, _) = quarterdeck(&["verify-audit"], run_time, "");
    assert!(code == Some(0) && words.starts_with("4 events up to 4, every link holds\nhead 4 "), "{words}");
    it.owner().await.execute("update audit_events set actor = 'mallory'").await.unwrap();
    let (code, words, _) = quarterdeck(&["verify-audit"], run_time, "");
    assert!(code == Some(1) && words.contains("broken at event 1"), "{words}");
    let (code, _, words) = quarterdeck(&["verify-audit"], &[("DATABASE_URL", "postgres://qd:hunter2@127.0.0.1:1/none")], "");
    assert!(code == Some(2) && words.contains("does not answer") && !words.contains("hunter2"), "{words}");
}

#[tokio::test]
async fn serve_refuses_in_words() {
    let it = TestStore::new().await;
    let file = estate();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let enough = [("DATABASE_URL", it.url.reveal()), ("QUARTERDECK_ESTATE", file.path().to_str().unwrap())];
    let serve = |more: &[(&str, &str)]| {
        let (code, _, words) = quarterdeck(&["serve"], &[&enough, more].concat(), "");
        assert_eq!(code, Some(1), "{words}");
        words
    };
    let words = serve(&[("QUARTERDECK_LISTEN", &address)]);
    assert!(words.contains(&address) && words.contains("another process listens there"), "{words}");
    let words = serve(&[("QUARTERDECK_LISTEN", "0.0.0.0:0")]);
    assert!(words.contains("in the clear") && words.contains("QUARTERDECK_TRUSTED_PROXY"), "{words}");
    let words = serve(&[("QUARTERDECK_LISTEN", "nowhere"), ("QUARTERDECK_LOG_FORMAT", "xml")]);
    assert!(words.contains("2 faults"), "{words}");
    it.owner()
        .await
        .execute(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (99, 'later', true, 'x', 0)",
        )
        .await
        .unwrap();
    let words = serve(&[("QUARTERDECK_LISTEN", "127.0.0.1:0")]);
    assert!(words.contains("newer than") && words.contains("run a newer console"), "{words}");
}
