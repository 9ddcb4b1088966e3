//! Simple predictors of latency, to hold a model against: one that does no better is not worth its complexity.
//!
//! | baseline | what it is |
//! |---|---|
//! | [`MacsConstant`](Baseline::MacsConstant) | `a * MACs + b`, by least squares on relative errors |
//! | [`FiveFeatureRidge`](Baseline::FiveFeatureRidge) | ridge regression on five counts of a network |
//! | [`ClassRidge`](Baseline::ClassRidge) | ridge regression on three counts of each class of operators |
//! | [`ClassNnls`](Baseline::ClassNnls) | the same counts with coefficients of 0 or above |
//! | [`GradientBoosting`](Baseline::GradientBoosting) | boosted regression trees on all of these counts |
//! | [`NearestPlatform`] | the latencies of another platform, times a factor |
//!
//! All but the last are fitted on networks of known latency and predict any other network. None states how sure it is.
//!
//! Counts are those of a whole batch, so timings may differ in theirs: MACs and activations grow with it, weights and kernels don't.
//!
//! What is counted does not depend on the number format: bytes are a constant factor on elements, which every one of them absorbs.
//!
//! ```
//! use roofnas_cost::{Fusion, NetworkCost};
//! use roofnas_hardware::{Baseline, Timing};
//! use roofnas_space::presets;
//!
//! let landmarks = presets::landmarks();
//! let costs: Vec<NetworkCost> = landmarks
//!     .iter()
//!     .map(|landmark| NetworkCost::new(&landmark.network, &Fusion::default()))
//!     .collect();
//! // a machine that does a MAC in 2 picoseconds, and nothing else takes time
//! let timings: Vec<Timing> = costs
//!     .iter()
//!     .map(|cost| Timing { cost, batch: 1, latency_ms: 2e-9 * cost.macs as f64 })
//!     .collect();
//! let fitted = Baseline::MacsConstant.fit(&timings[1..]).unwrap();
//! let relative = fitted.predict_ms(&costs[0], 1) / timings[0].latency_ms;
//! assert!((relative - 1.0).abs() < 1e-9);
//! ```

mod boosting;
mod features;
mod line;
mod nearest;
mod nonnegative;
mod ridge;
mod tree;

use roofnas_cost::NetworkCost;
use thiserror::Error;

use boosting::Boosting;
use features::Features;
use line::Line;
use nonnegative::NonNegative;
use ridge::Ridge;

pub use nearest::{LatencyByNetwork, NearestPlatform};

/// Latencies beyond these are a mistake, and squares of their ratios would leave floats behind.
const LATENCIES_MS: std::ops::RangeInclusive<f64> = 1e-9..=1e12;

/// No prediction is below this share of the shortest latency fitted on: a line that reaches below zero is no prediction.
const LEAST_SHARE: f64 = 0.01;

/// A simple predictor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Baseline {
    /// A line over MACs.
    MacsConstant,
    /// Ridge regression on MACs, activations, weights, kernels and depthwise kernels.
    FiveFeatureRidge,
    /// Ridge regression on kernels, MACs and traffic of each class.
    ClassRidge,
    /// Non-negative least squares on the same.
    ClassNnls,
    /// Boosted regression trees on all of it.
    GradientBoosting,
}

/// A network of known latency.
#[derive(Debug, Clone, Copy)]
pub struct Timing<'a> {
    /// The network, counted.
    pub cost: &'a NetworkCost,
    /// Images in one inference.
    pub batch: u64,
    /// Latency of one inference.
    pub latency_ms: f64,
}

/// Timings that nothing can be fitted on.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum BaselineError {
    /// There are none.
    #[error("there are no timings to fit a baseline on")]
    Empty,
    /// One is no latency.
    #[error("latency_ms = {0}: must be from 1e-9 to 1e12")]
    Latency(f64),
}

impl Baseline {
    /// Every one of them.
    pub const ALL: [Self; 5] = [
        Self::MacsConstant,
        Self::FiveFeatureRidge,
        Self::ClassRidge,
        Self::ClassNnls,
        Self::GradientBoosting,
    ];

    /// The name in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MacsConstant => "macs_constant",
            Self::FiveFeatureRidge => "five_feature_ridge",
            Self::ClassRidge => "class_ridge",
            Self::ClassNnls => "class_nnls",
            Self::GradientBoosting => "gradient_boosting",
        }
    }

    /// Fits it on timings.
    ///
    /// # Errors
    /// When there are no timings, or one of them is no latency.
    pub fn fit(self, timings: &[Timing<'_>]) -> Result<FittedBaseline, BaselineError> {
        let latencies_ms: Vec<f64> = timings.iter().map(|timing| timing.latency_ms).collect();
        if let Some(&odd) = latencies_ms.iter().find(|ms| !LATENCIES_MS.contains(*ms)) {
            return Err(BaselineError::Latency(odd));
        }
        let shortest_ms = latencies_ms.iter().copied().reduce(f64::min);
        let shortest_ms = shortest_ms.ok_or(BaselineError::Empty)?;
        let costs: Vec<&NetworkCost> = timings.iter().map(|timing| timing.cost).collect();
        let features = match self {
            Self::MacsConstant => Features::Macs,
            Self::FiveFeatureRidge => Features::Five,
            Self::ClassRidge | Self::ClassNnls => Features::by_class(&costs),
            Self::GradientBoosting => Features::five_and_by_class(&costs),
        };
        let counts = |timing: &Timing<'_>| features.of(timing.cost, timing.batch);
        let rows: Vec<Vec<f64>> = timings.iter().map(counts).collect();
        let model = match self {
            Self::MacsConstant => Model::Line(Line::fit(&first_of_each(&rows), &latencies_ms)),
            Self::FiveFeatureRidge | Self::ClassRidge => {
                Model::Ridge(Ridge::fit(&rows, &latencies_ms))
            }
            Self::ClassNnls => Model::NonNegative(NonNegative::fit(&rows, &latencies_ms)),
            Self::GradientBoosting => Model::Boosting(Boosting::fit(&rows, &latencies_ms)),
        };
        Ok(FittedBaseline {
            baseline: self,
            features,
            model,
            least_ms: LEAST_SHARE * shortest_ms,
        })
    }
}

fn first_of_each(rows: &[Vec<f64>]) -> Vec<f64> {
    rows.iter().filter_map(|row| row.first().copied()).collect()
}

/// A simple predictor, fitted.
#[derive(Debug, Clone)]
pub struct FittedBaseline {
    baseline: Baseline,
    features: Features,
    model: Model,
    least_ms: f64,
}

#[derive(Debug, Clone)]
enum Model {
    Line(Line),
    Ridge(Ridge),
    NonNegative(NonNegative),
    Boosting(Boosting),
}

impl FittedBaseline {
    /// Which one it is.
    pub fn baseline(&self) -> Baseline {
        self.baseline
    }

    /// The latency of a network at a batch: always a number above 0, however far the network is from those fitted on.
    pub fn predict_ms(&self, cost: &NetworkCost, batch: u64) -> f64 {
        let row = self.features.of(cost, batch);
        let predicted_ms = match &self.model {
            Model::Line(line) => line.predict(row.first().copied().unwrap_or(0.0)),
            Model::Ridge(ridge) => ridge.predict(&row),
            Model::NonNegative(model) => model.predict(&row),
            Model::Boosting(boosting) => boosting.predict(&row),
        };
        // the maximum of a number and of what is none is the number
        predicted_ms.max(self.least_ms).min(f64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roofnas_cost::Fusion;
    use roofnas_space::presets;

    fn landmarks() -> Vec<NetworkCost> {
        let landmarks = presets::landmarks();
        let costs = landmarks.iter();
        costs
            .map(|landmark| NetworkCost::new(&landmark.network, &Fusion::default()))
            .collect()
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        let costs = landmarks();
        for baseline in Baseline::ALL {
            assert_eq!(baseline.fit(&[]).unwrap_err(), BaselineError::Empty);
            for latency_ms in [0.0, -1.0, f64::INFINITY, 1e13] {
                let cost = &costs[0];
                let timing = Timing {
                    cost,
                    batch: 1,
                    latency_ms,
                };
                let error = baseline.fit(&[timing]).unwrap_err();
                assert_eq!(error, BaselineError::Latency(latency_ms));
            }
        }
    }

    #[test]
    fn predictions_are_numbers_above_zero_however_odd_the_timings() {
        let costs = landmarks();
        for latencies in [[1e-9, 1e12, 1e-9], [1e12, 1e-9, 1.0], [5.0; 3]] {
            let timings: Vec<Timing> = costs
                .iter()
                .zip(latencies)
                .map(|(cost, latency_ms)| Timing {
                    cost,
                    batch: u64::MAX,
                    latency_ms,
                })
                .collect();
            for baseline in Baseline::ALL {
                for n in 1..=3 {
                    let fitted = baseline.fit(&timings[..n]).unwrap();
                    for cost in &costs {
                        let ms = fitted.predict_ms(cost, u64::MAX);
                        assert!(ms.is_finite() && ms > 0.0, "{}: {ms}", baseline.name());
                    }
                }
            }
        }
    }

    #[test]
    fn names_are_different() {
        let names: std::collections::BTreeSet<&str> = Baseline::ALL
            .iter()
            .map(|baseline| baseline.name())
            .collect();
        assert_eq!(names.len(), Baseline::ALL.len());
    }

    #[test]
    fn work_of_classes_is_learned_by_those_that_see_classes() {
        // depthwise MACs take ten times as long, and each kernel takes a microsecond
        let costs = landmarks();
        let truth = |cost: &NetworkCost| {
            let kernels = cost.kernels.iter().map(|kernel| {
                let slow = kernel.class == roofnas_cost::OpClass::Depthwise;
                let picoseconds = if slow { 20.0 } else { 2.0 };
                1e-3 + 1e-9 * picoseconds * kernel.macs as f64
            });
            kernels.sum::<f64>()
        };
        let timings: Vec<Timing> = costs
            .iter()
            .map(|cost| Timing {
                cost,
                batch: 1,
                latency_ms: truth(cost),
            })
            .collect();
        let error = |baseline: Baseline| {
            let fitted = baseline.fit(&timings).unwrap();
            let errors = costs
                .iter()
                .map(|cost| (fitted.predict_ms(cost, 1) / truth(cost) - 1.0).abs());
            errors.fold(0.0, f64::max)
        };
        assert!(error(Baseline::MacsConstant) > 0.1);
        assert!(error(Baseline::ClassNnls) < 1e-6);
    }

    #[test]
    fn batches_are_learned_together() {
        // a microsecond a kernel whatever the batch, and two picoseconds a MAC of each image
        let costs = landmarks();
        let truth = |cost: &NetworkCost, batch: u64| {
            1e-3 * cost.kernels.len() as f64 + 2e-9 * (batch * cost.macs) as f64
        };
        let timings: Vec<Timing> = costs
            .iter()
            .flat_map(|cost| [1, 16].map(|batch| (cost, batch)))
            .map(|(cost, batch)| Timing {
                cost,
                batch,
                latency_ms: truth(cost, batch),
            })
            .collect();
        let fitted = Baseline::ClassNnls.fit(&timings).unwrap();
        for cost in &costs {
            for batch in [1, 4, 16, 64] {
                let relative = fitted.predict_ms(cost, batch) / truth(cost, batch);
                assert!((relative - 1.0).abs() < 0.02, "{batch}: {relative}");
            }
        }
    }
}
