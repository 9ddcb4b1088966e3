use std::hash::Hash;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::individual::Individual;
use crate::novelty::Known;
use crate::nsga2_settings::Nsga2Settings;
use crate::optimizer::Optimizer;
use crate::population::Population;
use crate::problem::{Problem, SearchRng};
use crate::random_stream::random_stream;
use crate::scratch::Scratch;

/// How often a place in the batch is bred anew when the child is known already.
const BREEDINGS: usize = 8;
/// How often it is then sampled anew, before the place is left empty.
const SAMPLINGS: usize = 8;
/// How many tournaments are held for each emigrant before fewer must do.
const TOURNAMENTS: usize = 8;

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
/// Each child is made from its own [random stream](random_stream). Emigrants are drawn as parents
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

    /// Turns `child` into the first new genotype found for one place of the batch; says whether
    /// there was any.
    fn propose<P: Problem<Genotype = G>>(
        &self,
        problem: &P,
        child: &mut G,
        known: &mut Known,
        rng: &mut SearchRng,
    ) -> bool
    where
        G: Clone + Hash,
    {
        let breedings = if self.population.is_empty() {
            0
        } else {
            BREEDINGS
        };
        (0..breedings + SAMPLINGS).any(|attempt| {
            if attempt < breedings {
                self.breed(problem, child, rng);
            } else {
                *child = problem.sample(rng);
            }
            known.insert(child)
        })
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
        let mut filled = 0;
        for index in 0..self.settings.population() {
            let mut rng = random_stream(self.seed, self.generation, index as u64);
            if filled == batch.len() {
                // Whatever it is, it is overwritten; its own stream, so that no other is touched.
                batch.push(problem.sample(&mut rng.clone()));
            }
            filled += usize::from(self.propose(problem, &mut batch[filled], &mut known, &mut rng));
        }
        batch.truncate(filled);
        *self.known = known;
    }

    fn tell(&mut self, evaluated: &mut Vec<Individual<P::Genotype>>) {
        self.population
            .compete(evaluated, self.settings.population());
        self.generation += 1;
    }

    fn generation(&self) -> u64 {
        self.generation
    }

    fn emigrants(&self, count: usize, rng: &mut SearchRng) -> Vec<Individual<P::Genotype>> {
        let mut places = Vec::with_capacity(count);
        for _ in 0..count * TOURNAMENTS {
            if places.len() == count || self.population.is_empty() {
                break;
            }
            let place = self.tournament(rng);
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let members = places
            .into_iter()
            .map(|place| self.population.member(place));
        members.cloned().collect()
    }

    fn immigrate(&mut self, mut immigrants: Vec<Individual<P::Genotype>>) {
        immigrants.retain(|immigrant| {
            let genotype = &immigrant.genotype;
            self.population().all(|member| member.genotype != *genotype)
        });
        self.population
            .compete(&mut immigrants, self.settings.population());
    }
}
