//! Which fields of which sessions were reported already, so that a field that does not decode is reported
//! once a session, and not at every request that reads the field. Knows neither values nor events.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    sync::{LazyLock, Mutex, PoisonError},
};

use crate::store::Selector;

/// The most that is remembered: half a megabyte. What is forgotten is reported once more.
const MOST: usize = 16_384;

/// The hashes of what was reported, by this process.
static TOLD: LazyLock<(RandomState, Mutex<HashSet<u64>>)> = LazyLock::new(Default::default);

/// Returns true if this was not reported of the field in this session before, and notes that it is now.
pub(super) fn is_news(selector: Selector, field: &str, what: &str) -> bool {
    let (hasher, told) = &*TOLD;
    // No code under this lock can panic half-way.
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    if told.len() >= MOST {
        told.clear();
    }
    told.insert(hasher.hash_one((selector, field, what)))
}

#[cfg(test)]
mod tests {
    use super::{Selector, is_news};

    #[test]
    fn each_field_of_each_session_is_news_once() {
        let [one, other] = [0x71, 0x72].map(|byte| Selector::from_bytes([byte; 16]));
        let news = [(one, "a", "x"), (one, "b", "x"), (other, "a", "x"), (one, "a", "y")];
        assert!(news.iter().all(|(selector, field, what)| is_news(*selector, field, what)));
        assert!(!news.iter().any(|(selector, field, what)| is_news(*selector, field, what)));
    }
}
