//! Hashes selectors, of which the runtime draws nearly all at random: one multiplication of the two
//! halves, instead of the dozens of steps that hashing any text takes.
//!
//! Seeded, although random bytes need no hash: a deployment may have ids of its own made
//! (`session_ids`), and whoever calls a store directly may choose its keys, so which selectors
//! meet in a map must not be known in advance.

use std::hash::{BuildHasher, Hasher, RandomState};

/// The random start of the hashes of one map.
#[derive(Clone, Copy)]
pub(super) struct Seeds([u64; 2]);

impl Default for Seeds {
    fn default() -> Self {
        let random = RandomState::new();
        Self([random.hash_one(0), random.hash_one(1)])
    }
}

impl BuildHasher for Seeds {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded(self.0)
    }
}

pub(super) struct Folded([u64; 2]);

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        for block in bytes.chunks(16) {
            let mut padded = [0; 16];
            padded[..block.len()].copy_from_slice(block);
            let ([seed, other_seed], [low, high]) = (self.0, halves(u128::from_ne_bytes(padded)));
            let product = u128::from(seed ^ low) * u128::from(other_seed ^ high);
            let [low, high] = halves(product);
            self.0[0] = low ^ high;
        }
    }

    fn finish(&self) -> u64 {
        self.0[0]
    }
}

// To cut it in two is what it is for.
#[allow(clippy::cast_possible_truncation)]
const fn halves(number: u128) -> [u64; 2] {
    [number as u64, (number >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        hash::{BuildHasher, Hasher},
    };

    use super::Seeds;

    #[test]
    fn selectors_that_differ_in_little_are_spread_over_all_of_a_map() {
        let seeds = Seeds::default();
        let hashes: Vec<u64> = (0..4096_u128)
            .map(|number| {
                let mut hasher = seeds.build_hasher();
                hasher.write(&(number << 60).to_ne_bytes());
                hasher.finish()
            })
            .collect();
        let distinct =
            |bits: fn(&u64) -> u64| hashes.iter().map(bits).collect::<HashSet<_>>().len();
        // A map takes the place from the low bits, and compares the highest seven.
        assert!(distinct(|hash| hash % 4096) > 2000);
        assert_eq!(distinct(|hash| hash >> 57), 128);
    }
}
