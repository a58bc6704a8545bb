//! Random requests of several clients against a model of what the next request must see. The rule:
//! an answer of success means that the next request sees what the handler did, and what cannot be is
//! an error. `SESSION_MODEL_SEQUENCES` sets another number of sequences than the default,
//! `SESSION_MODEL_SEED` where they begin.

mod app;
mod course;
mod expected;
mod found;
mod pending;
mod steps;
mod world;

use self::{
    steps::{Random, Step, sequence},
    world::{Kind, World},
};

/// Returns the number in an environment variable, or else `default`.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

async fn run(kind: Kind, steps: &[Step]) -> Result<(), String> {
    let mut world = World::new(kind);
    for (at, step) in steps.iter().enumerate() {
        world.step(step).await.map_err(|error| format!("step {at}: {error}"))?;
    }
    world.check_the_dead().await
}

/// Leaves out steps for as long as the rest still fails.
async fn shrink(kind: Kind, mut steps: Vec<Step>) -> (Vec<Step>, String) {
    let mut error = String::new();
    loop {
        let mut smaller = None;
        for at in 0..steps.len() {
            for without in without(&steps, at) {
                if let Err(found) = run(kind, &without).await {
                    (smaller, error) = (Some(without), found);
                    break;
                }
            }
            if smaller.is_some() {
                break;
            }
        }
        match smaller {
            Some(smaller) => steps = smaller,
            None => return (steps, error),
        }
    }
}

/// Returns the sequences without one step, or with a smaller one.
fn without(steps: &[Step], at: usize) -> Vec<Vec<Step>> {
    let mut all = vec![[&steps[..at], &steps[at + 1..]].concat()];
    for smaller in steps[at].smaller() {
        let mut steps = steps.to_vec();
        steps[at] = smaller;
        all.push(steps);
    }
    all
}

#[tokio::test]
async fn an_answer_of_success_means_that_the_next_request_sees_what_the_handler_did() {
    let sequences = setting("SESSION_MODEL_SEQUENCES", 2_000);
    let first = setting("SESSION_MODEL_SEED", 1);
    for seed in first..first + sequences {
        let kind = Kind::ALL[usize::try_from(seed).unwrap_or(0) % Kind::ALL.len()];
        let steps = sequence(&mut Random::new(seed), kind.is_stored());
        if let Err(error) = run(kind, &steps).await {
            let (steps, smaller) = shrink(kind, steps).await;
            let error = if smaller.is_empty() { error } else { smaller };
            panic!("seed {seed}, {kind:?}: {error}\n{steps:#?}");
        }
    }
}
