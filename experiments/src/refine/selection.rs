//! Which networks of a round are measured. None is measured twice.
//!
//! - Half of them, rounded up, are *the best*: from the network of the highest quality down to those that take four fifths of its latency, evenly
//!   spread over these, the best one always among them. That is where the budget binds and what will be used.
//! - The others are *the most telling* for the rest of the front: one after the other, the network whose timing would take most off the sum of the
//!   predictive variances over the front, given all that has been measured or chosen (see [`roofnas_hardware::fit::plan`]). They spread over
//!   the front by themselves.
//! - Where nothing is predicted to keep the latency budget, the front is that of a search without it, and all are chosen as the most telling: the
//!   profile is wrong, or the budget is, and only timings from end to end can tell.
//! - Where the front has too few that are new, networks drawn from the space take their place: the most telling of those that keep the constraints,
//!   or that come closest to it.

use std::collections::BTreeSet;

use roofnas_cost::calibration::Workload;
use roofnas_cost::{Latency, NetworkCost};
use roofnas_hardware::fit;
use roofnas_space::Genotype;

use crate::constraint::Figure;
use crate::experiment::Experiment;
use crate::metrics::Metrics;
use crate::outcome::{FrontRow, best, spread};

/// The best networks take at least this share of the best one's latency.
const EDGE: f64 = 0.8;

/// Networks that the most telling are chosen among, at most.
const CANDIDATES: usize = 192;

/// Networks of the front that are to be predicted well, at most: a spread.
const TARGETS: usize = 96;

/// Drawn networks that the most telling are chosen among, for each one that is wanted.
const DRAWN_FOR_ONE: usize = 8;

/// Why a network is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Of the front's best.
    Best,
    /// What its timing says of the rest of the front.
    Telling,
    /// Drawn from the space, for want of others.
    Drawn,
}

impl Origin {
    /// The word in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Telling => "telling",
            Self::Drawn => "drawn",
        }
    }
}

/// A network to be measured, with what is predicted before anybody has.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    /// Its name in the round: that in the round's front, or `s001` ... by its place in the experiment's sample of the space.
    pub id: String,
    /// Why it was chosen.
    pub origin: Origin,
    /// The network.
    pub genotype: Genotype,
    /// The genes as text.
    pub text: String,
    /// Its quality.
    pub quality: f64,
    /// What it is predicted to take.
    pub predicted: Latency,
    /// Whether the search holds that it keeps all constraints.
    pub is_promised: bool,
    /// Whether it keeps those that are not of latency, and so are certain.
    pub keeps_other_limits: bool,
}

impl Selected {
    fn of_front(experiment: &Experiment, row: &FrontRow, origin: Origin) -> Self {
        Self {
            id: row.id.clone(),
            origin,
            genotype: row.genotype.clone(),
            text: row.text.clone(),
            quality: row.metrics.quality,
            predicted: row.metrics.latency,
            is_promised: experiment.evaluation(&row.metrics).violation() == 0.0,
            keeps_other_limits: true,
        }
    }
}

/// Chooses `count` networks of a round's front (that of a search without the latency budget, where none keeps it), fewer only where the front and the space's sample have no more that are new. `measured`: all that
/// were measured in earlier rounds. They come best first, then the most telling, then drawn ones.
pub fn select(
    experiment: &Experiment,
    front: &[FrontRow],
    measured: &[Genotype],
    count: usize,
) -> Vec<Selected> {
    let mut choice = Choice {
        experiment,
        known: measured.iter().cloned().collect(),
        selected: Vec::new(),
    };
    let targets: Vec<Genotype> = spread(front, TARGETS)
        .into_iter()
        .map(|row| row.genotype.clone())
        .collect();
    // without a budget, the best are only the slowest
    if front
        .iter()
        .all(|row| experiment.evaluation(&row.metrics).violation() == 0.0)
    {
        choice.take_best(front, count.div_ceil(2));
    }
    choice.take_telling(front, &targets, measured, count);
    choice.take_drawn(&targets, measured, count);
    choice.selected
}

struct Choice<'a> {
    experiment: &'a Experiment,
    /// What was measured, or is going to be.
    known: BTreeSet<Genotype>,
    selected: Vec<Selected>,
}

impl Choice<'_> {
    fn take(&mut self, selected: Selected) {
        self.known.insert(selected.genotype.clone());
        self.selected.push(selected);
    }

    /// The rows that nobody has chosen.
    fn new_rows(&self, front: &[FrontRow]) -> Vec<FrontRow> {
        let is_new = |row: &&FrontRow| !self.known.contains(&row.genotype);
        front.iter().filter(is_new).cloned().collect()
    }

    fn take_best(&mut self, front: &[FrontRow], count: usize) {
        let new = self.new_rows(front);
        let Some(best) = best(&new) else {
            return;
        };
        let least_ms = EDGE * best.metrics.latency.mean_ms;
        let is_at_the_edge = |row: &FrontRow| row.metrics.latency.mean_ms >= least_ms;
        let edge: Vec<FrontRow> = new
            .iter()
            .filter(|row| is_at_the_edge(row))
            .cloned()
            .collect();
        for row in spread(&edge, count) {
            self.take(Selected::of_front(self.experiment, row, Origin::Best));
        }
    }

    fn take_telling(
        &mut self,
        front: &[FrontRow],
        targets: &[Genotype],
        measured: &[Genotype],
        count: usize,
    ) {
        let new = self.new_rows(front);
        let candidates = spread(&new, CANDIDATES);
        let genotypes: Vec<Genotype> = candidates.iter().map(|row| row.genotype.clone()).collect();
        for place in self.most_telling(&genotypes, targets, measured, count) {
            self.take(Selected::of_front(
                self.experiment,
                candidates[place],
                Origin::Telling,
            ));
        }
    }

    fn take_drawn(&mut self, targets: &[Genotype], measured: &[Genotype], count: usize) {
        let missing = count.saturating_sub(self.selected.len());
        if missing == 0 {
            return;
        }
        let experiment = self.experiment;
        let metrics = experiment.appraise_sample();
        let violation =
            |place: usize| -> f64 { experiment.evaluation(&metrics[place]).violation() };
        let mut seen = BTreeSet::new();
        let mut places: Vec<usize> = (0..experiment.sample.len())
            .filter(|&place| {
                let genotype = &experiment.sample[place];
                !self.known.contains(genotype) && seen.insert(genotype)
            })
            .collect();
        // the sort is stable: those that keep the constraints stay in the order they were drawn in
        places.sort_by(|&a, &b| violation(a).total_cmp(&violation(b)));
        places.truncate(DRAWN_FOR_ONE * missing);
        let genotypes: Vec<Genotype> = places
            .iter()
            .map(|&place| experiment.sample[place].clone())
            .collect();
        let targets = if targets.is_empty() {
            &genotypes
        } else {
            targets
        };
        for chosen in self.most_telling(&genotypes, targets, measured, count) {
            let place = places[chosen];
            self.take(self.drawn(place, &metrics[place]));
        }
    }

    fn drawn(&self, place: usize, metrics: &Metrics) -> Selected {
        let experiment = self.experiment;
        let genotype = &experiment.sample[place];
        Selected {
            id: format!("s{:03}", place + 1),
            origin: Origin::Drawn,
            genotype: genotype.clone(),
            text: experiment.space.format(genotype),
            quality: metrics.quality,
            predicted: metrics.latency,
            is_promised: experiment.evaluation(metrics).violation() == 0.0,
            keeps_other_limits: experiment
                .constraints
                .iter()
                .all(|c| c.figure == Figure::LatencyMs || c.excess(metrics) == 0.0),
        }
    }

    /// Places of as many candidates as are missing to the count.
    fn most_telling(
        &self,
        candidates: &[Genotype],
        targets: &[Genotype],
        measured: &[Genotype],
        count: usize,
    ) -> Vec<usize> {
        let missing = count.saturating_sub(self.selected.len());
        if missing == 0 || candidates.is_empty() {
            return Vec::new();
        }
        let chosen = self.selected.iter().map(|selected| &selected.genotype);
        let known = measured.iter().chain(chosen);
        fit::plan(
            &self.works(candidates.iter()),
            &self.works(targets.iter()),
            &self.works(known),
            missing,
        )
    }

    fn works<'a>(&self, genotypes: impl Iterator<Item = &'a Genotype>) -> Vec<Vec<Workload>> {
        let model = &self.experiment.appraiser.model;
        let works = |genotype: &Genotype| {
            let network = self.experiment.space.decode(genotype);
            let cost = NetworkCost::new(&network, &model.platform().fusion);
            Workload::of_network(&cost, model.batch(), model.dtype())
        };
        genotypes.map(works).collect()
    }
}
