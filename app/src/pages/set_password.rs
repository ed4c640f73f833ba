//! The page behind a one-time password link.

use leptos::prelude::*;

use crate::{
    components::{new_password, other_faults, shown},
    model::SetPassword,
    render::Page,
};

impl Page for SetPassword {
    fn view(&self) -> AnyView {
        let Some(account) = &self.account else {
            return view! {
                <section class="panel" aria-labelledby="h-spent">
                    <header><h1 id="h-spent">"This link sets no password"</h1></header>
                    <div class="pad stack">
                        <p>"It was used, is too old, or another one was made after it. Nothing was changed."</p>
                        <p>"Ask an administrator for a new one, or "<a href="/sign-in">"sign in"</a>"."</p>
                    </div>
                </section>
            }
            .into_any();
        };
        view! {
            <form class="panel" method="post" action="/password" aria-labelledby="h-set" novalidate>
                <header><h1 id="h-set">"Set the password of "{shown(account, 64)}</h1></header>
                <div class="pad stack">
                    <p>"This link works once. Every open session of the account ends."</p>
                    {other_faults(&self.faults, &["password", "again"])}
                    <input type="hidden" name="token" value=self.token.clone()/>
                    <input type="hidden" name="username" value=account.clone() autocomplete="username"/>
                    {new_password(&self.faults, &self.password_hint)}
                    <div class="btns grow"><button class="btn" data-kind="primary">"Set password"</button></div>
                </div>
            </form>
            <p class="s">"It is written to the audit. Sign in with it afterwards."</p>
        }
        .into_any()
    }
}
