//! What the settings show: accounts, sessions, screens.

use std::time::Duration;

use app::model::{
    AccountList, AccountRow, AccountState, AccountView, Moment, MyAccount, ScreenList, ScreenRow, ScreenState, SessionList, SessionRow,
};
use chrono::{DateTime, Utc};

use super::Drawing;
use crate::{
    identity::{ADDRESS, BROWSER, Caller, NAME_HINT, PASSWORD_HINT},
    store::{AccountId, AccountSummary, Device, SessionSummary, StoreError},
};

/// So many sessions are listed; a line counts the rest.
const SESSIONS: i64 = 100;

/// A screen that has not looked for so long is away: its use is noted every quarter of a minute, and without scripts it looks as often.
const AWAY: Duration = Duration::from_secs(45);

/// When something was, by the store's clock.
fn moment(at: DateTime<Utc>, now: DateTime<Utc>) -> Moment {
    Moment { at, ago_ms: u64::try_from((now - at).num_milliseconds()).unwrap_or(0) }
}

fn session(session: SessionSummary, me: &Caller, now: DateTime<Utc>) -> SessionRow {
    let data: serde_json::Value = serde_json::from_str(&session.data).unwrap_or_default();
    let text = |key: &str| data.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    SessionRow {
        id: session.no,
        account: session.name,
        account_id: session.account.get(),
        address: text(ADDRESS),
        browser: text(BROWSER),
        began: moment(session.created_at, now),
        left_ms: u64::try_from((session.expires_at - now).num_milliseconds()).unwrap_or(0),
        mine: session.hash == *me.session(),
    }
}

fn account(account: AccountSummary, now: DateTime<Utc>) -> AccountRow {
    AccountRow {
        id: account.id.get(),
        name: account.name,
        role: account.role,
        state: match (account.disabled_at, account.has_password) {
            (Some(_), _) => AccountState::Disabled,
            (None, true) => AccountState::Active,
            (None, false) => AccountState::Invited,
        },
        made: moment(account.created_at, now),
        signed_in: account.signed_in_at.map(|at| moment(at, now)),
        n_sessions: usize::try_from(account.n_sessions).unwrap_or(0),
    }
}

fn screen(device: Device, now: DateTime<Utc>) -> ScreenRow {
    let used = device.last_used_at.map(|at| moment(at, now));
    let looks = used.is_some_and(|used| u128::from(used.ago_ms) <= AWAY.as_millis());
    ScreenRow {
        id: device.id.get(),
        name: device.name,
        state: match device.revoked {
            Some((at, by)) => ScreenState::Revoked(moment(at, now), by),
            None if looks => ScreenState::Looks,
            None => ScreenState::Away,
        },
        used,
        address: device.last_address.unwrap_or_default(),
        paired: moment(device.created_at, now),
        by: device.created_by,
    }
}

impl Drawing {
    async fn sessions_of(&self, of: Option<AccountId>, me: &Caller) -> Result<(usize, Vec<SessionRow>), StoreError> {
        let (now, all, sessions) = self.store.session_list(of, SESSIONS).await?;
        let rows: Vec<_> = sessions.into_iter().map(|one| session(one, me, now)).collect();
        Ok((usize::try_from(all).unwrap_or(0).saturating_sub(rows.len()), rows))
    }

    /// One's own account.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn my_account(&self, me: &Caller) -> Result<MyAccount, StoreError> {
        let (_, sessions) = self.sessions_of(Some(me.account), me).await?;
        Ok(MyAccount {
            name: me.name.clone(),
            role: me.role.word().to_owned(),
            keeps: me.role == app::model::Role::Admin,
            sessions,
            password_hint: PASSWORD_HINT.to_owned(),
            ..MyAccount::default()
        })
    }

    /// Who is signed in.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sessions(&self, me: &Caller) -> Result<SessionList, StoreError> {
        let (more, rows) = self.sessions_of(None, me).await?;
        Ok(SessionList { rows, more })
    }

    /// Every account.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn accounts(&self) -> Result<AccountList, StoreError> {
        let (now, accounts) = self.store.account_summaries(None).await?;
        let rows = accounts.into_iter().map(|one| account(one, now)).collect();
        Ok(AccountList { rows, name_hint: NAME_HINT.replace('`', ""), ..AccountList::default() })
    }

    /// One account; `None` when there is none of that number.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn account(&self, id: AccountId, me: &Caller) -> Result<Option<AccountView>, StoreError> {
        let (now, accounts) = self.store.account_summaries(Some(id)).await?;
        let Some(found) = accounts.into_iter().next() else { return Ok(None) };
        let (_, sessions) = self.sessions_of(Some(id), me).await?;
        Ok(Some(AccountView { account: account(found, now), mine: id == me.account, sessions, refused: None, link: None, done: None }))
    }

    /// Every screen.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn screens(&self) -> Result<ScreenList, StoreError> {
        let (now, devices) = self.store.devices().await?;
        Ok(ScreenList { rows: devices.into_iter().map(|device| screen(device, now)).collect(), ..ScreenList::default() })
    }
}
