//! What is being done, how long it usually takes, how long it took.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::workspace::Workspace;

/// Seconds on two cores with nothing in the caches, for stages that have not been run here before.
const COLD: [(&str, u32); 9] = [
    ("packages", 90),
    ("site", 240),
    ("console and test bed, dev", 420),
    ("console and test bed, release", 780),
    ("lint: clippy", 240),
    ("build of all tests", 240),
    ("test bed", 420),
    ("integration tests", 180),
    ("e2e: journeys", 120),
];

/// Prints a line before and after each stage and remembers the times in the cache folder.
pub struct Stages {
    file: PathBuf,
    usual: BTreeMap<String, f64>,
    done: Vec<(String, Duration)>,
}

impl Stages {
    /// Reads the times of earlier runs; none is fine.
    pub fn open(workspace: &Workspace) -> Self {
        let file = workspace.cache.join("stage-seconds.json");
        let usual = std::fs::read(&file)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok())
            .and_then(|value| {
                let map = value.as_object()?;
                Some(map.iter().filter_map(|(name, seconds)| Some((name.clone(), seconds.as_f64()?))).collect())
            })
            .unwrap_or_default();
        Self { file, usual, done: Vec::new() }
    }

    /// Runs one stage.
    pub fn run<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let usual = match (self.usual.get(name), COLD.iter().find(|(known, _)| *known == name)) {
            (Some(seconds), _) => format!(" (last time {})", spell(*seconds)),
            (None, Some((_, seconds))) => format!(" (the first time about {})", spell(f64::from(*seconds))),
            (None, None) => String::new(),
        };
        println!("==> {name}{usual}");
        let start = Instant::now();
        let result = work();
        let took = start.elapsed();
        let mark = if result.is_ok() { "done" } else { "FAILED" };
        println!("--- {name}: {mark} in {}", spell(took.as_secs_f64()));
        self.done.push((name.to_owned(), took));
        if result.is_ok() {
            self.usual.insert(name.to_owned(), took.as_secs_f64());
            self.remember();
        }
        result
    }

    /// A table of the stages and their sum.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        let total: Duration = self.done.iter().map(|(_, took)| *took).sum();
        for (name, took) in &self.done {
            text.push_str(&format!("{:>9}  {name}\n", spell(took.as_secs_f64())));
        }
        text.push_str(&format!("{:>9}  in all", spell(total.as_secs_f64())));
        text
    }

    /// Times are a courtesy: a cache that cannot be written costs the hint, not the run.
    fn remember(&self) {
        let map: serde_json::Map<String, serde_json::Value> =
            self.usual.iter().map(|(name, seconds)| (name.clone(), serde_json::json!((seconds * 10.0).round() / 10.0))).collect();
        if let Some(folder) = self.file.parent() {
            std::fs::create_dir_all(folder).ok();
        }
        std::fs::write(&self.file, serde_json::Value::Object(map).to_string()).ok();
    }
}

/// `0.4 s`, `38 s`, `6 min 02 s`.
fn spell(seconds: f64) -> String {
    if seconds < 10.0 {
        format!("{seconds:.1} s")
    } else if seconds < 100.0 {
        format!("{seconds:.0} s")
    } else {
        let whole = seconds.round() as u64;
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_like_a_clock() {
        assert_eq!(spell(0.42), "0.4 s");
        assert_eq!(spell(38.2), "38 s");
        assert_eq!(spell(362.0), "6 min 02 s");
    }
}
