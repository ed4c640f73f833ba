//! What is wrong with a configuration: all of it at once, each with the place, the value and the remedy.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line in the file, from 1; zero where there is none (the environment).
    pub line: u64,
    /// Which field (`databases.main.members[0]`) or variable.
    pub field: String,
    /// What stands there, as it is spelled; none for secrets and for what is missing.
    pub value: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        if let Some(value) = &self.value {
            write!(f, "`{}` ", shown(value))?;
        }
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

/// A value as it may stand in one line of a terminal: at most 80 characters, no control characters.
fn shown(value: &str) -> String {
    let mut text: String = value.chars().take(80).map(|c| if c.is_control() { '·' } else { c }).collect();
    if value.chars().nth(80).is_some() {
        text.push('…');
    }
    text
}

/// Everything that is wrong with one source, in the order in which it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// The file's name, or "the environment".
    pub source: String,
    /// At least one.
    pub faults: Vec<Fault>,
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.faults.len();
        write!(f, "{}: {n} {}", self.source, if n == 1 { "fault" } else { "faults" })?;
        for fault in &self.faults {
            write!(f, "\n  {fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// The word of `known` that `word` was probably meant to be.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = 1 + word.chars().count() / 4;
    known
        .into_iter()
        .map(|known| (distance(word, known), known))
        .filter(|(far, _)| *far <= most)
        .min_by_key(|(far, _)| *far)
        .map(|(_, known)| known)
}

/// How many letters must be put in, taken out, changed, or swapped with their neighbor.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<_>, Vec<_>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_finds_none() {
        let known = ["members", "database", "watch", "url"];
        assert_eq!(nearest("ulr", known), Some("url"));
        assert_eq!(nearest("memebers", known), Some("members"));
        assert_eq!(nearest("Watch", known), Some("watch"));
        assert_eq!(nearest("stores", known), None);
    }

    #[test]
    fn a_value_does_not_break_the_line() {
        let fault = Fault { line: 3, field: "a".into(), value: Some("x\ny\u{1b}".into()), what: "is no".into(), remedy: "write".into() };
        assert_eq!(fault.to_string(), "line 3: a: `x·y·` is no; write");
    }
}
