//! Verifying the chain from its page.

use axum::{Extension, extract::State};

use super::see;
use crate::{
    audit::{Actor, Event, Record, verify as walk},
    console::{Answer, Asked, Console},
};

/// `POST /audit/verify`
pub async fn verify(State(console): State<Console>, Extension(asked): Extension<Asked>) -> Answer {
    let caller = asked.me(&console)?;
    let chain = match walk(&console.store, 1, None).await {
        Ok(chain) => chain,
        Err(err) => return Ok(console.store_failed(&asked, &err)),
    };
    let (intact, sentence) = (chain.broken.is_none(), chain.sentence());
    let event = Event::Verified { intact, sentence: sentence.clone() };
    if let Err(err) = console.store.record(&Record::new(Actor::Account(caller.name.clone()), event)).await {
        return Ok(console.store_failed(&asked, &err));
    }
    console.drawing.note_verified(intact, sentence, console.clock.now());
    Ok(see("/audit"))
}
