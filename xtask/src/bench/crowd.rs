//! Many screens at once, a change on its way to a pixel, and a page that stays open.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{Bench, MINUTE, load, report::Report};
use crate::files::{read, write};
use crate::process::Program;
use crate::visitor::Visitor;

/// The milestone's crowd, on one console.
const WALLS: u32 = 500;
const OVERVIEWS: u32 = 200;

/// How many changes of the cluster are followed to the pixel.
const CHANGES: u32 = 40;

/// How long the crowd stays: half a minute to settle, a minute to count processor time, then the changes, which took three and a half.
const STAY: Duration = Duration::from_secs(420);

impl Bench<'_> {
    pub(super) fn wall(&self) -> Result<Visitor> {
        Visitor::by_link(self.env("QUARTERDECK_URL")?, self.env("WALL_URL")?, &self.folder)
    }

    /// Memory, processor and delay with all screens open.
    pub(super) fn crowd(&self, report: &mut Report) -> Result<()> {
        let process = self.env("CONSOLE_PID")?;
        let (viewer, wall) = (self.visitor()?, self.wall()?);
        // Signing in takes 19 MiB for a moment: not theirs.
        thread::sleep(MINUTE / 2);
        let before = load::resident_mb(process)?;
        let log = self.folder.join("audience.txt");
        let address = self.env("QUARTERDECK_URL")?.trim_start_matches("http://");
        let kind = |count: u32, visitor: &Visitor, topic: &str, page: &str| -> Result<[String; 3]> {
            Ok([count.to_string(), visitor.stream_path(topic, page)?, visitor.cookie()?])
        };
        let mut audience = Program::new(self.workspace.program("release", "audience"))
            .args([address, &STAY.as_secs().to_string()])
            .args(kind(WALLS, &wall, "wall", "/wall")?)
            .args(kind(OVERVIEWS, &viewer, "overview", "/")?)
            .log_to(&log)?
            .start()?;
        wait_for(&log, "listening", Duration::from_secs(60))?;
        thread::sleep(MINUTE / 2);
        let screens = f64::from(WALLS + OVERVIEWS);
        let here = load::resident_mb(process)?;
        report.at_most(
            &format!("memory a screen, {WALLS} walls and {OVERVIEWS} overviews"),
            (here - before).max(0.0) * 1e6 / screens / 1_024.0,
            8.0,
            "KiB",
        );
        report.says("memory of the console with all of them", format!("{here:.1} MB"));
        let (cpu, began) = (load::processor_s(process)?, Instant::now());
        thread::sleep(MINUTE);
        let share = (load::processor_s(process)? - cpu) / began.elapsed().as_secs_f64() * 100.0;
        report.says("processor with all of them, idle estate", format!("{share:.1} % of a core"));
        self.pixels(report, "with all of them open", "pixel-crowd.txt")?;
        let left = Instant::now() + STAY;
        while audience.ended()?.is_none() {
            if Instant::now() > left {
                bail!("the audience does not leave; see {}", log.display());
            }
            thread::sleep(Duration::from_secs(1));
        }
        let text = read(&log)?;
        let figure = |name: &str| -> Result<f64> {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
                .with_context(|| format!("no {name} in {}", log.display()))?;
            Ok(line.parse()?)
        };
        report.at_most("streams that ended by themselves", figure("closed")?, 0.0, "");
        report.at_most("one change at all screens, p99 after the first had it", figure("p99")?, 500.0, "ms");
        report.says("the same, median and most", format!("{:.0} and {:.0} ms", figure("p50")?, figure("most")?));
        Ok(())
    }

    /// From a change of the cluster to the pixel, beside `kubectl get --watch`.
    pub(super) fn pixels(&self, report: &mut Report, when: &str, raw: &str) -> Result<()> {
        let words = [
            self.env("QUARTERDECK_URL")?,
            self.env("VIEWER_USER")?,
            self.env("VIEWER_PASSWORD")?,
            self.env("KUBECTL")?,
            self.env("KUBECONFIG")?,
            &CHANGES.to_string(),
        ];
        let text =
            Program::new("node").args(["end2end/bench/pixel.mjs"]).args(words).dir(&self.workspace.root).limit(MINUTE * 10).output()?;
        write(&self.folder.join(raw), &text)?;
        let seen: Vec<[f64; 3]> = text
            .lines()
            .filter_map(|line| line.split(' ').map(|word| word.parse().ok()).collect::<Option<Vec<_>>>()?.try_into().ok())
            .collect();
        anyhow::ensure!(seen.len() > CHANGES as usize / 2, "only {} of {CHANGES} changes were seen by all; see {raw}", seen.len());
        let at = |column: usize, share: f64| load::quantile(seen.iter().map(|times| times[column]).collect(), share);
        let [kubectl, document, pixel] = [0, 1, 2].map(|column| (at(column, 0.5), at(column, 0.99)));
        report.at_most(
            &format!("change to the browser's document {when}, p50 against kubectl's {:.0} ms", kubectl.0),
            document.0 / kubectl.0,
            1.5,
            "times",
        );
        let spell = |(p50, p99): (f64, f64)| format!("{p50:.0} and {p99:.0} ms");
        report.says(
            &format!("the same {when}, p50 and p99"),
            format!("{}; painted {}; kubectl {}", spell(document), spell(pixel), spell(kubectl)),
        );
        Ok(())
    }

    /// What a wall holds in its browser while rollouts go on without a pause.
    pub(super) fn soak(&self, report: &mut Report, minutes: u32) -> Result<()> {
        let time = MINUTE * minutes;
        let text = thread::scope(|scope| {
            let rollouts = scope.spawn(|| self.rollouts(time));
            let words = [self.env("WALL_URL")?, &minutes.to_string()];
            let text = Program::new("node")
                .args(["end2end/bench/heap.mjs"])
                .args(words)
                .dir(&self.workspace.root)
                .limit(time + MINUTE * 2)
                .output();
            rollouts.join().map_err(|_| anyhow::anyhow!("the rollouts panicked"))??;
            text
        })?;
        write(&self.folder.join("heap.txt"), &text)?;
        let looks: Vec<Vec<f64>> = text.lines().map(|line| line.split(' ').filter_map(|word| word.parse().ok()).collect()).collect();
        // The first looks belong to the page's own start.
        let later = looks.get(looks.len().min(4)..).filter(|later| later.len() > 1).unwrap_or(&looks);
        let ends = |column: usize| -> Result<(f64, f64)> {
            let of = |look: Option<&Vec<f64>>| look.and_then(|look| look.get(column)).copied().context("heap.mjs says nothing");
            Ok((of(later.first())?, of(later.last())?))
        };
        let points: Vec<(f64, f64)> = later.iter().filter_map(|look| Some((*look.first()?, *look.get(1)?))).collect();
        report.says(
            &format!("heap of a wall over {minutes} minutes of rollouts"),
            format!("{:.2} MB at the end, slope {:+.1} kB a minute", ends(1)?.1 / 1e6, slope(&points) / 1e3),
        );
        report.says(
            "nodes and listeners of that wall, first and last",
            format!("{:.0} to {:.0}, {:.0} to {:.0}", ends(2)?.0, ends(2)?.1, ends(3)?.0, ends(3)?.1),
        );
        Ok(())
    }
}

/// Of the line that fits best (least squares).
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let (sx, sy) = points.iter().fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x, sy + y));
    let (mx, my) = (sx / n, sy / n);
    let (up, down) = points.iter().fold((0.0, 0.0), |(up, down), (x, y)| (up + (x - mx) * (y - my), down + (x - mx).powi(2)));
    if down == 0.0 { 0.0 } else { up / down }
}

fn wait_for(log: &Path, word: &str, within: Duration) -> Result<()> {
    let began = Instant::now();
    while !std::fs::read_to_string(log).unwrap_or_default().lines().any(|line| line == word) {
        if began.elapsed() > within {
            bail!("{} does not say `{word}`:\n{}", log.display(), std::fs::read_to_string(log).unwrap_or_default());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_slope() {
        let points: Vec<_> = (0..10).map(|x| (f64::from(x), 7.0 - 2.5 * f64::from(x))).collect();
        assert!((slope(&points) + 2.5).abs() < 1e-9);
        assert_eq!(slope(&[(1.0, 4.0)]), 0.0);
    }
}
