//! What every example does before and around its own code: read the settings from the environment,
//! make the session layer's builder, serve on loopback until told to stop. Knows nothing of any
//! single example.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `PORT` | port on 127.0.0.1; `0` takes any free one | `3000` |
//! | `STORE` | where sessions are kept: any URL of [`store::open`] | the example's, mostly `embedded:` beside the program |
//! | `STORE_LAZY` | `1` starts also while the server of the store is down | `0` |
//! | `SESSION_KEYS` | secrets that protect the tokens | made once, kept beside the program |
//! | `IDLE`, `ABSOLUTE` | how long a session lives unused, and at all (`30m`, `12h`) | the example's |
//! | `TLS` | `1` serves https with a certificate made at start | `0` |
//! | `RUST_LOG` | which log lines reach standard error | `warn` |
//! | `CLOCK` | a file with the number of seconds that the sessions' clock is ahead, read whenever the time is: for tests | the system's clock |
//!
//! `/readyz` says whether the sessions can be served: 204, or 503. Whatever runs the program may ask
//! there before it sends requests.
//!
//! "Beside the program" is the directory `NAME.sessions`, next to the executable: under `target/`
//! when cargo built it. Stop an example and start it again, and everybody is still logged in.

mod clock;
mod failure;
mod serve;
mod settings;

use std::{
    fmt,
    path::PathBuf,
    pin::Pin,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    http::{StatusCode, header::LOCATION},
    response::IntoResponse,
    routing::get,
};
use session_runtime::{
    Error, KeyRing, SessionLayer, SessionLayerBuilder, SessionType,
    schema::Payload,
    store::{self, EmbeddedStore, FileStore, MemoryStore, Store, StoreError},
};
use tracing_subscriber::{Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

pub use failure::Failure;
use settings::Settings;

/// The whole `main` of an example: reads the settings, lets `app` build the routes, serves them.
///
/// A wrong setting ends the process with one line on standard error and exit code 2, a failure to
/// serve with exit code 1.
pub async fn run(app: impl FnOnce(&Startup) -> Result<Router, Error>) -> ExitCode {
    run_on(DefaultStore::Embedded, app).await
}

/// As [`run`], for an example that keeps its sessions elsewhere if `STORE` does not say where.
pub async fn run_on(
    default: DefaultStore,
    app: impl FnOnce(&Startup) -> Result<Router, Error>,
) -> ExitCode {
    let outcome = async {
        let startup = Startup::from_env(default).await?;
        let router = app(&startup).map_err(|error| Failure::config(error.to_string()))?;
        startup.serve(router).await
    };
    match outcome.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit_code()
        }
    }
}

/// Where an example keeps its sessions if `STORE` is not set.
#[derive(Clone, Copy, Debug)]
pub enum DefaultStore {
    /// In an embedded database beside the program.
    Embedded,
    /// In files beside the program, one for each session.
    Files,
    /// In memory: they end with the program.
    Memory,
}

impl DefaultStore {
    fn open(self) -> Result<Arc<dyn Store>, Failure> {
        let opened: Result<Arc<dyn Store>, _> = match self {
            Self::Embedded => EmbeddedStore::open(state_directory()?.join("store"))
                .map(|store| Arc::new(store) as _),
            Self::Files => {
                FileStore::open(state_directory()?.join("files")).map(|store| Arc::new(store) as _)
            }
            Self::Memory => Ok(Arc::new(MemoryStore::default())),
        };
        opened.map_err(|error| store_failure(&error))
    }
}

fn store_failure(error: &StoreError) -> Failure {
    Failure::config(format!("STORE: {error}"))
}

/// The answer `302 Found`, which most web frameworks give where axum's own redirects are `303 See
/// Other`.
pub fn found(path: &'static str) -> impl IntoResponse {
    (StatusCode::FOUND, [(LOCATION, path)])
}

/// How long commits and log-outs may take whose clients have left, once the process is told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// The settings of this run, read and checked.
pub struct Startup {
    settings: Settings,
    keys: KeyRing,
    store: Arc<dyn Store>,
    /// Those that were built: asked whether they are ready, and drained at the end.
    layers: Mutex<Vec<Arc<dyn Operated>>>,
}

/// A layer of any session type, as the one who runs the program sees it.
trait Operated: Send + Sync {
    fn ready(&self) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + '_>>;

    /// Waits for what clients no longer wait for. Returns the number of changes that still go on.
    fn drain(&self) -> Pin<Box<dyn Future<Output = u64> + Send + '_>>;
}

impl<T: SessionType> Operated for SessionLayer<T> {
    fn ready(&self) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + '_>> {
        Box::pin(self.ready())
    }

    fn drain(&self) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
        Box::pin(async { self.drain(DRAIN).await.left })
    }
}

impl Startup {
    /// Reads the environment, starts the log, and opens the store.
    pub async fn from_env(default: DefaultStore) -> Result<Self, Failure> {
        let settings = Settings::from_env()?;
        let log = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_filter(settings.log.clone());
        // An error means that a log runs already, which is just as good.
        let _ = tracing_subscriber::registry().with(log).try_init();

        let keys = if settings.has_keys {
            KeyRing::from_env(settings::KEYS).map_err(|error| Failure::config(error.to_string()))?
        } else {
            KeyRing::from_file_or_create(state_directory()?.join("keys"))
                .map_err(|error| Failure::run(error.to_string()))?
        };
        let store = match &settings.store {
            Some(url) if settings.store_lazy => {
                store::open_lazy(&url.0).await.map_err(|error| store_failure(&error))?
            }
            Some(url) => store::open(&url.0).await.map_err(|error| store_failure(&error))?,
            None => default.open()?,
        };
        Ok(Self { settings, keys, store, layers: Mutex::default() })
    }

    /// The builder of the layer for the session type `T`, with all that the environment decides;
    /// the example adds what is its own and calls [`build`](Self::build). The store keeps the sessions; where they
    /// travel in the token, it remembers which have ended.
    pub fn sessions<T: SessionType>(&self) -> SessionLayerBuilder<T> {
        let (builder, store) =
            (SessionLayer::<T>::builder(self.keys.clone()), Arc::clone(&self.store));
        let mut builder = match T::spec().payload {
            Payload::Server => builder.store(store),
            _ => builder.revocation(store),
        };
        if !self.settings.tls {
            // Browsers keep no `Secure` cookie from plain http. Never in production.
            builder = builder.insecure_dev();
        }
        if let Some(idle) = self.settings.idle {
            builder = builder.idle(idle);
        }
        if let Some(absolute) = self.settings.absolute {
            builder = builder.absolute(absolute);
        }
        if let Some(clock) = &self.settings.clock {
            builder = builder.clock(clock.clone());
        }
        builder
    }

    /// Builds the layer. `/readyz` asks it whether it is ready, and the program does not end before its
    /// work has.
    pub fn build<T: SessionType>(
        &self,
        builder: SessionLayerBuilder<T>,
    ) -> Result<SessionLayer<T>, Error> {
        let layer = builder.build()?;
        self.layers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(layer.clone()));
        Ok(layer)
    }

    /// Serves `router` and `/readyz` on 127.0.0.1 until Ctrl-C or SIGTERM. Then the order is: no new
    /// requests; those that run are answered; what their clients did not wait for comes to its end.
    ///
    /// The first line on standard output is `listening on http://127.0.0.1:PORT` (or `https`).
    pub async fn serve(&self, router: Router) -> Result<(), Failure> {
        let layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let probed = layers.clone();
        let ready = async move || -> Result<StatusCode, Error> {
            for layer in &probed {
                layer.ready().await?;
            }
            Ok(StatusCode::NO_CONTENT)
        };
        let router = router.route("/readyz", get(ready));
        serve::serve(router, self.settings.port, self.settings.tls).await?;
        drain(&layers).await
    }
}

/// Drains every layer, also after one that has work left, and fails if any has.
async fn drain(layers: &[Arc<dyn Operated>]) -> Result<(), Failure> {
    let mut left = 0;
    for layer in layers {
        left += layer.drain().await;
    }
    if left > 0 {
        return Err(Failure::run(format!(
            "{left} changes of sessions may be lost: the store took too long"
        )));
    }
    Ok(())
}

impl fmt::Debug for Startup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Startup").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Where an example keeps what is to be there at its next start.
fn state_directory() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::run(format!("this program does not know its path: {error}")))?;
    Ok(program.with_extension("sessions"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// A layer with so much work left.
    struct Busy {
        left: u64,
        is_drained: AtomicBool,
    }

    impl Operated for Busy {
        fn ready(&self) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + '_>> {
            Box::pin(async { Ok(()) })
        }

        fn drain(&self) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
            self.is_drained.store(true, Ordering::Relaxed);
            Box::pin(async { self.left })
        }
    }

    #[tokio::test]
    async fn every_layer_is_drained_although_one_has_work_left() {
        let layers =
            [2, 0, 3].map(|left| Arc::new(Busy { left, is_drained: AtomicBool::new(false) }));
        let operated = layers.each_ref().map(|layer| Arc::clone(layer) as Arc<dyn Operated>);
        let failure = drain(&operated).await.expect_err("work is left");
        assert!(failure.to_string().starts_with("5 changes"), "{failure}");
        assert!(layers.iter().all(|layer| layer.is_drained.load(Ordering::Relaxed)));
        drain(&operated[1..2]).await.expect("nothing is left");
    }
}
