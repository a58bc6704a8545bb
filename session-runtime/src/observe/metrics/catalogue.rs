//! The catalogue of metrics: each is declared once, with its name, labels and meaning, and the calls,
//! the page of the guide, the dashboard and the tests come from that. Every label has few values.

/// One metric.
#[cfg(feature = "metrics")]
#[derive(Debug)]
pub(in crate::observe) struct Metric<const LABELS: usize> {
    pub(in crate::observe) name: &'static str,
    pub(in crate::observe) labels: [&'static str; LABELS],
}

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::observe) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A metric as the catalogue lists it.
#[derive(Debug)]
pub(in crate::observe) struct Entry {
    pub(in crate::observe) name: &'static str,
    pub(in crate::observe) kind: Kind,
    #[cfg(test)]
    pub(in crate::observe) labels: &'static [&'static str],
    pub(in crate::observe) meaning: &'static str,
}

macro_rules! metrics {
    ($($constant:ident: $kind:ident $name:literal [$($label:literal),*] $meaning:literal;)*) => {
        $(
            #[cfg(feature = "metrics")]
            pub(super) const $constant: Metric<{ [$($label),*].len() }> =
                Metric { name: $name, labels: [$($label),*] };
        )*

        /// Every metric, in the order of the catalogue.
        pub(in crate::observe) const ALL: &[Entry] = &[$(Entry {
            name: $name,
            kind: Kind::$kind,
            #[cfg(test)]
            labels: &[$($label),*],
            meaning: $meaning,
        }),*];
    };
}

// After a change, `cargo xtask alerts --record` writes the page and the dashboard anew.
metrics! {
    REQUESTS: Counter "session_requests_total" ["type", "outcome", "reason"]
        "Requests that have looked for their session. `outcome`: `no_token`, `live`, `refused`, `degraded`, `failed`; `reason` says why a token was refused or the store failed.";
    COMMITS: Counter "session_commits_total" ["type", "result", "error"]
        "Requests whose changes were committed, or were not. `result`: `created`, `changed`, `ended`, `lost`, `conflict`, `failed`; `error` is the type of the error.";
    OPERATIONS: Histogram "session_store_operation_seconds" ["type", "store", "operation", "outcome"]
        "Seconds of the operations of the store, with all retries. `outcome`: `ok`, or the type of the error.";
    POOL: Gauge "session_store_pool_connections" ["type", "store", "state"]
        "Connections in the pool of the store at its last operation, if it has a pool. `state`: `in_use`, `idle`, and `most`, which is the limit.";
    OLDER_KEYS: Counter "session_requests_older_key_total" ["type"]
        "Requests whose session is live by a token under another key than the first of the ring. While there are any, the older keys must stay in the ring.";
    RETRIES: Counter "session_store_retries_total" ["type", "store"]
        "Commits that began again because another request was in between.";
    ROTATIONS: Counter "session_rotations_total" ["type", "cause"]
        "New credentials. `cause`: `log_in`, `rotation`.";
    EVICTIONS: Counter "session_evictions_total" ["type"]
        "Sessions that a log-in has evicted under `max_sessions`.";
    UNDECODABLE: Counter "session_fields_undecodable_total" ["type", "field"]
        "Stored fields that did not decode, once for each session and field.";
    STORE_UP: Gauge "session_store_up" ["type", "store"]
        "1 while the store answers, 0 from the moment in which operations are refused at once until the store answers again.";
    NOT_ENDED: Counter "session_not_ended_total" ["type", "error"]
        "Sessions whose end was asked for, by a log-out for example, and that live on. `error` is the type of the error.";
    SWEEPS: Histogram "session_sweep_seconds" ["type", "store", "outcome"]
        "Seconds of the sweeps. `outcome`: `done`, or `cut_short` if expired sessions are left.";
    SWEPT: Counter "session_swept_total" ["type", "store"]
        "Expired sessions that sweeps have removed.";
}
