use std::collections::{BTreeSet, VecDeque};
use std::hash::Hash;
use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::front::ParetoFront;
use crate::individual::Individual;
use crate::novelty::fingerprint;
use crate::optimizer::Optimizer;
use crate::problem::Neighbourhood;
use crate::scratch::Scratch;
use crate::search::Search;
use crate::sorting::lexicographic;

/// Pareto local search: polishes a front until no neighbour of any member improves it.
///
/// L. Paquete, M. Chiarandini, T. Stützle, "Pareto local optimum sets in the biobjective
/// traveling salesman problem: an experimental study", 2004. There is an archive of mutually
/// non-dominated members. The neighbours of each unvisited member are evaluated; those that join
/// the archive are unvisited in turn, those they dominate leave it. When all are visited the
/// archive is a Pareto local optimum set, and the search is exhausted. It ends, because every
/// joining raises the dominated volume and the space is finite.
///
/// While nothing feasible is known, the archive is the one candidate of least violation, and the
/// search descends towards the feasible region.
///
/// Members are visited in the order they joined. Those it starts with are visited in
/// bit-reversed order along the first cost (the ends, the middle, the quarters, and so on), so
/// that a budget too small for all of them polishes the whole front evenly.
///
/// A batch holds no more than so many candidates, whatever the neighbourhoods' sizes; it visits
/// several small ones or a part of a large one. No candidate is evaluated twice: of each a
/// 64-bit fingerprint is kept, and stored with the state. Nothing is random.
///
/// ```
/// use std::num::{NonZeroU64, NonZeroUsize};
/// use std::ops::ControlFlow;
///
/// use roofnas_search::{
///     Clock, Limits, LocalSearch, Neighbourhood, Nsga2, Nsga2Settings, ParetoFront, Search,
/// };
///
/// fn evolve_then_polish<P: Neighbourhood>(
///     problem: &P,
///     clock: &dyn Clock,
/// ) -> ParetoFront<P::Genotype> {
///     let limits = |evaluations| Limits::new(NonZeroU64::new(evaluations).expect("not zero"));
///     let mut search = Search::new(Nsga2::new(Nsga2Settings::default(), 1));
///     search.run(problem, &limits(10_000), clock, |_| ControlFlow::Continue(()));
///
///     let batch = NonZeroUsize::new(1_000).expect("not zero");
///     let mut polish = search.followed_by(|search| LocalSearch::after(search, batch));
///     polish.run(problem, &limits(20_000), clock, |_| ControlFlow::Continue(()));
///     polish.front().clone()
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "G: Deserialize<'de> + Clone"))]
pub struct LocalSearch<G> {
    batch: NonZeroUsize,
    generation: u64,
    front: ParetoFront<G>,
    /// The candidate of least violation, while the front is empty.
    nearest: Option<Individual<G>>,
    /// Members of the archive whose neighbours were not all evaluated yet.
    unvisited: VecDeque<Individual<G>>,
    /// The fingerprints of all evaluated. Only membership is ever asked.
    evaluated: BTreeSet<u64>,
    /// Means something between asking and telling only.
    #[serde(skip)]
    asked: Scratch<Asked>,
}

/// What was asked for last.
#[derive(Debug, Default)]
struct Asked {
    /// The fingerprints, in order.
    fingerprints: Vec<u64>,
    /// How many there were when each of the first unvisited members was done with.
    visits: Vec<usize>,
}

impl<G: Clone + Eq + Hash> LocalSearch<G> {
    /// A search yet to begin, from the best of the candidates given, of at most `batch`
    /// candidates a generation.
    pub fn new(start: impl IntoIterator<Item = Individual<G>>, batch: NonZeroUsize) -> Self {
        let mut search = Self {
            batch,
            generation: 0,
            front: ParetoFront::new(),
            nearest: None,
            unvisited: VecDeque::new(),
            evaluated: BTreeSet::new(),
            asked: Scratch::default(),
        };
        for individual in start {
            search.offer(&individual);
        }
        if !search.front.is_empty() {
            search.unvisited = evenly(search.front.members()).cloned().collect();
        }
        search
    }

    /// A search yet to begin, from the front of one that has ended, or from what came nearest to
    /// one if nothing feasible was found.
    pub fn after<O>(search: &Search<G, O>, batch: NonZeroUsize) -> Self {
        let nearest = search.nearest().filter(|_| search.front().is_empty());
        Self::new(search.front().iter().chain(nearest).cloned(), batch)
    }

    /// The members of the archive: mutually non-dominated, or one of least violation.
    pub fn archive(&self) -> impl Iterator<Item = &Individual<G>> {
        self.front.iter().chain(&self.nearest)
    }

    /// How many members have neighbours yet to be evaluated.
    pub fn unvisited(&self) -> usize {
        self.unvisited.len()
    }

    /// Takes an evaluated candidate into the archive, to be visited, if it is worth it.
    fn offer(&mut self, individual: &Individual<G>) {
        self.evaluated.insert(fingerprint(&individual.genotype));
        if self.front.insert(individual) {
            self.nearest = None;
        } else if self.is_nearest(individual) {
            self.nearest = Some(individual.clone());
        } else {
            return;
        }
        self.unvisited.push_back(individual.clone());
    }

    /// Whether an individual that is not on the front comes nearer to feasibility than all.
    fn is_nearest(&self, individual: &Individual<G>) -> bool {
        let violation = individual.evaluation.violation();
        let nearest = self.nearest.as_ref();
        self.front.is_empty()
            && nearest.is_none_or(|nearest| violation < nearest.evaluation.violation())
    }

    /// Forgets the members that were driven out of the archive before their visit.
    fn drop_beaten(&mut self) {
        let front = self.front.members();
        let nearest = self.nearest.as_ref();
        self.unvisited.retain(|member| {
            if !member.is_feasible() {
                return nearest.is_some_and(|nearest| nearest.genotype == member.genotype);
            }
            // Along a front all costs differ, so equal costs mean the same member.
            front
                .binary_search_by(|other| lexicographic(other.costs(), member.costs()))
                .is_ok()
        });
    }
}

impl<P: Neighbourhood> Optimizer<P> for LocalSearch<P::Genotype> {
    fn ask(&mut self, problem: &P, batch: &mut Vec<P::Genotype>) {
        let Asked {
            fingerprints,
            visits,
        } = &mut *self.asked;
        fingerprints.clear();
        visits.clear();
        let mut known = BTreeSet::new();
        let mut room = None;
        for member in &self.unvisited {
            let mut is_whole = true;
            let room = room.get_or_insert_with(|| member.genotype.clone());
            problem.neighbours(&member.genotype, room, &mut |neighbour| {
                let fingerprint = fingerprint(neighbour);
                if self.evaluated.contains(&fingerprint) || known.contains(&fingerprint) {
                    return;
                }
                if fingerprints.len() == self.batch.get() {
                    is_whole = false;
                    return;
                }
                known.insert(fingerprint);
                match batch.get_mut(fingerprints.len()) {
                    Some(place) => place.clone_from(neighbour),
                    None => batch.push(neighbour.clone()),
                }
                fingerprints.push(fingerprint);
            });
            if !is_whole {
                break;
            }
            visits.push(fingerprints.len());
        }
        batch.truncate(fingerprints.len());
    }

    fn tell(&mut self, evaluated: &mut Vec<Individual<P::Genotype>>) {
        for individual in evaluated.iter() {
            self.offer(individual);
        }
        // A batch cut short leaves the members whose neighbours are missing to another visit.
        let asked = self.asked.fingerprints.iter();
        let told = asked.take_while(|fingerprint| self.evaluated.contains(fingerprint));
        let told = told.count();
        let visited = self.asked.visits.partition_point(|&end| end <= told);
        self.asked.visits.clear();
        self.unvisited.drain(..visited);
        self.drop_beaten();
        self.generation += 1;
    }

    fn generation(&self) -> u64 {
        self.generation
    }
}

/// All members, those far apart first: the ends, then by bit-reversed position (J. G. van der
/// Corput's sequence), of which every beginning is spread evenly.
fn evenly<T>(members: &[T]) -> impl Iterator<Item = &T> {
    let last = members.len().saturating_sub(1);
    let mut positions: Vec<usize> = (0..members.len()).collect();
    positions.sort_by_key(|&position| (position != last, position.reverse_bits()));
    positions.into_iter().map(|position| &members[position])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::Evaluation;

    #[test]
    fn every_beginning_is_spread_evenly() {
        let order: Vec<_> = evenly(&[0, 1, 2, 3, 4, 5, 6, 7, 8]).copied().collect();
        assert_eq!(order, [8, 0, 4, 2, 6, 1, 5, 3, 7]);
        assert_eq!(evenly(&[] as &[u8]).count(), 0);
        assert_eq!(evenly(&[7]).count(), 1);
    }

    #[test]
    fn who_is_driven_out_is_not_visited() {
        let individual = |(genotype, costs, violation)| Individual {
            genotype,
            evaluation: Evaluation::new(costs, violation),
        };
        let unvisited = |search: &LocalSearch<u8>| -> Vec<u8> {
            let members = search.unvisited.iter();
            members.map(|member| member.genotype).collect()
        };
        let start = [(1, [2.0, 2.0], 5.0)].map(individual);
        let mut search = LocalSearch::new(start, NonZeroUsize::MIN);
        assert_eq!(unvisited(&search), [1]);
        for (next, left) in [
            ((2, [9.0, 9.0], 1.0), vec![2]),    // nearer to feasible
            ((3, [2.0, 2.0], 0.0), vec![3]),    // feasible
            ((4, [3.0, 1.0], 0.0), vec![3, 4]), // beside it
            ((5, [4.0, 4.0], 0.0), vec![3, 4]), // dominated
            ((6, [2.0, 1.0], 0.0), vec![6]),    // dominates both
        ] {
            search.offer(&individual(next));
            search.drop_beaten();
            assert_eq!(unvisited(&search), left);
        }
    }
}
