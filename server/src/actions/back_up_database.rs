//! Backs a database up: a dump is streamed into the object store in parts, read back from there and decoded to its end, and only then gets its
//! manifest. Without a manifest nothing counts as a backup.

mod kept;
mod source;
mod upload;

use app::model::{Change, CheckOutcome, Kind, PlanBody, PlanStep, Risk, Role, SystemId, Undo, Value};
use futures::future::BoxFuture;

use self::{
    kept::{Dumped, Kept, Proven},
    source::{Chosen, candidates},
};
use super::{
    ActCtx, Action, ActionError, ActionSpec, Observation, Parameters, RunCtx,
    backup::{Expected, STREAM_LIMIT_S, Target, Unproven, WRITE_LIMIT_S, counted, pace, programs_check, prove, said, store_check},
    check,
};
use crate::adapters::{
    backups::{Catalog, Manifest, Names},
    object_store::StoreFault,
};

/// Makes a backup.
pub struct BackUpDatabase;

impl Action for BackUpDatabase {
    fn spec(&self) -> ActionSpec {
        ActionSpec {
            id: "back-up-database",
            title: "Back up database",
            verb: "Back up",
            purpose: "Dumps a database into the object store, reads the dump back, decodes it to its end, and writes a manifest beside it.",
            kind: Kind::Backup,
            floor: Role::Operator,
            risk: Risk::Low,
            parameters: &[],
            help: &[
                "The guide dumps to a plain file and looks at its first lines. A file that was cut off passes that, and `pg_restore --list` too. This reads every byte back from the store, compares its SHA-256 with what left pg_dump, and decodes the archive to its end.",
                "The dump passes through the console in parts of some MiB and is never whole in its memory or on its disk.",
                "A backup that was read back is still no proof that it can be restored where it is needed: restore one into a scratch database now and then.",
            ],
        }
    }

    fn plan<'a>(
        &'a self,
        ctx: &'a ActCtx,
        system: &'a SystemId,
        _parameters: &'a Parameters,
    ) -> BoxFuture<'a, Result<PlanBody, ActionError>> {
        Box::pin(async move {
            let target = Target::of(ctx, system)?;
            let now = ctx.clock.now().wall;
            let (members, programs, catalog) = tokio::join!(candidates(&target), target.programs(), target.backups.read(now));
            let chosen = source::choose(&members, target.backup.from, &target.database.limits);
            Ok(body(
                system,
                &target,
                &members,
                &chosen,
                programs_check(&programs, chosen.as_ref().ok().map(|chosen| ("the server's is", chosen.major))),
                &catalog,
            ))
        })
    }

    fn apply<'a>(&'a self, ctx: RunCtx<'a>) -> BoxFuture<'a, Result<String, ActionError>> {
        Box::pin(async move {
            let target = Target::of(ctx.act, &ctx.plan.target)?;
            match ctx.step {
                0 => upload::dump(&ctx, &target).await,
                1 => read_back(&ctx, &target).await,
                _ => write_manifest(&ctx, &target).await,
            }
        })
    }

    fn observe<'a>(&'a self, ctx: RunCtx<'a>) -> BoxFuture<'a, Observation> {
        Box::pin(async move {
            let target = match Target::of(ctx.act, &ctx.plan.target) {
                Ok(target) => target,
                Err(err) => return Observation::CannotTell(err.to_string()),
            };
            match ctx.step {
                0 => upload::observe(&ctx, &target).await,
                // Reading makes no effect, and removing what is spoilt is done again as well as once.
                1 => Observation::NotApplied,
                _ => manifest_is_there(&ctx, &target).await,
            }
        })
    }
}

/// Proves what is in the store. What is not what left `pg_dump` is removed: it would only ever be mistaken for a backup.
async fn read_back(ctx: &RunCtx<'_>, target: &Target<'_>) -> Result<String, ActionError> {
    let kept = Kept::of(ctx.notes).await?;
    let (object, dumped) = kept.dumped()?;
    let expected = Expected { bytes: dumped.bytes, sha256: &dumped.sha256, once_decoded: false };
    match prove(ctx, target, object, &expected).await {
        Ok(proof) => {
            let proven = Proven { at: ctx.act.clock.now().wall, objects: proof.decoded.objects, tables: proof.decoded.tables };
            kept::keep(ctx.notes, kept::PROVEN, &proven).await?;
            Ok(format!(
                "Read back {}: the checksum is equal, and the archive decodes to its end ({}, data of {})",
                pace(proof.bytes, proof.seconds),
                counted(proof.decoded.objects, "object"),
                counted(proof.decoded.tables, "table")
            ))
        }
        Err(Unproven::Spoilt(why)) => {
            Err(ActionError::Failed(format!("The dump in the store is spoilt: {why}. {}", remove(target, object).await)))
        }
        Err(Unproven::Stopped) => Err(ActionError::Failed(format!("it was being read back. {}", remove(target, object).await))),
        Err(Unproven::NotRead(fault)) => Err(ActionError::Failed(format!(
            "The dump could not be read back: {}. It is in the store as {object}, unproven and without a manifest: it does not count as a backup. {}, \
             then back up again",
            said(target.store(), &fault),
            capital(fault.remedy())
        ))),
        Err(Unproven::NotMade(why)) => Err(ActionError::Failed(format!(
            "The dump could not be proven: {why}. Nothing was found against it, and it is left in the store as {object}, without a manifest: it does \
             not count as a backup. Back up again"
        ))),
    }
}

/// Removes a dump without a manifest; what became of it, as a sentence.
async fn remove(target: &Target<'_>, object: &str) -> String {
    match target.store().delete(object).await {
        Ok(()) => "It was removed: nothing is left in the store.".to_owned(),
        Err(fault) => format!(
            "It is still in the store as {object}, without a manifest, since it could not be removed: {}.",
            said(target.store(), &fault)
        ),
    }
}

async fn write_manifest(ctx: &RunCtx<'_>, target: &Target<'_>) -> Result<String, ActionError> {
    let kept = Kept::of(ctx.notes).await?;
    let (object, dumped) = kept.dumped()?;
    let proven = kept.proven()?;
    let manifest = manifest(ctx, target, object, dumped, proven);
    let names = names(object)?;
    let bytes =
        serde_json::to_vec_pretty(&manifest).map_err(|error| ActionError::NotDone(format!("the manifest cannot be written: {error}")))?;
    let without = || format!("The dump is in the store as {object} and proven, but without a manifest it does not count as a backup");
    match target.store().put(&names.manifest(), bytes).await {
        Ok(()) => {}
        Err(fault) if fault.may_have_been_done() => {
            return Err(ActionError::Unknown(format!("{}; it may have the manifest", said(target.store(), &fault))));
        }
        Err(fault) => {
            let words = said(target.store(), &fault);
            return Err(ActionError::NotDone(format!("{words}. {}. {}, then back up again", without(), capital(fault.remedy()))));
        }
    }
    Ok(format!(
        "{} of {} in {}: restorable to {}, {}, proven to its end",
        Value::Bytes(dumped.bytes).text(),
        target.name,
        target.store().name(),
        dumped.begun_at.format("%Y-%m-%d %H:%M:%S UTC"),
        counted(proven.tables, "table")
    ))
}

fn names(object: &str) -> Result<Names, ActionError> {
    Names::beside(object).ok_or_else(|| ActionError::NotDone(format!("{object} is no dump's name")))
}

fn manifest(ctx: &RunCtx<'_>, target: &Target<'_>, object: &str, dumped: &Dumped, proven: &Proven) -> Manifest {
    Manifest {
        format: crate::adapters::backups::FORMAT.to_owned(),
        version: crate::adapters::backups::VERSION,
        database: target.name.to_owned(),
        engine: "pg_dump".to_owned(),
        archive: "custom".to_owned(),
        object: object.to_owned(),
        begun_at: dumped.begun_at,
        ended_at: dumped.ended_at,
        dump_seconds: dumped.seconds,
        run: ctx.run.to_owned(),
        by: ctx.by.to_owned(),
        server_version: dumped.server_version.clone(),
        dumped_with: dumped.dumped_with.clone(),
        member: dumped.member.clone(),
        role: dumped.role.clone(),
        server_database: target.database.database.clone(),
        database_bytes: dumped.database_bytes,
        bytes: dumped.bytes,
        sha256: dumped.sha256.clone(),
        proven_at: proven.at,
        objects: proven.objects,
        tables: proven.tables,
    }
}

async fn manifest_is_there(ctx: &RunCtx<'_>, target: &Target<'_>) -> Observation {
    let names = match Kept::of(ctx.notes).await.and_then(|kept| names(kept.dumped()?.0)) {
        Ok(names) => names,
        Err(err) => return Observation::CannotTell(err.to_string()),
    };
    match target.store().head(&names.manifest()).await {
        Ok(Some(_)) => Observation::Applied,
        Ok(None) => Observation::NotApplied,
        Err(fault) => Observation::CannotTell(said(target.store(), &fault)),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn body(
    system: &SystemId,
    target: &Target<'_>,
    members: &[source::Member],
    chosen: &Result<Chosen, String>,
    programs: app::model::Check,
    catalog: &Result<std::sync::Arc<Catalog>, StoreFault>,
) -> PlanBody {
    let (name, store) = (target.name, target.store());
    let newest = catalog.as_ref().ok().and_then(|catalog| catalog.newest().map(|(_, manifest)| manifest.clone()));
    let answers = match catalog {
        Ok(catalog) => format!("{}, {} here", store.place(), counted(catalog.backups.len() as u64, "backup")),
        Err(_) => store.place().to_owned(),
    };
    let (usual_s, size) = match (&newest, chosen) {
        // As the last one took, grown or shrunk with the database.
        (Some(newest), Ok(chosen)) if newest.database_bytes > 0 => {
            let times = chosen.bytes as f64 / newest.database_bytes as f64;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds, shown to people")]
            let usual = |seconds: f64| Some((seconds * times).ceil().max(1.0) as u64);
            (usual(newest.dump_seconds), Some(newest.bytes as f64 * times))
        }
        _ => (None, None),
    };
    let about = size.map_or_else(String::new, |size| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size, shown to people")]
        let size = Value::Bytes(size as u64).text();
        format!(", about {size}")
    });
    let from = chosen
        .as_ref()
        .map_or_else(|_| target.database.members.first().map(ToString::to_string).unwrap_or_default(), |chosen| chosen.at.to_string());
    PlanBody {
        action: "back-up-database".to_owned(),
        target: system.clone(),
        parameters: Vec::new(),
        title: format!("Back up {name}"),
        steps: vec![
            PlanStep {
                title: format!("Dump into {}", store.name()),
                detail: format!("pg_dump of {from}, streamed in parts{about}; its SHA-256 is taken on the way"),
                usual_s,
                limit_s: STREAM_LIMIT_S,
            },
            PlanStep {
                title: "Read it back and decode it to its end".to_owned(),
                detail: "from the store; size and checksum must be those that left pg_dump".to_owned(),
                usual_s,
                limit_s: STREAM_LIMIT_S,
            },
            PlanStep {
                title: "Write the manifest".to_owned(),
                detail: "beside the dump: only then does it count as a backup".to_owned(),
                usual_s: Some(1),
                limit_s: WRITE_LIMIT_S,
            },
        ],
        changes: vec![Change {
            what: "newest restorable point".to_owned(),
            before: newest.as_ref().map_or_else(|| "none".to_owned(), |newest| newest.begun_at.format("%Y-%m-%d %H:%M:%S UTC").to_string()),
            after: "when the dump begins".to_owned(),
        }],
        blast_radius: vec![
            format!("{from} reads the whole database once; nothing is written to it."),
            "Changes of tables wait for the dump to end, and the dump for those under way, at most a minute for each.".to_owned(),
            format!("{} gets one dump more; nothing there is removed.", store.place()),
        ],
        checks: {
            let mut checks = source::checks(target, members, chosen);
            checks.push(store_check(store, catalog, answers));
            checks.push(programs);
            if let Ok(catalog) = catalog
                && catalog.cut
            {
                let value = "there are more objects than are listed: older backups may be missing from the list";
                checks.push(check("list-is-whole", "Every backup is listed", CheckOutcome::Warn, value));
            }
            checks
        },
        by_hand: by_hand(target, &from),
        undo: Some(Undo { text: "Remove the dump and its manifest from the store.".to_owned(), runbook: None }),
        basis: vec![("database".to_owned(), target.database.database.clone()), ("store".to_owned(), store.place().to_owned())],
        instead: None,
    }
}

fn by_hand(target: &Target<'_>, from: &str) -> Vec<String> {
    let (host, port) = from.rsplit_once(':').unwrap_or((from, "5432"));
    let user = target.database.backup.as_ref().map_or("", |login| login.user.as_str());
    let database = &target.database.database;
    vec![
        format!(
            "pg_dump -Fc -h {host} -p {port} -U {user} {database} | tee >(sha256sum >&2) | aws s3 cp - s3://BUCKET/{}/NAME.dump",
            target.name
        ),
        format!("aws s3 cp s3://BUCKET/{}/NAME.dump - | tee >(sha256sum >&2) | pg_restore -f /dev/null", target.name),
    ]
}
