//! The keys and the palette. What is found is drawn by the server, by the same component as on the search page.

use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Document, Element, Event, HtmlDialogElement, HtmlElement, HtmlInputElement, KeyboardEvent, Window, XmlHttpRequest};

use crate::model::{FILTER, FIND, FOUND, GO, GO_WITHIN_MS, HELP, encoded};

/// Where letters are letters.
const TYPED_INTO: &str = "input,select,textarea,[contenteditable]";
/// What the palette offers.
const LINKS: &str = "#palette-found a";

/// A question under way, and what hears its answer.
struct Asked {
    request: XmlHttpRequest,
    _ear: Closure<dyn FnMut()>,
}

struct Keys {
    window: Window,
    document: Document,
    dialog: HtmlDialogElement,
    words: HtmlInputElement,
    /// Whether single letters are keys in this browser.
    letters: bool,
    /// When the first key of two was pressed, by the events' clock.
    first: Option<f64>,
    asked: Option<Asked>,
}

/// Hears keys until the tab is closed.
pub fn listen() {
    let Some(mut keys) = Keys::here() else {
        return;
    };
    let document = keys.document.clone();
    // Nothing in here calls `click()` or the like, whose events would come back while this one is being heard.
    let ear = Closure::<dyn FnMut(Event)>::new(move |event: Event| keys.hear(&event));
    for name in ["keydown", "input", "click", "close"] {
        // Heard on the way down, since `close` does not come up again.
        let _ = document.add_event_listener_with_callback_and_bool(name, ear.as_ref().unchecked_ref(), true);
    }
    ear.forget();
}

impl Keys {
    fn here() -> Option<Self> {
        let window = web_sys::window()?;
        let document = window.document()?;
        let letters = document.body()?.get_attribute("data-keys").is_none();
        let dialog = document.get_element_by_id("palette")?.dyn_into().ok()?;
        let words = document.get_element_by_id("palette-words")?.dyn_into().ok()?;
        Some(Self { window, document, dialog, words, letters, first: None, asked: None })
    }

    fn hear(&mut self, event: &Event) {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        match event.type_().as_str() {
            "keydown" => {
                if let Some(event) = event.dyn_ref::<KeyboardEvent>() {
                    self.key(event);
                }
            }
            "input" if target.as_ref() == Some(self.words.as_ref()) => self.ask(),
            // A page is loaded anew only while nothing is typed into it.
            "close" if target.as_ref() == Some(self.dialog.as_ref()) => self.words.set_value(""),
            "click" => {
                let Some(target) = target else { return };
                if target.closest("[data-find]").ok().flatten().is_some() && !is_modified(event) {
                    event.prevent_default();
                    self.open();
                } else if target == *AsRef::<Element>::as_ref(&self.dialog) || target.closest("[data-close]").ok().flatten().is_some() {
                    // What is beside the dialog counts as itself: its content covers all of it.
                    self.dialog.close();
                }
            }
            _ => {}
        }
    }

    fn key(&mut self, event: &KeyboardEvent) {
        if event.default_prevented() || event.is_composing() || event.alt_key() {
            return;
        }
        let key = event.key();
        let command = event.ctrl_key() != event.meta_key();
        if self.dialog.open() {
            if !command {
                self.choose(event, &key);
            }
            return;
        }
        if self.focused().is_some_and(|element| element.matches(TYPED_INTO).unwrap_or(true)) {
            return;
        }
        if command && !event.shift_key() && key.eq_ignore_ascii_case(FIND) {
            event.prevent_default();
            self.open();
        } else if !event.ctrl_key() && !event.meta_key() && self.letters {
            self.letter(event, &key);
        }
    }

    fn letter(&mut self, event: &KeyboardEvent, key: &str) {
        let now = event.time_stamp();
        if self.first.take().is_some_and(|first| now - first < GO_WITHIN_MS) {
            let place = self.document.query_selector(&format!(".rail [data-key=\"{key}\"]")).ok().flatten();
            if let Some(path) = place.and_then(|place| place.get_attribute("href")) {
                event.prevent_default();
                self.go(&path);
            }
            return;
        }
        if key == GO {
            self.first = Some(now);
        } else if key == FILTER {
            event.prevent_default();
            match self.element("main form[role=search] input") {
                Some(field) => {
                    let _ = field.focus();
                }
                None => self.open(),
            }
        } else if key == HELP {
            event.prevent_default();
            self.go("/help");
        }
    }

    fn open(&mut self) {
        if !self.dialog.open() && self.dialog.show_modal().is_ok() {
            let _ = self.words.focus();
            self.ask();
        }
    }

    /// Asks for what is typed. The question before is given up: its answer would come too late.
    fn ask(&mut self) {
        if let Some(before) = self.asked.take() {
            before.request.set_onloadend(None);
            let _ = before.request.abort();
        }
        let (Ok(request), Some(list), Some(said)) = (XmlHttpRequest::new(), self.element("#palette-found"), self.element("#palette-said"))
        else {
            return;
        };
        let answer = request.clone();
        let ear = Closure::<dyn FnMut()>::new(move || {
            let text = answer.response_text().ok().flatten().unwrap_or_default();
            // Anything else, such as the sign-in page, is no answer.
            if text.contains(FOUND) {
                list.set_inner_html(&text);
                let count = list.first_element_child().and_then(|found| found.get_attribute("data-said"));
                said.set_text_content(count.as_deref());
            } else {
                list.set_inner_html("");
                said.set_text_content(Some("No answer. Press Enter to search on a page of its own."));
            }
        });
        request.set_onloadend(Some(ear.as_ref().unchecked_ref()));
        let url = format!("/search?part=found&q={}", encoded(&self.words.value()));
        if request.open("GET", &url).is_ok() && request.send().is_ok() {
            self.asked = Some(Asked { request, _ear: ear });
        }
    }

    /// Keys in the palette.
    fn choose(&self, event: &KeyboardEvent, key: &str) {
        let links = self.links();
        let focused = self.focused();
        let at = links.iter().position(|link| focused.as_ref() == Some(link.as_ref()));
        let to = match (key, at) {
            ("ArrowDown", at) => links.get(at.map_or(0, |at| at + 1)),
            ("ArrowUp", Some(at)) if at > 0 => links.get(at - 1),
            ("ArrowUp", Some(_)) => Some(self.words.as_ref()),
            // The first of what was found, once that is for what is typed now; else the form is sent, and the search page answers.
            ("Enter", None) if focused.as_ref() == Some(self.words.as_ref()) && self.is_answered() => {
                if let Some(path) = links.first().and_then(|link| link.get_attribute("href")) {
                    event.prevent_default();
                    self.go(&path);
                }
                return;
            }
            // Whoever types on means the words.
            (key, Some(_)) if key.chars().nth(1).is_none() => {
                let _ = self.words.focus();
                return;
            }
            _ => return,
        };
        event.prevent_default();
        if let Some(to) = to {
            let _ = to.focus();
        }
    }

    fn is_answered(&self) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.request.ready_state() == XmlHttpRequest::DONE)
    }

    fn links(&self) -> Vec<HtmlElement> {
        let Ok(found) = self.document.query_selector_all(LINKS) else {
            return Vec::new();
        };
        (0..found.length()).filter_map(|at| found.get(at)?.dyn_into().ok()).collect()
    }

    fn element(&self, selector: &str) -> Option<HtmlElement> {
        self.document.query_selector(selector).ok().flatten()?.dyn_into().ok()
    }

    fn focused(&self) -> Option<Element> {
        self.document.active_element()
    }

    fn go(&self, path: &str) {
        let _ = self.window.location().set_href(path);
    }
}

/// Whether a click asks for a new tab or window.
fn is_modified(event: &Event) -> bool {
    event.dyn_ref::<web_sys::MouseEvent>().is_some_and(|event| event.ctrl_key() || event.meta_key() || event.shift_key())
}
