//! The dashboard for Grafana: a panel for each counter and gauge, and two for each histogram.

use serde_json::{Value, json};

use crate::observe::metrics::catalogue::{ALL, Entry, Kind};

/// The width and the height of a panel; a row has 24.
const SIZE: (usize, usize) = (12, 8);

/// Returns the file of the dashboard.
pub(super) fn file() -> String {
    let source = json!({"type": "prometheus", "uid": "${source}"});
    let mut panels = Vec::new();
    for metric in ALL {
        let Entry { name, kind, labels, meaning } = metric;
        let of_type = "{type=~\"$type\"}";
        let labels: Vec<&str> = labels.iter().copied().filter(|label| *label != "type").collect();
        let by = |what: &str| {
            format!("sum by ({}) (rate({what}{of_type}[$__rate_interval]))", labels.join(", "))
        };
        let legend: Vec<String> = labels.iter().map(|label| format!("{{{{{label}}}}}")).collect();
        let mut panel = |title: String, unit: &str, expression: String| {
            let at = panels.len();
            panels.push(json!({
                "id": at + 1,
                "type": "timeseries",
                "title": title,
                "description": meaning,
                "datasource": source,
                "gridPos": {
                    "x": at % 2 * SIZE.0, "y": at / 2 * SIZE.1, "w": SIZE.0, "h": SIZE.1
                },
                "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
                "targets": [{
                    "refId": "A",
                    "expr": expression,
                    "legendFormat": legend.join(" "),
                    "datasource": source,
                }],
            }));
        };
        match kind {
            Kind::Counter => panel(format!("{name}, a second"), "ops", by(name)),
            Kind::Gauge => {
                let expression = format!("max by ({}) ({name}{of_type})", labels.join(", "));
                panel((*name).to_owned(), "short", expression);
            }
            Kind::Histogram => {
                let (count, sum) = (by(&format!("{name}_count")), by(&format!("{name}_sum")));
                panel(format!("{name}, the mean"), "s", format!("{sum} / {count}"));
                panel(format!("{name}, how many a second"), "ops", count);
            }
        }
    }
    let dashboard = json!({
        "uid": "session-runtime",
        "title": "Sessions",
        "schemaVersion": 39,
        "version": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": variables(&source)},
        "panels": panels,
    });
    let mut file = serde_json::to_string_pretty(&dashboard).expect("plain JSON");
    file.push('\n');
    file
}

/// Returns the choices above the panels: the source of the figures, and the session types.
fn variables(source: &Value) -> Value {
    json!([
        {"name": "source", "type": "datasource", "query": "prometheus"},
        {
            "name": "type",
            "type": "query",
            "datasource": source,
            "query": "label_values(session_requests_total, type)",
            "includeAll": true,
            "multi": true,
            "current": {"text": "All", "value": "$__all"},
        },
    ])
}
