//! kubectl as the bed's administrator.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

use super::{
    binaries::{Binaries, Program},
    certificates::{Certificates, Identity},
};
use crate::error::{Doing, Error, Of, Result};

const PART: &str = "kubectl";
/// How long one call may take; a frozen API server answers nothing.
const WITHIN: Duration = Duration::from_secs(30);

/// How often a wait looks again; each look is a process.
const LOOK: Duration = Duration::from_millis(250);

/// Runs kubectl with one person's kubeconfig.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    logs: PathBuf,
    within: Duration,
}

impl Kubectl {
    /// kubectl as this identity; `logs` is where a person reads on when a wait fails.
    pub(super) fn new(binaries: &Binaries, certificates: &Certificates, identity: Identity, logs: &Path) -> Kubectl {
        Kubectl {
            program: binaries.path(Program::Kubectl),
            kubeconfig: certificates.kubeconfig(identity),
            logs: logs.to_owned(),
            within: WITHIN,
        }
    }

    /// The same with another time limit for each call.
    pub fn within(mut self, within: Duration) -> Kubectl {
        self.within = within;
        self
    }

    /// Runs it and returns what it printed; an error holds what it complained about.
    pub async fn run(&self, args: &[&str]) -> Result<String> {
        self.run_with(args, None).await
    }

    /// Runs it and parses what it printed as JSON (`-o json` is added).
    pub async fn json(&self, args: &[&str]) -> Result<Value> {
        let printed = self.run(&[args, &["-o", "json"]].concat()).await?;
        serde_json::from_str(&printed).of(PART)
    }

    /// Creates or updates what this YAML describes.
    pub async fn apply(&self, yaml: &str) -> Result<()> {
        self.run_with(&["apply", "--server-side", "--force-conflicts", "-f", "-"], Some(yaml)).await.map(drop)
    }

    /// Creates what this YAML describes. Unlike [`Kubectl::apply`] it keeps a node's status.
    pub async fn create(&self, yaml: &str) -> Result<()> {
        self.run_with(&["create", "-f", "-"], Some(yaml)).await.map(drop)
    }

    /// Merges this JSON into an object; `target` is its kind and name, then `-n` and its namespace if it has one.
    pub async fn patch(&self, target: &[&str], patch: &Value) -> Result<()> {
        let patch = patch.to_string();
        self.run(&[&["patch"], target, &["--type", "strategic", "-p", &patch]].concat()).await.map(drop)
    }

    /// Reads the same JSON again and again until `accept` takes it; what it last said goes into the error.
    pub async fn until(
        &self,
        what: &str,
        within: Duration,
        args: &[&str],
        mut accept: impl FnMut(&Value) -> Result<(), String>,
    ) -> Result<()> {
        let began = Instant::now();
        loop {
            let verdict = match self.json(args).await {
                Ok(answer) => accept(&answer),
                Err(error) => Err(error.to_string()),
            };
            let Err(last) = verdict else { return Ok(()) };
            if began.elapsed() >= within {
                return Err(Error::TooLate { what: what.to_owned(), within, last, logs: self.logs.clone() });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until a rollout is complete.
    pub async fn rolled_out(&self, workload: &str, namespace: &str, within: Duration) -> Result<()> {
        let timeout = format!("--timeout={}s", within.as_secs());
        let patient = self.clone().within(within + Duration::from_secs(5));
        patient.run(&["rollout", "status", workload, "-n", namespace, &timeout]).await.map(drop)
    }

    /// Whether the API server says that it is ready.
    pub async fn is_ready(&self) -> Result<(), String> {
        let brief = self.clone().within(Duration::from_secs(3));
        match brief.run(&["get", "--raw", "/readyz"]).await {
            Ok(answer) if answer.trim() == "ok" => Ok(()),
            Ok(answer) => Err(answer),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn run_with(&self, args: &[&str], input: Option<&str>) -> Result<String> {
        let mut child = Command::new(&self.program)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(args)
            // Its discovery cache belongs to the bed, not to the person who runs it.
            .env("HOME", self.kubeconfig.parent().unwrap_or(&self.kubeconfig))
            .env_remove("KUBECONFIG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .doing(|| format!("start {}", self.program.display()))?;
        let stdin = child.stdin.take();
        let talk = async {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                stdin.write_all(input.as_bytes()).await?;
            }
            child.wait_with_output().await
        };
        let told = || format!("kubectl {}", args.join(" "));
        let output = tokio::time::timeout(self.within, talk)
            .await
            .map_err(|_| Error::Part { part: PART, reason: format!("{} gave no answer within {} s", told(), self.within.as_secs()) })?
            .doing(told)?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(Error::Part { part: PART, reason: format!("{}: {complaint}", told()) })
        }
    }
}
