//! Words from outside: pod names, log lines, messages of other servers. None is trusted to be short, printable or honest.

use leptos::prelude::*;

use crate::model::{Kind, SystemId, Value};

/// The longest text in a line of a list, in characters: Kubernetes' longest names have 253 and are cut; ordinary ones are not.
pub const LINE: usize = 160;
/// From here on a name carries itself as its `title`: the style sheet may have no room for all of it.
const NARROW: usize = 60;
/// The longest sentence: a Kubernetes event's message has at most 1 024 bytes.
pub const SENTENCE: usize = 600;
/// The longest line of output.
pub const OUTPUT: usize = 2_000;
/// The longest `title`: what was cut can be read there, but not without end.
const TITLE: usize = 2_000;

/// The text with everything invisible made visible, at most `limit` characters of it, ending in `…` when something was cut.
///
/// Looks at no more than `limit` characters, so that a megabyte costs what a line costs.
#[must_use]
pub fn shown(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit + 4));
    for (at, letter) in text.chars().enumerate() {
        if at == limit {
            out.push('…');
            break;
        }
        match picture(letter) {
            Some(picture) => out.push(picture),
            None => out.push(letter),
        }
    }
    out
}

/// What stands for a character that a reader could not see, or that would turn the line around it about (bidirectional overrides):
/// Unicode's control pictures for ASCII, `�` for the rest.
const fn picture(letter: char) -> Option<char> {
    match letter {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + letter as u32),
        '\u{7f}' => Some('␡'),
        '\u{80}'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => Some('\u{fffd}'),
        _ => None,
    }
}

fn clipped(text: &str, limit: usize) -> AnyView {
    let short = shown(text, limit);
    if text.chars().nth(limit).is_some() || (limit == LINE && text.chars().nth(NARROW).is_some()) {
        view! { <span title=shown(text, TITLE)>{short}</span> }.into_any()
    } else {
        short.into_any()
    }
}

/// A name or another short text; what is cut can be read on hover.
#[must_use]
pub fn line(text: &str) -> AnyView {
    clipped(text, LINE)
}

/// A sentence.
#[must_use]
pub fn sentence(text: &str) -> AnyView {
    clipped(text, SENTENCE)
}

/// What people call a system. Where the estate file's name says little without its kind, the kind stands before it: "certificate site".
#[must_use]
pub fn system_name(system: &SystemId) -> AnyView {
    line(&system_label(system))
}

/// The same as plain text.
#[must_use]
pub fn system_label(system: &SystemId) -> String {
    match system.kind() {
        Kind::Cluster | Kind::Deployment | Kind::Database | Kind::Cache => system.name().to_owned(),
        Kind::Dns => format!("DNS name {}", system.name()),
        Kind::Backup => format!("backups of {}", system.name()),
        Kind::Certificate | Kind::Endpoint | Kind::Ingress | Kind::Metric => format!("{} {}", system.kind().word(), system.name()),
    }
}

/// Lines as a program wrote them, in a box that scrolls by itself.
#[must_use]
pub fn code(lines: &[String], label: &str) -> AnyView {
    let text = lines.iter().map(|line| shown(line.trim_end_matches(['\r', '\n']), OUTPUT)).collect::<Vec<_>>().join("\n");
    view! { <pre class="code" tabindex="0" role="region" aria-label=label.to_owned()>{text}</pre> }.into_any()
}

/// A whole number in groups of three: `184 306`.
#[must_use]
pub fn number(number: i64) -> String {
    Value::Count(number, String::new()).text()
}

/// `1 pod`, `3 pods`.
#[must_use]
pub fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_shown() {
        assert_eq!(shown("a\u{1b}[31mb\u{7f}\n", 99), "a␛[31mb␡␊");
        assert_eq!(shown("user\u{202e}nimda", 99), "user\u{fffd}nimda");
    }

    #[test]
    fn a_megabyte_is_cut_with_a_mark_and_its_title_is_bounded() {
        let text = "x".repeat(1_000_000);
        assert_eq!(shown(&text, 4), "xxxx…");
        assert!(line(&text).to_html().len() < LINE + TITLE + 100);
    }

    #[test]
    fn markup_stays_text() {
        assert_eq!(line("<script>alert(1)</script>").to_html(), "&lt;script&gt;alert(1)&lt;/script&gt;");
    }
}
