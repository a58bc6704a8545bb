//! The observer itself: each call becomes a few calls of the facade.

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use super::catalogue::{
    ALL, COMMITS, EVICTIONS, Kind, Metric, NOT_ENDED, OLDER_KEYS, OPERATIONS, POOL, REQUESTS,
    RETRIES, ROTATIONS, STORE_UP, SWEEPS, SWEPT, UNDECODABLE,
};
use crate::{
    observe::{
        Commit, Eviction, NotEnded, Observer, Operation, Request, Rotation, StoreState, Sweep,
        Undecodable,
    },
    store::PoolUse,
};

/// The value of a label that does not apply.
const NONE: &str = "none";

/// Counts and measures by the facade of the crate `metrics`: the application installs a recorder of its
/// choice, for example that of `metrics-exporter-prometheus`. The guide's page
/// [What to alert on](crate::guide::alerts) lists the names.
///
/// ```
/// # use session_runtime::{Error, KeyRing, Session, SessionLayer, store::MemoryStore};
/// use session_runtime::observe::Metrics;
/// # #[derive(Session)]
/// # struct Shop { cart: Vec<u32> }
/// # fn layer(keys: KeyRing) -> Result<SessionLayer<Shop>, Error> {
///
/// SessionLayer::<Shop>::builder(keys)
///     .store(MemoryStore::default())
///     .observe(Metrics::new())
///     .build()
/// # }
/// # layer(KeyRing::ephemeral().unwrap()).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub struct Metrics(());

impl Metrics {
    /// Makes the observer, and describes the metrics to the recorder. Install the recorder first.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it has an effect")]
    pub fn new() -> Self {
        for metric in ALL {
            match metric.kind {
                Kind::Counter => describe_counter!(metric.name, metric.meaning),
                Kind::Gauge => describe_gauge!(metric.name, metric.meaning),
                Kind::Histogram => {
                    describe_histogram!(metric.name, Unit::Seconds, metric.meaning);
                }
            }
        }
        Self(())
    }
}

/// Returns the labels of a metric with their values.
fn labels<const LABELS: usize>(
    metric: &Metric<LABELS>,
    values: [&'static str; LABELS],
) -> [(&'static str, &'static str); LABELS] {
    std::array::from_fn(|at| (metric.labels[at], values[at]))
}

fn count<const LABELS: usize>(metric: &Metric<LABELS>, values: [&'static str; LABELS], by: u64) {
    counter!(metric.name, &labels(metric, values)).increment(by);
}

fn measure<const LABELS: usize>(
    metric: &Metric<LABELS>,
    values: [&'static str; LABELS],
    seconds: f64,
) {
    histogram!(metric.name, &labels(metric, values)).record(seconds);
}

impl Observer for Metrics {
    fn request(&self, request: &Request) {
        let Request { session_type, outcome, reason, older_key } = *request;
        count(&REQUESTS, [session_type, outcome.as_str(), reason.unwrap_or(NONE)], 1);
        if older_key {
            count(&OLDER_KEYS, [session_type], 1);
        }
    }

    fn commit(&self, commit: &Commit) {
        let Commit { session_type, result, error_type } = *commit;
        count(&COMMITS, [session_type, result.as_str(), error_type.unwrap_or(NONE)], 1);
    }

    fn operation(&self, operation: &Operation) {
        let Operation { session_type, store, operation, error_type, duration, retries, pool } =
            *operation;
        let outcome = error_type.unwrap_or("ok");
        measure(&OPERATIONS, [session_type, store, operation, outcome], duration.as_secs_f64());
        if retries > 0 {
            count(&RETRIES, [session_type, store], retries.into());
        }
        if let Some(PoolUse { in_use, idle, most }) = pool {
            for (state, connections) in [("in_use", in_use), ("idle", idle), ("most", most)] {
                let labels = labels(&POOL, [session_type, store, state]);
                gauge!(POOL.name, &labels).set(f64::from(connections));
            }
        }
    }

    fn rotation(&self, rotation: &Rotation) {
        let cause = if rotation.log_in { "log_in" } else { "rotation" };
        count(&ROTATIONS, [rotation.session_type, cause], 1);
    }

    fn eviction(&self, eviction: &Eviction) {
        count(&EVICTIONS, [eviction.session_type], eviction.sessions);
    }

    fn undecodable(&self, undecodable: &Undecodable) {
        count(&UNDECODABLE, [undecodable.session_type, undecodable.field], 1);
    }

    fn not_ended(&self, not_ended: &NotEnded) {
        count(&NOT_ENDED, [not_ended.session_type, not_ended.error_type], 1);
    }

    fn store_state(&self, state: &StoreState) {
        let labels = labels(&STORE_UP, [state.session_type, state.store]);
        gauge!(STORE_UP.name, &labels).set(f64::from(u8::from(state.is_up)));
    }

    fn sweep(&self, sweep: &Sweep) {
        let Sweep { session_type, store, removed, is_cut_short, duration } = *sweep;
        let outcome = if is_cut_short { "cut_short" } else { "done" };
        measure(&SWEEPS, [session_type, store, outcome], duration.as_secs_f64());
        count(&SWEPT, [session_type, store], removed);
    }
}
