//! Accounts, sessions and screens, as the settings show them.

use super::{Moment, Role};

/// `/settings`: the account of whoever looks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MyAccount {
    /// Its name.
    pub name: String,
    /// Its role's word.
    pub role: String,
    /// Whether it keeps the other accounts and the screens.
    pub keeps: bool,
    /// Its sessions, newest first.
    pub sessions: Vec<SessionRow>,
    /// What is wrong with what was typed, by field ("current", "password", "again").
    pub faults: Vec<(String, String)>,
    /// What a password must have.
    pub password_hint: String,
    /// What was just done.
    pub done: Option<String>,
}

/// One session.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRow {
    /// Its number.
    pub id: i64,
    /// Whose.
    pub account: String,
    /// The account's number.
    pub account_id: i64,
    /// From where the sign-in came; empty when it was not kept.
    pub address: String,
    /// The browser, in words; empty when it was not told.
    pub browser: String,
    /// When it began.
    pub began: Moment,
    /// In how many milliseconds it ends by itself.
    pub left_ms: u64,
    /// Whether the page was asked for by this very session.
    pub mine: bool,
}

/// `/settings/sessions`: who is signed in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionList {
    /// Newest first.
    pub rows: Vec<SessionRow>,
    /// How many more there are than are listed.
    pub more: usize,
}

/// One account in the list.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountRow {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// How it stands.
    pub state: AccountState,
    /// When it was made.
    pub made: Moment,
    /// When somebody last signed in with it.
    pub signed_in: Option<Moment>,
    /// How many sessions it has.
    pub n_sessions: usize,
}

/// How an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// It may sign in.
    Active,
    /// It may, but nobody has set its password yet.
    Invited,
    /// It may not.
    Disabled,
}

impl AccountState {
    /// The word beside it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "may sign in",
            Self::Invited => "no password yet",
            Self::Disabled => "disabled",
        }
    }
}

/// `/settings/accounts`: everybody.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountList {
    /// By name.
    pub rows: Vec<AccountRow>,
    /// The name typed for a new account.
    pub name: String,
    /// The role chosen for it.
    pub role: Option<Role>,
    /// What is wrong with what was typed, by field ("name", "role").
    pub faults: Vec<(String, String)>,
    /// What a name must have.
    pub name_hint: String,
}

/// `/settings/accounts/{id}`: one account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountView {
    /// The account.
    pub account: AccountRow,
    /// Whether it is the account of whoever looks.
    pub mine: bool,
    /// Its sessions, newest first.
    pub sessions: Vec<SessionRow>,
    /// Why nothing was changed, where something was asked for.
    pub refused: Option<String>,
    /// A link by which its password is set: shown once.
    pub link: Option<PasswordLink>,
    /// What was just done.
    pub done: Option<String>,
}

/// A one-time link by which a password is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordLink {
    /// The whole address.
    pub href: String,
    /// How long it works, in hours.
    pub hours: u64,
}

/// `/password?token=…`: the page behind such a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetPassword {
    /// The one-time token of the link.
    pub token: String,
    /// Whose password it sets; none when the link does not work.
    pub account: Option<String>,
    /// What is wrong with what was typed, by field ("token", "password", "again").
    pub faults: Vec<(String, String)>,
    /// What a password must have.
    pub password_hint: String,
}

/// One screen on a wall.
#[derive(Clone, Debug, PartialEq)]
pub struct ScreenRow {
    /// Its number.
    pub id: i64,
    /// Where it hangs.
    pub name: String,
    /// Whether it looks now; of a revoked one nothing is known.
    pub state: ScreenState,
    /// When it last looked.
    pub used: Option<Moment>,
    /// From where.
    pub address: String,
    /// When it was paired.
    pub paired: Moment,
    /// By whom.
    pub by: String,
}

/// How a screen stands.
#[derive(Clone, Debug, PartialEq)]
pub enum ScreenState {
    /// It looks.
    Looks,
    /// It has not looked for a while, or never.
    Away,
    /// It may not look any more: since when, and who said so.
    Revoked(Moment, String),
}

/// `/settings/screens`: every screen, and the form that pairs one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScreenList {
    /// By name; behind them those that were revoked last.
    pub rows: Vec<ScreenRow>,
    /// The code as typed.
    pub code: String,
    /// The name as typed.
    pub name: String,
    /// What is wrong with what was typed, by field ("code", "name").
    pub faults: Vec<(String, String)>,
    /// What was just done.
    pub done: Option<String>,
}
