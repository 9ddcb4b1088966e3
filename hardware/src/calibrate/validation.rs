//! Predictions of rows that may differ in their batch and threads, and how well they hold at each.

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
    /// The model on each number of threads, ascending; empty where all rows are of one.
    pub by_threads: Vec<ThreadFigures>,
    /// The baselines on all rows, by name.
    pub baselines: BTreeMap<&'static str, Figures>,
}

/// How well a model holds on one of several numbers of threads.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreadFigures {
    /// The number of threads.
    pub threads: u32,
    /// The best simple baseline on so many: its name and mean absolute relative error.
    pub best_baseline: Option<(String, f64)>,
    /// The model on so many.
    pub model: Figures,
}

/// What a row of measurements holds for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Threads of the engine, where stated.
    pub(super) threads: Option<u32>,
    /// Images in one inference.
    pub(super) batch: u64,
}

/// A baseline's name and mean absolute relative error; none where no baseline could be fitted.
type BestBaseline = Option<(String, f64)>;

/// A prediction, and what the row holds for that it is of.
pub(super) type Placed = (Place, Prediction);

/// Predictions of the same rows, by the model and by each baseline.
#[derive(Debug, Default)]
pub(super) struct Predictions {
    pub(super) model: Vec<Placed>,
    pub(super) baselines: BTreeMap<&'static str, Vec<Placed>>,
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
        let by_batch = self.by(|place| Some(place.batch)).into_iter();
        let by_threads = self.by(|place| place.threads).into_iter();
        Some(Validation {
            model: figures(&self.model, |_| true)?,
            by_batch: by_batch
                .map(|(batch, model, best_baseline)| BatchFigures {
                    batch,
                    best_baseline,
                    model,
                })
                .collect(),
            by_threads: by_threads
                .map(|(threads, model, best_baseline)| ThreadFigures {
                    threads,
                    best_baseline,
                    model,
                })
                .collect(),
            baselines: self.baseline_figures(|_| true),
        })
    }

    /// The baselines on some of the rows.
    fn baseline_figures(
        &self,
        is: impl Fn(&Place) -> bool + Copy,
    ) -> BTreeMap<&'static str, Figures> {
        let all = self.baselines.iter();
        all.filter_map(|(name, predictions)| Some((*name, figures(predictions, is)?)))
            .collect()
    }

    /// The model on the rows of each value of something, with the best baseline there; empty where all rows have the same.
    fn by<K: Ord + Copy>(
        &self,
        key: impl Fn(&Place) -> Option<K> + Copy,
    ) -> Vec<(K, Figures, BestBaseline)> {
        let mut keys: Vec<K> = self.model.iter().filter_map(|(at, _)| key(at)).collect();
        keys.sort_unstable();
        keys.dedup();
        if keys.len() < 2 {
            return Vec::new();
        }
        let of = |own: K| {
            let is = |place: &Place| key(place) == Some(own);
            Some((
                own,
                figures(&self.model, is)?,
                best(&self.baseline_figures(is)),
            ))
        };
        keys.into_iter().filter_map(of).collect()
    }
}

/// The best baseline: its name and mean absolute relative error.
pub(super) fn best(baselines: &BTreeMap<&'static str, Figures>) -> BestBaseline {
    let best = baselines
        .iter()
        .min_by(|a, b| a.1.mape.total_cmp(&b.1.mape));
    best.map(|(name, figures)| ((*name).to_owned(), figures.mape))
}

/// Figures of some of the predictions.
fn figures(predictions: &[Placed], is: impl Fn(&Place) -> bool) -> Option<Figures> {
    let some = predictions.iter().filter(|(place, _)| is(place));
    let some: Vec<Prediction> = some.map(|(_, prediction)| *prediction).collect();
    Figures::of(&some)
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

    fn at(batch: u64) -> Place {
        Place {
            threads: None,
            batch,
        }
    }

    #[test]
    fn a_bad_batch_shows() {
        let mut all = Predictions::default();
        all.extend(Predictions {
            model: vec![
                (at(32), prediction(10.0, 11.0)),
                (at(1), prediction(1.0, 2.0)),
            ],
            baselines: BTreeMap::from([
                (
                    "line",
                    vec![
                        (at(32), prediction(10.0, 15.0)),
                        (at(1), prediction(1.0, 1.2)),
                    ],
                ),
                (
                    "tree",
                    vec![
                        (at(32), prediction(10.0, 12.0)),
                        (at(1), prediction(1.0, 1.5)),
                    ],
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

    #[test]
    fn a_bad_number_of_threads_shows() {
        let on = |threads| Place {
            threads: Some(threads),
            batch: 1,
        };
        let all = Predictions {
            model: vec![
                (on(4), prediction(10.0, 11.0)),
                (on(1), prediction(1.0, 2.0)),
            ],
            baselines: BTreeMap::from([("line", vec![(on(4), prediction(10.0, 15.0))])]),
        };
        let validation = all.validation().unwrap();
        assert_eq!(validation.by_batch, []);
        let [one, four] = &validation.by_threads[..] else {
            panic!("{validation:?}");
        };
        assert_eq!((one.threads, four.threads), (1, 4));
        assert_eq!(one.best_baseline, None);
        assert_eq!(four.best_baseline, Some(("line".to_owned(), 0.5)));
        assert!((four.model.mape - 0.1).abs() < 1e-12);
    }
}
