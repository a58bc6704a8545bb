//! Tries random histories until one fails, then shortens it as long as it still fails. It knows
//! what a history is only as something that proptest can draw and shrink.

use std::{
    fmt::Debug,
    future::Future,
    time::{Duration, Instant},
};

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use crate::testing::conformance::make::random;

/// The variable for the number of histories to try.
const CASES: &str = "STORE_CONFORMANCE_CASES";
/// The variable for the seed to draw histories from, which a failure prints.
const SEED: &str = "STORE_CONFORMANCE_SEED";
/// The default number of histories: with a server on the same machine, a few seconds' worth.
const DEFAULT_CASES: usize = 24;
/// The longest time for which a failing history is shortened.
const SHRINKING: Duration = Duration::from_secs(20);

/// Panics with the shortest failing history that it finds. Checks a history up to `attempts` times
/// before the history counts as passing, since races do not show every time.
pub(super) async fn search<S, F>(
    strategy: S,
    attempts: usize,
    show: impl Fn(&S::Value) -> String,
    check: impl Fn(S::Value) -> F,
) where
    S: Strategy,
    S::Value: Debug + Clone,
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let seed = variable(SEED).unwrap_or_else(|| u64::from_be_bytes(random()));
    let mut stream = [0; 32];
    stream[..8].copy_from_slice(&seed.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &stream);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    // A task of its own: a panic in the store fails the history, and does not hide it.
    let fails = async |history: S::Value, attempts: usize| {
        for _ in 0..attempts {
            match tokio::spawn(check(history.clone())).await {
                Ok(Ok(())) => {}
                Ok(Err(failure)) => return Some(failure),
                Err(error) => return Some(format!("a panic: {}", text(error.into_panic()))),
            }
        }
        None
    };
    for case in 0..variable(CASES).unwrap_or(DEFAULT_CASES) {
        let mut tree = match strategy.new_tree(&mut runner) {
            Ok(tree) => tree,
            Err(reason) => panic!("no history can be drawn: {reason}"),
        };
        let Some(mut failure) = fails(tree.current(), 1).await else { continue };
        let mut shortest = tree.current();
        let start = Instant::now();
        let mut goes_on = tree.simplify();
        while goes_on && start.elapsed() < SHRINKING {
            goes_on = match fails(tree.current(), attempts).await {
                Some(shorter) => {
                    (failure, shortest) = (shorter, tree.current());
                    tree.simplify()
                }
                None => tree.complicate(),
            };
        }
        panic!(
            "history {case} ({SEED}={seed} draws the same ones) broke a rule of `Store`: {failure}\
             \n\nThe shortest history that was found to fail:\n{}",
            show(&shortest)
        );
    }
}

/// Returns the number in a variable of the environment, if that is set.
pub(super) fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    let number = text.parse().ok();
    assert!(number.is_some(), "{name} is {text:?}, which is no number");
    number
}

fn text(panic: Box<dyn std::any::Any + Send>) -> String {
    panic
        .downcast::<String>()
        .map(|text| *text)
        .or_else(|panic| panic.downcast::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|_| "of an unknown kind".to_owned())
}
