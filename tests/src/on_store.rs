//! Scenarios that are written once, for any store, as tests of one store each.

/// Makes a module `$store` with a test for each scenario, a function in front of the module that takes
/// the place that `$backend` makes for the test: an expression that knows the modules of
/// [`backend`](crate::backend).
#[macro_export]
macro_rules! on_store {
    ($(#[$gate:meta])* $store:ident, $backend:expr, [$($scenario:ident)*]) => {
        $(#[$gate])*
        mod $store {
            #[allow(unused_imports, reason = "some need all, some need one")]
            use $crate::backend::{*, kind::*};

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    super::$scenario($backend).await;
                }
            )*
        }
    };
}
