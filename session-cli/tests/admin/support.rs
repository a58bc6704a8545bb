//! What the tests of the tool share: the program with an environment of its own, and an application
//! with users who log in.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use axum::{
    Router,
    extract::Path,
    routing::{get, post},
};
use session_runtime::{
    KeyRing, Session, SessionLayer, SessionLayerBuilder,
    store::{self, Store},
};
use tests::{Client, Server};

/// The name of the cookie.
pub(crate) const COOKIE: &str = "shop";

/// The session type of the application.
#[derive(Session)]
#[session(name = "shop", prefix = "none", namespace = "shop", idle = "30m", absolute = "12h")]
pub(crate) struct Shop {
    #[session(principal)]
    user: Option<String>,
    device: String,
    #[session(counter)]
    visits: i64,
    #[session(secret)]
    card: Option<String>,
}

/// The program with these arguments, and nothing of this process' environment that it would read.
pub(crate) fn admin(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_session-admin"));
    for name in ["SESSION_STORE", "SESSION_TYPE", "SESSION_AUDIENCE", "SESSION_KEYS"] {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// The program on a store.
pub(crate) fn on(url: &str, arguments: &[&str]) -> Command {
    let mut command = admin(arguments);
    command.env("SESSION_STORE", url).env("SESSION_TYPE", "shop");
    command
}

/// A session type whose payload is in the token, of the same name.
#[derive(Session)]
#[session(name = "shop", prefix = "none", namespace = "shop", payload = "sealed")]
struct Carried {
    #[session(principal)]
    user: Option<String>,
}

/// Starts an application whose sessions are in their tokens, with this store of revocation.
pub(crate) async fn sealed(revocation: Arc<dyn Store>) -> Server {
    let layer = SessionLayer::<Carried>::builder(ring())
        .revocation(revocation)
        .as_another_program()
        .build()
        .expect("a sound configuration");
    let log_in = async |s: Session<Carried>, Path(user): Path<String>| s.log_in(user);
    let routes = Router::new()
        .route("/log-in/{user}", post(log_in))
        .route("/user", get(async |s: Session<Carried>| s.user().cloned().unwrap_or_default()));
    Server::start(routes.layer(layer)).await
}

/// The outcome of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The JSON on standard output.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs a command to its end.
pub(crate) fn run(mut command: Command) -> Ran {
    ran(command.output().expect("the program starts"))
}

/// Runs a command with a text on its standard input.
pub(crate) fn run_with(mut command: Command, input: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("the program starts");
    let mut stdin = process.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("the program reads");
    drop(stdin);
    ran(process.wait_with_output().expect("the program ends"))
}

fn ran(output: Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).expect("the program speaks UTF-8");
    Ran {
        code: output.status.code().expect("no signal has ended the program"),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// A ring of one key.
pub(crate) fn ring() -> KeyRing {
    KeyRing::generate().expect("random bytes")
}

/// An application on a store.
pub(crate) struct App {
    pub(crate) server: Server,
}

impl App {
    /// Starts the application on the store of a URL.
    pub(crate) async fn on(url: &str) -> Self {
        let store = store::open(url).await.expect("the store opens");
        Self::with(store, ring(), |builder| builder).await
    }

    /// Starts the application, with what else `adjust` says.
    pub(crate) async fn with(
        store: Arc<dyn Store>,
        keys: KeyRing,
        adjust: impl FnOnce(SessionLayerBuilder<Shop>) -> SessionLayerBuilder<Shop>,
    ) -> Self {
        let builder = SessionLayer::<Shop>::builder(keys).store(store).as_another_program();
        let layer = adjust(builder).build().expect("a sound configuration");
        let routes = Router::new()
            .route("/log-in/{user}/{device}", post(log_in))
            .route("/user", get(async |s: Session<Shop>| s.user().cloned().unwrap_or_default()))
            .route("/id", get(async |s: Session<Shop>| s.session_id().to_string()));
        Self { server: Server::start(routes.layer(layer)).await }
    }

    /// Logs a user in, and returns the browser with the session's id.
    pub(crate) async fn log_in(&self, user: &str, device: &str) -> (Client, String) {
        let client = Client::new(&self.server);
        client.post(&format!("/log-in/{user}/{device}")).await;
        let id = client.get("/id").await.body;
        (client, id)
    }
}

async fn log_in(session: Session<Shop>, Path((user, device)): Path<(String, String)>) {
    session.log_in(user);
    session.set_device(device);
    session.set_card("4111 1111".to_owned());
    session.add_visits(1);
}

/// Returns the user of a browser.
pub(crate) async fn user(client: &Client) -> String {
    client.get("/user").await.body
}
