//! One figure from Prometheus, as the estate file asks for it.

use std::time::Duration;

use app::model::{Health, Kind, SystemId, Value};
use futures::future::BoxFuture;

use super::{
    Probe, ProbeCtx, ProbeError, ProbeSpec, Reading,
    judge::{above, below, not_configured},
};
use crate::{
    adapters::prometheus::Sample,
    config::{self, Limit, Unit},
};

pub(super) struct Metric;

impl Probe for Metric {
    fn spec(&self) -> ProbeSpec {
        let timeout = Duration::from_millis(3_500);
        ProbeSpec { id: "metric", title: "{}", kind: Kind::Metric, every: Duration::from_secs(5), timeout }
    }

    fn read<'a>(&'a self, ctx: &'a ProbeCtx, system: &'a SystemId) -> BoxFuture<'a, Result<Reading, ProbeError>> {
        Box::pin(async move {
            let prometheus = ctx.adapters.prometheus.get(system.name()).ok_or_else(not_configured)?;
            let metric = ctx.estate.metrics.get(system.name()).ok_or_else(not_configured)?;
            let sample = prometheus.value().await.map_err(|failure| ProbeError(format!("Prometheus {failure}")))?;
            judge(sample, metric)
        })
    }
}

fn judge(sample: Sample, metric: &config::Metric) -> Result<Reading, ProbeError> {
    let title = &metric.title;
    let number = match sample {
        Sample::One(number) if number.is_finite() => number,
        Sample::One(_) => return Err(ProbeError(format!("{title} is no number: there was nothing to measure"))),
        Sample::Nothing => return Err(ProbeError(format!("Prometheus has no series for {title}"))),
        Sample::Several(n) => return Err(ProbeError(format!("the query of {title} gives {n} series where one is meant"))),
    };
    let value = value(number, &metric.unit);
    // The order of the two limits tells which way is worse.
    let health = match &metric.limit {
        Some(limit) if limit.down < limit.degraded => above(&number, limit),
        Some(limit) => below(&number, limit),
        None => Health::Ok,
    };
    let mut reading = Reading::new(health, format!("{title} is {}", value.text())).figure(value).note(title.clone());
    if let Some(Limit { degraded, down }) = metric.limit {
        let bound = if health == Health::Down { down } else { degraded };
        let bound = self::value(bound, &metric.unit).text();
        if health != Health::Ok {
            reading.summary = format!("{}, limit {bound}", reading.summary);
        }
        reading = reading.limit(degraded).note(format!("{title}, limit {bound}"));
    }
    Ok(reading)
}

fn value(number: f64, unit: &Unit) -> Value {
    match unit {
        Unit::Seconds => Value::Duration(number),
        // A cast of a negative number gives zero, which is what a negative size deserves.
        Unit::Bytes => Value::Bytes(number as u64),
        Unit::Ratio => Value::Ratio(number),
        Unit::PerSecond(what) => Value::Rate(number, format!("{what}/s")),
        Unit::Count(what) => Value::Count(number.round() as i64, what.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(limit: Option<Limit<f64>>) -> config::Metric {
        let prometheus = url::Url::parse("http://h:9090").unwrap();
        config::Metric { prometheus, title: "p95".into(), query: "q".into(), unit: Unit::Seconds, limit }
    }

    #[test]
    fn the_order_of_the_limits_tells_which_way_is_worse() {
        let small = Some(Limit { degraded: 0.5, down: 2.0 });
        let large = Some(Limit { degraded: 0.99, down: 0.9 });
        for (limit, number, health) in [
            (None, 1e9, Health::Ok),
            (small, 0.4, Health::Ok),
            (small, 0.5, Health::Degraded),
            (small, 2.0, Health::Down),
            (large, 1.0, Health::Ok),
            (large, 0.95, Health::Degraded),
            (large, 0.5, Health::Down),
        ] {
            let reading = judge(Sample::One(number), &metric(limit)).unwrap();
            assert_eq!(reading.health, health, "{number}: {}", reading.summary);
        }
        assert_eq!(judge(Sample::One(0.7), &metric(small)).unwrap().summary, "p95 is 700 ms, limit 500 ms");
    }

    #[test]
    fn what_is_no_number_is_unknown_and_not_zero() {
        for sample in [Sample::Nothing, Sample::Several(2), Sample::One(f64::NAN), Sample::One(f64::INFINITY)] {
            assert!(judge(sample, &metric(None)).is_err(), "{sample:?}");
        }
    }
}
