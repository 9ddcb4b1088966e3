use std::hash::Hash;

use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::individual::Individual;
use crate::novelty::{Known, fingerprint};
use crate::nsga2_settings::Nsga2Settings;
use crate::optimizer::Optimizer;
use crate::problem::{Problem, SearchRng};
use crate::random_stream::random_stream;
use crate::survival::{Survivor, survivors};

/// How often a place in the batch is bred anew when the child is known already.
const BREEDINGS: usize = 8;
/// How often it is then sampled anew, before the place is left empty.
const SAMPLINGS: usize = 8;
/// The least offspring worth a task of their own.
const OFFSPRING_PER_TASK: usize = 16;

/// NSGA-II: the elitist genetic algorithm by non-dominated fronts and crowding.
///
/// K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, "A fast and elitist multiobjective genetic
/// algorithm: NSGA-II", IEEE Transactions on Evolutionary Computation 6(2), 2002, with its
/// constrained dominance. The first generation is sampled. Later, each place of the batch goes
/// to a child of its own: one or two parents by binary tournament, crossover with a
/// probability, always mutation. The best of parents and children survive.
///
/// A child equal to a member of the population or of the batch is bred again a few times, then
/// sampled a few times, then left out: in a space almost exhausted batches shrink, and an empty
/// one ends the search.
///
/// Children are made in parallel, each from its own [random stream](random_stream), so a run
/// does not depend on the number of threads. The state (settings, seed, generation,
/// population) can be stored and read back at any generation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nsga2<G> {
    settings: Nsga2Settings,
    seed: u64,
    generation: u64,
    population: Vec<Survivor<G>>,
}

impl<G> Nsga2<G> {
    /// A run yet to begin.
    pub fn new(settings: Nsga2Settings, seed: u64) -> Self {
        Self {
            settings,
            seed,
            generation: 0,
            population: Vec::new(),
        }
    }

    /// The settings it runs with.
    pub fn settings(&self) -> &Nsga2Settings {
        &self.settings
    }

    /// The seed of all its streams.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The survivors of the last generation, infeasible ones included.
    pub fn population(&self) -> impl ExactSizeIterator<Item = &Individual<G>> {
        self.population.iter().map(|survivor| &survivor.individual)
    }

    /// For every place of the batch something the population does not have, if found, and the
    /// place's stream as it was left.
    fn propose_all<P: Problem<Genotype = G>>(
        &self,
        problem: &P,
        known: &Known,
    ) -> Vec<(Option<Proposal<G>>, SearchRng)>
    where
        G: Clone + Hash + Send + Sync,
    {
        (0..self.settings.population())
            .into_par_iter()
            .with_min_len(OFFSPRING_PER_TASK)
            .map(|index| {
                let mut rng = random_stream(self.seed, self.generation, index as u64);
                (self.propose(problem, known, &mut rng), rng)
            })
            .collect()
    }

    /// The first new genotype found for one place of the batch, if any.
    fn propose<P: Problem<Genotype = G>>(
        &self,
        problem: &P,
        known: &Known,
        rng: &mut SearchRng,
    ) -> Option<Proposal<G>>
    where
        G: Clone + Hash,
    {
        let breedings = if self.population.is_empty() {
            0
        } else {
            BREEDINGS
        };
        (0..breedings + SAMPLINGS)
            .map(|attempt| {
                Proposal::new(if attempt < breedings {
                    self.breed(problem, rng)
                } else {
                    problem.sample(rng)
                })
            })
            .find(|proposal| !known.contains(proposal.fingerprint))
    }

    /// A child of one or two parents.
    fn breed<P: Problem<Genotype = G>>(&self, problem: &P, rng: &mut SearchRng) -> G
    where
        G: Clone,
    {
        let mut child = self.tournament(rng).clone();
        if rng.random_bool(self.settings.crossover_probability()) {
            problem.crossover(&mut child, self.tournament(rng), rng);
        }
        problem.mutate(&mut child, rng);
        child
    }

    /// The better of two members drawn at random, the first if they stand alike.
    fn tournament(&self, rng: &mut SearchRng) -> &G {
        let first = &self.population[rng.random_range(0..self.population.len())];
        let second = &self.population[rng.random_range(0..self.population.len())];
        let winner = if second.standing.beats(first.standing) {
            second
        } else {
            first
        };
        &winner.individual.genotype
    }
}

impl<P: Problem> Optimizer<P> for Nsga2<P::Genotype> {
    fn ask(&mut self, problem: &P, batch: &mut Vec<P::Genotype>) {
        let parents = self
            .population()
            .map(|parent| fingerprint(&parent.genotype));
        let mut known = Known::new(parents, self.settings.population());
        batch.clear();
        for (proposal, mut rng) in self.propose_all(problem, &known) {
            // Whoever is equal to one before it in the batch tries again, on its own stream.
            let new = match proposal {
                Some(proposal) if known.contains(proposal.fingerprint) => {
                    self.propose(problem, &known, &mut rng)
                }
                other => other,
            };
            if let Some(new) = new {
                known.insert(new.fingerprint);
                batch.push(new.genotype);
            }
        }
    }

    fn tell(&mut self, evaluated: &mut Vec<Individual<P::Genotype>>) {
        let parents = std::mem::take(&mut self.population);
        let mut pool = Vec::with_capacity(parents.len() + evaluated.len());
        pool.extend(parents.into_iter().map(|parent| parent.individual));
        pool.append(evaluated);
        self.population = survivors(pool, self.settings.population());
        self.generation += 1;
    }

    fn generation(&self) -> u64 {
        self.generation
    }
}

/// A genotype that may enter the batch.
struct Proposal<G> {
    genotype: G,
    fingerprint: u64,
}

impl<G: Hash> Proposal<G> {
    fn new(genotype: G) -> Self {
        Self {
            fingerprint: fingerprint(&genotype),
            genotype,
        }
    }
}
