//! `cargo xtask bench`: figures beside their goals. The method is told in `docs/BENCHMARKS.md`.

mod crowd;
mod load;
mod report;
mod truth;

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::visitor::Visitor;
use anyhow::{Context, Result, bail};
use report::Report;

use crate::demo::{self, Running};
use crate::files::write;
use crate::process::Program;
use crate::stages::Stages;
use crate::workspace::{Workspace, cargo};
use crate::{node, packages};

/// The bed and the console of the measurements look for ports from here on.
const FIRST_PORT: u16 = 30_000;
const CONSOLE_PORT: u16 = 18_090;
const PEER_PORT: u16 = 18_091;

/// The load generator, and what speaks HTTP for everything else.
const PACKAGES: [&str; 4] = ["wrk", "curl", "chromium", "fonts-dejavu-core"];

/// How long a stream is listened to.
const MINUTE: Duration = Duration::from_secs(60);

/// What to measure.
pub struct Options {
    /// Pods of the large estate, on 100 nodes for each 2 000.
    pub pods: u32,
    /// Minutes for which a wall stays open.
    pub soak: u32,
    /// Only these parts; all when empty.
    pub only: Vec<Part>,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// What a browser loads once.
    Sizes,
    /// A page's bytes, its streams, its first paint.
    Pages,
    /// From a change of the cluster to the pixel.
    Pixels,
    /// Many screens at once.
    Crowd,
    /// A wall that stays.
    Soak,
    /// Faults in turn: what a wall says, and what is so.
    Truth,
    /// Requests a second.
    Requests,
    /// Memory, and the time to the first answer.
    Memory,
}

/// Measures everything and keeps the table in `target/bench/figures.md`.
pub fn run(workspace: &Workspace, stages: &mut Stages, options: &Options) -> Result<()> {
    stages.run("packages", || {
        packages::ensure(&PACKAGES)?;
        crate::bed::Bed::prepare()
    })?;
    demo::build(workspace, stages, "release")?;
    stages.run("peer, release", || {
        Program::new(cargo())
            .args(["build", "--locked", "--package", "peer", "--release"])
            .dir(&workspace.root)
            .limit(Duration::from_secs(1800))
            .run()
    })?;
    let folder = workspace.root.join("target").join("bench");
    std::fs::create_dir_all(&folder)?;
    let mut report = Report::default();
    let wanted = |part| options.only.is_empty() || options.only.contains(&part);
    if wanted(Part::Sizes) {
        stages.run("bench: sizes", || sizes(workspace, &mut report))?;
    }
    let running = Running::start(workspace, stages, "release", FIRST_PORT, CONSOLE_PORT, &folder)?;
    let bench = Bench { workspace, folder: folder.clone(), running };
    let mut part = |part, name: &str, measure: &dyn Fn(&mut Report) -> Result<()>| {
        if wanted(part) { stages.run(name, || measure(&mut report)) } else { Ok(()) }
    };
    part(Part::Pages, "bench: pages and streams", &|report| bench.pages(report))?;
    part(Part::Pixels, "bench: change to pixel", &|report| bench.pixels(report, "alone", "pixel.txt"))?;
    part(Part::Crowd, "bench: many screens", &|report| bench.crowd(report))?;
    part(Part::Soak, "bench: a wall that stays", &|report| bench.soak(report, options.soak))?;
    part(Part::Truth, "bench: faults in turn", &|report| bench.truth(report))?;
    part(Part::Requests, "bench: requests a second", &|report| bench.requests(report))?;
    part(Part::Memory, "bench: memory", &|report| bench.memory(report, options.pods))?;
    drop(bench);
    report.write(&folder.join("figures.md"))?;
    println!("\n{}\nKept in {}", report.table(), workspace.short(&folder).display());
    Ok(())
}

/// What a browser loads once and keeps: design.md's budgets, in bytes of brotli.
fn sizes(workspace: &Workspace, report: &mut Report) -> Result<()> {
    let size = |ends: &str| -> Result<f64> {
        let mut sum = 0.0;
        for entry in std::fs::read_dir(workspace.site())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().ends_with(ends) {
                sum += entry.metadata()?.len() as f64;
            }
        }
        if sum == 0.0 { bail!("no file of the site ends in {ends}") } else { Ok(sum / 1_000.0) }
    };
    report.at_most("bundle, brotli (wasm + JS)", size(".wasm.br")? + size(".js.br")?, 90.0, "kB");
    report.at_most("style sheet, brotli", size(".css.br")?, 15.0, "kB");
    Ok(())
}

struct Bench<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
    running: Running,
}

impl Bench<'_> {
    fn env(&self, key: &str) -> Result<&str> {
        self.running.env.get(key).map(String::as_str).with_context(|| format!("the bed has no {key}"))
    }

    fn visitor(&self) -> Result<Visitor> {
        Visitor::sign_in(self.env("QUARTERDECK_URL")?, self.env("VIEWER_USER")?, self.env("VIEWER_PASSWORD")?, &self.folder)
    }

    fn pages(&self, report: &mut Report) -> Result<()> {
        let visitor = self.visitor()?;
        report.at_most("HTML of the overview, brotli", visitor.bytes("/", "br")? / 1_000.0, 30.0, "kB");
        report.says("HTML of the overview, as it is", format!("{:.1} kB", visitor.bytes("/", "identity")? / 1_000.0));
        // What the first minute after a start brings is not the usual change.
        thread::sleep(MINUTE);
        report.says("live overview, idle estate", format!("{:.1} kB a minute", visitor.stream("overview", "/", MINUTE)? / 1_000.0));
        report.at_most("live wall, idle estate", self.wall()?.stream("wall", "/wall", MINUTE)? / 1_000.0, 10.0, "kB a minute");
        let busy = thread::scope(|scope| {
            let rollouts = scope.spawn(|| self.rollouts(MINUTE));
            let bytes = visitor.stream("overview", "/", MINUTE);
            rollouts.join().map_err(|_| anyhow::anyhow!("the rollouts panicked"))??;
            bytes
        })?;
        report.says("live overview, a rollout every 10 s", format!("{:.1} kB a minute", busy / 1_000.0));
        self.paint(report)
    }

    /// Restarts the backend again and again.
    fn rollouts(&self, time: Duration) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < time {
            Program::new(self.env("KUBECTL")?)
                .args([
                    "--kubeconfig",
                    self.env("KUBECONFIG")?,
                    "rollout",
                    "restart",
                    "deployment/aia-backend-simple",
                    "--namespace",
                    "aia-production",
                ])
                .output()?;
            thread::sleep(Duration::from_secs(10));
        }
        Ok(())
    }

    fn paint(&self, report: &mut Report) -> Result<()> {
        node::modules(self.workspace)?;
        let words = [self.env("QUARTERDECK_URL")?, self.env("VIEWER_USER")?, self.env("VIEWER_PASSWORD")?, "15"];
        let text = Program::new("node").args(["end2end/bench/paint.mjs"]).args(words).dir(&self.workspace.root).output()?;
        write(&self.folder.join("paint.txt"), &text)?;
        let mut times: Vec<f64> = text.lines().filter_map(|line| line.parse().ok()).collect();
        times.sort_by(f64::total_cmp);
        let median = times.get(times.len() / 2).context("no page was painted")?;
        report.says("first paint of the overview, empty cache, median of 15", format!("{median:.0} ms"));
        Ok(())
    }

    /// The overview against a hand-written page of the same text: server on one core, load on the other.
    fn requests(&self, report: &mut Report) -> Result<()> {
        let visitor = self.visitor()?;
        let page = self.folder.join("overview.html");
        write(&page, visitor.page("/")?)?;
        let cookie = visitor.cookie()?;
        let peer = Program::new("taskset")
            .args(["-c", "0"])
            .args([self.workspace.program("release", "peer").as_os_str()])
            .args([&PEER_PORT.to_string(), &page.display().to_string()])
            .start()?;
        load::on_core_0(self.env("CONSOLE_PID")?)?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        // In turn, so that whatever else the machine does hits both.
        for round in 0..3 {
            ours.push(load::wrk(
                &format!("{}/", self.env("QUARTERDECK_URL")?),
                &cookie,
                &self.folder.join(format!("wrk-console-{round}.txt")),
            )?);
            theirs.push(load::wrk(&format!("http://127.0.0.1:{PEER_PORT}/"), "", &self.folder.join(format!("wrk-peer-{round}.txt")))?);
        }
        drop(peer);
        load::on_all_cores(self.env("CONSOLE_PID")?)?;
        let (ours, theirs) = (load::median(ours), load::median(theirs));
        report.says("overviews a second, one core, session asked of the store", format!("{ours:.0}"));
        report.says("the same text by hand in axum, without session", format!("{theirs:.0}"));
        report.at_least("ratio", ours / theirs, 1.0, "times");
        Ok(())
    }

    fn memory(&self, report: &mut Report, pods: u32) -> Result<()> {
        let process = self.env("CONSOLE_PID")?;
        report.says("memory after that, demo estate", format!("{:.1} MB", load::resident_mb(process)?));
        report.at_most("start to first answer", self.start()?, 100.0, "ms");
        let mut loaded = (0, 0);
        for (nodes, pods, goal) in [(100, 2_000, Some(60.0)), ((pods / 20).min(1_000), pods, None)] {
            if pods <= loaded.1 {
                continue;
            }
            let begun = Instant::now();
            Program::new(self.env("TESTBED_BIN")?)
                .args(["kubernetes-load", "--base", self.env("TESTBED_BASE")?])
                .args(["--nodes", &nodes.to_string(), "--pods", &pods.to_string()])
                .limit(Duration::from_secs(3_600))
                .run()?;
            println!("    {nodes} nodes and {pods} pods after {} s", begun.elapsed().as_secs());
            thread::sleep(MINUTE / 2);
            let (now, most) = (load::resident_mb(process)?, load::peak_mb(process)?);
            let what = format!("memory with {nodes} nodes and {pods} pods");
            match goal {
                Some(goal) => report.at_most(&what, now, goal, "MB"),
                None => report.says(&what, format!("{now:.1} MB")),
            }
            report.says(&format!("most memory until then, {pods} pods"), format!("{most:.1} MB"));
            loaded = (nodes, pods);
        }
        Ok(())
    }

    /// Milliseconds from the start of a second console to its first answer.
    fn start(&self) -> Result<f64> {
        let mut times = Vec::new();
        for _ in 0..5 {
            times.push(self.running.console().another_answers_after(PEER_PORT, &self.folder.join("another.log"))?.as_secs_f64() * 1_000.0);
        }
        Ok(load::median(times))
    }
}
