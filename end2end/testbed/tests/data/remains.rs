//! What is left after a crash is cleared by the next start, and nothing at all is left after the end.

use std::{fs, net::TcpListener, path::Path};

use rustix::process::{Pid, Signal, kill_process};
use testbed::Bed;

/// Takes a bed down and looks for anything that is left of it.
pub async fn taken_down(bed: Bed) {
    let pids: Vec<u32> = bed.status().iter().filter_map(|part| part.pid).collect();
    let (root, base) = (bed.layout().root().to_owned(), bed.layout().base());
    let mapped: Vec<u32> = pids.iter().copied().filter(|pid| maps_shared_files(*pid)).collect();
    assert_eq!(mapped, Vec::<u32>::new(), "these use /dev/shm, which a kill would leave behind");
    let began = std::time::Instant::now();
    bed.down().await.unwrap();
    println!("down after {:.1?}", began.elapsed());
    assert!(!root.exists(), "{} is still there", root.display());
    assert_eq!(processes_of(&root), Vec::<String>::new());
    assert_eq!(segments_of(&pids), Vec::<String>::new());
    let taken: Vec<u16> = (base..base + 100).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_err()).collect();
    assert_eq!(taken, Vec::<u16>::new(), "ports that are still taken");
}

/// Kills what keeps watch over others, freezes one server, and loses every note of who was who.
pub fn crash(bed: &Bed) {
    for part in bed.status() {
        let signal = match part.name.as_str() {
            "patroni1" | "patroni2" | "store" | "redis1" | "etcd" => Signal::KILL,
            "pg2" => Signal::STOP,
            _ => continue,
        };
        let pid = part.pid.and_then(|pid| Pid::from_raw(pid.cast_signed())).unwrap();
        kill_process(pid, signal).unwrap();
    }
    fs::remove_dir_all(bed.layout().pids()).unwrap();
    fs::create_dir(bed.layout().pids()).unwrap();
    fs::remove_file(bed.layout().bed_file()).unwrap();
}

fn maps_shared_files(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/maps")).is_ok_and(|maps| maps.contains("/dev/shm/"))
}

/// Whatever names the bed's folder in its command line, or works below it.
fn processes_of(root: &Path) -> Vec<String> {
    let root = root.to_str().unwrap();
    let of_bed = |pid: u32| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " ")).ok()?;
        let folder = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
        (command.contains(root) || folder.to_string_lossy().starts_with(root)).then(|| format!("{pid} {command}"))
    };
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    pids.filter_map(of_bed).collect()
}

/// Shared memory segments that these processes made.
fn segments_of(creators: &[u32]) -> Vec<String> {
    let table = fs::read_to_string("/proc/sysvipc/shm").unwrap();
    let creator = |line: &&str| line.split_whitespace().nth(4).and_then(|pid| pid.parse().ok()).is_some_and(|pid| creators.contains(&pid));
    table.lines().filter(creator).map(str::to_owned).collect()
}
