//! Surrogates: predictors fitted on the accuracies of some of the networks, judged on the others.

use rand::seq::SliceRandom;
use rayon::prelude::*;
use roofnas_search::random_stream;

use super::figures::{RankFigures, mean};
use super::truth::Truth;

/// Networks that must be left to judge on.
const LEAST_HELD_OUT: usize = 20;

/// What a surrogate says of a network it has not seen: accuracies in per cent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The accuracy that is expected.
    pub mean: f64,
    /// Lower end of the 90 % interval.
    pub lower_90: f64,
    /// Upper end.
    pub upper_90: f64,
}

/// On how many networks a surrogate is fitted, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splits {
    /// Numbers of networks to fit on.
    pub sizes: Vec<usize>,
    /// Draws for each of them.
    pub draws: usize,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for Splits {
    /// 20, 50, 100 and 200 networks, ten times each.
    fn default() -> Self {
        Self {
            sizes: vec![20, 50, 100, 200],
            draws: 10,
            seed: 1,
        }
    }
}

impl Splits {
    /// The networks to fit on, and all others, of a draw; rows ascend. A draw's larger sets hold its smaller ones.
    fn split(&self, networks: usize, size: usize, draw: usize) -> (Vec<usize>, Vec<usize>) {
        let mut fitted: Vec<usize> = (0..networks).collect();
        fitted.shuffle(&mut random_stream(self.seed, 1, draw as u64));
        let mut others = fitted.split_off(size);
        fitted.sort_unstable();
        others.sort_unstable();
        (fitted, others)
    }
}

/// How well a surrogate does on networks it was not fitted on, with so many to fit on: means over the draws.
#[derive(Debug, Clone, PartialEq)]
pub struct SurrogateFigures {
    /// Networks it was fitted on.
    pub n: usize,
    /// Networks it was judged on.
    pub held_out: usize,
    /// How well its means rank those.
    pub figures: RankFigures,
    /// Share of them whose accuracy is in the 90 % interval.
    pub coverage_90: f64,
    /// Mean width of that interval, in points.
    pub width_90: f64,
}

/// Judges a surrogate. `fit` is given the rows to fit on and the rows to predict, and returns a prediction for each of the latter, in their order; what it
/// learns of accuracies must come from the former alone. Sizes that leave fewer than 20 networks to judge on are left out.
///
/// The same splits give the same figures on any number of threads, if `fit` is deterministic.
///
/// # Errors
/// What `fit` fails with first, by the order of sizes and draws.
pub fn judge<E: Send>(
    truth: &Truth,
    splits: &Splits,
    fit: impl Fn(&[usize], &[usize]) -> Result<Vec<Prediction>, E> + Sync,
) -> Result<Vec<SurrogateFigures>, E> {
    let networks = truth.accuracy.len();
    let sizes = splits.sizes.iter().copied();
    let sizes = sizes.filter(|size| size + LEAST_HELD_OUT <= networks);
    let judged = sizes.map(|size| {
        let draws: Vec<Result<Judged, E>> = (0..splits.draws)
            .into_par_iter()
            .map(|draw| {
                let (fitted, others) = splits.split(networks, size, draw);
                let predictions = fit(&fitted, &others)?;
                Ok(Judged::new(&truth.only(&others), &predictions))
            })
            .collect();
        let draws: Vec<Judged> = draws.into_iter().collect::<Result<_, E>>()?;
        Ok(Judged::together(size, networks - size, &draws))
    });
    let judged: Result<Vec<Option<SurrogateFigures>>, E> = judged.collect();
    Ok(judged?.into_iter().flatten().collect())
}

/// One draw.
struct Judged {
    figures: RankFigures,
    coverage_90: f64,
    width_90: f64,
}

impl Judged {
    fn new(truth: &Truth, predictions: &[Prediction]) -> Self {
        debug_assert_eq!(truth.accuracy.len(), predictions.len());
        let means: Vec<f64> = predictions.iter().map(|p| p.mean).collect();
        let pairs = truth.accuracy.iter().zip(predictions);
        let inside = pairs.map(|(accuracy, p)| (p.lower_90..=p.upper_90).contains(accuracy));
        let widths = predictions.iter().map(|p| p.upper_90 - p.lower_90);
        Self {
            figures: truth.figures(&means),
            coverage_90: mean(inside.map(|inside| f64::from(u8::from(inside)))).unwrap_or(0.0),
            width_90: mean(widths).unwrap_or(0.0),
        }
    }

    /// Means over draws. Nothing of none.
    fn together(n: usize, held_out: usize, draws: &[Self]) -> Option<SurrogateFigures> {
        let figures: Vec<RankFigures> = draws.iter().map(|draw| draw.figures.clone()).collect();
        Some(SurrogateFigures {
            n,
            held_out,
            figures: RankFigures::mean(&figures)?,
            coverage_90: mean(draws.iter().map(|draw| draw.coverage_90))?,
            width_90: mean(draws.iter().map(|draw| draw.width_90))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    use super::*;
    use crate::ranking::{Device, DeviceKind};

    fn truth(networks: u32) -> Truth {
        let rows: Vec<f64> = (0..networks).map(f64::from).collect();
        Truth {
            accuracy: rows.iter().map(|row| 60.0 + 0.1 * row).collect(),
            cost: rows.clone(),
            devices: vec![Device::new(
                "ms",
                DeviceKind::Latency,
                rows.iter().map(|row| Some(1.0 + row)),
            )],
        }
    }

    /// Knows the order; its interval holds three networks of four.
    fn good(truth: &Truth) -> impl Fn(&[usize], &[usize]) -> Result<Vec<Prediction>, Infallible> {
        |_, others| {
            let predict = |&row: &usize| {
                let mean = truth.accuracy[row];
                let below = if row % 4 == 0 { -1.0 } else { 1.0 };
                Prediction {
                    mean,
                    lower_90: mean - below,
                    upper_90: mean + 2.0,
                }
            };
            Ok(others.iter().map(predict).collect())
        }
    }

    #[test]
    fn a_good_surrogate_is_told_from_a_useless_one() {
        let truth = truth(300);
        let splits = Splits::default();
        let judged = judge(&truth, &splits, good(&truth)).unwrap();
        let sizes: Vec<usize> = judged.iter().map(|judged| judged.n).collect();
        assert_eq!(sizes, [20, 50, 100, 200]);
        for judged in &judged {
            assert_eq!(judged.held_out, 300 - judged.n);
            assert_eq!(judged.figures.tau, Some(1.0));
            assert_eq!(judged.figures.regret().unwrap().top, 0.0);
            assert!((judged.coverage_90 - 0.75).abs() < 0.03, "{judged:?}");
            assert!((judged.width_90 - 2.5).abs() < 0.06, "{judged:?}");
        }
        let useless = judge(&truth, &splits, |_, others| {
            let all_alike = Prediction {
                mean: 1.0,
                lower_90: 0.0,
                upper_90: 2.0,
            };
            Ok::<_, Infallible>(vec![all_alike; others.len()])
        });
        for judged in useless.unwrap() {
            assert_eq!((judged.figures.tau, judged.coverage_90), (None, 0.0));
            // the first row of equals is picked, and is the worst
            assert!(judged.figures.regret().unwrap().top > 10.0);
        }
    }

    #[test]
    fn a_surrogate_is_judged_on_what_it_has_not_seen() {
        let truth = truth(60);
        let splits = Splits {
            sizes: vec![20, 40, 41],
            draws: 3,
            seed: 9,
        };
        let judged = judge(&truth, &splits, |fitted, others| {
            let both: BTreeSet<&usize> = fitted.iter().chain(others).collect();
            assert_eq!((both.len(), fitted.len() + others.len()), (60, 60));
            good(&truth)(fitted, others)
        });
        // 41 would leave 19 to judge on
        assert_eq!(judged.unwrap().len(), 2);
        let (few, _) = splits.split(60, 20, 2);
        let (more, _) = splits.split(60, 40, 2);
        assert!(few.iter().all(|row| more.contains(row)));
        assert_ne!(few, splits.split(60, 20, 1).0);
    }

    #[test]
    fn a_failure_is_handed_on() {
        let failed = judge(
            &truth(50),
            &Splits::default(),
            |fitted, _| Err(fitted.len()),
        );
        assert_eq!(failed.unwrap_err(), 20);
    }
}
