//! Ages and moments. A page never computes with the time of day: the server says how old something was when it was written.

use chrono::{DateTime, SecondsFormat, Utc};
use leptos::prelude::*;

use crate::model::{Moment, Seen, age_words, clock_words};

/// After these many seconds a reading can be hatched by style alone: the names `fresh-5`, `fresh-10` … of `stale.css`.
const BUCKETS: [u64; 16] = [5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1_800, 3_600, 21_600, 86_400];

/// Below this age, a moment is told by its time of day; above, by its date.
const DAY_MS: u64 = 20 * 3_600_000;

/// Above this age, the year is told.
const YEAR_MS: u64 = 300 * 86_400_000;

fn machine(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn absolute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The class of a box that shows a reading: `base` and the bucket after which it hatches itself where no script runs.
#[must_use]
pub fn fresh_class(base: &str, seen: Option<&Seen>) -> String {
    let Some(seen) = seen.filter(|seen| !seen.is_stale()) else {
        return base.to_owned();
    };
    let left = seen.left_ms().div_ceil(1000);
    let bucket = BUCKETS.into_iter().find(|bucket| *bucket >= left).unwrap_or(86_400);
    format!("{base} fresh-{bucket}")
}

/// The value of `data-stale` for a box that shows a reading; the attribute is absent while the reading is good.
#[must_use]
pub fn stale(seen: Option<&Seen>) -> Option<&'static str> {
    seen.is_some_and(Seen::is_stale).then_some("true")
}

/// A reading's age, kept up to date by the live island: `8 s`.
#[must_use]
pub fn age(seen: &Seen) -> AnyView {
    view! {
        <time
            datetime=machine(seen.at)
            title=absolute(seen.at)
            data-age=seen.age_ms.to_string()
            data-seen=seen.source.to_string()
            data-deadline=seen.deadline_ms.to_string()
        >
            {seen.age()}
        </time>
    }
    .into_any()
}

/// A reading's age after something else: `, 8 s`.
#[must_use]
pub fn aged(seen: &Seen) -> AnyView {
    view! { <span class="aged">", " {age(seen)}</span> }.into_any()
}

/// The time of the last reading, for once it is stale; the live island keeps it true: `14:03:22`.
#[must_use]
pub fn last_read(seen: &Seen) -> AnyView {
    let at = seen.at.format("%H:%M:%S").to_string();
    view! { <time datetime=machine(seen.at) data-gone="">{at}</time> }.into_any()
}

/// What stands in place of a value once its reading is stale: "no data since 14:03:22".
#[must_use]
pub fn no_data_since(seen: &Seen) -> AnyView {
    view! { <b class="if-stale">"no data since " {last_read(seen)}</b> }.into_any()
}

/// A time of day with the whole moment on hover: `14:02:11`.
#[must_use]
pub fn time_of_day(at: DateTime<Utc>) -> AnyView {
    view! { <time datetime=machine(at) title=absolute(at)>{at.format("%H:%M:%S").to_string()}</time> }.into_any()
}

/// When something happened: the time of day, then the date without, then with its year.
#[must_use]
pub fn when(moment: &Moment) -> AnyView {
    let text = match moment.ago_ms {
        0..DAY_MS => moment.at.format("%H:%M:%S"),
        DAY_MS..YEAR_MS => moment.at.format("%-d %b, %H:%M"),
        _ => moment.at.format("%-d %b %Y"),
    };
    view! { <time datetime=machine(moment.at) title=absolute(moment.at)>{text.to_string()}</time> }.into_any()
}

/// How long ago something happened, kept up to date by the live island: `6 min`.
#[must_use]
pub fn ago(moment: &Moment) -> AnyView {
    view! {
        <time datetime=machine(moment.at) title=absolute(moment.at) data-age=moment.ago_ms.to_string()>{age_words(moment.ago_ms)}</time>
    }
    .into_any()
}

/// A length of time that grows in the browser, of something that is not a reading: `1 s`.
#[must_use]
pub fn growing(age_ms: u64) -> AnyView {
    view! { <time datetime=period(age_ms) data-age=age_ms.to_string()>{age_words(age_ms)}</time> }.into_any()
}

/// A length of time for a machine: `PT34S`.
fn period(ms: u64) -> String {
    format!("PT{}S", ms / 1000)
}

/// A clock that runs on in the browser while something is under way: `48 s`.
#[must_use]
pub fn clock(elapsed_ms: u64, runs: bool) -> AnyView {
    let text = clock_words(elapsed_ms);
    if runs {
        view! { <time datetime=period(elapsed_ms) data-clock=elapsed_ms.to_string()>{text}</time> }.into_any()
    } else {
        text.into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(age_ms: u64, deadline_ms: u64) -> Seen {
        Seen { source: 1, at: DateTime::UNIX_EPOCH, age_ms, deadline_ms }
    }

    #[test]
    fn the_bucket_is_the_first_that_is_not_before_the_deadline() {
        assert_eq!(fresh_class("tile", Some(&seen(2_000, 15_000))), "tile fresh-15");
        assert_eq!(fresh_class("tile", Some(&seen(14_500, 15_000))), "tile fresh-5");
        assert_eq!(fresh_class("tile", Some(&seen(0, 900_000_000))), "tile fresh-86400");
    }

    #[test]
    fn what_is_stale_when_it_is_drawn_needs_no_bucket() {
        assert_eq!(fresh_class("tile", Some(&seen(16_000, 15_000))), "tile");
        assert_eq!(stale(Some(&seen(16_000, 15_000))), Some("true"));
        assert_eq!(stale(None), None);
    }
}
