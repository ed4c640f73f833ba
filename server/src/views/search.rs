//! What is found for some words: pages, systems, runbooks, runs. Only what whoever asks may open.

use app::model::{Found, FoundGroup, FoundRow, Kind, Role, SystemId, places};

use super::Drawing;
use crate::{
    clock::Stamp,
    overview::health_of,
    store::{Run, Runs},
};

/// So many things of one kind are shown; what more there is is counted.
const SHOWN: usize = 8;
/// So many runs are looked for.
const RUNS: i64 = 6;
/// The longest words that are looked for, in characters: as long as the longest name of a system.
const LONGEST: usize = 253;

impl Drawing {
    /// What is found for `words`; without words, every page and the newest runs. Without the store, all but the runs.
    pub async fn find(&self, words: &str, role: Role, now: Stamp) -> Found {
        let words: String = words.trim().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(LONGEST).collect();
        let wanted = Wanted::new(&words);
        let mut notes = Vec::new();
        let runs = match self.runs_of(&words).await {
            Ok(runs) => runs,
            Err(_) => {
                notes.push("Runs cannot be looked through: the console's own store does not answer.".to_owned());
                Vec::new()
            }
        };
        let groups = [
            group("Pages", self.pages(&wanted, role)),
            group("Systems", if words.is_empty() { Vec::new() } else { self.found_systems(&wanted, now) }),
            group("Runbooks", if words.is_empty() { Vec::new() } else { self.found_runbooks(&wanted, role) }),
            group("Runs", runs.iter().map(|run| (0, run_row(run))).collect()),
        ];
        Found { words, groups: groups.into_iter().flatten().collect(), notes }
    }

    fn pages(&self, wanted: &Wanted, role: Role) -> Vec<(u8, FoundRow)> {
        let kinds = self.estate.kinds();
        let found = places(role, &kinds).filter_map(|spot| {
            let rank = wanted.rank(spot.title, "")?;
            let row = FoundRow { title: spot.title.to_owned(), href: spot.path.to_owned(), key: Some(spot.key), ..FoundRow::default() };
            Some((rank, row))
        });
        found.collect()
    }

    fn found_systems(&self, wanted: &Wanted, now: Stamp) -> Vec<(u8, FoundRow)> {
        let world = self.world.borrow().clone();
        let found = self.systems().into_iter().filter_map(|system| {
            let rank = wanted.rank(system.name(), &format!("{system} {}", system.kind().product()))?;
            let health = Some(health_of(&world, &system, now));
            let row =
                FoundRow { title: system.name().to_owned(), note: place(&system), href: system.href(), health, ..FoundRow::default() };
            Some((rank, row))
        });
        found.collect()
    }

    /// A runbook by its own name, and on each system that it is approved for: "Restart aia-frontend". What whoever asks may not run is
    /// listed with the reason: its page can be opened.
    fn found_runbooks(&self, wanted: &Wanted, role: Role) -> Vec<(u8, FoundRow)> {
        let catalog = self.executor.catalog();
        let systems = self.systems();
        let mut found = Vec::new();
        for spec in catalog.specs() {
            let card = catalog.card(&spec, role, &systems);
            let href = format!("/runbooks/{}", card.id);
            if let Some(rank) = wanted.rank(&card.title, &card.id) {
                let note = card.refused.clone().unwrap_or_else(|| card.purpose.clone());
                found.push((rank, FoundRow { title: card.title.clone(), note, href: href.clone(), ..FoundRow::default() }));
            }
            for target in &card.targets {
                let title = format!("{} {}", spec.verb, target.name());
                let Some(rank) = wanted.rank(&title, target.as_str()) else { continue };
                let note = match catalog.permit(role, spec.id, target) {
                    Ok(_) => format!("{}, {}; {} risk", card.title, place(target), spec.risk.word()),
                    Err(_) => format!("{}; it needs the role {}", card.title, catalog.needed(spec.id, target).map_or("admin", Role::word)),
                };
                found.push((rank.max(1), FoundRow { title, note, href: format!("{href}?target={target}"), ..FoundRow::default() }));
            }
        }
        found
    }

    /// A run by its number, else the newest whose texts hold the words.
    async fn runs_of(&self, words: &str) -> Result<Vec<Run>, crate::store::StoreError> {
        let number = words.trim_start_matches(|c: char| !c.is_ascii_digit());
        if !number.is_empty()
            && (number.len() == words.len() || words.to_lowercase().starts_with("run "))
            && let Ok(id) = number.parse::<i64>()
            && let Some(run) = self.store.run(id).await?
        {
            return Ok(vec![run]);
        }
        let text = Some(words.to_owned()).filter(|words| !words.is_empty());
        self.store.runs(&Runs { text, ..Runs::default() }, RUNS).await
    }
}

/// The words that are looked for, each anywhere in what is looked through.
struct Wanted {
    whole: String,
    words: Vec<String>,
}

impl Wanted {
    fn new(words: &str) -> Self {
        let whole = words.to_lowercase();
        Self { words: whole.split_whitespace().map(str::to_owned).collect(), whole }
    }

    /// How well it fits, 0 best: the name begins with the words, holds them, or its other names do; `None`: it does not.
    fn rank(&self, name: &str, more: &str) -> Option<u8> {
        let name = name.to_lowercase();
        if name.starts_with(&self.whole) {
            return Some(0);
        }
        let more = format!("{name} {}", more.to_lowercase());
        if !self.words.iter().all(|word| more.contains(word)) {
            return None;
        }
        Some(if self.words.iter().all(|word| name.contains(word)) { 1 } else { 2 })
    }
}

fn group(title: &'static str, mut rows: Vec<(u8, FoundRow)>) -> Option<FoundGroup> {
    if rows.is_empty() {
        return None;
    }
    // Of equal rank, the order of the list that they come from stays.
    rows.sort_by_key(|(rank, _)| *rank);
    let more = rows.len().saturating_sub(SHOWN.max(if title == "Pages" { rows.len() } else { 0 }));
    rows.truncate(rows.len() - more);
    Some(FoundGroup { title, rows: rows.into_iter().map(|(_, row)| row).collect(), more })
}

fn run_row(run: &Run) -> FoundRow {
    FoundRow {
        title: run.title.clone(),
        note: format!("run {}, by {}, {}", run.id, run.asked_by, run.created_at.format("%Y-%m-%d %H:%M UTC")),
        href: format!("/runs/{}", run.id),
        state: Some(run.state),
        ..FoundRow::default()
    }
}

/// Where a system is: "deployment, aia-production-eu / aia-production".
fn place(system: &SystemId) -> String {
    match (system.kind(), system.cluster(), system.namespace()) {
        (Kind::Deployment | Kind::Ingress, Some(cluster), Some(namespace)) => {
            format!("{}, {cluster} / {namespace}", system.kind().word())
        }
        (kind, ..) => kind.word().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_s_beginning_is_the_best_and_every_word_must_be_there() {
        let wanted = Wanted::new("Aia Front");
        assert_eq!(wanted.rank("aia frontend", ""), Some(0));
        assert_eq!(wanted.rank("front of aia", ""), Some(1));
        assert_eq!(wanted.rank("front", "deployment/eu/aia/front"), Some(2));
        assert_eq!(wanted.rank("front", "deployment/eu/shop/front"), None);
        assert_eq!(Wanted::new("").rank("anything", ""), Some(0));
    }

    #[test]
    fn what_is_not_shown_is_counted() {
        let rows = |n: usize| (0..n).map(|n| (0, FoundRow { title: n.to_string(), ..FoundRow::default() })).collect::<Vec<_>>();
        let systems = group("Systems", rows(SHOWN + 3)).unwrap();
        assert_eq!((systems.rows.len(), systems.more), (SHOWN, 3));
        assert_eq!(group("Pages", rows(SHOWN + 3)).unwrap().more, 0, "the list of pages is ours and short");
        assert_eq!(group("Systems", vec![]), None);
    }
}
