//! In which order networks are measured.

use super::PlannedNetwork;

/// Lists one into another, so that any beginning holds of each list the share that it has of the whole. Each list keeps its order.
pub(super) fn in_turn<const LISTS: usize>(
    lists: [Vec<PlannedNetwork>; LISTS],
) -> Vec<PlannedNetwork> {
    let mut placed: Vec<(f64, PlannedNetwork)> = Vec::new();
    for list in lists {
        let length = list.len() as f64;
        let place = |index: usize| (index as f64 + 0.5) / length;
        placed.extend(list.into_iter().enumerate().map(|(i, x)| (place(i), x)));
    }
    // stable: of equal places the earlier list's comes first
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    placed.into_iter().map(|(_, network)| network).collect()
}
