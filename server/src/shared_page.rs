//! The overview's whole document, drawn once for all who ask within half a second.
//!
//! Its content is the same for everybody. The frame around it differs by person, role, theme and keys; what differs from one response to the
//! next is put in where it belongs.

use std::{collections::HashMap, sync::Arc, time::Duration};

use app::{
    model::{Frame, Me, Place, Theme, Topic},
    render::{document, main_of},
};

use crate::{
    clock::Stamp,
    console::{Asked, Console},
    overview::Ages,
};

/// How long a document is shared: its ages then are at most this much off.
const SHARED_FOR: Duration = Duration::from_millis(500);

/// So many frames are kept around one content; more people than that within half a second are drawn for each.
const FRAMES: usize = 256;

/// What the frames of two people may differ by.
type Looker = (Option<Me>, Theme, bool);

/// The overview as it was last drawn.
#[derive(Debug)]
pub struct SharedPage {
    drawn: Stamp,
    live: Option<(Topic, u64)>,
    content: Arc<str>,
    /// Stand for nonce and request id. Random, so that no text from outside can be one.
    marks: [String; 2],
    frames: HashMap<Looker, Arc<Sheet>>,
}

/// A document without what belongs to one response: before the nonce, between it and the request's id, and behind.
#[derive(Debug)]
struct Sheet([String; 3]);

impl Sheet {
    /// Takes a document apart at its two marks; none if they do not stand there once each, in this order.
    fn cut(document: &str, [nonce, request]: &[String; 2]) -> Option<Self> {
        let (before, rest) = document.split_once(nonce)?;
        let (between, behind) = rest.split_once(request)?;
        let whole = ![before, between, behind].iter().any(|piece| piece.contains(nonce) || piece.contains(request));
        whole.then(|| Self([before, between, behind].map(str::to_owned)))
    }

    fn for_response(&self, nonce: &str, request: &str) -> String {
        let Self([before, between, behind]) = self;
        [before, nonce, between, request, behind].concat()
    }
}

impl Console {
    /// The overview's document for whoever asks.
    pub async fn overview_document(&self, asked: &Asked) -> String {
        let looker: Looker =
            (asked.caller.as_ref().map(|caller| Me { name: caller.name.clone(), role: caller.role }), asked.theme, asked.keys_off);
        let mut shared = self.overview.lock().await;
        let now = self.clock.now();
        let page = match shared.take().filter(|page| now.since(page.drawn) < SHARED_FOR) {
            Some(page) => page,
            None => self.draw_overview(now).await,
        };
        let page = shared.insert(page);
        let around = |asked: &Asked| {
            let frame = Frame { live: page.live.clone(), ..self.frame(asked, Place::Overview, "Overview") };
            document(&frame, &page.content)
        };
        let sheet = page.frames.get(&looker).cloned().or_else(|| {
            let [nonce, request_id] = page.marks.clone();
            Sheet::cut(&around(&Asked { nonce, request_id, ..asked.clone() }), &page.marks).map(Arc::new)
        });
        let Some(sheet) = sheet else { return around(asked) };
        if page.frames.len() < FRAMES {
            page.frames.insert(looker, sheet.clone());
        }
        drop(shared);
        sheet.for_response(&asked.nonce, &asked.request_id)
    }

    async fn draw_overview(&self, now: Stamp) -> SharedPage {
        let live = self.follow(Topic::Overview).await;
        let content: Arc<str> = main_of(&self.drawing.overview(Ages::At(self.clock.now()))).into();
        let marks = [(); 2].map(|()| uuid::Uuid::new_v4().simple().to_string());
        SharedPage { drawn: now, live, content, marks, frames: HashMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_response_is_put_in_where_it_stood_and_nowhere_else() {
        let marks = ["n0".to_owned(), "r0".to_owned()];
        let sheet = Sheet::cut("<script nonce=n0></script><p>page</p><code>r0</code>", &marks).expect("both stand there once");
        assert_eq!(sheet.for_response("a", "b"), "<script nonce=a></script><p>page</p><code>b</code>");
        for other in ["<code>r0</code>", "n0", "r0 n0", "n0 n0 r0", "n0 r0 r0"] {
            assert!(Sheet::cut(other, &marks).is_none(), "{other}");
        }
    }
}
