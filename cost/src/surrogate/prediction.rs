//! A predicted accuracy.

use crate::distribution::normal_quantile;

/// A predicted top-1 accuracy: `ln(100 - top-1)` is normal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TopOne {
    /// Mean of `ln(100 - top-1)`, with top-1 in per cent.
    pub mean: f64,
    /// Its standard deviation, as far as it comes from what is not known of the network; 0 where it wasn't asked for.
    pub std: f64,
    /// Standard deviation that one training adds by chance.
    pub training_std: f64,
}

impl TopOne {
    /// The same with deviations that many times as large.
    pub(super) fn widened(&self, widening: f64) -> Self {
        Self {
            mean: self.mean,
            std: widening * self.std,
            training_std: widening * self.training_std,
        }
    }

    /// The median, in per cent.
    pub fn median(&self) -> f64 {
        100.0 - self.mean.exp()
    }

    /// Standard deviation of `ln(100 - top-1)` of a network trained once.
    pub fn total_std(&self) -> f64 {
        self.std.hypot(self.training_std)
    }

    /// What the accuracy of a network trained once stays below with this probability, in per cent; never below 0.
    pub fn quantile(&self, probability: f64) -> f64 {
        let error = (self.mean - normal_quantile(probability) * self.total_std()).exp();
        (100.0 - error).max(0.0)
    }

    /// Where the accuracy of a network trained once lies with this probability, in per cent: what is left out is as probable above as below.
    pub fn interval(&self, probability: f64) -> [f64; 2] {
        let below = 0.5 * (1.0 - probability);
        [self.quantile(below), self.quantile(1.0 - below)]
    }
}
