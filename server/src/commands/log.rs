//! The log, on standard error.

use tracing_subscriber::{Layer, filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use super::Words;
use crate::config::{Log, LogFormat};

/// Starts the log. Called once, by what runs long.
pub(super) fn start(log: &Log) -> Result<(), Words> {
    let filter: Targets = log.filter.parse().map_err(|err| format!("QUARTERDECK_LOG: {err}"))?;
    let writer = fmt::layer().with_writer(std::io::stderr);
    let layer = match log.format {
        LogFormat::Text => writer.with_ansi(false).boxed(),
        LogFormat::Json => writer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init().map_err(|err| format!("the log cannot start: {err}"))
}
