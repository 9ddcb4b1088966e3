use std::collections::VecDeque;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::dominance::constrained_dominates;
use crate::emigration::different;
use crate::individual::Individual;
use crate::novelty::Known;
use crate::offspring::{Generation, offspring};
use crate::optimizer::Optimizer;
use crate::problem::{Problem, SearchRng};
use crate::regularized_evolution_settings::RegularizedEvolutionSettings;
use crate::scratch::Scratch;

/// Regularised, or aging, evolution: tournaments choose the parent, age alone chooses who dies.
///
/// E. Real, A. Aggarwal, Y. Huang, Q. V. Le, "Regularized evolution for image classifier
/// architecture search", AAAI 2019. The population is a queue. A child is a mutation of the
/// winner of a tournament; it joins at the back, and the oldest leaves at the front, however good
/// it is: what is to last has to be found again and again by its descendants. No crossover.
///
/// The winner is feasible if any contestant is, else of the least violation. The paper has one
/// objective; with several, the winner is drawn from the contestants that no other contestant
/// dominates. Any weighting would favour one region of the front, and any measure of crowding
/// would be taken on a sample too small to show it; a fair draw keeps the whole front in play.
/// With one objective it is the paper's tournament.
///
/// A child equal to a member of the queue or of the batch is bred again a few times, then sampled
/// a few times, then left out; an empty batch ends the search.
///
/// Emigrants are the winners of tournaments. Immigrants join at the back as children do, but for
/// those the queue has already, and as many of the oldest leave: age decides here too.
///
/// The same on any number of threads; can be stored and read back at any generation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "G: Deserialize<'de>"))]
pub struct RegularizedEvolution<G> {
    settings: RegularizedEvolutionSettings,
    seed: u64,
    generation: u64,
    /// The oldest first.
    population: VecDeque<Individual<G>>,
    #[serde(skip)]
    buffers: Scratch<Buffers>,
}

#[derive(Debug, Default)]
struct Buffers {
    known: Known,
    best: Vec<usize>,
}

impl<G> RegularizedEvolution<G> {
    /// A run yet to begin.
    pub fn new(settings: RegularizedEvolutionSettings, seed: u64) -> Self {
        Self {
            settings,
            seed,
            generation: 0,
            population: VecDeque::new(),
            buffers: Scratch::default(),
        }
    }

    /// The settings it runs with.
    pub fn settings(&self) -> &RegularizedEvolutionSettings {
        &self.settings
    }

    /// Who is alive, the oldest first, infeasible ones included.
    pub fn population(&self) -> impl ExactSizeIterator<Item = &Individual<G>> {
        self.population.iter()
    }

    /// How many candidates the next batch has: as many as are missing, or the children.
    fn places(&self) -> usize {
        let missing = self.settings.population() - self.population.len();
        if missing > 0 && self.generation == 0 {
            missing
        } else {
            self.settings.children()
        }
    }

    /// The place of one of the best of a few drawn at random; `best` is room to work in.
    fn tournament(&self, best: &mut Vec<usize>, rng: &mut SearchRng) -> usize {
        let beats = |a: usize, b: usize| {
            let (a, b) = (&self.population[a], &self.population[b]);
            constrained_dominates(&a.evaluation, &b.evaluation)
        };
        best.clear();
        for _ in 0..self.settings.sample_size() {
            let contestant = rng.random_range(0..self.population.len());
            if !best.iter().any(|&other| beats(other, contestant)) {
                best.retain(|&other| !beats(contestant, other));
                best.push(contestant);
            }
        }
        best[rng.random_range(0..best.len())]
    }

    /// Takes individuals in at the back; whoever is driven out at the front takes their place.
    fn join(&mut self, individuals: &mut Vec<Individual<G>>) {
        self.population.extend(individuals.drain(..));
        let alive = self.settings.population();
        let dead = self.population.len().saturating_sub(alive);
        individuals.extend(self.population.drain(..dead));
    }
}

impl<P: Problem> Optimizer<P> for RegularizedEvolution<P::Genotype> {
    fn ask(&mut self, problem: &P, batch: &mut Vec<P::Genotype>) {
        let Buffers {
            mut known,
            mut best,
        } = std::mem::take(&mut *self.buffers);
        known.clear();
        for member in &self.population {
            known.insert(&member.genotype);
        }
        let generation = Generation {
            seed: self.seed,
            number: self.generation,
        };
        let breed = (!self.population.is_empty()).then_some(
            |child: &mut P::Genotype, rng: &mut SearchRng| {
                let parent = self.tournament(&mut best, rng);
                child.clone_from(&self.population[parent].genotype);
                problem.mutate(child, rng);
            },
        );
        offspring(problem, generation, self.places(), &mut known, breed, batch);
        *self.buffers = Buffers { known, best };
    }

    fn tell(&mut self, evaluated: &mut Vec<Individual<P::Genotype>>) {
        self.join(evaluated);
        self.generation += 1;
    }

    fn emigrants(&self, count: usize, rng: &mut SearchRng) -> Vec<Individual<P::Genotype>> {
        if self.population.is_empty() {
            return Vec::new();
        }
        let mut best = Vec::new();
        let places = different(count, || self.tournament(&mut best, rng)).into_iter();
        places.map(|place| self.population[place].clone()).collect()
    }

    fn immigrate(&mut self, mut immigrants: Vec<Individual<P::Genotype>>) {
        immigrants.retain(|immigrant| {
            let genotype = &immigrant.genotype;
            self.population().all(|member| member.genotype != *genotype)
        });
        self.join(&mut immigrants);
    }

    fn generation(&self) -> u64 {
        self.generation
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::Evaluation;
    use crate::random_stream::random_stream;

    fn alive(evaluations: &[Evaluation], sample_size: usize) -> RegularizedEvolution<usize> {
        let settings =
            RegularizedEvolutionSettings::new(evaluations.len(), sample_size, 1).unwrap();
        let individual = |(genotype, evaluation): (usize, &Evaluation)| Individual {
            genotype,
            evaluation: evaluation.clone(),
        };
        RegularizedEvolution {
            population: evaluations.iter().enumerate().map(individual).collect(),
            ..RegularizedEvolution::new(settings, 1)
        }
    }

    /// How often each member wins, of 1000 tournaments.
    fn wins(evaluations: &[Evaluation], sample_size: usize) -> Vec<u32> {
        let evolution = alive(evaluations, sample_size);
        let mut wins = vec![0; evaluations.len()];
        for index in 0..1000 {
            let winner = evolution.tournament(&mut Vec::new(), &mut random_stream(1, 0, index));
            wins[winner] += 1;
        }
        wins
    }

    #[test]
    fn the_fitter_wins_as_often_as_it_takes_part() {
        // The worst of 2 wins only when drawn twice: a quarter of the time.
        let wins = wins(&[1.0, 2.0].map(|cost| Evaluation::unconstrained([cost])), 2);
        assert!((700..800).contains(&wins[0]), "{wins:?}");
    }

    #[test]
    fn feasible_then_less_violation() {
        let evaluations = [
            Evaluation::new([0.0], 2.0),
            Evaluation::new([9.0], 1.0),
            Evaluation::new([9.0], 0.0),
        ];
        let wins_of_two = wins(&evaluations, 2);
        assert!(wins_of_two[0] < wins_of_two[1] && wins_of_two[1] < wins_of_two[2]);
        assert!(wins(&evaluations, 3)[2] > 600);
    }

    #[test]
    fn of_several_objectives_the_whole_front_wins_alike() {
        let costs = [[0.0, 3.0], [1.0, 1.0], [3.0, 0.0], [9.0, 9.0]];
        // With 4 of 4 drawn with replacement the dominated one wins 1 in 256 tournaments.
        let wins = wins(&costs.map(Evaluation::unconstrained), 4);
        assert!(wins[3] < 15, "{wins:?}");
        assert!(wins[..3].iter().all(|&wins| wins > 280), "{wins:?}");
    }
}
