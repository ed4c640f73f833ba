//! `/wall` before it is paired: the code, large, and how to confirm it.

use leptos::prelude::*;

use crate::{
    components::{sentence, shown},
    model::Pairing,
    render::Page,
};

impl Page for Pairing {
    fn view(&self) -> AnyView {
        let why = self.why.as_ref().map(|why| view! { <p class="pairing-why">{sentence(why)}</p> });
        let code = self.code.as_ref().map(|code| {
            let minutes = self.left_s.div_ceil(60);
            view! {
                <p class="pairing-code">{code.clone()}</p>
                <ol class="pairing-steps">
                    <li>"On another device, sign in as an administrator."</li>
                    <li>"Open Settings, Wall screens: " <b class="mono">{shown(&self.at, 200)}</b></li>
                    <li>"Type this code and say where the screen hangs. It then shows the wall by itself."</li>
                </ol>
                <p class="s">"The code works once, for " {minutes} " more min; then a new one comes by itself."</p>
            }
        });
        view! {
            <div class="pairing">
                <h1>"Pair this screen"</h1>
                {why}
                {code}
            </div>
        }
        .into_any()
    }
}
