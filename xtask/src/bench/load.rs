//! Load from the second core, and what a process holds.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::files::{read, write};
use crate::process::Program;

/// Requests a second of one page: 32 connections for ten seconds, from the second core.
pub fn wrk(url: &str, cookie: &str, raw: &Path) -> Result<f64> {
    let text = Program::new("taskset")
        .args([
            "-c",
            "1",
            "wrk",
            "-t1",
            "-c32",
            "-d10s",
            "--latency",
            "-H",
            &format!("cookie: {cookie}"),
            "-H",
            "accept-encoding: identity",
            url,
        ])
        .limit(Duration::from_secs(60))
        .output()?;
    write(raw, &text)?;
    anyhow::ensure!(!text.contains("Non-2xx"), "not every answer was a page; see {}", raw.display());
    let line = text.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:")).context("wrk says nothing of requests a second")?;
    line.trim().parse().with_context(|| format!("wrk says `{line}`"))
}

/// Keeps a process on the first core.
pub fn on_core_0(process: &str) -> Result<()> {
    Program::new("taskset").args(["-a", "-p", "-c", "0", process]).output().map(|_| ())
}

/// Lets it run anywhere again.
pub fn on_all_cores(process: &str) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Program::new("taskset").args(["-a", "-p", "-c", &format!("0-{}", cores - 1), process]).output().map(|_| ())
}

/// Resident memory in MB (10^6 bytes).
pub fn resident_mb(process: &str) -> Result<f64> {
    status(process, "VmRSS:")
}

/// The most that was ever resident, in MB.
pub fn peak_mb(process: &str) -> Result<f64> {
    status(process, "VmHWM:")
}

fn status(process: &str, field: &str) -> Result<f64> {
    let text = read(Path::new(&format!("/proc/{process}/status")))?;
    let value = text.lines().find_map(|line| line.strip_prefix(field)).with_context(|| format!("no {field} of process {process}"))?;
    let kib: f64 = value.trim().trim_end_matches("kB").trim().parse().with_context(|| format!("{field} is `{value}`"))?;
    Ok(kib * 1_024.0 / 1e6)
}

/// Processor time that a process has used so far, in seconds (`utime` and `stime` of `/proc/PID/stat`, in hundredths on every Linux).
pub fn processor_s(process: &str) -> Result<f64> {
    let text = read(Path::new(&format!("/proc/{process}/stat")))?;
    // The name stands in parentheses and may hold anything; what follows it begins with field 3.
    let fields: Vec<&str> = text.rsplit_once(')').context("no stat")?.1.split_whitespace().collect();
    let ticks = |field: usize| -> Result<f64> { Ok(fields.get(field - 3).context("a short stat")?.parse()?) };
    Ok((ticks(14)? + ticks(15)?) / 100.0)
}

/// The middle one.
pub fn median(values: Vec<f64>) -> f64 {
    quantile(values, 0.5)
}

/// The value that this share of them does not exceed.
pub fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = ((values.len() as f64 * share) as usize).min(values.len().saturating_sub(1));
    values.get(at).copied().unwrap_or(f64::NAN)
}
