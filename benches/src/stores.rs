//! What each scenario asks of each store, and what it sends over the wire: a scenario's calls, and
//! what a call takes in a store. The latter are no measurements: each store's documentation says
//! them, and for those on servers the tests count them on the wire (`trips.rs` of each).

use crate::{
    contest::{Contest, Row},
    report::Table,
};

/// A store, and what its calls take where nobody else is in the way.
struct Costs {
    store: &'static str,
    load: u32,
    commit: u32,
    /// Of a session that somebody logs in to.
    insert: u32,
}

const fn costs(store: &'static str, load: u32, commit: u32, insert: u32) -> Costs {
    Costs { store, load, commit, insert }
}

const STORES: [Costs; 7] = [
    costs("Memory", 0, 0, 0),
    // Syncs: a read waits for none, and those who write together share one.
    costs("Embedded: syncs", 0, 1, 1),
    // A file and its directory; at a log-in those of the index, too.
    costs("File: syncs", 0, 2, 4),
    // At a log-in one more: the count of the principal's sessions.
    costs("SQLite: statements", 1, 1, 2),
    costs("PostgreSQL, MariaDB: trips", 1, 1, 2),
    // In a Cluster one more at a log-in: the index first.
    costs("Redis: trips", 1, 1, 1),
    // The second of an insert counts the sessions of the principal.
    costs("MongoDB: trips", 1, 1, 2),
];

impl Costs {
    /// Of calls as a scenario lists them.
    fn of(&self, calls: &str) -> u32 {
        let call = |call: &str| match call.trim() {
            "load" => self.load,
            "commit" => self.commit,
            "insert" => self.insert,
            "–" => 0,
            call => unreachable!("no scenario calls `{call}`"),
        };
        calls.split(',').map(call).sum()
    }
}

impl Contest {
    /// A request of ours on every store.
    pub fn by_store(&self) -> Table {
        let wire = ["request", "from the browser", "to the browser"];
        let header: Vec<&str> =
            wire.into_iter().chain(STORES.iter().map(|costs| costs.store)).collect();
        let mut table = Table::new(&header);
        for scenario in &self.scenarios {
            let Some(Row { cookie_bytes, answer_bytes, .. }) = scenario.row("ours") else {
                continue;
            };
            let taken = STORES.iter().map(|costs| match costs.of(scenario.store) {
                0 => "–".to_owned(),
                taken => taken.to_string(),
            });
            let begin = [
                format!("{}: {}", scenario.title, scenario.what),
                format!("{cookie_bytes} B"),
                format!("{answer_bytes} B"),
            ];
            table.row(begin.into_iter().chain(taken));
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::SCENARIOS;

    #[test]
    fn every_scenario_calls_what_stores_have() {
        let redis = STORES.iter().find(|costs| costs.store.starts_with("Redis"));
        let redis = redis.expect("it is in the table");
        let taken = SCENARIOS.map(|scenario| (scenario.letter, redis.of(scenario.store)));
        let expected = "a0 b0 c1 d2 e1 f2 g2 h1 i0 w0 j1";
        let text: Vec<String> =
            taken.iter().map(|(letter, trips)| format!("{letter}{trips}")).collect();
        assert_eq!(text.join(" "), expected);
    }
}
