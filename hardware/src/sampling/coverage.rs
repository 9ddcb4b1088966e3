//! What a plan covers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use roofnas_cost::{Dtype, OpClass};

use super::{MeasuringPlan, Purpose};
use roofnas_cost::calibration::Workload;

/// A purpose without what is particular to a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PurposeKind {
    /// [`Purpose::Anchor`]
    Anchor,
    /// [`Purpose::Space`]
    Space,
    /// [`Purpose::Corner`]
    Corner,
    /// [`Purpose::FusionProbe`]
    FusionProbe,
}

impl PurposeKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Anchor, Self::Space, Self::Corner, Self::FusionProbe];

    /// The name in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anchor => "anchor",
            Self::Space => "space",
            Self::Corner => "corner",
            Self::FusionProbe => "fusion_probe",
        }
    }
}

impl Purpose {
    /// Its kind.
    pub const fn kind(&self) -> PurposeKind {
        match self {
            Self::Anchor => PurposeKind::Anchor,
            Self::Space(_) => PurposeKind::Space,
            Self::Corner(_) => PurposeKind::Corner,
            Self::FusionProbe(_) => PurposeKind::FusionProbe,
        }
    }
}

impl fmt::Display for Purpose {
    /// The kind and, after a colon, what is particular: `corner: grouped split pool`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind().name();
        match self {
            Self::Anchor | Self::Space(_) => f.write_str(kind),
            Self::Corner(corners) => {
                let names: Vec<&str> = corners.iter().map(|corner| corner.name()).collect();
                write!(f, "{kind}: {}", names.join(" "))
            }
            Self::FusionProbe(probe) => write!(f, "{kind}: {}", probe.addition),
        }
    }
}

/// What the networks of one purpose hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The purpose.
    pub purpose: PurposeKind,
    /// How many networks it has.
    pub networks: usize,
    /// Multiply-accumulate operations of one run of each.
    pub macs: u64,
    /// Kernels that no other of theirs equals, by class; views, which take no time, by their shapes.
    pub kernels: BTreeMap<OpClass, usize>,
}

/// What a plan covers, purpose by purpose; purposes without networks are left out. Kernels are those of an engine that fuses nothing.
pub fn coverage(plan: &MeasuringPlan) -> Vec<Coverage> {
    let of = |purpose: PurposeKind| {
        let mut distinct: BTreeMap<OpClass, BTreeSet<String>> = BTreeMap::new();
        let (mut networks, mut macs) = (0, 0);
        for planned in &plan.networks {
            if planned.purpose.kind() != purpose {
                continue;
            }
            let cost = planned.cost();
            networks += 1;
            macs += cost.macs;
            for kernel in &cost.kernels {
                // numbers that aren't ordered as such are as text
                let work = format!("{:?}", Workload::new(kernel, 1, Dtype::Fp32));
                distinct.entry(kernel.class).or_default().insert(work);
            }
        }
        let kernels = distinct.into_iter().map(|(class, set)| (class, set.len()));
        Coverage {
            purpose,
            networks,
            macs,
            kernels: kernels.collect(),
        }
    };
    let all = PurposeKind::ALL.into_iter().map(of);
    all.filter(|coverage| coverage.networks > 0).collect()
}
