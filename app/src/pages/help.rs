//! `/help`: what the shapes mean, the keys, the roles, how an action runs, what this console never does.
//! Places, keys and roles come from the lists that the rail, the island and the doors read.

use leptos::prelude::*;

use crate::{
    components::{head, health, key_list, line, panel, run_state, strokes},
    model::{ANYWHERE, GO, Health, Help, IN_THE_PALETTE, Role, RunState, Spot},
    render::Page,
};

impl Page for Help {
    fn view(&self) -> AnyView {
        let text = "What the shapes mean, how an action runs, and the keys. Everything here can also be reached by Tab and Enter.";
        view! {
            {head("help-head", "Help", text, None)}
            <div class="split">
                <div class="stack">{shapes()}{endings()}{action()}{never()}</div>
                <div class="stack">{anywhere(self)}{go(self)}{panel("palette-keys", "In the palette", "after Ctrl K", strokes(IN_THE_PALETTE))}{roles(self)}</div>
            </div>
        }
        .into_any()
    }
}

fn meanings(rows: Vec<(AnyView, &'static str)>) -> AnyView {
    let rows: Vec<_> = rows.into_iter().map(|(shape, text)| view! { <div><dt>{shape}</dt><dd>{text}</dd></div> }).collect();
    view! { <dl class="keys">{rows}</dl> }.into_any()
}

fn shapes() -> AnyView {
    let rows = vec![
        (health(Health::Ok), "Read within its deadline, and within its limits."),
        (health(Health::Degraded), "It works, and something is past its first limit."),
        (health(Health::Down), "It does not work, or is past its last limit."),
        (health(Health::Unknown), "Nothing is known: never read, or the answer could not be understood. Never drawn as ok."),
        (
            view! { <span class="stale-sample" data-stale="true">"stale"</span> }.into_any(),
            "Hatched: not read within its deadline. The old value is gone; the time of the last reading stands in its place.",
        ),
    ];
    panel("shapes", "Health", "a shape and a word, never color alone", meanings(rows))
}

fn endings() -> AnyView {
    let text = |state: RunState| match state {
        RunState::Queued => "Accepted and not begun.",
        RunState::Running => "Under way; its target is held until it ends.",
        RunState::Cancelling => "Somebody asked it to stop; the step that runs ends first.",
        RunState::Unknown => "It cannot be told whether the effect was made. No ending: the console keeps looking until it can tell.",
        RunState::Succeeded => "The effect was made, seen, and verified.",
        RunState::SucceededElsewhere => "The effect was made, but not where it was asked.",
        RunState::Failed => "It did not work; the run says how far it came.",
        RunState::Cancelled => "It was stopped; the run says after which step.",
        RunState::Refused => "A rule forbade it; nothing was done.",
    };
    let rows = RunState::ALL.into_iter().map(|state| (run_state(state), text(state))).collect();
    panel("endings", "How a run stands", "", meanings(rows))
}

fn action() -> AnyView {
    let steps = [
        (
            "Plan",
            "The form makes a plan by reading alone: steps, before and after, what depends on it, conditions, the same by hand, the undo.",
        ),
        (
            "Confirm",
            "You give a reason; what is dangerous also asks for the target's name. If the world moved since, nothing starts and the new plan is shown.",
        ),
        ("Hold", "The target is held: one run at a time, by whichever runbook."),
        (
            "Apply",
            "Each step's intent is written down before its effect. If the console dies, another one looks what was done and goes on from there.",
        ),
        ("Verify", "The run ends when its effect was seen, and with a sentence that says how."),
        ("Record", "Who, what, on what, why and how it ended stand in the audit, in one chain that cannot be changed unseen."),
    ];
    let steps: Vec<_> = steps.into_iter().map(|(title, text)| view! { <li><b>{title}</b>": " {text}</li> }).collect();
    panel("action", "How an action runs", "nothing starts before you confirm", view! { <ol class="pad stack help-list">{steps}</ol> })
}

fn never() -> AnyView {
    let never = [
        "It never shows old data as current, and never draws unknown as healthy.",
        "It never makes an effect that is not in the audit first. While its own store is away, actions are refused and reading goes on.",
        "It never runs what was not previewed, and never two runs on one target.",
        "It never tells an unknown ending as failed or done.",
        "It never needs scripts: every page and every button works without them.",
        "It never shows or records a secret.",
    ];
    let never: Vec<_> = never.into_iter().map(|text| view! { <li>{text}</li> }).collect();
    panel("never", "What this console never does", "", view! { <ul class="pad stack help-list">{never}</ul> })
}

fn anywhere(help: &Help) -> AnyView {
    let (value, title, text) = if help.keys {
        ("off", "Switch off single-letter keys", "They do nothing while you type in a field.")
    } else {
        ("on", "Switch on single-letter keys", "Single-letter keys are off in this browser; Ctrl K works.")
    };
    let switch = view! {
        <form class="pad btns" method="post" action="/keys" aria-label="Single-letter keys" novalidate>
            <button class="btn" name="keys" value=value>{title}</button>
            <small>{text}</small>
        </form>
    };
    panel("keys", "Keys", "on every page", view! { {strokes(ANYWHERE)}{switch} })
}

fn go(help: &Help) -> AnyView {
    let entry = |spot: &&Spot| (vec![GO.to_owned(), spot.key.to_string()], spot.title.to_owned());
    panel("go", "Go to", "two keys, one after the other", key_list(help.places.iter().map(entry)))
}

fn roles(help: &Help) -> AnyView {
    let text = |role: Role| match role {
        Role::Viewer => "Sees health, runbooks and runs.",
        Role::Auditor => "Also reads the audit and takes it out; runs nothing.",
        Role::Responder => "Also reads the audit, and runs what needs a responder.",
        Role::Operator => "Runs what needs an operator.",
        Role::Admin => "Runs every approved runbook, keeps the accounts, takes the audit out.",
    };
    let rows = Role::ALL
        .into_iter()
        .map(|role| {
            let mine = help.me.as_ref().is_some_and(|me| me.role == role).then(|| view! { <small>" you"</small> });
            (view! { {role.word()}{mine} }.into_any(), text(role))
        })
        .collect();
    let who = help.me.as_ref().map(|me| view! { "you are " {line(&me.name)} });
    panel("roles", "Roles", who, meanings(rows))
}
