//! The document of a screen on a wall: nothing to press, its own theme, one screen without scrolling.

use leptos::prelude::*;

use super::{build, head};
use crate::{
    islands::Live,
    model::{Assets, Frame},
};

/// How often a wall reloads itself where no script runs, in seconds.
const RELOAD_S: u8 = 10;

/// The whole document around the content of `<main>`. With a live view it is followed; without one, somebody is standing before it.
#[must_use]
pub fn wall_document(frame: &Frame, main: &str) -> String {
    let (topic, since) = frame.live.as_ref().map(|(topic, seq)| (topic.to_string(), seq.to_string())).unzip();
    // What waits to be paired asks again by itself; a script would have nothing to do.
    let loader = if frame.live.is_some() { frame.assets.loader.clone() } else { String::new() };
    let framed = Frame { assets: Assets { loader, ..frame.assets.clone() }, ..frame.clone() };
    let head = head(&framed, "dark", frame.live.is_some().then_some(RELOAD_S));
    let live = frame.live.is_some().then(|| view! { <Live/> });
    let document = view! {
        <html lang="en" data-theme="wall">
            {head}
            <body
                class="wall"
                data-env=frame.environment.clone()
                data-topic=topic
                data-since=since
                data-build=build(frame.version, &frame.assets)
            >
                {live}
                <main id="main" inner_html=main.to_owned()></main>
            </body>
        </html>
    };
    format!("<!doctype html>{}", document.to_html())
}
