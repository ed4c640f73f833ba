//! Every page in healthy and broken states as static files, to be opened in a browser and looked at:
//! `cargo run -p app --example gallery -- FOLDER` writes `NAME-light.html` and `NAME-dark.html` with the joined style sheet beside them.

#[path = "../tests/samples/mod.rs"]
mod samples;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use app::{
    model::{Frame, Place, RunningRun, Theme, Topic},
    render::{document, main_of},
};

fn main() -> io::Result<()> {
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("target/gallery"), PathBuf::from);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("quarterdeck.css"), style_sheet()?)?;
    for (name, frame, main) in pages() {
        for theme in [Theme::Light, Theme::Dark] {
            let frame = Frame { theme, ..frame.clone() };
            fs::write(folder.join(format!("{name}-{}.html", theme.word())), document(&frame, &main))?;
        }
    }
    println!("wrote {}", folder.display());
    Ok(())
}

/// The sheets in the order in which the build joins them: tokens, base, layout, then by name.
fn style_sheet() -> io::Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../style");
    let mut sheets: Vec<_> = fs::read_dir(&folder)?.filter_map(Result::ok).map(|entry| entry.path()).collect();
    sheets.retain(|path| path.extension().is_some_and(|extension| extension == "css"));
    let first = ["tokens", "base", "layout"];
    sheets.sort_by_key(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (first.iter().position(|first| *first == name).unwrap_or(first.len()), name)
    });
    sheets.iter().map(fs::read_to_string).collect()
}

fn pages() -> Vec<(&'static str, Frame, String)> {
    let frame = samples::frame;
    let live = |frame: Frame, topic: Topic| Frame { live: Some((topic, 41)), ..frame };
    let overview = || live(frame(Place::Overview, "Overview"), Topic::Overview);
    let running = || Frame {
        running: vec![RunningRun { id: 1482, title: "Restart aia-backend-simple".into(), elapsed_ms: 34_000 }].into(),
        ..overview()
    };
    let lost = || Frame { data: Some(samples::seen(1, 60, 15)), ..overview() };
    let refused = || Frame {
        notice: Some("The store does not answer: actions are refused, reading goes on.".into()),
        ..frame(Place::Outside, "Refused")
    };
    vec![
        ("overview", overview(), main_of(&samples::overview())),
        ("overview-cut", running(), main_of(&samples::overview_cut())),
        ("overview-cut-middle", overview(), main_of(&samples::overview_cut_middle())),
        ("overview-cut-branch", overview(), main_of(&samples::overview_cut_branch())),
        ("overview-stale", lost(), main_of(&samples::overview_stale())),
        ("overview-empty", overview(), main_of(&samples::overview_empty())),
        ("database", frame(Place::Systems, "aia_production"), main_of(&samples::database())),
        ("database-stale", frame(Place::Systems, "aia_production"), main_of(&samples::database_stale())),
        ("edge", frame(Place::Edge, "Edge"), main_of(&samples::edge())),
        ("edge-stale", frame(Place::Edge, "Edge"), main_of(&samples::edge_stale())),
        ("cache", frame(Place::Systems, "sessions"), main_of(&samples::cache())),
        ("cache-lost", frame(Place::Systems, "sessions"), main_of(&samples::cache_lost())),
        ("clusters", frame(Place::Clusters, "Clusters"), main_of(samples::clusters().as_slice())),
        ("clusters-empty", frame(Place::Clusters, "Clusters"), main_of::<[app::model::ClusterRow]>(&[])),
        ("cluster", frame(Place::Clusters, "aia-production-eu"), main_of(&samples::cluster())),
        ("cluster-stale", frame(Place::Clusters, "aia-production-eu"), main_of(&samples::cluster_stale())),
        ("cluster-hostile", frame(Place::Clusters, "aia-production-eu"), main_of(&samples::cluster_hostile())),
        ("workload", frame(Place::Clusters, "aia-backend-simple"), main_of(&samples::workload())),
        ("workload-stale", frame(Place::Clusters, "aia-backend-simple"), main_of(&samples::workload_stale())),
        ("systems", frame(Place::Systems, "Systems"), main_of(&samples::systems())),
        ("system", frame(Place::Systems, "aia_production"), main_of(&samples::system())),
        ("backups", frame(Place::Backups, "Backups of aia_production"), main_of(&samples::backups())),
        ("backups-none", frame(Place::Backups, "Backups of aia_production"), main_of(&samples::backups_none())),
        ("backups-stale", frame(Place::Backups, "Backups of aia_production"), main_of(&samples::backups_stale())),
        ("backups-unread", frame(Place::Backups, "Backups of aia_production"), main_of(&samples::backups_unread())),
        ("runbooks", frame(Place::Runbooks, "Runbooks"), main_of(&samples::runbooks())),
        ("runbooks-none", frame(Place::Runbooks, "Runbooks"), main_of(&samples::runbooks_none_matches())),
        ("runbook", frame(Place::Runbooks, "Scale workload"), main_of(&samples::runbook_form())),
        ("runbook-refused", frame(Place::Runbooks, "Scale workload"), main_of(&samples::runbook_form_refused())),
        ("plan", frame(Place::Runbooks, "Plan"), main_of(&samples::plan())),
        ("plan-instead", frame(Place::Runbooks, "Plan"), main_of(&samples::plan_instead())),
        ("plan-danger", frame(Place::Runbooks, "Plan"), main_of(&samples::plan_danger())),
        ("plan-moved", frame(Place::Runbooks, "Plan"), main_of(&samples::plan_moved())),
        ("run", live(frame(Place::Runs, "Run 1482"), Topic::Run(1482)), main_of(&samples::run())),
        ("run-failed", frame(Place::Runs, "Run 1482"), main_of(&samples::run_failed())),
        ("run-unknown", frame(Place::Runs, "Run 1482"), main_of(&samples::run_unknown())),
        ("runs", frame(Place::Runs, "Runs"), main_of(&samples::runs())),
        ("runs-none", frame(Place::Runs, "Runs"), main_of(&samples::runs_none_matches())),
        ("runs-bad", frame(Place::Runs, "Runs"), main_of(&samples::runs_bad_filter())),
        ("search", frame(Place::Outside, "Find"), main_of(&samples::found())),
        ("help", frame(Place::Help, "Help"), main_of(&samples::help())),
        ("audit", frame(Place::Audit, "Audit"), main_of(&samples::audit())),
        ("audit-story", frame(Place::Audit, "Audit of run 1482"), main_of(&samples::audit_story())),
        ("sign-in", samples::door("Sign in"), main_of(&samples::sign_in())),
        ("sign-in-refused", samples::door("Sign in"), main_of(&samples::sign_in_refused())),
        ("set-up", samples::door("Set up"), main_of(&samples::set_up())),
        ("refusal", refused(), main_of(&samples::refusal())),
    ]
}
