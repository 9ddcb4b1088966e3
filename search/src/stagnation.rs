use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::json_float;

/// How often in its window a front is measured: with three costs that takes a while.
const MEASUREMENTS: u64 = 16;

/// When a front counts as grown out: its hypervolume has not risen by more than a share of itself
/// over a number of evaluations.
///
/// | part | range |
/// |---|---|
/// | `reference` | 2 or 3 finite costs: the point that hypervolume is measured from |
/// | `growth` | 0 to 1: the share that must be exceeded for the front to count as growing |
/// | `evaluations` | at least 1: how long it may go without |
///
/// The hypervolume is measured after a step, up to 16 times in that number of evaluations, so a
/// search may go on a sixteenth of it longer. Counting begins when the front first reaches beyond the
/// reference: a search that has found nothing yet is not at its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Stagnation {
    reference: Vec<f64>,
    growth: f64,
    evaluations: NonZeroU64,
}

/// A part of [`Stagnation`] outside its range.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum StagnationError {
    /// Hypervolume is too dear, or says nothing.
    #[error(
        "stagnation can be told with 2 or 3 costs, for which hypervolume is quickly measured, but \
         the reference point has {0}"
    )]
    Objectives(usize),
    /// No volume can be measured from there.
    #[error("the reference point should be finite, but one of its costs is {0}")]
    Reference(f64),
    /// Not a share.
    #[error("growth should be in range [0, 1], but is {0}")]
    Growth(f64),
}

impl Stagnation {
    /// Checks and keeps the parts.
    ///
    /// # Errors
    ///
    /// When one is outside its range.
    pub fn new(
        reference: Vec<f64>,
        growth: f64,
        evaluations: NonZeroU64,
    ) -> Result<Self, StagnationError> {
        if !(2..=3).contains(&reference.len()) {
            return Err(StagnationError::Objectives(reference.len()));
        }
        if let Some(&cost) = reference.iter().find(|cost| !cost.is_finite()) {
            return Err(StagnationError::Reference(cost));
        }
        if !(0.0..=1.0).contains(&growth) {
            return Err(StagnationError::Growth(growth));
        }
        Ok(Self {
            reference,
            growth,
            evaluations,
        })
    }

    /// The point that hypervolume is measured from.
    pub fn reference(&self) -> &[f64] {
        &self.reference
    }
}

/// How a front has grown so far, as one limit of [`Stagnation`] sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Growth {
    /// The hypervolume when the front last counted as growing.
    #[serde(with = "json_float")]
    hypervolume: f64,
    /// The evaluations at that time.
    since: u64,
    /// The evaluations when it was last measured.
    measured: u64,
}

impl Growth {
    /// Looks at the front after so many evaluations; says whether it is grown out.
    pub(crate) fn has_ended(
        &mut self,
        limit: &Stagnation,
        evaluations: u64,
        hypervolume: impl FnOnce(&[f64]) -> f64,
    ) -> bool {
        let window = limit.evaluations.get();
        if evaluations - self.measured >= window.div_ceil(MEASUREMENTS) {
            let volume = hypervolume(&limit.reference);
            self.measured = evaluations;
            if volume > self.hypervolume * (1.0 + limit.growth) || volume == 0.0 {
                self.hypervolume = volume;
                self.since = evaluations;
            }
        }
        self.measured - self.since >= window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stagnation(reference: &[f64], growth: f64) -> Result<Stagnation, StagnationError> {
        let evaluations = NonZeroU64::new(160).expect("not zero");
        Stagnation::new(reference.to_vec(), growth, evaluations)
    }

    #[test]
    fn it_ends_a_window_after_the_last_growth() {
        let limit = stagnation(&[1.0, 1.0], 0.1).unwrap();
        let mut growth = Growth::default();
        let mut look = |evaluations, volume| growth.has_ended(&limit, evaluations, |_| volume);
        assert!(!look(1_000, 0.0)); // nothing found is no end
        assert!(!look(1_200, 1.0));
        assert!(!look(1_300, 1.05));
        assert!(!look(1_350, 1.2)); // more than a tenth above 1
        assert!(!look(1_509, 1.3));
        assert!(!look(1_510, f64::NAN)); // too soon to be measured
        assert!(look(1_519, 1.32));
    }

    #[test]
    fn errors_state_rule_and_value() {
        let error =
            |reference: &[f64], growth| stagnation(reference, growth).unwrap_err().to_string();
        assert!(error(&[1.0], 0.0).ends_with("but the reference point has 1"));
        assert!(error(&[1.0; 4], 0.0).starts_with("stagnation can be told with 2 or 3 costs"));
        assert!(error(&[1.0, f64::INFINITY], 0.0).ends_with("one of its costs is inf"));
        assert_eq!(
            error(&[1.0; 2], 1.5),
            "growth should be in range [0, 1], but is 1.5"
        );
    }
}
