//! The values of a cell that somebody has a reference to, in safe Rust: a list that only grows, whose
//! values neither move nor change before the list is dropped. Finding the newest takes the same time
//! however many there are. Knows nothing of changes.

use std::sync::OnceLock;

use once_cell::race::OnceBox;

/// The values. Most cells show one at most, which takes no allocation of its own.
pub(super) struct Shown<T> {
    first: OnceLock<T>,
    later: OnceBox<Later<T>>,
}

/// The values after the first, in slices of which each is twice as long as the one before.
struct Later<T>([OnceLock<Box<[OnceLock<T>]>>; SLICES]);

/// More values than fit into memory.
const SLICES: usize = 32;
/// The length of the first slice.
const SHORTEST: usize = 4;

impl<T> Shown<T> {
    pub(super) const fn new() -> Self {
        Self { first: OnceLock::new(), later: OnceBox::new() }
    }

    /// Returns the newest of `length` values.
    pub(super) fn newest(&self, length: usize) -> Option<&T> {
        match length {
            0 => None,
            1 => self.first.get(),
            length => {
                let (slice, at) = place(length - 2);
                self.later.get()?.0.get(slice)?.get()?.get(at)?.get()
            }
        }
    }

    /// Adds a value behind `length` others. The caller adds one value at a time.
    pub(super) fn push(&self, length: usize, value: T) {
        if length == 0 {
            // The place is empty: nobody has added a value yet.
            let _ = self.first.set(value);
            return;
        }
        let later = self.later.get_or_init(|| Box::new(Later([const { OnceLock::new() }; SLICES])));
        let (slice, at) = place(length - 1);
        let slice = later.0[slice].get_or_init(|| {
            std::iter::repeat_with(OnceLock::new).take(SHORTEST << slice).collect()
        });
        let _ = slice[at].set(value);
    }
}

/// Returns the slice that a value is in, and its place there.
const fn place(index: usize) -> (usize, usize) {
    let slice = (index / SHORTEST + 1).ilog2();
    (slice as usize, index - SHORTEST * ((1 << slice) - 1))
}

#[cfg(test)]
mod tests {
    use super::{SHORTEST, Shown, place};

    #[test]
    fn each_value_has_a_place_of_its_own() {
        let mut next = (0, 0);
        for index in 0..10_000 {
            assert_eq!(place(index), next);
            next.1 += 1;
            if next.1 == SHORTEST << next.0 {
                next = (next.0 + 1, 0);
            }
        }
    }

    #[test]
    fn a_reference_stays_valid_and_unchanged_after_later_values() {
        let shown = Shown::new();
        assert_eq!(shown.newest(0), None);
        let mut all = Vec::new();
        for n in 0..1000 {
            shown.push(n, n.to_string());
            all.push(shown.newest(n + 1).expect("it was added"));
        }
        assert!(all.iter().enumerate().all(|(n, text)| **text == n.to_string()));
    }
}
