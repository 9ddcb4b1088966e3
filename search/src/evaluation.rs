use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};

use crate::json_float::JsonFloat;

/// The most costs an evaluation can carry.
pub const MAX_OBJECTIVES: usize = 8;

/// The costs of one candidate, stored inline. All are minimised: negate what you maximise.
pub type Costs = ArrayVec<f64, MAX_OBJECTIVES>;

/// What a candidate costs and by how much it breaks the constraints.
///
/// Holds no NaN, no negative zero and no negative violation, so costs are totally ordered.
/// A candidate is feasible exactly when its violation is 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Evaluation {
    costs: Costs,
    violation: f64,
}

impl Evaluation {
    /// An evaluation from costs (minimised) and a constraint violation (0 or less: none broken).
    ///
    /// A NaN never spreads and never panics. A NaN cost becomes an infinite cost and an infinite
    /// violation: what cannot be computed is infeasible, and worse than anything that can. A NaN
    /// violation becomes an infinite one. Infinite costs that are not NaN are kept as they are.
    ///
    /// # Panics
    ///
    /// When given more than [`MAX_OBJECTIVES`] costs.
    pub fn new(costs: impl IntoIterator<Item = f64>, violation: f64) -> Self {
        let mut violation = if violation.is_nan() {
            f64::INFINITY
        } else {
            violation.max(0.0)
        };
        let tame = |cost: f64| {
            if cost.is_nan() {
                violation = f64::INFINITY;
                f64::INFINITY
            } else {
                cost + 0.0 // -0 + 0 = +0
            }
        };
        let costs = costs.into_iter().map(tame).collect();
        Self {
            costs,
            violation: violation + 0.0,
        }
    }

    /// An evaluation that breaks no constraint (unless a cost is NaN, see [`Evaluation::new`]).
    pub fn unconstrained(costs: impl IntoIterator<Item = f64>) -> Self {
        Self::new(costs, 0.0)
    }

    /// The costs, all minimised.
    #[inline]
    pub fn costs(&self) -> &[f64] {
        &self.costs
    }

    /// By how much the constraints are broken; 0 when none is.
    #[inline]
    pub fn violation(&self) -> f64 {
        self.violation
    }

    /// Whether no constraint is broken.
    #[inline]
    pub fn is_feasible(&self) -> bool {
        self.violation == 0.0
    }
}

/// An evaluation as files hold it; reading one goes through [`Evaluation::new`] again.
#[derive(Serialize, Deserialize)]
struct Stored {
    costs: ArrayVec<JsonFloat, MAX_OBJECTIVES>,
    violation: JsonFloat,
}

impl From<Stored> for Evaluation {
    fn from(stored: Stored) -> Self {
        Self::new(
            stored.costs.into_iter().map(|cost| cost.0),
            stored.violation.0,
        )
    }
}

impl From<Evaluation> for Stored {
    fn from(evaluation: Evaluation) -> Self {
        Self {
            costs: evaluation.costs.into_iter().map(JsonFloat).collect(),
            violation: JsonFloat(evaluation.violation),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_costs_are_infeasible_and_infinite() {
        let evaluation = Evaluation::new([1.0, f64::NAN], 0.0);
        assert_eq!(evaluation.costs(), [1.0, f64::INFINITY]);
        assert_eq!(evaluation.violation(), f64::INFINITY);
    }

    #[test]
    fn nan_violation_is_infinite_and_a_negative_one_is_none() {
        assert_eq!(Evaluation::new([1.0], f64::NAN).violation(), f64::INFINITY);
        assert!(Evaluation::new([1.0], -3.0).is_feasible());
        assert!(!Evaluation::new([1.0], f64::MIN_POSITIVE).is_feasible());
    }

    #[test]
    fn zeros_lose_their_sign() {
        let evaluation = Evaluation::new([-0.0], -0.0);
        assert!(evaluation.costs()[0].is_sign_positive());
        assert!(evaluation.violation().is_sign_positive());
    }

    #[test]
    fn json_carries_infinite_costs_and_violations() {
        let evaluation = Evaluation::new([f64::NEG_INFINITY, f64::NAN, 0.1], 0.0);
        let json = serde_json::to_string(&evaluation).unwrap();
        assert_eq!(json, r#"{"costs":["-inf","inf",0.1],"violation":"inf"}"#);
        assert_eq!(
            serde_json::from_str::<Evaluation>(&json).unwrap(),
            evaluation
        );
    }

    #[test]
    fn too_many_costs_in_a_file_are_an_error() {
        let json = r#"{"costs":[1,2,3,4,5,6,7,8,9],"violation":0}"#;
        assert!(serde_json::from_str::<Evaluation>(json).is_err());
    }
}
