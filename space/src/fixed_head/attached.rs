//! A head on a space: which feature maps it reads, and how many channels these can have.

use std::sync::Arc;

use super::{FixedHead, FixedHeadError};
use crate::genotype::Genotype;
use crate::network::{Network, Tensor};
use crate::op::Op;
use crate::space::SearchSpace;

/// A head with its place in a space.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Attached {
    head: Arc<FixedHead>,
    /// The stride of each input.
    strides: Vec<usize>,
    /// The head for the channels that every network has, where all have the same; else the strides at which they vary.
    settled: Result<Arc<FixedHead>, Vec<usize>>,
}

impl SearchSpace {
    /// The same space with a head that all its networks carry.
    ///
    /// Feature maps must have the sizes that the head reads. Where the space has other channels, or several to choose from, the head takes them on as far as
    /// that changes nothing but weights: where convolutions that read all channels come first (or depthwise ones, activations, poolings,
    /// concatenations before such).
    ///
    /// # Errors
    /// When the head doesn't fit.
    pub fn with_fixed_head(mut self, head: FixedHead) -> Result<Self, FixedHeadError> {
        if self.head.is_some() {
            return Err(FixedHeadError::Classifier);
        }
        let &[image] = &self.resolutions[..] else {
            return Err(FixedHeadError::Resolutions(self.resolutions.len()));
        };
        let strides = head.strides(image)?;
        let sorted = |strides: &[usize]| {
            let mut sorted = strides.to_vec();
            sorted.sort_unstable();
            sorted
        };
        let features = sorted(&self.definition.features);
        if sorted(&strides) != features {
            let read = sorted(&strides);
            return Err(FixedHeadError::Features { read, features });
        }
        let mut channels = Vec::new();
        let mut varying = Vec::new();
        for (place, &stride) in strides.iter().enumerate() {
            let (offered, stages) = self.level(stride);
            let expected = head.inputs[place].shape.channels;
            if offered != [expected]
                && let Some(layer) = obstacle(&head, place)
            {
                return Err(FixedHeadError::Channels {
                    input: head.inputs[place].name.clone(),
                    expected,
                    place: stages,
                    offered,
                    reason: format!("its layer {layer} takes no others: "),
                });
            }
            channels.push(offered.first().copied().unwrap_or(expected));
            if offered.len() > 1 {
                varying.push(stride);
            }
        }
        let settled = if varying.is_empty() {
            let network = head.with_channels(&channels);
            let network = network.map_err(|error| FixedHeadError::Channels {
                input: head.inputs[0].name.clone(),
                expected: head.inputs[0].shape.channels,
                place: "the space".to_owned(),
                offered: channels.clone(),
                reason: format!("{error}: "),
            })?;
            let mut inputs = head.inputs.clone();
            for (input, channels) in inputs.iter_mut().zip(&channels) {
                input.shape.channels = *channels;
            }
            Ok(Arc::new(FixedHead { inputs, network }))
        } else {
            Err(varying)
        };
        self.fixed_head = Some(Attached {
            head: Arc::new(head),
            strides,
            settled,
        });
        Ok(self)
    }

    /// The head that all networks of the space carry, if there is one.
    pub fn fixed_head(&self) -> Option<&FixedHead> {
        self.fixed_head.as_ref().map(|attached| &*attached.head)
    }

    /// The head as every network has it, with the channels of the space; the strides at which channels vary, where they do. Nothing without a
    /// head.
    pub fn settled_head(&self) -> Option<Result<&FixedHead, &[usize]>> {
        let attached = self.fixed_head.as_ref()?;
        Some(match &attached.settled {
            Ok(head) => Ok(head),
            Err(strides) => Err(strides),
        })
    }

    /// The network that a genotype stands for as it is deployed: the backbone, and the [fixed head](Self::fixed_head) where there is one.
    ///
    /// # Panics
    /// As [`decode`](Self::decode).
    pub fn deployed(&self, genotype: &Genotype) -> Network {
        self.with_head(self.decode(genotype))
    }

    /// A network that was decoded, as it is deployed.
    ///
    /// # Panics
    /// For a network of another space.
    pub fn with_head(&self, backbone: Network) -> Network {
        let Some(attached) = &self.fixed_head else {
            return backbone;
        };
        let level = |stride: &usize| {
            let name = format!("stride{stride}");
            let output = backbone.outputs().iter().find(|output| output.name == name);
            output.map_or(Tensor::Input, |output| output.tensor)
        };
        let levels: Vec<Tensor> = attached.strides.iter().map(level).collect();
        let whole = attached.head.after(backbone, &levels);
        whole.expect("every network of a space takes the head that was checked with it")
    }

    /// Channels that the feature map of a stride can have, in ascending order, and the parts that it can come from, in words.
    fn level(&self, level: usize) -> (Vec<usize>, String) {
        let start = self.stem.stride * if self.stem.pool.is_some() { 2 } else { 1 };
        let goes_on = |stage: usize| match self.stages.get(stage) {
            None => true,
            Some(next) => next.strides.contains(&2),
        };
        let mut reached = vec![start];
        let mut channels: Vec<usize> = Vec::new();
        let mut parts: Vec<String> = Vec::new();
        if start == level && goes_on(0) {
            channels.extend(&self.stem.channels);
            parts.push("the stem".to_owned());
        }
        for (index, stage) in self.stages.iter().enumerate() {
            let strides = reached
                .iter()
                .flat_map(|before| stage.strides.iter().map(move |stride| before * stride));
            reached = strides.collect();
            reached.sort_unstable();
            reached.dedup();
            if reached.contains(&level) && goes_on(index + 1) {
                channels.extend(&stage.channels);
                parts.push(format!("stage {}", index + 1));
            }
        }
        channels.sort_unstable();
        channels.dedup();
        let parts = parts.join(" or ");
        (
            channels,
            format!("the space's feature map of stride {level} ({parts})"),
        )
    }
}

/// The first layer that keeps a head from taking on other channels of an input: everything up to a convolution or linear layer that reads all
/// channels must pass on whatever it is given.
fn obstacle(head: &FixedHead, input: usize) -> Option<String> {
    let layers = head.network.layers();
    let mut carries = vec![false; layers.len()];
    carries[input] = true;
    for (index, layer) in layers.iter().enumerate().skip(head.inputs.len()) {
        let is_carried =
            |tensor: &Tensor| matches!(tensor, Tensor::Layer(layer) if carries[*layer]);
        if !layer.inputs.iter().any(is_carried) {
            continue;
        }
        let before = head.network.shape(layer.inputs[0]).channels;
        match &layer.op {
            Op::Conv(conv) if conv.groups == 1 => {}
            Op::ConvTranspose(transposed) if transposed.conv.groups == 1 => {}
            Op::Conv(conv) if conv.groups == before && conv.out_channels == before => {
                carries[index] = true;
            }
            Op::BatchNorm | Op::Activation(_) | Op::Pool(_) | Op::GlobalAvgPool | Op::Concat => {
                carries[index] = true;
            }
            _ => return Some(layer.name.to_string()),
        }
    }
    let is_output = |layer: usize| {
        let mut outputs = head.network.outputs().iter();
        outputs.any(|output| output.tensor == Tensor::Layer(layer))
    };
    let output = (0..layers.len()).find(|&layer| carries[layer] && is_output(layer));
    output.map(|layer| layers[layer].name.to_string())
}
