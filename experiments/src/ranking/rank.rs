//! Every term and mix on a table of trained networks.

use rayon::prelude::*;
use roofnas_cost::{Mix, Normalisation, QualityTerms, Score, Term};

use super::band::Band;
use super::figures::RankFigures;
use super::truth::{Device, Truth};
use crate::trained::{DistinctNetwork, TrainedError};

/// How well every quality term, and every mix of them, ranks trained networks.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// What they are held against: for each network the mean accuracy of its seeds.
    pub truth: Truth,
    /// The terms and mixes, in the order of [`Score::ALL`], then one's own.
    pub terms: Vec<TermFigures>,
    /// Terms that are the same for every network, and so add nothing to a mix.
    pub constant_terms: Vec<Term>,
}

/// One term or mix.
#[derive(Debug, Clone, PartialEq)]
pub struct TermFigures {
    /// Its name, as in an experiment.
    pub name: String,
    /// How well it ranks.
    pub figures: RankFigures,
}

impl Ranking {
    /// Ranks networks by every named score, and by further mixes. Mixes are normalised over these very networks.
    ///
    /// # Errors
    /// When there are fewer networks than terms.
    pub fn new(
        networks: &[DistinctNetwork],
        devices: Vec<Device>,
        band: Band,
        mixes: &[Mix],
    ) -> Result<Self, TrainedError> {
        let mixes = mixes.iter().map(|&mix| Score::Mix(mix));
        let scores: Vec<Score> = Score::ALL.into_iter().chain(mixes).collect();
        let needed = Term::ALL.len();
        if networks.len() < needed {
            let lines = || {
                networks
                    .iter()
                    .flat_map(|network| network.lines.iter().copied())
            };
            return Err(TrainedError::TooFew {
                networks: networks.len(),
                first: lines().min().unwrap_or(0),
                last: lines().max().unwrap_or(0),
                needed,
                why: "one for each term".to_owned(),
            });
        }
        let terms: Vec<QualityTerms> = networks.iter().map(|network| network.terms).collect();
        let z = Normalisation::new(&terms);
        let truth = Truth {
            accuracy: networks.iter().map(DistinctNetwork::accuracy).collect(),
            cost: terms.iter().map(|terms| band.of(terms)).collect(),
            devices,
        };
        let figures = scores.par_iter().map(|score| {
            let scores: Vec<f64> = terms.iter().map(|terms| score.of(terms, &z)).collect();
            TermFigures {
                name: score.name().to_owned(),
                figures: truth.figures(&scores),
            }
        });
        Ok(Self {
            terms: figures.collect(),
            constant_terms: Score::AE3.constant_terms(&z),
            truth,
        })
    }
}
