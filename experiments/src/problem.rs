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
    blocks: Result<(BlockTable, Wanted), BlockTableError>,
}

impl<'a> BackboneProblem<'a> {
    /// The problem of an experiment, its blocks priced on all threads of the pool.
    pub fn new(experiment: &'a Experiment) -> Self {
        let model = &experiment.appraiser.model;
        let table = BlockTable::with(&experiment.space, model, |sites, cost| {
            sites.par_iter().map(cost).collect()
        });
        Self {
            experiment,
            blocks: table.map(|table| (table, wanted(experiment))),
        }
    }

    /// The problem of an experiment that differs in its quality alone: the blocks are not priced again.
    pub(crate) fn with<'b>(&self, experiment: &'b Experiment) -> BackboneProblem<'b> {
        let blocks = self.blocks.as_ref().map_err(Clone::clone);
        BackboneProblem {
            experiment,
            blocks: blocks.map(|(table, _)| (table.clone(), wanted(experiment))),
        }
    }

    /// The experiment.
    pub fn experiment(&self) -> &'a Experiment {
        self.experiment
    }

    /// The blocks priced ahead, or why there are none: every network is then decoded and priced layer by layer.
    ///
    /// # Errors
    /// When the space has too many blocks.
    pub fn blocks(&self) -> Result<&BlockTable, &BlockTableError> {
        self.blocks.as_ref().map(|(table, _)| table)
    }

    /// The figures that the search looks at; others may be missing.
    fn appraise(&self, genotype: &Genotype) -> Metrics {
        match &self.blocks {
            Ok((table, wanted)) => {
                let price = table.price(genotype, *wanted);
                self.experiment.appraiser.metrics(genotype, &price)
            }
            Err(_) => self.experiment.appraise(genotype),
        }
    }
}

/// What objectives and constraints need of a price.
fn wanted(experiment: &Experiment) -> Wanted {
    let quality = &experiment.appraiser.quality;
    let of_objective = |objective: &Objective| match objective {
        Objective::Latency | Objective::Params | Objective::Weights => false,
        Objective::Quality => quality.needs_counts(),
        Objective::Macs | Objective::PeakMemory | Objective::Traffic => true,
    };
    let of_constraint = |constraint: &Constraint| match constraint.figure {
        Figure::LatencyMs | Figure::Params | Figure::WeightsMib | Figure::ChannelDrop => false,
        Figure::Macs | Figure::PeakMemoryMib | Figure::Rho => true,
    };
    Wanted {
        deviation: experiment
            .bounded_latency()
            .map_or(Deviation::Unwanted, |c| Deviation::ForLimit {
                limit_ms: c.limit,
                quantile: c.quantile,
            }),
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
