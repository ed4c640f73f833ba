//! `/settings/accounts/{id}`: one account: its role, whether it may sign in, its password link, its sessions.

use leptos::prelude::*;

use crate::{
    components::{
        ago, counted, crumbs, done_notice, empty, head, notice, panel, post_button, role_choice, sentence, session_table, settings_way,
        shown,
    },
    model::{AccountState, AccountView, Health, PasswordLink},
    render::Page,
};

use super::accounts::state;

impl Page for AccountView {
    fn view(&self) -> AnyView {
        let account = &self.account;
        let name = shown(&account.name, 64);
        let line = if self.mine { format!("Your own account, {}.", account.role.word()) } else { format!("{}.", account.role.word()) };
        let refused = self
            .refused
            .as_ref()
            .map(|why| notice(Health::Degraded, "Why nothing was changed", "Nothing was changed".into_any(), sentence(why)));
        view! {
            {settings_way("")}
            {crumbs(&[("Settings", "/settings"), ("Accounts", "/settings/accounts")], &name)}
            {head("account-head", name.clone(), &line, None)}
            {refused}
            {done_notice(self.done.as_deref())}
            {self.link.as_ref().map(|link| password_link(link, &name))}
            <div class="split" data-split="aside">
                {sessions(self)}
                <div class="stack">{standing(self)}{role(self)}</div>
            </div>
        }
        .into_any()
    }
}

/// A link that is shown once. Selected as a whole by a click, since nothing copies it by itself.
fn password_link(link: &PasswordLink, name: &str) -> AnyView {
    let text = view! {
        <p>"Hand it to the owner of "<b>{name.to_owned()}</b>" in private: whoever opens it first sets the password. It works once, for "
            {link.hours}" h, and is not shown again."</p>
        <p><code class="once">{shown(&link.href, 300)}</code></p>
    };
    panel("link", "One-time password link", "shown this once", view! { <div class="pad stack">{text}</div> })
}

fn standing(view: &AccountView) -> AnyView {
    let account = &view.account;
    let path = |what: &str| format!("/settings/accounts/{}/{what}", account.id);
    let signed_in = account.signed_in.as_ref().map_or_else(|| "never".into_any(), |at| view! { {ago(at)}" ago" }.into_any());
    let (first, second) = match account.state {
        AccountState::Disabled => (post_button(&path("enable"), &[], None, &format!("Enable {}", account.name)), None),
        AccountState::Active | AccountState::Invited => (
            post_button(&path("reset"), &[], None, "Make password link"),
            Some(post_button(&path("disable"), &[], Some("danger"), &format!("Disable {}", account.name))),
        ),
    };
    let body = view! {
        <div class="pad stack">
            <dl class="facts">
                <dt>"State"</dt><dd>{state(account.state)}</dd>
                <dt>"Made"</dt><dd>{ago(&account.made)}" ago"</dd>
                <dt>"Last sign-in"</dt><dd>{signed_in}</dd>
            </dl>
            <div class="btns">{first}{second}</div>
            <p class="s">"A disabled account cannot sign in; its sessions end at once."</p>
        </div>
    };
    panel("standing", "Sign-in", "", body)
}

fn role(view: &AccountView) -> AnyView {
    let account = &view.account;
    let action = format!("/settings/accounts/{}/role", account.id);
    view! {
        <form class="panel" method="post" action=action aria-labelledby="h-role" novalidate>
            <header><h2 id="h-role">"Role"</h2></header>
            <div class="pad stack">
                {role_choice(Some(account.role), None)}
                <div class="btns"><button class="btn">"Change role"</button></div>
            </div>
        </form>
    }
    .into_any()
}

fn sessions(view: &AccountView) -> AnyView {
    let others = view.sessions.iter().filter(|session| !session.mine).count();
    let action = format!("/settings/accounts/{}/end-sessions", view.account.id);
    let end = (others > 1).then(|| {
        let title = if view.mine { "End all my other sessions" } else { "End all sessions" };
        view! { <div class="tools">{post_button(&action, &[], None, title)}</div> }
    });
    let body = if view.sessions.is_empty() {
        empty("Nobody is signed in with this account.")
    } else {
        view! { {session_table(&view.sessions, true)}{end} }.into_any()
    };
    panel("sessions", "Sessions", counted(view.sessions.len(), "session", "sessions"), body)
}
