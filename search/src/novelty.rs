use std::collections::HashSet;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

/// The genotypes that are not to be proposed again, kept as 64-bit fingerprints.
///
/// Equal genotypes always have equal fingerprints, so no duplicate passes. Two different ones
/// share a fingerprint with probability 2^-64; the later then counts as known and is not
/// proposed, which costs a retry and harms nothing. Only membership is ever asked, so the order
/// of the set reaches no result.
pub(crate) struct Known {
    fingerprints: HashSet<u64, BuildHasherDefault<Identity>>,
}

impl Known {
    /// These, with room for some more.
    pub(crate) fn new(fingerprints: impl ExactSizeIterator<Item = u64>, room: usize) -> Self {
        let capacity = fingerprints.len() + room;
        let mut known = HashSet::with_capacity_and_hasher(capacity, BuildHasherDefault::new());
        known.extend(fingerprints);
        Self {
            fingerprints: known,
        }
    }

    pub(crate) fn contains(&self, fingerprint: u64) -> bool {
        self.fingerprints.contains(&fingerprint)
    }

    pub(crate) fn insert(&mut self, fingerprint: u64) {
        self.fingerprints.insert(fingerprint);
    }
}

/// The fingerprint of a genotype, the same in every process.
pub(crate) fn fingerprint<G: Hash>(genotype: &G) -> u64 {
    let mut hasher = DefaultHasher::new();
    genotype.hash(&mut hasher);
    hasher.finish()
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
        let mut known = Known::new(["a", "b"].iter().map(fingerprint), 1);
        assert!(known.contains(fingerprint(&"a")));
        assert!(!known.contains(fingerprint(&"c")));
        known.insert(fingerprint(&"c"));
        assert!(known.contains(fingerprint(&"c")));
    }
}
