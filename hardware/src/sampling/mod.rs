//! Which networks to measure on a machine, so that its latency model can be calibrated.
//!
//! A plan holds four kinds of networks:
//!
//! | purpose | what for |
//! |---|---|
//! | anchor | three fixed networks, timed again in every run: they show what runs have in common, and what they don't |
//! | space | networks of the search spaces, chosen by [`fit::plan`](crate::fit::plan) among random ones so that others can be predicted best |
//! | corner | small networks that are like real ones and hold every class of operators out to the corners of its shapes, for networks from elsewhere |
//! | fusion probe | chains that differ in one operator: what it adds to the time [tells](fusion_from_probes) whether the engine fuses it |
//!
//! A layer takes another time in a network than by itself, so corners stand *in* networks, several in each, at the resolutions
//! and widths that real networks have. The order makes any beginning of the plan useful: anchors first, then the other purposes in
//! turn, each of them with its most telling network first. The same options give the same plan.
//!
//! ```
//! use roofnas_hardware::sampling::{MeasuringPlan, PlanOptions, Purpose};
//!
//! let plan = MeasuringPlan::new(&PlanOptions { networks: 4, ..PlanOptions::default() })?;
//! assert_eq!(plan.networks[0].purpose, Purpose::Anchor);
//! assert!(plan.macs() < 60_000_000_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod anchors;
mod balanced;
mod body;
mod corner;
mod corner_blocks;
mod corner_networks;
mod coverage;
mod draws;
mod fusion;
mod options;
mod order;
mod probe;

use roofnas_cost::{Fusion, NetworkCost};
use roofnas_space::{Network, NetworkError};
use thiserror::Error;

pub use anchors::{anchors, is_anchor, slower};
pub use corner::Corner;
pub use coverage::{Coverage, PurposeKind, coverage};
pub use fusion::{FusionEvidence, FusionFindings, Verdict, fusion_from_probes};
pub use options::{Corners, NamedSpace, PlanOptions};
pub use probe::{Addition, Chain, Probe};

/// Timed runs of each network that estimates of a plan's duration assume.
pub const RUNS: u32 = 30;

/// Multiply-accumulate operations per second that estimates assume where nothing is known of the machine: one core of a desktop CPU on
/// single precision, launches and memory included.
pub const MACS_PER_SECOND: f64 = 2e10;

/// Why a network is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Timed again in every run.
    Anchor,
    /// Stands for the networks of a search space, named here.
    Space(String),
    /// Holds these corners of the operators' shapes.
    Corner(Vec<Corner>),
    /// Tells, beside other probes, what the engine fuses.
    FusionProbe(Probe),
}

/// A network to be measured.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedNetwork {
    /// Its name, unique in the plan and fit for a file: letters, digits and `-`, `_`.
    pub name: String,
    /// Why it is measured.
    pub purpose: Purpose,
    /// The network, under that name.
    pub network: Network,
}

impl PlannedNetwork {
    fn new(name: String, purpose: Purpose, network: Network) -> Self {
        Self {
            network: network.renamed(&*name),
            name,
            purpose,
        }
    }

    /// What it costs on an engine that fuses nothing but batch-norm: it is not known yet what this one does.
    pub fn cost(&self) -> NetworkCost {
        NetworkCost::new(&self.network, &Fusion::default())
    }
}

/// Networks to be measured, the most telling first.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuringPlan {
    /// The networks, in the order in which they are to be measured.
    pub networks: Vec<PlannedNetwork>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// No networks, or more than are drawn to choose from.
    #[error("networks = {given}: must be from 1 to {most}")]
    Networks {
        /// How many were asked for.
        given: usize,
        /// How many there can be.
        most: usize,
    },
    /// No search space to draw networks from.
    #[error("there is no search space to draw networks from")]
    NoSpace,
    /// A network that can't be built: a fault of this crate.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

impl MeasuringPlan {
    /// The plan for these options. A space that holds fewer networks than are asked of it gives those it has.
    ///
    /// # Errors
    /// When no networks are asked for, or more than there are to choose from.
    pub fn new(options: &PlanOptions) -> Result<Self, PlanError> {
        let anchors = anchors()?;
        let of_spaces = draws::of_spaces(options, &anchors)?;
        let corners = match options.corners {
            Corners::With => corner_networks::all(options.seed)?,
            Corners::Without => Vec::new(),
        };
        let probes = probe::all()?;
        let mut networks = anchors;
        networks.extend(order::in_turn([of_spaces, corners, probes]));
        Ok(Self { networks })
    }

    /// Multiply-accumulate operations of one run of every network, one image each.
    pub fn macs(&self) -> u64 {
        self.networks
            .iter()
            .map(|planned| planned.cost().macs)
            .sum()
    }
}

#[cfg(test)]
mod tests;
