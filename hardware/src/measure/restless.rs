//! Networks whose timings say more of what was beside them than those of the others do.

use std::collections::BTreeSet;

use super::timing::NetworkTiming;

/// How many times the spread of the group's median network, at least: where all are restless, it is the machine.
const BESIDE_OTHERS: f64 = 2.0;

/// A spread that is nothing to worry about.
const QUIET: f64 = 0.15;

/// The networks that are far more restless than a typical one of these.
pub(super) fn among(timings: &[NetworkTiming]) -> BTreeSet<String> {
    let mut spreads: Vec<f64> = timings.iter().map(NetworkTiming::spread).collect();
    spreads.sort_by(f64::total_cmp);
    let Some(typical) = spreads.get(spreads.len() / 2) else {
        return BTreeSet::new();
    };
    let limit = QUIET.max(BESIDE_OTHERS * typical);
    let restless = timings.iter().filter(|timing| timing.spread() > limit);
    restless.map(|timing| timing.network.clone()).collect()
}

/// A machine on which calm networks take so much longer or shorter than before, relatively, is no longer the same.
const SAME: f64 = 0.05;

/// Puts second timings of restless networks in the place of their first where they are quicker, if the others that were timed beside them took what they took before.
pub(super) fn replace(
    timings: &mut [NetworkTiming],
    again: Vec<NetworkTiming>,
    restless: &BTreeSet<String>,
) {
    let first = |again: &NetworkTiming| {
        let mut timings = timings.iter();
        timings.position(|known| known.network == again.network)
    };
    let (open, calm): (Vec<NetworkTiming>, Vec<NetworkTiming>) = again
        .into_iter()
        .partition(|again| restless.contains(&again.network));
    let ratios = calm.iter().filter_map(|again| {
        let before = timings[first(again)?].latency_s();
        Some(again.latency_s() / before)
    });
    let mut ratios: Vec<f64> = ratios.collect();
    ratios.sort_by(f64::total_cmp);
    let middle = ratios.get(ratios.len() / 2);
    if !middle.is_some_and(|ratio| (1.0 - SAME..=1.0 + SAME).contains(ratio)) {
        return;
    }
    let places: Vec<Option<usize>> = open.iter().map(first).collect();
    for (again, place) in open.into_iter().zip(places) {
        let Some(known) = place.map(|place| &mut timings[place]) else {
            continue;
        };
        if again.latency_s() < known.latency_s() {
            *known = again;
        }
    }
}
