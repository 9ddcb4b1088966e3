//! One independent random stream per individual.
//!
//! A stream depends on (seed, generation, index) and nothing else, so whichever thread makes an
//! individual, and whenever, the individual is the same. The words are mixed by the SplitMix64
//! finaliser (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators",
//! OOPSLA 2014; constants: D. Stafford's variant 13).

use rand::SeedableRng;

use crate::problem::SearchRng;

/// The golden ratio in 64 bits, SplitMix64's increment.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The stream of individual `index` of `generation` in the run with this `seed`.
///
/// Law: different triples start from different generator states.
///
/// ```
/// use rand::RngExt;
/// use roofnas_search::random_stream;
///
/// let draw = |seed, generation, index| random_stream(seed, generation, index).random::<u64>();
/// assert_eq!(draw(1, 2, 3), draw(1, 2, 3));
/// assert_ne!(draw(1, 2, 3), draw(1, 3, 2));
/// ```
pub fn random_stream(seed: u64, generation: u64, index: u64) -> SearchRng {
    // Every step can be undone, from the last to the first: no two triples share a state.
    let a = mix(seed.wrapping_add(GOLDEN));
    let b = mix(a ^ generation.wrapping_add(GOLDEN));
    let c = mix(b ^ index.wrapping_add(GOLDEN));
    let d = mix(c.wrapping_add(GOLDEN));
    let mut state = [0; 32];
    for (bytes, word) in state
        .chunks_exact_mut(8)
        .zip([mix(a ^ d), mix(b ^ d), c, d])
    {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    SearchRng::from_seed(state)
}

/// The SplitMix64 finaliser, a bijection.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::{Rng, RngExt};

    use super::*;

    #[test]
    fn mix_is_the_splitmix64_finaliser() {
        // First output of SplitMix64 from state 0, as the reference implementation prints it.
        assert_eq!(mix(GOLDEN), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn small_neighbouring_triples_never_share_a_first_draw() {
        let mut seen = BTreeSet::new();
        for seed in 0..20 {
            for generation in 0..20 {
                for index in 0..20 {
                    assert!(seen.insert(random_stream(seed, generation, index).next_u64()));
                }
            }
        }
    }

    #[test]
    fn first_draws_of_neighbouring_streams_are_uniform() {
        // Chi-squared over 16 equal cells; the 99.9 % point for 15 degrees of freedom is 37.7.
        let mut cells = [0_u32; 16];
        for index in 0..16_000 {
            cells[random_stream(7, index / 100, index % 100).random_range(0..16_usize)] += 1;
        }
        let chi2: f64 = cells
            .iter()
            .map(|&n| (f64::from(n) - 1000.0).powi(2) / 1000.0)
            .sum();
        assert!(chi2 < 37.7, "chi squared {chi2}");
    }
}
