//! Fusion probes: chains that differ in one operator.
//!
//! A chain repeats a base operator, with or without another one behind it. Behind a convolution an engine may fuse that operator; behind maximum
//! pooling none is known to. So the time that it adds there is its own, and what it adds to the convolutions tells whether it was fused. The
//! convolutions are 1x1 over few channels of a large map, so that the other operator weighs much beside them.

use std::fmt;

use roofnas_space::{Activation, Conv, NetworkError, PoolKind, Shape, Tensor};

use super::body::Body;
use super::{PlannedNetwork, Purpose};

/// How often a chain repeats: enough to be timed as a whole network, where an engine doesn't time nodes.
pub(super) const REPEATS: usize = 16;

/// Side of the probes' images and feature maps.
const SIDE: usize = 112;
/// Channels of the feature maps: a whole block of any engine's layout.
const CHANNELS: usize = 16;

/// What a chain repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Chain {
    /// 1x1 convolutions.
    Conv,
    /// Maximum pooling, behind which nothing is fused.
    Pool,
}

/// What stands behind each of a chain's operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Addition {
    /// Nothing.
    None,
    /// An activation.
    Activation(Activation),
    /// The sum with what the operator read.
    Add,
    /// The sum, then an activation.
    AddActivation(Activation),
}

/// A chain to be timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Probe {
    /// What it repeats.
    pub chain: Chain,
    /// What stands behind.
    pub addition: Addition,
}

impl Probe {
    pub(super) const fn new(chain: Chain, addition: Addition) -> Self {
        Self { chain, addition }
    }

    /// Every probe, those first that matter to most networks, each beside what it is compared with.
    pub fn all() -> Vec<Self> {
        let relu = Activation::Relu;
        let mut additions = vec![
            Addition::None,
            Addition::Activation(relu),
            Addition::Add,
            Addition::AddActivation(relu),
        ];
        let others = Activation::ALL.into_iter().filter(|&act| act != relu);
        additions.extend(others.map(Addition::Activation));
        let both = |addition| [Chain::Conv, Chain::Pool].map(|chain| Self::new(chain, addition));
        additions.into_iter().flat_map(both).collect()
    }
}

impl fmt::Display for Addition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Activation(act) => write!(f, "{act}"),
            Self::Add => f.write_str("add"),
            Self::AddActivation(act) => write!(f, "add-{act}"),
        }
    }
}

impl fmt::Display for Probe {
    /// `probe-conv-add-relu`: the name of its network.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain = match self.chain {
            Chain::Conv => "conv",
            Chain::Pool => "pool",
        };
        match self.addition {
            Addition::None => write!(f, "probe-{chain}"),
            addition => write!(f, "probe-{chain}-{addition}"),
        }
    }
}

/// The networks of all probes.
pub(super) fn all() -> Result<Vec<PlannedNetwork>, NetworkError> {
    let planned = Probe::all().into_iter().map(|probe| {
        let name = probe.to_string();
        let mut body = Body::new(&name, Shape::new(3, SIDE, SIDE));
        let mut x = body.conv(Conv::same(CHANNELS, 3, 1), Tensor::Input);
        for _ in 0..REPEATS {
            x = link(&mut body, probe, x);
        }
        let network = body.finish("features", x)?;
        Ok(PlannedNetwork::new(
            name,
            Purpose::FusionProbe(probe),
            network,
        ))
    });
    planned.collect()
}

fn link(body: &mut Body, probe: Probe, x: Tensor) -> Tensor {
    let y = match probe.chain {
        Chain::Conv => body.conv(Conv::pointwise(CHANNELS), x),
        Chain::Pool => body.pool(PoolKind::Max, 3, 1, x),
    };
    match probe.addition {
        Addition::None => y,
        Addition::Activation(act) => body.act(act, y),
        Addition::Add => body.add(y, x),
        Addition::AddActivation(act) => {
            let sum = body.add(y, x);
            body.act(act, sum)
        }
    }
}
