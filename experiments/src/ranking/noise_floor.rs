//! What even a perfect oracle shows against accuracies that are noisy.

use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use roofnas_search::random_stream;

use super::budgets::Budgets;
use super::figures::RankFigures;
use super::truth::Truth;
use crate::trained::DistinctNetwork;

/// How often noise is drawn.
pub const DRAWS: usize = 200;

/// Figures of a score that nothing could better, because what it is held against is noisy. A regret below it, or a tau above it, is luck.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseFloor {
    /// How it was found.
    pub source: NoiseSource,
    /// The figures, means over the choices or draws.
    pub figures: RankFigures,
}

/// Where it is known from how noisy accuracies are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoiseSource {
    /// From several seeds: the accuracies of one are the score, and the mean of the others the truth; each of them is the score once. Networks without
    /// all of the seeds are left out. The score is as noisy as one training run, so that this is what training each network once would come to.
    Seeds {
        /// How many seeds.
        seeds: usize,
        /// Networks that have all of them.
        networks: usize,
    },
    /// From a deviation: the table's accuracies are taken for exact, and are the score; the truth is these with Gaussian noise, drawn anew
    /// [some times](DRAWS).
    Deviation {
        /// Standard deviation of a training run, in points.
        std: f64,
        /// Seed of the draws.
        seed: u64,
    },
}

impl NoiseFloor {
    /// From the seeds of the networks that `truth` is about. Nothing where there is one seed, or no network has all of them.
    pub fn from_seeds(truth: &Truth, networks: &[DistinctNetwork]) -> Option<Self> {
        let seeds = networks.first()?.accuracies.len();
        let complete = |network: &DistinctNetwork| network.accuracies.iter().all(Option::is_some);
        let rows: Vec<usize> = (0..networks.len())
            .filter(|&row| complete(&networks[row]))
            .collect();
        if seeds < 2 || rows.is_empty() {
            return None;
        }
        let known = truth.only(&rows);
        let accuracy = |row: usize, seed: usize| networks[row].accuracies[seed].unwrap_or(f64::NAN);
        let choices = (0..seeds).map(|chosen| {
            let others = |&row: &usize| {
                let others = (0..seeds).filter(|&seed| seed != chosen);
                let sum: f64 = others.map(|seed| accuracy(row, seed)).sum();
                sum / (seeds - 1) as f64
            };
            let score: Vec<f64> = rows.iter().map(|&row| accuracy(row, chosen)).collect();
            let truth = known.with_accuracy(rows.iter().map(others).collect());
            truth.figures(&score)
        });
        Some(Self {
            source: NoiseSource::Seeds {
                seeds,
                networks: rows.len(),
            },
            figures: RankFigures::mean(&choices.collect::<Vec<_>>())?,
        })
    }

    /// From the deviation of a training run, in points of accuracy.
    pub fn from_deviation(truth: &Truth, std: f64, seed: u64) -> Option<Self> {
        let budgets: Vec<Budgets> = truth.devices.iter().map(Budgets::new).collect();
        let draws: Vec<RankFigures> = (0..DRAWS)
            .into_par_iter()
            .map(|draw| {
                let mut rng = random_stream(seed, 0, draw as u64);
                let mut noisy = |exact: &f64| {
                    let noise: f64 = StandardNormal.sample(&mut rng);
                    exact + std * noise
                };
                let noisy = truth.accuracy.iter().map(&mut noisy).collect();
                truth
                    .with_accuracy(noisy)
                    .figures_under(&budgets, &truth.accuracy)
            })
            .collect();
        Some(Self {
            source: NoiseSource::Deviation { std, seed },
            figures: RankFigures::mean(&draws)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::{Device, DeviceKind};

    /// Networks with distinct accuracies and latencies.
    fn truth() -> Truth {
        let rows = (0..200).map(f64::from);
        Truth {
            accuracy: rows.clone().map(|row| 50.0 + 0.1 * row).collect(),
            cost: rows.clone().collect(),
            devices: vec![Device::new(
                "ms",
                DeviceKind::Latency,
                rows.map(|row| Some(row + 1.0)),
            )],
        }
    }

    #[test]
    fn without_noise_an_oracle_is_perfect() {
        let floor = NoiseFloor::from_deviation(&truth(), 0.0, 1).unwrap();
        assert_eq!(floor.figures.tau, Some(1.0));
        assert_eq!(floor.figures.regret().unwrap().top, 0.0);
    }

    #[test]
    fn noise_costs_what_it_must() {
        // every network's accuracy is the same: under noise of deviation 1 the best of n networks beats the pick by the expected maximum of n normal
        // numbers: 1.54 of the 10 within the lowest budget, 2.73 of the 190 within the highest, 2.4 in the mean
        let mut truth = truth();
        truth.accuracy = vec![50.0; 200];
        let floor = NoiseFloor::from_deviation(&truth, 1.0, 1).unwrap();
        let regret = floor.figures.regret().unwrap();
        assert!((2.1..2.7).contains(&regret.top), "{regret:?}");
        assert!(regret.best_of_five < regret.top);
        assert_eq!(floor.figures.tau, None);
        let again = NoiseFloor::from_deviation(&truth, 1.0, 1).unwrap();
        assert_eq!(floor, again);
        let other = NoiseFloor::from_deviation(&truth, 1.0, 2).unwrap();
        assert_ne!(floor, other);
    }
}
