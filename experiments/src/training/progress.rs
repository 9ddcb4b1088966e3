//! What somebody who looks on is told of trainings.

use super::candidate::{Candidate, TrainingResult};

/// A training that has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingProgress<'a> {
    /// The network.
    pub candidate: &'a Candidate,
    /// What came of it.
    pub result: &'a TrainingResult,
    /// Whether it was known before: from the cache, or from before the run was interrupted.
    pub was_known: bool,
}

impl<'a> TrainingProgress<'a> {
    pub(super) fn known(candidate: &'a Candidate, result: &'a TrainingResult) -> Self {
        Self {
            candidate,
            result,
            was_known: true,
        }
    }

    pub(super) fn now(candidate: &'a Candidate, result: &'a TrainingResult) -> Self {
        Self {
            candidate,
            result,
            was_known: false,
        }
    }
}
