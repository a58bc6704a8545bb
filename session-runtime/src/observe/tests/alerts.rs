//! The alert rules for Prometheus, over the metrics of the catalogue.

use std::fmt::Write as _;

use crate::observe::metrics::catalogue::ALL;

/// One rule.
pub(super) struct Alert {
    pub(super) name: &'static str,
    pub(super) severity: &'static str,
    /// The time for which the expression holds before the alert.
    pub(super) after: &'static str,
    pub(super) expression: &'static str,
    pub(super) summary: &'static str,
}

pub(super) const ALERTS: &[Alert] = &[
    Alert {
        name: "SessionStoreFails",
        severity: "critical",
        after: "2m",
        expression: "sum by (type, store) (rate(session_store_operation_seconds_count{outcome!~\"ok|cancelled\"}[5m])) / sum by (type, store) (rate(session_store_operation_seconds_count[5m])) > 0.05",
        summary: "More than 5 % of the operations of the store fail, and their requests are answered 503. Look at the store; the events have its own reason.",
    },
    Alert {
        name: "SessionStoreIsDown",
        severity: "critical",
        after: "30s",
        expression: "min by (type, store) (session_store_up) < 1",
        summary: "The store does not answer, and the requests that need a session are answered 503 at once. The event `session.store_down` has the store's own reason.",
    },
    Alert {
        name: "SessionLogOutsFail",
        severity: "critical",
        after: "0m",
        expression: "sum by (type, error) (increase(session_not_ended_total[10m])) > 0",
        summary: "A session whose end was asked for may live on. The event `session.not_ended` names it: end it again, by `session-admin end` for example.",
    },
    Alert {
        name: "SessionStoreIsSlow",
        severity: "warning",
        after: "10m",
        expression: "sum by (type, store, operation) (rate(session_store_operation_seconds_sum{operation!~\"sweep|end_all\",outcome!=\"down\"}[5m])) / sum by (type, store, operation) (rate(session_store_operation_seconds_count{operation!~\"sweep|end_all\",outcome!=\"down\"}[5m])) > 0.25",
        summary: "An operation of the store takes a quarter of a second on average. Look for load, locks and a full disk, before the deadline turns slowness into 503.",
    },
    Alert {
        name: "SessionPoolIsUsedUp",
        severity: "warning",
        after: "5m",
        expression: "max by (store) (session_store_pool_connections{state=\"in_use\"}) / max by (store) (session_store_pool_connections{state=\"most\"}) > 0.9",
        summary: "More than nine of ten connections of the store's pool are in use, and operations may wait for one. Raise the limit of the pool, or find what holds the connections.",
    },
    Alert {
        name: "SessionChangesAreLost",
        severity: "warning",
        after: "10m",
        expression: "sum by (type) (rate(session_commits_total{result=\"lost\"}[10m])) / sum by (type) (rate(session_commits_total[10m])) > 0.01",
        summary: "More than 1 % of the commits are dropped because their session was over. Look for requests that outlive a log-out, and for an `idle` time that is too short.",
    },
    Alert {
        name: "SessionCommitsConflict",
        severity: "warning",
        after: "10m",
        expression: "sum by (type) (rate(session_commits_total{result=\"conflict\"}[10m])) / sum by (type) (rate(session_commits_total[10m])) > 0.05",
        summary: "More than 5 % of the commits are answered 409. Change the field by `update` or in `transact`; the event `session.conflict` names it.",
    },
    Alert {
        name: "SessionTokensAreSuspect",
        severity: "warning",
        after: "0m",
        expression: "sum by (type, reason) (increase(session_requests_total{outcome=\"refused\",reason=~\"replaced|other_client\"}[10m])) > 10",
        summary: "Old tokens, or tokens of other clients, are presented again and again: somebody may have copies. The event `session.token_suspected` names the sessions.",
    },
    Alert {
        name: "SessionTokensAreForged",
        severity: "warning",
        after: "10m",
        expression: "sum by (type) (rate(session_requests_total{outcome=\"refused\",reason=~\"forged|malformed|duplicate\"}[5m])) > 10",
        summary: "More than ten tokens a second were not made here. They cost no store operation; limit the rate of the clients in front of the application.",
    },
    Alert {
        name: "SessionKeyIsUnknown",
        severity: "critical",
        after: "5m",
        expression: "sum by (type) (rate(session_requests_total{outcome=\"refused\",reason=\"unknown_key\"}[5m])) / sum by (type) (rate(session_requests_total[5m])) > 0.05",
        summary: "More than 5 % of the requests present a token under a key that this process does not have. Their clients keep the cookie, are nobody there, and get 503 when they write. Give all processes the same keys.",
    },
    Alert {
        name: "SessionFieldsDoNotDecode",
        severity: "warning",
        after: "0m",
        expression: "sum by (type, field) (increase(session_fields_undecodable_total[10m])) > 0",
        summary: "A stored field does not decode, and its sessions have the default instead. Deploy a version that reads what is stored.",
    },
    Alert {
        name: "SessionSweepsAreCutShort",
        severity: "warning",
        after: "3h",
        expression: "sum by (type, store) (increase(session_sweep_seconds_count{outcome=\"cut_short\"}[1h])) > 30",
        summary: "Expired sessions come faster than sweeps remove them, or the store refuses to. They stay in the store, and take room.",
    },
];

/// Returns the file of rules.
pub(super) fn file() -> String {
    let mut file = "\
# Alert rules for Prometheus. Written by `cargo xtask alerts --record`.
groups:
  - name: session-runtime
    rules:
"
    .to_owned();
    for Alert { name, severity, after, expression, summary } in ALERTS {
        // JSON's strings are YAML's, too.
        let text = |text: &str| serde_json::to_string(text).expect("a text");
        let (expression, summary) = (text(expression), text(summary));
        let _ = write!(
            file,
            "      - alert: {name}\n        expr: {expression}\n        for: {after}\n        \
             labels:\n          severity: {severity}\n        annotations:\n          summary: \
             {summary}\n",
        );
    }
    file
}

/// Returns the metrics of an expression, each with what stands in its braces.
fn used(expression: &str) -> Vec<(&str, &str)> {
    let mut used = Vec::new();
    for (start, _) in expression.match_indices("session_") {
        let rest = &expression[start..];
        let end = rest.find(|letter: char| !letter.is_ascii_lowercase() && letter != '_');
        let (name, rest) = rest.split_at(end.expect("an expression ends with a number"));
        let braces = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        used.push((name, braces.map_or("", |(inside, _)| inside)));
    }
    used
}

#[test]
fn every_rule_asks_for_metrics_and_labels_that_there_are() {
    for Alert { name, expression, severity, summary, .. } in ALERTS {
        assert!(["critical", "warning"].contains(severity) && summary.ends_with('.'), "{name}");
        let used = used(expression);
        assert!(!used.is_empty(), "{name}");
        let by = expression.split("by (").skip(1).filter_map(|rest| rest.split_once(')'));
        let by: Vec<&str> = by.flat_map(|(labels, _)| labels.split(", ")).collect();
        for (metric, matchers) in used {
            let bare = ["_count", "_sum"].iter().find_map(|ending| metric.strip_suffix(ending));
            let bare = bare.unwrap_or(metric);
            let entry = ALL.iter().find(|entry| entry.name == bare);
            let entry = entry.unwrap_or_else(|| panic!("{name}: there is no metric {bare}"));
            let matched = matchers.split(',').filter(|matcher| !matcher.is_empty());
            let matched = matched.map(|it| it.split(['=', '!']).next().unwrap_or_default());
            for label in matched.chain(by.iter().copied()) {
                assert!(entry.labels.contains(&label), "{name}: {bare} has no label {label}");
            }
        }
    }
}
