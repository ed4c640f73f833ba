//! Verifying the chain from its page, and taking events out.

use std::time::Duration;

use app::model::Place;
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use super::{Fields, see};
use crate::{
    audit::{Actor, Event, Exported, Record, Span, export as pages_of, verify_span},
    console::{Answer, Asked, Console},
    filters,
};

/// A verification from the page takes no longer: the page would not wait for it. `quarterdeck verify-audit` takes its time.
const WITHIN: Duration = Duration::from_secs(8);

/// `POST /audit/verify`: from the first event, or (`from=newer`) from the last one that was verified.
pub async fn verify(State(console): State<Console>, Extension(asked): Extension<Asked>, mut fields: Fields) -> Answer {
    let caller = asked.me(&console)?;
    let mut span = Span { from: 1, within: Some(WITHIN), ..Span::default() };
    if fields.take("from") == "newer" {
        match console.drawing.last_verified().await {
            Ok(Some(verified)) => {
                if let Some((seq, hash)) = verified.head {
                    (span.from, span.after) = (seq + 1, Some(hash));
                }
            }
            Ok(None) => {}
            Err(err) => return Ok(console.store_failed(&asked, &err)),
        }
    }
    let chain = match verify_span(&console.store, &span).await {
        Ok(chain) => chain,
        Err(err) => return Ok(console.store_failed(&asked, &err)),
    };
    let mut sentence = chain.sentence();
    if span.from > 1 {
        sentence.push_str(&format!("; begun at event {}", span.from));
    }
    if !chain.whole {
        sentence.push_str("; the time for one verification ran out there");
    }
    let head = chain.head.map(|(seq, hash)| (seq, hex::encode(hash)));
    let event = Event::Verified { intact: chain.broken.is_none(), sentence, head };
    if let Err(err) = console.store.record(&Record::new(Actor::Account(caller.name.clone()), event)).await {
        return Ok(console.store_failed(&asked, &err));
    }
    Ok(see("/audit"))
}

/// `POST /audit/export`: what the filter leaves, oldest first, as a file. That it was taken is in the audit before its first byte leaves.
pub async fn export(State(console): State<Console>, Extension(asked): Extension<Asked>, mut fields: Fields) -> Answer {
    let caller = asked.me(&console)?;
    let format = fields.take("format");
    let Some(format) = Exported::from_word(&format) else {
        let said: String = format.chars().take(40).collect();
        return Ok(console.bad(&asked, format!("“{said}” is no form of an export: jsonl and csv are.")));
    };
    let (filter, query) = filters::audit(fields.rest(), &console.drawing.systems(), console.clock.now().wall);
    if filter.has_fault() {
        return Ok(match console.drawing.audit(caller.role, filter, query).await {
            Ok(view) => console.page(StatusCode::UNPROCESSABLE_ENTITY, console.frame(&asked, Place::Audit, "Audit"), &view),
            Err(err) => console.store_failed(&asked, &err),
        });
    }
    // What is written from now on, such as that this was taken, is not part of it.
    let counted = async {
        let upto = console.store.audit_head().await?.map_or(0, |head| head.seq);
        let n_events = console.store.audit_count(&query, upto).await?;
        let set = filter.fields.iter().filter(|field| !field.value.is_empty());
        let filter = set.map(|field| (field.name.clone(), field.value.clone())).collect();
        let event = Event::Exported { format, n_events, filter };
        console.store.record(&Record::new(Actor::Account(caller.name.clone()), event)).await?;
        Ok(upto)
    };
    let upto = match counted.await {
        Ok(upto) => upto,
        Err(err) => return Ok(console.store_failed(&asked, &err)),
    };
    let mut response = Response::new(Body::from_stream(pages_of(console.store.clone(), query, upto, format)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let name = format!("audit-{}.{}", console.clock.now().wall.format("%Y%m%dT%H%M%SZ"), format.ending());
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}
