//! How far a front can be from the optimum: by exact search over the same blocks, prices and constraints.
//!
//! The optimum is the model's: of these scores, these predicted latencies and this space. Nothing is said of networks outside the space, of
//! latencies that were not measured, or of accuracy.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::slice;

use roofnas_cost::SiteSum;
use roofnas_search::{
    Costs, ExactFront, ExactProgress, ExactSettings, Individual, Layered, ParetoFront, PlaneBound,
    Problem, exact_front, plane_bound, relaxed_bound,
};
use roofnas_space::Genotype;

use crate::bound::Bound;
use crate::floor::Floor;
use crate::objective::Objective;
use crate::paths::{BackbonePaths, LatencyView, PathsError, mean_tangents};
use crate::problem::BackboneProblem;

/// What exact search says of a problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// What bounds the front.
    pub bound: Bound,
    /// By how much points were lowered for what dynamic programming left out, in the unit of the second objective.
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
/// Planes that bound more than two objectives, at most.
const PLANES: usize = 256;
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
        let mut planes: Vec<PlaneBound> = Vec::new();
        let mut points: Vec<[f64; 2]> = Vec::new();
        for part in &parts {
            match &part.bound {
                Bound::Staircase(own) => points.extend(own),
                Bound::Planes(own) => planes.extend(own.iter().cloned()),
            }
        }
        points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
        let mut lowest = f64::INFINITY;
        points.retain(|point| {
            let is_lower = point[1] < lowest;
            lowest = lowest.min(point[1]);
            is_lower
        });
        // a part without networks bounds nothing
        planes.retain(|bound| !bound.planes.is_empty());
        Self {
            bound: match planes.is_empty() {
                true => Bound::Staircase(points),
                false => Bound::Planes(planes),
            },
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
    let experiment = problem.experiment();
    if experiment.objectives.len() > 2 {
        return prove_by_planes(problem, front, nearest, settings, observer);
    }
    let members = front.members();
    // what bounds a constraint from below is tightest where the constraint binds: at the best of the front
    let at = members.last().map_or(nearest, |best| &best.genotype);
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
    // a mean that is no sum is bounded by sums that are close to it at one network each
    let places = if paths.has_true_objectives() {
        1
    } else {
        TANGENTS
    };
    let mut tangents: Vec<Vec<SiteSum>> = Vec::new();
    for place in 0..places {
        let at = match place {
            0 => at,
            _ => members
                .get(place * members.len() / places)
                .map_or(at, |m| &m.genotype),
        };
        // networks can have the same sums below them, and the same search would follow
        let sums = mean_tangents(problem, at)?;
        if tangents.contains(&sums) {
            continue;
        }
        tangents.push(sums);
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
        bound: Bound::Staircase(floor.points()),
        epsilon: followed.epsilon,
        is_attained,
        members: found.into_iter().filter(is_feasible).collect(),
        peak_labels: followed.peak_labels,
        total_labels: followed.total_labels,
    }))
}

/// The proof for more than two objectives: there are too many partial networks to follow that no other beats in all, but shortest paths under weighted
/// objectives, with prices on limits, bound them all.
fn prove_by_planes(
    problem: &BackboneProblem,
    front: &ParetoFront<Genotype>,
    nearest: &Genotype,
    settings: &ExactSettings,
    observer: &mut impl FnMut(ExactProgress) -> ControlFlow<()>,
) -> Result<Option<Proof>, PathsError> {
    let members = front.members();
    let known: Vec<Costs> = members
        .iter()
        .map(|m| m.costs().iter().copied().collect())
        .collect();
    let settings = ExactSettings {
        slopes: PLANES,
        ..settings.clone()
    };
    let objectives = problem.experiment().objectives.len();
    let best = members
        .iter()
        .min_by(|a, b| a.costs()[objectives - 1].total_cmp(&b.costs()[objectives - 1]));
    let best = best.map_or(nearest, |best| &best.genotype);
    // bounds that are no sums are held against sums that are close to them at some networks
    let paths = BackbonePaths::new(problem, slice::from_ref(best), LatencyView::Both)?;
    let places = match paths.is_relaxed() || !paths.has_true_objectives() {
        true => TANGENTS,
        false => 1,
    };
    let mut bound: Option<PlaneBound> = None;
    let mut found = Vec::new();
    for place in 0..places {
        let at = match place {
            0 => best,
            _ => members
                .get(place * members.len() / places)
                .map_or(best, |m| &m.genotype),
        };
        let paths = BackbonePaths::new(problem, slice::from_ref(at), LatencyView::Both)?;
        let Some(own) = plane_bound(&paths, objectives, &known, &settings, observer) else {
            return Ok(None);
        };
        found.extend(own.members.iter().map(|m| paths.genotype(&m.choices)));
        match &mut bound {
            // planes of all places hold at once
            Some(bound) => bound.planes.extend(own.planes),
            None => bound = Some(own),
        }
    }
    let is_feasible = |genotype: &Genotype| problem.evaluate(genotype).is_feasible();
    Ok(bound.map(|bound| Proof {
        bound: Bound::Planes(vec![bound]),
        epsilon: 0.0,
        is_attained: false,
        members: found.into_iter().filter(is_feasible).collect(),
        peak_labels: 0,
        total_labels: 0,
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
