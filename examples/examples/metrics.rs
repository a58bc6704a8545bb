//! A counter of visits with metrics for Prometheus. Start it with
//! `cargo run -p examples --example metrics`, and then
//!
//! ```sh
//! curl -b jar -c jar http://127.0.0.1:3000/      # 1, then 2, then 3
//! curl -b other -c other http://127.0.0.1:3000/  # somebody else's 1
//! curl http://127.0.0.1:3000/metrics             # what both cost
//! ```
//!
//! The layer shows each request, commit and operation of the store to its observer. `Metrics` is an
//! observer that passes them on to the facade of the crate `metrics`. The recorder behind the facade is
//! chosen in `main`: with another recorder, the same figures go to another system. The guide's page
//! "What to alert on" lists the names, with rules for Prometheus and a dashboard for Grafana.

use std::process::ExitCode;

use axum::{
    Router,
    extract::{Path, State},
    http::header::CONTENT_TYPE,
    response::IntoResponse,
    routing::{get, post},
};
use examples::Startup;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use session_runtime::{Error, Session, observe::Metrics};

#[derive(Session)]
struct Visitor {
    #[session(principal)]
    user: Option<String>,
    #[session(counter)]
    visits: i64,
}

/// The bounds of the histograms, in seconds: from a store in memory to the deadline.
const SECONDS: [f64; 9] = [0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 1.0, 2.5];

#[tokio::main]
async fn main() -> ExitCode {
    let figures = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .expect("there are bounds")
        .install_recorder()
        .expect("no other recorder is installed");
    examples::run(|startup| app(startup, figures)).await
}

fn app(startup: &Startup, figures: PrometheusHandle) -> Result<Router, Error> {
    let sessions = startup.build(startup.sessions::<Visitor>().observe(Metrics::new()))?;

    // The route of the figures is outside of the layer: who reads them has no session, and keeps no
    // session alive. A real program serves them where only Prometheus comes.
    let outside = Router::new().route("/metrics", get(show)).with_state(figures);
    let inside = Router::new().route("/", get(visit)).route("/log-in/{user}", post(log_in));
    Ok(inside.layer(sessions).merge(outside))
}

async fn visit(session: Session<Visitor>) -> String {
    session.add_visits(1);
    let visits = session.visits();
    session.user().map_or_else(|| visits.to_string(), |user| format!("{user}: {visits}"))
}

/// A real application asks for a password.
async fn log_in(session: Session<Visitor>, Path(user): Path<String>) {
    session.log_in(user);
}

async fn show(State(figures): State<PrometheusHandle>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], figures.render())
}
