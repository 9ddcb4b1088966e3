//! The volume that planes leave: what no front behind them can have more of.

use crate::evaluation::Costs;
use crate::exact::plane_bound::PlaneBound;

/// Cells of the grid, about, over which heights are added up.
const CELLS: f64 = 40_000.0;

/// An upper bound of the hypervolume, up to `reference`, of any points that are above all planes
/// of one of the `bounds`, and nowhere below `low`.
///
/// The height between planes and reference is added up over a grid of the objectives but the last.
/// It falls nowhere as budgets grow, so that of a cell's far corner is the most that it is in the
/// cell. Where one bound counts and all of a cell has a height, that of its middle will do: the
/// height is concave, planes being flat, and so nowhere above what it is in the middle on average.
///
/// # Panics
///
/// When there are fewer than 2 objectives.
pub fn volume_above(bounds: &[PlaneBound], low: &[f64], reference: &[f64]) -> f64 {
    let last = low.len() - 1;
    let side = CELLS.powf(1.0 / last as f64).floor().max(2.0);
    let steps: Costs = (0..last).map(|i| (reference[i] - low[i]) / side).collect();
    let height = |place: &Costs, shift: f64| {
        let budgets = place.iter().zip(&steps).zip(low);
        let budgets: Costs = budgets.map(|((p, s), low)| low + (p + shift) * s).collect();
        let lowest = bounds.iter().map(|bound| bound.at(&budgets).max(low[last]));
        reference[last] - lowest.fold(f64::INFINITY, f64::min)
    };
    let mut place: Costs = (0..last).map(|_| 0.0).collect();
    let mut sum = 0.0;
    loop {
        let is_smooth = bounds.len() == 1 && height(&place, 0.0) >= 0.0;
        let shift = if is_smooth { 0.5 } else { 1.0 };
        sum += height(&place, shift).max(0.0);
        // the next cell, as an odometer counts
        let Some(turning) = (0..last).find(|&i| place[i] + 1.0 < side) else {
            break;
        };
        place[turning] += 1.0;
        place[..turning].fill(0.0);
    }
    sum * steps.iter().product::<f64>()
}
