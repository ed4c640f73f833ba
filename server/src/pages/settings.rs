//! The settings: one's own account for everybody; accounts, sessions and screens for administrators.

use app::{
    model::{Frame, Place, SetPassword},
    render::Page,
};
use axum::{
    Extension,
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::Token;
use crate::{
    console::{Answer, Asked, Console},
    identity,
    store::{AccountId, StoreError},
};

/// What was just done, told once by the page to which a form leads.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Done {
    done: String,
}

impl Done {
    /// The sentence of a word that our own forms send; anything else says nothing.
    fn words(&self) -> Option<String> {
        let words = match self.done.as_str() {
            "password" => "Your password was changed. Every other session of yours was ended.",
            "session" => "The session was ended.",
            "sessions" => "The sessions were ended.",
            "role" => "The role was changed. It holds from now on, in open pages too.",
            "disabled" => "The account was disabled, and its sessions were ended.",
            "enabled" => "The account was enabled.",
            "paired" => "The screen was paired. It shows the wall within a few seconds.",
            "revoked" => "The screen was revoked. It goes dark within a second.",
            _ => return None,
        };
        Some(words.to_owned())
    }
}

impl Console {
    /// A page of the settings.
    pub(crate) fn settings_page(&self, status: StatusCode, asked: &Asked, title: &str, page: &(impl Page + ?Sized)) -> Response {
        self.page(status, Frame { ..self.frame(asked, Place::Settings, title) }, page)
    }

    fn settings_answer<P: Page>(&self, asked: &Asked, title: &str, page: Result<P, StoreError>) -> Response {
        match page {
            Ok(page) => self.settings_page(StatusCode::OK, asked, title, &page),
            Err(err) => self.store_failed(asked, &err),
        }
    }
}

/// `GET /settings`
pub async fn settings(State(console): State<Console>, Extension(asked): Extension<Asked>, Query(done): Query<Done>) -> Answer {
    let caller = asked.me(&console)?;
    let page = console.drawing.my_account(caller).await.map(|mut page| {
        page.done = done.words();
        page
    });
    Ok(console.settings_answer(&asked, "Settings", page))
}

/// `GET /settings/sessions`
pub async fn sessions(State(console): State<Console>, Extension(asked): Extension<Asked>) -> Answer {
    let caller = asked.admin(&console)?;
    let page = console.drawing.sessions(caller).await;
    Ok(console.settings_answer(&asked, "Sessions", page))
}

/// `GET /settings/accounts`
pub async fn accounts(State(console): State<Console>, Extension(asked): Extension<Asked>) -> Answer {
    asked.admin(&console)?;
    let page = console.drawing.accounts().await;
    Ok(console.settings_answer(&asked, "Accounts", page))
}

/// `GET /settings/accounts/{id}`
pub async fn account(
    State(console): State<Console>,
    Extension(asked): Extension<Asked>,
    Path(id): Path<String>,
    Query(done): Query<Done>,
) -> Answer {
    let caller = asked.admin(&console)?;
    let Ok(id) = id.parse().map(AccountId::numbered) else { return Ok(console.missing(&asked, "An account has a number.")) };
    match console.drawing.account(id, caller).await {
        Ok(Some(mut page)) => {
            page.done = done.words();
            let title = page.account.name.clone();
            Ok(console.settings_page(StatusCode::OK, &asked, &title, &page))
        }
        Ok(None) => Ok(console.missing(&asked, "There is no such account.")),
        Err(err) => Ok(console.store_failed(&asked, &err)),
    }
}

/// `GET /settings/screens`
pub async fn screens(State(console): State<Console>, Extension(asked): Extension<Asked>, Query(done): Query<Done>) -> Answer {
    asked.admin(&console)?;
    let page = console.drawing.screens().await.map(|mut page| {
        page.done = done.words();
        page
    });
    Ok(console.settings_answer(&asked, "Wall screens", page))
}

/// `GET /password?token=…`: the page behind a one-time link.
pub async fn password_link(State(console): State<Console>, Extension(asked): Extension<Asked>, Query(token): Query<Token>) -> Response {
    match console.identity.password_link_owner(&token.token).await {
        Ok(account) => {
            let status = if account.is_some() { StatusCode::OK } else { StatusCode::GONE };
            let page =
                SetPassword { token: token.token, account, password_hint: identity::PASSWORD_HINT.to_owned(), ..SetPassword::default() };
            console.page(status, console.frame(&asked, Place::Outside, "Set your password"), &page)
        }
        Err(err) => console.store_failed(&asked, &err),
    }
}
