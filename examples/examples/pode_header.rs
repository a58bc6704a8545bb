//! A REST service as in Pode's tutorial: clients log in once with a name and a password (HTTP
//! Basic) and are then known by the header `pode.sid`, which every response returns. Five seconds
//! without a request, and it is over (`-Duration 5 -Extend -UseHeaders`). Start it with
//! `cargo run -p examples --example pode_header` (`IDLE=10m` gives you more time), and then
//!
//! ```sh
//! curl -i -X POST -u morty:pickle http://127.0.0.1:3000/login  # pode.sid: …, which is the session
//! curl -i -X POST -H 'pode.sid: …' http://127.0.0.1:3000/users
//! curl -i -X POST -H 'pode.sid: …' http://127.0.0.1:3000/auth/basic
//! curl -i -X POST -H 'pode.sid: …' http://127.0.0.1:3000/logout
//! ```

use std::process::ExitCode;

use axum::{
    Json, Router,
    http::{HeaderName, StatusCode, header::WWW_AUTHENTICATE},
    routing::post,
};
use axum_extra::{
    TypedHeader,
    headers::{Authorization, authorization::Basic},
    typed_header::TypedHeaderRejection,
};
use examples::Startup;
use serde::Serialize;
use session_runtime::{Error, Session};

/// No session without a log-in: unlike there, a request that is refused leaves nothing behind.
#[derive(Session)]
#[session(name = "pode.sid", transport = "header", idle = "5s", resend = "always")]
struct Api {
    /// The account's id. `log_in` sets it, together with a new header; a handler that takes
    /// `CurrentUser` runs only if it is there.
    #[session(principal, extract = "CurrentUser")]
    user: Option<String>,
    #[session(counter)]
    views: i64,
}

#[tokio::main]
async fn main() -> ExitCode {
    examples::run(app).await
}

fn app(startup: &Startup) -> Result<Router, Error> {
    Ok(Router::new()
        .route("/auth/basic", post(count))
        .route("/login", post(login))
        .route("/users", post(users))
        .route("/logout", post(logout))
        .layer(startup.build(startup.sessions::<Api>())?))
}

/// What a request says of its user. Without credentials, or with broken ones, it is an error, which
/// does not matter to whoever has a session.
type Credentials = Result<TypedHeader<Authorization<Basic>>, TypedHeaderRejection>;
type Refusal = (StatusCode, [(HeaderName, &'static str); 1]);

/// The session's user; if there is none yet, the one whom the credentials name is logged in.
fn authenticate(session: &Session<Api>, credentials: Credentials) -> Result<String, Refusal> {
    if let Some(user) = session.user() {
        return Ok(user.clone());
    }
    let account = credentials.ok().and_then(|TypedHeader(Authorization(basic))| {
        // A real service asks its database for a salted hash, and has the hash's library verify it.
        let is = |account: &&Account| {
            account.username == basic.username() && account.password == basic.password()
        };
        ACCOUNTS.iter().find(is)
    });
    let Some(account) = account else {
        return Err((StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Basic realm=\"pode\"")]));
    };
    session.log_in(account.id.to_owned());
    Ok(account.id.to_owned())
}

async fn count(session: Session<Api>, credentials: Credentials) -> Result<Json<Counted>, Refusal> {
    let username = authenticate(&session, credentials)?;
    session.add_views(1);
    Ok(Json(Counted { result: "OK", username, views: session.views() }))
}

async fn login(session: Session<Api>, credentials: Credentials) -> Result<(), Refusal> {
    authenticate(&session, credentials).map(drop)
}

/// For those who are logged in: without `CurrentUser`, the answer is 401.
async fn users(_: CurrentUser) -> Json<Users> {
    let user = |name, age| User { name, age };
    Json(Users { users: [user("Deep Thought", 42), user("Leeroy Jenkins", 1337)] })
}

/// The session is over, and an empty header says so.
async fn logout(session: Session<Api>) -> StatusCode {
    session.log_out();
    StatusCode::NO_CONTENT
}

struct Account {
    id: &'static str,
    username: &'static str,
    password: &'static str,
}

static ACCOUNTS: [Account; 1] = [Account { id: "M0R7Y302", username: "morty", password: "pickle" }];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Counted {
    result: &'static str,
    username: String,
    views: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Users {
    users: [User; 2],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct User {
    name: &'static str,
    age: u32,
}
