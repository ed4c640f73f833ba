//! The six metrics that the operations guide names ("Prometheus Metrics Collection"), counted from what really happens here.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Upper bounds in seconds: Prometheus's usual ones, finer where the guide's limits lie.
const BUCKETS_S: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];

/// Everything that the page shows.
pub(super) struct Metrics {
    tables: Mutex<Tables>,
    active: AtomicI64,
    began: Instant,
}

#[derive(Default)]
struct Tables {
    requests: BTreeMap<u16, u64>,
    durations: Histogram,
    queries: Histogram,
    cache: Recent,
}

impl Default for Metrics {
    fn default() -> Metrics {
        // A counter that has counted nothing yet is shown as 0, so that its first step is a rate.
        let tables = Tables { requests: BTreeMap::from([(200, 0)]), ..Tables::default() };
        Metrics { tables: Mutex::new(tables), active: AtomicI64::new(0), began: Instant::now() }
    }
}

impl Metrics {
    pub(super) fn request(&self, status: u16, took: Duration) {
        let mut tables = self.tables();
        *tables.requests.entry(status).or_default() += 1;
        tables.durations.observe(took);
    }

    pub(super) fn database_query(&self, took: Duration) {
        self.tables().queries.observe(took);
    }

    pub(super) fn cache_lookup(&self, hit: bool) {
        self.tables().cache.note(hit);
    }

    /// Counts a connection for as long as the answer lives.
    pub(super) fn connection_opened(&self) -> Open<'_> {
        self.active.fetch_add(1, Relaxed);
        Open(&self.active)
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page in Prometheus's text format.
    pub(super) fn page(&self) -> String {
        let tables = self.tables();
        let mut page = String::with_capacity(4096);
        head(&mut page, "aia_request_duration_seconds", "histogram", "Time to answer a request.");
        tables.durations.write(&mut page, "aia_request_duration_seconds");
        head(&mut page, "aia_request_total", "counter", "Requests answered, by status.");
        for (status, count) in &tables.requests {
            line(&mut page, &format!("aia_request_total{{status=\"{status}\"}}"), count);
        }
        head(&mut page, "aia_active_connections", "gauge", "Connections open now.");
        line(&mut page, "aia_active_connections", self.active.load(Relaxed));
        head(&mut page, "aia_database_query_duration", "histogram", "Time of a database query, in seconds.");
        tables.queries.write(&mut page, "aia_database_query_duration");
        head(&mut page, "aia_cache_hit_ratio", "gauge", "Share of the last cache lookups that found something.");
        line(&mut page, "aia_cache_hit_ratio", tables.cache.ratio());
        drop(tables);
        head(
            &mut page,
            "kubernetes_pod_container_resource_usage",
            "gauge",
            "What the container uses: cores of CPU since its start, bytes of memory.",
        );
        for (resource, value) in [("cpu", self.cores()), ("memory", memory_bytes())] {
            let name = format!(
                "kubernetes_pod_container_resource_usage{{pod=\"aia-backend-simple\",container=\"backend\",resource=\"{resource}\"}}"
            );
            line(&mut page, &name, value.unwrap_or(f64::NAN));
        }
        page
    }

    /// CPU time of this process over its life. `/proc` counts it in ticks of a hundredth of a second (proc(5), USER_HZ).
    fn cores(&self) -> Option<f64> {
        let text = fs::read_to_string("/proc/self/stat").ok()?;
        let mut fields = text.get(text.rfind(')')? + 1..)?.split_whitespace().skip(11);
        let user: f64 = fields.next()?.parse().ok()?;
        let system: f64 = fields.next()?.parse().ok()?;
        Some((user + system) / 100.0 / self.began.elapsed().as_secs_f64().max(0.01))
    }
}

fn memory_bytes() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let kib: f64 = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}

/// A connection that counts as open.
pub(super) struct Open<'a>(&'a AtomicI64);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[derive(Default)]
struct Histogram {
    counts: [u64; BUCKETS_S.len()],
    count: u64,
    sum_s: f64,
}

impl Histogram {
    fn observe(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        self.count += 1;
        self.sum_s += seconds;
        for (count, bound) in self.counts.iter_mut().zip(BUCKETS_S) {
            *count += u64::from(seconds <= bound);
        }
    }

    fn write(&self, page: &mut String, name: &str) {
        for (bound, count) in BUCKETS_S.iter().zip(self.counts) {
            line(page, &format!("{name}_bucket{{le=\"{bound}\"}}"), count);
        }
        line(page, &format!("{name}_bucket{{le=\"+Inf\"}}"), self.count);
        line(page, &format!("{name}_sum"), self.sum_s);
        line(page, &format!("{name}_count"), self.count);
    }
}

/// The last lookups, newest in the lowest bit.
#[derive(Default)]
struct Recent {
    hits: u128,
    known: u32,
}

impl Recent {
    fn note(&mut self, hit: bool) {
        self.hits = self.hits << 1 | u128::from(hit);
        self.known = (self.known + 1).min(u128::BITS);
    }

    fn ratio(&self) -> f64 {
        if self.known == 0 { f64::NAN } else { f64::from(self.hits.count_ones()) / f64::from(self.known) }
    }
}

fn head(page: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string cannot fail.
    writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}").ok();
}

fn line(page: &mut String, name: &str, value: impl std::fmt::Display) {
    writeln!(page, "{name} {value}").ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_the_last_one_counts_all() {
        let metrics = Metrics::default();
        metrics.request(200, Duration::from_millis(20));
        metrics.request(503, Duration::from_secs(30));
        let page = metrics.page();
        for wanted in [
            "aia_request_duration_seconds_bucket{le=\"0.01\"} 0\n",
            "aia_request_duration_seconds_bucket{le=\"0.025\"} 1\n",
            "aia_request_duration_seconds_bucket{le=\"+Inf\"} 2\n",
            "aia_request_total{status=\"200\"} 1\n",
            "aia_request_total{status=\"503\"} 1\n",
        ] {
            assert!(page.contains(wanted), "{wanted} is not in\n{page}");
        }
    }

    #[test]
    fn the_hit_ratio_forgets_what_is_long_ago() {
        let mut recent = Recent::default();
        recent.note(false);
        assert!(recent.ratio().abs() < f64::EPSILON);
        (0..u128::BITS).for_each(|_| recent.note(true));
        assert!((recent.ratio() - 1.0).abs() < f64::EPSILON);
    }
}
