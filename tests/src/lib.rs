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
mod on_store;
pub mod parallel;
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

/// Writes the modules that test the store that a function of this module makes, as every store is
/// tested: with both conformance suites (`store` and `repository`), and with many requests of one
/// session at once (`parallel`). With `sealed`, `sealed` and `parallel_sealed` do the same on that store
/// as `encrypt_at_rest` uses it.
#[macro_export]
macro_rules! conformance {
    ($make:ident) => {
        mod store {
            ::session_runtime::store_conformance!(super::$make);
        }

        mod repository {
            ::session_runtime::repository_conformance!(super::$make);
        }

        mod parallel {
            $crate::parallel!(super::$make, false);
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

        mod parallel_sealed {
            $crate::parallel!(super::$make, true);
        }
    };
}

/// Writes the tests with many requests of one session at once, for the store that a function makes, and
/// with or without `encrypt_at_rest`.
#[macro_export]
macro_rules! parallel {
    ($make:path, $encrypt:literal) => {
        #[test]
        fn of_sixteen_changes_to_one_field_at_once_all_arrive_and_none_is_refused() {
            $crate::parallel::run($make, $encrypt, $crate::parallel::sixteen_at_once);
        }

        #[test]
        fn without_a_parallel_request_no_closure_runs_twice() {
            $crate::parallel::run($make, $encrypt, $crate::parallel::one_by_one);
        }
    };
}

/// Writes the test of one hot session, for the store that a function of this module makes, as it is and
/// with `encrypt_at_rest`. It is for the stores that are said to be quick at it.
#[macro_export]
macro_rules! hot {
    ($make:ident) => {
        #[test]
        fn of_sixty_four_at_once_to_one_counter_all_arrive_and_soon() {
            $crate::parallel::run($make, false, $crate::parallel::one_hot_counter);
        }

        #[test]
        fn of_sixty_four_at_once_to_one_sealed_counter_all_arrive_and_soon() {
            $crate::parallel::run($make, true, $crate::parallel::one_hot_counter);
        }
    };
}
