//! The data half as a person would check it: brought up, spoken to with the very addresses and passwords that it hands out,
//! broken and mended in every way, killed, brought up over the remains, and taken down.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod breaking;
mod remains;
mod s3;
mod speaking;
mod witness;

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use testbed::{Bed, Options, bed::Condition};

use crate::witness::Witness;

const BASE: u16 = 23_000;
const NEIGHBOR: u16 = BASE + testbed::layout::SPAN;

/// The first issue's promise.
const UP_WITHIN: Duration = Duration::from_secs(60);

fn options(base: u16, root: &Path) -> Options {
    Options { base, root: Some(root.to_owned()), program: env!("CARGO_BIN_EXE_testbed").into(), kubernetes: None }
}

/// Takes a bed down when the test fails: a bed outlives whoever started it.
struct Afterwards<'a> {
    base: u16,
    root: &'a Path,
}

impl Drop for Afterwards<'_> {
    fn drop(&mut self) {
        let (base, root) = (self.base.to_string(), self.root);
        let down = Command::new(env!("CARGO_BIN_EXE_testbed")).args(["down", "--base", &base, "--dir"]).arg(root).status();
        // A second panic would hide the first.
        if !down.is_ok_and(|status| status.success()) {
            eprintln!("the bed at {base} may still run: testbed down --base {base} --dir {}", root.display());
        }
    }
}

/// Whether so much waits for a processor that how long something took says nothing of it.
fn is_overloaded() -> bool {
    let waiting: f64 = std::fs::read_to_string("/proc/loadavg").unwrap().split(' ').next().unwrap().parse().unwrap();
    let processors = std::thread::available_parallelism().unwrap().get();
    waiting > 4.0 * f64::from(u32::try_from(processors).unwrap())
}

fn broken_parts(bed: &Bed) -> Vec<String> {
    bed.status().into_iter().filter(|part| part.condition != Condition::Running).map(|part| part.name).collect()
}

/// One long story, since a bed takes a while to come up.
#[tokio::test]
async fn a_bed_speaks_breaks_mends_and_leaves_nothing() {
    // Service accounts must reach it, so it cannot be the usual folder that is ours alone.
    let folder =
        tempfile::Builder::new().prefix("testbed-").permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755)).tempdir().unwrap();
    let (root, neighbor_root) = (folder.path().join("a"), folder.path().join("b"));

    let _afterwards = [(BASE, &root), (NEIGHBOR, &neighbor_root)].map(|(base, root)| Afterwards { base, root });

    let began = Instant::now();
    let (bed, neighbor) = tokio::join!(Bed::up(options(BASE, &root)), Bed::up(options(NEIGHBOR, &neighbor_root)));
    let (bed, neighbor) = (bed.unwrap(), neighbor.unwrap());
    let up_after = began.elapsed();
    println!("two beds up after {up_after:.1?}");
    assert!(up_after < UP_WITHIN || is_overloaded(), "two beds took {up_after:.1?}");

    let refusal = Bed::up(options(BASE, &root)).await.unwrap_err().to_string();
    assert!(refusal.contains("runs"), "{refusal}");

    speaking::every_part_speaks(&Witness::of(&neighbor)).await;
    remains::taken_down(neighbor).await;
    assert_eq!(broken_parts(&bed), Vec::<String>::new(), "after the neighbor was taken down");

    let witness = Witness::of(&bed);
    speaking::every_part_speaks(&witness).await;
    breaking::every_fault_shows_and_mends(&bed, &witness).await;
    assert_eq!(broken_parts(&bed), Vec::<String>::new(), "after all faults");

    remains::crash(&bed);
    let bed = Bed::up(options(BASE, &root)).await.unwrap();
    assert_eq!(broken_parts(&bed), Vec::<String>::new(), "after coming up over a crash");
    remains::taken_down(bed).await;
}
