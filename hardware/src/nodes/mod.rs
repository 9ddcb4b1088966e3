//! What an engine's own nodes say of our kernels.
//!
//! An engine optimises a network before it runs it: activations and sums disappear into convolutions, layout reorders appear, names
//! change. [`match_nodes`] finds out which kernel each node of a profile is, and what belongs to none; [`observed_fusion`] which layers have
//! vanished, as fusion rules for a profile; [`Causes`] which kernels the reorders are for; [`timings`] makes observations of it that the latency model is fitted to.

mod assignment;
mod causes;
mod correction;
mod evidence;
mod matched;
mod names;
mod observations;
mod operator;
mod table;
#[cfg(test)]
mod tests;

pub use causes::Causes;
pub use correction::{MOST_NODE_OVERHEAD_S, ProfilerCorrection, node_overhead};
pub use evidence::{FusionEvidence, Vanished, observed_fusion};
pub use matched::{Boundary, KernelKind, MatchedNodes, Shared, Swallowed, Unmatched, match_nodes};
pub use observations::{LEAST_KERNEL_S, WholeRun, timings};
pub use table::{NetworkNodes, read_nodes, write_nodes};
