//! A step's output, capped: its first lines and its last ones.

/// How many bytes of the first lines are kept.
const HEAD: usize = 8 * 1024;
/// How many bytes of the last lines are kept.
const TAIL: usize = 8 * 1024;
/// How long one line may be.
const LINE: usize = 1024;

/// What a step wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    head: String,
    tail: String,
    left_out: u64,
}

impl Output {
    pub(super) fn from_parts(head: String, tail: String, left_out: i64) -> Self {
        Self { head, tail, left_out: u64::try_from(left_out).unwrap_or(0) }
    }

    pub(super) fn parts(&self) -> (&str, &str, i64) {
        (&self.head, &self.tail, i64::try_from(self.left_out).unwrap_or(i64::MAX))
    }

    /// Adds one line. Control characters become spaces: output is shown to people, and PostgreSQL takes no NUL.
    pub fn push(&mut self, line: &str) {
        let mut line: String = line.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if line.len() > LINE {
            line.truncate(line.floor_char_boundary(LINE));
            line.push('…');
        }
        line.push('\n');
        if self.tail.is_empty() && self.head.len() + line.len() <= HEAD {
            self.head.push_str(&line);
            return;
        }
        self.tail.push_str(&line);
        while self.tail.len() > TAIL {
            let first = self.tail.find('\n').map_or(self.tail.len(), |at| at + 1);
            self.tail.drain(..first);
            self.left_out += 1;
        }
    }

    /// The lines, with one that says how many are missing where some are.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let gap = (self.left_out > 0).then(|| format!("… {} lines left out …", self.left_out));
        self.head.lines().map(str::to_owned).chain(gap).chain(self.tail.lines().map(str::to_owned)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_lines_stay() {
        let mut output = Output::default();
        for n in 0..10_000 {
            output.push(&format!("line {n}"));
        }
        let lines = output.lines();
        assert_eq!(lines.first().map(String::as_str), Some("line 0"));
        assert_eq!(lines.last().map(String::as_str), Some("line 9999"));
        let kept = lines.len() - 1;
        assert!(lines.contains(&format!("… {} lines left out …", 10_000 - kept)), "{kept}");
        assert!(output.head.len() <= HEAD && output.tail.len() <= TAIL);
    }

    #[test]
    fn a_line_is_cut_and_holds_no_control_characters() {
        let mut output = Output::default();
        output.push(&format!("\u{1b}[31m\0{}", "é".repeat(LINE)));
        let lines = output.lines();
        assert!(lines[0].len() <= LINE + '…'.len_utf8() && lines[0].ends_with('…') && !lines[0].contains(char::is_control));
    }
}
