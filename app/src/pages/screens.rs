//! `/settings/screens`: the screens on walls, and the form that pairs one.

use leptos::prelude::*;

use crate::{
    components::{
        ago, cell, cell_figure, cell_name, counted, crumbs, done_notice, empty, fault_of, figures, head, health_as, line, other_faults,
        panel, post_button, row, settings_way, table, text_field, words,
    },
    model::{Health, ScreenList, ScreenRow, ScreenState},
    render::Page,
};

impl Page for ScreenList {
    fn view(&self) -> AnyView {
        let paired = self.rows.iter().filter(|row| !matches!(row.state, ScreenState::Revoked(..))).count();
        let text = format!(
            "{} paired. A screen sees the wall and nothing else, and is never signed out.",
            counted(paired, "screen is", "screens are")
        );
        view! {
            {settings_way("/settings/screens")}
            {crumbs(&[("Settings", "/settings")], "Wall screens")}
            {head("screens-head", "Wall screens", &text, None)}
            {done_notice(self.done.as_deref())}
            <div class="split" data-split="aside">
                {list(self)}
                {pair(self)}
            </div>
        }
        .into_any()
    }
}

fn list(list: &ScreenList) -> AnyView {
    let body = if list.rows.is_empty() {
        let text = view! { "No screen is paired. Open "<code>"/wall"</code>" on one: it shows a code, which is typed here." };
        empty(text)
    } else {
        let columns = [words("Screen"), words("State"), figures("Last use"), words("From"), figures("Paired"), words("By"), words("")];
        table("Table of screens", &columns, list.rows.iter().map(screen).collect())
    };
    panel("screens", "Screens", "a revoked screen goes dark within 1 s", body)
}

fn screen(screen: &ScreenRow) -> AnyView {
    let (state, action) = match &screen.state {
        ScreenState::Looks => (health_as(Health::Ok, "live".into_any()), true),
        ScreenState::Away => (health_as(Health::Unknown, "not seen".into_any()), true),
        ScreenState::Revoked(at, by) => (view! { "revoked "{ago(at)}" ago by "{line(by)} }.into_any(), false),
    };
    let action = action.then(|| {
        let path = format!("/settings/screens/{}/revoke", screen.id);
        post_button(&path, &[], None, &format!("Revoke {}", screen.name))
    });
    let used = screen.used.as_ref().map_or_else(|| "never".into_any(), |at| view! { {ago(at)}" ago" }.into_any());
    row(view! {
        {cell_name(view! { <b>{line(&screen.name)}</b> })}
        {cell("State", state)}
        {cell_figure("Last use", used)}
        {cell("From", line(&screen.address))}
        {cell_figure("Paired", view! { {ago(&screen.paired)}" ago" })}
        {cell("By", line(&screen.by))}
        {cell_name(action)}
    })
}

fn pair(list: &ScreenList) -> AnyView {
    let faults = &list.faults;
    view! {
        <form class="panel" method="post" action="/settings/screens" aria-labelledby="h-pair" novalidate>
            <header><h2 id="h-pair">"Pair a screen"</h2><small>"a code ends after 10 min"</small></header>
            <div class="pad stack">
                {other_faults(faults, &["code", "name"])}
                {text_field("code", "Code on the screen", "8 letters and digits, as 7KQ4-M3XD; open /wall there to see it", &list.code, "text", "off", fault_of(faults, "code"))}
                {text_field("name", "Where it hangs", "as Ops room, left", &list.name, "text", "off", fault_of(faults, "name"))}
                <div class="btns"><button class="btn" data-kind="primary">"Pair screen"</button></div>
            </div>
        </form>
    }
    .into_any()
}
