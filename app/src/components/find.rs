//! Finding: what was found, and the palette that shows it over any page.

use leptos::prelude::*;

use super::{health, keys, line, run_state, sentence, shown};
use crate::model::{Found, FoundGroup, FoundRow, GO};

/// What was found. The palette replaces its content by exactly this, so it carries no ids.
#[must_use]
pub fn found(found: &Found) -> AnyView {
    let groups: Vec<_> = found.groups.iter().map(group).collect();
    let notes: Vec<_> = found.notes.iter().map(|note| view! { <p class="pad dim">{sentence(note)}</p> }).collect();
    view! { <div class="found" data-said=shown(&found.count(), 200)>{groups}{notes}{nothing(found)}</div> }.into_any()
}

fn nothing(found: &Found) -> Option<AnyView> {
    found.groups.is_empty().then(|| {
        let text = "Type a part of a name: of a page, a system, a runbook, or a run's number.";
        view! { <p class="pad empty">{shown(&found.count(), 200)}" "{text}</p> }.into_any()
    })
}

fn group(group: &FoundGroup) -> AnyView {
    let rows: Vec<_> = group.rows.iter().map(row).collect();
    let more =
        (group.more > 0).then(|| view! { <small class="found-more">{format!("{} more; type more of the name", group.more)}</small> });
    view! { <section aria-label=group.title><h3>{group.title}</h3><ul>{rows}</ul>{more}</section> }.into_any()
}

fn row(row: &FoundRow) -> AnyView {
    let key = row.key.map(|key| keys(&[GO, &key.to_string()]));
    view! {
        <li>
            <a href=row.href.clone()><span>{line(&row.title)}<small>{line(&row.note)}</small></span></a>
            <span class="found-side">{row.health.map(health)}{row.state.map(run_state)}{key}</span>
        </li>
    }
    .into_any()
}

/// The way to the search page in the top strip; where scripts run it opens the palette instead.
#[must_use]
pub fn find_link() -> AnyView {
    view! { <li class="top-find"><a href="/search" data-find="">"Find "<span class="keys-hint"><kbd>"Ctrl"</kbd>" "<kbd>"K"</kbd></span></a></li> }.into_any()
}

/// The palette: a dialog that is closed until the page's island opens it. Without scripts it is never seen; the search page does the same.
#[must_use]
pub fn palette() -> AnyView {
    view! {
        <dialog class="palette" id="palette" aria-label=WHAT>
            <form class="palette-field" method="get" action="/search" role="search" aria-label=WHAT novalidate>
                <input id="palette-words" name="q" aria-label=WHAT placeholder=WHAT autocomplete="off" autocapitalize="none" spellcheck="false"/>
                <button class="btn" type="button" data-close="">"Close "<kbd>"Esc"</kbd></button>
            </form>
            <p class="sr" id="palette-said" role="status"></p>
            <div id="palette-found"></div>
            <p class="palette-foot">
                <small>{keys(&["↑", "↓"])}"choose"</small>
                <small>{keys(&["Enter"])}"open; a runbook opens its form, nothing runs"</small>
            </p>
        </dialog>
    }
    .into_any()
}

/// What can be found.
pub const WHAT: &str = "Find page, system, runbook or run";

/// The form of the search page.
#[must_use]
pub fn find_form(words: &str) -> AnyView {
    view! {
        <form class="tools" method="get" action="/search" role="search" aria-label=WHAT novalidate>
            <div class="tool" data-wide="">
                <label for="q">{WHAT}</label>
                <input id="q" name="q" value=words.to_owned() autocomplete="off" autocapitalize="none" spellcheck="false"/>
            </div>
            <button class="btn">"Find"</button>
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FOUND;

    #[test]
    fn the_palette_knows_an_answer_from_any_other_page() {
        let none = Found { words: "<b>\"x".into(), ..Found::default() };
        let html = found(&none).to_html();
        assert!(html.contains(FOUND) && html.contains("Nothing found for"), "{html}");
        assert!(!html.contains("<b>"), "{html}");
    }
}
