//! How a source file looks from outside.

use super::{Finding, Source, each_line, pattern};

/// A file that is longer does more than one thing.
const LONGEST: usize = 700;

/// Tests of one behavior stay together, with their samples.
const LONGEST_TEST: usize = 1200;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 10] =
    ["util", "utils", "helper", "helpers", "manager", "common", "misc", "stuff", "shared_functions", "handler_utils"];

/// Every module says what it is for.
pub fn header(source: &Source) -> Vec<Finding> {
    if !source.is_rust() {
        return vec![];
    }
    let good = source.text.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| line.starts_with("//! "));
    if good {
        return vec![];
    }
    vec![Finding { line: 1, words: "begin with `//!` and a line that says what this module is for".to_owned() }]
}

/// Small files.
pub fn length(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().count();
    let counted = source.is_rust() || source.path.ends_with(".css") || source.path.ends_with(".ts");
    let longest = if source.path.contains("tests/") { LONGEST_TEST } else { LONGEST };
    if !counted || lines <= longest {
        return vec![];
    }
    vec![Finding { line: 1, words: format!("{lines} lines; such a file has at most {longest}, split it by what it does") }]
}

/// Names from the field, not drawers.
pub fn names(source: &Source) -> Vec<Finding> {
    if !source.is_rust() {
        return vec![];
    }
    let mut findings = Vec::new();
    for part in source.path.split('/') {
        let stem = part.strip_suffix(".rs").unwrap_or(part);
        if EMPTY_NAMES.contains(&stem) || stem.ends_with("_manager") || stem.ends_with("_utils") || stem.ends_with("_helpers") {
            findings.push(Finding { line: 1, words: format!("`{stem}` does not say what is inside; use the field's word") });
        }
    }
    let declared = pattern(r"\bmod\s+([a-z0-9_]+)\s*\{");
    findings.extend(each_line(&source.code, |line| {
        let name = declared.captures(line)?[1].to_owned();
        EMPTY_NAMES.contains(&name.as_str()).then(|| format!("`{name}` does not say what is inside; use the field's word"))
    }));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_header_is_found() {
        assert_eq!(header(&Source::new("app/src/lib.rs", "pub mod model;\n")).len(), 1);
        assert_eq!(header(&Source::new("app/src/lib.rs", "\n//! The browser half.\n")).len(), 0);
        assert_eq!(header(&Source::new("style/base.css", "a {}")).len(), 0);
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(length(&Source::new("a.rs", &"//! x\n".repeat(LONGEST + 1))).len(), 1);
        assert_eq!(length(&Source::new("a.rs", &"//! x\n".repeat(LONGEST))).len(), 0);
        assert_eq!(length(&Source::new("Cargo.lock", &"x\n".repeat(5000))).len(), 0);
    }

    #[test]
    fn empty_names_are_found_as_files_folders_and_modules() {
        assert_eq!(names(&Source::new("server/src/utils.rs", "//! x")).len(), 1);
        assert_eq!(names(&Source::new("server/src/helpers/time.rs", "//! x")).len(), 1);
        assert_eq!(names(&Source::new("server/src/lock_manager.rs", "//! x")).len(), 1);
        assert_eq!(names(&Source::new("server/src/live.rs", "//! x\nmod helpers { }")).len(), 1);
        assert_eq!(names(&Source::new("server/src/live.rs", "//! x\nmod tests { }")).len(), 0);
    }
}
