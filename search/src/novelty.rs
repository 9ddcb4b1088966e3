use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

use foldhash::quality::FixedState;

/// The genotypes that are not to be proposed again, kept as 64-bit fingerprints.
///
/// Equal genotypes always have equal fingerprints, so no duplicate passes. Two different ones may
/// share a fingerprint by chance, for random fingerprints with probability 2^-64; the later then
/// counts as known and is not proposed, which costs a retry and harms nothing. The hash is made
/// for speed and even spread and not against an adversary: a space could be built in which it
/// collides more often. Only membership is ever asked, so neither the order of the set nor, but
/// for a collision, the hash itself reaches a result.
#[derive(Debug, Default)]
pub(crate) struct Known {
    fingerprints: HashSet<u64, BuildHasherDefault<Identity>>,
}

impl Known {
    /// Forgets all, and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.fingerprints.clear();
    }

    /// Says whether it was new.
    #[inline]
    pub(crate) fn insert<G: Hash>(&mut self, genotype: &G) -> bool {
        self.fingerprints.insert(fingerprint(genotype))
    }
}

/// Where the fingerprints of this crate start from: any number does, as long as it stays.
const START: u64 = 0x9e37_79b9_7f4a_7c15;

/// The fingerprint of a genotype, the same in every process.
#[inline]
pub(crate) fn fingerprint<G: Hash>(genotype: &G) -> u64 {
    FixedState::with_seed(START).hash_one(genotype)
}

/// Takes a fingerprint for its own hash: it is one already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_inserted_is_known() {
        let mut known = Known::default();
        assert!(known.insert(&"a"));
        assert!(known.insert(&"b"));
        assert!(!known.insert(&"a"));
        known.clear();
        assert!(known.insert(&"a"));
    }

    #[test]
    fn a_million_neighbours_have_fingerprints_of_their_own() {
        let mut known = Known::default();
        for i in 0..1_000_000_u32 {
            let genes: Box<[u16]> = (0..5)
                .map(|place| (i / 16_u32.pow(place) % 16) as u16)
                .collect();
            assert!(known.insert(&genes), "{genes:?}");
        }
    }
}
