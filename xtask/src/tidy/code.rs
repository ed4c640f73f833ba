//! Rust source without what a rule must not stumble over.

/// Blanks comments; strings stay.
pub fn without_comments(text: &str) -> String {
    blank(text, false)
}

/// Blanks comments and what stands between quotes.
pub fn without_comments_and_strings(text: &str) -> String {
    blank(text, true)
}

/// Replaces by spaces; line breaks stay, so that line numbers hold.
fn blank(text: &str, strings_too: bool) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        let rest = &characters[at..];
        let (length, hide) = match rest {
            ['/', '/', ..] => (rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()), true),
            ['/', '*', ..] => (block_comment(rest), true),
            ['"', ..] => (string(rest), strings_too),
            ['r', '"' | '#', ..] if starts_word(&characters, at) => match raw_string(rest) {
                Some(length) => (length, strings_too),
                None => (1, false),
            },
            ['b', 'r', '"' | '#', ..] if starts_word(&characters, at) => match raw_string(&rest[1..]) {
                Some(length) => (length + 1, strings_too),
                None => (1, false),
            },
            ['\'', '\\', _, ..] => (rest.iter().skip(3).position(|c| *c == '\'').map_or(1, |found| found + 4), strings_too),
            ['\'', _, '\'', ..] => (3, strings_too),
            _ => (1, false),
        };
        for c in &rest[..length] {
            out.push(if hide && *c != '\n' { ' ' } else { *c });
        }
        at += length;
    }
    out
}

fn starts_word(characters: &[char], at: usize) -> bool {
    at == 0 || !(characters[at - 1].is_alphanumeric() || characters[at - 1] == '_')
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => {
                depth += 1;
                at += 2;
            }
            ['*', '/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    break;
                }
            }
            _ => at += 1,
        }
    }
    at
}

fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `None` when this is no raw string but a raw identifier (`r#type`).
fn raw_string(rest: &[char]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return None;
    }
    let mut at = 2 + hashes;
    while at < rest.len() {
        if rest[at] == '"' && rest[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes {
            return Some(at + 1 + hashes);
        }
        at += 1;
    }
    Some(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_lines_stay() {
        let text = "let a = 1; // kube::Client\n/* one /* two */\nstill */ let b = 2;\n";
        let code = without_comments(text);
        assert_eq!(code.lines().count(), text.lines().count());
        assert!(code.contains("let a = 1;") && code.contains("let b = 2;"));
        assert!(!code.contains("kube") && !code.contains("still"));
    }

    #[test]
    fn strings_go_only_when_asked() {
        let text = "let a = \"kube:: // no comment \\\" end\"; let b = r#\"sqlx::\"quoted\"\"#; let c = 'x'; fn d<'a>() {}";
        assert!(without_comments(text).contains("no comment"));
        let code = without_comments_and_strings(text);
        assert!(!code.contains("kube") && !code.contains("sqlx") && !code.contains("quoted"), "{code}");
        assert!(code.contains("fn d<'a>() {}"), "{code}");
    }

    #[test]
    fn a_quote_as_a_character_opens_no_string() {
        let code = without_comments_and_strings("let q = '\"'; let e = '\\''; use sqlx::query;");
        assert!(code.contains("use sqlx::query;"), "{code}");
    }

    #[test]
    fn a_raw_identifier_is_no_string() {
        assert!(without_comments_and_strings("let r#type = 1; use kube::Api;").contains("kube::Api"));
    }
}
