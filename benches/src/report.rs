//! Tables in Markdown: how results are shown to people. Knows what a contest consists of, not how
//! it was held.

use std::fmt::{self, Write as _};

use crate::contest::{Contest, Cost, Played, Row, USUAL};

/// A table whose columns are as wide as what is in them: it is read in terminals, too.
pub struct Table(Vec<Vec<String>>);

impl Table {
    pub fn new(header: &[&str]) -> Self {
        Self(vec![header.iter().map(|&name| name.to_owned()).collect()])
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            self.0.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
        };
        for (position, row) in self.0.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                let width = width(column);
                if column == 0 {
                    write!(f, "| {cell:<width$} ")?;
                } else {
                    write!(f, "| {cell:>width$} ")?;
                }
            }
            writeln!(f, "|")?;
            if position == 0 {
                write!(f, "|---|")?;
                writeln!(f, "{}", "---:|".repeat(row.len() - 1))?;
            }
        }
        Ok(())
    }
}

/// Without digits that mean nothing, with a comma at the thousands.
pub fn number(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if value <= -0.5 { format!("-{out}") } else { out }
}

/// As `number`, or that there is none.
pub fn number_if(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), number)
}

/// Whom a document shows beside each other.
const SHOWN: [(&str, &[&str]); 6] = [
    ("ours", &["ours"]),
    ("by hand", &["floor-map", "floor-sealed"]),
    ("tower-sessions, best", &["ts-struct", "ts-keys", "ts-signed", "ts-private"]),
    ("usual", &[USUAL]),
    ("axum_session, best", &["as-struct", "as-keys"]),
    ("private jar", &["jar-private"]),
];

impl Contest {
    /// All of it.
    pub fn markdown(&self) -> String {
        let mut text = self.summary();
        for scenario in &self.scenarios {
            let Played { title, what, .. } = scenario;
            let _ = write!(text, "\n### {title}: {what}\n\n{}", rows(scenario));
        }
        format!("{text}\n{}", self.caption())
    }

    /// As much as a document needs.
    pub fn document(&self) -> String {
        let instructions = self.beside("instructions", |cost| cost.instructions);
        let times = self.beside("ns", |cost| Some(cost.nanoseconds));
        let allocations = self.beside("allocations", |cost| Some(cost.allocations));
        let caption = self.caption();
        format!("{}\n{instructions}\n{times}\n{allocations}\n{caption}", self.summary())
    }

    fn caption(&self) -> String {
        let Self { rounds, requests, .. } = self;
        format!(
            "Each figure is the difference to the same request in the application without sessions.\n\
             Times: medians of {rounds} rounds of {requests} requests, in turn.\n{}.\n",
            self.machine.caption()
        )
    }

    /// What a request of ours costs.
    fn summary(&self) -> String {
        let header =
            ["request", "store", "instructions", "allocations", "ns", "`Cookie`", "`Set-Cookie`"];
        let mut table = Table::new(&header);
        for scenario in &self.scenarios {
            let Some(row) = scenario.row("ours") else { continue };
            table.row([
                format!("{}: {}", scenario.title, scenario.what),
                scenario.store.to_owned(),
                number_if(row.over_bare.instructions),
                format!("{:.0}", row.over_bare.allocations),
                number(row.over_bare.nanoseconds),
                format!("{} B", row.cookie_bytes),
                format!("{} B", row.set_cookie_bytes),
            ]);
        }
        table.to_string()
    }

    /// One figure of everybody; of several variants, the lowest.
    fn beside(&self, unit: &str, figure: impl Fn(&Cost) -> Option<f64>) -> Table {
        let header: Vec<&str> =
            std::iter::once(unit).chain(SHOWN.iter().map(|(name, _)| *name)).collect();
        let mut table = Table::new(&header);
        for scenario in &self.scenarios {
            let lowest = |variants: &[&str]| {
                let rows = variants.iter().filter_map(|name| scenario.row(name));
                rows.filter_map(|row| figure(&row.over_bare)).min_by(f64::total_cmp)
            };
            let figures = SHOWN.iter().map(|(_, variants)| number_if(lowest(variants)));
            let name = format!("{}: {}", scenario.title, scenario.what);
            table.row(std::iter::once(name).chain(figures));
        }
        table
    }
}

fn rows(scenario: &Played) -> String {
    let usual = scenario.row(USUAL).map(|row| row.over_bare);
    let header = [
        "contestant",
        "+ns",
        "of ts-struct",
        "+allocations",
        "+instructions",
        "of ts-struct",
        "`Cookie`",
        "`Set-Cookie`",
    ];
    let mut table = Table::new(&header);
    let ratio =
        |part: Option<f64>| part.map_or_else(|| "–".to_owned(), |part| format!("{part:.2}"));
    for row in &scenario.rows {
        let Row { over_bare, .. } = row;
        let instructions = over_bare.instructions.zip(usual.and_then(|usual| usual.instructions));
        table.row([
            row.contestant.to_owned(),
            number(over_bare.nanoseconds),
            ratio(row.time_to_usual),
            format!("{:.1}", over_bare.allocations),
            number_if(over_bare.instructions),
            ratio(instructions.map(|(one, usual)| one / usual)),
            row.cookie_bytes.to_string(),
            row.set_cookie_bytes.to_string(),
        ]);
    }
    table.to_string()
}
