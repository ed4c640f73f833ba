//! Any page that could not be given: what happened, what was not done, what to do next.

use leptos::prelude::*;

use crate::{
    components::{in_textarea, line as line_of, sentence},
    model::{Code, Health, Refusal},
    render::Page,
};

/// So many fields of a form are given back.
const FIELDS: usize = 20;
/// So many characters of each: more than a reason may have.
const LONGEST: usize = 2_000;

/// A refusal, with what was typed into the form that it answers.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// Why, and what next.
    pub refusal: &'a Refusal,
    /// What was typed, by the names of the fields.
    pub typed: &'a [(String, String)],
}

impl Page for Refused<'_> {
    fn view(&self) -> AnyView {
        view! { {self.refusal.view()}{typed(self.typed)} }.into_any()
    }
}

/// To be copied from, and not to be sent from here: the form that it belongs to may have changed.
fn typed(fields: &[(String, String)]) -> Option<AnyView> {
    let given: Vec<_> = fields.iter().filter(|(_, value)| !value.trim().is_empty()).take(FIELDS).map(field).collect();
    (!given.is_empty()).then(|| {
        view! { <section class="stack" aria-label="What you typed"><p>"What you typed, to be copied:"</p>{given}</section> }.into_any()
    })
}

fn field((name, value): &(String, String)) -> AnyView {
    let id = format!("typed-{name}");
    let text: String = value.chars().take(LONGEST).collect();
    view! {
        <div class="field">
            <label for=id.clone()>{line_of(name)}</label>
            <textarea id=id rows="2" readonly>{in_textarea(&text)}</textarea>
        </div>
    }
    .into_any()
}

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
