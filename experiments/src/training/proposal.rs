//! Which networks to train next.
//!
//! The first round is a spread over the proxy's front, evenly in the logarithm of latency, with some networks drawn at random among
//! what keeps the constraints: a model that has only seen what one formula likes can't tell where the formula errs.
//!
//! Each later round fits the surrogate to all that was trained, searches for the front of latency and *optimistic* quality, and takes
//! from what it has found the network of the largest expected improvement, averaged over [budgets](Budgets). With the surrogate's normal
//! distribution `N(m, s^2)` of the logarithm of a network's error, and `b` the lowest that it believes of a trained network within the budget,
//!
//! ```text
//! EI = s (z Phi(z) + phi(z)),  z = (b - m) / s
//! ```
//!
//! under a budget that the network keeps, and 0 under one that it doesn't (J. Mockus, 1975; D. R. Jones, M. Schonlau, W. J. Welch, J. Global
//! Optimization 13, 1998). Over evenly spread budgets, the mean is the expected gain in hypervolume (M. Emmerich, K. Giannakoglou, B. Naujoks,
//! IEEE Trans. Evolutionary Computation 10, 2006). `b` is what the surrogate believes and not what was measured, since of many
//! trainings the luckiest stands out. The rest of a batch is chosen as if what was chosen already had come out as expected (the "kriging
//! believer" of D. Ginsbourger, R. Le Riche, L. Carraro, 2010), which keeps a batch from being the same network with variations.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::sync::Arc;

use rayon::prelude::*;
use roofnas_cost::QualityTerms;
use roofnas_cost::surrogate::{Surrogate, SurrogateError, TopOne, Trained, TrainingSet};
use roofnas_search::{Limits, Problem, Search, StopReason, random_stream};
use roofnas_space::Genotype;

use super::cache::Architecture;
use super::candidate::{Forecast, Origin};
use crate::experiment::Experiment;
use crate::objective::Objective;
use crate::optimiser::Optimiser;
use crate::problem::BackboneProblem;
use crate::quality::{Predicted, Quality};

/// One in so many networks of the first round is drawn at random.
const RANDOM_ONE_IN: usize = 3;
/// Draws from the space until feasible networks are made from others instead.
const DRAWS: u64 = 2_000;
/// Mutations between a network that keeps the constraints and one that is made from it.
const STEPS: usize = 5;
/// Sets the streams apart from those of the experiment's own search.
const OWN_STREAMS: u64 = 0x7261_6e64_6f6d;
/// How often making one is tried for each that is wanted.
const TRIES: u64 = 200;

/// The search of a later round looks for networks whose accuracy stays below a figure with this probability: a deviation above the median.
const OPTIMISM: f64 = 0.84;
/// Budgets below the one that rules nothing out, about.
const BUDGETS: f64 = 64.0;

/// A network to train, why, and what is expected of it.
pub(super) type Proposal = (Genotype, Origin, Option<Forecast>);

/// Proposes networks that were not proposed before.
#[derive(Debug)]
pub(super) struct Proposer<'a> {
    /// The experiment, with the proxy as its quality.
    proxy: &'a Experiment,
    problem: &'a BackboneProblem<'a>,
    /// What was proposed.
    taken: BTreeSet<Architecture>,
}

/// Budgets for all that is minimised (latency, in most experiments), under which networks compete: one that rules nothing out, and a
/// grid below it, evenly in the logarithm. The first weighs as much as all others together: whoever gives a limit means that limit.
#[derive(Debug, PartialEq)]
struct Budgets {
    /// What each allows in each cost, with its weight.
    all: Vec<(Vec<f64>, f64)>,
}

/// A network that could be trained.
struct Choice {
    genotype: Genotype,
    terms: QualityTerms,
    costs: Vec<f64>,
}

impl<'a> Proposer<'a> {
    pub(super) fn new<'g>(
        problem: &'a BackboneProblem<'a>,
        proposed: impl Iterator<Item = &'g Genotype>,
    ) -> Self {
        let proxy = problem.experiment();
        Self {
            taken: proposed
                .map(|genotype| Architecture::new(&proxy.space, genotype))
                .collect(),
            proxy,
            problem,
        }
    }

    /// Networks for the first round, from the front that the proxy has found.
    pub(super) fn first(&mut self, front: &[Genotype], count: usize) -> Vec<Proposal> {
        let random = count / RANDOM_ONE_IN;
        let mut chosen = self.spread(front, count - random);
        let rest = count - chosen.len();
        let drawn = self.random(front, rest, 0);
        chosen.extend(drawn);
        chosen
    }

    /// Up to `count` networks of a front, evenly in the logarithm of latency.
    fn spread(&mut self, front: &[Genotype], count: usize) -> Vec<Proposal> {
        let mut left: Vec<(f64, &Genotype)> = front
            .iter()
            .filter(|genotype| self.keeps_constraints(genotype))
            .map(|genotype| (self.latency_ms(genotype).ln(), genotype))
            .collect();
        left.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1)));
        let (Some(first), Some(last)) = (left.first(), left.last()) else {
            return Vec::new();
        };
        let (fast, slow) = (first.0, last.0);
        let mut chosen = Vec::new();
        // from the slow end, where quality is highest, so that one network alone is the best
        for index in 0..count {
            let share = index as f64 / (count.max(2) - 1) as f64;
            let aim = slow + share * (fast - slow);
            while let Some(nearest) = nearest(&left, aim) {
                let (_, genotype) = left.remove(nearest);
                if self.take(genotype) {
                    chosen.push((genotype.clone(), Origin::ProxyFront, None));
                    break;
                }
            }
        }
        chosen
    }

    /// Up to `count` networks at random among what keeps the constraints; where that is too rare to be drawn, mutations of `near`.
    fn random(&mut self, near: &[Genotype], count: usize, round: u64) -> Vec<Proposal> {
        let mut chosen = Vec::new();
        let seed = self.proxy.resolved.seed;
        let drawn = |index| {
            let seed = seed ^ OWN_STREAMS;
            self.proxy
                .space
                .sample(&mut random_stream(seed, round, index))
        };
        let feasible: Vec<Genotype> = (0..DRAWS)
            .into_par_iter()
            .map(drawn)
            .filter(|genotype| self.problem.evaluate(genotype).is_feasible())
            .collect();
        for genotype in feasible {
            self.choose(&mut chosen, count, genotype);
        }
        for index in 0..TRIES * count as u64 {
            if chosen.len() >= count || near.is_empty() {
                break;
            }
            let mut rng = random_stream(seed ^ OWN_STREAMS, round, DRAWS + index);
            let mut genotype = near[index as usize % near.len()].clone();
            for _ in 0..STEPS {
                self.proxy.space.mutate(&mut genotype, &mut rng);
            }
            self.choose(&mut chosen, count, genotype);
        }
        chosen
    }

    /// Networks for a round that no surrogate can choose.
    pub(super) fn at_random(
        &mut self,
        trained: &[Trained],
        count: usize,
        round: u64,
    ) -> Vec<Proposal> {
        let near: Vec<Genotype> = trained.iter().map(|row| row.genotype.clone()).collect();
        self.random(&near, count, round)
    }

    fn choose(&mut self, chosen: &mut Vec<Proposal>, count: usize, genotype: Genotype) {
        if chosen.len() < count && self.keeps_constraints(&genotype) && self.take(&genotype) {
            chosen.push((genotype, Origin::Random, None));
        }
    }

    /// Networks for a later round, with what is expected of each; nothing where the watcher wants to stop.
    ///
    /// # Errors
    /// When the surrogate can't be fitted.
    pub(super) fn next(
        &mut self,
        trained: &[Trained],
        count: usize,
        round: u64,
        evaluations: u64,
        wants_to_stop: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Vec<Proposal>>, SurrogateError> {
        let mut believed: Vec<Trained> = trained.to_vec();
        let fitted = Arc::new(self.training_set(&believed)?.fit()?);
        let mut surrogate = Arc::clone(&fitted);
        let Some(found) = self.search(&surrogate, trained, round, evaluations, wants_to_stop)
        else {
            return Ok(None);
        };
        let mut options = self.options(found);
        let mut known: Vec<(Vec<f64>, f64)> = trained
            .iter()
            .map(|row| (self.costs(&row.genotype), self.believed(&fitted, row)))
            .collect();
        let budgets = Budgets::new(
            known.iter().map(|(costs, _)| costs.as_slice()),
            options.iter().map(|option| option.costs.as_slice()),
        );
        let mut chosen = Vec::new();
        while chosen.len() < count && !options.is_empty() {
            if wants_to_stop() {
                return Ok(None);
            }
            let predicted: Vec<TopOne> = options
                .par_iter()
                .map(|option| surrogate.predict(&option.genotype, &option.terms))
                .collect();
            let rivals = budgets.best(&known);
            let worth = options.iter().zip(&predicted).map(|(option, prediction)| {
                budgets.mean(&option.costs, |budget| {
                    expected_improvement(prediction, rivals[budget])
                })
            });
            let Some(best) = first_largest(worth) else {
                break;
            };
            let option = options.swap_remove(best);
            if !self.take(&option.genotype) {
                continue;
            }
            let forecast = Forecast::from(predicted[best]);
            known.push((option.costs, forecast.mean));
            believed.push(Trained {
                genotype: option.genotype.clone(),
                accuracy: forecast.accuracy(),
                std: None,
                runs: 1,
            });
            chosen.push((option.genotype, Origin::Improvement, Some(forecast)));
            if chosen.len() < count {
                // what was not measured says nothing of how far predictions are off
                surrogate = Arc::new(self.training_set(&believed)?.fit_like(&fitted)?);
            }
        }
        let rest = self.at_random(trained, count - chosen.len(), round);
        chosen.extend(rest);
        Ok(Some(chosen))
    }

    /// The mean of the logarithm of a trained network's error, after all trainings.
    fn believed(&self, surrogate: &Surrogate, row: &Trained) -> f64 {
        let terms = QualityTerms::new(&self.proxy.space.decode(&row.genotype));
        surrogate.predict(&row.genotype, &terms).mean
    }

    fn training_set(&self, trained: &[Trained]) -> Result<TrainingSet, SurrogateError> {
        TrainingSet::new(&self.proxy.space, &self.proxy.sample, trained)
    }

    /// Searches for the front of the optimistic quality, and gives all that the search has in its hands at its end.
    fn search(
        &self,
        surrogate: &Arc<Surrogate>,
        trained: &[Trained],
        round: u64,
        evaluations: u64,
        wants_to_stop: &mut dyn FnMut() -> bool,
    ) -> Option<BTreeSet<Genotype>> {
        let mut optimistic = self.proxy.clone();
        optimistic.appraiser.quality = Quality::Surrogate {
            surrogate: Arc::clone(surrogate),
            of: Predicted::Quantile(OPTIMISM),
        };
        optimistic.start = trained.iter().map(|row| row.genotype.clone()).collect();
        let problem = self.problem.with(&optimistic);
        // another stream than those of the experiment's own search
        let seed = optimistic.resolved.seed.wrapping_add(round << 32);
        let mut search = Search::on_islands(optimistic.islands, seed, |island, seed| {
            Optimiser::start(&optimistic, island, seed)
        });
        let limits = Limits::new(NonZeroU64::new(evaluations).unwrap_or(NonZeroU64::MIN));
        let observer = |_: &_| match wants_to_stop() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let clock = || 0.0;
        if search.run(&problem, &limits, &clock, observer) == StopReason::Interrupted {
            return None;
        }
        let front = search.front().iter().map(|member| &member.genotype);
        let started = search.optimizers().iter();
        let population = started.flat_map(|started| started.optimizer().genotypes());
        Some(front.chain(population).cloned().collect())
    }

    /// Those of these networks that can be proposed, each once.
    fn options(&self, found: BTreeSet<Genotype>) -> Vec<Choice> {
        let mut seen = BTreeSet::new();
        let fresh = found.into_iter().filter(|genotype| {
            let architecture = Architecture::new(&self.proxy.space, genotype);
            !self.taken.contains(&architecture) && seen.insert(architecture)
        });
        fresh
            .filter(|genotype| self.keeps_constraints(genotype))
            .map(|genotype| Choice {
                terms: QualityTerms::new(&self.proxy.space.decode(&genotype)),
                costs: self.costs(&genotype),
                genotype,
            })
            .collect()
    }

    /// Marks a network as proposed; says whether it was not before.
    fn take(&mut self, genotype: &Genotype) -> bool {
        self.taken
            .insert(Architecture::new(&self.proxy.space, genotype))
    }

    /// Priced layer by layer, as the results are.
    fn keeps_constraints(&self, genotype: &Genotype) -> bool {
        let metrics = self.proxy.appraise(genotype);
        self.proxy.evaluation(&metrics).is_feasible()
    }

    fn latency_ms(&self, genotype: &Genotype) -> f64 {
        self.proxy.appraise(genotype).latency.mean_ms
    }

    /// What a network costs in each objective but quality.
    fn costs(&self, genotype: &Genotype) -> Vec<f64> {
        let metrics = self.proxy.appraise(genotype);
        let others = self.proxy.objectives.iter();
        let others = others.filter(|objective| **objective != Objective::Quality);
        others.map(|objective| objective.cost(&metrics)).collect()
    }
}

impl Budgets {
    /// Between the least that a trained network costs, and the most that one costs which is or could be trained.
    fn new<'c>(
        trained: impl Iterator<Item = &'c [f64]> + Clone,
        options: impl Iterator<Item = &'c [f64]>,
    ) -> Self {
        let least = trained
            .clone()
            .map(<[f64]>::to_vec)
            .reduce(pairwise(f64::min));
        let most = trained
            .chain(options)
            .map(<[f64]>::to_vec)
            .reduce(pairwise(f64::max));
        let (Some(least), Some(most)) = (least, most) else {
            return Self { all: Vec::new() };
        };
        // one too many for an even root, so that its floor is the root
        let levels = (BUDGETS + 0.5)
            .powf(1.0 / least.len().max(1) as f64)
            .floor()
            .max(2.0);
        let mut grid = vec![Vec::new()];
        for (least, most) in least.iter().zip(&most) {
            let step = |level: u32| {
                // a cost of nothing has no logarithm
                let share = (f64::from(level) + 0.5) / levels;
                match *least > 0.0 {
                    true => least * (most / least).powf(share),
                    false => least + share * (most - least),
                }
            };
            grid = grid
                .iter()
                .flat_map(|lower: &Vec<f64>| {
                    (0..levels as u32).map(move |level| {
                        let mut budget = lower.clone();
                        budget.push(step(level));
                        budget
                    })
                })
                .collect();
        }
        let weight = 1.0 / grid.len() as f64;
        let mut all: Vec<(Vec<f64>, f64)> = grid.into_iter().map(|own| (own, weight)).collect();
        all.push((most, 1.0));
        Self { all }
    }

    /// The lowest logarithm of an error within each budget; where nothing keeps it, the highest of all: whatever comes there is the first.
    fn best(&self, known: &[(Vec<f64>, f64)]) -> Vec<f64> {
        let errors = known.iter().map(|(_, error)| *error);
        let worst = errors.reduce(f64::max).unwrap_or(0.0);
        let best = |budget: &[f64]| {
            let rivals = known.iter().filter(|(costs, _)| keeps(costs, budget));
            rivals.map(|(_, error)| *error).reduce(f64::min)
        };
        let budgets = self.all.iter();
        budgets
            .map(|(budget, _)| best(budget).unwrap_or(worst))
            .collect()
    }

    /// The weighted mean of a gain, of which there is none where a budget isn't kept. `gain` gets a budget's position.
    fn mean(&self, costs: &[f64], gain: impl Fn(usize) -> f64) -> f64 {
        let gains = self
            .all
            .iter()
            .enumerate()
            .map(|(position, (budget, weight))| match keeps(costs, budget) {
                true => weight * gain(position),
                false => 0.0,
            });
        let weights = self.all.iter().map(|(_, weight)| weight);
        gains.sum::<f64>() / weights.sum::<f64>()
    }
}

/// Combines two rows of numbers, one by one.
fn pairwise(combine: fn(f64, f64) -> f64) -> impl Fn(Vec<f64>, Vec<f64>) -> Vec<f64> {
    move |a, b| a.into_iter().zip(b).map(|(a, b)| combine(a, b)).collect()
}

/// Whether these costs keep a budget.
fn keeps(costs: &[f64], budget: &[f64]) -> bool {
    costs
        .iter()
        .zip(budget)
        .all(|(own, allowed)| own <= allowed)
}

/// The position of what is nearest to an aim; the first of equals.
fn nearest(left: &[(f64, &Genotype)], aim: f64) -> Option<usize> {
    let distance = |position: &usize| (left[*position].0 - aim).abs();
    (0..left.len()).min_by(|a, b| distance(a).total_cmp(&distance(b)))
}

/// By how much a network is expected to lower the logarithm of the error below `best`. What training adds by chance is no improvement.
fn expected_improvement(prediction: &TopOne, best: f64) -> f64 {
    let (mean, std) = (prediction.mean, prediction.std);
    if std <= 0.0 {
        return (best - mean).max(0.0);
    }
    let z = (best - mean) / std;
    let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    std * (z * normal_cdf(z) + density).max(0.0)
}

/// The standard normal distribution function (M. Abramowitz, I. A. Stegun, formula 26.2.17; to 7.5e-8).
fn normal_cdf(z: f64) -> f64 {
    const COEFFICIENTS: [f64; 5] = [
        0.319_381_530,
        -0.356_563_782,
        1.781_477_937,
        -1.821_255_978,
        1.330_274_429,
    ];
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let polynomial = COEFFICIENTS.iter().rev().fold(0.0, |sum, c| (sum + c) * t);
    let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let upper = density * polynomial;
    if z >= 0.0 { 1.0 - upper } else { upper }
}

/// The position of the largest number; the first of equals. What is no number is never it.
fn first_largest(numbers: impl Iterator<Item = f64>) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (position, number) in numbers.enumerate() {
        if number.is_nan() {
            continue;
        }
        if best.is_none_or(|(_, largest)| number > largest) {
            best = Some((position, number));
        }
    }
    best.map(|(position, _)| position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_function_has_its_known_values() {
        for (z, expected) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746),
            (-1.0, 0.158_655_254),
            (1.959_963_985, 0.975),
            (-3.0, 0.001_349_898),
        ] {
            assert!((normal_cdf(z) - expected).abs() < 1e-7, "{z}");
        }
    }

    #[test]
    fn improvement_grows_with_hope_and_with_doubt() {
        let of = |mean, std, best| {
            let prediction = TopOne {
                mean,
                std,
                training_std: 0.1,
            };
            expected_improvement(&prediction, best)
        };
        // EI at the best itself is s / sqrt(2 pi)
        assert!((of(3.0, 0.2, 3.0) - 0.2 * 0.398_942_280).abs() < 1e-7);
        assert!(of(2.9, 0.2, 3.0) > of(3.0, 0.2, 3.0));
        assert!(of(3.1, 0.3, 3.0) > of(3.1, 0.1, 3.0));
        assert!((of(2.5, 0.0, 3.0) - 0.5).abs() < 1e-12);
        assert_eq!(of(3.5, 0.0, 3.0), 0.0);
        assert!((of(1.0, 0.01, 3.0) - 2.0).abs() < 1e-6);
    }

    #[test]
    fn budgets_are_spread_between_the_cheapest_and_the_dearest() {
        let trained = [[2.0], [8.0]];
        let options = [[1.0], [32.0]];
        let budgets = Budgets::new(
            trained.iter().map(<[f64; 1]>::as_slice),
            options.iter().map(<[f64; 1]>::as_slice),
        );
        let all = &budgets.all;
        assert_eq!(all.len(), 65);
        // the middle of the first and of the last of 64 even parts of ln 2 to ln 32
        assert!((all[0].0[0].ln() - (2f64.ln() + 16f64.ln() / 128.0)).abs() < 1e-12);
        assert!((all[63].0[0].ln() - (32f64.ln() - 16f64.ln() / 128.0)).abs() < 1e-12);
        assert_eq!(all[64].0, [32.0]);
        let weights = all.iter().map(|(_, weight)| weight);
        assert!((weights.sum::<f64>() - 2.0).abs() < 1e-12);
        // of two costs, a grid of 8 x 8; of none, that which rules nothing out
        let two = [[1.0, 3.0], [2.0, 5.0]];
        let two = Budgets::new(two.iter().map(<[f64; 2]>::as_slice), std::iter::empty());
        assert_eq!(two.all.len(), 65);
        assert!(two.all.iter().all(|(budget, _)| budget.len() == 2));
    }

    #[test]
    fn a_network_competes_with_what_keeps_the_same_budget() {
        let known = [
            (vec![2.0, 5.0], 3.0),
            (vec![4.0, 1.0], 2.0),
            (vec![1.0, 9.0], 3.5),
        ];
        let budgets = Budgets {
            all: vec![
                (vec![4.0, 5.0], 1.0),
                (vec![3.0, 6.0], 1.0),
                (vec![0.5, 0.5], 2.0),
            ],
        };
        // none costs as little as the last: the worst of all
        assert_eq!(budgets.best(&known), [2.0, 3.0, 3.5]);
        let gains = [1.0, 10.0, 100.0];
        assert_eq!(budgets.mean(&[3.5, 1.0], |place| gains[place]), 0.25);
        assert_eq!(budgets.mean(&[0.1, 0.1], |place| gains[place]), 52.75);
        assert_eq!(budgets.mean(&[9.0, 9.0], |place| gains[place]), 0.0);
    }

    #[test]
    fn a_step_in_the_front_is_no_improvement() {
        // between 2 and 2.001 ms the front leaps; what is a trifle faster than the second gains next to nothing
        let known = [(vec![1.0], 3.5), (vec![2.0], 3.0), (vec![8.0], 2.8)];
        let options = [vec![1.999], vec![4.0]];
        let budgets = Budgets::new(
            known.iter().map(|(costs, _)| costs.as_slice()),
            options.iter().map(Vec::as_slice),
        );
        let rivals = budgets.best(&known);
        let worth = |cost: f64, mean| {
            let prediction = TopOne {
                mean,
                std: 0.02,
                training_std: 0.1,
            };
            budgets.mean(&[cost], |budget| {
                expected_improvement(&prediction, rivals[budget])
            })
        };
        assert!(worth(1.999, 3.0) < 0.5 * worth(4.0, 2.95));
    }

    #[test]
    fn the_first_of_the_largest_is_taken() {
        let numbers = [1.0, f64::NAN, 4.0, 4.0];
        assert_eq!(first_largest(numbers.into_iter()), Some(2));
        assert_eq!(first_largest([f64::NAN].into_iter()), None);
    }
}
