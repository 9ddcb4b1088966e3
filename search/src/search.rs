use std::ops::ControlFlow;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::batch_count::BatchCount;
use crate::clock::Clock;
use crate::epoch::{Allowance, Epoch, Pricing};
use crate::front::ParetoFront;
use crate::individual::Individual;
use crate::islands::Islands;
use crate::limits::{Limits, StopReason};
use crate::optimizer::Optimizer;
use crate::problem::Problem;
use crate::scratch::Scratch;
use crate::stagnation::Growth;

/// A search under way: an optimiser on each of its [islands](Islands), and all that was found.
///
/// Serialised after any step it is a checkpoint. Laws:
/// - it does not depend on the number of threads, to the last byte;
/// - stored, read back and continued it ends exactly as if it had never paused, provided that its
///   last step was a whole one (a limit may cut one short);
/// - on one island it does what its optimiser does, generation after generation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "G: Deserialize<'de> + Clone, O: Deserialize<'de>"))]
pub struct Search<G, O> {
    islands: Islands,
    seed: u64,
    optimizers: Vec<O>,
    front: ParetoFront<G>,
    nearest: Option<Individual<G>>,
    steps: u64,
    evaluations: u64,
    last_batch: BatchCount,
    growth: Growth,
    #[serde(skip)]
    epochs: Scratch<Vec<Epoch<G>>>,
}

impl<G, O> Search<G, O> {
    /// A search yet to begin, on one island, of which a step is a generation.
    pub fn new(optimizer: O) -> Self {
        let mut optimizer = Some(optimizer);
        Self::on_islands(Islands::ONE, 0, |_, _| {
            optimizer.take().expect("there is one island")
        })
    }

    /// A search yet to begin, whose optimisers are made from the number of their island and its
    /// own seed (see [`Islands::seeds`]).
    pub fn on_islands(
        islands: Islands,
        seed: u64,
        mut optimizer: impl FnMut(usize, u64) -> O,
    ) -> Self {
        let seeds = islands.seeds(seed).enumerate();
        Self {
            islands,
            seed,
            optimizers: seeds
                .map(|(island, seed)| optimizer(island, seed))
                .collect(),
            front: ParetoFront::new(),
            nearest: None,
            steps: 0,
            evaluations: 0,
            last_batch: BatchCount::default(),
            growth: Growth::default(),
            epochs: Scratch::default(),
        }
    }

    /// The same search carried on by another optimiser, made from what was found so far, on one
    /// island.
    ///
    /// The front and what came nearest to one stay, and what was evaluated counts towards the
    /// limits. That the front had grown out is forgotten: the new optimiser has a window of its
    /// own to show what it can do.
    pub fn followed_by<N>(self, next: impl FnOnce(&Self) -> N) -> Search<G, N> {
        Search {
            islands: Islands::ONE,
            seed: self.seed,
            optimizers: vec![next(&self)],
            front: self.front,
            nearest: self.nearest,
            steps: self.steps,
            evaluations: self.evaluations,
            last_batch: self.last_batch,
            growth: Growth::default(),
            epochs: Scratch::default(),
        }
    }

    /// The strategy of each island, with whatever it remembers.
    pub fn optimizers(&self) -> &[O] {
        &self.optimizers
    }

    /// The islands it was made with.
    pub fn islands(&self) -> Islands {
        self.islands
    }

    /// The best trade-offs among all feasible candidates evaluated so far, on any island.
    pub fn front(&self) -> &ParetoFront<G> {
        &self.front
    }

    /// The candidate of least violation seen, the first of several: what comes nearest to an
    /// answer while the front is empty.
    pub fn nearest(&self) -> Option<&Individual<G>> {
        self.nearest.as_ref()
    }

    /// How many candidates were evaluated so far.
    pub fn evaluations(&self) -> u64 {
        self.evaluations
    }

    /// How many steps were taken so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The counts of the last step.
    pub fn last_batch(&self) -> BatchCount {
        self.last_batch
    }
}

impl<G, O> Search<G, O>
where
    G: Clone + Send + Sync,
{
    /// Runs step after step until a limit is met or the observer breaks off.
    ///
    /// The observer is called after each step and sees the search as a checkpoint would store it.
    /// Best called on a thread of the pool (`rayon::scope(|_| search.run(...))`): that spares
    /// waking the threads at each turn, which is most of the time of a small, cheap step.
    ///
    /// # Panics
    ///
    /// When an evaluation, or the reference point of a limit, has another number of costs than
    /// the problem says.
    pub fn run<P>(
        &mut self,
        problem: &P,
        limits: &Limits,
        clock: &dyn Clock,
        mut observer: impl FnMut(&Self) -> ControlFlow<()>,
    ) -> StopReason
    where
        P: Problem<Genotype = G>,
        O: Optimizer<P>,
    {
        loop {
            if let ControlFlow::Break(reason) = self.step(problem, limits, clock) {
                return reason;
            }
            if observer(self).is_break() {
                return StopReason::Interrupted;
            }
        }
    }

    /// Runs every island for some generations and lets members migrate, or says why it is over.
    ///
    /// # Panics
    ///
    /// When an evaluation, or the reference point of a limit, has another number of costs than
    /// the problem says.
    pub fn step<P>(
        &mut self,
        problem: &P,
        limits: &Limits,
        clock: &dyn Clock,
    ) -> ControlFlow<StopReason>
    where
        P: Problem<Genotype = G>,
        O: Optimizer<P>,
    {
        let room = limits.evaluations().get().saturating_sub(self.evaluations);
        if room == 0 {
            return ControlFlow::Break(StopReason::Evaluations);
        }
        let until = limits.seconds().map(|seconds| (seconds, clock));
        if until.is_some_and(|(end, clock)| clock.seconds() >= end) {
            return ControlFlow::Break(StopReason::Seconds);
        }
        if self.is_grown_out(limits, problem.objectives()) {
            return ControlFlow::Break(StopReason::Stagnation);
        }
        let allowance = Allowance {
            generations: self.islands.generations(),
            evaluations: room,
            until,
            pricing: self.pricing(),
        };
        if !self.evolve(problem, allowance) {
            return ControlFlow::Break(StopReason::Exhausted);
        }
        self.gather();
        self.migrate::<P>();
        ControlFlow::Continue(())
    }

    fn is_grown_out(&mut self, limits: &Limits, objectives: usize) -> bool {
        let front = &self.front;
        limits.stagnation().is_some_and(|limit| {
            let costs = limit.reference().len();
            assert!(
                costs == objectives,
                "the reference point should have {objectives} costs, as the problem says, but has {costs}"
            );
            let hypervolume = |reference: &[f64]| front.hypervolume(reference);
            self.growth.has_ended(limit, self.evaluations, hypervolume)
        })
    }

    /// Whether the threads are busy with islands, each with as many as the others.
    fn pricing(&self) -> Pricing {
        let islands = self.optimizers.len();
        if islands.is_multiple_of(rayon::current_num_threads()) {
            Pricing::Alone
        } else {
            Pricing::Shared
        }
    }

    /// Runs an epoch on every island; says whether anything new was found to evaluate.
    fn evolve<P>(&mut self, problem: &P, allowance: Allowance) -> bool
    where
        P: Problem<Genotype = G>,
        O: Optimizer<P>,
    {
        let count = self.optimizers.len();
        self.epochs.resize_with(count, Epoch::default);
        for epoch in self.epochs.iter_mut() {
            epoch.begin(self.front.costs(), self.nearest.as_ref());
        }
        let count = count.max(1) as u64; // a file may hold none
        let (share, rest) = (allowance.evaluations / count, allowance.evaluations % count);
        let islands = self
            .optimizers
            .par_iter_mut()
            .zip(self.epochs.par_iter_mut());
        islands
            .enumerate()
            .for_each(|(island, (optimizer, epoch))| {
                let evaluations = share + u64::from((island as u64) < rest);
                let allowance = Allowance {
                    evaluations,
                    ..allowance
                };
                epoch.run(problem, optimizer, allowance);
            });
        let found = |epoch: &Epoch<G>| epoch.count.evaluated > 0;
        if share == 0 && !self.epochs.iter().any(found) {
            // With fewer evaluations left than islands some have had no turn.
            let mut islands = self.optimizers.iter_mut().zip(self.epochs.iter_mut());
            return islands.any(|(optimizer, epoch)| {
                epoch.run(problem, optimizer, allowance);
                found(epoch)
            });
        }
        self.epochs.iter().any(found)
    }

    /// Puts together what the islands have found.
    fn gather(&mut self) {
        self.steps += 1;
        self.last_batch = BatchCount::default();
        for epoch in self.epochs.iter_mut() {
            self.last_batch += epoch.count;
            for individual in &epoch.news {
                self.front.insert(individual);
            }
            if let Some(found) = epoch.nearest.take() {
                let violation = found.evaluation.violation();
                let nearest = self.nearest.as_ref();
                if nearest.is_none_or(|nearest| violation < nearest.evaluation.violation()) {
                    self.nearest = Some(found);
                }
            }
        }
        self.evaluations += self.last_batch.evaluated;
    }

    /// Sends members of each island to the next, all at once.
    fn migrate<P>(&mut self)
    where
        P: Problem<Genotype = G>,
        O: Optimizer<P>,
    {
        let migrants = self.islands.migrants();
        if self.optimizers.len() < 2 || migrants == 0 {
            return;
        }
        let mut rng = Islands::migration_stream(self.seed, self.steps);
        let mut leaving: Vec<_> = self
            .optimizers
            .iter()
            .map(|optimizer| optimizer.emigrants(migrants, &mut rng))
            .collect();
        leaving.rotate_right(1);
        for (optimizer, arriving) in self.optimizers.iter_mut().zip(leaving) {
            optimizer.immigrate(arriving);
        }
    }
}
