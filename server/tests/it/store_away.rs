//! A store that is down or frozen is answered for within a second, and at once when that is known.

use std::time::{Duration, Instant};

use crate::{freezable::Freezable, store::TestStore};
use server::store::{Store, StoreError};

#[tokio::test]
async fn a_frozen_store_is_answered_for_within_a_second_then_at_once_and_comes_back() {
    let it = TestStore::new().await;
    let freezable = Freezable::before(&it.url).await;
    let console = Store::connect(&freezable.url).unwrap();
    assert!(!console.has_accounts().await.unwrap());

    freezable.freeze();
    let asked = Instant::now();
    // More at once than there are connections: the last one in the queue waits no longer than the first.
    let answers = futures::future::join_all((0..30).map(|_| console.has_accounts())).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(StoreError::Unavailable))), "{answers:?}");
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    let mut reachable = console.reachable();
    tokio::time::timeout(Duration::from_secs(2), reachable.wait_for(|there| !*there)).await.expect("it is noticed").unwrap();
    let asked = Instant::now();
    assert!(matches!(console.has_accounts().await, Err(StoreError::Unavailable)));
    assert!(asked.elapsed() < Duration::from_millis(50), "known to be away: {:?}", asked.elapsed());

    freezable.thaw();
    tokio::time::timeout(Duration::from_secs(3), reachable.wait_for(|there| *there))
        .await
        .expect("it is noticed that it answers again")
        .unwrap();
    assert!(!console.has_accounts().await.unwrap());
}

#[tokio::test]
async fn a_store_that_is_down_is_answered_for_within_a_second() {
    let console = Store::connect(&server::config::Secret::new("postgres://qd:x@127.0.0.1:1/none")).unwrap();
    let asked = Instant::now();
    assert!(matches!(console.has_accounts().await, Err(StoreError::Unavailable)));
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
}
