//! The application without sessions: what all others are compared with.

use axum::{Router, routing::get};

use crate::workload::SCENARIOS;

pub(super) fn router() -> Router {
    let mut paths: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.path).collect();
    paths.sort_unstable();
    paths.dedup();
    paths.into_iter().fold(Router::new(), |router, path| router.route(path, get(async || "ok")))
}
