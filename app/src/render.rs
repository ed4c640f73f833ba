//! From values to HTML text: whole documents, the content of `<main>`, and the fragments that replace parts of it live.
//!
//! `<main>` is what every viewer of a page shares: the server renders it once per change and sends the same bytes to everyone.
//! The frame around it belongs to one response: it carries the person's name, theme and nonce.

mod wall;

use std::hash::{DefaultHasher, Hasher};

use leptos::prelude::*;

use crate::{
    components,
    model::{Assets, Frame, Health, Running, Topic},
};

pub use wall::wall_document;

/// A page: something with content for `<main>`.
pub trait Page {
    /// The content of `<main>`.
    fn view(&self) -> AnyView;
}

/// A page whose parts are replaced while somebody looks at it.
pub trait LivePage: Page {
    /// The parts in page order, each one element that carries its id; [`Page::view`] is composed of exactly these.
    fn parts(&self) -> Vec<Part>;
}

/// One part of a live page.
pub struct Part {
    /// The element's id.
    pub id: String,
    /// The element.
    pub view: AnyView,
}

impl Part {
    /// A part and its id.
    #[must_use]
    pub fn new(id: impl Into<String>, view: AnyView) -> Self {
        Self { id: id.into(), view }
    }
}

/// One element of a page as text, with the id that it replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The element's id.
    pub id: String,
    /// The element, `outerHTML`.
    pub html: String,
}

impl Fragment {
    /// A number that differs when anything but ages and clocks differs: what decides whether the fragment is sent again.
    /// Ages alone go out as heartbeats.
    #[must_use]
    pub fn content(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for piece in without_ages(&self.html) {
            hasher.write(piece.as_bytes());
        }
        hasher.finish()
    }
}

/// The pieces of a fragment between what grows by itself: `<time>` elements that a browser keeps up to date, and the buckets of
/// `fresh-*` classes. Texts from outside cannot look like either, since their `<` is escaped.
fn without_ages(html: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (before, tag_on) = rest.split_at(at);
        pieces.push(before);
        let tag = &tag_on[..tag_on.find('>').map_or(tag_on.len(), |end| end + 1)];
        rest = &tag_on[tag.len()..];
        if tag.starts_with("<time") && GROWING.iter().any(|name| tag.contains(name)) {
            rest = rest.split_once("</time>").map_or("", |(_, after)| after);
        } else if let Some((head, bucket)) = tag.split_once(" fresh-") {
            pieces.push(head);
            pieces.push(bucket.trim_start_matches(|letter: char| letter.is_ascii_digit()));
        } else {
            pieces.push(tag);
        }
    }
    pieces.push(rest);
    pieces
}

/// A fragment taken apart: most changes are one figure's, and then only that figure is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The fragment without its figures.
    pub around: String,
    /// Its elements with `data-part`, each with its own id, in the order in which they stand.
    pub inner: Vec<Fragment>,
}

/// Takes a fragment's elements with `data-part` out of it. They do not stand inside each other.
#[must_use]
pub fn split(html: &str) -> Split {
    let mut around = String::with_capacity(html.len());
    let mut inner = Vec::new();
    let mut rest = html;
    while let Some((before, element, id, after)) = next_part(rest) {
        around.push_str(before);
        inner.push(Fragment { id: id.to_owned(), html: element.to_owned() });
        rest = after;
    }
    around.push_str(rest);
    Split { around, inner }
}

/// What stands before the next element with `data-part`, the element, its id, and what follows. Texts from outside cannot look like
/// one, since their `<` is escaped.
fn next_part(html: &str) -> Option<(&str, &str, &str, &str)> {
    let mut from = 0;
    loop {
        let begin = from + html.get(from..)?.find('<')?;
        let tag = html.get(begin..begin + html.get(begin..)?.find('>')? + 1)?;
        from = begin + tag.len();
        let Some(id) = tag.contains(" data-part").then(|| attribute(tag, "id")).flatten() else { continue };
        let name = tag.get(1..)?.split([' ', '>']).next()?;
        let end = from + end_of(name, html.get(from..)?)?;
        return Some((html.get(..begin)?, html.get(begin..end)?, id, html.get(end..)?));
    }
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = tag.split_once(&format!(" {name}=\""))?;
    value.split('"').next()
}

/// Where the element called `name` ends, whose opening tag stands just before `html`.
fn end_of(name: &str, html: &str) -> Option<usize> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let (mut depth, mut at) = (1_usize, 0);
    loop {
        let rest = html.get(at..)?;
        let closing = rest.find(&close)?;
        let opening = rest.match_indices(&open).map(|(found, _)| found).find(|found| {
            // `<s` is no `<span`.
            rest.as_bytes().get(found + open.len()).is_some_and(|next| matches!(next, b' ' | b'>'))
        });
        match opening.filter(|opening| *opening < closing) {
            Some(opening) => (depth, at) = (depth + 1, at + opening + open.len()),
            None => (depth, at) = (depth - 1, at + closing + close.len()),
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Attributes of `<time>` elements whose text grows by itself.
const GROWING: [&str; 3] = [" data-age=", " data-clock=", " data-gone"];

/// The content of `<main>`. The same value gives the same bytes.
#[must_use]
pub fn main_of<P: Page + ?Sized>(page: &P) -> String {
    page.view().to_html()
}

/// The parts of a live page, for comparing with the last ones and sending what differs.
#[must_use]
pub fn fragments<P: LivePage + ?Sized>(page: &P) -> Vec<Fragment> {
    page.parts().into_iter().map(|part| Fragment { id: part.id, html: part.view.to_html() }).collect()
}

/// The part of the top strip that tells of running actions: every live view carries it along.
#[must_use]
pub fn strip(running: &Running) -> Fragment {
    Fragment { id: components::STRIP_RUNS.to_owned(), html: components::strip_runs(running).to_html() }
}

/// Three hops and the line through them, as an address that needs no request of its own.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%236d2159'/%3E%3Cpath d='M3 8h10' stroke='%23fff' stroke-width='1.5'/%3E%3Cg fill='%23fff'%3E%3Ccircle cx='3.5' cy='8' r='2'/%3E%3Ccircle cx='8' cy='8' r='2'/%3E%3Ccircle cx='12.5' cy='8' r='2'/%3E%3C/g%3E%3C/svg%3E";

/// How often a page reloads itself where no script runs, in seconds: the slowest period of a probe's deadline.
const RELOAD_S: u8 = 15;

/// The whole document around the content of `<main>`.
#[must_use]
pub fn document(frame: &Frame, main: &str) -> String {
    let mut html = String::with_capacity(main.len() + 8_192);
    html.push_str("<!doctype html>");
    let head = head(frame, "light dark", reloads(frame).then_some(RELOAD_S));
    let body = if frame.me.is_some() { inside(frame, main) } else { outside(frame, main) };
    let theme = match frame.theme {
        crate::model::Theme::System => None,
        theme => Some(theme.word()),
    };
    html.push_str(&view! { <html lang="en" data-theme=theme>{head}{body}</html> }.to_html());
    html
}

/// What stands in `<head>`; `reload` is after how many seconds the page reloads itself where no script runs.
fn head(frame: &Frame, schemes: &'static str, reload: Option<u8>) -> AnyView {
    view! {
        <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <meta name="color-scheme" content=schemes/>
            <meta name="referrer" content="same-origin"/>
            <title>{title(frame)}</title>
            <link rel="icon" href=ICON/>
            <link rel="stylesheet" href=frame.assets.css.clone()/>
            {script(&frame.assets, &frame.nonce)}
            {reload.map(|seconds| {
                view! { <noscript inner_html=format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">")></noscript> }
            })}
        </head>
    }
    .into_any()
}

/// What names the build that drew a page: a page of another build is told to load itself again.
#[must_use]
pub fn build(version: &str, assets: &Assets) -> String {
    let mut hasher = DefaultHasher::new();
    for part in [version, &assets.css, &assets.loader] {
        hasher.write(part.as_bytes());
        hasher.write_u8(0);
    }
    format!("{:016x}", hasher.finish())
}

/// A page with its own live view reloads itself where no script runs. Others stay: somebody may be typing.
fn reloads(frame: &Frame) -> bool {
    frame.live.as_ref().is_some_and(|(topic, _)| *topic != Topic::Strip)
}

fn title(frame: &Frame) -> String {
    let estate = format!("{} {} · Quarterdeck", frame.estate, frame.environment);
    let title = if frame.title.is_empty() { estate } else { format!("{} · {estate}", frame.title) };
    components::shown(&title, 200)
}

fn script(assets: &Assets, nonce: &str) -> Option<AnyView> {
    (!assets.loader.is_empty())
        .then(|| view! { <script type="module" src=assets.loader.clone() nonce=nonce.to_owned()></script> }.into_any())
}

/// For whoever is signed in: strip, rail, content.
fn inside(frame: &Frame, main: &str) -> AnyView {
    let (topic, since) = frame.live.as_ref().map(|(topic, seq)| (topic.to_string(), seq.to_string())).unzip();
    view! {
        <body
            class="frame"
            data-env=frame.environment.clone()
            data-topic=topic
            data-since=since
            data-build=build(frame.version, &frame.assets)
            data-keys=(!frame.keys).then_some("off")
        >
            <a class="skip" href="#main">"Skip to content"</a>
            {components::top(frame)}
            {components::rail(frame)}
            <div class="page">
                {notice(frame)}
                <main id="main" inner_html=main.to_owned()></main>
                <footer class="request">{request_line(frame)}</footer>
            </div>
            {components::palette()}
        </body>
    }
    .into_any()
}

/// For whoever is not: the environment's name and the content.
fn outside(frame: &Frame, main: &str) -> AnyView {
    view! {
        <body class="door" data-env=frame.environment.clone()>
            <div class="door-page">
                <header class="door-env">{components::shown(&frame.estate, 80)}" "<b>{components::shown(&frame.environment, 80)}</b></header>
                {notice(frame)}
                <main id="main" inner_html=main.to_owned()></main>
                <footer class="door-foot">
                    {components::themes(frame.theme)}
                    <small>"Quarterdeck " {frame.version}</small>
                    {request_line(frame)}
                </footer>
            </div>
        </body>
    }
    .into_any()
}

/// What the console has to say about itself, above every page.
fn notice(frame: &Frame) -> Option<AnyView> {
    frame
        .notice
        .as_ref()
        .map(|text| components::notice(Health::Degraded, "About this console", "This console".into_any(), components::sentence(text)))
}

/// The id to quote, where everybody can find it.
fn request_line(frame: &Frame) -> Option<AnyView> {
    (!frame.request_id.is_empty())
        .then(|| view! { <small>"Request " <code>{components::shown(&frame.request_id, 64)}</code></small> }.into_any())
}
