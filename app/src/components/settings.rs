//! What the pages of the settings share: the way between them, what was just done, sessions.

use leptos::prelude::*;

use super::{ago, cell, cell_name, figures, line, notice, post_button, row, sentence, table, text_field, when, words};
use crate::model::{Health, Role, SessionRow, clock_words};

/// The pages of the settings, for an administrator: their addresses and names.
const PAGES: [(&str, &str); 4] = [
    ("/settings", "My account"),
    ("/settings/accounts", "Accounts"),
    ("/settings/sessions", "Sessions"),
    ("/settings/screens", "Wall screens"),
];

/// The way between the pages of the settings; `here` is the address of the one that is shown.
#[must_use]
pub fn settings_way(here: &str) -> AnyView {
    let links: Vec<_> = PAGES
        .iter()
        .map(|(href, name)| {
            let current = (*href == here).then_some("page");
            view! { <li><a href=*href aria-current=current>{*name}</a></li> }
        })
        .collect();
    view! { <nav class="way" aria-label="Settings"><ul>{links}</ul></nav> }.into_any()
}

/// What was just done.
#[must_use]
pub fn done_notice(done: Option<&str>) -> Option<AnyView> {
    done.map(|words| notice(Health::Ok, "What was done", "Done".into_any(), sentence(words)))
}

/// The faults that belong to no field of a form.
#[must_use]
pub fn other_faults(faults: &[(String, String)], fields: &[&str]) -> AnyView {
    faults
        .iter()
        .filter(|(field, _)| !fields.contains(&field.as_str()))
        .map(|(_, fault)| view! { <p class="fault" role="alert">{sentence(fault)}</p> })
        .collect::<Vec<_>>()
        .into_any()
}

/// What is wrong with one field.
#[must_use]
pub fn fault_of<'a>(faults: &'a [(String, String)], field: &str) -> Option<&'a str> {
    faults.iter().find(|(name, _)| name == field).map(|(_, fault)| fault.as_str())
}

/// A new password, typed twice.
#[must_use]
pub fn new_password(faults: &[(String, String)], hint: &str) -> AnyView {
    view! {
        {text_field("password", "New password", hint, "", "password", "new-password", fault_of(faults, "password"))}
        {text_field("again", "New password again", "", "", "password", "new-password", fault_of(faults, "again"))}
    }
    .into_any()
}

/// The choice of a role, with what each may do.
#[must_use]
pub fn role_choice(chosen: Option<Role>, fault: Option<&str>) -> AnyView {
    let first = chosen.is_none().then(|| view! { <option value="">"Choose a role"</option> });
    let options: Vec<_> = Role::ALL
        .iter()
        .map(|role| {
            let text = format!("{}: {}", role.word(), may(*role));
            view! { <option value=role.word() selected=chosen == Some(*role)>{text}</option> }
        })
        .collect();
    let invalid = fault.is_some().then_some("true");
    let described = fault.map(|_| "role-fault");
    let fault = fault.map(|fault| view! { <p class="fault" id="role-fault">{sentence(fault)}</p> });
    view! {
        <div class="field">
            <label for="role">"Role"</label>
            <select id="role" name="role" aria-describedby=described aria-invalid=invalid>{first}{options}</select>
            {fault}
        </div>
    }
    .into_any()
}

const fn may(role: Role) -> &'static str {
    match role {
        Role::Viewer => "sees health",
        Role::Auditor => "sees health and the audit, runs nothing",
        Role::Responder => "runs runbooks that need a responder",
        Role::Operator => "runs runbooks that need an operator",
        Role::Admin => "runs every runbook, keeps accounts and screens",
    }
}

/// Sessions, newest first. `all` names whose each is, and leads back to the list of all.
#[must_use]
pub fn session_table(rows: &[SessionRow], all: bool) -> AnyView {
    let mut columns = vec![words("From"), words("Browser"), figures("Signed in, UTC"), figures("Ends in"), words("")];
    if all {
        columns.insert(0, words("Who"));
    }
    table("Table of sessions", &columns, rows.iter().map(|session| session_row(session, all)).collect())
}

fn session_row(session: &SessionRow, all: bool) -> AnyView {
    let who = all.then(|| {
        let href = format!("/settings/accounts/{}", session.account_id);
        cell_name(view! { <a href=href>{line(&session.account)}</a>{session.mine.then_some(", this one")} })
    });
    let unknown = |text: &str| if text.is_empty() { "not told".into_any() } else { line(text) };
    let from = view! { {unknown(&session.address)}{(session.mine && !all).then_some(", this one")} };
    let end = if session.mine {
        post_button("/sign-out", &[], None, "Sign out here")
    } else {
        let fields: &[(String, String)] = if all { &[("from".to_owned(), "all".to_owned())] } else { &[] };
        let title = if all { format!("End session of {}", session.account) } else { "End session".to_owned() };
        post_button(&format!("/settings/sessions/{}/end", session.id), fields, None, &title)
    };
    row(view! {
        {who}
        {cell("From", from)}
        {cell("Browser", unknown(&session.browser))}
        {super::cell_figure("Signed in, UTC", view! { {when(&session.began)}" "<small>{ago(&session.began)}" ago"</small> })}
        {super::cell_figure("Ends in", clock_words(session.left_ms))}
        {cell_name(end)}
    })
}
