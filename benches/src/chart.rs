//! The chart: instructions over the bare application, by scenario, as SVG that is readable on light
//! and dark. Writes text; knows the results, not how they came about.

use std::fmt::Write as _;

use crate::{
    contest::{Contest, Played, USUAL},
    report::number,
};

const WIDTH: usize = 860;
/// Where bars begin; scenarios are named left of it.
const LEFT: usize = 250;
/// Room for the figure behind the longest bar.
const RIGHT: usize = 70;
const BAR: usize = 13;
const GAP: usize = 12;
const TOP: usize = 74;

/// Without a background, so that the page's shows; the texts follow it.
pub(crate) const STYLE: &str = "<style>
text { font: 11px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.small { font-size: 9.5px; fill: #6a737d }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .small { fill: #9aa4af } }
</style>";

/// Whose bar is drawn, in this order.
struct Series {
    label: &'static str,
    color: &'static str,
    of: fn(&Played) -> Option<f64>,
}

const SERIES: [Series; 5] = [
    Series { label: "ours", color: "#2f7ed8", of: |it| instructions(it, "ours") },
    Series {
        label: "written by hand",
        color: "#8a8f98",
        of: |it| instructions(it, "floor-map").or_else(|| instructions(it, "floor-sealed")),
    },
    Series { label: "tower-sessions, its best", color: "#e0a030", of: best },
    Series { label: "tower-sessions, usual", color: "#c8553d", of: |it| instructions(it, USUAL) },
    // Where there is no payload for tower-sessions to seal.
    Series {
        label: "axum-extra, private jar",
        color: "#8e5ea2",
        of: |it| {
            let is_sealed = it.row(USUAL).is_none();
            is_sealed.then(|| instructions(it, "jar-private")).flatten()
        },
    },
];

fn instructions(scenario: &Played, contestant: &str) -> Option<f64> {
    scenario.row(contestant)?.over_bare.instructions
}

fn best(scenario: &Played) -> Option<f64> {
    let theirs = scenario.rows.iter().filter(|row| row.contestant.starts_with("ts-"));
    theirs.filter_map(|row| row.over_bare.instructions).min_by(f64::total_cmp)
}

/// Draws it; `None` if instructions were not counted.
pub fn svg(contest: &Contest) -> Option<String> {
    let bars = |it: &Played| SERIES.iter().filter_map(|series| (series.of)(it)).collect::<Vec<_>>();
    let longest = contest.scenarios.iter().flat_map(bars).max_by(f64::total_cmp)?;
    let mut body = legend();
    let mut y = TOP;
    for scenario in &contest.scenarios {
        let begun = y;
        for series in &SERIES {
            let Some(value) = (series.of)(scenario) else { continue };
            bar(&mut body, y, value, length(value, longest), series);
            y += BAR + 1;
        }
        let middle = usize::midpoint(begun, y) + 4;
        let (title, what) = (scenario.title, scenario.what);
        let _ = writeln!(
            body,
            "<text x='{}' y='{middle}' text-anchor='end'>{title}: {what}</text>",
            LEFT - 8
        );
        y += GAP;
    }
    let caption = escaped(&contest.machine.caption().replace('\n', " "));
    let (title, height) = ("Instructions of a request over the bare application", y + 20);
    let head = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' role='img' \
         aria-label='{title}'>"
    );
    let below = y + 8;
    Some(format!(
        "{head}
{STYLE}
<text class='title' x='12' y='24'>{title}</text>
{body}<text class='small' x='12' y='{below}'>{caption}</text>
</svg>
"
    ))
}

fn legend() -> String {
    let mut text = String::new();
    for (position, series) in SERIES.iter().enumerate() {
        let x = 12 + position * 168;
        let (color, label, behind) = (series.color, series.label, x + 16);
        let _ = writeln!(
            text,
            "<rect x='{x}' y='40' width='11' height='11' fill='{color}'/>\
             <text x='{behind}' y='50'>{label}</text>"
        );
    }
    text
}

fn bar(body: &mut String, y: usize, value: f64, length: f64, series: &Series) {
    let Series { color, label, .. } = series;
    // The figure stands behind the bar, on its base line.
    let (behind, base, figure) = (length + LEFT as f64 + 4.0, y + BAR - 3, number(value));
    let _ = writeln!(
        body,
        "<rect x='{LEFT}' y='{y}' width='{length:.1}' height='{BAR}' fill='{color}'>\
         <title>{label}</title></rect>\
         <text class='small' x='{behind:.1}' y='{base}'>{figure}</text>"
    );
}

fn length(value: f64, longest: f64) -> f64 {
    const SPACE: f64 = (WIDTH - LEFT - RIGHT) as f64;
    (value.max(0.0) / longest * SPACE).max(1.0)
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
