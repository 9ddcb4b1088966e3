//! The checked search space.

use std::fmt;

use thiserror::Error;

use crate::activation::Activation;
use crate::definition::{SeStyle, SpaceDefinition, StemPool};
use crate::fixed_head::Attached;
use crate::lookup::Lookup;
use crate::moves::Moves;
use crate::options::{Links, Options};
use crate::shape::Resolution;

/// A search space that has been checked: everything it offers can be built.
///
/// Made from a [`SpaceDefinition`] by [`SearchSpace::new`]. Laws, tested as properties: every genotype
/// that [`sample`](Self::sample), [`mutate`](Self::mutate) or [`crossover`](Self::crossover) returns
/// is [contained](Self::contains) in the space; [`decode`](Self::decode) is total on contained genotypes;
/// channels are multiples of 8 and divisible by their groups.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchSpace {
    pub(crate) definition: SpaceDefinition,
    pub(crate) resolutions: Vec<Resolution>,
    pub(crate) stem: Stem,
    pub(crate) stages: Vec<Stage>,
    pub(crate) head: Option<Head>,
    pub(crate) layout: Layout,
    /// What is looked up about each stage.
    pub(crate) lookups: Vec<Lookup>,
    pub(crate) moves: Moves,
    pub(crate) fixed_head: Option<Attached>,
}

/// The checked stem.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stem {
    pub(crate) channels: Vec<usize>,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) activation: Activation,
    pub(crate) pool: Option<StemPool>,
}

/// A checked stage.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stage {
    pub(crate) channels: Vec<usize>,
    pub(crate) depths: Vec<usize>,
    pub(crate) strides: Vec<usize>,
    pub(crate) options: Options,
    pub(crate) links: Links,
}

impl Stage {
    pub(crate) fn deepest(&self) -> usize {
        self.depths.last().copied().unwrap_or(0)
    }
}

/// The checked head.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Head {
    /// Choices for the 1x1 convolution; empty for none.
    pub(crate) channels: Vec<usize>,
    pub(crate) hidden: Option<usize>,
    pub(crate) activation: Activation,
    pub(crate) classes: usize,
}

impl Head {
    /// Number of choices of the head gene: 1 where there is nothing to choose.
    pub(crate) fn choices(&self) -> usize {
        self.channels.len().max(1)
    }
}

/// Where each gene stands in a genotype.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// First gene of each stage.
    pub(crate) stages: Vec<usize>,
    pub(crate) genes: usize,
}

impl Layout {
    pub(crate) const RESOLUTION: usize = 0;
    pub(crate) const STEM: usize = 1;
    pub(crate) const HEAD: usize = 2;
    pub(crate) const FIRST_STAGE: usize = 3;
    /// Genes of a stage before its layers: channels, depth, stride.
    pub(crate) const CHANNELS: usize = 0;
    pub(crate) const DEPTH: usize = 1;
    pub(crate) const STRIDE: usize = 2;
    pub(crate) const LAYERS: usize = 3;

    pub(crate) fn new(stages: &[Stage]) -> Self {
        let mut genes = Self::FIRST_STAGE;
        let starts = stages.iter().map(|stage| {
            let start = genes;
            genes += Self::LAYERS + stage.deepest();
            start
        });
        Self {
            stages: starts.collect(),
            genes,
        }
    }
}

/// A value in a space's definition that can't be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct SpaceError {
    /// The key, such as `stage 2: channels` (stages count from 1).
    pub key: String,
    /// The value found there.
    pub value: String,
    /// What would be accepted.
    pub rule: String,
}

impl fmt::Display for SpaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}: {}", self.key, self.value, self.rule)
    }
}

impl SearchSpace {
    /// The definition it was made from, with the head that was meant where none was given.
    pub fn definition(&self) -> &SpaceDefinition {
        &self.definition
    }

    /// Input resolutions offered.
    pub fn resolutions(&self) -> &[Resolution] {
        &self.resolutions
    }

    /// Number of stages.
    pub fn stages(&self) -> usize {
        self.stages.len()
    }

    /// Most blocks that a stage can have; stages count from 0.
    pub fn deepest(&self, stage: usize) -> usize {
        self.stages[stage].deepest()
    }

    /// Classes of the classifier, if the space has one.
    pub fn classes(&self) -> Option<usize> {
        self.head.as_ref().map(|head| head.classes)
    }

    pub(crate) fn se_style(&self) -> &SeStyle {
        &self.definition.se_style
    }
}
