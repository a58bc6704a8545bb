//! The pages for administrators behind a guard of the application. Start it with
//! `cargo run -p examples --example admin`, open <http://127.0.0.1:3000>, log in as `ada` with
//! `lovelace`, and in another browser as `root` with `hopper`, who finds Ada's sessions at
//! `/admin/sessions`. What every example has in common is in `examples/src`.

use std::process::ExitCode;

use axum::{
    Form, Router,
    extract::Request,
    http::{HeaderMap, StatusCode, header::USER_AGENT},
    middleware::{self, Next},
    response::{Html, Redirect, Response},
    routing::{get, post},
};
use examples::Startup;
use serde::Deserialize;
use session_runtime::{Challenge, Error, Session, admin::AdminPages};

/// What the application knows about a visitor.
#[derive(Session)]
#[session(idle = "30m", absolute = "12h")]
struct Site {
    /// Who is logged in.
    #[session(principal, extract = "CurrentUser")]
    user: Option<String>,
    /// Where from. Administrators see it in their list.
    device: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    examples::run(app).await
}

fn app(startup: &Startup) -> Result<Router, Error> {
    let sessions =
        startup.build(startup.sessions::<Site>().challenge(Challenge::redirect("/login")))?;
    let pages = AdminPages::of(&sessions)?.labels(&["device"])?.router();
    Ok(Router::new()
        .route("/", get(home))
        .route("/login", get(login_form).post(login))
        .route("/logout", post(logout))
        .nest("/admin/sessions", pages.route_layer(middleware::from_fn(administrators)))
        .layer(sessions))
}

/// Lets nobody pass but `root`. Whoever is not logged in is sent to the log-in.
async fn administrators(
    CurrentUser(user): CurrentUser,
    request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    if user == "root" { Ok(next.run(request).await) } else { Err(StatusCode::FORBIDDEN) }
}

async fn home(CurrentUser(user): CurrentUser) -> Html<String> {
    // One of the names below, so that nothing needs escaping.
    Html(format!(
        "<p id=user>{user}</p><p><a href='/admin/sessions'>Sessions</a></p>\
         <form method=post action='/logout'><button>Log out</button></form>"
    ))
}

async fn login_form() -> Html<&'static str> {
    Html(
        "<form method=post><input name=name placeholder=Name> \
         <input name=password type=password placeholder=Password> <button>Log in</button></form>",
    )
}

#[derive(Deserialize)]
struct LogIn {
    name: String,
    password: String,
}

async fn login(
    session: Session<Site>,
    headers: HeaderMap,
    Form(form): Form<LogIn>,
) -> Result<Redirect, StatusCode> {
    // A real application asks its database for a salted hash (Argon2id).
    const USERS: [(&str, &str); 2] = [("ada", "lovelace"), ("root", "hopper")];
    let LogIn { name, password } = form;
    if !USERS.contains(&(&*name, &*password)) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let device = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    session.set_device(device.unwrap_or("unknown").chars().take(200).collect());
    session.log_in(name);
    Ok(Redirect::to("/"))
}

async fn logout(session: Session<Site>) -> Redirect {
    session.log_out();
    Redirect::to("/")
}
