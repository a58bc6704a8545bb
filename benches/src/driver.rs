//! Drives a contestant's router as a server does, on one thread, without sockets. Owns [`measured`],
//! the one function that is timed and counted; knows neither clocks nor counters.

use axum::{Router, body::Body};
use http::{Request, Response};
use tower::ServiceExt as _;

use crate::{
    contestants::Contestant,
    workload::{Scenario, cookies_of, request},
};

/// A contestant's router, and the runtime that it lives in.
pub struct Driver {
    router: Router,
    runtime: tokio::runtime::Runtime,
    keeps_sessions: bool,
}

impl Driver {
    pub fn new(contestant: &Contestant) -> Self {
        Self::of(contestant.router, contestant.keeps_sessions)
    }

    pub fn of(router: impl FnOnce() -> Router, keeps_sessions: bool) -> Self {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let router = {
            // One of the contestants starts a task when it is built.
            let _inside = runtime.enter();
            // What `axum::serve` does: routes without it allocate at every request.
            router().with_state(())
        };
        Self { router, runtime, keeps_sessions }
    }

    pub fn send(&self, request: Request<Body>) -> Response<Body> {
        let router = self.router.clone();
        match self.runtime.block_on(router.oneshot(request)) {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// What a client of this scenario sends as its session's cookie, if anything.
    pub fn cookie(&self, scenario: Scenario) -> Option<String> {
        if !scenario.has_session {
            return None;
        }
        if !self.keeps_sessions {
            // As long as a token of ours, so that the same bytes are copied.
            return Some(format!("id={}", "x".repeat(72)));
        }
        let create = scenario.create();
        let cookies = cookies_of(&self.send(request(&create, None)));
        Some(cookies.unwrap_or_else(|| panic!("{create} sets no cookie")))
    }

    /// Requests of a scenario; each with a session of its own, so that what one leaves does not
    /// matter to the next.
    pub fn requests(&self, scenario: Scenario, count: usize) -> Vec<Request<Body>> {
        let cookies: Vec<_> = (0..count).map(|_| self.cookie(scenario)).collect();
        // Apart from the sessions: among those they would lie all over the memory, and whoever keeps
        // sessions would be charged for fetching them.
        cookies.iter().map(|cookie| request(scenario.path, cookie.as_deref())).collect()
    }
}

/// What is timed and counted. Callgrind finds it by its name.
#[inline(never)]
pub fn measured(driver: &Driver, requests: Vec<Request<Body>>) {
    for request in requests {
        let response = driver.send(request);
        assert!(response.status().is_success(), "{}", response.status());
    }
}
