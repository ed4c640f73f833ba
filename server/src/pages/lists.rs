//! Lists of what there is and was: runbooks, runs, the audit. Their filters stand in their addresses.

use app::model::{Place, SystemList};
use axum::{
    Extension,
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};

use crate::{
    console::{Answer, Asked, Console},
    filters,
    overview::{Ages, system_rows},
};

/// An address's query, in the order in which it stands there.
type Typed = Query<Vec<(String, String)>>;

/// Where a list goes on. What is no number begins at the beginning.
fn before(typed: &[(String, String)]) -> Option<i64> {
    typed.iter().rev().find(|(name, _)| name == "before").and_then(|(_, value)| value.parse().ok())
}

/// What is asked for cannot be looked for: the page says so, and so does the status.
const fn status(has_fault: bool) -> StatusCode {
    if has_fault { StatusCode::BAD_REQUEST } else { StatusCode::OK }
}

/// `GET /systems?q=…&kind=…&health=…&order=…`
pub async fn systems(State(console): State<Console>, Extension(asked): Extension<Asked>, Query(typed): Typed) -> Response {
    let rows = system_rows(&console.world.borrow().clone(), Ages::At(console.clock.now()));
    let mut kinds: Vec<_> = rows.iter().map(|row| row.system.kind()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let (filter, which) = filters::systems(typed, &kinds);
    let (all, unwell) = (rows.len(), rows.iter().filter(|row| row.is_unwell()).count());
    // What cannot be looked for finds nothing.
    let groups = if filter.has_fault() { Vec::new() } else { which.arranged(rows) };
    let status = status(filter.has_fault());
    console.page(status, console.frame(&asked, Place::Systems, "Systems"), &SystemList { filter, all, unwell, groups })
}

/// `GET /runbooks?q=…&kind=…`
pub async fn runbooks(State(console): State<Console>, Extension(asked): Extension<Asked>, Query(typed): Typed) -> Answer {
    let caller = asked.me(&console)?;
    let catalog = console.drawing.runbooks(caller.role, typed).await;
    let status = status(catalog.filter.has_fault());
    Ok(console.page(status, console.frame(&asked, Place::Runbooks, "Runbooks"), &catalog))
}

/// `GET /runs?state=…&runbook=…&target=…&who=…&since=…&q=…&before=…`
pub async fn runs(State(console): State<Console>, Extension(asked): Extension<Asked>, Query(typed): Typed) -> Response {
    let before = before(&typed);
    let runbooks = console.executor.catalog().specs().map(|spec| (spec.id.to_owned(), spec.title.to_owned())).collect();
    let (filter, which) = filters::runs(typed, runbooks, &console.drawing.systems(), console.clock.now().wall);
    match console.drawing.runs(filter, which, before).await {
        Ok(list) => console.page(status(list.filter.has_fault()), console.frame(&asked, Place::Runs, "Runs"), &list),
        Err(err) => console.store_failed(&asked, &err),
    }
}

/// `GET /audit?actor=…&kind=…&outcome=…&target=…&run=…&from=…&to=…&before=…`
pub async fn audit(State(console): State<Console>, Extension(asked): Extension<Asked>, Query(typed): Typed) -> Answer {
    let caller = asked.me(&console)?;
    let before = before(&typed);
    let (filter, mut query) = filters::audit(typed, &console.drawing.systems(), console.clock.now().wall);
    query.before = before;
    Ok(match console.drawing.audit(caller.role, filter, query).await {
        Ok(view) => console.page(status(view.filter.has_fault()), console.frame(&asked, Place::Audit, "Audit"), &view),
        Err(err) => console.store_failed(&asked, &err),
    })
}
