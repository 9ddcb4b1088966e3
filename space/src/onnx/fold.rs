//! Which batch-norms disappear into a convolution.

use crate::network::{Network, Tensor};
use crate::op::Op;

/// Pairs of a convolution and the batch-norm folded into it. A batch-norm folds where its input is a
/// convolution that nobody else reads.
pub(super) struct Folding {
    /// For each layer that is half of a pair, the other half.
    partner: Vec<Option<usize>>,
}

impl Folding {
    pub(super) fn of(network: &Network) -> Self {
        let layers = network.layers();
        let readers = network.readers();
        let mut partner = vec![None; layers.len()];
        for (index, layer) in layers.iter().enumerate() {
            if let (Op::BatchNorm, &[Tensor::Layer(producer)]) = (&layer.op, &*layer.inputs)
                && matches!(layers[producer].op, Op::Conv(_))
                && readers[producer] == 1
            {
                partner[producer] = Some(index);
                partner[index] = Some(producer);
            }
        }
        Self { partner }
    }

    /// The batch-norm folded into a convolution, or the convolution a batch-norm is folded into.
    pub(super) fn partner(&self, layer: usize) -> Option<usize> {
        self.partner[layer]
    }
}
