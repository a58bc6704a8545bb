//! Running one test of the suite: a runtime of its own, the store under test, a fresh namespace,
//! and a limit on the time. It knows no rule of the trait.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use super::{fixture::Fixture, repository::is_asked_for_more};
use crate::store::Store;

/// The longest time that a test may take. A store that never answers fails its test instead of
/// hanging it.
const PATIENCE: Duration = Duration::from_secs(120);

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Runs a test on the store that `make` returns.
///
/// # Panics
///
/// Panics if the store breaks the rule under test.
pub fn run<S, M, C>(make: impl FnOnce() -> M, case: impl FnOnce(Fixture) -> C)
where
    S: Store,
    M: Future<Output = S>,
    C: Future<Output = ()>,
{
    // Only boxes here: what depends on the caller's types is compiled once for each test.
    block_on(Box::pin(async move {
        let store: Arc<dyn Store> = Arc::new(make().await);
        let case: Boxed<'_, ()> = Box::pin(case(Fixture::new(store)));
        case.await;
    }));
}

fn block_on(test: Boxed<'_, ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a test can start threads");
    let patience = if is_asked_for_more() { PATIENCE * 30 } else { PATIENCE };
    let in_time = runtime.block_on(async { tokio::time::timeout(patience, test).await.is_ok() });
    assert!(in_time, "the store did not answer within {} s", patience.as_secs());
}
