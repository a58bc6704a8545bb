//! The search through all states: breadth first, so that what breaks a rule is shown by as few moves as
//! possible. Equal states are looked at once. It knows nothing of what a state is.
//!
//! The search is ours, since the crates that search through the states of a model bring a server of
//! their own that cannot be left out.

use std::collections::{HashSet, VecDeque};

use super::{
    fingerprint::fingerprint,
    state::{Move, Scope, State},
};

/// The size of a model of which no state breaks a rule.
#[derive(Debug)]
pub(super) struct Searched {
    pub(super) states: usize,
    /// The number of states in which all has been answered.
    pub(super) ends: usize,
}

/// Looks at every state that can be reached. Returns the rule that the first of them breaks, with the
/// moves that lead there.
pub(super) fn search(scope: &Scope) -> Result<Searched, String> {
    let first = State::first(scope);
    // Each move, with the one before it.
    let mut moves: Vec<(usize, Option<Move>)> = vec![(0, None)];
    let mut seen = HashSet::from([fingerprint(&first)]);
    let mut waiting = VecDeque::from([(0, first)]);
    let mut ends = 0;
    while let Some((at, state)) = waiting.pop_front() {
        let next = state
            .next(scope)
            .map_err(|(last, rule)| format!("{rule}: {:?}", path(&moves, at, last)))?;
        if state.is_over(scope) {
            ends += 1;
        } else if next.is_empty() && !state.is_quiet() {
            return Err(format!("requests wait for each other: {:?}", path(&moves, at, None)));
        }
        for (step, state) in next {
            if seen.insert(fingerprint(&state)) {
                moves.push((at, Some(step)));
                waiting.push_back((moves.len() - 1, state));
            }
        }
    }
    Ok(Searched { states: seen.len(), ends })
}

/// Returns the moves that lead to a state, and the last one.
fn path(moves: &[(usize, Option<Move>)], at: usize, last: impl Into<Option<Move>>) -> Vec<Move> {
    let mut path: Vec<_> = last.into().into_iter().collect();
    let mut at = at;
    while let (before, Some(step)) = moves[at] {
        path.push(step);
        at = before;
    }
    path.reverse();
    path
}
