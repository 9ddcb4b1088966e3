use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::evaluation::Evaluation;
use crate::individual::Individual;
use crate::niching::{associate, fill};
use crate::normalization::Normalization;
use crate::nsga2::Nsga2;
use crate::nsga2_settings::Nsga2Settings;
use crate::optimizer::Optimizer;
use crate::problem::{Problem, SearchRng};
use crate::random_stream::random_stream;
use crate::reference_directions::reference_directions;
use crate::sorting::non_dominated_ranks;
use crate::standing::Standing;
use crate::survival::Contender;

/// The stream of a generation that decides among its children: no individual is bred from it.
const CHILDREN: u64 = u64::MAX;
/// The stream that decides among immigrants.
const IMMIGRANTS: u64 = u64::MAX - 1;

/// NSGA-III: NSGA-II for three objectives and more, spread by reference directions.
///
/// K. Deb, H. Jain, "An evolutionary many-objective optimization algorithm using
/// reference-point-based nondominated sorting approach, part I", and H. Jain, K. Deb, "part II",
/// for constraints, IEEE Transactions on Evolutionary Computation 18(4), 2014. With many costs
/// almost everybody is on the first front and crowding distances say little; instead, of the
/// front that does not fit those are kept that cover evenly spread
/// [directions](crate::reference_directions), as many as the population allows.
///
/// Breeding is that of [`Nsga2`], with its settings, except that in a tournament all feasible
/// individuals are alike: the first drawn wins. The infeasible stand behind them by violation.
///
/// Emigrants are drawn as parents are; immigrants compete with the population as children do.
///
/// Whatever is drawn comes from [random streams](crate::random_stream), so a run does not depend
/// on the number of threads. The state can be stored and read back at any generation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "G: Deserialize<'de>"))]
pub struct Nsga3<G> {
    breeding: Nsga2<G>,
    normalization: Normalization,
}

impl<G> Nsga3<G> {
    /// A run yet to begin.
    pub fn new(settings: Nsga2Settings, seed: u64) -> Self {
        Self {
            breeding: Nsga2::new(settings, seed),
            normalization: Normalization::default(),
        }
    }

    /// The settings it runs with.
    pub fn settings(&self) -> &Nsga2Settings {
        self.breeding.settings()
    }

    /// The survivors of the last generation, infeasible ones included.
    pub fn population(&self) -> impl ExactSizeIterator<Item = &Individual<G>> {
        self.breeding.population()
    }
}

impl<G: Clone> Nsga3<G> {
    /// Lets newcomers compete with the population; whatever is drawn comes from this stream of
    /// the generation.
    fn select(&mut self, newcomers: &mut [Individual<G>], generation: u64, stream: u64) {
        let mut rng = random_stream(self.breeding.seed(), generation, stream);
        let normalization = &mut self.normalization;
        self.breeding.compete_by(newcomers, |pool, size| {
            survivors(pool, size, normalization, &mut rng)
        });
    }
}

impl<P: Problem> Optimizer<P> for Nsga3<P::Genotype> {
    fn ask(&mut self, problem: &P, batch: &mut Vec<P::Genotype>) {
        self.breeding.ask(problem, batch);
    }

    fn tell(&mut self, evaluated: &mut Vec<Individual<P::Genotype>>) {
        self.select(evaluated, Optimizer::<P>::generation(self), CHILDREN);
        self.breeding.end_generation();
    }

    fn generation(&self) -> u64 {
        Optimizer::<P>::generation(&self.breeding)
    }

    fn emigrants(&self, count: usize, rng: &mut SearchRng) -> Vec<Individual<P::Genotype>> {
        Optimizer::<P>::emigrants(&self.breeding, count, rng)
    }

    fn immigrate(&mut self, mut immigrants: Vec<Individual<P::Genotype>>) {
        self.breeding.retain_strangers(&mut immigrants);
        self.select(
            &mut immigrants,
            Optimizer::<P>::generation(self),
            IMMIGRANTS,
        );
    }
}

/// The `size` best of `pool`, in the order of the pool.
fn survivors(
    pool: &[&Evaluation],
    size: usize,
    normalization: &mut Normalization,
    rng: &mut SearchRng,
) -> Vec<Contender> {
    let ranks = non_dominated_ranks(pool.iter().copied());
    let mut order: Vec<usize> = (0..pool.len()).collect();
    order.sort_by_key(|&i| ranks[i]);
    let feasible = order.partition_point(|&i| pool[i].is_feasible());

    let is_kept = if feasible > size {
        let order = &order[..feasible];
        keep_spread(pool, order, &ranks, size, normalization, rng)
    } else {
        // All the feasible fit, and after them come the infeasible by violation.
        flags(pool.len(), order.into_iter().take(size))
    };
    let rank = |i: usize| if pool[i].is_feasible() { 0 } else { ranks[i] };
    let contender = |i: usize| Contender {
        position: i as u32,
        standing: Standing {
            rank: rank(i) as u32,
            crowding: 0.0,
        },
    };
    let kept = (0..pool.len()).filter(|&i| is_kept[i]);
    kept.map(contender).collect()
}

/// Of more feasible individuals than fit, given in order of rank, says for each of the pool
/// whether to keep it: whole fronts, then the part of the next that spreads best.
fn keep_spread(
    evaluations: &[&Evaluation],
    order: &[usize],
    ranks: &[usize],
    size: usize,
    normalization: &mut Normalization,
    rng: &mut SearchRng,
) -> Vec<bool> {
    let select = |members: &[usize]| -> Vec<&Evaluation> {
        members.iter().map(|&i| evaluations[i]).collect()
    };
    let first = order.partition_point(|&i| ranks[i] == 0);
    let scale = normalization.update(&select(&order[..first]), &select(order));

    let cut = ranks[order[size]];
    let whole = order.partition_point(|&i| ranks[i] < cut);
    let end = order.partition_point(|&i| ranks[i] <= cut);
    let points: Vec<_> = order[..end]
        .iter()
        .map(|&i| scale.apply(evaluations[i].costs()))
        .collect();
    let objectives = evaluations[order[0]].costs().len();
    let at_most = NonZeroUsize::new(size).unwrap_or(NonZeroUsize::MIN);
    let directions = reference_directions(objectives, at_most);
    let niches = associate(&points, &directions);
    let (chosen, candidates) = niches.split_at(whole);
    let filled = fill(chosen, candidates, size - whole, directions.len(), rng);
    let filled = filled.into_iter().map(|i| order[whole + i]);
    flags(
        evaluations.len(),
        order[..whole].iter().copied().chain(filled),
    )
}

/// True at the places given.
fn flags(count: usize, places: impl Iterator<Item = usize>) -> Vec<bool> {
    let mut flags = vec![false; count];
    for place in places {
        flags[place] = true;
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survivors_of(pool: &[Evaluation], size: usize) -> Vec<Contender> {
        let pool: Vec<&Evaluation> = pool.iter().collect();
        let mut rng = random_stream(1, 0, CHILDREN);
        survivors(&pool, size, &mut Normalization::default(), &mut rng)
    }

    fn kept(pool: &[Evaluation], size: usize) -> Vec<u32> {
        let survivors = survivors_of(pool, size).into_iter();
        survivors.map(|survivor| survivor.position).collect()
    }

    #[test]
    fn fronts_are_kept_in_turn() {
        let costs = [[3.0, 3.0], [1.0, 1.0], [2.0, 2.0]];
        assert_eq!(kept(&costs.map(Evaluation::unconstrained), 2), [1, 2]);
    }

    #[test]
    fn a_crowd_on_one_direction_gives_way() {
        // Five directions of two objectives; the four in the middle share one.
        let first = [0.0, 0.98, 1.0, 1.02, 1.04, 2.0, 3.0, 4.0];
        let costs = first.map(|x| Evaluation::unconstrained([x, 4.0 - x]));
        let found = kept(&costs, 5);
        assert_eq!(found, [0, 2, 5, 6, 7]);
    }

    #[test]
    fn the_feasible_first_then_the_least_violation() {
        let evaluations = [
            Evaluation::new([0.0, 0.0], 3.0),
            Evaluation::new([9.0, 9.0], 0.0),
            Evaluation::new([0.0, 0.0], 1.0),
            Evaluation::new([0.0, 0.0], 2.0),
            Evaluation::new([8.0, 8.0], 0.0),
        ];
        assert_eq!(kept(&evaluations, 4), [1, 2, 3, 4]);
        assert_eq!(kept(&evaluations, 1), [4]);
    }

    #[test]
    fn in_tournaments_the_feasible_are_alike_and_beat_the_infeasible() {
        let pool = [
            ([0.0, 0.0], 0.0),
            ([1.0, 1.0], 0.0),
            ([0.0, 0.0], 1.0),
            ([0.0, 0.0], 2.0),
        ];
        let pool = pool.map(|(costs, violation)| Evaluation::new(costs, violation));
        let kept = survivors_of(&pool, 4);
        let beats = |a: usize, b: usize| kept[a].standing.beats(kept[b].standing);
        assert!(!beats(0, 1) && !beats(1, 0));
        assert!(beats(1, 2) && beats(2, 3));
    }
}
