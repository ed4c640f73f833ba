//! What machines ask: is the process alive, is it ready, how much does it do.

use std::fmt::Write;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::console::{Console, VERSION};

/// `GET /healthz`: the process answers.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: it answers with pages. A store that is away does not make it unready: it shows the estate all the same, and says so.
pub async fn readyz(State(console): State<Console>) -> Response {
    let known = console.world.borrow().instances.iter().any(|instance| instance.reading.is_some());
    let systems = console.estate.systems().len();
    if known || systems == 0 { "ok\n".into_response() } else { (StatusCode::SERVICE_UNAVAILABLE, "nothing was read yet\n").into_response() }
}

/// `GET /metrics`: Prometheus text. Numbers about the console only: no names of systems or people.
pub async fn metrics(State(console): State<Console>) -> Response {
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, value: f64| {
        // Writing to a String does not fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
    };
    let instances = console.world.borrow().instances.clone();
    let now = console.clock.now();
    gauge("quarterdeck_probes", "Probes of systems.", instances.len() as f64);
    gauge(
        "quarterdeck_probes_stale",
        "Probes whose data is past its deadline.",
        instances.iter().filter(|instance| instance.is_stale(now)).count() as f64,
    );
    gauge("quarterdeck_streams", "Open live streams.", console.hub.readers() as f64);
    gauge("quarterdeck_runs_executing", "Runs that this replica executes.", console.executor.running() as f64);
    gauge("quarterdeck_store_reachable", "Whether the store answers.", f64::from(u8::from(*console.store.reachable().borrow())));
    let _ = write!(
        text,
        "# HELP quarterdeck_build_info The version.\n# TYPE quarterdeck_build_info gauge\nquarterdeck_build_info{{version=\"{VERSION}\"}} 1\n"
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
