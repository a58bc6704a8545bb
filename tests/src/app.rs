//! An application that uses what stores differ in: the same routes are served in a test's own
//! process, or by the program `app` in processes of their own. Where its sessions are kept is the
//! caller's choice.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::Path,
    http::StatusCode,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use session_runtime::{
    Error, KeyRing, Session, SessionLayer, SessionLayerBuilder, SessionType, Sessions,
    clock::Clock, policy::OnMaxSessions, store::Store,
};

/// Fields of most kinds.
#[derive(Session)]
#[session(name = "app", prefix = "none", idle = "30m", absolute = "12h")]
struct App {
    #[session(principal, extract = "CurrentUser")]
    user: Option<String>,
    theme: String,
    #[session(flash)]
    notice: Option<String>,
    #[session(merge = "cas")]
    tally: u32,
    notes: BTreeMap<String, String>,
}

/// Fields to which parallel requests add.
#[derive(Session)]
#[session(name = "numbers", prefix = "none", idle = "30m", absolute = "12h")]
struct Numbers {
    #[session(counter)]
    hits: i64,
    seen: std::collections::BTreeSet<String>,
}

/// What is in a session, as `/show` tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Who is logged in.
    pub user: Option<String>,
    /// Set by `/theme/{theme}`.
    pub theme: String,
    /// Set by `/notice/{notice}`; not consumed by `/show`.
    pub notice: Option<String>,
    /// Goes up by one with each `/tally`.
    pub tally: u32,
    /// Set by `/note/{key}/{value}`.
    pub notes: BTreeMap<String, String>,
}

/// How the sessions are kept.
pub struct Setup {
    /// Where.
    pub store: Arc<dyn Store>,
    /// Under which keys.
    pub keys: KeyRing,
    /// True if the sessions are sealed at rest.
    pub encrypt: bool,
    /// The most sessions of one user.
    pub cap: Option<(u32, OnMaxSessions)>,
    /// Another clock than the system's.
    pub clock: Option<Arc<dyn Clock>>,
    /// Another deadline for each operation of the store than the default.
    pub deadline: Option<Duration>,
    /// Separates tests that share a store.
    pub audience: String,
}

/// The application, as whoever runs it sees it; clones are the same.
#[derive(Clone)]
pub struct Application {
    /// What is served.
    pub router: Router,
    app: SessionLayer<App>,
    numbers: SessionLayer<Numbers>,
}

impl Application {
    /// Whether both layers can serve.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn ready(&self) -> Result<StatusCode, Error> {
        self.app.ready().await?;
        self.numbers.ready().await?;
        Ok(StatusCode::NO_CONTENT)
    }

    /// Removes what has expired. Returns the number of sessions that were removed.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn sweep(&self) -> Result<String, Error> {
        let (of_app, of_numbers) = (self.app.sweep().await?, self.numbers.sweep().await?);
        Ok((of_app.removed + of_numbers.removed).to_string())
    }

    /// Waits until what goes on has ended. Returns whether it did in time.
    pub async fn drain(&self, timeout: Duration) -> bool {
        let of_app = self.app.drain(timeout).await;
        let of_numbers = self.numbers.drain(timeout).await;
        of_app.is_complete() && of_numbers.is_complete()
    }
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").field("encrypt", &self.encrypt).finish_non_exhaustive()
    }
}

impl Setup {
    /// Sessions in `store`, everything else as it comes.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, keys: KeyRing) -> Self {
        Self {
            store,
            keys,
            encrypt: false,
            cap: None,
            clock: None,
            deadline: None,
            audience: String::new(),
        }
    }

    fn builder<T: SessionType>(&self) -> SessionLayerBuilder<T> {
        let mut builder = SessionLayer::<T>::builder(self.keys.clone())
            .store(Arc::clone(&self.store))
            .audience(&self.audience)
            .insecure_dev();
        if let Some(clock) = &self.clock {
            builder = builder.clock(Arc::clone(clock));
        }
        if let Some(deadline) = self.deadline {
            builder = builder.deadline(deadline);
        }
        if self.encrypt {
            builder = builder.encrypt_at_rest();
        }
        builder
    }

    /// The application's routes.
    ///
    /// # Errors
    ///
    /// What the builder refuses.
    pub fn router(&self) -> Result<Router, Error> {
        self.application().map(|application| application.router)
    }

    /// The application.
    ///
    /// # Errors
    ///
    /// What the builder refuses.
    pub fn application(&self) -> Result<Application, Error> {
        let mut app = self.builder::<App>();
        if let Some((sessions, on_max)) = self.cap {
            app = app.max_sessions(sessions, on_max);
        }
        let (app, numbers) = (app.build()?, self.builder::<Numbers>().build()?);
        let router = Router::new()
            .route("/login/{user}", post(log_in))
            .route("/logout", post(async |s: Session<App>| s.log_out()))
            .route("/rotate", post(async |s: Session<App>| s.rotate()))
            .route("/remember", post(async |s: Session<App>| s.remember_for(30 * DAY)))
            .route(
                "/theme/{theme}",
                post(async |s: Session<App>, Path(t): Path<String>| s.set_theme(t)),
            )
            .route(
                "/notice/{text}",
                post(async |s: Session<App>, Path(t): Path<String>| s.set_notice(t)),
            )
            .route("/take", post(async |s: Session<App>| s.take_notice().unwrap_or_default()))
            .route("/note/{key}/{value}", post(note))
            .route("/tally", post(tally))
            .route("/show", get(show))
            .route("/id", get(async |s: Session<App>| s.session_id().to_string()))
            .route("/user", get(async |CurrentUser(user): CurrentUser| user))
            .route("/devices", get(devices))
            .route("/end_others", post(end_others))
            .layer(app.clone())
            .route("/hit", post(async |s: Session<Numbers>| s.add_hits(1)))
            .route("/hits", get(async |s: Session<Numbers>| s.hits().to_string()))
            .route(
                "/seen/{what}",
                post(async |s: Session<Numbers>, Path(w): Path<String>| s.insert_seen(w)),
            )
            .route("/seen", get(async |s: Session<Numbers>| s.seen().len().to_string()))
            .layer(numbers.clone());
        Ok(Application { router, app, numbers })
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn log_in(session: Session<App>, Path(user): Path<String>) {
    session.log_in(user);
}

async fn note(session: Session<App>, Path((key, value)): Path<(String, String)>) {
    session.insert_notes(key, value);
}

async fn tally(session: Session<App>) -> Result<(), Error> {
    session.transact(|session| session.update_tally(|tally| *tally += 1)).await
}

async fn show(session: Session<App>) -> Json<Shown> {
    Json(Shown {
        user: session.user().cloned(),
        theme: session.theme().clone(),
        notice: session.peek_notice().cloned(),
        tally: session.tally(),
        notes: session.notes().clone(),
    })
}

/// The session ids of the user's sessions, one a line, this request's with a star.
async fn devices(CurrentUser(user): CurrentUser, sessions: Sessions<App>) -> Result<String, Error> {
    let line = |it: session_runtime::SessionInfo<App>| {
        format!("{}{}\n", it.id, if it.current { "*" } else { "" })
    };
    Ok(sessions.of(&user).list(None).await?.sessions.into_iter().map(line).collect())
}

async fn end_others(
    CurrentUser(user): CurrentUser,
    sessions: Sessions<App>,
) -> Result<(StatusCode, String), Error> {
    Ok((StatusCode::OK, sessions.of(&user).end_others().await?.count.to_string()))
}
