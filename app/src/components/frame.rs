//! The frame of every page: top strip and rail.

use leptos::prelude::*;

use super::{find_link, fresh_class, icon, icon::MORE, line, shown, stale, text::LINE};
use crate::{
    islands::{Keys, Live},
    model::{Frame, Me, Running, Seen, Spot, Theme},
};

/// Environment, running actions, age of the newest data, who is signed in; always in this order.
#[must_use]
pub fn top(frame: &Frame) -> AnyView {
    let live = frame.live.is_some().then(|| view! { <Live/> });
    view! {
        <header class="top">
            {live}
            <Keys/>
            <a class="top-env" href="/"><span>{shown(&frame.estate, LINE)}</span>" "<span>{shown(&frame.environment, LINE)}</span></a>
            <ul aria-label="State of the console">
                {strip_runs(&frame.running)}
                {data(frame.data.as_ref())}
                {frame.me.is_some().then(find_link)}
                {frame.me.as_ref().map(who)}
            </ul>
        </header>
    }
    .into_any()
}

/// The running actions, as one element of the strip.
#[must_use]
pub fn strip_runs(running: &Running) -> AnyView {
    let lost = running.lost.is_some().then_some("true");
    view! { <li id=STRIP_RUNS data-stale=lost><span class="lbl">"Runs"</span>{runs(running)}</li> }.into_any()
}

/// The id of [`strip_runs`].
pub const STRIP_RUNS: &str = "strip-runs";

fn runs(Running { runs: running, lost }: &Running) -> AnyView {
    if let Some(lost) = lost {
        return view! { <span>"not known since "{super::time_of_day(*lost)}</span> }.into_any();
    }
    let Some(first) = running.first() else {
        return view! { <span>"none running"</span> }.into_any();
    };
    let clock = super::clock(first.elapsed_ms, true);
    let longest = super::clock(running.iter().map(|run| run.elapsed_ms).max().unwrap_or_default(), true);
    if running.len() == 1 {
        view! { <a href=format!("/runs/{}", first.id) title=shown(&first.title, LINE)>{shown(&first.title, 48)}", " {clock}</a> }.into_any()
    } else {
        view! { <a href="/runs?state=open">{running.len()}" running, longest " {longest}</a> }.into_any()
    }
}

/// "live, 1 s" or "no data for 14 s"; the live island keeps it true.
fn data(seen: Option<&Seen>) -> AnyView {
    let Some(seen) = seen else {
        return view! { <li data-stale="true" id="data"><span class="lbl">"Data"</span><span>"none yet"</span></li> }.into_any();
    };
    view! {
        <li class=fresh_class("top-data", Some(seen)) data-stale=stale(Some(seen)) id="data" data-deadline=seen.deadline_ms.to_string()>
            <span class="lbl">"Data"</span>
            <span><span class="if-fresh">"live, "</span><span class="if-stale">"no data "<span class="counting">"for "</span><span class="standing">"since "{super::last_read(seen)}</span></span>{super::age(seen)}</span>
        </li>
    }
    .into_any()
}

fn who(me: &Me) -> AnyView {
    view! { <li class="top-who"><b>{line(&me.name)}</b><span class="lbl">{me.role.word()}</span></li> }.into_any()
}

/// The places. On a phone: four tabs at the bottom, the others behind "More" (a popover, which needs no script).
#[must_use]
pub fn rail(frame: &Frame) -> AnyView {
    let spots: Vec<_> = frame.places().collect();
    let all: Vec<_> =
        spots.iter().enumerate().map(|(at, spot)| entry(frame, spot, at.checked_sub(1).map(|before| spots[before]))).collect();
    let rest: Vec<_> = spots.iter().filter(|spot| !spot.tab).map(|spot| view! { <li>{place(frame, spot, false)}</li> }).collect();
    let behind = spots.iter().any(|spot| spot.place == frame.place && !spot.tab).then_some("true");
    view! {
        <nav class="rail" aria-label="Main">
            <div>
                <ul>{all}</ul>
                <button class="more" type="button" popovertarget="more" aria-current=behind>{icon(MORE)}"More"</button>
                <div class="rail-rest" id="more" popover="auto">
                    <ul>{rest}</ul>
                    <div class="rail-foot">{foot(frame)}</div>
                </div>
            </div>
        </nav>
    }
    .into_any()
}

/// One line of the whole list: a gap above where another group begins, and marked if it stays where there is room for four.
fn entry(frame: &Frame, spot: &'static Spot, before: Option<&Spot>) -> AnyView {
    let gap = before.is_some_and(|before| before.group != spot.group).then_some("");
    view! { <li data-tab=spot.tab.then_some("") data-gap=gap>{place(frame, spot, true)}</li> }.into_any()
}

/// The link to a place; with the key that leads there after `g`, which the page's island reads from here.
fn place(frame: &Frame, spot: &'static Spot, keyed: bool) -> AnyView {
    let current = (frame.place == spot.place).then_some("page");
    let key = keyed.then(|| spot.key.to_string());
    view! { <a href=spot.path aria-current=current data-key=key>{icon(spot.icon)}{spot.title}</a> }.into_any()
}

/// Theme, sign-out, version: small, at the foot of the rail.
fn foot(frame: &Frame) -> AnyView {
    let sign_out = frame.me.as_ref().map(|me| {
        view! {
            <form method="post" action="/sign-out" novalidate>
                <button>"Sign out " {shown(&me.name, 32)}</button>
            </form>
        }
    });
    view! {
        {themes(frame.theme)}
        {sign_out}
        <small>"Quarterdeck " {frame.version}</small>
    }
    .into_any()
}

/// Light, dark, or as the system says: a plain form.
#[must_use]
pub fn themes(now: Theme) -> AnyView {
    let button = |theme: Theme, name: &'static str| {
        view! { <button name="theme" value=theme.word() aria-pressed=(theme == now).to_string()>{name}</button> }
    };
    view! {
        <form class="themes" method="post" action="/theme" aria-label="Theme" novalidate>
            {button(Theme::Light, "Light")}
            {button(Theme::Dark, "Dark")}
            {button(Theme::System, "System")}
        </form>
    }
    .into_any()
}
