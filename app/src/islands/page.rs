//! The page as the island sees it: replaces parts, rewrites ages, hatches what is stale.

use js_sys::{Date, Reflect};
use leptos::prelude::{RwSignal, Set};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Document, Element, HtmlElement, Node, Window};

use super::ages::{Ages, Clock, Now};
use crate::model::{age_words, clock_words};

/// What a reading's box looks like to `closest`: the server marks it with a bucket, or with its staleness.
const BOX: &str = "[class*=\"fresh-\"],[data-stale]";
/// A page that was just loaded is not loaded again at once; and whether it could be is asked no more often.
const SETTLED_MS: f64 = 5_000.0;

/// The page and what is known about its ages.
pub struct Page {
    window: Window,
    document: Document,
    clock: Clock,
    ages: Ages,
    voice: RwSignal<String>,
    /// Whether the strip says that there is no new data.
    lost: bool,
    /// Whether the page is to be loaded again as soon as it may.
    outdated: bool,
    /// Before this moment it is not asked whether the page can be loaded.
    settled: Now,
    /// Loads the page again when the console has answered for it. Made once: a wall may ask for months.
    answered: Closure<dyn FnMut(JsValue)>,
}

impl Page {
    /// The page of this tab; none outside a browser.
    pub fn here(voice: RwSignal<String>) -> Option<Self> {
        let window = web_sys::window()?;
        let document = window.document()?;
        // From here on, age is counted here: the style sheet's own timers stop.
        document.document_element()?.set_attribute("data-live", "").ok()?;
        let clock = Clock::new(window.performance()?.now(), Date::now());
        let location = window.location();
        let answered = Closure::new(move |response: JsValue| {
            let ok = Reflect::get(&response, &"ok".into()).is_ok_and(|ok| ok.is_truthy());
            if let (true, Ok(path), Ok(query)) = (ok, location.pathname(), location.search()) {
                let _ = location.replace(&format!("{path}{query}"));
            }
        });
        let ages = Ages::default();
        Some(Self { window, document, clock, ages, voice, lost: false, outdated: false, settled: SETTLED_MS, answered })
    }

    /// The window.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Whether the tab is out of sight.
    pub fn is_hidden(&self) -> bool {
        self.document.hidden()
    }

    /// What the page follows, and the sequence number that it was drawn from.
    pub fn topic(&self) -> Option<(String, f64)> {
        let body = self.document.body()?;
        let since = body.get_attribute("data-since")?.parse().ok()?;
        Some((body.get_attribute("data-topic")?, since))
    }

    /// Which build drew this page.
    pub fn build(&self) -> String {
        self.document.body().and_then(|body| body.get_attribute("data-build")).unwrap_or_default()
    }

    fn now(&mut self) -> Now {
        let monotonic = self.window.performance().map_or(0.0, |performance| performance.now());
        self.clock.now(monotonic, Date::now())
    }

    /// Loads the page again, once the console answers for it: in place of a page of a browser or a proxy nothing would come back. One that
    /// was just loaded waits, so that a fault of the server's cannot make it spin, and so does one into which somebody has typed.
    pub fn reload(&mut self) {
        self.outdated = true;
        let now = self.now();
        if now < self.settled || self.is_typed_into() {
            return;
        }
        self.settled = now + SETTLED_MS;
        // A wall's own address may tell a revoked screen that it was, and tells so once: to whoever looks at it.
        let is_wall = self.topic().is_some_and(|(topic, _)| topic == "wall");
        let address = if is_wall { Ok("/healthz".to_owned()) } else { self.window.location().href() };
        if let Ok(address) = address {
            let _ = self.window.fetch_with_str(&address).then2(&self.answered, &self.answered);
        }
    }

    fn is_typed_into(&self) -> bool {
        let typed = |field: &Element| {
            let text = |name: &str| Reflect::get(field, &name.into()).ok().and_then(|text| text.as_string());
            text("value") != text("defaultValue")
        };
        self.document.document_element().is_some_and(|root| all(&root, "input,textarea").iter().any(typed))
    }

    /// `{"AGE_S":[SOURCE,…],…}`: a heartbeat.
    pub fn heartbeat(&mut self, ages: &JsValue) {
        let now = self.now();
        let Some(ages) = ages.dyn_ref::<js_sys::Object>() else {
            return;
        };
        for entry in js_sys::Object::entries(ages).iter() {
            let entry: js_sys::Array = entry.unchecked_into();
            let age = entry.get(0).as_string().and_then(|age| age.parse::<f64>().ok());
            let sources = entry.get(1);
            let (Some(age), Some(sources)) = (age, sources.dyn_ref::<js_sys::Array>()) else { continue };
            for source in sources.iter().filter_map(|source| source.as_f64()) {
                self.ages.heard(source as u32, age * 1_000.0, now);
            }
        }
        self.ages.tidy(now);
        self.tick();
    }

    /// `[{"id":…,"html":…},…]`, drawn so many milliseconds ago: each replaces the element with its id.
    pub fn patch(&mut self, fragments: &JsValue, old: f64) {
        let drawn = self.now() - old;
        let mut is_whole = true;
        let Some(fragments) = fragments.dyn_ref::<js_sys::Array>() else {
            return;
        };
        for fragment in fragments.iter() {
            let text = |name: &str| Reflect::get(&fragment, &name.into()).ok().and_then(|text| text.as_string());
            let (Some(id), Some(html)) = (text("id"), text("html")) else {
                continue;
            };
            match self.document.get_element_by_id(&id) {
                Some(element) => self.replace(&element, &id, &html, drawn),
                None => is_whole = false,
            }
        }
        // The page has another shape by now, such as a new system: only the server can draw that.
        if !is_whole {
            self.reload();
        }
        self.tick();
    }

    fn replace(&mut self, old: &Element, id: &str, html: &str, drawn: Now) {
        let figures = texts(old, ".fig");
        let said = old.get_attribute("data-voice");
        let focus = self.focus_in(old);
        let open = opened(old);
        old.set_outer_html(html);
        let Some(new) = self.document.get_element_by_id(id) else {
            return;
        };
        for (figure, before) in all(&new, ".fig").into_iter().zip(figures) {
            if figure.text_content() != before {
                let _ = figure.set_attribute("data-changed", "true");
            }
        }
        for element in all(&new, "[data-age],[data-clock],[data-utc]") {
            let _ = element.set_attribute("data-at", &drawn.to_string());
        }
        for (id, is_open) in open {
            if let Some(fold) = self.document.get_element_by_id(&id) {
                let _ = fold.toggle_attribute_with_force("open", is_open);
            }
        }
        if let Some(selector) = focus {
            self.refocus(&new, &selector);
        }
        match new.get_attribute("data-voice") {
            Some(words) if said.as_ref() != Some(&words) => self.voice.set(words),
            _ => {}
        }
    }

    /// How to find the focused element again: by its id, its address, or its name.
    fn focus_in(&self, element: &Element) -> Option<String> {
        let focused = self.document.active_element()?;
        let node: &Node = focused.as_ref();
        if !element.contains(Some(node)) {
            return None;
        }
        ["id", "href", "name"].into_iter().find_map(|name| {
            let value = focused.get_attribute(name).filter(|value| !value.is_empty())?;
            Some(format!("[{name}=\"{}\"]", value.replace('\\', "\\\\").replace('"', "\\\"")))
        })
    }

    fn refocus(&self, new: &Element, selector: &str) {
        let found = if new.matches(selector).unwrap_or(false) { Some(new.clone()) } else { new.query_selector(selector).ok().flatten() };
        if let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            let _ = element.focus();
        }
    }

    /// Once a second: every age says how old it is now, and what is past its deadline is hatched.
    pub fn tick(&mut self) {
        let now = self.now();
        if self.outdated {
            self.reload();
        }
        let Some(root) = self.document.document_element() else {
            return;
        };
        for element in all(&root, "[data-clock]") {
            let base = number(&element, "data-clock");
            write(&element, &clock_words((base + now - number(&element, "data-at")) as u64));
        }
        for element in all(&root, "[data-utc]") {
            time_of_day(&root, &element, number(&element, "data-utc") + now - number(&element, "data-at"));
        }
        for element in all(&root, "[data-age]") {
            self.age(&element, now);
        }
    }

    fn age(&mut self, element: &Element, now: Now) {
        let own = number(element, "data-age") + now - number(element, "data-at");
        let is_strip = element.closest("#data").ok().flatten().is_some();
        let source = element.get_attribute("data-seen").and_then(|source| source.parse().ok());
        let heard = if is_strip { self.ages.newest(now) } else { source.and_then(|source| self.ages.of(source, now)) };
        let age = heard.unwrap_or(own).max(0.0);
        write(element, &age_words(age as u64));
        let Some(deadline) = element.get_attribute("data-deadline").and_then(|deadline| deadline.parse::<f64>().ok()) else {
            return;
        };
        let later = own - age;
        if later.abs() >= 1_000.0 {
            restate(element, later);
        }
        let is_stale = age > deadline;
        if is_strip && is_stale != self.lost {
            self.lost = is_stale;
            self.voice.set(if is_stale { "No new data".into() } else { "Data is live again".into() });
        }
        if let Some(boxed) = element.closest(BOX).ok().flatten() {
            hatch(&boxed, is_stale, element);
        }
    }
}

/// Marks a box as stale or not. A box that the server drew as stale holds no value: only a new one from the server clears it.
fn hatch(boxed: &Element, is_stale: bool, age: &Element) {
    let was = boxed.get_attribute("data-stale").is_some_and(|stale| stale == "true");
    let drawn_stale = !boxed.class_name().contains("fresh-");
    if is_stale == was || (drawn_stale && !is_stale && boxed.id() != "data") {
        return;
    }
    let _ = boxed.set_attribute("data-stale", if is_stale { "true" } else { "false" });
    if is_stale {
        // The heartbeats may have brought later readings of the same value: "no data since" is about the last of them.
        let at = age.get_attribute("datetime").unwrap_or_default();
        for gone in all(boxed, "[data-gone]") {
            let _ = gone.set_attribute("datetime", &at);
            write(&gone, at.get(11..19).unwrap_or(&at));
        }
    }
}

/// Writes the time of day, counted on from the server's; and the local one beside it, of which the browser knows the zone.
fn time_of_day(root: &Element, utc: &Element, at: f64) {
    let date = Date::new(&at.into());
    write(utc, String::from(date.to_iso_string()).get(11..19).unwrap_or_default());
    for local in all(root, "[data-local]") {
        let east = -date.get_timezone_offset() as i32;
        let zone = match (east / 60, east.abs() % 60) {
            (hours, 0) => format!("local, UTC{hours:+}"),
            (hours, minutes) => format!("local, UTC{hours:+}:{minutes:02}"),
        };
        let is_time = local.get_attribute("data-local").is_some_and(|what| what == "time");
        write(&local, &if is_time { format!("{:02}:{:02}", date.get_hours(), date.get_minutes()) } else { zone });
    }
}

/// The same value was read `later` milliseconds after the reading that this element was written for: its absolute time says so.
fn restate(element: &Element, later: f64) {
    let key = "data-written";
    let written = element.get_attribute(key).or_else(|| element.get_attribute("datetime")).unwrap_or_default();
    let at = Date::parse(&written) + later;
    if at.is_nan() {
        return;
    }
    let text = String::from(Date::new(&at.into()).to_iso_string());
    let (Some(day), Some(time)) = (text.get(..10), text.get(11..19)) else {
        return;
    };
    let _ = element.set_attribute(key, &written);
    let _ = element.set_attribute("datetime", &format!("{day}T{time}Z"));
    let _ = element.set_attribute("title", &format!("{day} {time} UTC"));
}

/// Which folds of a part are open, by id: the reader's choice outlives a patch.
fn opened(element: &Element) -> Vec<(String, bool)> {
    all(element, "details[id]").into_iter().map(|fold| (fold.id(), fold.has_attribute("open"))).collect()
}

fn texts(element: &Element, selector: &str) -> Vec<Option<String>> {
    all(element, selector).into_iter().map(|found| found.text_content()).collect()
}

fn all(element: &Element, selector: &str) -> Vec<Element> {
    let Ok(list) = element.query_selector_all(selector) else {
        return Vec::new();
    };
    (0..list.length()).filter_map(|at| list.get(at)?.dyn_into().ok()).collect()
}

fn number(element: &Element, name: &str) -> f64 {
    element.get_attribute(name).and_then(|value| value.parse().ok()).unwrap_or(0.0)
}

/// Writes only what differs, so that nothing moves that has not changed.
fn write(element: &Element, text: &str) {
    if element.text_content().as_deref() != Some(text) {
        element.set_text_content(Some(text));
    }
}
