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
