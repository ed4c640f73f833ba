//! The licences of everything that is compiled in, from `cargo metadata`, against a list.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::Program;
use crate::workspace::{Workspace, cargo};

/// Licences that an Apache-2.0 product may carry along: permissive ones, and MPL-2.0, which ends at its own files.
const ALLOWED: [&str; 17] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    // Root certificates: data, not code.
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "WTFPL",
    "Zlib",
];

/// Fails with every crate whose licence is not on the list.
pub fn check(workspace: &Workspace) -> Result<()> {
    let text = Program::new(cargo())
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .dir(&workspace.root)
        .limit(Duration::from_secs(600))
        .output()?;
    let metadata: serde_json::Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
    let mut refused = Vec::new();
    let packages = metadata["packages"].as_array().context("cargo metadata has no `packages`")?;
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        match package["license"].as_str() {
            Some(expression) if allows(expression) => {}
            Some(expression) => refused.push(format!("{name}: {expression}")),
            None => refused.push(format!("{name}: states no licence")),
        }
    }
    if !refused.is_empty() {
        bail!("licences that are not on the list of xtask/src/licences.rs:\n{}", refused.join("\n"));
    }
    println!("    {} crates, every licence is on the list", packages.len());
    Ok(())
}

/// Whether an SPDX expression leaves a choice that is allowed. `/` is cargo's old way to write OR.
fn allows(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    any_of(&words, &mut at) == Some(true) && at == words.len()
}

/// `None` where the expression is none.
fn any_of(words: &[&str], at: &mut usize) -> Option<bool> {
    let mut good = all_of(words, at)?;
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        good |= all_of(words, at)?;
    }
    Some(good)
}

fn all_of(words: &[&str], at: &mut usize) -> Option<bool> {
    let mut good = one(words, at)?;
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        good &= one(words, at)?;
    }
    Some(good)
}

fn one(words: &[&str], at: &mut usize) -> Option<bool> {
    let word = *words.get(*at)?;
    *at += 1;
    if word == "(" {
        let good = any_of(words, at)?;
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return closed.then_some(good);
    }
    let mut name = word.to_owned();
    if words.get(*at) == Some(&"WITH") {
        name = format!("{name} WITH {}", words.get(*at + 1)?);
        *at += 2;
    }
    Some(ALLOWED.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_allowed_choice_is_enough() {
        assert!(allows("MIT OR GPL-3.0-only"));
        assert!(allows("MIT/Apache-2.0"));
        assert!(allows("(Apache-2.0 OR MIT) AND BSD-3-Clause"));
        assert!(allows("Apache-2.0 WITH LLVM-exception"));
    }

    #[test]
    fn what_binds_the_whole_product_is_refused() {
        assert!(!allows("GPL-3.0-only"));
        assert!(!allows("MIT AND AGPL-3.0-only"));
        assert!(!allows("GPL-2.0-only WITH Classpath-exception-2.0"));
        assert!(!allows("(MIT OR Apache-2.0) AND (GPL-2.0-only OR LGPL-3.0-only)"));
    }

    #[test]
    fn half_an_expression_is_refused() {
        assert!(!allows(""));
        assert!(!allows("MIT OR"));
        assert!(!allows("(MIT"));
    }
}
