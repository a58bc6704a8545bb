//! The page counter with which Pode (PowerShell) documents its sessions: the cookie `pode.sid`, 120
//! seconds from the first visit on, however much it is used. Start it with
//! `cargo run -p examples --example pode`, and then
//!
//! ```sh
//! curl -b jar -c jar -i http://127.0.0.1:3000/                # {"Views":1} and the cookie
//! curl -b jar -c jar -i http://127.0.0.1:3000/                # {"Views":2}
//! curl -b jar -c jar -i -X POST http://127.0.0.1:3000/remove  # back to the start
//! ```
//!
//! `IDLE=120s` is what `-Extend` is there: the time then runs from the last visit, not from the
//! first. Sessions in a header, and log-ins, are in `pode_header.rs`.

use std::process::ExitCode;

use axum::{
    Json, Router,
    routing::{get, post},
};
use examples::Startup;
use serde::Serialize;
use session_runtime::{Error, Session, policy::Preset};

/// What `$WebEvent.Session.Data` holds there. Here a misspelt name does not compile, and what is
/// missing is 0.
#[derive(Session)]
// `-Duration 120`. `persistent` gives the cookie a `Max-Age`, in whole seconds: browsers ignore the
// fractions that Pode sends.
#[session(name = "pode.sid", prefix = "none", idle = "never", absolute = "120s", persistent)]
struct Visitor {
    /// Added up by the store, so that of two requests at once both count.
    #[session(counter)]
    views: i64,
}

#[tokio::main]
async fn main() -> ExitCode {
    examples::run(app).await
}

fn app(startup: &Startup) -> Result<Router, Error> {
    // `Enable-PodeSessionMiddleware`: every visitor has a session, and hears of it once.
    let sessions = startup.build(startup.sessions::<Visitor>().preset(Preset::EveryVisitor))?;

    Ok(Router::new().route("/", get(count)).route("/remove", post(remove)).layer(sessions))
}

async fn count(session: Session<Visitor>) -> Json<Counted> {
    session.add_views(1);
    Json(Counted { views: session.views() })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Counted {
    views: i64,
}

/// `Remove-PodeSession`. Without a session there is nothing to end, and that is no error.
async fn remove(session: Session<Visitor>) {
    session.destroy();
}
