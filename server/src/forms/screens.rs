//! Pairing and revoking screens.

use app::model::Refusal;
use axum::{
    Extension,
    extract::{Path, State},
    http::StatusCode,
};

use super::{Fields, account::shown, see};
use crate::{
    audit::Actor,
    console::{Answer, Asked, Console},
    identity::Confirmed,
    store::DeviceId,
};

/// `POST /settings/screens`: confirms the code that a screen shows.
pub async fn pair_screen(State(console): State<Console>, Extension(asked): Extension<Asked>, mut fields: Fields) -> Answer {
    let caller = asked.admin(&console)?;
    let (code, name) = (fields.take("code"), fields.take("name"));
    let (status, faults) = match console.identity.confirm_code(caller, &code, &name).await {
        Ok(Confirmed::Paired(_)) => return Ok(see("/settings/screens?done=paired")),
        Ok(Confirmed::Fields(faults)) => (StatusCode::UNPROCESSABLE_ENTITY, faults),
        Ok(Confirmed::TooMany) => {
            let text = "Too many codes were typed. Wait half a minute, and type the one that the screen shows then.";
            (StatusCode::TOO_MANY_REQUESTS, vec![("code".to_owned(), text.to_owned())])
        }
        Err(err) => return Ok(console.store_failed(&asked, &err)),
    };
    match console.drawing.screens().await {
        Ok(mut page) => {
            (page.code, page.name, page.faults) = (shown(&code), shown(&name), faults);
            Ok(console.settings_page(status, &asked, "Wall screens", &page))
        }
        Err(err) => Ok(console.store_failed(&asked, &err)),
    }
}

/// `POST /settings/screens/{id}/revoke`
pub async fn revoke_screen(State(console): State<Console>, Extension(asked): Extension<Asked>, Path(id): Path<String>) -> Answer {
    let caller = asked.admin(&console)?;
    let Ok(id) = id.parse().map(DeviceId::numbered) else { return Ok(console.missing(&asked, "A screen has a number.")) };
    match console.store.revoke_device(id, Actor::Account(caller.name.clone())).await {
        Ok(Some(_)) => Ok(see("/settings/screens?done=revoked")),
        Ok(None) => Ok(console.refuse(
            &asked,
            &Refusal {
                code: app::model::Code::NotFound,
                what: "There is no such screen, or it was revoked already.".into(),
                not_done: "Nothing was changed.".into(),
                next: "Look at the list of screens again.".into(),
            },
        )),
        Err(err) => Ok(console.store_failed(&asked, &err)),
    }
}
