//! How pages look is written in one place.

use super::{Finding, Source, each_line, pattern};

/// The content security policy forbids `style` attributes: geometry is SVG's or `<meter>`'s, the rest a class.
pub fn no_style_attributes(source: &Source) -> Vec<Finding> {
    if !source.under("app/src/") || !source.is_rust() {
        return vec![];
    }
    let attribute = pattern(r"(?:^|[\s<])style(?::[\w-]+)?=[^=>]|(?:^|\s)style:[\w-]+\s*=");
    each_line(&source.uncommented, |line| {
        attribute.is_match(line).then(|| "no `style` attribute: the policy forbids it; use a class or SVG geometry".to_owned())
    })
}

/// Colours and type sizes are tokens, so that both themes, the wall and contrast are decided in `style/tokens.css`.
/// Widths of a layout may be literal; lengths in pixels may not exceed a hairline's two.
pub fn no_literals_outside_tokens(source: &Source) -> Vec<Finding> {
    let sheet = source.under("style/") && source.path.ends_with(".css") && source.path != "style/tokens.css";
    if !sheet {
        return vec![];
    }
    let hex = pattern(r":[^;{}]*#[0-9a-fA-F]{3,8}\b");
    let function = pattern(r"\b(rgba?|hsla?|hwb|lab|lch|oklab|oklch)\(");
    let named = pattern(r":\s*[^;{}]*\b(white|black|red|green|blue|yellow|orange|purple|gray|grey|silver|pink|brown)\b\s*[;,)}]");
    let font = pattern(r"\bfont(?:-size)?\s*:\s*[^;}]*?(?:^|[\s:(])[0-9]*\.?[0-9]+(px|rem|pt)\b");
    let pixels = pattern(r"\b([0-9]+(?:\.[0-9]+)?)px\b");
    each_line(&without_css_comments(&source.text), |line| {
        if hex.is_match(line) || function.is_match(line) || named.is_match(line) {
            return Some("a colour is a token of style/tokens.css".to_owned());
        }
        // A condition cannot read a custom property, so breakpoints are written out.
        if line.trim_start().starts_with('@') {
            return None;
        }
        if font.is_match(line) {
            return Some("a type size is a token of style/tokens.css".to_owned());
        }
        let wide = pixels.captures_iter(line).any(|found| found[1].parse::<f64>().is_ok_and(|length| length > 2.0));
        wide.then(|| "a length above a hairline's 2 px is a token of style/tokens.css or in rem".to_owned())
    })
}

/// Blanks comments, keeps lines.
fn without_css_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("/*") {
        out.push_str(&rest[..start]);
        let end = rest[start..].find("*/").map_or(rest.len(), |length| start + length + 2);
        out.extend(rest[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(text: &str) -> usize {
        no_style_attributes(&Source::new("app/src/pages/overview.rs", text)).len()
    }

    fn literals(path: &str, text: &str) -> usize {
        no_literals_outside_tokens(&Source::new(path, text)).len()
    }

    #[test]
    fn a_style_attribute_is_found_in_each_spelling() {
        assert_eq!(attributes("view! { <p style=\"color: red\"></p> }"), 1);
        assert_eq!(attributes("<div\n  style=move || width()\n>"), 1);
        assert_eq!(attributes("<div style:width=w>"), 1);
        assert_eq!(attributes("let html = format!(\"<p style='x'>\");"), 1);
        assert_eq!(attributes("let style = class(); if style == other {}"), 0);
        assert_eq!(attributes("// style=\"x\" is forbidden"), 0);
    }

    #[test]
    fn a_colour_outside_the_tokens_is_found() {
        assert_eq!(literals("style/tile.css", ".tile { color: #b3261e; }"), 1);
        assert_eq!(literals("style/tile.css", ".tile { background: oklch(0.5 0.1 20); }"), 1);
        assert_eq!(literals("style/tile.css", ".tile { border: 1px solid red; }"), 1);
        assert_eq!(literals("style/tile.css", "#face { color: var(--ink); } /* #fff */"), 0);
        assert_eq!(literals("style/tokens.css", ":root { --ink: #111; }"), 0);
    }

    #[test]
    fn a_type_size_or_wide_pixel_length_outside_the_tokens_is_found() {
        assert_eq!(literals("style/tile.css", ".tile { font-size: 0.8125rem; }"), 1);
        assert_eq!(literals("style/tile.css", ".tile { font: 600 14px/1.4 var(--sans); }"), 1);
        assert_eq!(literals("style/tile.css", ".tile { padding: 12px; }"), 1);
        assert_eq!(
            literals("style/tile.css", ".tile { border: 1px solid var(--line); outline: 2px solid; width: 24rem; font-size: .9em; }"),
            0
        );
        assert_eq!(literals("style/layout.css", "@media (max-width: 640px) {"), 0);
    }
}
