//! Texts that come from the cluster: anyone who may create a pod may write them, at any length.

/// At most `max` characters of `text` on one line, without control characters; `…` where something was cut.
#[must_use]
pub fn clip(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut kept = 0;
    let mut gap = false;
    for char in text.chars() {
        if char.is_whitespace() || char.is_control() {
            gap = !out.is_empty();
            continue;
        }
        let wants = 1 + usize::from(gap);
        if kept + wants > max {
            out.push('…');
            return out;
        }
        if gap {
            out.push(' ');
        }
        out.push(char);
        kept += wants;
        gap = false;
    }
    out
}

/// `1 pod`, `3 pods`.
#[must_use]
pub fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// `once`, `twice`, `8 times`.
#[must_use]
pub fn times(count: u32) -> String {
    match count {
        0 | 1 => "once".into(),
        2 => "twice".into(),
        more => format!("{more} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_one_short_line() {
        assert_eq!(clip("  a\n\tb\u{0}c  ", 20), "a b c");
        assert_eq!(clip("abcdef", 3), "abc…");
        assert_eq!(clip("ab cdef", 3), "ab…");
        assert_eq!(clip(&"x".repeat(1_000_000), 300).chars().count(), 301);
        assert_eq!(clip("", 3), "");
    }
}
