//! Ktor's form and session authentication together: a form logs in, the session remembers who did,
//! and a guard sends everybody else to the form. `/admin` asks for a second proof, Basic.
//!
//! Start it with `cargo run -p examples --example ktor_auth`, open <http://127.0.0.1:3000/login>
//! and log in as `jetbrains` with `foobar`, or
//!
//! ```sh
//! curl -iL -c jar -b jar -d "username=jetbrains&password=foobar" localhost:3000/login
//! curl -i  -c jar -b jar localhost:3000/hello        # Hello, jetbrains! Visit count is 2.
//! curl -i  -c jar -b jar -u admin:password localhost:3000/admin
//! curl -i  -c jar -b jar localhost:3000/logout
//! ```

use std::process::ExitCode;

use axum::{
    Form, Router,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use examples::{Startup, found};
use serde::Deserialize;
use session_runtime::{Challenge, Error, Session, policy::Preset};

/// A minute from the last visit. The name is set by `log_in` only, which changes the cookie too;
/// the extractor `CurrentUser` gives it to handlers, if it is one of ours.
#[derive(Session)]
#[session(name = "user_session", prefix = "none", idle = "1m", absolute = "12h", persistent)]
struct UserSession {
    #[session(principal, extract = "CurrentUser")]
    #[session(validate = |name: &String| name.starts_with("jet"))]
    name: Option<String>,
    #[session(counter, clear_on_login)]
    visits: i64,
}

#[tokio::main]
async fn main() -> ExitCode {
    examples::run(app).await
}

fn app(startup: &Startup) -> Result<Router, Error> {
    let sessions = startup
        .sessions::<UserSession>()
        .preset(Preset::OnDemand)
        .challenge(Challenge::found("/login")); // 302; `redirect` is 303 See Other
    let sessions = startup.build(sessions)?;

    Ok(Router::new()
        .route("/login", get(form).post(login))
        .route("/hello", get(hello))
        .route("/admin", get(admin))
        .route("/logout", get(logout))
        .layer(sessions))
}

async fn form() -> Html<&'static str> {
    Html(
        "<!doctype html><title>Log in</title><form method=post>\
         <label>Name <input name=username></label> \
         <label>Password <input name=password type=password></label> \
         <button>Log in</button></form>",
    )
}

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

async fn login(session: Session<UserSession>, Form(form): Form<Credentials>) -> Response {
    // A real service keeps salted hashes of passwords and lets their library compare.
    if (&*form.username, &*form.password) != ("jetbrains", "foobar") {
        return (StatusCode::UNAUTHORIZED, "Credentials are not valid").into_response();
    }
    session.log_in(form.username);
    found("/hello").into_response()
}

async fn hello(CurrentUser(name): CurrentUser, session: Session<UserSession>) -> String {
    session.add_visits(1);
    format!("Hello, {name}! Visit count is {}.", session.visits())
}

/// First the session, then Basic: the guard has run before the body does.
async fn admin(CurrentUser(name): CurrentUser, headers: HeaderMap) -> Response {
    const ADMIN: &str = "Basic YWRtaW46cGFzc3dvcmQ="; // admin:password
    if headers.get(header::AUTHORIZATION).is_none_or(|given| given != ADMIN) {
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"Access to /admin\"")];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    }
    format!("Hi, {name}! Welcome to the Admin page.").into_response()
}

async fn logout(session: Session<UserSession>) -> impl IntoResponse {
    session.log_out();
    found("/login")
}
