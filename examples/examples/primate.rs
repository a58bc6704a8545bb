//! The first example of Primate's session module: a page that shows the visitor's session id, and a
//! cookie `sessionId`, from the first request on. Start it with
//! `cargo run -p examples --example primate`, and then
//!
//! ```sh
//! curl -b jar -c jar -i http://127.0.0.1:3000/        # an id, and the cookie
//! curl -b jar -c jar -i http://127.0.0.1:3000/        # the same id, and no cookie
//! curl -b jar -c jar -i http://127.0.0.1:3000/visits  # what the id stands for
//! ```
//!
//! There the cookie *is* the id, so whoever sees an id (in a log, in this very page) is in the
//! session. Here an id opens nothing and may be shown: the cookie carries a secret beside it, which
//! is in no log and not even in the store.

use std::process::ExitCode;

use axum::{Router, routing::get};
use examples::Startup;
use session_runtime::{Error, Session, policy::Preset};

/// There, nothing ever ends. Here everything does, if late: a month without a visit, or a year.
#[derive(Session)]
#[session(
    name = "sessionId",
    prefix = "none",
    same_site = "strict",
    idle = "30d",
    absolute = "365d"
)]
struct Visitor {
    #[session(counter)]
    visits: i64,
}

#[tokio::main]
async fn main() -> ExitCode {
    examples::run(app).await
}

fn app(startup: &Startup) -> Result<Router, Error> {
    // Whoever comes has a session, is told of it once, and keeps its id to the end.
    let sessions = startup.build(startup.sessions::<Visitor>().preset(Preset::StableId))?;

    Ok(Router::new().route("/", get(id)).route("/visits", get(visits)).layer(sessions))
}

/// The id is there before anything is stored, and the one that is shown is the one that is stored.
async fn id(session: Session<Visitor>) -> String {
    session.session_id().to_string()
}

/// Not in the original, whose sessions had nothing but their id then.
async fn visits(session: Session<Visitor>) -> String {
    session.add_visits(1);
    if session.is_new() {
        return "your first request".to_owned();
    }
    format!("visit {}", session.visits())
}
