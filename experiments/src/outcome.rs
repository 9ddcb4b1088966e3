//! What a run found.

use roofnas_search::{Costs, Individual, ParetoFront, StopReason};
use roofnas_space::presets::Landmark;
use roofnas_space::{Genotype, Resolution, presets};

use crate::certified::Certified;
use crate::checkpoint::Checkpoint;
use crate::config::Algorithm;
use crate::constraint::{Constraint, Figure};
use crate::experiment::Experiment;
use crate::history::{Generation, Recorder};
use crate::metrics::Metrics;
use crate::proof::{Proof, Unproven};
use crate::refine::Refinement;
use crate::training::TrainingSummary;

/// The result of a finished run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The front, sorted by the first objective.
    pub front: Vec<FrontRow>,
    /// What comes nearest to keeping the constraints, if nothing does.
    pub nearest: Option<Nearest>,
    /// The generations.
    pub history: Vec<Generation>,
    /// Networks evaluated.
    pub evaluations: u64,
    /// Hypervolume of the front, where it is computed.
    pub hypervolume: Option<f64>,
    /// The hypervolume's reference point, as costs.
    pub reference: Vec<f64>,
    /// Why the search ended.
    pub reason: StopReason,
    /// Figures of the sample that fixes the space's scales: what drawing at random gives.
    pub sample: Vec<Metrics>,
    /// Published networks, priced by the same model.
    pub landmarks: Vec<PricedLandmark>,
    /// How far the front can be from the optimum, or why that isn't known.
    pub certified: Result<Certified, Unproven>,
    /// What was trained, where the user's command measures the quality.
    pub training: Option<TrainingSummary>,
    /// What was measured before this search, where its platform was refined.
    pub refinement: Option<Refinement>,
    /// What a user should know of how its files were written.
    pub warnings: Vec<String>,
}

/// A network of the front.
#[derive(Debug, Clone, PartialEq)]
pub struct FrontRow {
    /// Its name in this run: `b01`, `b02` ... from the front's fast end.
    pub id: String,
    /// The network, as genes.
    pub genotype: Genotype,
    /// The genes as text.
    pub text: String,
    /// Input resolution.
    pub resolution: Resolution,
    /// Its figures.
    pub metrics: Metrics,
}

/// The network that comes nearest to keeping the constraints.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// The genes as text.
    pub text: String,
    /// Its figures.
    pub metrics: Metrics,
    /// The constraints it breaks.
    pub broken: Vec<Constraint>,
}

/// A published network, priced by the same model.
#[derive(Debug, Clone)]
pub struct PricedLandmark {
    /// The network.
    pub landmark: Landmark,
    /// Its figures; the score is normalised as the run's.
    pub metrics: Metrics,
}

impl Nearest {
    /// What it breaks, in words: a line for each constraint.
    pub fn binds(&self) -> Vec<String> {
        let broken = self.broken.iter().map(|constraint| {
            let value = constraint.value(&self.metrics);
            if constraint.figure == Figure::ChannelDrop {
                return format!(
                    "{}: channels fall by {} in all, each fall relative to what was there",
                    constraint.key(),
                    rounded(value)
                );
            }
            format!(
                "{} is {}, at most {} ({:.2} times)",
                constraint.key(),
                rounded(value),
                constraint.limit,
                value / constraint.limit
            )
        });
        broken.collect()
    }
}

/// A count whole, anything else with four decimals.
fn rounded(value: f64) -> String {
    if value.fract() == 0.0 {
        value.to_string()
    } else {
        format!("{value:.4}")
    }
}

impl Outcome {
    pub(crate) fn new(
        experiment: &Experiment,
        recorder: &Recorder,
        sample: Vec<Metrics>,
        checkpoint: Checkpoint,
        reason: StopReason,
        proof: Result<Proof, Unproven>,
    ) -> Self {
        let search = checkpoint.search;
        // the search adds up blocks, whose sums round differently: the front is that of networks priced layer by layer
        let priced = search.front().iter().map(|member| Individual {
            evaluation: experiment.evaluation(&experiment.appraise(&member.genotype)),
            genotype: member.genotype.clone(),
        });
        let mut exact = ParetoFront::from(priced.collect::<Vec<_>>());
        let is_exact = experiment.resolved.search.algorithm == Algorithm::Exact;
        if let Ok(proof) = &proof
            && (is_exact || exact.is_empty())
        {
            for genotype in &proof.members {
                exact.insert(&Individual {
                    evaluation: experiment.evaluation(&experiment.appraise(genotype)),
                    genotype: genotype.clone(),
                });
            }
        }
        let certified = proof.map(|proof| {
            let costs = exact.iter().map(|member| member.costs().iter().copied());
            let costs: Vec<Costs> = costs.map(Iterator::collect).collect();
            Certified::new(proof, &costs)
        });
        let nearest = search.nearest().filter(|_| exact.is_empty());
        Self {
            front: front_rows(experiment, &exact),
            nearest: nearest.map(|nearest| {
                let metrics = experiment.appraise(&nearest.genotype);
                let broken = experiment.constraints.iter().cloned();
                Nearest {
                    text: experiment.space.format(&nearest.genotype),
                    metrics,
                    broken: broken.filter(|c| c.excess(&metrics) > 0.0).collect(),
                }
            }),
            evaluations: search.evaluations(),
            hypervolume: recorder.hypervolume(&exact),
            reference: recorder.reference().to_vec(),
            history: checkpoint.history,
            reason,
            sample,
            landmarks: landmarks(experiment),
            certified,
            training: None,
            refinement: None,
            warnings: Vec::new(),
        }
    }

    /// A front whose quality was measured: nothing else on its scale is known.
    pub(crate) fn of_front(front: Vec<FrontRow>) -> Self {
        Self {
            front,
            nearest: None,
            history: Vec::new(),
            evaluations: 0,
            hypervolume: None,
            reference: Vec::new(),
            reason: StopReason::Evaluations,
            sample: Vec::new(),
            landmarks: Vec::new(),
            certified: Err(Unproven::Unasked),
            training: None,
            refinement: None,
            warnings: Vec::new(),
        }
    }

    /// The network of the highest quality; the faster of equals.
    pub fn best(&self) -> Option<&FrontRow> {
        best(&self.front)
    }

    /// Up to `count` networks spread over the front: its ends first, always with the best.
    pub fn spread(&self, count: usize) -> Vec<&FrontRow> {
        spread(&self.front, count)
    }
}

/// The networks of a front, named and priced.
pub(crate) fn front_rows(experiment: &Experiment, front: &ParetoFront<Genotype>) -> Vec<FrontRow> {
    let members = front.members();
    let digits = members.len().to_string().len().max(2);
    let rows = members.iter().enumerate().map(|(index, member)| FrontRow {
        id: format!("b{:0digits$}", index + 1),
        text: experiment.space.format(&member.genotype),
        resolution: experiment.space.resolution(&member.genotype),
        metrics: experiment.appraise(&member.genotype),
        genotype: member.genotype.clone(),
    });
    rows.collect()
}

/// The network of the highest quality; the faster of equals.
pub(crate) fn best(front: &[FrontRow]) -> Option<&FrontRow> {
    // `max_by` returns the last of equals, hence the reversal
    let slowest_first = front.iter().rev();
    slowest_first.max_by(|a, b| a.metrics.quality.total_cmp(&b.metrics.quality))
}

/// Up to `count` networks spread over a front: its ends first, always with the best.
pub(crate) fn spread(front: &[FrontRow], count: usize) -> Vec<&FrontRow> {
    let last = front.len().saturating_sub(1);
    let mut rows: Vec<&FrontRow> = match count.min(front.len()) {
        0 => return Vec::new(),
        1 => Vec::new(),
        count => (0..count).map(|i| &front[i * last / (count - 1)]).collect(),
    };
    if let Some(best) = best(front).filter(|best| !rows.iter().any(|row| row.id == best.id)) {
        rows.pop();
        rows.push(best);
    }
    rows
}

/// The published networks, priced by an experiment's model.
pub(crate) fn landmarks(experiment: &Experiment) -> Vec<PricedLandmark> {
    // classifiers beside detectors would compare nothing
    if experiment.head.is_some() {
        return Vec::new();
    }
    let priced = presets::landmarks()
        .into_iter()
        .map(|landmark| PricedLandmark {
            metrics: experiment.appraise_network(&landmark.network),
            landmark,
        });
    priced.collect()
}
