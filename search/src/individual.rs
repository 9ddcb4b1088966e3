use serde::{Deserialize, Serialize};

use crate::evaluation::Evaluation;

/// A genotype and what it was found to cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Individual<G> {
    /// The point of the space.
    pub genotype: G,
    /// Its costs and constraint violation.
    pub evaluation: Evaluation,
}

impl<G> Individual<G> {
    /// The costs, all minimised.
    #[inline]
    pub fn costs(&self) -> &[f64] {
        self.evaluation.costs()
    }

    /// Whether no constraint is broken.
    #[inline]
    pub fn is_feasible(&self) -> bool {
        self.evaluation.is_feasible()
    }
}
