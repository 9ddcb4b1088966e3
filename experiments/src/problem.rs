//! The search problem that an experiment poses: networks of its space, priced and scored.

use rayon::prelude::*;
use roofnas_cost::{BlockTable, BlockTableError, Deviation, Wanted};
use roofnas_search::{Evaluation, Neighbourhood, Problem, SearchRng};
use roofnas_space::Genotype;

use crate::constraint::{Constraint, Figure};
use crate::experiment::Experiment;
use crate::metrics::Metrics;
use crate::objective::Objective;

/// An experiment as the optimisers see it.
#[derive(Debug, Clone)]
pub struct BackboneProblem<'a> {
    experiment: &'a Experiment,
    /// The blocks priced ahead, and what of a price is looked at.
    blocks: Result<Priced, BlockTableError>,
}

/// The blocks of a space, priced for the platform at each batch and for each further target.
#[derive(Debug, Clone)]
struct Priced {
    table: BlockTable,
    wanted: Wanted,
    /// At the batches above the smallest, in their order.
    larger_batches: Vec<BlockTable>,
    /// In the order of the targets; only their latencies are looked at.
    targets: Vec<(BlockTable, Wanted)>,
}

impl<'a> BackboneProblem<'a> {
    /// The problem of an experiment, its blocks priced on all threads of the pool.
    pub fn new(experiment: &'a Experiment) -> Self {
        Self {
            experiment,
            blocks: Priced::new(experiment),
        }
    }

    /// The problem of an experiment that differs in its quality alone: the blocks are not priced again.
    pub(crate) fn with<'b>(&self, experiment: &'b Experiment) -> BackboneProblem<'b> {
        let blocks = self.blocks.as_ref().map_err(Clone::clone);
        BackboneProblem {
            experiment,
            blocks: blocks.map(|priced| Priced {
                wanted: wanted(experiment),
                ..priced.clone()
            }),
        }
    }

    /// The problem of the experiment at one of its batches alone, counted from the smallest: the blocks are not priced again.
    pub(crate) fn at_batch<'b>(
        &self,
        experiment: &'b Experiment,
        number: usize,
    ) -> BackboneProblem<'b> {
        let blocks = self.blocks.as_ref().map_err(Clone::clone);
        BackboneProblem {
            experiment,
            blocks: blocks.map(|priced| priced.at_batch(number)),
        }
    }

    /// The experiment.
    pub fn experiment(&self) -> &'a Experiment {
        self.experiment
    }

    /// The blocks priced ahead, where networks choose their batch for the smallest, or why there are none: every network is then decoded and priced layer by layer.
    ///
    /// # Errors
    /// When the space has too many blocks.
    pub fn blocks(&self) -> Result<&BlockTable, &BlockTableError> {
        self.blocks.as_ref().map(|priced| &priced.table)
    }

    /// The blocks priced ahead for a target.
    ///
    /// # Errors
    /// As [`blocks`](Self::blocks).
    pub(crate) fn target_blocks(&self, target: usize) -> Result<&BlockTable, &BlockTableError> {
        self.blocks.as_ref().map(|priced| &priced.targets[target].0)
    }

    /// The figures that the search looks at; others may be missing.
    fn appraise(&self, genotype: &Genotype) -> Metrics {
        match &self.blocks {
            Ok(priced) => {
                let price = priced.table.price(genotype, priced.wanted);
                let on_target = |target: usize| {
                    let (table, wanted) = &priced.targets[target];
                    table.price(genotype, *wanted).latency
                };
                let appraiser = &self.experiment.appraiser;
                let smallest = appraiser.metrics(genotype, &price, on_target);
                let larger = priced.larger_batches.iter().zip(&appraiser.larger_batches);
                let larger = larger.map(|(table, model)| {
                    let price = table.price(genotype, priced.wanted_of_batch());
                    smallest.priced_at(model.batch(), &price)
                });
                self.experiment.best_batch(smallest, larger)
            }
            Err(_) => self.experiment.appraise(genotype),
        }
    }
}

impl Priced {
    fn new(experiment: &Experiment) -> Result<Self, BlockTableError> {
        let price = |model| {
            BlockTable::with(&experiment.space, model, |sites, cost| {
                sites.par_iter().map(cost).collect()
            })
        };
        let targets = (0..).zip(&experiment.appraiser.targets);
        let targets = targets.map(|(number, target)| {
            let deviation = deviation(experiment, Figure::TargetLatencyMs(number));
            let wanted = Wanted {
                deviation,
                st_la: false,
                levels: false,
                counts: false,
            };
            Ok((price(&target.model)?, wanted))
        });
        let larger = experiment.appraiser.larger_batches.iter();
        Ok(Self {
            table: price(&experiment.appraiser.model)?,
            wanted: wanted(experiment),
            larger_batches: larger.map(price).collect::<Result<_, _>>()?,
            targets: targets.collect::<Result<_, _>>()?,
        })
    }

    /// What is looked at of the prices at larger batches, beside that at the smallest: only what depends on the batch.
    fn wanted_of_batch(&self) -> Wanted {
        Wanted {
            st_la: false,
            levels: false,
            ..self.wanted
        }
    }

    /// The blocks at one of the batches alone, counted from the smallest.
    fn at_batch(&self, number: usize) -> Self {
        let larger = |number: usize| self.larger_batches.get(number);
        let own = number.checked_sub(1).and_then(larger);
        Self {
            table: own.unwrap_or(&self.table).clone(),
            wanted: self.wanted,
            larger_batches: Vec::new(),
            targets: self.targets.clone(),
        }
    }
}

/// What of a latency's deviation is looked at.
fn deviation(experiment: &Experiment, figure: Figure) -> Deviation {
    let bounded = experiment.bounded(figure);
    bounded.map_or(Deviation::Unwanted, |c| Deviation::ForLimit {
        limit_ms: c.limit,
        quantile: c.quantile,
    })
}

/// What objectives and constraints need of a price.
fn wanted(experiment: &Experiment) -> Wanted {
    let quality = &experiment.appraiser.quality;
    let of_objective = |objective: &Objective| match objective {
        Objective::Latency
        | Objective::Throughput
        | Objective::Params
        | Objective::Weights
        | Objective::TargetLatency(_)
        | Objective::TargetThroughput(_) => false,
        Objective::Quality => quality.needs_counts(),
        Objective::Macs | Objective::PeakMemory | Objective::Traffic => true,
    };
    let of_constraint = |constraint: &Constraint| match constraint.figure {
        Figure::LatencyMs
        | Figure::TargetLatencyMs(_)
        | Figure::Params
        | Figure::WeightsMib
        | Figure::ChannelDrop => false,
        Figure::Macs | Figure::PeakMemoryMib | Figure::Rho => true,
    };
    Wanted {
        deviation: deviation(experiment, Figure::LatencyMs),
        st_la: quality.needs_st_la(),
        levels: quality.needs_levels()
            || experiment
                .constraints
                .iter()
                .any(|c| c.figure == Figure::ChannelDrop),
        counts: experiment.objectives.iter().any(of_objective)
            || experiment.constraints.iter().any(of_constraint),
    }
}

impl Neighbourhood for BackboneProblem<'_> {
    fn neighbours(
        &self,
        genotype: &Genotype,
        room: &mut Genotype,
        visit: &mut dyn FnMut(&Genotype),
    ) {
        self.experiment.space.neighbours(genotype, room, visit);
    }
}

impl Problem for BackboneProblem<'_> {
    type Genotype = Genotype;

    fn objectives(&self) -> usize {
        self.experiment.objectives.len()
    }

    fn sample(&self, rng: &mut SearchRng) -> Genotype {
        self.experiment.space.sample(rng)
    }

    fn mutate(&self, genotype: &mut Genotype, rng: &mut SearchRng) {
        self.experiment.space.mutate(genotype, rng);
    }

    fn crossover(&self, child: &mut Genotype, father: &Genotype, rng: &mut SearchRng) {
        self.experiment.space.crossover(child, father, rng);
    }

    fn evaluate(&self, genotype: &Genotype) -> Evaluation {
        self.experiment.evaluation(&self.appraise(genotype))
    }
}
