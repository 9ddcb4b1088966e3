//! What it costs to take networks that were found for one platform to another.
//!
//! A network found for platform A takes on platform B
//!
//! ```text
//! slowdown = latency of the network on B / latency on B of the fastest network found for B that scores at least as high
//! ```
//!
//! so that runs under different budgets are compared at equal quality. A front's slowdown is the geometric mean over networks spread over it.
//! Both prices come from one calibration and err together; [`JointPrice`](roofnas_cost::calibration::JointPrice) says how far the ratio can be trusted.

mod character;
mod comparable;
mod comparison;
mod contenders;
mod given;
mod prices;
mod side;
mod slowdown;
mod table;
mod transfer;

pub(crate) use character::layer_overhead_mmacs;
pub use character::{Build, CHARACTER_COLUMNS, Character, Level};
pub(crate) use comparable::{can_be_compared, have_the_same_scores};
pub use comparison::Comparison;
pub use contenders::{Contender, Contenders, Found, NamedPlatform};
pub use given::{GivenRun, given_runs};
pub use side::Side;
pub(crate) use side::fastest;
pub use slowdown::Slowdown;
pub use table::PORTABILITY_COLUMNS;
pub use transfer::{PricedNetwork, Rival, Transfer};

use crate::batch::BatchEntry;

/// Finished runs up to which each one's front is priced under each other's conditions: pairs grow with the square.
pub const MOST_RUNS: usize = 64;

/// Every finished run's front under every finished run's conditions, where runs share a space and a score; nothing where more than
/// [`MOST_RUNS`] are finished.
pub fn transfers(entries: &[BatchEntry]) -> Vec<Transfer> {
    let finished: Vec<usize> = (0..entries.len())
        .filter(|&entry| !entries[entry].front.is_empty())
        .collect();
    if finished.len() > MOST_RUNS {
        return Vec::new();
    }
    Transfer::all(&sides(entries), &finished, |from, to| {
        can_be_compared(&entries[from].experiment, &entries[to].experiment)
    })
}

/// The transfers as CSV, one row for each pair of runs.
pub fn portability_csv(entries: &[BatchEntry], transfers: &[Transfer]) -> Vec<u8> {
    table::portability(&sides(entries), transfers)
}

pub(crate) fn sides(entries: &[BatchEntry]) -> Vec<Side<'_>> {
    entries.iter().map(Side::of_entry).collect()
}

#[cfg(test)]
mod tests;
