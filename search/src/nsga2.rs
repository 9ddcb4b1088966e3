use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::emigration::different;
use crate::evaluation::Evaluation;
use crate::individual::Individual;
use crate::novelty::Known;
use crate::nsga2_settings::Nsga2Settings;
use crate::offspring::{Generation, offspring};
use crate::optimizer::Optimizer;
use crate::population::Population;
use crate::problem::{Problem, SearchRng};
use crate::scratch::Scratch;
use crate::survival::Contender;

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
/// Each child is made from its own [random stream](crate::random_stream). Emigrants are drawn as parents
/// are; immigrants compete with the population as children do, but for those it has already.
///
/// A generation of n costs O(n log n) with two costs, and allocates nothing once its buffers have
/// grown. The state (settings, seed, generation, population) can be stored and read back at any
/// generation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "G: Deserialize<'de>"))]
pub struct Nsga2<G> {
    settings: Nsga2Settings,
    seed: u64,
    generation: u64,
    population: Population<G>,
    #[serde(skip)]
    known: Scratch<Known>,
}

impl<G> Nsga2<G> {
    /// A run yet to begin.
    pub fn new(settings: Nsga2Settings, seed: u64) -> Self {
        Self {
            settings,
            seed,
            generation: 0,
            population: Population::new(),
            known: Scratch::default(),
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
        self.population.members()
    }

    /// Lets newcomers compete with the population by other rules: `survivors` chooses, from a pool,
    /// so many to live on.
    pub(crate) fn compete_by<S: AsRef<[Contender]>>(
        &mut self,
        newcomers: &mut [Individual<G>],
        survivors: impl FnOnce(&[&Evaluation], usize) -> S,
    ) where
        G: Clone,
    {
        let size = self.settings.population();
        let survivors = |pool: &[&Evaluation]| survivors(pool, size);
        self.population.compete_by(newcomers, survivors);
    }

    /// Ends the generation, once its children have competed.
    pub(crate) fn end_generation(&mut self) {
        self.generation += 1;
    }

    /// Leaves of these individuals those that the population has not.
    pub(crate) fn retain_strangers(&self, individuals: &mut Vec<Individual<G>>)
    where
        G: Eq,
    {
        individuals.retain(|individual| {
            let genotype = &individual.genotype;
            self.population().all(|member| member.genotype != *genotype)
        });
    }

    /// Turns `child` into a child of one or two parents.
    fn breed<P: Problem<Genotype = G>>(&self, problem: &P, child: &mut G, rng: &mut SearchRng)
    where
        G: Clone,
    {
        child.clone_from(self.parent(rng));
        if rng.random_bool(self.settings.crossover_probability()) {
            problem.crossover(child, self.parent(rng), rng);
        }
        problem.mutate(child, rng);
    }

    fn parent(&self, rng: &mut SearchRng) -> &G {
        &self.population.member(self.tournament(rng)).genotype
    }

    /// The place of the better of two members drawn at random, the first if they stand alike.
    fn tournament(&self, rng: &mut SearchRng) -> usize {
        let first = rng.random_range(0..self.population.len());
        let second = rng.random_range(0..self.population.len());
        let standing = |place| self.population.standing(place);
        if standing(second).beats(standing(first)) {
            second
        } else {
            first
        }
    }
}

impl<P: Problem> Optimizer<P> for Nsga2<P::Genotype> {
    fn ask(&mut self, problem: &P, batch: &mut Vec<P::Genotype>) {
        let mut known = std::mem::take(&mut *self.known);
        known.clear();
        for parent in self.population.members() {
            known.insert(&parent.genotype);
        }
        let generation = Generation {
            seed: self.seed,
            number: self.generation,
        };
        let breed = (!self.population.is_empty()).then_some(
            |child: &mut P::Genotype, rng: &mut SearchRng| self.breed(problem, child, rng),
        );
        let places = self.settings.population();
        offspring(problem, generation, places, &mut known, breed, batch);
        *self.known = known;
    }

    fn tell(&mut self, evaluated: &mut Vec<Individual<P::Genotype>>) {
        self.population
            .compete(evaluated, self.settings.population());
        self.end_generation();
    }

    fn generation(&self) -> u64 {
        self.generation
    }

    fn emigrants(&self, count: usize, rng: &mut SearchRng) -> Vec<Individual<P::Genotype>> {
        if self.population.is_empty() {
            return Vec::new();
        }
        let places = different(count, || self.tournament(rng));
        let members = places
            .into_iter()
            .map(|place| self.population.member(place));
        members.cloned().collect()
    }

    fn immigrate(&mut self, mut immigrants: Vec<Individual<P::Genotype>>) {
        self.retain_strangers(&mut immigrants);
        self.population
            .compete(&mut immigrants, self.settings.population());
    }
}
