//! `/sign-in`: local accounts; it needs nothing but this console.

use leptos::prelude::*;

use crate::{
    components::{notice, sentence, text_field},
    model::{Health, SignIn},
    render::Page,
};

impl Page for SignIn {
    fn view(&self) -> AnyView {
        let refused = self
            .refused
            .as_ref()
            .map(|why| notice(Health::Degraded, "Why you are not signed in", "Not signed in".into_any(), sentence(why)));
        view! {
            {refused}
            <form class="panel" method="post" action="/sign-in" aria-labelledby="h-sign-in" novalidate>
                <header><h1 id="h-sign-in">"Sign in to Quarterdeck"</h1></header>
                <div class="pad stack">
                    <input type="hidden" name="next" value=self.next.clone()/>
                    {text_field("name", "User name", "", &self.name, "text", "username", None)}
                    {text_field("password", "Password", "", "", "password", "current-password", None)}
                    <div class="btns grow"><button class="btn" data-kind="primary">"Sign in"</button></div>
                </div>
            </form>
            <p class="s">"Every sign-in, also a failed one, is written to the audit."</p>
        }
        .into_any()
    }
}
