//! What several rounds of a measurement come to. Knows nothing of what was measured.

/// The middle one of the rounds.
///
/// # Panics
///
/// If there is none.
pub fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

/// The same, but for the first, which warms up.
pub fn median_when_warm(mut rounds: Vec<f64>) -> f64 {
    rounds.remove(0);
    median(rounds)
}
