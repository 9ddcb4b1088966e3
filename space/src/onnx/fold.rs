//! Which batch-norms disappear into a convolution.

use crate::network::Network;

/// Pairs of a convolution and the batch-norm folded into it ([`Network::folds_into`]).
pub(super) struct Folding {
    /// For each layer that is half of a pair, the other half.
    partner: Vec<Option<usize>>,
}

impl Folding {
    pub(super) fn of(network: &Network) -> Self {
        let layers = network.layers();
        let readers = network.readers();
        let mut partner = vec![None; layers.len()];
        for index in 0..layers.len() {
            if let Some(conv) = network.folds_into(index, &readers) {
                partner[conv] = Some(index);
                partner[index] = Some(conv);
            }
        }
        Self { partner }
    }

    /// The batch-norm folded into a convolution, or the convolution a batch-norm is folded into.
    pub(super) fn partner(&self, layer: usize) -> Option<usize> {
        self.partner[layer]
    }
}
