//! `/settings`: one's own account.

use leptos::prelude::*;

use crate::{
    components::{done_notice, empty, fault_of, head, new_password, other_faults, panel, session_table, settings_way, shown, text_field},
    model::MyAccount,
    render::Page,
};

impl Page for MyAccount {
    fn view(&self) -> AnyView {
        let line = format!("You are signed in as {}, {}.", shown(&self.name, 64), self.role);
        view! {
            {self.keeps.then(|| settings_way("/settings"))}
            {head("settings-head", "Settings", &line, None)}
            {done_notice(self.done.as_deref())}
            <div class="split" data-split="aside">
                {sessions(self)}
                {password(self)}
            </div>
        }
        .into_any()
    }
}

fn sessions(account: &MyAccount) -> AnyView {
    let body = if account.sessions.is_empty() { empty("You have no sessions.") } else { session_table(&account.sessions, false) };
    panel("sessions", "My sessions", "each ends 12 h after sign-in; one that is ended here ends at once", body)
}

fn password(account: &MyAccount) -> AnyView {
    let faults = &account.faults;
    view! {
        <form class="panel" method="post" action="/settings/password" aria-labelledby="h-password" novalidate>
            <header><h2 id="h-password">"My password"</h2></header>
            <div class="pad stack">
                {other_faults(faults, &["current", "password", "again"])}
                {text_field("current", "Current password", "", "", "password", "current-password", fault_of(faults, "current"))}
                {new_password(faults, &account.password_hint)}
                <p class="s">"Your other sessions are ended. It is written to the audit."</p>
                <div class="btns"><button class="btn" data-kind="primary">"Change password"</button></div>
            </div>
        </form>
    }
    .into_any()
}
