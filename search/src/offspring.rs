//! A batch of new genotypes: one stream for each place, no genotype twice.

use crate::novelty::Known;
use crate::problem::{Problem, SearchRng};
use crate::random_stream::random_stream;

/// How often a place in the batch is bred anew when the child is known already.
const BREEDINGS: usize = 8;
/// How often it is then sampled anew, before the place is left empty.
const SAMPLINGS: usize = 8;

/// Where the streams of a batch come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generation {
    pub(crate) seed: u64,
    pub(crate) number: u64,
}

/// Makes `batch` at most `places` genotypes equal neither to a `known` one nor to each other.
///
/// Every place tries a few children (if there is anybody to breed, that is: with `breed`, which
/// overwrites what it is given with a child), then a few samples, and is then left empty.
#[inline]
pub(crate) fn offspring<P: Problem>(
    problem: &P,
    generation: Generation,
    places: usize,
    known: &mut Known,
    mut breed: Option<impl FnMut(&mut P::Genotype, &mut SearchRng)>,
    batch: &mut Vec<P::Genotype>,
) {
    let breedings = if breed.is_some() { BREEDINGS } else { 0 };
    let mut filled = 0;
    for index in 0..places {
        let mut rng = random_stream(generation.seed, generation.number, index as u64);
        if filled == batch.len() {
            // Whatever it is, it is overwritten; its own stream, so that no other is touched.
            batch.push(problem.sample(&mut rng.clone()));
        }
        let child = &mut batch[filled];
        let is_new = (0..breedings + SAMPLINGS).any(|attempt| {
            match &mut breed {
                Some(breed) if attempt < BREEDINGS => breed(child, &mut rng),
                _ => *child = problem.sample(&mut rng),
            }
            known.insert(child)
        });
        filled += usize::from(is_new);
    }
    batch.truncate(filled);
}
