//! Keeping accounts and sessions. Each handler asks again whether its caller may.

use app::model::{PasswordLink, Place, Role, SetPassword};
use axum::{
    Extension,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use url::Url;

use super::{Fields, account::shown, see};
use crate::{
    audit::Actor,
    config::Secret,
    console::{Answer, Asked, Console},
    identity::{AccountRefused, Caller, LinkRefused, PASSWORD_HINT, PASSWORD_LINK_LIVES, PasswordRefused, SignInRefused},
    router::store_away,
    store::{AccountId, Changed},
};

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY)
}

fn actor(caller: &Caller) -> Actor {
    Actor::Account(caller.name.clone())
}

fn number(id: &str) -> Option<AccountId> {
    id.parse().ok().map(AccountId::numbered)
}

/// Where a link leads: the console's own address, or the one by which the form came.
fn link(console: &Console, headers: &HeaderMap, token: &str) -> PasswordLink {
    let origin = || headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).and_then(|origin| Url::parse(origin).ok());
    let base = console.estate.environment.public_url.clone().or_else(origin);
    let path = format!("/password?token={token}");
    let href = base.and_then(|base| base.join(&path).ok()).map_or(path, |url| url.to_string());
    PasswordLink { href, hours: PASSWORD_LINK_LIVES.as_secs() / 3_600 }
}

/// `POST /settings/password`
pub async fn password(State(console): State<Console>, Extension(asked): Extension<Asked>, mut fields: Fields) -> Answer {
    let caller = asked.me(&console)?;
    let mut secret = |name: &str| Secret::new(fields.take(name));
    let (current, password, again) = (secret("current"), secret("password"), secret("again"));
    let (code, faults) = match console.identity.change_password(caller, asked.address(), current, password, &again).await {
        Ok(()) => return Ok(see("/settings?done=password")),
        Err(PasswordRefused::Fields(faults)) => (422, faults),
        Err(PasswordRefused::NotNow(SignInRefused::StoreAway)) => return Ok(console.refuse(&asked, &store_away())),
        Err(PasswordRefused::NotNow(refused)) => (refused.code().status(), vec![("current".to_owned(), refused.to_string())]),
    };
    match console.drawing.my_account(caller).await {
        Ok(mut page) => {
            page.faults = faults;
            Ok(console.settings_page(status(code), &asked, "Settings", &page))
        }
        Err(err) => Ok(console.store_failed(&asked, &err)),
    }
}

/// `POST /settings/sessions/{id}/end`: one's own; an administrator's may be anybody's.
pub async fn end_session(
    State(console): State<Console>,
    Extension(asked): Extension<Asked>,
    Path(id): Path<String>,
    mut fields: Fields,
) -> Answer {
    let caller = asked.me(&console)?;
    let Ok(no) = id.parse::<i64>() else { return Ok(console.missing(&asked, "A session has a number.")) };
    let of = (caller.role != Role::Admin).then_some(caller.account);
    match console.store.end_session(no, of, actor(caller)).await {
        Ok(Some((hash, _))) => {
            console.identity.forget_session(&hash);
            Ok(see(match fields.take("from").as_str() {
                "all" if of.is_none() => "/settings/sessions",
                _ => "/settings?done=session",
            }))
        }
        Ok(None) => Ok(console.missing(&asked, "There is no such session of yours: it has ended already.")),
        Err(err) => Ok(console.store_failed(&asked, &err)),
    }
}

/// `POST /settings/accounts`: makes an account, and shows once the link by which its password is set.
pub async fn create_account(
    State(console): State<Console>,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
    mut fields: Fields,
) -> Answer {
    let caller = asked.admin(&console)?;
    let (name, role) = (fields.take("name"), Role::from_word(&fields.take("role")));
    let (code, faults) = match console.identity.invite(caller, &name, role).await {
        Ok((id, token)) => {
            let done = "The account was made. Nobody can sign in with it until its password is set.";
            return Ok(with_link(&console, &asked, caller, id, link(&console, &headers, &token), done).await);
        }
        Err(AccountRefused::Fields(faults)) => (422, faults),
        Err(AccountRefused::NotNow(SignInRefused::StoreAway)) => return Ok(console.refuse(&asked, &store_away())),
        Err(AccountRefused::NotNow(refused)) => (refused.code().status(), vec![("name".to_owned(), refused.to_string())]),
    };
    match console.drawing.accounts().await {
        Ok(mut page) => {
            (page.name, page.role, page.faults) = (shown(&name), role, faults);
            Ok(console.settings_page(status(code), &asked, "Accounts", &page))
        }
        Err(err) => Ok(console.store_failed(&asked, &err)),
    }
}

/// An account's page with a link that is shown this once: it is kept nowhere.
async fn with_link(console: &Console, asked: &Asked, me: &Caller, id: AccountId, link: PasswordLink, done: &str) -> Response {
    match console.drawing.account(id, me).await {
        Ok(Some(mut page)) => {
            (page.link, page.done) = (Some(link), Some(done.to_owned()));
            let title = page.account.name.clone();
            console.settings_page(StatusCode::OK, asked, &title, &page)
        }
        Ok(None) => console.missing(asked, "There is no such account."),
        Err(err) => console.store_failed(asked, &err),
    }
}

/// Where a change of an account leads: to its page, which says what was done, or why nothing was.
async fn changed(console: &Console, asked: &Asked, me: &Caller, id: AccountId, changed: Changed, done: &str) -> Response {
    let refused = match changed {
        Changed::Done(_) | Changed::Same(_) => return see(&format!("/settings/accounts/{}?done={done}", id.get())),
        Changed::NoSuchAccount => return console.missing(asked, "There is no such account."),
        Changed::LastAdmin(name) => format!(
            "{name} is the last administrator who can sign in; without one nobody could keep accounts or undo this. Make another account an \
             administrator first, and let its owner set a password."
        ),
    };
    match console.drawing.account(id, me).await {
        Ok(Some(mut page)) => {
            page.refused = Some(refused);
            let title = page.account.name.clone();
            console.settings_page(StatusCode::CONFLICT, asked, &title, &page)
        }
        Ok(None) => console.missing(asked, "There is no such account."),
        Err(err) => console.store_failed(asked, &err),
    }
}

/// `POST /settings/accounts/{id}/role`
pub async fn change_role(
    State(console): State<Console>,
    Extension(asked): Extension<Asked>,
    Path(id): Path<String>,
    mut fields: Fields,
) -> Answer {
    let caller = asked.admin(&console)?;
    let Some(id) = number(&id) else { return Ok(console.missing(&asked, "An account has a number.")) };
    let word = fields.take("role");
    let Some(role) = Role::from_word(&word) else {
        let words = Role::ALL.map(Role::word).join(", ");
        return Ok(console.bad(&asked, format!("“{}” is no role: choose one of {words}.", shown(&word))));
    };
    match console.store.change_role(id, role, actor(caller)).await {
        Ok(now) => Ok(changed(&console, &asked, caller, id, now, "role").await),
        Err(err) => Ok(console.store_failed(&asked, &err)),
    }
}

/// `POST /settings/accounts/{id}/disable`
pub async fn disable_account(State(console): State<Console>, Extension(asked): Extension<Asked>, Path(id): Path<String>) -> Answer {
    set_disabled(&console, &asked, &id, true).await
}

/// `POST /settings/accounts/{id}/enable`
pub async fn enable_account(State(console): State<Console>, Extension(asked): Extension<Asked>, Path(id): Path<String>) -> Answer {
    set_disabled(&console, &asked, &id, false).await
}

async fn set_disabled(console: &Console, asked: &Asked, id: &str, disabled: bool) -> Answer {
    let caller = asked.admin(console)?;
    let Some(id) = number(id) else { return Ok(console.missing(asked, "An account has a number.")) };
    match console.store.set_disabled(id, disabled, actor(caller)).await {
        Ok(now) => Ok(changed(console, asked, caller, id, now, if disabled { "disabled" } else { "enabled" }).await),
        Err(err) => Ok(console.store_failed(asked, &err)),
    }
}

/// `POST /settings/accounts/{id}/reset`: a link by which the account's owner sets a new password; shown once.
pub async fn reset_password(
    State(console): State<Console>,
    Extension(asked): Extension<Asked>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let caller = asked.admin(&console)?;
    let Some(id) = number(&id) else { return Ok(console.missing(&asked, "An account has a number.")) };
    match console.identity.password_link(caller, id).await {
        Ok(Some((_, token))) => {
            let done = "A link was made. The old password works until it is used; links made before it do not work any more.";
            Ok(with_link(&console, &asked, caller, id, link(&console, &headers, &token), done).await)
        }
        Ok(None) => Ok(console.missing(&asked, "There is no such account, or it is disabled: enable it first.")),
        Err(err) => Ok(console.store_failed(&asked, &err)),
    }
}

/// `POST /settings/accounts/{id}/end-sessions`: all of an account but the one that asks.
pub async fn end_sessions(State(console): State<Console>, Extension(asked): Extension<Asked>, Path(id): Path<String>) -> Answer {
    let caller = asked.admin(&console)?;
    let Some(id) = number(&id) else { return Ok(console.missing(&asked, "An account has a number.")) };
    match console.store.end_sessions(id, caller.session(), actor(caller)).await {
        Ok(Some(_)) => Ok(see(&format!("/settings/accounts/{}?done=sessions", id.get()))),
        Ok(None) => Ok(console.missing(&asked, "There is no such account.")),
        Err(err) => Ok(console.store_failed(&asked, &err)),
    }
}

/// `POST /password`: spends a one-time link.
pub async fn password_by_link(State(console): State<Console>, Extension(asked): Extension<Asked>, mut fields: Fields) -> Response {
    let token = fields.take("token");
    let mut secret = |name: &str| Secret::new(fields.take(name));
    let (password, again) = (secret("password"), secret("again"));
    let (code, faults) = match console.identity.set_password_by_link(asked.address(), &token, password, &again).await {
        Ok(_) => return see("/sign-in"),
        Err(LinkRefused::Fields(faults)) => (422, faults),
        Err(LinkRefused::LinkSpent) => (410, Vec::new()),
        Err(LinkRefused::NotNow(SignInRefused::StoreAway)) => return console.refuse(&asked, &store_away()),
        Err(LinkRefused::NotNow(refused)) => (refused.code().status(), vec![("token".to_owned(), refused.to_string())]),
    };
    // Only asked for its name: whether the link works was decided above.
    let account = if code == 410 { None } else { console.identity.password_link_owner(&token).await.ok().flatten() };
    let page = SetPassword { token, account, faults, password_hint: PASSWORD_HINT.to_owned() };
    console.page(status(code), console.frame(&asked, Place::Outside, "Set your password"), &page)
}
