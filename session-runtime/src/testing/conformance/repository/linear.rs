//! Random histories of several tasks at once on one session. `Committed` says in which order the
//! commits applied; in that order, [`Record::apply`](crate::store::Record::apply) must give every
//! outcome, every record that was loaded on the way, and the last one.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{
    history::{Change, Tells, parallel_histories},
    search::search,
};
use crate::{
    repository::Repository as _,
    store::{Commit, CommitOutcome, Record, StoreError},
    testing::conformance::{fixture::Fixture, make::add, show, together::together},
};

pub async fn parallel_histories_have_one_order(it: Fixture) {
    search(
        parallel_histories(),
        10,
        |tasks| {
            let lines = tasks.iter().enumerate().flat_map(|(task, changes)| {
                changes.iter().map(move |change| format!("  task {task}: {change:?}"))
            });
            lines.collect::<Vec<_>>().join("\n")
        },
        |tasks| run(it.fresh(), tasks),
    )
    .await;
}

/// A step of one task, with numbers that go up with each start and each end of a step.
struct Step {
    start: u64,
    end: u64,
    what: What,
}

enum What {
    Load(Option<Arc<Record>>),
    Commit(Box<Commit>, CommitOutcome),
}

async fn run(it: Fixture, tasks: Vec<Vec<Change>>) -> Result<(), String> {
    let first = it.record(0);
    let key = it.put(first.clone()).await;
    let clock = Arc::new(AtomicU64::new(0));
    let steps = together(tasks.len(), |task| {
        let (it, key, clock) = (it.clone(), key.clone(), Arc::clone(&clock));
        let changes = tasks[task].clone();
        async move {
            let tick = || clock.fetch_add(1, Ordering::SeqCst);
            let mut steps = Vec::new();
            for (number, change) in changes.iter().enumerate() {
                let start = tick();
                let record = it.store.load(&key).await?;
                steps.push(Step { start, end: tick(), what: What::Load(record.clone()) });
                // Times that differ, and go back between tasks.
                let now = it.at((task * 7 + number * 3) as u64);
                let fresh = u8::try_from(10 + task * 20 + number).unwrap_or(u8::MAX);
                let mut commit = change.settle(record.as_deref(), now, fresh);
                // A touch has no place in the order of revisions.
                if commit.is_touch() {
                    commit.ops.push(add("n", 1));
                }
                // What was loaded is often an earlier record by now.
                if !matches!(change.tells, Tells::Nothing) {
                    commit.loaded = record;
                }
                let start = tick();
                let outcome = it.store.commit(&key, &commit).await?;
                let what = What::Commit(Box::new(commit), outcome);
                steps.push(Step { start, end: tick(), what });
            }
            Ok::<_, StoreError>(steps)
        }
    })
    .await;
    let steps: Result<Vec<Vec<Step>>, StoreError> = steps.into_iter().collect();
    let steps: Vec<Step> = steps
        .map_err(|error| format!("the store failed: {error}"))?
        .into_iter()
        .flatten()
        .collect();
    let last = it.load(&key).await;
    let states = replay(first, &steps)?;
    let differences = show::differences(states.last(), last.as_deref());
    if !differences.is_empty() {
        return Err(format!("the last record is not what the commits leave:{differences}"));
    }
    let order = Order::of(&steps);
    steps.iter().try_for_each(|step| order.explains(step, &states))
}

/// Returns the first record, and the record after each commit that applied.
fn replay(first: Record, steps: &[Step]) -> Result<Vec<Record>, String> {
    let mut applied: Vec<(u64, &Commit, &CommitOutcome)> = steps
        .iter()
        .filter_map(|step| match &step.what {
            What::Commit(commit, outcome @ CommitOutcome::Committed { revision, .. }) => {
                Some((*revision, &**commit, outcome))
            }
            _ => None,
        })
        .collect();
    applied.sort_by_key(|(revision, ..)| *revision);
    let mut states = vec![first];
    for (number, (revision, commit, outcome)) in applied.into_iter().enumerate() {
        let next = number as u64 + 2;
        if revision != next {
            return Err(format!("no commit, or more than one, was given revision {next}"));
        }
        let mut record = states[number].clone();
        let expected = record.apply(commit);
        if expected != *outcome {
            return Err(format!(
                "{}\n  gave {outcome:?}, which at that revision is {expected:?}",
                show::commit(commit)
            ));
        }
        states.push(record);
    }
    Ok(states)
}

/// The revisions that a step can have seen: none that was replaced before the step began, and none
/// that began after the step had ended.
struct Order {
    /// The start, end and revision of each commit that applied.
    applied: Vec<(u64, u64, u64)>,
}

impl Order {
    fn of(steps: &[Step]) -> Self {
        let applied = steps
            .iter()
            .filter_map(|step| match &step.what {
                What::Commit(_, CommitOutcome::Committed { revision, .. }) => {
                    Some((step.start, step.end, *revision))
                }
                _ => None,
            })
            .collect();
        Self { applied }
    }

    fn explains(&self, step: &Step, states: &[Record]) -> Result<(), String> {
        let before = self.applied.iter().filter(|(_, end, _)| *end < step.start);
        let oldest = before.map(|(.., revision)| *revision).max().unwrap_or(1);
        let after = self.applied.iter().filter(|(start, ..)| *start > step.end);
        let newest = after.map(|(.., revision)| *revision - 1).min().unwrap_or(u64::MAX);
        let newest = newest.min(states.len() as u64);
        let mut possible = (oldest..=newest)
            .filter_map(|revision| states.get(usize::try_from(revision - 1).unwrap_or(usize::MAX)));
        match &step.what {
            What::Load(None) => Err("a load found no record, and nobody deleted it".to_owned()),
            What::Load(Some(loaded)) => {
                let revision = loaded.meta.revision;
                let Some(state) = possible.find(|state| state.meta.revision == revision) else {
                    return Err(format!(
                        "a load saw revision {revision}, when only {oldest} to {newest} can be \
                         seen: a load that begins after a commit was answered sees that commit"
                    ));
                };
                let differences = show::differences(Some(state), Some(loaded));
                if differences.is_empty() {
                    return Ok(());
                }
                Err(format!("a load of revision {revision} saw what never was:{differences}"))
            }
            What::Commit(_, CommitOutcome::Committed { revision, .. }) => {
                let so = (oldest + 1..=newest).contains(revision);
                so.then_some(()).ok_or_else(|| {
                    format!("a commit became revision {revision}, when it was after {oldest}")
                })
            }
            What::Commit(commit, outcome) => {
                let so = possible.any(|state| state.clone().apply(commit) == *outcome);
                so.then_some(()).ok_or_else(|| {
                    format!(
                        "{}\n  gave {outcome:?}, which is right at none of the revisions {oldest} \
                         to {newest}",
                        show::commit(commit)
                    )
                })
            }
        }
    }
}
