//! How far a front can be from the optimum: by exact search over the same blocks, prices and constraints.
//!
//! The optimum is the model's: of these scores, these predicted latencies and this space. Nothing is said of networks outside the space, of
//! latencies that were not measured, or of accuracy.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::slice;

use roofnas_search::{
    Certificate, Costs, ExactFront, ExactProgress, ExactSettings, Individual, Layered, ParetoFront,
    Problem, exact_front, hypervolume, relaxed_bound,
};
use roofnas_space::Genotype;
use serde::Serialize;

use crate::experiment::Experiment;
use crate::floor::Floor;
use crate::objective::Objective;
use crate::outcome_record::Gap;
use crate::paths::{BackbonePaths, LatencyView, PathsError};
use crate::problem::BackboneProblem;

/// What exact search says of a problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// Costs that bound the front: for every network `z` that keeps the constraints there is a point `p` with `p0 <= z0` and `p1 <= z1`.
    pub bound: Vec<[f64; 2]>,
    /// By how much the points were lowered for what dynamic programming left out, in the unit of the second objective.
    pub epsilon: f64,
    /// Whether every point of the bound is a network's: without constraints that are only bounded by sums.
    pub is_attained: bool,
    /// Networks found on the way that keep the constraints.
    pub members: Vec<Genotype>,
    /// The most partial networks that were followed at one time.
    pub peak_labels: usize,
    /// All that were followed.
    pub total_labels: u64,
}

/// Why there is no proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unproven {
    /// It wasn't asked for.
    Unasked,
    /// The problem can't be searched exactly.
    Impossible(PathsError),
}

/// Partial networks that are followed at one time.
const LABELS: usize = 300_000;
/// What is asked for, as a share of the front's range in the second objective.
const EPSILON: f64 = 1e-7;
/// How often the sum below a latency's bound is moved towards the network that it holds up least. A gap of .31 in the quickstart is some .17 after
/// three rounds, .13 after six and .10 after twelve.
const ROUNDS: usize = 6;
/// Networks, spread over the front, at which a mean that is no sum is bounded by one.
const TANGENTS: usize = 5;

/// Searches exactly, with a front that was found by other means as a start, and where networks choose their batch at each of them. Nothing when
/// `observer` breaks off.
///
/// Where limits concern the objectives alone, and both are sums, dynamic programming gives the front itself. Elsewhere the highest of several bounds
/// counts:
///
/// * the exact front without the other limits: every feasible network is in it, or behind it;
/// * shortest paths under weighted objectives, with prices on the other limits: lines that no feasible network is below;
/// * the best second objective that each of the other limits alone lets be;
/// * where the bound of a latency is limited and its mean is the first objective: every feasible network keeps the limit for any sum that its bound never
///   falls below, so none is better in the second objective than the best that keeps it.
///
/// # Errors
/// When the problem can't be searched exactly.
pub fn prove(
    problem: &BackboneProblem,
    front: &ParetoFront<Genotype>,
    nearest: &Genotype,
    mut observer: impl FnMut(ExactProgress) -> ControlFlow<()>,
) -> Result<Option<Proof>, PathsError> {
    let range = match front.members() {
        [first, .., last] => (first.costs()[1] - last.costs()[1]).abs(),
        _ => 0.0,
    };
    let settings = ExactSettings {
        epsilon: EPSILON * range,
        labels: NonZeroUsize::new(LABELS).unwrap_or(NonZeroUsize::MIN),
        ..ExactSettings::default()
    };
    let experiment = problem.experiment();
    if !experiment.chooses_batch() {
        return prove_at_one_batch(problem, front, nearest, &settings, &mut observer);
    }
    // whatever a network takes, its costs are those at one of the batches: together, what bounds these bounds it
    let mut parts = Vec::new();
    for (number, alone) in experiment.at_each_batch().iter().enumerate() {
        let own = problem.at_batch(alone, number);
        let priced = front.members().iter().map(|member| Individual {
            evaluation: own.evaluate(&member.genotype),
            genotype: member.genotype.clone(),
        });
        let front = ParetoFront::from(priced.collect::<Vec<_>>());
        match prove_at_one_batch(&own, &front, nearest, &settings, &mut observer)? {
            Some(part) => parts.push(part),
            None => return Ok(None),
        }
    }
    Ok(Some(Proof::of_any(parts)))
}

impl Proof {
    /// What holds of networks that are each of one of the problems that the parts are about.
    fn of_any(parts: Vec<Self>) -> Self {
        let points = parts.iter().flat_map(|part| part.bound.iter().copied());
        let mut points: Vec<[f64; 2]> = points.collect();
        points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
        let mut lowest = f64::INFINITY;
        points.retain(|point| {
            let is_lower = point[1] < lowest;
            lowest = lowest.min(point[1]);
            is_lower
        });
        Self {
            bound: points,
            epsilon: parts.iter().map(|part| part.epsilon).fold(0.0, f64::max),
            is_attained: parts.iter().all(|part| part.is_attained),
            peak_labels: parts.iter().map(|part| part.peak_labels).max().unwrap_or(0),
            total_labels: parts.iter().map(|part| part.total_labels).sum(),
            members: parts.into_iter().flat_map(|part| part.members).collect(),
        }
    }
}

/// The proof where every network runs at the same batch.
fn prove_at_one_batch(
    problem: &BackboneProblem,
    front: &ParetoFront<Genotype>,
    nearest: &Genotype,
    settings: &ExactSettings,
    observer: &mut impl FnMut(ExactProgress) -> ControlFlow<()>,
) -> Result<Option<Proof>, PathsError> {
    let members = front.members();
    // what bounds a constraint from below is tightest where the constraint binds: at the best of the front
    let at = members.last().map_or(nearest, |best| &best.genotype);
    let experiment = problem.experiment();
    let is_bounded = experiment.objectives[..1] == [Objective::Latency]
        && experiment.bounded_latency().is_some();
    let mut found = Vec::new();
    let paths = BackbonePaths::new(problem, slice::from_ref(at), LatencyView::Mean)?;
    // the bound of a latency is above its mean: what limits it limits the mean
    let mut floor = Floor::until(paths.limit(0));
    let at_most = members.last().map_or(f64::INFINITY, |best| best.costs()[1]);
    if is_bounded {
        let level = ceiling(problem, at, at_most, settings, &mut found, observer)?;
        let Some(level) = level else {
            return Ok(None);
        };
        floor.level = Some(level);
    }
    let is_plain = !paths.is_relaxed() && paths.other_limits().is_empty();
    if !paths.other_limits().is_empty() {
        let lines = relaxed_bound(&paths, settings);
        found.extend(lines.members.iter().map(|m| paths.genotype(&m.choices)));
        floor.lines = Some(lines);
    }
    for criterion in paths.other_limits() {
        let limited = paths.with_limit_on(criterion, at_most);
        let exact = exact_front(&limited, settings, &[], &mut *observer);
        if exact.interrupted {
            return Ok(None);
        }
        if let Some(best) = exact.members.last() {
            let least = best.costs[1] - exact.epsilon;
            floor.level = Some(floor.level.map_or(least, |level| level.max(least)));
        }
        found.extend(exact.members.iter().map(|m| paths.genotype(&m.choices)));
    }
    // whoever is feasible is a path of every relaxation, whose costs there are no higher: what it reaches need not be looked for again
    let known = members.iter().map(|m| m.costs().iter().copied().collect());
    let known: Vec<Costs> = known.collect();
    let mut followed = Followed::default();
    let mut is_attained =
        floor.level.is_none() && paths.has_true_objectives() && !paths.has_rounded_quality();
    let is_feasible = |genotype: &Genotype| problem.evaluate(genotype).is_feasible();
    // a mean that is no sum is bounded by sums that are equal to it at one network each
    let places = if paths.has_true_objectives() {
        1
    } else {
        TANGENTS
    };
    for place in 0..places {
        let at = match place {
            0 => at,
            _ => members
                .get(place * members.len() / places)
                .map_or(at, |m| &m.genotype),
        };
        let paths = BackbonePaths::new(problem, slice::from_ref(at), LatencyView::Mean)?;
        let exact = if is_plain {
            exact_front(&paths, settings, &known, &mut *observer)
        } else {
            exact_front(&paths.with_own_limits(), settings, &known, &mut *observer)
        };
        if exact.interrupted {
            return Ok(None);
        }
        followed.add(&exact);
        let lowered = exact
            .bound
            .iter()
            .map(|costs| [costs[0], costs[1] - exact.epsilon]);
        floor.staircases.push(lowered.collect());
        let own: Vec<Genotype> = exact
            .members
            .iter()
            .map(|m| paths.genotype(&m.choices))
            .collect();
        is_attained &= is_plain || own.iter().all(is_feasible);
        found.extend(own);
    }
    if is_attained {
        floor.lines = None;
    }
    Ok(Some(Proof {
        bound: floor.points(),
        epsilon: followed.epsilon,
        is_attained,
        members: found.into_iter().filter(is_feasible).collect(),
        peak_labels: followed.peak_labels,
        total_labels: followed.total_labels,
    }))
}

/// What dynamic programming had to follow.
#[derive(Default)]
struct Followed {
    epsilon: f64,
    peak_labels: usize,
    total_labels: u64,
}

impl Followed {
    fn add(&mut self, exact: &ExactFront) {
        self.epsilon = self.epsilon.max(exact.epsilon);
        self.peak_labels = self.peak_labels.max(exact.peak_labels);
        self.total_labels += exact.total_labels;
    }
}

/// The least cost in the second objective of networks whose latency's bound keeps its limit, as far as sums below it can tell: infinite where there
/// is no such network. Nothing when `observer` breaks off.
fn ceiling(
    problem: &BackboneProblem,
    at: &Genotype,
    other_at_most: f64,
    settings: &ExactSettings,
    found: &mut Vec<Genotype>,
    observer: &mut impl FnMut(ExactProgress) -> ControlFlow<()>,
) -> Result<Option<f64>, PathsError> {
    let mut at = vec![at.clone()];
    let mut least = f64::NEG_INFINITY;
    for _ in 0..ROUNDS {
        let paths = BackbonePaths::new(problem, &at, LatencyView::Bound { other_at_most })?;
        let accepting = paths.with_own_limits();
        // paths that the sum lets pass are asked for, feasible or not: the best of them shows where the sum is too low
        let exact = exact_front(&accepting, settings, &[], &mut *observer);
        if exact.interrupted {
            return Ok(None);
        }
        let Some(best) = exact.members.last() else {
            // looked for everywhere, and nothing keeps the limit even of a sum below it
            let is_nowhere = other_at_most == f64::INFINITY && exact.epsilon.is_finite();
            if is_nowhere && exact.bound.is_empty() {
                least = f64::INFINITY;
            }
            break;
        };
        let cost = best.costs[1] - exact.epsilon;
        found.extend(exact.members.iter().map(|m| paths.genotype(&m.choices)));
        let next = paths.genotype(&best.choices);
        least = least.max(cost);
        if problem.evaluate(&next).is_feasible() {
            break;
        }
        at.push(next);
    }
    Ok(Some(least))
}

/// A proof beside the front it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Certified {
    /// What was proven.
    pub proof: Proof,
    /// The front against it; nothing where the front or the bound is empty.
    pub certificate: Option<Certificate>,
}

impl Certified {
    /// Holds a front of costs against a proof. Sums of another order differ in their last digits, which must not count as a gap: first objectives
    /// are compared to nine digits.
    pub fn new(proof: Proof, front: &[[f64; 2]]) -> Self {
        let rounded = front.iter().map(|&[x, y]| [x - 1e-9 * x.abs(), y]);
        let front: Vec<[f64; 2]> = rounded.collect();
        Self {
            certificate: Certificate::new(&front, &proof.bound, 0.0),
            proof,
        }
    }

    /// Whether it is proven that no network of the space keeps the constraints.
    pub fn is_infeasible(&self) -> bool {
        self.proof.bound.is_empty() && self.proof.epsilon.is_finite()
    }

    /// The range of the second objective along the bound.
    fn range(&self) -> f64 {
        match &self.proof.bound[..] {
            [first, .., last] => (first[1] - last[1]).abs(),
            _ => 0.0,
        }
    }

    /// How far the front can be from the optimum; nothing where there is no certificate.
    pub fn gap(&self) -> Option<Gap> {
        let worst = self.certificate.as_ref()?.worst_gap;
        let range = self.range();
        worst.is_finite().then_some(Gap {
            worst,
            share_of_range: if range > 0.0 { worst / range } else { 0.0 },
            is_exact: self.proof.is_attained,
        })
    }

    /// The hypervolume of what bounds the front, from this reference point; nothing where there is no bound, or it holds no hypervolume.
    pub(crate) fn hypervolume(&self, reference: &[f64]) -> Option<f64> {
        if self.proof.bound.is_empty() || reference.len() != 2 {
            return None;
        }
        let volume = hypervolume(&self.proof.bound, reference);
        volume.is_finite().then_some(volume)
    }

    /// The highest quality that a network of the space can have, where quality is the second objective.
    pub(crate) fn best_quality(&self, experiment: &Experiment) -> Option<f64> {
        if experiment.objectives.get(1) != Some(&Objective::Quality) {
            return None;
        }
        let costs = self.proof.bound.iter().map(|point| point[1]);
        costs.reduce(f64::min).map(|cost| 0.0 - cost)
    }

    /// The most that a network of the space can be better in the second objective than a network of these costs, at no more of the first; nothing
    /// where none is proven to be as good in the first.
    pub(crate) fn room(&self, [first, second]: [f64; 2]) -> Option<f64> {
        let reach = first + 1e-9 * first.abs();
        let within = self.proof.bound.iter().filter(|point| point[0] <= reach);
        let best = within.map(|point| point[1]).reduce(f64::min)?;
        Some((second - best).max(0.0))
    }

    /// Whether a difference in the second objective is one of rounding.
    pub(crate) fn is_nothing(&self, room: f64) -> bool {
        room <= self.proof.epsilon + 1e-9 * self.range().max(1.0)
    }

    /// What is proven, in a sentence for people.
    pub fn sentence(&self, experiment: &Experiment) -> Option<String> {
        let certificate = self.certificate.as_ref()?;
        let name = |index: usize| match experiment.objectives.get(index) {
            Some(Objective::Quality) => experiment.appraiser.quality.name(),
            Some(objective) => objective
                .cost_column(&experiment.appraiser.targets)
                .into_owned(),
            None => String::new(),
        };
        let share = if self.range() > 0.0 {
            100.0 * certificate.worst_gap / self.range()
        } else {
            0.0
        };
        let bounded = if self.proof.is_attained {
            "the exact front"
        } else {
            "a bound of the exact front"
        };
        Some(format!(
            "gap to the model's optimum: at most {} in {} ({share:.2} % of its range) at any {}, largest at {}; at least {:.2} % of the \
             hypervolume of {bounded}",
            significant(certificate.worst_gap),
            name(1),
            name(0),
            significant(certificate.worst_budget),
            100.0 * certificate.relative_hypervolume,
        ))
    }

    /// The certificate as a file.
    ///
    /// # Panics
    /// Never: plain numbers and words can always be written.
    pub fn to_json(&self, experiment: &Experiment) -> Vec<u8> {
        let finite = |value: f64| value.is_finite().then_some(value);
        let certificate = self.certificate.as_ref();
        let file = File {
            about: "the distance of pareto.csv from the optimum of this model, space and constraints; not from the best network there is",
            objectives: experiment
                .objectives
                .iter()
                .map(|o| experiment.objective_column(*o).into_owned())
                .collect(),
            bound: if self.proof.is_attained {
                "exact"
            } else {
                "relaxed"
            },
            epsilon: finite(self.proof.epsilon),
            relative_hypervolume: certificate.map(|c| c.relative_hypervolume),
            additive_epsilon: certificate.and_then(|c| finite(c.additive_epsilon)),
            worst_gap: certificate.map(|c| c.worst_gap),
            worst_budget: certificate.map(|c| experiment.objectives[0].figure(c.worst_budget)),
            gap_in: experiment.objectives.get(1).map(|objective| {
                let targets = &experiment.appraiser.targets;
                objective.cost_column(targets).into_owned()
            }),
            infeasible: self.is_infeasible(),
            labels: self.proof.total_labels,
            peak_labels: self.proof.peak_labels,
        };
        let mut bytes = serde_json::to_vec_pretty(&file).expect("plain numbers and words");
        bytes.push(b'\n');
        bytes
    }

    /// The bound as CSV, one row a point, in the figures' own direction.
    pub fn bound_csv(&self, experiment: &Experiment) -> Vec<u8> {
        let columns = experiment.objectives.iter();
        let columns: Vec<_> = columns.map(|o| experiment.objective_column(*o)).collect();
        let mut text = columns.join(",") + "\n";
        for point in &self.proof.bound {
            let figures = experiment.objectives.iter().zip(point);
            let figures = figures.map(|(objective, cost)| objective.figure(*cost).to_string());
            text += &figures.collect::<Vec<_>>().join(",");
            text.push('\n');
        }
        text.into_bytes()
    }
}

/// `certificate.json`.
#[derive(Serialize)]
struct File {
    about: &'static str,
    objectives: Vec<String>,
    bound: &'static str,
    epsilon: Option<f64>,
    relative_hypervolume: Option<f64>,
    additive_epsilon: Option<f64>,
    worst_gap: Option<f64>,
    worst_budget: Option<f64>,
    gap_in: Option<String>,
    infeasible: bool,
    labels: u64,
    peak_labels: usize,
}

/// A number with three significant digits.
fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let decimals = (2 - value.abs().log10().floor() as i32).clamp(0, 12);
    format!("{value:.*}", decimals as usize)
}

#[cfg(test)]
mod tests {
    use super::significant;

    #[test]
    fn three_digits() {
        let said = [0.0, 0.012_345, 1234.4, 41.954, 1.5e-9].map(significant);
        assert_eq!(said, ["0", "0.0123", "1234", "42.0", "0.00000000150"]);
    }
}
