//! Rules of live views: no gap, one serialisation, nothing for who has all.

use futures::StreamExt;

use super::*;
use crate::clock::{Clock, SystemClock};

/// Draws two fragments from two numbers; the second carries an age besides.
struct Numbers {
    values: watch::Sender<(u32, u32)>,
    changes: watch::Sender<u64>,
    drawn: AtomicU64,
    /// What the world becomes just before, and just after, something is drawn with its ages.
    moves: Mutex<Option<[(u32, u32); 2]>>,
}

impl Draw for Numbers {
    fn draw<'a>(&'a self, topic: &'a Topic, ages: Ages) -> BoxFuture<'a, Drawn> {
        Box::pin(async move {
            let moves = matches!(ages, Ages::At(_)).then(|| self.moves.lock().unwrap_or_else(PoisonError::into_inner).take()).flatten();
            if let Some([before, _]) = moves {
                self.values.send_replace(before);
            }
            let (a, b) = *self.values.borrow();
            if let Some([_, after]) = moves {
                self.values.send_replace(after);
            }
            let age = match ages {
                Ages::At(_) => self.drawn.fetch_add(1, Ordering::Relaxed).to_string(),
                Ages::Frozen(_) => String::new(),
            };
            if *topic != Topic::Overview {
                return Drawn::Gone;
            }
            Drawn::Fragments(vec![
                Fragment { id: "a".into(), html: format!("<p id=a>{a}</p>") },
                Fragment { id: "b".into(), html: format!("<p id=b>{b}<time>{age}</time></p>") },
            ])
        })
    }

    fn sources(&self, _topic: &Topic) -> Vec<(u32, Stamp)> {
        Vec::new()
    }

    fn changes(&self, _topic: &Topic) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

impl Numbers {
    fn set(&self, values: (u32, u32)) {
        self.values.send_replace(values);
        self.changes.send_modify(|n| *n += 1);
    }
}

fn hub() -> (Arc<Numbers>, Arc<Hub>) {
    let numbers = Arc::new(Numbers {
        values: watch::Sender::new((1, 1)),
        changes: watch::Sender::new(0),
        drawn: AtomicU64::new(0),
        moves: Mutex::default(),
    });
    (numbers.clone(), Hub::new(numbers, Arc::new(SystemClock), "v1".into()))
}

async fn read(stream: &mut (impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Unpin)) -> String {
    match tokio::time::timeout(Duration::from_secs(60), stream.next()).await {
        Ok(Some(Ok(bytes))) => String::from_utf8_lossy(&bytes).into_owned(),
        Ok(None) => "ended".into(),
        Err(_) => "silent".into(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_gets_what_changed_since_its_number_and_only_that() {
    let (numbers, hub) = hub();
    let seq = hub.seq(&Topic::Overview).await.unwrap_or_default();
    tokio::time::sleep(REDRAW * 2).await;
    let seq = hub.seq(&Topic::Overview).await.unwrap_or(seq);
    let mut stream =
        Box::pin(hub.follow(&Topic::Overview, seq, "v1", Encoding::Plain, CancellationToken::new()).await.expect("the overview is there"));
    assert_eq!(read(&mut stream).await, "retry: 1000\n\n", "it has everything");
    tokio::time::sleep(Duration::from_millis(10)).await;
    numbers.set((2, 1));
    let text = read(&mut stream).await;
    assert!(text.contains("<p id=a>2</p>") && !text.contains("id=b"), "{text}");

    // Another comes back with the old number after two more changes, and gets both in one.
    numbers.set((3, 5));
    tokio::time::sleep(REDRAW * 2).await;
    let mut late =
        Box::pin(hub.follow(&Topic::Overview, seq, "v1", Encoding::Plain, CancellationToken::new()).await.expect("the overview is there"));
    let text = read(&mut late).await;
    assert!(text.contains("<p id=a>3</p>") && text.contains("<p id=b>5"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_is_compared_is_what_was_sent_though_the_world_moves_between_two_drawings() {
    let (numbers, hub) = hub();
    let seq = hub.seq(&Topic::Overview).await.unwrap_or_default();
    let mut stream =
        Box::pin(hub.follow(&Topic::Overview, seq, "v1", Encoding::Plain, CancellationToken::new()).await.expect("the overview is there"));
    read(&mut stream).await;
    // It is 2 when it is compared and 3 when it is drawn to be sent, and then 2 again for good.
    *numbers.moves.lock().unwrap_or_else(PoisonError::into_inner) = Some([(3, 1), (3, 1)]);
    numbers.set((2, 1));
    let sent = read(&mut stream).await;
    numbers.set((2, 1));
    let text = if sent.contains("<p id=a>3</p>") { read(&mut stream).await } else { sent };
    assert!(text.contains("<p id=a>2</p>"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_number_of_another_process_gets_everything() {
    let (_numbers, hub) = hub();
    let mut stream =
        Box::pin(hub.follow(&Topic::Overview, 7, "v1", Encoding::Plain, CancellationToken::new()).await.expect("the overview is there"));
    let text = read(&mut stream).await;
    assert!(text.contains("id=a") && text.contains("id=b"), "{text}");
}

#[test]
fn what_was_drawn_long_ago_says_so() {
    let drawn = SystemClock.now();
    let fragment = |html: &str| Fragment { id: "a".into(), html: html.into() };
    let kept = vec![Kept::next(fragment("<p id=a>1</p>"), fragment("<p id=a>1</p>"), None, 42)];
    let shared = Event::of("shared");
    let snapshot = Snapshot { seq: 42, prev: 41, drawn, patch: shared, kept };
    let text = |seconds| {
        let now = Stamp { mono: drawn.mono + Duration::from_secs(seconds), ..drawn };
        let event = snapshot.patch_since(41, 1, now).expect("there is something new");
        String::from_utf8_lossy(event.in_(Encoding::Plain)).into_owned()
    };
    assert_eq!(text(0), "shared");
    let late = text(1_200);
    assert!(late.contains(r#""old":1200000"#) && late.contains("<p id=a>1</p>"), "{late}");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_ahead_of_its_view_is_sent_everything() {
    let (numbers, hub) = hub();
    hub.seq(&Topic::Overview).await;
    tokio::time::sleep(REDRAW * 2).await;
    let before = hub.seq(&Topic::Overview).await.expect("the overview is there");
    assert!(before > 0, "a world at rest is followed from where the view is");
    // The page is drawn from what the view has not looked at yet; then all is as before, and the view finds nothing to send.
    numbers.set((2, 1));
    let since = hub.seq(&Topic::Overview).await.expect("the overview is there");
    numbers.set((1, 1));
    tokio::time::sleep(REDRAW).await;
    assert_eq!(hub.seq(&Topic::Overview).await, Some(before));
    let stream = hub.follow(&Topic::Overview, since, "v1", Encoding::Plain, CancellationToken::new()).await;
    let text = read(&mut Box::pin(stream.expect("the overview is there"))).await;
    assert!(text.contains("<p id=a>1</p>"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_age_alone_is_no_change() {
    let (numbers, hub) = hub();
    hub.seq(&Topic::Overview).await;
    tokio::time::sleep(REDRAW * 3).await;
    let before = hub.seq(&Topic::Overview).await;
    tokio::time::sleep(REDRAW * 10).await;
    assert_eq!(hub.seq(&Topic::Overview).await, before);
    assert!(numbers.drawn.load(Ordering::Relaxed) <= 2, "nothing is drawn with ages unless something changed");
}

#[tokio::test(start_paused = true)]
async fn a_page_of_another_build_is_told_to_reload() {
    let (_numbers, hub) = hub();
    let mut stream =
        Box::pin(hub.follow(&Topic::Overview, 0, "v0", Encoding::Plain, CancellationToken::new()).await.expect("the overview is there"));
    assert!(read(&mut stream).await.contains("event: reload"));
}

#[tokio::test(start_paused = true)]
async fn a_revoked_reader_ends() {
    let (_numbers, hub) = hub();
    let ended = CancellationToken::new();
    let mut stream = Box::pin(hub.follow(&Topic::Overview, 0, "v1", Encoding::Plain, ended.clone()).await.expect("the overview is there"));
    read(&mut stream).await;
    ended.cancel();
    assert_eq!(read(&mut stream).await, "ended");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_topic_is_not_followed() {
    let (_numbers, hub) = hub();
    assert!(hub.seq(&Topic::Run(1)).await.is_none());
}
