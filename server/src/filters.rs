//! The filters of lists: what stands in an address, read field by field. What cannot be looked for is told by field and value, and kept.

use std::collections::BTreeMap;

use app::model::{FieldInput, Filter, FormField, Health, Kind, Risk, RunState, RunbookCard, SystemId, SystemRow};
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use crate::{
    audit::{Event, Outcome},
    store::{AuditQuery, Runs},
};

/// The longest value that is looked for, in characters: the longest system id has three names of 253, and nobody types those.
const LONGEST: usize = 800;
/// So much of a value is said again in its fault.
const SAID: usize = 40;

/// Reads one filter, field by field, in the form's order.
pub struct Reader {
    typed: BTreeMap<String, String>,
    fields: Vec<FormField>,
}

impl Reader {
    /// Of an address's query, or of a form; a name that comes twice keeps its last value.
    #[must_use]
    pub fn new(typed: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { typed: typed.into_iter().collect(), fields: Vec::new() }
    }

    /// The filter that was read.
    #[must_use]
    pub fn filter(self, path: &'static str) -> Filter {
        Filter { path, fields: self.fields }
    }

    /// Any text of one line.
    pub fn text(&mut self, name: &str, label: &str, hint: &str) -> Option<String> {
        self.field(name, label, hint, FieldInput::Text, |text| Ok(text.to_owned()))
    }

    /// One of `choices`, value and label; `any` is what the form says for none of them.
    pub fn choice(&mut self, name: &str, label: &str, any: &str, choices: Vec<(String, String)>) -> Option<String> {
        let known: Vec<_> = choices.iter().map(|(value, _)| value.clone()).collect();
        self.field(name, label, any, FieldInput::Choice(choices), |text| {
            if known.iter().any(|known| known == text) { Ok(text.to_owned()) } else { Err("is not one of those offered".to_owned()) }
        })
    }

    /// A whole number from 1.
    pub fn number(&mut self, name: &str, label: &str) -> Option<i64> {
        self.field(name, label, "", FieldInput::Number, |text| match text.parse::<i64>() {
            Ok(number) if number > 0 => Ok(number),
            Ok(_) | Err(_) => Err("is no number: type digits only".to_owned()),
        })
    }

    /// A moment in UTC, or how long ago it was; a day alone is its beginning, or where `ends` the beginning of the next one.
    pub fn moment(&mut self, name: &str, label: &str, now: DateTime<Utc>, ends: bool) -> Option<DateTime<Utc>> {
        let hint = format!("7 d, or {}", now.format("%Y-%m-%d %H:%M"));
        self.field(name, label, &hint, FieldInput::Text, |text| {
            moment(text, now, ends)
                .ok_or_else(|| "is no time: type 2026-11-27, 2026-11-27 14:00, or how long ago: 90 min, 24 h, 7 d".to_owned())
        })
    }

    fn field<T>(
        &mut self,
        name: &str,
        label: &str,
        hint: &str,
        input: FieldInput,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let typed = self.typed.remove(name).unwrap_or_default();
        let typed = typed.trim();
        let outcome = if typed.is_empty() {
            Ok(None)
        } else if typed.chars().any(char::is_control) {
            Err("holds a control character, which nothing here has".to_owned())
        } else if typed.chars().nth(LONGEST).is_some() {
            Err(format!("is longer than {LONGEST} characters"))
        } else {
            read(typed).map(Some)
        };
        let (value, fault) = match outcome {
            Ok(value) => (value, None),
            Err(why) => (None, Some(format!("“{}” {why}.", said(typed)))),
        };
        self.fields.push(FormField {
            name: name.to_owned(),
            label: label.to_owned(),
            hint: hint.to_owned(),
            // A page cannot hold every control character, and none of them is looked for.
            value: typed.replace(char::is_control, "\u{fffd}"),
            input,
            fault,
        });
        value
    }
}

/// The beginning of a value, for a sentence about it.
fn said(text: &str) -> String {
    match text.char_indices().nth(SAID) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Years outside of these are typing mistakes; PostgreSQL and the calendar library end at different ones.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2200;

fn moment(text: &str, now: DateTime<Utc>, ends: bool) -> Option<DateTime<Utc>> {
    if let Some(ago) = length(text) {
        return now.checked_sub_signed(ago).filter(|at| YEARS.contains(&at.year()));
    }
    let text = text.trim_end_matches("UTC").trim_end().trim_end_matches('Z');
    let at = match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(day) => (if ends { day.checked_add_days(Days::new(1))? } else { day }).and_hms_opt(0, 0, 0),
        Err(_) => ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"]
            .into_iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()),
    }?;
    Some(at.and_utc()).filter(|at| YEARS.contains(&at.year()))
}

/// `90 min`, `24h`, `7 d`.
fn length(text: &str) -> Option<TimeDelta> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: i64 = number.parse().ok()?;
    match unit.trim() {
        "s" => TimeDelta::try_seconds(number),
        "min" => TimeDelta::try_minutes(number),
        "h" => TimeDelta::try_hours(number),
        "d" => TimeDelta::try_days(number),
        _ => None,
    }
}

/// The systems that are meant by a name or a whole id. A name that no system has now is looked for as it was typed.
fn targets(text: Option<String>, systems: &[SystemId]) -> Option<Vec<String>> {
    let text = text?;
    let named: Vec<_> =
        systems.iter().filter(|system| system.name().eq_ignore_ascii_case(&text)).map(|system| system.as_str().to_owned()).collect();
    Some(if named.is_empty() { vec![text] } else { named })
}

/// What stands in the address instead of a state: every run that has not ended.
pub const OPEN: &str = "open";

/// The filter of the list of runs. `runbooks` are those of the catalog, id and title.
#[must_use]
pub fn runs(
    typed: impl IntoIterator<Item = (String, String)>,
    runbooks: Vec<(String, String)>,
    systems: &[SystemId],
    now: DateTime<Utc>,
) -> (Filter, Runs) {
    let mut reader = Reader::new(typed);
    let text = reader.text("q", "Words", "Filter, press /");
    let states = std::iter::once((OPEN.to_owned(), "not ended".to_owned()))
        .chain(RunState::ALL.into_iter().map(|state| (state.word().to_owned(), state.label().to_owned())));
    let state = reader.choice("state", "State", "Any state", states.collect());
    let runbook = reader.choice("runbook", "Runbook", "Any runbook", runbooks);
    let target = reader.text("target", "Target", "aia-frontend");
    let who = reader.text("who", "Asked by", "Anybody");
    let since = reader.moment("since", "Since, UTC", now, false);
    let open = state.as_deref() == Some(OPEN);
    let which = Runs {
        text,
        state: state.filter(|_| !open),
        runbook,
        targets: targets(target, systems),
        asked_by: who,
        since,
        open,
        ..Runs::default()
    };
    (reader.filter("/runs"), which)
}

/// Whether every word that is looked for, if any is, stands in `names`, in whatever case.
fn holds(text: Option<&str>, names: impl FnOnce() -> String) -> bool {
    text.is_none_or(|text| {
        let names = names().to_lowercase();
        text.to_lowercase().split_whitespace().all(|word| names.contains(word))
    })
}

/// Which systems are looked for, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Systems {
    text: Option<String>,
    kind: Option<String>,
    health: Option<String>,
    order: Option<String>,
}

/// What stands in the address instead of a health: whatever is not well, or out of date.
const UNWELL: &str = "unwell";

impl Systems {
    /// Whether `row` is among them.
    fn admits(&self, row: &SystemRow) -> bool {
        let kind = row.system.kind();
        let names = || format!("{} {} {} {} {}", row.system, kind.plural(), kind.product(), row.known().word(), row.summary);
        holds(self.text.as_deref(), names)
            && self.kind.as_ref().is_none_or(|kind| kind == row.system.kind().word())
            && self.health.as_ref().is_none_or(|health| if health == UNWELL { row.is_unwell() } else { health == row.known().word() })
    }

    /// The rows in the order that was asked for: by kind and the worst first, unless it is another.
    #[must_use]
    pub fn arranged(&self, mut rows: Vec<SystemRow>) -> Vec<(Option<Kind>, Vec<SystemRow>)> {
        rows.retain(|row| self.admits(row));
        rows.sort_by(SystemRow::worst_first);
        match self.order.as_deref() {
            None => {
                let of = |kind| rows.iter().filter(|row| row.system.kind() == kind).cloned().collect::<Vec<_>>();
                return Kind::ALL.into_iter().map(|kind| (Some(kind), of(kind))).filter(|(_, rows)| !rows.is_empty()).collect();
            }
            Some("name") => rows.sort_by(|a, b| a.system.name().cmp(b.system.name())),
            Some("since") => rows.sort_by_key(|row| std::cmp::Reverse(row.since.map(|since| since.at))),
            Some(_) => {}
        }
        if rows.is_empty() { Vec::new() } else { vec![(None, rows)] }
    }
}

/// The filter of the list of systems; `kinds` are those that are watched.
#[must_use]
pub fn systems(typed: impl IntoIterator<Item = (String, String)>, kinds: &[Kind]) -> (Filter, Systems) {
    let mut reader = Reader::new(typed);
    let text = reader.text("q", "Words", "Filter, press /");
    let kinds = kinds.iter().map(|kind| (kind.word().to_owned(), kind.plural().to_owned())).collect();
    let kind = reader.choice("kind", "Kind", "Any kind", kinds);
    let word = |health: Health| (health.word().to_owned(), health.word().to_owned());
    let healths = [(UNWELL.to_owned(), "not well".to_owned())].into_iter();
    let healths = healths.chain([Health::Down, Health::Degraded, Health::Unknown, Health::Ok].map(word));
    let health = reader.choice("health", "Health", "Any health", healths.collect());
    let orders = [("health", "worst first"), ("since", "newest change first"), ("name", "by name")];
    let orders = orders.map(|(value, label)| (value.to_owned(), label.to_owned()));
    let order = reader.choice("order", "Order", "By kind", orders.into());
    (reader.filter("/systems"), Systems { text, kind, health, order })
}

/// Which runbooks are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runbooks {
    text: Option<String>,
    kind: Option<String>,
    risk: Option<String>,
    mine: bool,
}

impl Runbooks {
    /// Whether `card` is among them.
    #[must_use]
    pub fn admits(&self, card: &RunbookCard) -> bool {
        let names = || {
            let targets: Vec<_> = card.targets.iter().map(SystemId::name).collect();
            format!("{} {} {} {}", card.title, card.id, card.purpose, targets.join(" "))
        };
        holds(self.text.as_deref(), names)
            && self.kind.as_ref().is_none_or(|kind| kind == card.kind.word())
            && self.risk.as_ref().is_none_or(|risk| risk == card.risk.word())
            && (!self.mine || card.refused.is_none())
    }
}

/// The filter of the list of runbooks; `kinds` are those of which there are runbooks.
#[must_use]
pub fn runbooks(typed: impl IntoIterator<Item = (String, String)>, kinds: &[Kind]) -> (Filter, Runbooks) {
    let mut reader = Reader::new(typed);
    let text = reader.text("q", "Words", "Filter, press /");
    let kinds = kinds.iter().map(|kind| (kind.word().to_owned(), kind.plural().to_owned())).collect();
    let kind = reader.choice("kind", "Kind", "Any kind", kinds);
    let risks = [Risk::Low, Risk::Medium, Risk::High].map(|risk| (risk.word().to_owned(), risk.word().to_owned()));
    let risk = reader.choice("risk", "Risk", "Any risk", risks.into());
    let mine = reader.choice("may", "Planned by", "Anybody", vec![("me".to_owned(), "me".to_owned())]).is_some();
    (reader.filter("/runbooks"), Runbooks { text, kind, risk, mine })
}

/// The filter of the audit.
#[must_use]
pub fn audit(typed: impl IntoIterator<Item = (String, String)>, systems: &[SystemId], now: DateTime<Utc>) -> (Filter, AuditQuery) {
    let mut reader = Reader::new(typed);
    let words = |word: &str| (word.to_owned(), word.replace('_', " "));
    let query = AuditQuery {
        actor: reader.text("actor", "Who", "Anybody"),
        kind: reader.choice("kind", "Kind of event", "Any kind", Event::KINDS.iter().map(|kind| words(kind)).collect()),
        outcome: reader.choice("outcome", "Outcome", "Any outcome", Outcome::ALL.iter().map(|outcome| words(outcome.word())).collect()),
        targets: targets(reader.text("target", "Target", "aia-frontend"), systems),
        run: reader.number("run", "Run"),
        from: reader.moment("from", "From, UTC", now, false),
        to: reader.moment("to", "Until, UTC", now, true),
        before: None,
    };
    (reader.filter("/audit"), query)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn one(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn times_are_read_as_people_type_them_and_nothing_else_is() {
        let now = at("2026-11-27T14:00:00Z");
        for (text, wanted) in [
            ("2026-11-26", "2026-11-26T00:00:00Z"),
            ("2026-11-26 13:05", "2026-11-26T13:05:00Z"),
            ("2026-11-26T13:05:09Z", "2026-11-26T13:05:09Z"),
            ("2026-11-26 13:05 UTC", "2026-11-26T13:05:00Z"),
            ("90 min", "2026-11-27T12:30:00Z"),
            ("24h", "2026-11-26T14:00:00Z"),
            ("7 d", "2026-11-20T14:00:00Z"),
        ] {
            assert_eq!(moment(text, now, false), Some(at(wanted)), "{text}");
        }
        assert_eq!(moment("2026-11-26", now, true), Some(at("2026-11-27T00:00:00Z")), "a day is wanted whole");
        for text in ["yesterday", "2026-13-01", "99999-01-01", "+262000-01-01", "1999-12-31", "7 years", "99999999999999999999 d", "d", "7"]
        {
            assert_eq!(moment(text, now, false), None, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_looked_for_is_told_by_its_value_and_kept() {
        let now = at("2026-11-27T14:00:00Z");
        for (name, value, says) in [
            ("state", "exploded", "“exploded” is not one of those offered."),
            ("since", "soon", "“soon” is no time"),
            ("who", "a\u{0}b", "holds a control character"),
            ("q", &"ü".repeat(LONGEST + 1), "is longer than 800 characters"),
            ("runbook", "' or 1=1 --", "“' or 1=1 --” is not one of those offered."),
        ] {
            let (filter, which) = runs(one(name, value), vec![], &[], now);
            assert_eq!(which, Runs::default(), "{name}: nothing is looked for");
            let field = filter.fields.iter().find(|field| field.name == name).unwrap();
            assert!(field.fault.as_ref().is_some_and(|fault| fault.contains(says)), "{name}: {:?}", field.fault);
            assert_eq!(field.value, value.replace('\0', "\u{fffd}"));
            assert_eq!(filter.fields.iter().filter(|field| field.fault.is_some()).count(), 1);
        }
        let (filter, query) = audit(one("run", "-1"), &[], now);
        assert!(filter.has_fault() && query.run.is_none());
    }

    #[test]
    fn a_name_means_every_system_of_that_name() {
        let systems: Vec<SystemId> =
            ["deployment/eu/shop/cart", "deployment/us/shop/cart", "database/main"].map(|id| id.parse().unwrap()).into();
        let of = |text: &str| targets(Some(text.to_owned()), &systems).unwrap();
        assert_eq!(of("Cart"), ["deployment/eu/shop/cart", "deployment/us/shop/cart"]);
        assert_eq!(of("database/main"), ["database/main"]);
        assert_eq!(of("gone"), ["gone"]);
    }

    #[test]
    fn systems_are_narrowed_by_words_and_health_and_put_in_order() {
        let row = |system: &str, health, hour: u32| SystemRow {
            system: system.parse().unwrap(),
            health,
            figure: None,
            summary: "as read".into(),
            since: Some(app::model::Moment { at: at(&format!("2026-11-27T{hour:02}:00:00Z")), ago_ms: 0 }),
            seen: Some(app::model::Seen { source: 1, at: at("2026-11-27T14:00:00Z"), age_ms: 0, deadline_ms: 10_000 }),
        };
        let rows = vec![
            row("cache/sessions", Health::Ok, 9),
            row("endpoint/site", Health::Degraded, 11),
            row("endpoint/api", Health::Down, 10),
            SystemRow { seen: None, ..row("dns/site", Health::Ok, 8) },
        ];
        let asked = |name: &str, value: &str| {
            let (filter, which) = systems(one(name, value), &[Kind::Cache, Kind::Endpoint, Kind::Dns]);
            assert!(!filter.has_fault(), "{name}={value}");
            let groups = which.arranged(rows.clone());
            let heads = groups.iter().filter(|(kind, _)| kind.is_some()).count();
            (groups.iter().flat_map(|(_, rows)| rows).map(|row| row.system.to_string()).collect::<Vec<_>>(), heads)
        };
        assert_eq!(asked("q", "SITE endpoint").0, ["endpoint/site"]);
        assert_eq!(asked("q", "redis").0, ["cache/sessions"], "people call it by its product");
        assert_eq!(asked("health", UNWELL).0.len(), 3, "what was never read is not well");
        assert_eq!(asked("kind", "endpoint"), (vec!["endpoint/api".to_owned(), "endpoint/site".to_owned()], 1));
        assert_eq!(asked("order", "since"), (["endpoint/site", "endpoint/api", "cache/sessions", "dns/site"].map(str::to_owned).into(), 0));
        assert_eq!(asked("order", "health").0, ["endpoint/api", "endpoint/site", "dns/site", "cache/sessions"]);
        assert!(systems(one("order", "random"), &[]).0.has_fault());
    }

    #[test]
    fn runs_that_have_not_ended_are_a_state_of_their_own() {
        let (filter, which) = runs(one("state", OPEN), vec![], &[], at("2026-11-27T14:00:00Z"));
        assert_eq!((which.open, which.state), (true, None));
        assert_eq!(filter.words(), "state “not ended”");
    }
}
