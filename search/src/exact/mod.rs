//! The exact front of a layered problem, or one with a proven distance from it.
//!
//! A *label* is a partial path with its criteria. Position by position, all labels are extended
//! by all transitions; what cannot lead to a new point of the front is dropped:
//!
//! 1. *Limits*: a label is dropped when its criteria plus the least that the rest of a path adds
//!    break a limit.
//! 2. *Dominance*: a label is dropped when another in the same state is nowhere worse in all that
//!    still matters (label-correcting search for several objectives: E. Q. V. Martins, "On a
//!    multicriteria shortest path problem", European J. Operational Research 16(2), 1984).
//! 3. *Bounds*, with two objectives: a label is dropped when lines that no rest of a path can get
//!    below (shortest paths under weighted objectives, with logarithms replaced by tangents and other
//!    limits by prices) show
//!    that no complete path beats the incumbents by more than `epsilon` in criterion 1 (two-phase
//!    and bounded label setting: E. L. Ulungu, J. Teghem, "The two phases method", Foundations of
//!    Computing and Decision Sciences 20, 1995; A. Raith, M. Ehrgott, "A comparison of solution
//!    strategies for biobjective shortest path problems", Computers & OR 36(4), 2009).
//! 4. *Room*: when more labels are left at a position than there is room for, those that could
//!    gain the least are dropped, and the lines that bound them are remembered.
//!
//! Incumbents are paths known to be feasible: the shortest paths under weights, the most promising
//! labels of each position completed along those, the complete paths of earlier passes with less
//! room, and points that the caller brings. The better they are the more is dropped.
//!
//! # What is proven
//!
//! *Claim*: for every feasible path z there is a point p of the result's bound with p0 <= z0 and
//! p1 - epsilon <= z1.
//!
//! *Proof*, for one pass, with rounding aside. Say that a label covers z from position i when z
//! goes through its state there, and the label followed by the rest of z is a path y that keeps
//! the limits and is nowhere worse than z in both objectives. The empty label covers z from
//! position 0. Let a label cover z from position i, by a path y, and extend it by y's transition
//! at i. Then one of these holds.
//!
//! - The extension is kept: it covers z from i + 1, by y.
//! - It is dropped for a limit: y breaks that limit, which it does not.
//! - It is dropped for dominance: the other label, followed by the rest of y, is nowhere worse
//!   than y in the objectives and within the limits, so it covers z from i + 1. Dominance is
//!   transitive and the labels are finite, so one that is not dominated does.
//! - It is dropped for bounds. If no incumbent p had p0 <= y0 and p1 - epsilon <= y1, then let p
//!   be the last incumbent with p0 <= y0 and q the next one: y0 < q0 and y1 < p1 - epsilon, so y lies
//!   below and left of the corner (q0, p1 - epsilon), and below the corner's line too:
//!   w . y < w . (q0, p1 - epsilon). But the line bounds w . y from below by at least that, as y keeps
//!   the limits that have prices. So there
//!   is such a p, and p0 <= y0 <= z0 and p1 - epsilon <= y1 <= z1. Left of all incumbents, and
//!   right of the last one, the limits take the places of p1 and q0; where there is no limit
//!   nothing is dropped on the left, and the level line bounds on the right.
//! - It is dropped for want of room. The same holds with an epsilon for which the remembered
//!   lines reach all corners: the largest of (w . corner - bound) / w1 over all lines, which is
//!   what the result states if it is more than what was asked for.
//!
//! Else a complete label covers z. Its path is an incumbent in the end, or weakly dominated by
//! one, or refused by the problem, and then its point is part of the bound. Incumbents that got
//! better later only cover more. ∎
//!
//! A label dropped against incumbents at its time stays covered by later ones, as each incumbent
//! is weakly dominated by one of the final ones. With enough room and `epsilon` 0, and a problem that
//! refuses nothing, the members are the front itself. Exact means to rounding: sums that differ by
//! less than about 1e-13 of the largest possible one count as equal.

mod certificate;
mod completion;
mod corners;
mod dropped;
mod envelope;
mod graph;
mod incumbents;
mod label;
mod multiplier;
mod non_dominated;
mod pass;
mod plane_bound;
mod plane_volume;
mod relaxation;
mod relaxed_bound;
mod result;
mod screen;
mod settings;
mod slopes;

use std::ops::ControlFlow;

use crate::evaluation::Costs;
use crate::layered::{Layered, path_costs};

use completion::Completion;
use dropped::Dropped;
use envelope::Envelope;
use graph::{Graph, columns};
use incumbents::{Incumbent, Incumbents};
use pass::Pass;
use slopes::Slopes;

pub use certificate::Certificate;
pub use plane_bound::{BoundPlane, PlaneBound, plane_bound};
pub use plane_volume::volume_above;
pub use relaxed_bound::{BoundLine, RelaxedBound, relaxed_bound};
pub use result::{ExactFront, ExactMember, ExactProgress};
pub use settings::ExactSettings;

/// Each pass has room for so many times the labels of the one before.
const WIDENING: usize = 64;

/// Finds the Pareto front of the first criteria of a problem, as exactly as there is room for.
///
/// `known` are objectives of feasible paths found by other means; the better they are, the less
/// is left to do. They are no members, having no path, and what they match within the epsilon
/// asked for is not looked for again. `observer` is called after each position of each pass; when
/// it breaks off, the result is what is proven by then. The result is the same on any number of
/// threads. Called inside a rayon pool it uses that pool.
///
/// Four parcels, each of a weight and a value: which sets are worth the most for their weight, if a
/// van takes 12?
///
/// ```
/// use std::ops::ControlFlow;
///
/// use roofnas_search::*;
///
/// struct Van;
///
/// const PARCELS: [[f64; 2]; 4] = [[3.0, -4.0], [7.0, -9.0], [2.0, -1.0], [9.0, -9.0]];
///
/// impl Layered for Van {
///     fn criteria(&self) -> usize {
///         2
///     }
///     fn positions(&self) -> usize {
///         PARCELS.len()
///     }
///     fn states(&self, _: usize) -> usize {
///         1 // what was taken so far does not matter for what can be taken on
///     }
///     fn transitions(&self, parcel: usize, _: usize, visit: &mut dyn FnMut(Transition<'_>)) {
///         for (choice, costs) in [(0, &[0.0, 0.0]), (1, &PARCELS[parcel])] {
///             visit(Transition { choice, next: 0, costs });
///         }
///     }
///     fn limit(&self, criterion: usize) -> f64 {
///         [12.0, f64::INFINITY][criterion]
///     }
/// }
///
/// let front = exact_front(&Van, &ExactSettings::default(), &[], &mut |_| ControlFlow::Continue(()));
///
/// assert_eq!(front.epsilon, 0.0);
/// let fullest = front.members.last().expect("an empty van is feasible");
/// assert_eq!(fullest.choices, [1, 1, 1, 0]);
/// assert_eq!(fullest.costs[..], [12.0, -14.0]);
/// ```
///
/// # Panics
///
/// When the problem or the settings break their laws: an epsilon below 0 or NaN, fewer than 2
/// slopes, more objectives than criteria, known points of too few objectives.
// No type parameters: what is heavy is compiled here, with this crate's optimisation, whoever calls it.
pub fn exact_front(
    layered: &dyn Layered,
    settings: &ExactSettings,
    known: &[Costs],
    observer: &mut dyn FnMut(ExactProgress) -> ControlFlow<()>,
) -> ExactFront {
    assert!(
        settings.epsilon >= 0.0 && settings.slopes >= 2,
        "epsilon should be at least 0 and slopes at least 2, but they are {} and {}",
        settings.epsilon,
        settings.slopes
    );
    let objectives = settings.objectives;
    assert!(
        (1..=layered.criteria()).contains(&objectives),
        "objectives should be in range [1, {}], but are {objectives}",
        layered.criteria()
    );
    match columns(layered, objectives).len() {
        0..=2 => search::<2>(layered, settings, known, observer),
        3..=4 => search::<4>(layered, settings, known, observer),
        _ => search::<8>(layered, settings, known, observer),
    }
}

fn search<const K: usize>(
    layered: &dyn Layered,
    settings: &ExactSettings,
    known: &[Costs],
    observer: &mut dyn FnMut(ExactProgress) -> ControlFlow<()>,
) -> ExactFront {
    let graph = Graph::<K>::new(layered, settings.objectives);
    let completion = Completion::new(&graph);
    let mut incumbents = brought(known, settings.objectives);
    let mut envelope = Envelope::<K>::default();
    let mut far = [f64::INFINITY; 2];
    let mut capacity = settings.labels;
    if settings.objectives == 2 {
        let slopes = Slopes::new(&graph, settings.slopes, settings.rounds);
        seed(layered, &graph, &slopes, &mut incumbents);
        far = slopes.far();
        envelope = Envelope::new(slopes.solved);
        capacity = settings.beam.min(capacity);
    }
    let pass = Pass {
        layered,
        graph: &graph,
        completion: &completion,
        envelope: &envelope,
        epsilon: settings.epsilon,
        capacity: capacity.get(),
        far,
    };
    let mut front = ExactFront {
        members: Vec::new(),
        bound: Vec::new(),
        epsilon: settings.epsilon,
        passes: 0,
        peak_labels: 0,
        total_labels: 0,
        interrupted: false,
    };
    let mut refused = Vec::new();
    if completion.least(0, 0)[0] < f64::INFINITY {
        let most = settings.labels.get();
        refused = widen(pass, most, &mut incumbents, &mut front, observer);
    }
    front.members = members(layered, &incumbents);
    front.bound = bound(incumbents, refused);
    front
}

/// Makes passes of more and more room, up to `most` labels, until one proves what was asked for.
/// Returns the refused paths.
fn widen<const K: usize>(
    mut pass: Pass<'_, K>,
    most: usize,
    incumbents: &mut Incumbents,
    front: &mut ExactFront,
    observer: &mut dyn FnMut(ExactProgress) -> ControlFlow<()>,
) -> Vec<Costs> {
    let mut refused = Vec::new();
    let mut proofs: Vec<Dropped> = Vec::new();
    loop {
        front.passes += 1;
        let outcome = pass.run(incumbents, &mut |position, labels, gain| {
            observer(ExactProgress {
                pass: front.passes,
                position,
                labels,
                epsilon: pass.epsilon.max(gain),
                planes: None,
            })
        });
        front.peak_labels = front.peak_labels.max(outcome.peak);
        front.total_labels += outcome.total;
        front.interrupted = outcome.interrupted;
        refused.extend(outcome.refused);
        proofs.push(outcome.dropped);
        let targets = pass.targets(incumbents);
        let gains = proofs.iter().map(|dropped| dropped.gain(&targets));
        front.epsilon = pass.epsilon.max(gains.fold(f64::INFINITY, f64::min));
        let is_proven = front.epsilon <= pass.epsilon;
        if is_proven || front.interrupted || pass.capacity == most {
            return refused;
        }
        pass.capacity = (pass.capacity * WIDENING).min(most);
    }
}

/// The points that the caller brings.
fn brought(known: &[Costs], objectives: usize) -> Incumbents {
    let mut incumbents = Incumbents::default();
    for costs in known {
        incumbents.insert(Incumbent {
            point: costs[..objectives].iter().copied().collect(),
            choices: None,
        });
    }
    incumbents
}

/// Makes incumbents of the paths that relaxations found.
fn seed<const K: usize>(
    layered: &dyn Layered,
    graph: &Graph<K>,
    slopes: &Slopes<K>,
    incumbents: &mut Incumbents,
) {
    for (costs, choices) in &slopes.paths {
        let point: Costs = costs[..2].iter().copied().collect();
        if graph.is_within_limits(costs) && incumbents.lack(&point) && layered.accepts(choices) {
            let choices = Some(choices.clone());
            incumbents.insert(Incumbent { point, choices });
        }
    }
}

fn members(layered: &dyn Layered, incumbents: &Incumbents) -> Vec<ExactMember> {
    let named = incumbents
        .sorted()
        .iter()
        .filter_map(|known| known.choices.clone());
    named
        .filter_map(|choices| {
            let costs = path_costs(layered, &choices)?;
            Some(ExactMember { choices, costs })
        })
        .collect()
}

fn bound(mut incumbents: Incumbents, refused: Vec<Costs>) -> Vec<Costs> {
    for point in refused {
        incumbents.insert(Incumbent {
            point,
            choices: None,
        });
    }
    let sorted = incumbents.sorted().iter();
    sorted.map(|known| known.point.clone()).collect()
}
