//! `/settings/sessions`: who is signed in.

use leptos::prelude::*;

use crate::{
    components::{counted, crumbs, empty, head, panel, session_table, settings_way},
    model::SessionList,
    render::Page,
};

impl Page for SessionList {
    fn view(&self) -> AnyView {
        let count = self.rows.len() + self.more;
        let line =
            format!("{} open. A session that is ended ends at once, in open pages too.", counted(count, "session is", "sessions are"));
        let more = (self.more > 0)
            .then(|| view! { <p class="pad more-line">"and "{self.more}" older ones: end those of one account on its page"</p> });
        let body =
            if self.rows.is_empty() { empty("Nobody is signed in.") } else { view! { {session_table(&self.rows, true)}{more} }.into_any() };
        view! {
            {settings_way("/settings/sessions")}
            {crumbs(&[("Settings", "/settings")], "Sessions")}
            {head("sessions-head", "Sessions", &line, None)}
            {panel("sessions", "Sessions", "newest first", body)}
        }
        .into_any()
    }
}
