//! Convolutions one after the other, each with its activation and squeeze-and-excite.

use super::graph::{Graph, Id};
use crate::activation::Activation;
use crate::op::{Conv, Op, PoolKind};
use crate::shape::Shape;

/// A convolution with what belongs to it.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) conv: Conv,
    /// Shapes before and after.
    pub(super) input: Shape,
    pub(super) output: Shape,
    pub(super) activation: Option<Activation>,
    pub(super) se: Option<SqueezeExcite>,
    /// Groups of a channel shuffle behind it.
    pub(super) shuffle: Option<usize>,
    /// Its nodes; the last of them has the result.
    pub(super) nodes: Vec<Id>,
}

/// Squeeze-and-excite as it was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SqueezeExcite {
    /// Channels between its two layers.
    pub(super) squeezed: usize,
    /// Channels that are gated.
    pub(super) channels: usize,
    pub(super) activation: Activation,
    pub(super) gate: Activation,
}

impl Step {
    pub(super) fn out(&self) -> Id {
        self.nodes[self.nodes.len() - 1]
    }

    pub(super) fn is_pointwise(&self) -> bool {
        self.conv.is_pointwise()
    }

    pub(super) fn is_depthwise(&self) -> bool {
        self.conv.is_depthwise(self.input.channels) && self.conv.out_channels == self.input.channels
    }

    /// Whether it sees more than one position, or works in groups as a spatial convolution may.
    pub(super) fn is_spatial(&self) -> bool {
        !self.is_pointwise() || self.conv.groups > 1
    }

    /// A 1x1 convolution over all channels that is not activated: the end of a bottleneck.
    pub(super) fn projects(&self) -> bool {
        self.is_pointwise() && self.activation.is_none() && self.shuffle.is_none()
    }
}

/// Longest run of convolutions that a block has.
const LONGEST: usize = 3;

impl Graph<'_> {
    /// The convolutions from this one on, as long as each is read by the next alone; empty where it is none.
    pub(super) fn path(&self, first: Id) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let mut next = Some(first);
        while let Some(step) = next.and_then(|id| self.step(id)) {
            next = self.only_reader(step.out());
            steps.push(step);
            if steps.len() == LONGEST {
                break;
            }
        }
        steps
    }

    fn step(&self, id: Id) -> Option<Step> {
        let Some(Op::Conv(conv)) = self.op(id) else {
            return None;
        };
        let mut step = Step {
            conv: *conv,
            input: self.shape(*self.node(id).inputs.first()?),
            output: self.shape(id),
            activation: None,
            se: None,
            shuffle: None,
            nodes: vec![id],
        };
        if let Some(reader) = self.only_reader(step.out())
            && let Some(Op::Activation(activation)) = self.op(reader)
        {
            step.activation = Some(*activation);
            step.nodes.push(reader);
        }
        if let Some((se, nodes)) = self.squeeze_excite(step.out()) {
            step.se = Some(se);
            step.nodes.extend(nodes);
        }
        if let Some(reader) = self.only_reader(step.out())
            && let Some(Op::ChannelShuffle { groups }) = self.op(reader)
        {
            step.shuffle = Some(*groups);
            step.nodes.push(reader);
        }
        Some(step)
    }

    /// Squeeze-and-excite over a tensor that nothing else reads: what it is, and its nodes.
    fn squeeze_excite(&self, x: Id) -> Option<(SqueezeExcite, Vec<Id>)> {
        let node = self.node(x);
        let &[one, other] = &node.readers[..] else {
            return None;
        };
        let is_pool = |id: Id| self.pools_all(id);
        let pool = [one, other].into_iter().find(|&id| is_pool(id))?;
        let scale = if pool == one { other } else { one };
        if node.leaves || !matches!(self.op(scale), Some(Op::Scale)) {
            return None;
        }
        let reduce = self.only_reader(pool)?;
        let squeezed = self.features(reduce)?;
        let activated = self.only_reader(reduce)?;
        let expand = self.only_reader(activated)?;
        let channels = self.features(expand)?;
        let gated = self.only_reader(expand)?;
        let (Some(Op::Activation(activation)), Some(Op::Activation(gate))) =
            (self.op(activated), self.op(gated))
        else {
            return None;
        };
        if self.only_reader(gated)? != scale || channels != node.shape.channels {
            return None;
        }
        let se = SqueezeExcite {
            squeezed,
            channels,
            activation: *activation,
            gate: *gate,
        };
        Some((se, vec![pool, reduce, activated, expand, gated, scale]))
    }

    /// Whether a node is the mean over all positions.
    pub(super) fn pools_all(&self, id: Id) -> bool {
        let input = self.node(id).inputs.first().map(|&input| self.shape(input));
        match (self.op(id), input) {
            (Some(Op::GlobalAvgPool), _) => true,
            (Some(Op::Pool(pool)), Some(input)) => {
                pool.kind == PoolKind::Average
                    && self.shape(id).positions() == 1
                    && pool.padding == 0
                    && [input.height, input.width] == [pool.kernel; 2]
            }
            _ => false,
        }
    }

    /// Features that a linear layer puts out, or a convolution of a single position, which is one.
    pub(super) fn features(&self, id: Id) -> Option<usize> {
        let input = self.shape(*self.node(id).inputs.first()?);
        match self.op(id) {
            Some(Op::Linear { out_features, .. }) => Some(*out_features),
            Some(Op::Conv(conv)) if input.positions() == 1 && conv.groups == 1 => {
                Some(conv.out_channels)
            }
            _ => None,
        }
    }
}
