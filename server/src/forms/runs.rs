//! Making a plan, confirming it, asking a run to stop.

use std::collections::BTreeMap;

use app::model::{Code, Moved, Place, Refusal, Role, SystemId};
use axum::{
    Extension,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use super::{Fields, REQUEST_KEY, see};
use crate::{
    actions::ActionError,
    console::{Answer, Asked, Console},
    executor::{Asker, Barred, Confirmed, NoPlan, NotConfirmed},
    identity::Caller,
    store::{Accepted, Cancel, PlanId, RequestKey},
    views::Typed,
};

/// A reason is read months later: "." and "x" say nothing.
const REASON: std::ops::RangeInclusive<usize> = 5..=1_000;
/// So many bytes of a reason are kept: a thousand letters of any alphabet with two bytes each.
const REASON_BYTES: usize = 2_000;

/// What is wrong with a reason, for the person who wrote it.
fn reason_fault(reason: &str) -> Option<String> {
    let length = reason.chars().count();
    if reason.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        Some("It holds a control character that no keyboard types: write it anew, in plain text.".to_owned())
    } else if length < *REASON.start() {
        Some("Say why in a few words: it is what the audit is read for.".to_owned())
    } else if length > *REASON.end() {
        Some(format!("At most {} characters; this has {length}.", REASON.end()))
    } else if reason.len() > REASON_BYTES {
        Some(format!("At most {REASON_BYTES} bytes; this has {}.", reason.len()))
    } else {
        None
    }
}

fn asker(caller: &Caller) -> Asker {
    Asker { account: caller.account, name: caller.name.clone(), role: caller.role }
}

fn forbidden(needed: Role, role: Role) -> Refusal {
    Refusal {
        code: Code::Forbidden,
        what: format!("This needs the role {}; you are {}.", needed.word(), role.word()),
        not_done: "Nothing was started. The attempt was recorded.".into(),
        next: "Ask somebody whose role allows it.".into(),
    }
}

fn not_approved(target: &str) -> Refusal {
    Refusal {
        code: Code::Refused,
        what: format!("The estate file does not approve this runbook on {target}."),
        not_done: "Nothing was started. The attempt was recorded.".into(),
        next: "An administrator may approve it under `runbooks` in the estate file.".into(),
    }
}

impl Console {
    fn barred(&self, asked: &Asked, barred: &Barred, role: Role, target: &str) -> Response {
        match barred {
            Barred::NoSuchRunbook => self.missing(asked, "There is no such runbook."),
            Barred::NotApproved => self.refuse(asked, &not_approved(target)),
            Barred::Role(needed) => self.refuse(asked, &forbidden(*needed, role)),
        }
    }
}

/// `POST /runbooks/{id}/plan`
pub async fn plan(
    State(console): State<Console>,
    Extension(asked): Extension<Asked>,
    Path(id): Path<String>,
    mut fields: Fields,
) -> Answer {
    let caller = asked.me(&console)?;
    let target = fields.take("target");
    let typed = fields.rest();
    let again = async |target: Option<SystemId>, faults: BTreeMap<String, String>, refused: Option<String>| match console
        .drawing
        .form(&id, caller.role, target, &typed, &faults, refused)
        .await
    {
        Some(form) => {
            let frame = console.frame(&asked, Place::Runbooks, form.card.title.clone());
            console.page(StatusCode::UNPROCESSABLE_ENTITY, frame, &form)
        }
        None => console.missing(&asked, "There is no such runbook."),
    };
    if target.trim().is_empty() {
        return Ok(again(None, BTreeMap::new(), Some("Choose what it shall be done to. Nothing was started.".into())).await);
    }
    let target: SystemId = match target.trim().parse() {
        Ok(target) => target,
        Err(err) => return Ok(again(None, BTreeMap::new(), Some(format!("{err}. Nothing was started."))).await),
    };
    match console.executor.plan(&asker(caller), &id, &target, &typed).await {
        Ok(plan) => Ok(see(&format!("/plans/{plan}"))),
        Err(NoPlan::Barred(barred)) => Ok(console.barred(&asked, &barred, caller.role, target.as_str())),
        Err(NoPlan::Fields(faults)) => Ok(again(Some(target), faults, None).await),
        Err(NoPlan::Action(ActionError::Parameter(name, fault))) => Ok(again(Some(target), [(name, fault)].into(), None).await),
        Err(NoPlan::Action(err)) => Ok(again(Some(target), BTreeMap::new(), Some(format!("{err}. Nothing was started."))).await),
        Err(NoPlan::Store(err)) => {
            let typed: Vec<_> = [("target".to_owned(), target.to_string())].into_iter().chain(typed).collect();
            Ok(console.store_failed_at_form(&asked, &err, &typed))
        }
    }
}

/// `POST /plans/{id}/run`
pub async fn run(State(console): State<Console>, Extension(asked): Extension<Asked>, Path(id): Path<String>, mut fields: Fields) -> Answer {
    let caller = asked.me(&console)?;
    let Ok(id) = id.parse::<PlanId>() else { return Ok(console.missing(&asked, "There is no such plan.")) };
    let request_key = fields.take(REQUEST_KEY);
    let mut typed = Typed { reason: fields.take("reason"), target: fields.take("target"), ..Typed::default() };
    let given = [("reason".to_owned(), typed.reason.clone()), ("target".to_owned(), typed.target.clone())];
    let plan = match console.store.plan(&id).await {
        Ok(Some(plan)) => plan,
        Ok(None) => return Ok(console.missing(&asked, "There is no such plan. Nothing was started.")),
        Err(err) => return Ok(console.store_failed_at_form(&asked, &err, &given)),
    };
    let again = async |status: StatusCode, plan, typed: Typed| {
        let made = console.drawing.plan(plan, (&caller.name, caller.role), typed).await;
        match made {
            Ok(view) => console.page(status, console.frame(&asked, Place::Runbooks, view.body.title.clone()), &view),
            Err(err) => console.store_failed_at_form(&asked, &err, &given),
        }
    };
    let Ok(key) = request_key.parse::<RequestKey>() else {
        typed.refused = Some(
            "The form had no request key, so a second press could not be told from the first. Nothing was started; press again.".into(),
        );
        return Ok(again(StatusCode::UNPROCESSABLE_ENTITY, plan, typed).await);
    };
    typed.request_key = Some(request_key);
    typed.reason = typed.reason.trim().to_owned();
    if let Some(fault) = reason_fault(&typed.reason) {
        typed.faults.push(("reason".into(), fault));
    }
    let spec = console.executor.catalog().action(&plan.runbook).map(crate::actions::Action::spec);
    let dangerous = spec.is_none_or(|spec| spec.risk == app::model::Risk::High);
    if dangerous && typed.target.trim() != plan.body.target.name() {
        typed.faults.push(("target".into(), format!("Type {} to confirm.", plan.body.target.name())));
    }
    if !typed.faults.is_empty() {
        return Ok(again(StatusCode::UNPROCESSABLE_ENTITY, plan, typed).await);
    }
    let target = plan.body.target.clone();
    let refused = |text: String| Typed { refused: Some(text), ..typed.clone() };
    Ok(match console.executor.confirm(&asker(caller), &id, &key, &typed.reason).await {
        Ok(Confirmed::Run(run)) => see(&format!("/runs/{run}")),
        Ok(Confirmed::Moved { plan: new, differs }) => {
            let moved = Some(Moved { plan: new.to_string(), differs });
            let text = "The world has moved since this plan was made. Nothing was started.".to_owned();
            again(StatusCode::CONFLICT, plan, Typed { moved, refused: Some(text), ..typed }).await
        }
        Ok(Confirmed::Not(not)) => match not {
            Accepted::Started { run, .. } | Accepted::Repeated { run } => see(&format!("/runs/{run}")),
            Accepted::NoSuchPlan => console.missing(&asked, "There is no such plan. Nothing was started."),
            Accepted::NotYours { owner } => {
                again(StatusCode::FORBIDDEN, plan, refused(format!("It is {owner}'s plan. Nothing was started; make your own."))).await
            }
            Accepted::Used { run } => {
                again(StatusCode::CONFLICT, plan, refused(format!("It has been run already, as run {run}. Nothing more was started.")))
                    .await
            }
            Accepted::Expired { at } => {
                let text = format!("It expired at {}. Nothing was started; make a new plan.", at.format("%H:%M:%S UTC"));
                again(StatusCode::GONE, plan, refused(text)).await
            }
            Accepted::KeyTaken => {
                let text = "The form belongs to another run. Nothing was started; press again.".to_owned();
                again(StatusCode::CONFLICT, plan, Typed { request_key: None, ..refused(text) }).await
            }
            Accepted::Held { run, title, asked_by, since } => {
                let since = since.format("%H:%M:%S UTC");
                let text =
                    format!("{title} is running on {}, by {asked_by}, since {since} (run {run}). Nothing was started.", target.name());
                again(StatusCode::CONFLICT, plan, refused(text)).await
            }
        },
        Err(NotConfirmed::Barred(barred)) => console.barred(&asked, &barred, caller.role, target.as_str()),
        Err(NotConfirmed::Check(_, text)) => {
            again(StatusCode::UNPROCESSABLE_ENTITY, plan, refused(format!("{text}. Nothing was started."))).await
        }
        Err(err @ (NotConfirmed::Closing | NotConfirmed::Action(_))) => {
            again(StatusCode::SERVICE_UNAVAILABLE, plan, refused(format!("{err}. Nothing was started."))).await
        }
        Err(NotConfirmed::Store(err)) => console.store_failed_at_form(&asked, &err, &given),
    })
}

/// `POST /runs/{id}/cancel`
pub async fn cancel(State(console): State<Console>, Extension(asked): Extension<Asked>, Path(id): Path<String>) -> Answer {
    let caller = asked.me(&console)?;
    let Ok(id) = id.parse::<i64>() else { return Ok(console.missing(&asked, "A run has a number.")) };
    let run = match console.store.run(id).await {
        Ok(Some(run)) => run,
        Ok(None) => return Ok(console.missing(&asked, format!("There is no run {id}."))),
        Err(err) => return Ok(console.store_failed(&asked, &err)),
    };
    if let Err(barred) = console.executor.catalog().permit(caller.role, &run.runbook, &run.target) {
        if let Err(err) = console.executor.record_denial(&asker(caller), &run.runbook, &run.target, &barred).await {
            return Ok(console.store_failed(&asked, &err));
        }
        return Ok(console.barred(&asked, &barred, caller.role, run.target.as_str()));
    }
    match console.store.request_cancel(id, &caller.name).await {
        // A second press, or a run that has just ended: its page says how it stands.
        Ok(Cancel::Asked | Cancel::Not(_)) => {
            console.executor.told();
            Ok(see(&format!("/runs/{id}")))
        }
        Ok(Cancel::NoSuchRun) => Ok(console.missing(&asked, format!("There is no run {id}."))),
        Err(err) => Ok(console.store_failed(&asked, &err)),
    }
}
