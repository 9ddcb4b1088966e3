//! The exact number of genotypes in a space.

use num_bigint::BigUint;

use crate::options::OptionSet;
use crate::space::{SearchSpace, Stage};

impl SearchSpace {
    /// The exact number of genotypes, counted over the stages: what reaches each choice of channels
    /// is what reached the choices before it, times the ways from there.
    pub fn size(&self) -> BigUint {
        let mut reaching = vec![BigUint::from(1_u8); self.stem.channels.len()];
        for stage in &self.stages {
            let mut next = vec![BigUint::ZERO; stage.channels.len()];
            for (input, count) in reaching.iter().enumerate() {
                for output in stage.links.outputs(input) {
                    next[output] += count * ways(stage, input, output);
                }
            }
            reaching = next;
        }
        let total: BigUint = reaching.into_iter().sum();
        total * self.resolutions.len() * self.head_choices()
    }
}

/// Ways to fill a stage between two choices of channels: over depths and classes, a first layer and
/// `depth - 1` later ones.
fn ways(stage: &Stage, input: usize, output: usize) -> BigUint {
    let Some(first) = stage.links.first(input, output) else {
        return BigUint::ZERO;
    };
    let later: &OptionSet = stage.links.later(output);
    let mut ways = BigUint::ZERO;
    for (first, later) in first.iter().zip(later) {
        for &depth in &stage.depths {
            ways += BigUint::from(later.len()).pow(depth as u32 - 1) * first.len();
        }
    }
    ways * stage.strides.len()
}
