//! From a genotype to a network.

use crate::assembly::{Assembler, NAMES_HEAD, NAMES_STEM};
use crate::definition::StemPool;
use crate::genotype::Genotype;
use crate::network::{Network, NetworkBuilder, Part, Role, Tensor};
use crate::op::{Conv, Op, Pool, PoolKind};
use crate::space::SearchSpace;

impl SearchSpace {
    /// The network a genotype stands for, under the genotype's text as its name.
    ///
    /// # Panics
    /// Only on a genotype of another space: every [contained](Self::contains) genotype can be built.
    pub fn decode(&self, genotype: &Genotype) -> Network {
        let input = self
            .resolution(genotype)
            .with_channels(self.definition.input_channels);
        let mut network = NetworkBuilder::new(self.format(genotype), input);
        let mut features = Features::new(&self.definition.features);
        let mut stride = self.stem.stride;
        let mut x = self.stem(&mut network, self.stem_channels(genotype));
        if self.stem.pool.is_some() {
            stride *= 2;
        }
        features.passing(stride, x);
        for placed in self.blocks(genotype) {
            let part = Part::Block {
                stage: placed.stage,
                index: placed.index,
            };
            network.section(part, placed.block.to_string());
            stride *= placed.stride;
            x = self.assembler(&mut network).block(
                &placed.block,
                x,
                placed.channels,
                placed.stride,
            );
            features.passing(stride, x);
        }
        for (stride, tensor) in features.reached {
            network.output(format!("stride{stride}"), tensor);
        }
        if let Some(logits) = self.head(&mut network, x, self.head_channels(genotype)) {
            network.output("logits", logits);
        }
        network
            .finish()
            .expect("every genotype of a checked space can be built")
    }

    pub(crate) fn assembler<'a>(&'a self, network: &'a mut NetworkBuilder) -> Assembler<'a> {
        Assembler {
            network,
            se_style: self.se_style(),
        }
    }

    pub(crate) fn stem(&self, network: &mut NetworkBuilder, channels: usize) -> Tensor {
        let stem = &self.stem;
        let pool = stem.pool.map(|StemPool::Max| Pool {
            kind: PoolKind::Max,
            kernel: 3,
            stride: 2,
            padding: 1,
        });
        let pooled = if pool.is_some() { ", max pool 3x3" } else { "" };
        network.section(
            Part::Stem,
            format!("conv k{} {}{pooled}", stem.kernel, stem.activation),
        );
        let conv = Conv::same(channels, stem.kernel, stem.stride);
        let x = self
            .assembler(network)
            .conv_act(&NAMES_STEM, conv, Tensor::Input, stem.activation);
        match pool {
            None => x,
            Some(pool) => network.push("pool", Op::Pool(pool), &[x], Role::Main),
        }
    }

    /// Appends the head, if the space has one, and returns its output.
    pub(crate) fn head(
        &self,
        network: &mut NetworkBuilder,
        mut x: Tensor,
        channels: Option<usize>,
    ) -> Option<Tensor> {
        let head = self.head.as_ref()?;
        network.section(Part::Head, format!("classifier, {} classes", head.classes));
        if let Some(channels) = channels {
            let conv = Conv::pointwise(channels);
            x = self
                .assembler(network)
                .conv_act(&NAMES_HEAD, conv, x, head.activation);
        }
        x = network.push("pool", Op::GlobalAvgPool, &[x], Role::Main);
        let linear = |out_features| Op::Linear {
            out_features,
            bias: true,
        };
        if let Some(hidden) = head.hidden {
            x = network.push("hidden", linear(hidden), &[x], Role::Main);
            let act = Op::Activation(head.activation);
            x = network.push("hidden.act", act, &[x], Role::Main);
        }
        Some(network.push("classifier", linear(head.classes), &[x], Role::Main))
    }
}

/// The last tensor at each stride that is asked for.
struct Features<'a> {
    wanted: &'a [usize],
    reached: Vec<(usize, Tensor)>,
}

impl<'a> Features<'a> {
    fn new(wanted: &'a [usize]) -> Self {
        Self {
            wanted,
            reached: Vec::new(),
        }
    }

    fn passing(&mut self, stride: usize, tensor: Tensor) {
        if !self.wanted.contains(&stride) {
            return;
        }
        match self.reached.last_mut() {
            Some((last, reached)) if *last == stride => *reached = tensor,
            _ => self.reached.push((stride, tensor)),
        }
    }
}
