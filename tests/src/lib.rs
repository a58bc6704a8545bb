//! What the behaviour tests share: an application, served on a real loopback socket by the test or
//! by processes of its own; the examples as programs, and a real browser to use them with; a client
//! that keeps cookies the way a browser does as far as these tests need it; real servers, and a
//! network to them, that fail when they are told to; stores that watch, fail or wait; a log; and a
//! value that does not serialise; and waiting for what comes true by itself.

pub mod app;
pub mod backend;
pub mod checker;
mod client;
mod clock;
pub mod example;
mod log;
pub mod machine;
mod odd;
pub mod proxy;
mod server;
pub mod sessions;
mod store;
mod wait;
mod watched;
pub mod webdriver;

pub use client::{Client, Reply};
pub use clock::OfMachine;
pub use log::Log;
pub use odd::Odd;
pub use server::Server;
pub use session_runtime::testing::{Fault, Verb};
pub use store::{Spy, spy};
pub use wait::{PATIENCE, eventually, eventually_blocking, given_up};
pub use watched::Watched;

/// Writes the modules that run both conformance suites on the store that a function of this module
/// makes: `store` and `repository`. With `sealed`, a third one runs the second suite on that store as
/// `encrypt_at_rest` uses it.
#[macro_export]
macro_rules! conformance {
    ($make:ident) => {
        mod store {
            ::session_runtime::store_conformance!(super::$make);
        }

        mod repository {
            ::session_runtime::repository_conformance!(super::$make);
        }
    };
    ($make:ident, sealed) => {
        $crate::conformance!($make);

        mod sealed {
            async fn sealed() -> impl ::session_runtime::store::Store {
                ::session_runtime::testing::conformance::sealed(super::$make().await)
            }

            ::session_runtime::repository_conformance!(sealed);
        }
    };
}
