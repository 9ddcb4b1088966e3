use rayon::prelude::*;

use crate::batch_count::BatchCount;
use crate::clock::Clock;
use crate::cost_front::CostFront;
use crate::individual::Individual;
use crate::optimizer::Optimizer;
use crate::problem::Problem;

/// What one island does between two migrations, on its own: it shares nothing until it is done.
///
/// Kept from epoch to epoch for its buffers.
#[derive(Debug)]
pub(crate) struct Epoch<G> {
    /// What became of the candidates.
    pub(crate) count: BatchCount,
    /// Those that improved on the front, in the order found. Some may be dominated by later ones.
    pub(crate) news: Vec<Individual<G>>,
    /// The candidate of least violation, if it comes nearer than all before the epoch.
    pub(crate) nearest: Option<Individual<G>>,
    /// What the front costs, with the news.
    front: CostFront,
    /// The violation of the nearest so far, if there is any.
    violation: Option<f64>,
    batch: Vec<G>,
    evaluated: Vec<Individual<G>>,
}

/// How far an island may go in one epoch.
#[derive(Clone, Copy)]
pub(crate) struct Allowance<'a> {
    /// At most so many generations.
    pub(crate) generations: u64,
    /// At most so many candidates; the last batch is cut short.
    pub(crate) evaluations: u64,
    /// No generation but the first begins later than this, by the clock.
    pub(crate) until: Option<(f64, &'a dyn Clock)>,
    /// How a batch is evaluated.
    pub(crate) pricing: Pricing,
}

/// Who evaluates the candidates of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pricing {
    /// The island's own thread: there are islands enough for all.
    Alone,
    /// Whichever threads are free.
    Shared,
}

impl<G> Default for Epoch<G> {
    fn default() -> Self {
        Self {
            count: BatchCount::default(),
            news: Vec::new(),
            nearest: None,
            front: CostFront::new(),
            violation: None,
            batch: Vec::new(),
            evaluated: Vec::new(),
        }
    }
}

impl<G> Epoch<G> {
    /// Begins an epoch from what all islands know.
    pub(crate) fn begin(&mut self, front: &CostFront, nearest: Option<&Individual<G>>) {
        self.count = BatchCount::default();
        self.news.clear();
        self.nearest = None;
        self.front.copy_from(front);
        self.violation = nearest.map(|nearest| nearest.evaluation.violation());
    }

    /// Lets an island's optimiser run.
    ///
    /// # Panics
    ///
    /// When an evaluation has another number of costs than the problem says.
    pub(crate) fn run<P, O>(&mut self, problem: &P, optimizer: &mut O, allowance: Allowance)
    where
        P: Problem<Genotype = G>,
        O: Optimizer<P>,
        G: Clone + Send + Sync,
    {
        for generation in 0..allowance.generations {
            let room = allowance.evaluations - self.count.evaluated;
            let late = || {
                allowance
                    .until
                    .is_some_and(|(end, clock)| clock.seconds() >= end)
            };
            if room == 0 || (generation > 0 && late()) {
                break;
            }
            optimizer.ask(problem, &mut self.batch);
            if self.batch.is_empty() {
                break;
            }
            self.batch
                .truncate(usize::try_from(room).unwrap_or(usize::MAX));
            self.evaluate(problem, allowance.pricing);
            self.record(problem.objectives());
            optimizer.tell(&mut self.evaluated);
            let left = self.evaluated.drain(..);
            self.batch
                .extend(left.map(|individual| individual.genotype));
        }
    }

    /// Turns the batch into individuals, keeping the order.
    fn evaluate<P: Problem<Genotype = G>>(&mut self, problem: &P, pricing: Pricing)
    where
        G: Send + Sync,
    {
        let evaluate = |genotype| Individual {
            evaluation: problem.evaluate(&genotype),
            genotype,
        };
        match pricing {
            Pricing::Alone => self.evaluated.extend(self.batch.drain(..).map(evaluate)),
            Pricing::Shared => {
                let batch = self.batch.par_drain(..);
                batch.map(evaluate).collect_into_vec(&mut self.evaluated);
            }
        }
    }

    fn record(&mut self, objectives: usize)
    where
        G: Clone,
    {
        self.count.evaluated += self.evaluated.len() as u64;
        for individual in &self.evaluated {
            let evaluation = &individual.evaluation;
            assert!(
                evaluation.costs().len() == objectives,
                "every evaluation should have {objectives} costs, as the problem says"
            );
            self.count.feasible += u64::from(evaluation.is_feasible());
            if self.front.insert(evaluation, |_| ()).is_some() {
                self.news.push(individual.clone());
            }
            let violation = evaluation.violation();
            if self.violation.is_none_or(|nearest| violation < nearest) {
                self.violation = Some(violation);
                self.nearest = Some(individual.clone());
            }
        }
    }
}
