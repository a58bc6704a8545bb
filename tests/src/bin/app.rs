//! The application of `tests::app` as a program, so that tests can run many of it, and kill it. It
//! owns how its settings are read; what it serves is the library's business.
//!
//! It prints `listening on http://ADDRESS` once it serves, and ends in order on SIGTERM. A wrong setting is one line on standard
//! error and exit code 2.

use std::{env, process::ExitCode, sync::Arc, time::Duration};

use axum::routing::{get, post};
use session_runtime::{
    KeyRing,
    policy::OnMaxSessions,
    store::{self, Store, StoreError},
};
use tests::{Fault, Verb, app::Setup, spy};
use tokio::signal::unix::{SignalKind, signal};

/// How long the program waits at its end for what goes on.
const DRAIN: Duration = Duration::from_secs(60);

/// Why the program did not start.
struct Problem(String);

impl<E: std::error::Error> From<E> for Problem {
    fn from(error: E) -> Self {
        let mut told = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            told.push_str(": ");
            told.push_str(&error.to_string());
            cause = error.source();
        }
        Self(told)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Problem(told)) => {
            eprintln!("error: {}", told.replace('\n', " "));
            ExitCode::from(2)
        }
    }
}

async fn serve() -> Result<(), Problem> {
    let deadline = optional("DEADLINE")?.map(|text| milliseconds("DEADLINE", &text)).transpose()?;
    let mut store = open(&required("STORE")?, deadline).await?;
    let slow_end = optional("SLOW_END")?.map(|text| milliseconds("SLOW_END", &text)).transpose()?;
    let slow = slow_end.map(|time| {
        let slow = spy(Arc::clone(&store));
        slow.fault(Verb::Remove, Fault::Slow(time));
        store = Arc::new(slow.clone());
        slow
    });
    let setup = Setup {
        encrypt: optional("ENCRYPT")?.map_or(Ok(false), |text| encrypt(&text))?,
        cap: optional("CAP")?.map(|text| cap(&text)).transpose()?,
        deadline,
        audience: optional("AUDIENCE")?.unwrap_or_default(),
        ..Setup::new(store, KeyRing::from_env("SESSION_KEYS")?)
    };
    let application = setup.application()?;
    let probed = application.clone();
    let ready = get(async move || probed.ready().await);
    let swept = application.clone();
    let sweep = post(async move || swept.sweep().await);
    let mut router = application.router.clone().route("/readyz", ready).route("/sweep", sweep);
    if let Some(slow) = slow {
        let count = async move || slow.calls(Verb::Remove).to_string();
        router = router.route("/ending", get(count));
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let mut terminate = signal(SignalKind::terminate())?;
    println!("listening on http://{}", listener.local_addr()?);
    let stop = async move {
        terminate.recv().await;
    };
    axum::serve(listener, router).with_graceful_shutdown(stop).await?;
    if application.drain(DRAIN).await {
        Ok(())
    } else {
        Err(Problem("changes of sessions may be lost".to_owned()))
    }
}

/// Opens the store of a URL. With a longer deadline than usual, a busy database has that time, too.
async fn open(url: &str, deadline: Option<Duration>) -> Result<Arc<dyn Store>, StoreError> {
    #[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
    if let Some(deadline) = deadline
        && ["postgres:", "mysql:", "sqlite:"].iter().any(|scheme| url.starts_with(scheme))
    {
        let builder = store::SqlStore::builder().acquire_timeout(deadline * 9 / 10);
        return Ok(Arc::new(builder.connect(url).await?));
    }
    if optional("LAZY").is_ok_and(|text| text.is_some()) {
        return store::open_lazy(url).await;
    }
    store::open(url).await
}

fn required(name: &str) -> Result<String, Problem> {
    optional(name)?.ok_or_else(|| Problem(format!("the variable `{name}` is not set")))
}

/// A variable's text; one that is empty counts as unset.
fn optional(name: &str) -> Result<Option<String>, Problem> {
    match env::var(name) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Problem(format!("`{name}` is no UTF-8"))),
    }
}

fn encrypt(text: &str) -> Result<bool, Problem> {
    match text {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(Problem(format!("`ENCRYPT` is `{text}`; write `1`, or `0` for not"))),
    }
}

/// `3:end-oldest`, `3:refuse-new`.
fn cap(text: &str) -> Result<(u32, OnMaxSessions), Problem> {
    let wrong =
        || Problem(format!("`CAP` is `{text}`; write it like `3:end-oldest` or `3:refuse-new`"));
    let (sessions, on_max) = text.split_once(':').ok_or_else(wrong)?;
    let on_max = match on_max {
        "end-oldest" => OnMaxSessions::EndOldest,
        "refuse-new" => OnMaxSessions::RefuseNew,
        _ => return Err(wrong()),
    };
    Ok((sessions.parse().map_err(|_| wrong())?, on_max))
}

fn milliseconds(name: &str, text: &str) -> Result<Duration, Problem> {
    let wrong = |_| Problem(format!("`{name}` is `{text}`; write it in milliseconds: `2000`"));
    text.parse().map(Duration::from_millis).map_err(wrong)
}
