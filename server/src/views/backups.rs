//! Backups: from what the store was last seen to hold, with the age of that look.

use app::model::{BackupList, BackupRow, BackupTold, BackupsView, Fact, Health, Kind, Proof, SystemId, SystemRow, Value};

use super::Drawing;
use crate::{
    adapters::backups::{Backup, Catalog, Standing},
    overview::{Ages, Offers as _, health_of, system_rows},
};

/// So many backups stand on the page.
const LISTED: usize = 50;

impl Drawing {
    /// Every database that is backed up.
    #[must_use]
    pub fn backup_list(&self, ages: Ages) -> BackupList {
        let mut rows = system_rows(&self.world.borrow().clone(), ages);
        rows.retain(|row| row.system.kind() == Kind::Backup);
        rows.sort_by(SystemRow::worst_first);
        BackupList { rows }
    }

    /// One database's backups; `None` when it has none configured.
    pub(super) async fn backups(&self, system: &SystemId, ages: Ages) -> Option<BackupsView> {
        let backups = self.adapters.backups.get(system.name())?;
        let changes = self.changes_of(system, ages).await;
        let world = self.world.borrow().clone();
        let instance = world.instances.iter().find(|instance| instance.system == *system)?;
        let seen = ages.seen(instance);
        let health = health_of(&world, system, ages.now());
        let reading = instance.reading.as_ref();
        let catalog = backups.last();
        let verdict = match reading {
            None => "The store has not been read yet.".to_owned(),
            Some(reading) if health == Health::Ok => catalog
                .as_ref()
                .and_then(|catalog| Some(format!("It can be restored to {}.", catalog.newest()?.1.begun_at.format("%-d %b %H:%M:%S UTC"))))
                .unwrap_or_else(|| sentence(&reading.summary)),
            Some(reading) => sentence(&reading.summary),
        };
        let runbooks = self.executor.catalog().offers(system);
        let verifies = self.estate.approval("verify-backup", system).is_some();
        let catalog = catalog.unwrap_or_default();
        let rows = catalog.backups.iter().take(LISTED).map(|backup| row(backup, system, verifies, ages)).collect();
        Some(BackupsView {
            system: system.clone(),
            health,
            verdict,
            since: instance.since.map(|at| ages.moment(at)),
            seen,
            place: format!("{} ({})", backups.store().name(), backups.store().place()),
            counts: counts(&catalog, reading.map(|reading| reading.facts.as_slice()).unwrap_or_default()),
            rows,
            left_out: left_out(&catalog),
            changes,
            runbooks,
        })
    }
}

/// One sentence, begun with a capital.
fn sentence(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).chain(['.']).collect())
}

fn counts(catalog: &Catalog, facts: &[Fact]) -> Vec<Fact> {
    let age = facts.iter().find(|fact| fact.name == "age").map(|age| Fact { name: "Newest restorable point".into(), ..age.clone() });
    let oldest = catalog.backups.iter().rev().filter(|backup| backup.is_good()).find_map(Backup::manifest);
    let count = |count: usize| Value::Count(i64::try_from(count).unwrap_or(i64::MAX), String::new());
    let good = catalog.backups.iter().filter(|backup| backup.is_good()).count();
    let newest = catalog.newest().map(|(_, manifest)| manifest);
    let day = |at: chrono::DateTime<chrono::Utc>| Value::Text(at.format("%-d %b").to_string());
    let mut counts = vec![age.unwrap_or_else(|| Fact::new("Newest restorable point", Value::Text("none".into())))];
    counts.extend(oldest.map(|oldest| Fact::new("Oldest restorable point", day(oldest.begun_at))));
    counts.push(Fact::new("Restorable", count(good)));
    counts.extend(newest.map(|newest| Fact::new("Newest dump", Value::Bytes(newest.bytes))));
    counts.extend(newest.map(|newest| Fact::new("It took", Value::Duration(newest.dump_seconds))));
    counts.push(Fact::new("In the store", Value::Bytes(catalog.bytes)));
    counts
}

fn row(backup: &Backup, system: &SystemId, verifies: bool, ages: Ages) -> BackupRow {
    let (proof, manifest) = match &backup.standing {
        Standing::Good { manifest, verified } => {
            let at = verified.as_ref().map_or(manifest.proven_at, |found| found.at);
            (Proof::Read(ages.moment(at), verified.as_ref().and_then(|found| found.run_number())), Some(manifest))
        }
        Standing::Spoilt { manifest, verified } => (Proof::Spoilt(verified.what.clone(), verified.run_number()), Some(manifest)),
        Standing::Distrusted(why) => (Proof::Distrusted(why.clone()), None),
    };
    let told = manifest.map(|manifest| BackupTold {
        size: Value::Bytes(manifest.bytes),
        took: Value::Duration(manifest.dump_seconds),
        source: format!("{} {}, version {}", manifest.role, manifest.member, manifest.server_version),
        contents: format!("{} of {} objects", counted(manifest.tables, "table"), manifest.objects),
        run: manifest.run_number(),
        by: manifest.by.clone(),
    });
    let verify = (verifies && told.is_some()).then(|| format!("/runbooks/verify-backup?target={system}&backup={}", backup.name));
    BackupRow {
        name: backup.name.clone(),
        at: ages.moment(manifest.map_or(backup.written, |manifest| manifest.begun_at)),
        proof,
        told,
        verify,
    }
}

fn left_out(catalog: &Catalog) -> Vec<String> {
    let mut sentences = Vec::new();
    let older = catalog.older + catalog.backups.len().saturating_sub(LISTED);
    if older > 0 {
        sentences.push(format!("{} not shown.", counted(older as u64, "older backup")));
    }
    let (dumps, bytes) = catalog.without_manifest;
    if dumps > 0 {
        sentences.push(format!(
            "{} without a manifest ({}): of runs under way, or of runs that ended before their manifest. They are not backups.",
            counted(dumps as u64, "dump"),
            Value::Bytes(bytes).text()
        ));
    }
    if catalog.strangers > 0 {
        sentences.push(format!("{} in the same folder that no backup has; not opened.", counted(catalog.strangers as u64, "object")));
    }
    if catalog.cut {
        sentences.push("The store holds more objects than are listed: some backups may be missing here.".to_owned());
    }
    sentences
}

fn counted(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}
