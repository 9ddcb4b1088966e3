//! Who is better than whom among the networks of a front and the published ones.

use roofnas_search::dominates;

use crate::experiment::Experiment;
use crate::metrics::Metrics;
use crate::outcome::{FrontRow, Outcome, PricedLandmark};

/// A published network against a front.
#[derive(Debug, Clone)]
pub(super) struct Standing<'a> {
    /// The published network.
    pub(super) landmark: &'a PricedLandmark,
    /// Networks of the front that are nowhere worse in the objectives and somewhere better, in the front's order.
    pub(super) dominated_by: Vec<&'a FrontRow>,
    /// Networks of the front of which the published one is that.
    pub(super) dominates: Vec<&'a FrontRow>,
}

impl<'a> Standing<'a> {
    /// Every published network that has all the objectives' figures; none where what stands for quality knows networks of the space alone.
    pub(super) fn all(experiment: &Experiment, outcome: &'a Outcome) -> Vec<Self> {
        let costs = |metrics: &Metrics| -> Vec<f64> {
            let objectives = experiment.objectives.iter();
            objectives
                .map(|objective| objective.cost(metrics))
                .collect()
        };
        let front: Vec<(&FrontRow, Vec<f64>)> = outcome
            .front
            .iter()
            .map(|row| (row, costs(&row.metrics)))
            .collect();
        let standings = outcome.landmarks.iter().filter_map(|landmark| {
            let own = costs(&landmark.metrics);
            let where_front = |is_so: &dyn Fn(&[f64]) -> bool| {
                let rows = front.iter().filter(|(_, costs)| is_so(costs));
                rows.map(|(row, _)| *row).collect()
            };
            let is_known = own.iter().all(|cost| cost.is_finite());
            is_known.then(|| Self {
                landmark,
                dominated_by: where_front(&|costs| dominates(costs, &own)),
                dominates: where_front(&|costs| dominates(&own, costs)),
            })
        });
        standings.collect()
    }

    /// The fastest network of the front that dominates it.
    pub(super) fn fastest(&self) -> Option<&'a FrontRow> {
        let rows = self.dominated_by.iter().copied();
        rows.min_by(|a, b| per_image(&a.metrics).total_cmp(&per_image(&b.metrics)))
    }

    /// Its time per image over that of the fastest that dominates it.
    pub(super) fn speedup(&self) -> Option<f64> {
        let fastest = self.fastest()?;
        Some(per_image(&self.landmark.metrics) / per_image(&fastest.metrics))
    }
}

/// Latencies, whatever the batch each is of.
fn per_image(metrics: &Metrics) -> f64 {
    metrics.timing().ms_per_image()
}
