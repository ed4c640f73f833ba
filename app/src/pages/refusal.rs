//! Any page that could not be given: what happened, what was not done, what to do next.

use leptos::prelude::*;

use crate::{
    components::sentence,
    model::{Code, Health, Refusal},
    render::Page,
};

impl Page for Refusal {
    fn view(&self) -> AnyView {
        let health = match self.code {
            Code::Internal | Code::StoreUnavailable | Code::Unreachable => Health::Down,
            _ => Health::Degraded,
        };
        let (not_done, next) = (line(&self.not_done), line(&self.next));
        view! {
            <div class="notice refusal" data-health=health.word()>
                <div class="stack">
                    <h1>{sentence(&self.what)}</h1>
                    {not_done}
                    {next}
                    <p class="btns">{self.way_out()}</p>
                    <p><small>{self.code.status()}" " {self.code.word()}</small></p>
                </div>
            </div>
        }
        .into_any()
    }
}

fn line(text: &str) -> Option<AnyView> {
    (!text.is_empty()).then(|| view! { <p>{sentence(text)}</p> }.into_any())
}

impl Refusal {
    fn way_out(&self) -> AnyView {
        if self.code == Code::SignedOut {
            view! { <a class="btn" data-kind="primary" href="/sign-in">"Sign in"</a> }.into_any()
        } else {
            view! { <a class="btn" href="/">"Go to the overview"</a> }.into_any()
        }
    }
}
