//! The project's own rules that no compiler knows: who may use whom, how a file looks, what must not be in it.
//!
//! Each rule is a function from one file to findings, and has a test that shows it fail on a bad sample.

mod code;
mod imports;
mod layers;
mod look;
mod shape;
mod traces;

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::process::Program;

/// One file of the clone.
pub struct Source {
    /// As seen from the clone's top, with `/`.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// Rust only: the text with comments blanked out, strings kept.
    uncommented: String,
    /// Rust only: the text with comments and the insides of strings blanked out. Same lines as `text`.
    code: String,
    /// Rust only: what it uses.
    imports: imports::Imports,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let rust = path.ends_with(".rs");
        let code = if rust { code::without_comments_and_strings(text) } else { String::new() };
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            uncommented: if rust { code::without_comments(text) } else { String::new() },
            imports: imports::Imports::read(&code),
            code,
        }
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    fn under(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }
}

/// What is wrong in which line, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// From 1; 1 also for the file as a whole.
    pub line: usize,
    /// What is wrong and the remedy.
    pub words: String,
}

type Rule = fn(&Source) -> Vec<Finding>;

const RULES: [Rule; 14] = [
    layers::model_stands_alone,
    layers::app_knows_no_server,
    layers::components_only_draw,
    layers::outside_libraries_stay_in_adapters,
    layers::sql_stays_in_the_store,
    layers::environment_is_read_in_one_place,
    layers::probes_and_actions_see_only_their_context,
    layers::only_the_executor_applies,
    shape::header,
    shape::length,
    shape::names,
    look::no_style_attributes,
    look::no_literals_outside_tokens,
    traces::no_machine_paths,
];

/// Checks every file that git tracks or would track.
pub fn check(root: &Path) -> Result<()> {
    let mut findings = Vec::new();
    let mut count = 0;
    for path in tracked(root)? {
        // A file that is no text has no rule; one that was just deleted has no content.
        let Ok(text) = std::fs::read_to_string(root.join(&path)) else { continue };
        count += 1;
        let source = Source::new(&path, &text);
        for rule in RULES {
            findings.extend(rule(&source).into_iter().map(|found| format!("{path}:{}: {}", found.line, found.words)));
        }
    }
    if !findings.is_empty() {
        bail!("{} findings:\n{}", findings.len(), findings.join("\n"));
    }
    println!("    {count} files keep {} rules", RULES.len());
    Ok(())
}

fn tracked(root: &Path) -> Result<Vec<String>> {
    let list = Program::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .dir(root)
        .limit(Duration::from_secs(60))
        .output()?;
    Ok(list.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

/// Findings for each line of `text` in which `wrong` sees something.
fn each_line(text: &str, wrong: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    text.lines().enumerate().filter_map(|(index, line)| Some(Finding { line: index + 1, words: wrong(line)? })).collect()
}

/// A pattern that is a constant of this program.
#[expect(clippy::expect_used, reason = "a constant pattern is right or wrong at the first test")]
fn pattern(text: &str) -> regex::Regex {
    regex::Regex::new(text).expect("a valid pattern")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_file_fails_the_check_with_path_line_and_words() {
        let folder = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| Program::new("git").args(arguments).dir(folder.path()).output().unwrap();
        git(&["init", "--quiet"]);
        std::fs::write(folder.path().join("good.rs"), "//! Says what it is.\n").unwrap();
        assert!(check(folder.path()).is_ok());
        std::fs::write(folder.path().join("bad.rs"), "fn main() {}\n").unwrap();
        let words = check(folder.path()).unwrap_err().to_string();
        assert!(words.contains("bad.rs:1:") && words.contains("//!"), "{words}");
    }
}
