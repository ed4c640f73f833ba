//! The page behind the one-time set-up link: it makes the first administrator.

use leptos::prelude::*;

use crate::{
    components::{sentence, text_field},
    model::SetUp,
    render::Page,
};

impl Page for SetUp {
    fn view(&self) -> AnyView {
        let fault = |name: &str| self.faults.iter().find(|(field, _)| field == name).map(|(_, fault)| fault.as_str());
        let others: Vec<_> = self
            .faults
            .iter()
            .filter(|(field, _)| !matches!(field.as_str(), "name" | "password"))
            .map(|(_, fault)| view! { <p class="fault" role="alert">{sentence(fault)}</p> })
            .collect();
        view! {
            <form class="panel" method="post" action="/set-up" aria-labelledby="h-set-up" novalidate>
                <header><h1 id="h-set-up">"Make the first administrator"</h1></header>
                <div class="pad stack">
                    <p>"This link works once. The account made here keeps all others."</p>
                    {others}
                    <input type="hidden" name="token" value=self.token.clone()/>
                    {text_field("name", "User name", "letters, digits, dots and dashes", &self.name, "text", "username", fault("name"))}
                    {text_field("password", "Password", &self.password_hint, "", "password", "new-password", fault("password"))}
                    <div class="btns grow"><button class="btn" data-kind="primary">"Make administrator"</button></div>
                </div>
            </form>
            <p class="s">"It is written to the audit."</p>
        }
        .into_any()
    }
}
