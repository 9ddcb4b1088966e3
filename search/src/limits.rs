use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

/// When a search has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Candidates evaluated, over all generations and resumptions.
    pub evaluations: NonZeroU64,
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// As many candidates were evaluated as allowed.
    Evaluations,
    /// The optimiser found nothing new to try.
    Exhausted,
    /// The observer asked to stop.
    Interrupted,
}
