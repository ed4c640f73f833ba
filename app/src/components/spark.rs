//! Sparklines: the recent course of one figure, drawn by the server.

use std::fmt::Write as _;

use leptos::prelude::*;

use super::{shown, text::LINE};
use crate::model::Spark;

/// Height of the drawing in its own units; its width is the number of points.
const HEIGHT: f64 = 28.0;
/// What stays free above and below the line.
const MARGIN: f64 = 3.0;

/// The drawing. Gaps stay gaps; the dashed line is the limit; the dot is the newest value.
#[must_use]
pub fn spark(spark: &Spark) -> AnyView {
    drawing(spark, None)
}

/// The same as a part of its own in a live view: it moves with time, whatever stands around it.
#[must_use]
pub fn spark_part(id: String, spark: &Spark) -> AnyView {
    drawing(spark, Some(id))
}

fn drawing(spark: &Spark, id: Option<String>) -> AnyView {
    let Some(scale) = Scale::of(spark) else {
        return ().into_any();
    };
    let width = spark.points.len().saturating_sub(1).max(1);
    let limit = spark.limit.filter(|limit| limit.is_finite()).map(|limit| {
        let d = format!("M0 {:.1}H{width}", scale.y(limit));
        view! { <path class="limit" d=d></path> }
    });
    let line = course(&spark.points, &scale);
    let now = spark.points.last().copied().flatten().filter(|value| value.is_finite()).map(|value| {
        let d = format!("M{width} {:.1}h.01", scale.y(value));
        view! { <path class="now" d=d></path> }
    });
    view! {
        <svg id=id.clone() data-part=id.map(|_| "") class="spark" viewBox=format!("0 0 {width} 28") preserveAspectRatio="none" role="img" aria-label=shown(&spark.label, LINE)>
            {limit}
            <path d=line></path>
            {now}
        </svg>
    }
    .into_any()
}

/// The line as path data: one `M` a stretch, one step a point.
fn course(points: &[Option<f64>], scale: &Scale) -> String {
    let mut d = String::with_capacity(points.len() * 8);
    let mut pen_down = false;
    for (x, point) in points.iter().enumerate() {
        match point.filter(|value| value.is_finite()) {
            Some(value) => {
                let letter = if pen_down { 'L' } else { 'M' };
                let _ = write!(d, "{letter}{x} {:.1}", scale.y(value));
                pen_down = true;
            }
            None => pen_down = false,
        }
    }
    d
}

struct Scale {
    low: f64,
    span: f64,
}

impl Scale {
    /// From the smallest to the largest of points and limit; none when there is nothing to draw.
    fn of(spark: &Spark) -> Option<Self> {
        let points = || spark.points.iter().flatten().copied().filter(|value| value.is_finite());
        points().next()?;
        let all = || points().chain(spark.limit.filter(|limit| limit.is_finite()));
        let low = all().fold(f64::INFINITY, f64::min);
        let high = all().fold(f64::NEG_INFINITY, f64::max);
        // What moves by a hundredth is not drawn as a mountain range: the height is at least a tenth of the value.
        let span = (high - low).max(high.abs() / 10.0);
        Some(Self { low: low - (span - (high - low)) / 2.0, span })
    }

    fn y(&self, value: f64) -> f64 {
        let share = if self.span > 0.0 { (value - self.low) / self.span } else { 0.25 };
        HEIGHT - MARGIN - share * (HEIGHT - 2.0 * MARGIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(points: &[Option<f64>]) -> String {
        spark(&Spark { label: "lag".into(), points: points.to_vec(), limit: None }).to_html()
    }

    #[test]
    fn a_gap_stays_a_gap() {
        let html = drawn(&[Some(1.0), None, Some(2.0), Some(3.0)]);
        assert!(html.contains("M0 25.0M2 14.0L3 3.0"), "{html}");
    }

    #[test]
    fn what_hardly_moves_is_drawn_flat() {
        let html = drawn(&[Some(100.0), Some(100.1)]);
        assert!(html.contains("M0 14.1L1 13.9"), "{html}");
    }

    #[test]
    fn nothing_read_draws_nothing() {
        assert_eq!(drawn(&[None, None]), drawn(&[]));
        assert!(!drawn(&[None]).contains("svg"));
    }

    #[test]
    fn a_value_that_is_no_number_is_a_gap() {
        assert!(!drawn(&[Some(f64::NAN), Some(1.0)]).contains("NaN"));
    }
}
