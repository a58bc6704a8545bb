//! That what is written about events, metrics and alerts is what the code has: the tables of the guide's
//! page, the alert rules and the dashboard come from the catalogues. With `RECORD_ALERTS`, they are
//! written anew.

mod alerts;
mod dashboard;

use std::{fmt::Write as _, fs, path::PathBuf};

use super::{
    metrics::catalogue::{ALL, Kind},
    span::SPANS,
};
use crate::event::EVENTS;
use alerts::ALERTS;

/// Compares a file of `docs` with what it should be, or writes it anew.
fn compare(file: &str, written: &str) {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).join(file);
    if std::env::var_os("RECORD_ALERTS").is_some() {
        fs::write(path, written).expect("the file can be written");
        return;
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    let (mut new, mut old) = (written.lines(), found.lines());
    let first = loop {
        match (new.next(), old.next()) {
            (None, None) => break None,
            (new, old) if new != old => break Some((new, old)),
            _ => {}
        }
    };
    assert!(
        first.is_none(),
        "docs/{file} is not what the code says; `cargo xtask alerts --record` writes it anew. \
         The first line that differs, in the code and in the file: {first:#?}"
    );
}

/// Puts a table between the marks of its name.
fn between_marks(page: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), "<!-- end -->");
    let (before, rest) = page.split_once(&begin).expect("the page has the mark");
    let (_, after) = rest.split_once(end).expect("the page has the end of the table");
    format!("{before}{begin}\n{table}\n{end}{after}")
}

fn events() -> String {
    let mut table =
        "| event | level | fields | message | what to do |\n|---|---|---|---|---|\n".to_owned();
    for level in ["ERROR", "WARN", "INFO", "DEBUG"] {
        for event in EVENTS.iter().filter(|event| event.level == level) {
            let fields: Vec<String> =
                event.fields.iter().map(|field| format!("`{field}`")).collect();
            let (name, fields) = (event.name, fields.join(", "));
            let (message, what_to_do) = (event.message, event.what_to_do);
            let _ = writeln!(table, "| `{name}` | {level} | {fields} | {message} | {what_to_do} |");
        }
    }
    table
}

fn metrics() -> String {
    let mut table = "| metric | kind | labels | meaning |\n|---|---|---|---|\n".to_owned();
    for metric in ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, labels, meaning) = (metric.name, labels.join(", "), metric.meaning);
        let _ = writeln!(table, "| `{name}` | {kind} | {labels} | {meaning} |");
    }
    table
}

fn rules() -> String {
    let mut table =
        "| alert | severity | after | meaning and what to do |\n|---|---|---|---|\n".to_owned();
    for alert in ALERTS {
        let alerts::Alert { name, severity, after, summary, .. } = alert;
        let _ = writeln!(table, "| `{name}` | {severity} | {after} | {summary} |");
    }
    table
}

#[test]
fn the_page_has_every_event_metric_and_alert() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/alerts.md");
    let mut page = fs::read_to_string(path).expect("the page is there");
    for (name, table) in [("events", events()), ("metrics", metrics()), ("alerts", rules())] {
        page = between_marks(&page, name, &table);
    }
    compare("alerts.md", &page);
    for span in SPANS {
        assert!(page.contains(&format!("`{span}`")), "docs/alerts.md does not name {span}");
    }
}

#[test]
fn the_rules_are_those_of_the_catalogue() {
    compare("alerts.yml", &alerts::file());
}

#[test]
fn the_dashboard_shows_every_metric() {
    compare("grafana.json", &dashboard::file());
}

#[test]
fn names_and_labels_are_as_prometheus_wants_them() {
    for metric in ALL {
        let plain = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        assert!(metric.name.starts_with("session_") && metric.name.chars().all(plain));
        let ending = match metric.kind {
            Kind::Counter => "_total",
            Kind::Gauge if metric.name.ends_with("_up") => "_up",
            Kind::Gauge => "_connections",
            Kind::Histogram => "_seconds",
        };
        assert!(metric.name.ends_with(ending), "{metric:?}");
        assert!(metric.labels.contains(&"type") && metric.meaning.ends_with('.'), "{metric:?}");
        let bounded = ["id", "user", "principal", "token", "key", "value"];
        assert!(metric.labels.iter().all(|label| !bounded.contains(label)), "{metric:?}");
    }
}
