use crate::exact::graph::{Graph, columns};
use crate::exact::incumbents::Incumbents;
use crate::exact::result::ExactMember;
use crate::exact::settings::ExactSettings;
use crate::exact::slopes::Slopes;
use crate::exact::{members, seed};
use crate::layered::Layered;

/// Lower bounds on what any path reaches, and good paths: what a few shortest paths tell.
#[derive(Clone, Debug, PartialEq)]
pub struct RelaxedBound {
    /// From the one for criterion 0 alone to the one for criterion 1 alone; empty when no path
    /// keeps the limits.
    pub lines: Vec<BoundLine>,
    /// The best feasible paths found, none dominating another, sorted by their objectives.
    pub members: Vec<ExactMember>,
}

/// Every feasible path z has `weights[0] * z0 + weights[1] * z1 >= bound`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundLine {
    /// The weights of criteria 0 and 1.
    pub weights: [f64; 2],
    /// Not above the least weighted sum, rounding included.
    pub bound: f64,
}

impl RelaxedBound {
    /// At least this is criterion 1 of any path whose criterion 0 is at most `budget`.
    pub fn at(&self, budget: f64) -> f64 {
        let height = |line: &BoundLine| {
            let [first, second] = line.weights;
            if second > 0.0 {
                let spent = if first > 0.0 { first * budget } else { 0.0 };
                (line.bound - spent) / second
            } else if first * budget < line.bound {
                f64::INFINITY
            } else {
                f64::NEG_INFINITY
            }
        };
        let heights = self.lines.iter().map(height);
        heights.reduce(f64::max).unwrap_or(f64::INFINITY)
    }
}

/// Bounds criteria 0 and 1 of a problem by lines, and finds good paths on the way; fast.
///
/// Of the settings, `slopes` and `rounds` count.
pub fn relaxed_bound(layered: &dyn Layered, settings: &ExactSettings) -> RelaxedBound {
    match columns(layered, 2).len() {
        0..=2 => bound_by_lines::<2>(layered, settings),
        3..=4 => bound_by_lines::<4>(layered, settings),
        _ => bound_by_lines::<8>(layered, settings),
    }
}

fn bound_by_lines<const K: usize>(layered: &dyn Layered, settings: &ExactSettings) -> RelaxedBound {
    let graph = Graph::<K>::new(layered, 2);
    let slopes = Slopes::new(&graph, settings.slopes, settings.rounds);
    let mut incumbents = Incumbents::default();
    seed(layered, &graph, &slopes, &mut incumbents);
    let solved = slopes.first.iter().chain(&slopes.solved);
    RelaxedBound {
        lines: solved
            .map(|relaxation| BoundLine {
                weights: [relaxation.weights[0], relaxation.weights[1]],
                bound: relaxation.bound - relaxation.rounding(&graph),
            })
            .collect(),
        members: members(layered, &incumbents),
    }
}
