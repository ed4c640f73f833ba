//! `/runbooks/ID`: the form that makes a plan. Nothing runs from here.

use leptos::prelude::*;

use crate::{
    components::{counted, crumbs, head, health_as, line, notice, panel, parameter, sentence, shown, target_choice},
    model::{Health, RunbookForm},
    render::Page,
};

impl Page for RunbookForm {
    fn view(&self) -> AnyView {
        let refused =
            self.refused.as_ref().map(|why| notice(Health::Degraded, "Why no plan was made", "No plan was made".into_any(), sentence(why)));
        view! {
            {crumbs(&[("Runbooks", "/runbooks")], &self.card.title)}
            {head("runbook-head", line(&self.card.title), &self.card.purpose, None)}
            {refused}
            <div class="split" data-split="aside">{form(self)}{about(self)}</div>
        }
        .into_any()
    }
}

fn form(form: &RunbookForm) -> AnyView {
    let fields: Vec<_> = form.fields.iter().map(parameter).collect();
    let button = match &form.card.refused {
        None => view! { <button class="btn" data-kind="primary">"Make the plan"</button> }.into_any(),
        Some(why) => view! {
            <button class="btn" type="button" aria-disabled="true" aria-describedby="why-not">"Make the plan"</button>
            <p class="why" id="why-not">{sentence(why)}</p>
        }
        .into_any(),
    };
    view! {
        <form class="panel" method="post" action=format!("/runbooks/{}/plan", form.card.id) aria-labelledby="h-parameters" novalidate>
            <header><h2 id="h-parameters">"Parameters"</h2><small>"a plan is made from reads alone; nothing runs before you confirm"</small></header>
            <div class="pad stack narrow">
                {target_choice(&form.card.targets, form.target.as_ref(), None)}
                {fields}
                <div class="btns">{button}</div>
            </div>
        </form>
    }
    .into_any()
}

fn about(form: &RunbookForm) -> AnyView {
    let card = &form.card;
    let may = if card.refused.is_none() { health_as(Health::Ok, "you may run it".into_any()) } else { "not by you".into_any() };
    let facts = view! {
        <dl class="facts pad">
            <dt>"Needs"</dt><dd>{card.role.word()}", " {may}</dd>
            <dt>"Risk"</dt><dd>{card.risk.word()}</dd>
            <dt>"Allowed on"</dt><dd>{format!("{} of this estate", counted(card.targets.len(), "system", "systems"))}</dd>
        </dl>
    };
    let help = (!form.help.is_empty()).then(|| {
        let lines: Vec<_> = form.help.iter().map(|help| view! { <p>{sentence(help)}</p> }).collect();
        panel("help", "What it does otherwise than the guide", "and why", view! { <div class="pad stack">{lines}</div> })
    });
    view! { <div class="stack">{panel("about", "This runbook", shown(&card.id, 80), facts)}{help}</div> }.into_any()
}
