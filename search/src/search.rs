use std::ops::ControlFlow;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::front::ParetoFront;
use crate::individual::Individual;
use crate::limits::{Limits, StopReason};
use crate::optimizer::Optimizer;
use crate::problem::Problem;

/// A search under way: an optimiser and all that was found so far.
///
/// Serialised after any generation it is a checkpoint. Law: a search that is stored, read back
/// and continued ends exactly as if it had never paused, provided that its last batch was a
/// whole one (the evaluation limit may cut one short).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "G: Deserialize<'de> + Clone, O: Deserialize<'de>"))]
pub struct Search<G, O> {
    optimizer: O,
    front: ParetoFront<G>,
    nearest: Option<Individual<G>>,
    evaluations: u64,
    last_batch: BatchCount,
}

/// What became of one batch of candidates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchCount {
    /// How many were evaluated.
    pub evaluated: u64,
    /// How many of them broke no constraint.
    pub feasible: u64,
}

impl<G, O> Search<G, O> {
    /// A search yet to begin.
    pub fn new(optimizer: O) -> Self {
        Self {
            optimizer,
            front: ParetoFront::new(),
            nearest: None,
            evaluations: 0,
            last_batch: BatchCount::default(),
        }
    }

    /// The strategy, with whatever it remembers.
    pub fn optimizer(&self) -> &O {
        &self.optimizer
    }

    /// The best trade-offs among all feasible candidates evaluated so far.
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

    /// The counts of the last generation.
    pub fn last_batch(&self) -> BatchCount {
        self.last_batch
    }
}

impl<G: Clone + Send + Sync, O> Search<G, O> {
    /// Runs generations until the limit is met (exactly: the last batch is cut to fit), nothing
    /// new is left to try, or `observer`, called after each generation, breaks off.
    ///
    /// Called inside a rayon pool (`ThreadPool::install`, `rayon::scope`) it uses that pool, and
    /// saves waking the threads at each turn, which is most of the time of a small, cheap batch.
    ///
    /// # Panics
    ///
    /// When an evaluation has another number of costs than the problem says.
    pub fn run<P>(
        &mut self,
        problem: &P,
        limits: &Limits,
        mut observer: impl FnMut(&Self) -> ControlFlow<()>,
    ) -> StopReason
    where
        P: Problem<Genotype = G>,
        O: Optimizer<P>,
    {
        loop {
            if let ControlFlow::Break(reason) = self.step(problem, limits) {
                return reason;
            }
            if observer(self).is_break() {
                return StopReason::Interrupted;
            }
        }
    }

    /// Runs one generation, or says why there is none to run.
    ///
    /// # Panics
    ///
    /// When an evaluation has another number of costs than the problem says.
    pub fn step<P>(&mut self, problem: &P, limits: &Limits) -> ControlFlow<StopReason>
    where
        P: Problem<Genotype = G>,
        O: Optimizer<P>,
    {
        let room = limits.evaluations.get().saturating_sub(self.evaluations);
        if room == 0 {
            return ControlFlow::Break(StopReason::Evaluations);
        }
        let mut genotypes = Vec::new();
        self.optimizer.ask(problem, &mut genotypes);
        if genotypes.is_empty() {
            return ControlFlow::Break(StopReason::Exhausted);
        }
        genotypes.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        let mut batch = evaluate(problem, genotypes);
        self.record(&batch);
        self.optimizer.tell(&mut batch);
        ControlFlow::Continue(())
    }

    fn record(&mut self, batch: &[Individual<G>]) {
        self.last_batch = BatchCount {
            evaluated: batch.len() as u64,
            feasible: 0,
        };
        self.evaluations += self.last_batch.evaluated;
        for individual in batch {
            self.last_batch.feasible += u64::from(individual.is_feasible());
            self.front.insert(individual);
            if self
                .nearest
                .as_ref()
                .is_none_or(|nearest| is_nearer(individual, nearest))
            {
                self.nearest = Some(individual.clone());
            }
        }
    }
}

fn is_nearer<G>(individual: &Individual<G>, than: &Individual<G>) -> bool {
    individual.evaluation.violation() < than.evaluation.violation()
}

/// Evaluates in parallel, keeping the order.
fn evaluate<P: Problem>(problem: &P, genotypes: Vec<P::Genotype>) -> Vec<Individual<P::Genotype>> {
    let evaluate = |genotype| Individual {
        evaluation: problem.evaluate(&genotype),
        genotype,
    };
    let batch: Vec<_> = genotypes.into_par_iter().map(evaluate).collect();
    let objectives = problem.objectives();
    assert!(
        batch
            .iter()
            .all(|individual| individual.costs().len() == objectives),
        "every evaluation should have {objectives} costs, as the problem says"
    );
    batch
}
