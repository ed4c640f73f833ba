//! Verifies a backup: reads it from the store to its end, compares it with its manifest, decodes it, and writes beside it what was found.

use std::collections::BTreeMap;

use app::model::{CheckOutcome, Kind, PlanBody, PlanStep, Risk, Role, SystemId, Value as Shown};
use futures::future::BoxFuture;

use super::{
    ActCtx, Action, ActionError, ActionSpec, Observation, Offer, ParameterKind, ParameterSpec, Parameters, RunCtx, Value,
    backup::{Expected, STREAM_LIMIT_S, Target, Unproven, WRITE_LIMIT_S, counted, pace, programs_check, prove, said, store_check},
    check,
};
use crate::adapters::{
    backups::{Backup, Names, Standing, VERSION, Verdict, Verification},
    pg_client::major,
};

/// The parameter's name.
const BACKUP: &str = "backup";
/// What was found, between the two steps.
const FOUND: &str = "found";
/// So many backups are offered.
const OFFERED: usize = 50;

/// Proves a backup.
pub struct VerifyBackup;

impl Action for VerifyBackup {
    fn spec(&self) -> ActionSpec {
        ActionSpec {
            id: "verify-backup",
            title: "Verify backup",
            verb: "Verify a backup of",
            purpose: "Reads a backup from the store to its end, compares size and checksum with its manifest, and decodes the whole archive.",
            kind: Kind::Backup,
            floor: Role::Responder,
            risk: Risk::Low,
            parameters: &[ParameterSpec { name: BACKUP, label: "Backup", hint: "newest first", kind: ParameterKind::Choice }],
            help: &[
                "The guide looks at a backup's first lines, which proves that it begins. This reads it to its last byte.",
                "What is found is written beside the backup. One that is spoilt does not count as a backup from then on.",
            ],
        }
    }

    fn offers<'a>(&'a self, ctx: &'a ActCtx, system: &'a SystemId) -> BoxFuture<'a, BTreeMap<String, Offer>> {
        Box::pin(async move {
            let Ok(target) = Target::of(ctx, system) else { return BTreeMap::new() };
            let Ok(catalog) = target.backups.read(ctx.clock.now().wall).await else { return BTreeMap::new() };
            let choices: Vec<_> =
                catalog.backups.iter().take(OFFERED).filter_map(|backup| Some((backup.name.clone(), label(backup)?))).collect();
            let value = choices.first().map(|(value, _)| value.clone()).unwrap_or_default();
            let now = if choices.is_empty() { "there is none yet".to_owned() } else { String::new() };
            BTreeMap::from([(BACKUP.to_owned(), Offer { value, now, choices })])
        })
    }

    fn plan<'a>(
        &'a self,
        ctx: &'a ActCtx,
        system: &'a SystemId,
        parameters: &'a Parameters,
    ) -> BoxFuture<'a, Result<PlanBody, ActionError>> {
        Box::pin(async move {
            let target = Target::of(ctx, system)?;
            let Some(Value::Choice(name)) = parameters.get(BACKUP) else {
                return Err(ActionError::Parameter(BACKUP.to_owned(), "Choose a backup.".to_owned()));
            };
            let (programs, catalog) = tokio::join!(target.programs(), target.backups.read(ctx.clock.now().wall));
            let catalog = catalog.map_err(|fault| ActionError::NotDone(format!("{}: {}", said(target.store(), &fault), fault.remedy())))?;
            let none = || {
                let shown = crate::adapters::one_line(name);
                ActionError::Parameter(
                    BACKUP.to_owned(),
                    format!("There is no backup “{shown}” of {}; choose one of the list.", target.name),
                )
            };
            let backup = catalog.named(name).ok_or_else(none)?;
            let made_with = backup.manifest().and_then(|manifest| major(&manifest.dumped_with));
            Ok(body(system, &target, backup, programs_check(&programs, made_with.map(|major| ("the backup was made with", major)))))
        })
    }

    fn apply<'a>(&'a self, ctx: RunCtx<'a>) -> BoxFuture<'a, Result<String, ActionError>> {
        Box::pin(async move {
            let target = Target::of(ctx.act, &ctx.plan.target)?;
            match ctx.step {
                0 => look(&ctx, &target).await,
                _ => write_down(&ctx, &target).await,
            }
        })
    }

    fn observe<'a>(&'a self, ctx: RunCtx<'a>) -> BoxFuture<'a, Observation> {
        // Reading makes no effect, and the same finding written twice is the same finding.
        Box::pin(async move {
            if ctx.step == 0 {
                return Observation::NotApplied;
            }
            let (Ok(target), Ok(Some(found))) = (Target::of(ctx.act, &ctx.plan.target), ctx.notes.kept(FOUND).await) else {
                return Observation::CannotTell("the run does not remember what was found".to_owned());
            };
            let Some(object) = fact(ctx.plan, "object") else { return Observation::CannotTell("the plan names no dump".to_owned()) };
            let Some(names) = Names::beside(object) else { return Observation::CannotTell("the plan names no dump".to_owned()) };
            match target.store().read_whole(&names.verification()).await {
                Ok(written) => came_of(&found, written.as_deref()),
                Err(fault) => Observation::CannotTell(said(target.store(), &fault)),
            }
        })
    }
}

/// What came of writing `found` down, by what stands beside the backup. What says “spoilt” ends the run as failed, and so is written again rather
/// than taken for done: a step that is seen to be done ends well.
fn came_of(found: &str, written: Option<&[u8]>) -> Observation {
    match serde_json::from_str(found) {
        Ok(Verification { verdict: Verdict::Good, .. }) if written == Some(found.as_bytes()) => Observation::Applied,
        Ok(Verification { verdict: Verdict::Good | Verdict::Spoilt, .. }) => Observation::NotApplied,
        Err(_) => Observation::CannotTell("what was found cannot be read".to_owned()),
    }
}

/// "27 Nov 03:40 UTC, 12 MB, by olga"; none for what has no manifest that holds.
fn label(backup: &Backup) -> Option<String> {
    let manifest = backup.manifest()?;
    let spoilt = if backup.is_good() { "" } else { ", found spoilt" };
    Some(format!(
        "{}, {}, by {}{spoilt}",
        manifest.begun_at.format("%-d %b %Y %H:%M UTC"),
        Shown::Bytes(manifest.bytes).text(),
        manifest.by
    ))
}

fn fact<'a>(plan: &'a PlanBody, name: &str) -> Option<&'a str> {
    plan.basis.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Reads it to its end. A backup that is spoilt is a finding, which the next step writes down.
async fn look(ctx: &RunCtx<'_>, target: &Target<'_>) -> Result<String, ActionError> {
    let missing = || ActionError::NotDone("the plan names no dump; make a new plan".to_owned());
    let object = fact(ctx.plan, "object").ok_or_else(missing)?;
    let sha256 = fact(ctx.plan, "sha256").ok_or_else(missing)?;
    let bytes = fact(ctx.plan, "bytes").and_then(|bytes| bytes.parse().ok()).ok_or_else(missing)?;
    let (verdict, what) = match prove(ctx, target, object, &Expected { bytes, sha256, once_decoded: true }).await {
        Ok(proof) => (
            Verdict::Good,
            format!(
                "{}: the checksum is the manifest's, and the archive decodes to its end ({}, data of {})",
                pace(proof.bytes, proof.seconds),
                counted(proof.decoded.objects, "object"),
                counted(proof.decoded.tables, "table")
            ),
        ),
        Err(Unproven::Spoilt(why)) => (Verdict::Spoilt, why),
        Err(Unproven::Stopped) => return Err(ActionError::Failed("it was being read; nothing was found against it".to_owned())),
        Err(Unproven::NotRead(fault)) => {
            let (words, remedy) = (said(target.store(), &fault), fault.remedy());
            return Err(ActionError::NotDone(format!("{words}; nothing was found against the backup: {remedy}")));
        }
        Err(Unproven::NotMade(why)) => return Err(ActionError::NotDone(format!("{why}; nothing was found against the backup"))),
    };
    let found = Verification {
        format: Verification::FORMAT.to_owned(),
        version: VERSION,
        object: object.to_owned(),
        at: ctx.act.clock.now().wall,
        run: ctx.run.to_owned(),
        by: ctx.by.to_owned(),
        verdict,
        what: what.clone(),
    };
    let text = serde_json::to_string(&found).map_err(|error| ActionError::NotDone(format!("the finding cannot be written: {error}")))?;
    ctx.notes.keep(FOUND, &text).await?;
    Ok(match verdict {
        Verdict::Good => format!("Read {what}"),
        Verdict::Spoilt => format!("It is spoilt: {what}"),
    })
}

async fn write_down(ctx: &RunCtx<'_>, target: &Target<'_>) -> Result<String, ActionError> {
    let object = fact(ctx.plan, "object").unwrap_or_default();
    let text = ctx.notes.kept(FOUND).await?.ok_or_else(|| ActionError::NotDone("the run does not remember what was found".to_owned()))?;
    let found: Verification = serde_json::from_str(&text).map_err(|_| ActionError::NotDone("what was found cannot be read".to_owned()))?;
    let names = Names::beside(object).ok_or_else(|| ActionError::NotDone(format!("{object} is no dump's name")))?;
    if let Err(fault) = target.store().put(&names.verification(), text.into_bytes()).await {
        let words = format!("{}. What was found may not be written beside the backup: {}", said(target.store(), &fault), found.what);
        return Err(if fault.may_have_been_done() { ActionError::Unknown(words) } else { ActionError::NotDone(words) });
    }
    match found.verdict {
        Verdict::Good => Ok(format!("The backup is whole: {}", found.what)),
        Verdict::Spoilt => Err(ActionError::Failed(format!(
            "The backup is spoilt: {}. That is written beside it, and it no longer counts as a backup. Make a new one, and find out what changed it",
            found.what
        ))),
    }
}

fn body(system: &SystemId, target: &Target<'_>, backup: &Backup, programs: app::model::Check) -> PlanBody {
    let title = "Its manifest holds";
    let (holds, about) = match &backup.standing {
        Standing::Distrusted(why) => {
            (check("manifest-holds", title, CheckOutcome::Fail, format!("the manifest {why}")), backup.name.clone())
        }
        Standing::Good { manifest, .. } | Standing::Spoilt { manifest, .. } => {
            let about = format!("{} from {}", Shown::Bytes(manifest.bytes).text(), manifest.begun_at.format("%Y-%m-%d %H:%M UTC"));
            (check("manifest-holds", title, CheckOutcome::Pass, format!("by {}, SHA-256 {}…", manifest.by, &manifest.sha256[..12])), about)
        }
    };
    let manifest = backup.manifest();
    let usual_s = manifest.map(|manifest| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds, shown to people")]
        let seconds = manifest.dump_seconds.ceil().max(1.0) as u64;
        seconds
    });
    let store = target.store();
    let mut basis = vec![("object".to_owned(), backup.object.clone())];
    if let Some(manifest) = manifest {
        basis.push(("bytes".to_owned(), manifest.bytes.to_string()));
        basis.push(("sha256".to_owned(), manifest.sha256.clone()));
    }
    PlanBody {
        action: "verify-backup".to_owned(),
        target: system.clone(),
        parameters: vec![(BACKUP.to_owned(), backup.name.clone())],
        title: format!("Verify a backup of {}", target.name),
        steps: vec![
            PlanStep {
                title: "Read it and decode it to its end".to_owned(),
                detail: format!("{about}, from {}; size and checksum must be the manifest's", store.place()),
                usual_s,
                limit_s: STREAM_LIMIT_S,
            },
            PlanStep {
                title: "Write down what was found".to_owned(),
                detail: "beside the backup; one that is spoilt does not count any more".to_owned(),
                usual_s: Some(1),
                limit_s: WRITE_LIMIT_S,
            },
        ],
        changes: Vec::new(),
        blast_radius: vec![format!("{} is read once from {}; the database is not touched.", about, store.place())],
        checks: vec![store_check(store, &Ok(()), store.place().to_owned()), holds, programs],
        by_hand: vec![format!("aws s3 cp s3://BUCKET/{} - | tee >(sha256sum >&2) | pg_restore -f /dev/null", backup.object)],
        undo: None,
        basis,
        instead: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_spoilt_is_never_taken_for_done() {
        let found = |verdict| {
            let found = Verification {
                format: Verification::FORMAT.to_owned(),
                version: VERSION,
                object: "shop/a.dump".to_owned(),
                at: chrono::DateTime::UNIX_EPOCH,
                run: "3-c".to_owned(),
                by: "olga".to_owned(),
                verdict,
                what: "its SHA-256 is another".to_owned(),
            };
            serde_json::to_string(&found).unwrap()
        };
        let (good, spoilt) = (found(Verdict::Good), found(Verdict::Spoilt));
        assert_eq!(came_of(&good, Some(good.as_bytes())), Observation::Applied);
        assert_eq!(came_of(&good, Some(spoilt.as_bytes())), Observation::NotApplied);
        assert_eq!(came_of(&good, None), Observation::NotApplied);
        assert_eq!(came_of(&spoilt, Some(spoilt.as_bytes())), Observation::NotApplied, "it would end the run as succeeded");
        assert!(matches!(came_of("{}", Some(b"{}")), Observation::CannotTell(_)));
    }
}
