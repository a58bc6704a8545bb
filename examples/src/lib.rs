//! What every example does before and around its own code: read the settings from the environment,
//! make the session layer's builder, serve on loopback until told to stop. Knows nothing of any
//! single example.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `PORT` | port on 127.0.0.1; `0` takes any free one | `3000` |
//! | `STORE` | where sessions are kept | `memory:` |
//! | `SESSION_KEYS` | secrets that protect the tokens | made anew at each start |
//! | `IDLE`, `ABSOLUTE` | how long a session lives unused, and at all (`30m`, `12h`) | the example's |
//! | `TLS` | `1` serves https with a certificate made at start | `0` |
//! | `RUST_LOG` | which log lines reach standard error | `warn` |

mod failure;
mod serve;
mod settings;

use std::process::ExitCode;

use axum::Router;
use session_runtime::{
    Error, KeyRing, SessionLayer, SessionLayerBuilder, SessionType, store::MemoryStore,
};
use tracing_subscriber::{
    Layer as _, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

pub use failure::Failure;
use settings::Settings;

/// The whole `main` of an example: reads the settings, lets `app` build the routes, serves them.
///
/// A wrong setting ends the process with one line on standard error and exit code 2, a failure to
/// serve with exit code 1.
pub async fn run(app: impl FnOnce(&Startup) -> Result<Router, Error>) -> ExitCode {
    let outcome = async {
        let startup = Startup::from_env()?;
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

/// The settings of this run, read and checked.
#[derive(Debug)]
pub struct Startup {
    settings: Settings,
    keys: KeyRing,
}

impl Startup {
    /// Reads the environment, and starts the log.
    pub fn from_env() -> Result<Self, Failure> {
        let settings = Settings::from_env()?;
        let log = fmt::layer().with_writer(std::io::stderr).with_filter(settings.log.clone());
        // An error means that a log runs already, which is just as good.
        let _ = tracing_subscriber::registry().with(log).try_init();

        let keys = if settings.has_keys {
            KeyRing::from_env(settings::KEYS).map_err(|error| Failure::config(error.to_string()))?
        } else {
            KeyRing::ephemeral().map_err(|error| Failure::run(error.to_string()))?
        };
        Ok(Self { settings, keys })
    }

    /// The builder of the layer for the session type `T`, with all that the environment decides;
    /// the example adds what is its own and calls `build`.
    pub fn sessions<T: SessionType>(&self) -> SessionLayerBuilder<T> {
        let mut builder =
            SessionLayer::<T>::builder(self.keys.clone()).store(MemoryStore::default());
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
        builder
    }

    /// Serves `router` on 127.0.0.1 until Ctrl-C or SIGTERM, then lets running requests finish.
    ///
    /// The first line on standard output is `listening on http://127.0.0.1:PORT` (or `https`).
    pub async fn serve(&self, router: Router) -> Result<(), Failure> {
        if !self.settings.has_keys {
            eprintln!("note: {} is not set: log-ins end with this process", settings::KEYS);
        }
        serve::serve(router, self.settings.port, self.settings.tls).await
    }
}
