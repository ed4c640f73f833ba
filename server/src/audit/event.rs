//! The kinds of event and what each may hold. What is not a field here cannot get into the audit: no bodies, no secrets.

use app::model::{AuditRow, Moment, Role, RunState, StepState, SystemId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Sealed, canonical::canonical};

/// The longest text that an event holds, in characters; the rest is cut.
const LONGEST: usize = 2_000;

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An account, by its name.
    Account(String),
    /// The console itself.
    Console,
    /// Somebody who is not signed in.
    Nobody,
}

impl Actor {
    /// The word in the store. `console` and `nobody` are nobody's account: the schema sees to that.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Account(name) => name,
            Self::Console => "console",
            Self::Nobody => "nobody",
        }
    }
}

/// Why a sign-in did not succeed. The visitor is told one and the same sentence for all but [`SignInFault::TooMany`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInFault {
    /// There is no such account.
    NoSuchAccount,
    /// The password is not the account's.
    WrongPassword,
    /// The account was disabled.
    Disabled,
    /// Too many tries.
    TooMany,
}

impl SignInFault {
    const fn words(self) -> &'static str {
        match self {
            Self::NoSuchAccount => "no such account",
            Self::WrongPassword => "wrong password",
            Self::Disabled => "the account is disabled",
            Self::TooMany => "too many tries",
        }
    }
}

/// How an account came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Made {
    /// `quarterdeck admin create`.
    CommandLine,
    /// The one-time link of the first start.
    SetUpLink,
    /// An administrator, in the settings.
    Settings,
}

/// How a screen came to be paired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScreenMade {
    /// An administrator confirmed the code that it showed.
    Code,
    /// `quarterdeck admin device create`.
    CommandLine,
}

/// Whose doing a new password is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordBy {
    /// The account's owner, who knew the old one.
    Owner,
    /// Whoever held the one-time link.
    Link,
}

/// In what form the audit left the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exported {
    /// One JSON object a line.
    JsonLines,
    /// Comma-separated values.
    Csv,
}

impl Exported {
    /// Reads the word of the form: `jsonl` or `csv`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "jsonl" => Some(Self::JsonLines),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }

    /// The ending of its file's name.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
        }
    }

    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::JsonLines => "application/jsonl; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::JsonLines => "JSON Lines",
            Self::Csv => "CSV",
        }
    }
}

/// One kind of event with its typed detail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "detail", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// A plan was made; nothing was done.
    Planned {
        /// The runbook's id.
        runbook: String,
        /// The plan's id.
        plan: String,
        /// Its fingerprint, in hex.
        fingerprint: String,
    },
    /// A plan was confirmed and its run accepted.
    Requested {
        /// The runbook's id.
        runbook: String,
        /// Verb and object.
        title: String,
        /// The plan's id.
        plan: String,
        /// Its fingerprint, in hex.
        fingerprint: String,
        /// The parameters, in the action's order.
        parameters: Vec<(String, String)>,
        /// Why.
        reason: String,
    },
    /// A replica began to execute the run.
    Started {
        /// Which replica.
        executor: String,
        /// Its claim.
        fence: i64,
    },
    /// A replica took over a run that another one left.
    Adopted {
        /// Which replica.
        executor: String,
        /// Its claim.
        fence: i64,
    },
    /// A step changed.
    Step {
        /// Its place in the plan, from 0.
        no: i32,
        /// Its title.
        title: String,
        /// How it stands now.
        state: StepState,
        /// What was seen.
        detail: String,
    },
    /// It cannot be told whether the effect was made; the console keeps looking.
    Unknown {
        /// Why.
        why: String,
    },
    /// It can be told again, and the run goes on.
    Resumed {
        /// What was seen.
        sentence: String,
    },
    /// Somebody asked the run to stop.
    CancelRequested {},
    /// The run ended.
    Ended {
        /// How.
        state: RunState,
        /// In a sentence.
        sentence: String,
        /// How long it took, in milliseconds.
        took_ms: i64,
    },
    /// A run was asked for and never accepted.
    Refused {
        /// The runbook's id.
        runbook: String,
        /// The rule's stable name.
        rule: String,
        /// In a sentence.
        why: String,
    },
    /// Somebody tried what their role does not reach.
    PermissionDenied {
        /// What was tried ("POST /plans").
        tried: String,
        /// The role held; none for an anonymous attempt.
        role: Option<Role>,
        /// The role needed.
        needed: Role,
    },
    /// Somebody signed in.
    SignedIn {
        /// From where.
        address: String,
    },
    /// Somebody tried to.
    SignInFailed {
        /// The account, if there is one. A name that nobody has is not kept: it may be a password in the wrong field.
        account: Option<String>,
        /// Why not.
        why: SignInFault,
        /// From where.
        address: String,
    },
    /// Somebody signed out.
    SignedOut {},
    /// An account was made.
    AccountCreated {
        /// Its name.
        account: String,
        /// Its role.
        role: Role,
        /// How.
        made: Made,
    },
    /// An account was given another role.
    RoleChanged {
        /// Whose.
        account: String,
        /// Before.
        from: Role,
        /// After.
        to: Role,
    },
    /// An account may not sign in any more.
    AccountDisabled {
        /// Which.
        account: String,
    },
    /// An account may sign in again.
    AccountEnabled {
        /// Which.
        account: String,
    },
    /// A one-time link was made by which an account's password can be set.
    PasswordLinkMade {
        /// Whose.
        account: String,
    },
    /// An account has a new password.
    PasswordSet {
        /// Whose.
        account: String,
        /// By whom.
        by: PasswordBy,
    },
    /// Sessions were ended by hand.
    SessionsEnded {
        /// Whose.
        account: String,
        /// How many.
        n_sessions: i64,
    },
    /// A screen was paired: it may show the wall.
    ScreenPaired {
        /// Where it hangs.
        screen: String,
        /// How.
        made: ScreenMade,
    },
    /// A code was typed that no waiting screen shows. What was typed is not kept.
    PairingRefused {
        /// Whether the limit on such tries was reached.
        too_many: bool,
    },
    /// A browser took a screen's token by its link.
    ScreenOpened {
        /// Where it hangs.
        screen: String,
        /// From where.
        address: String,
    },
    /// A screen may not look any more.
    ScreenRevoked {
        /// Where it hangs.
        screen: String,
    },
    /// A screen's token was tried on something that it does not open.
    ScreenRefused {
        /// Where it hangs.
        screen: String,
        /// Whether it was revoked; if not, it tried something else than the wall.
        revoked: bool,
        /// What was tried ("GET /runs").
        tried: String,
        /// From where.
        address: String,
    },
    /// The console started with this estate.
    ConfigLoaded {
        /// SHA-256 of the estate file, in hex.
        estate: String,
        /// The console's version.
        version: String,
        /// Which replica.
        replica: String,
        /// How many systems it watches.
        n_systems: u32,
        /// How many runbooks it allows.
        n_runbooks: u32,
    },
    /// The audit was handed out.
    Exported {
        /// In what form.
        format: Exported,
        /// How many events.
        n_events: i64,
        /// What they were narrowed by, field and value.
        #[serde(default)]
        filter: Vec<(String, String)>,
    },
    /// The chain was verified.
    Verified {
        /// Whether every link held.
        intact: bool,
        /// What was found.
        sentence: String,
        /// The last event that is bound to all before it: number and hash, in hex.
        #[serde(default)]
        head: Option<(i64, String)>,
    },
}

/// The word of an [`Event`]'s kind.
pub type Kind = &'static str;

impl Event {
    /// Every kind's word, in the order in which the filter offers them.
    pub const KINDS: [Kind; 29] = [
        "planned",
        "requested",
        "started",
        "adopted",
        "step",
        "unknown",
        "resumed",
        "cancel_requested",
        "ended",
        "refused",
        "permission_denied",
        "signed_in",
        "sign_in_failed",
        "signed_out",
        "account_created",
        "role_changed",
        "account_disabled",
        "account_enabled",
        "password_link_made",
        "password_set",
        "sessions_ended",
        "screen_paired",
        "pairing_refused",
        "screen_opened",
        "screen_revoked",
        "screen_refused",
        "config_loaded",
        "exported",
        "verified",
    ];

    /// The word in the store.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Planned { .. } => "planned",
            Self::Requested { .. } => "requested",
            Self::Started { .. } => "started",
            Self::Adopted { .. } => "adopted",
            Self::Step { .. } => "step",
            Self::Unknown { .. } => "unknown",
            Self::Resumed { .. } => "resumed",
            Self::CancelRequested {} => "cancel_requested",
            Self::Ended { .. } => "ended",
            Self::Refused { .. } => "refused",
            Self::PermissionDenied { .. } => "permission_denied",
            Self::SignedIn { .. } => "signed_in",
            Self::SignInFailed { .. } => "sign_in_failed",
            Self::SignedOut {} => "signed_out",
            Self::AccountCreated { .. } => "account_created",
            Self::RoleChanged { .. } => "role_changed",
            Self::AccountDisabled { .. } => "account_disabled",
            Self::AccountEnabled { .. } => "account_enabled",
            Self::PasswordLinkMade { .. } => "password_link_made",
            Self::PasswordSet { .. } => "password_set",
            Self::SessionsEnded { .. } => "sessions_ended",
            Self::ScreenPaired { .. } => "screen_paired",
            Self::PairingRefused { .. } => "pairing_refused",
            Self::ScreenOpened { .. } => "screen_opened",
            Self::ScreenRevoked { .. } => "screen_revoked",
            Self::ScreenRefused { .. } => "screen_refused",
            Self::ConfigLoaded { .. } => "config_loaded",
            Self::Exported { .. } => "exported",
            Self::Verified { .. } => "verified",
        }
    }

    /// The detail as canonical JSON, every text cut to its longest.
    #[must_use]
    pub fn detail(&self) -> String {
        let whole = serde_json::to_value(self).unwrap_or_default();
        let mut detail = whole.get("detail").cloned().unwrap_or_default();
        cut(&mut detail);
        canonical(&detail)
    }

    /// Reads what [`Event::kind`] and [`Event::detail`] wrote. `None`: written by a newer console, or changed by hand.
    #[must_use]
    pub fn read(kind: &str, detail: &str) -> Option<Self> {
        let detail: Value = serde_json::from_str(detail).ok()?;
        serde_json::from_value(serde_json::json!({ "kind": kind, "detail": detail })).ok()
    }

    /// What happened, as a sentence beside the actor's name.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Planned { runbook, .. } => format!("Made a plan of {runbook}"),
            Self::Requested { title, reason, .. } if reason.is_empty() => format!("Asked for: {title}"),
            Self::Requested { title, reason, .. } => format!("Asked for: {title}. Reason: {reason}"),
            Self::Started { executor, .. } => format!("Started on {executor}"),
            Self::Adopted { executor, .. } => format!("Taken over by {executor}"),
            Self::Step { no, title, state, detail } if detail.is_empty() => format!("Step {} {}: {title}", no + 1, state.word()),
            Self::Step { no, title, state, detail } => format!("Step {} {}: {title}. {detail}", no + 1, state.word()),
            Self::Unknown { why } => format!("Cannot tell whether it was done: {why}"),
            Self::Resumed { sentence } => format!("Can be told again: {sentence}"),
            Self::CancelRequested {} => "Asked the run to stop".to_owned(),
            Self::Ended { state, sentence, .. } => format!("Ended, {}: {sentence}", state.word().replace('_', " ")),
            Self::Refused { runbook, rule, why } => format!("{runbook} refused by {rule}: {why}"),
            Self::PermissionDenied { tried, role: Some(role), needed } => {
                format!("May not {tried}: {} does not reach {}", role.word(), needed.word())
            }
            Self::PermissionDenied { tried, role: None, .. } => format!("May not {tried}: not signed in"),
            Self::SignedIn { address } => format!("Signed in from {address}"),
            Self::SignInFailed { account: Some(account), why, address } => {
                format!("Sign-in as {account} from {address} failed: {}", why.words())
            }
            Self::SignInFailed { account: None, why, address } => format!("Sign-in from {address} failed: {}", why.words()),
            Self::SignedOut {} => "Signed out".to_owned(),
            Self::AccountCreated { account, role, made: Made::CommandLine } => {
                format!("Account {account} made as {} on the command line", role.word())
            }
            Self::AccountCreated { account, role, made: Made::SetUpLink } => {
                format!("Account {account} made as {} by the set-up link", role.word())
            }
            Self::AccountCreated { account, role, made: Made::Settings } => format!("Account {account} made as {}", role.word()),
            Self::RoleChanged { account, from, to } => format!("Role of {account} changed from {} to {}", from.word(), to.word()),
            Self::AccountDisabled { account } => format!("Account {account} disabled"),
            Self::AccountEnabled { account } => format!("Account {account} enabled"),
            Self::PasswordLinkMade { account } => format!("One-time password link made for {account}"),
            Self::PasswordSet { account, by: PasswordBy::Owner } => format!("Password of {account} changed"),
            Self::PasswordSet { account, by: PasswordBy::Link } => format!("Password of {account} set by a one-time link"),
            Self::SessionsEnded { account, n_sessions: 1 } => format!("One session of {account} ended"),
            Self::SessionsEnded { account, n_sessions } => format!("{n_sessions} sessions of {account} ended"),
            Self::ScreenPaired { screen, made: ScreenMade::Code } => format!("Screen {screen} paired by its code"),
            Self::ScreenPaired { screen, made: ScreenMade::CommandLine } => format!("Screen {screen} made on the command line"),
            Self::PairingRefused { too_many: false } => "Typed a code that no waiting screen shows".to_owned(),
            Self::PairingRefused { too_many: true } => "Typed too many codes that no waiting screen shows".to_owned(),
            Self::ScreenOpened { screen, address } => format!("Screen {screen} opened by its link from {address}"),
            Self::ScreenRevoked { screen } => format!("Screen {screen} revoked"),
            Self::ScreenRefused { screen, revoked: true, tried, address } => {
                format!("Revoked screen {screen} tried {tried} from {address}")
            }
            Self::ScreenRefused { screen, revoked: false, tried, address } => {
                format!("Screen {screen} may show the wall only, and tried {tried} from {address}")
            }
            Self::ConfigLoaded { replica, n_systems, n_runbooks, .. } => {
                format!("{replica} started: {n_systems} systems, {n_runbooks} runbooks")
            }
            Self::Exported { format, n_events, .. } => format!("Exported {n_events} events as {}", format.words()),
            Self::Verified { sentence, .. } => format!("Verified the audit: {sentence}"),
        }
    }
}

/// An event with who, which run and which target: what one row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Who.
    pub actor: Actor,
    /// The run that it belongs to.
    pub run: Option<i64>,
    /// What it was about.
    pub target: Option<SystemId>,
    /// What happened.
    pub event: Event,
}

impl Record {
    /// Something that belongs to no run and no target.
    #[must_use]
    pub const fn new(actor: Actor, event: Event) -> Self {
        Self { actor, run: None, target: None, event }
    }

    /// Names the target.
    #[must_use]
    pub fn on(mut self, target: SystemId) -> Self {
        self.target = Some(target);
        self
    }

    /// Names the run.
    #[must_use]
    pub const fn in_run(mut self, run: i64) -> Self {
        self.run = Some(run);
        self
    }
}

impl Sealed {
    /// The row of the audit page; `now` is the store's time at the read.
    #[must_use]
    pub fn row(&self, now: DateTime<Utc>) -> AuditRow {
        let event = Event::read(&self.kind, &self.detail);
        AuditRow {
            seq: self.seq,
            at: Moment { at: self.at, ago_ms: u64::try_from((now - self.at).num_milliseconds()).unwrap_or(0) },
            actor: self.actor.clone(),
            kind: self.kind.clone(),
            outcome: self.outcome().word().to_owned(),
            sentence: event.map_or_else(|| format!("An event that this version cannot read: {}", self.kind), |event| event.sentence()),
            run: self.run,
            target: self.target.clone(),
            detail: pairs(&self.detail),
            hash: hex::encode(&self.hash).chars().take(12).collect(),
        }
    }
}

/// The detail by name, for people: texts as they are, parameters as "name value", nothing for what is empty.
fn pairs(detail: &str) -> Vec<(String, String)> {
    let Ok(Value::Object(map)) = serde_json::from_str(detail) else {
        return vec![("detail".to_owned(), detail.to_owned())];
    };
    map.into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name, words(value)))
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

fn words(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Array(items) => {
            // Parameters are a list of pairs; anything else in a list is said one after the other.
            let is_pair = items.iter().all(Value::is_string);
            items.into_iter().map(words).collect::<Vec<_>>().join(if is_pair { " " } else { ", " })
        }
        Value::Null => String::new(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_)) => other.to_string(),
    }
}

/// Cuts every text to [`LONGEST`] characters.
fn cut(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((at, _)) = text.char_indices().nth(LONGEST) {
                text.truncate(at);
                text.push('…');
            }
        }
        Value::Array(items) => items.iter_mut().for_each(cut),
        Value::Object(map) => map.values_mut().for_each(cut),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One event of every kind.
    fn every() -> Vec<Event> {
        let text = || "x".to_owned();
        vec![
            Event::Planned { runbook: text(), plan: text(), fingerprint: text() },
            Event::Requested {
                runbook: text(),
                title: text(),
                plan: text(),
                fingerprint: text(),
                parameters: vec![("replicas".to_owned(), "7".to_owned())],
                reason: text(),
            },
            Event::Started { executor: text(), fence: 1 },
            Event::Adopted { executor: text(), fence: 2 },
            Event::Step { no: 0, title: text(), state: StepState::Done, detail: text() },
            Event::Unknown { why: text() },
            Event::Resumed { sentence: text() },
            Event::CancelRequested {},
            Event::Ended { state: RunState::SucceededElsewhere, sentence: text(), took_ms: 5 },
            Event::Refused { runbook: text(), rule: text(), why: text() },
            Event::PermissionDenied { tried: text(), role: None, needed: Role::Responder },
            Event::SignedIn { address: text() },
            Event::SignInFailed { account: None, why: SignInFault::WrongPassword, address: text() },
            Event::SignedOut {},
            Event::AccountCreated { account: text(), role: Role::Admin, made: Made::SetUpLink },
            Event::RoleChanged { account: text(), from: Role::Viewer, to: Role::Admin },
            Event::AccountDisabled { account: text() },
            Event::AccountEnabled { account: text() },
            Event::PasswordLinkMade { account: text() },
            Event::PasswordSet { account: text(), by: PasswordBy::Link },
            Event::SessionsEnded { account: text(), n_sessions: 2 },
            Event::ScreenPaired { screen: text(), made: ScreenMade::Code },
            Event::PairingRefused { too_many: true },
            Event::ScreenOpened { screen: text(), address: text() },
            Event::ScreenRevoked { screen: text() },
            Event::ScreenRefused { screen: text(), revoked: true, tried: text(), address: text() },
            Event::ConfigLoaded { estate: text(), version: text(), replica: text(), n_systems: 23, n_runbooks: 3 },
            Event::Exported { format: Exported::Csv, n_events: 9, filter: vec![(text(), text())] },
            Event::Verified { intact: true, sentence: text(), head: Some((7, text())) },
        ]
    }

    #[test]
    fn every_kind_is_listed_and_reads_back_as_it_was_written() {
        let kinds: Vec<_> = every().iter().map(Event::kind).collect();
        assert_eq!(kinds, Event::KINDS);
        for event in every() {
            assert_eq!(Event::read(event.kind(), &event.detail()), Some(event));
        }
    }

    #[test]
    fn what_an_older_console_wrote_is_still_read() {
        let verified = Event::Verified { intact: true, sentence: "x".to_owned(), head: None };
        assert_eq!(Event::read("verified", r#"{"intact":true,"sentence":"x"}"#), Some(verified));
        let exported = Event::Exported { format: Exported::Csv, n_events: 9, filter: vec![] };
        assert_eq!(Event::read("exported", r#"{"format":"csv","n_events":9}"#), Some(exported));
    }

    #[test]
    fn a_long_text_is_cut() {
        let event = Event::Unknown { why: "ü".repeat(LONGEST + 1) };
        assert_eq!(event.detail().chars().filter(|c| *c == 'ü').count(), LONGEST);
    }

    #[test]
    fn a_detail_that_was_changed_by_hand_still_has_a_row() {
        assert_eq!(Event::read("signed_in", r#"{"address":"x","password":"y"}"#), None);
        assert_eq!(pairs("not json"), vec![("detail".to_owned(), "not json".to_owned())]);
    }
}
