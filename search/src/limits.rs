use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::stagnation::Stagnation;

/// When a search has to end: as soon as one of its limits is met.
///
/// The limit on evaluations is exact. The one on time is kept to a generation: one that has begun
/// is finished. That on stagnation is looked at after each step.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    evaluations: NonZeroU64,
    seconds: Option<f64>,
    stagnation: Option<Stagnation>,
}

/// A limit outside its range.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum LimitsError {
    /// Not a time to spend.
    #[error("seconds should be a number above 0, but is {0}")]
    Seconds(f64),
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// As many candidates were evaluated as allowed.
    Evaluations,
    /// As much time has passed as allowed.
    Seconds,
    /// The front has hardly grown for as many evaluations as that was allowed for.
    Stagnation,
    /// The optimisers found nothing new to try.
    Exhausted,
    /// The observer asked to stop.
    Interrupted,
}

impl Limits {
    /// At most this many candidates, over all steps and resumptions, and no other limit.
    pub const fn new(evaluations: NonZeroU64) -> Self {
        Self {
            evaluations,
            seconds: None,
            stagnation: None,
        }
    }

    /// Also at most this much wall time, by the clock that the search is given.
    ///
    /// # Errors
    ///
    /// When the number is not above 0.
    pub fn with_seconds(self, seconds: f64) -> Result<Self, LimitsError> {
        if seconds > 0.0 {
            let seconds = Some(seconds);
            Ok(Self { seconds, ..self })
        } else {
            Err(LimitsError::Seconds(seconds))
        }
    }

    /// Also no longer than the front still grows.
    pub fn with_stagnation(self, stagnation: Stagnation) -> Self {
        let stagnation = Some(stagnation);
        Self { stagnation, ..self }
    }

    /// Candidates evaluated.
    pub fn evaluations(&self) -> NonZeroU64 {
        self.evaluations
    }

    /// Wall time in seconds.
    pub fn seconds(&self) -> Option<f64> {
        self.seconds
    }

    /// Growth of the front.
    pub fn stagnation(&self) -> Option<&Stagnation> {
        self.stagnation.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_must_be_positive() {
        let limits = Limits::new(NonZeroU64::MIN);
        assert_eq!(
            limits.clone().with_seconds(0.5).unwrap().seconds(),
            Some(0.5)
        );
        let error = |seconds| {
            limits
                .clone()
                .with_seconds(seconds)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(error(0.0), "seconds should be a number above 0, but is 0");
        assert_eq!(
            error(f64::NAN),
            "seconds should be a number above 0, but is NaN"
        );
    }
}
