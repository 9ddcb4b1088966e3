//! Predictions of rows that may differ in their batch, and how well they hold at each of them.

use std::collections::BTreeMap;

use roofnas_cost::calibration::BatchFigures;
use roofnas_cost::{Figures, Prediction};

/// How well a model and the simple baselines hold on the same rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// The model on all rows.
    pub model: Figures,
    /// The model at each batch, ascending; empty where all rows are of one.
    pub by_batch: Vec<BatchFigures>,
    /// The baselines on all rows, by name.
    pub baselines: BTreeMap<&'static str, Figures>,
}

/// A prediction, and the batch of the row it is of.
pub(super) type BatchPrediction = (u64, Prediction);

/// Predictions of the same rows, by the model and by each baseline.
#[derive(Debug, Default)]
pub(super) struct Predictions {
    pub(super) model: Vec<BatchPrediction>,
    pub(super) baselines: BTreeMap<&'static str, Vec<BatchPrediction>>,
}

impl Predictions {
    /// Adds those of other rows.
    pub(super) fn extend(&mut self, other: Self) {
        self.model.extend(other.model);
        for (name, predictions) in other.baselines {
            self.baselines.entry(name).or_default().extend(predictions);
        }
    }

    /// How well they hold; nothing where there are none.
    pub(super) fn validation(&self) -> Option<Validation> {
        Some(Validation {
            model: figures(&self.model, None)?,
            by_batch: self.by_batch(),
            baselines: self.baseline_figures(None),
        })
    }

    /// The baselines at one batch, or at all of them.
    fn baseline_figures(&self, batch: Option<u64>) -> BTreeMap<&'static str, Figures> {
        let all = self.baselines.iter();
        all.filter_map(|(name, predictions)| Some((*name, figures(predictions, batch)?)))
            .collect()
    }

    fn by_batch(&self) -> Vec<BatchFigures> {
        let mut batches: Vec<u64> = self.model.iter().map(|(batch, _)| *batch).collect();
        batches.sort_unstable();
        batches.dedup();
        if batches.len() < 2 {
            return Vec::new();
        }
        let at = |batch: u64| {
            Some(BatchFigures {
                batch,
                best_baseline: best(&self.baseline_figures(Some(batch))),
                model: figures(&self.model, Some(batch))?,
            })
        };
        batches.into_iter().filter_map(at).collect()
    }
}

/// The best baseline: its name and mean absolute relative error.
pub(super) fn best(baselines: &BTreeMap<&'static str, Figures>) -> Option<(String, f64)> {
    let best = baselines
        .iter()
        .min_by(|a, b| a.1.mape.total_cmp(&b.1.mape));
    best.map(|(name, figures)| ((*name).to_owned(), figures.mape))
}

/// Figures of the predictions at one batch, or at all of them.
fn figures(predictions: &[BatchPrediction], batch: Option<u64>) -> Option<Figures> {
    let at = predictions
        .iter()
        .filter(|(own, _)| batch.is_none_or(|batch| batch == *own));
    let at: Vec<Prediction> = at.map(|(_, prediction)| *prediction).collect();
    Figures::of(&at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(measured_ms: f64, mean_ms: f64) -> Prediction {
        Prediction {
            measured_ms,
            mean_ms,
            std_ms: None,
            upper95_ms: None,
        }
    }

    #[test]
    fn a_bad_batch_shows() {
        let mut all = Predictions::default();
        all.extend(Predictions {
            model: vec![(32, prediction(10.0, 11.0)), (1, prediction(1.0, 2.0))],
            baselines: BTreeMap::from([
                (
                    "line",
                    vec![(32, prediction(10.0, 15.0)), (1, prediction(1.0, 1.2))],
                ),
                (
                    "tree",
                    vec![(32, prediction(10.0, 12.0)), (1, prediction(1.0, 1.5))],
                ),
            ]),
        });
        let validation = all.validation().unwrap();
        assert!((validation.model.mape - 0.55).abs() < 1e-12);
        assert_eq!(validation.baselines.len(), 2);
        let shown: Vec<(u64, usize, f64, &str)> = validation
            .by_batch
            .iter()
            .map(|at| {
                let (name, _) = at.best_baseline.as_ref().unwrap();
                (
                    at.batch,
                    at.model.n,
                    (100.0 * at.model.mape).round(),
                    &**name,
                )
            })
            .collect();
        assert_eq!(shown, [(1, 1, 100.0, "line"), (32, 1, 10.0, "tree")]);
        all.model.pop();
        assert_eq!(all.validation().unwrap().by_batch, []);
        assert_eq!(Predictions::default().validation(), None);
    }
}
