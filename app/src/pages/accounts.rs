//! `/settings/accounts`: everybody, and the form that makes an account.

use leptos::prelude::*;

use crate::{
    components::{
        ago, cell, cell_figure, cell_name, counted, crumbs, fault_of, figures, head, health_as, line, other_faults, panel, role_choice,
        row, settings_way, table, text_field, words,
    },
    model::{AccountList, AccountRow, AccountState, Health, Role},
    render::Page,
};

impl Page for AccountList {
    fn view(&self) -> AnyView {
        let admins = self.rows.iter().filter(|row| row.role == Role::Admin && row.state == AccountState::Active).count();
        let text = format!(
            "{}, of which {} can sign in.",
            counted(self.rows.len(), "account", "accounts"),
            counted(admins, "administrator", "administrators")
        );
        let columns = [words("Account"), words("Role"), words("State"), figures("Last sign-in"), figures("Sessions")];
        let rows = self.rows.iter().map(account).collect();
        view! {
            {settings_way("/settings/accounts")}
            {crumbs(&[("Settings", "/settings")], "Accounts")}
            {head("accounts-head", "Accounts", &text, None)}
            <div class="split" data-split="aside">
                {panel("accounts", "Accounts", "open one to change it", table("Table of accounts", &columns, rows))}
                {create(self)}
            </div>
        }
        .into_any()
    }
}

/// How an account stands, as a shape and a word.
pub(super) fn state(state: AccountState) -> AnyView {
    let shape = match state {
        AccountState::Active => Health::Ok,
        AccountState::Invited => Health::Unknown,
        AccountState::Disabled => return view! { <span class="nowrap">{state.word()}</span> }.into_any(),
    };
    health_as(shape, state.word().into_any())
}

fn account(account: &AccountRow) -> AnyView {
    let signed_in = account.signed_in.as_ref().map_or_else(|| "never".into_any(), |at| view! { {ago(at)}" ago" }.into_any());
    row(view! {
        {cell_name(view! { <a href=format!("/settings/accounts/{}", account.id)>{line(&account.name)}</a> })}
        {cell("Role", account.role.word())}
        {cell("State", state(account.state))}
        {cell_figure("Last sign-in", signed_in)}
        {cell_figure("Sessions", account.n_sessions.to_string())}
    })
}

fn create(list: &AccountList) -> AnyView {
    let faults = &list.faults;
    view! {
        <form class="panel" method="post" action="/settings/accounts" aria-labelledby="h-create" novalidate>
            <header><h2 id="h-create">"New account"</h2></header>
            <div class="pad stack">
                {other_faults(faults, &["name", "role"])}
                {text_field("name", "User name", &list.name_hint, &list.name, "text", "off", fault_of(faults, "name"))}
                {role_choice(list.role, fault_of(faults, "role"))}
                <p class="s">"A link is shown once, by which its owner sets the password."</p>
                <div class="btns"><button class="btn" data-kind="primary">"Make account"</button></div>
            </div>
        </form>
    }
    .into_any()
}
