//! From trained networks to predicted ones.

use std::sync::Arc;

use roofnas_space::{Genotype, SearchSpace};
use thiserror::Error;

use super::encoding::Encoding;
use super::fit;
use super::hyper::Hyper;
use super::prediction::TopOne;
use super::process::{Observation, Process};
use crate::quality::{Moments, QualityTerms};

/// A network that was trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The network.
    pub genotype: Genotype,
    /// Its top-1 accuracy, in per cent; of several trainings the mean.
    pub accuracy: f64,
    /// Standard deviation of one training of it, in points, where it is known.
    pub std: Option<f64>,
    /// Trainings it is the mean of, at least 1.
    pub runs: u32,
}

/// Why nothing can be fitted.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SurrogateError {
    /// Fewer rows than there are terms to weigh.
    #[error(
        "{rows} trained networks are too few: at least {least} are needed, and 50 are a good start"
    )]
    TooFew {
        /// How many there are.
        rows: usize,
        /// How many there must be.
        least: usize,
    },
    /// An accuracy that is none.
    #[error("an accuracy is a number from 0 to 100 per cent, and this is {accuracy}")]
    Accuracy {
        /// The row, from 0.
        row: usize,
        /// Its accuracy.
        accuracy: f64,
    },
    /// A deviation that is none.
    #[error("the deviation of an accuracy is a number of points from 0, and this is {std}")]
    Deviation {
        /// The row, from 0.
        row: usize,
        /// Its deviation.
        std: f64,
    },
    /// Nothing to learn from.
    #[error("all trained networks have the same accuracy: there is nothing to learn from them")]
    Constant,
}

/// An error in points that counts as none: none at all has no logarithm.
const LEAST_ERROR: f64 = 0.01;

/// Parts that rows are held out in.
const FOLDS: usize = 5;

/// Number of terms.
const TERMS: usize = 6;

/// The terms as coordinates: what counts elements counts by its logarithm.
fn terms(terms: &QualityTerms) -> [f64; TERMS] {
    [
        terms.s,
        terms.nsc,
        terms.st_la,
        terms.params.max(1.0).ln(),
        terms.macs.max(1.0).ln(),
        terms.activations.max(1.0).ln(),
    ]
}

/// How networks of a space become points: scaled terms, then the encoded genes.
#[derive(Debug, Clone, PartialEq)]
struct Coordinates {
    space: SearchSpace,
    terms: [Moments; TERMS],
    encoding: Encoding,
}

impl Coordinates {
    fn new(space: &SearchSpace, sample: &[Genotype]) -> Self {
        let all: Vec<[f64; TERMS]> = sample
            .iter()
            .map(|genotype| terms(&QualityTerms::new(&space.decode(genotype))))
            .collect();
        Self {
            terms: std::array::from_fn(|term| Moments::new(all.iter().map(|all| all[term]))),
            encoding: Encoding::new(space, sample),
            space: space.clone(),
        }
    }

    fn point(&self, genotype: &Genotype, of: &QualityTerms) -> Vec<f64> {
        let mut point = Vec::with_capacity(TERMS + self.encoding.len());
        let scaled = self.terms.iter().zip(terms(of));
        point.extend(scaled.map(|(moments, term)| moments.z(term)));
        self.encoding.encode(&self.space, genotype, &mut point);
        point
    }
}

/// Trained networks of a space, ready to be learnt from.
#[derive(Debug, Clone)]
pub struct TrainingSet {
    coordinates: Arc<Coordinates>,
    observations: Vec<Observation>,
}

impl TrainingSet {
    /// Fewest networks that anything is fitted to: two more than there are terms.
    pub const LEAST: usize = TERMS + 2;

    /// Takes up trained networks of a space. Coordinates are scaled over a sample of the space, which should be drawn at random and
    /// be the same for all surrogates that are compared.
    ///
    /// # Errors
    /// When there are too few of them, or an accuracy is none.
    pub fn new(
        space: &SearchSpace,
        sample: &[Genotype],
        trained: &[Trained],
    ) -> Result<Self, SurrogateError> {
        let coordinates = Arc::new(Coordinates::new(space, sample));
        if trained.len() < Self::LEAST {
            return Err(SurrogateError::TooFew {
                rows: trained.len(),
                least: Self::LEAST,
            });
        }
        let observations = trained.iter().enumerate().map(|(row, trained)| {
            let accuracy = trained.accuracy;
            if !(0.0..=100.0).contains(&accuracy) {
                return Err(SurrogateError::Accuracy { row, accuracy });
            }
            let std = trained.std.unwrap_or(0.0);
            if !(0.0..100.0).contains(&std) {
                return Err(SurrogateError::Deviation { row, std });
            }
            let of = QualityTerms::new(&space.decode(&trained.genotype));
            let error = (100.0 - accuracy).max(LEAST_ERROR);
            Ok(Observation {
                point: coordinates.point(&trained.genotype, &of),
                value: error.ln(),
                // d ln error = d error / error
                known_variance: (std / error).powi(2),
                runs: f64::from(trained.runs.max(1)),
            })
        });
        Ok(Self {
            observations: observations.collect::<Result<_, _>>()?,
            coordinates,
        })
    }

    /// Number of networks.
    pub fn len(&self) -> usize {
        self.observations.len()
    }

    /// Never: there are at least [`LEAST`](Self::LEAST).
    pub fn is_empty(&self) -> bool {
        self.observations.is_empty()
    }

    /// Learns from all of them.
    ///
    /// # Errors
    /// When all have the same accuracy.
    pub fn fit(&self) -> Result<Surrogate, SurrogateError> {
        let all: Vec<usize> = (0..self.len()).collect();
        self.fit_to(&all)
    }

    /// Learns from the networks of these rows.
    ///
    /// Fitted hyper-parameters are surer of themselves than they should be, with few rows above all. So every fifth of the rows is predicted from the
    /// others, hyper-parameters and all, and where errors come out larger than their deviations say, all deviations are multiplied by how much (the root of
    /// the mean squared ratio).
    ///
    /// # Errors
    /// When there are too few rows, or (nearly) all have the same accuracy.
    ///
    /// # Panics
    /// For a row that isn't there.
    pub fn fit_to(&self, rows: &[usize]) -> Result<Surrogate, SurrogateError> {
        if rows.len() < Self::LEAST {
            return Err(SurrogateError::TooFew {
                rows: rows.len(),
                least: Self::LEAST,
            });
        }
        let all: Vec<&Observation> = rows.iter().map(|&row| &self.observations[row]).collect();
        let process = learn(&all)?;
        let mut held_out = vec![None; all.len()];
        for fold in 0..FOLDS {
            let is_own = |place: &usize| place % FOLDS == fold;
            let others = (0..all.len()).filter(|place| !is_own(place));
            let from_others = learn(&others.map(|place| all[place]).collect::<Vec<_>>())?;
            for place in (0..all.len()).filter(is_own) {
                held_out[place] = Some(top_one(&from_others, &all[place].point));
            }
        }
        let held_out: Vec<TopOne> = held_out.into_iter().flatten().collect();
        let squares = held_out.iter().zip(&all).map(|(predicted, observation)| {
            let chance = predicted.training_std / observation.runs.sqrt();
            ((predicted.mean - observation.value) / predicted.std.hypot(chance)).powi(2)
        });
        let widening = (squares.sum::<f64>() / all.len() as f64).sqrt().max(1.0);
        Ok(Surrogate {
            coordinates: self.coordinates.clone(),
            process: process.widened(widening),
            held_out: held_out.iter().map(|own| own.widened(widening)).collect(),
        })
    }

    /// Learns from all of them what another surrogate of the space would, had it seen them: parts vary and trainings deviate as much as for that one.
    ///
    /// # Errors
    /// When all have the same accuracy.
    pub fn fit_like(&self, like: &Surrogate) -> Result<Surrogate, SurrogateError> {
        let all: Vec<&Observation> = self.observations.iter().collect();
        let process = Process::new(&all, TERMS, like.hyper()).ok_or(SurrogateError::Constant)?;
        Ok(Surrogate {
            coordinates: self.coordinates.clone(),
            process: process.widened(like.process.widening()),
            held_out: Vec::new(),
        })
    }

    /// What a surrogate of the same space says of the network in a row.
    ///
    /// # Panics
    /// For a row that isn't there.
    pub fn prediction(&self, surrogate: &Surrogate, row: usize) -> TopOne {
        top_one(&surrogate.process, &self.observations[row].point)
    }
}

/// Predicts the accuracy of networks of a space.
#[derive(Debug, Clone, PartialEq)]
pub struct Surrogate {
    coordinates: Arc<Coordinates>,
    process: Process,
    held_out: Vec<TopOne>,
}

/// Learns from observations.
fn learn(all: &[&Observation]) -> Result<Process, SurrogateError> {
    let process = fit::fit(all, TERMS).and_then(|hyper| Process::new(all, TERMS, hyper));
    process.ok_or(SurrogateError::Constant)
}

fn top_one(process: &Process, point: &[f64]) -> TopOne {
    let belief = process.belief(point);
    TopOne {
        mean: belief.mean,
        std: belief.variance.sqrt(),
        training_std: belief.noise_variance.sqrt(),
    }
}

impl Surrogate {
    /// The prediction for a network of the space, whose terms are these.
    pub fn predict(&self, genotype: &Genotype, terms: &QualityTerms) -> TopOne {
        top_one(&self.process, &self.coordinates.point(genotype, terms))
    }

    /// The same without deviations, which takes a fraction of the time: the median, in per cent.
    pub fn median(&self, genotype: &Genotype, terms: &QualityTerms) -> f64 {
        100.0
            - self
                .process
                .mean(&self.coordinates.point(genotype, terms))
                .exp()
    }

    /// What is predicted of each network it has learnt from, from the others: a fifth of them is left out at a time. In the order of the rows; empty
    /// for one that was [fitted like another](TrainingSet::fit_like).
    pub fn held_out(&self) -> &[TopOne] {
        &self.held_out
    }

    /// The fitted hyper-parameters.
    pub fn hyper(&self) -> Hyper {
        self.process.hyper
    }

    /// Networks it has learnt from.
    pub fn trained(&self) -> usize {
        self.process.len()
    }
}
