//! Networks: layers in topological order with explicit edges.

use std::borrow::Cow;
use std::ops::Range;

use thiserror::Error;

use crate::file_names::FileNames;
use crate::op::{Op, ShapeError};
use crate::shape::Shape;

/// A tensor of a network, named by what produces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tensor {
    /// The network's input image.
    Input,
    /// The output of the layer with this index.
    Layer(usize),
    /// A tensor of this shape whose producer is not known: tables of layers often don't say.
    Elsewhere(Shape),
}

/// What a layer is for, where that matters to somebody who counts: the quality terms leave
/// squeeze-and-excite out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything else.
    Main,
    /// The shortcut of a residual block.
    Shortcut,
    /// A part of squeeze-and-excite.
    SqueezeExcite,
}

/// One operator with its edges and the shape it produces.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Name within its section, such as `expand.conv`.
    pub name: Cow<'static, str>,
    /// The operator.
    pub op: Op,
    /// Where its inputs come from: the network's input or earlier layers.
    pub inputs: Vec<Tensor>,
    /// Shape of its output, for one image.
    pub output: Shape,
    /// What it is for.
    pub role: Role,
}

/// Which part of a backbone a section is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The first layers, up to the first block.
    Stem,
    /// A block of a stage.
    Block {
        /// Stage, from 0.
        stage: usize,
        /// Position in the stage, from 0.
        index: usize,
    },
    /// Everything after the last block.
    Head,
    /// The neck and head that every network of a space carries.
    FixedHead,
    /// All of a network that comes from elsewhere.
    Whole,
}

/// A run of consecutive layers that belong together: the stem, one block, or the head.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Which part it is.
    pub part: Part,
    /// What it is made of, in words: `inverted_bottleneck k5 e6`.
    pub description: String,
    /// Its layers.
    pub layers: Range<usize>,
}

impl Section {
    /// The section's name: `stem`, `stage2.block1` (counted from 1) or `head`.
    pub fn name(&self) -> Cow<'static, str> {
        match self.part {
            Part::Stem => "stem".into(),
            Part::Head | Part::FixedHead => "head".into(),
            Part::Whole => "".into(),
            Part::Block { stage, index } => format!("stage{}.block{}", stage + 1, index + 1).into(),
        }
    }
}

/// A named output of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// `logits`, or `stride8` for the feature map with an eighth of the input's resolution.
    pub name: String,
    /// The tensor.
    pub tensor: Tensor,
}

/// A network: layers in topological order. Every input of a layer is the network's input or
/// the output of an earlier layer, and every shape follows from the operators.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    name: String,
    input: Shape,
    layers: Vec<Layer>,
    sections: Vec<Section>,
    outputs: Vec<Output>,
    file_names: FileNames,
}

impl Network {
    /// The network's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Shape of the input image.
    pub fn input(&self) -> Shape {
        self.input
    }

    /// The layers, in topological order.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The sections, which cover the layers without gap or overlap.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The outputs, at least one.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// What its parts are called in the file it was read from.
    pub fn file_names(&self) -> &FileNames {
        &self.file_names
    }

    /// Shape of a tensor of this network.
    pub fn shape(&self, tensor: Tensor) -> Shape {
        match tensor {
            Tensor::Input => self.input,
            Tensor::Layer(index) => self.layers[index].output,
            Tensor::Elsewhere(shape) => shape,
        }
    }

    /// Shape of a layer's first input.
    pub fn input_shape(&self, layer: &Layer) -> Shape {
        self.shape(layer.inputs[0])
    }

    /// A layer's full name, unique in the network: `stage2.block1.expand.conv`.
    pub fn layer_name(&self, index: usize) -> String {
        let section = self.sections.partition_point(|s| s.layers.end <= index);
        let layer = &self.layers[index].name;
        match &*self.sections[section].name() {
            "" => layer.clone().into_owned(),
            section => format!("{section}.{layer}"),
        }
    }

    /// Whether it is known which layer produces each tensor that a layer reads.
    pub fn knows_edges(&self) -> bool {
        let inputs = self.layers.iter().flat_map(|layer| &layer.inputs);
        !inputs
            .copied()
            .any(|tensor| matches!(tensor, Tensor::Elsewhere(_)))
    }

    /// Number of layers that read each layer's output; being an output of the network counts
    /// as one more reader.
    pub fn readers(&self) -> Vec<usize> {
        let mut readers = vec![0; self.layers.len()];
        let inputs = self.layers.iter().flat_map(|layer| &layer.inputs);
        for &tensor in inputs.chain(self.outputs.iter().map(|output| &output.tensor)) {
            if let Tensor::Layer(index) = tensor {
                readers[index] += 1;
            }
        }
        readers
    }

    /// The network with some operators exchanged: `change` says by what, or nothing to leave one as it is. Shapes follow:
    /// depthwise convolutions take on the channels they are given, and sides stay what they were where only channels change.
    ///
    /// # Errors
    /// When a layer can't take what it is given then, such as a sum of two tensors of which one became wider.
    pub fn with_ops(
        &self,
        change: impl Fn(usize, &Op) -> Option<Op>,
    ) -> Result<Self, NetworkError> {
        let mut changed = Self {
            layers: Vec::with_capacity(self.layers.len()),
            ..self.clone()
        };
        for (index, layer) in self.layers.iter().enumerate() {
            let before: Vec<Shape> = layer.inputs.iter().map(|&x| self.shape(x)).collect();
            let after: Vec<Shape> = layer.inputs.iter().map(|&x| changed.shape(x)).collect();
            let asked = change(index, &layer.op);
            let same = asked.is_none() && before == after;
            let op = asked.unwrap_or_else(|| layer.op.clone());
            let op = op.following(before.first(), after.first(), layer.output);
            let output = if same {
                layer.output
            } else {
                let derived = op
                    .output_shape(&after)
                    .map_err(|source| NetworkError::Shape {
                        layer: self.layer_name(index),
                        source,
                    })?;
                let sides =
                    |shapes: &[Shape]| shapes.iter().map(|s| s.resolution()).collect::<Vec<_>>();
                if sides(&before) == sides(&after) {
                    layer.output.with_channels(derived.channels)
                } else {
                    derived
                }
            };
            changed.layers.push(Layer {
                op,
                output,
                ..layer.clone()
            });
        }
        Ok(changed)
    }

    /// The convolution that a batch-norm folds into: the one it reads, if nobody else reads that. Nothing for any other
    /// layer. `readers` are the network's [`readers`](Self::readers).
    pub fn folds_into(&self, layer: usize, readers: &[usize]) -> Option<usize> {
        match (&self.layers[layer].op, &self.layers[layer].inputs[..]) {
            (Op::BatchNorm, &[Tensor::Layer(producer)])
                if matches!(self.layers[producer].op, Op::Conv(_)) && readers[producer] == 1 =>
            {
                Some(producer)
            }
            _ => None,
        }
    }

    /// The same network under another name.
    pub fn renamed(self, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..self
        }
    }
}

/// A network that can't be built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NetworkError {
    /// A layer that can't take its inputs.
    #[error("layer {layer}: {source}")]
    Shape {
        /// The layer's name.
        layer: String,
        /// Why.
        source: ShapeError,
    },
    /// A network without layers or outputs.
    #[error("network {0} has no layers or no outputs")]
    Empty(String),
}

/// Builds a network layer by layer. The first error is kept and returned by
/// [`NetworkBuilder::finish`], so that building code reads straight through.
#[derive(Debug)]
pub struct NetworkBuilder {
    network: Network,
    error: Option<NetworkError>,
}

impl NetworkBuilder {
    /// An empty network for images of this shape.
    pub fn new(name: impl Into<String>, input: Shape) -> Self {
        Self {
            network: Network {
                name: name.into(),
                input,
                layers: Vec::new(),
                sections: Vec::new(),
                outputs: Vec::new(),
                file_names: FileNames::default(),
            },
            error: None,
        }
    }

    /// Goes on behind a finished network, whose outputs are forgotten.
    pub fn continuing(network: Network) -> Self {
        Self {
            network: Network {
                outputs: Vec::new(),
                ..network
            },
            error: None,
        }
    }

    /// Starts a section: layers pushed from here on belong to it.
    pub fn section(&mut self, part: Part, description: impl Into<String>) {
        let end = self.network.layers.len();
        self.network.sections.push(Section {
            part,
            description: description.into(),
            layers: end..end,
        });
    }

    /// Shape of a tensor built so far.
    pub fn shape(&self, tensor: Tensor) -> Shape {
        self.network.shape(tensor)
    }

    /// Adds a layer whose output has a shape that is known from elsewhere: a padding, for one, need not be.
    pub fn push_shaped(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        op: Op,
        inputs: &[Tensor],
        output: Shape,
    ) -> Tensor {
        self.add(Layer {
            name: name.into(),
            op,
            inputs: inputs.to_vec(),
            output,
            role: Role::Main,
        })
    }

    /// Adds a layer and returns its output.
    pub fn push(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        op: Op,
        inputs: &[Tensor],
        role: Role,
    ) -> Tensor {
        let name = name.into();
        let shapes: Vec<Shape> = inputs.iter().map(|&tensor| self.shape(tensor)).collect();
        let output = op.output_shape(&shapes).unwrap_or_else(|source| {
            self.error.get_or_insert(NetworkError::Shape {
                layer: name.to_string(),
                source,
            });
            shapes.first().copied().unwrap_or(self.network.input)
        });
        self.add(Layer {
            name,
            op,
            inputs: inputs.to_vec(),
            output,
            role,
        })
    }

    fn add(&mut self, layer: Layer) -> Tensor {
        if self.network.sections.is_empty() {
            self.section(Part::Whole, "");
        }
        let index = self.network.layers.len();
        self.network.layers.push(layer);
        if let Some(section) = self.network.sections.last_mut() {
            section.layers.end = index + 1;
        }
        Tensor::Layer(index)
    }

    /// Keeps what the parts of the network are called in a file.
    pub(crate) fn file_names(&mut self, names: FileNames) {
        self.network.file_names = names;
    }

    /// The layers' outputs that no layer reads so far.
    pub fn unread(&self) -> Vec<Tensor> {
        let readers = self.network.readers();
        let unread = (0..readers.len()).filter(|&layer| readers[layer] == 0);
        unread.map(Tensor::Layer).collect()
    }

    /// Names a tensor as an output of the network.
    pub fn output(&mut self, name: impl Into<String>, tensor: Tensor) {
        self.network.outputs.push(Output {
            name: name.into(),
            tensor,
        });
    }

    /// The finished network. Sections without layers are dropped.
    ///
    /// # Errors
    /// The first layer that couldn't take its inputs, or an empty network.
    pub fn finish(mut self) -> Result<Network, NetworkError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.network.layers.is_empty() || self.network.outputs.is_empty() {
            return Err(NetworkError::Empty(self.network.name));
        }
        self.network.sections.retain(|s| !s.layers.is_empty());
        Ok(self.network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Conv;

    #[test]
    fn edges_readers_and_names() {
        let mut builder = NetworkBuilder::new("tiny", Shape::new(8, 4, 4));
        builder.section(Part::Block { stage: 1, index: 0 }, "conv");
        let conv = builder.push(
            "conv",
            Op::Conv(Conv::same(8, 3, 1)),
            &[Tensor::Input],
            Role::Main,
        );
        let sum = builder.push("add", Op::Add, &[Tensor::Input, conv], Role::Main);
        builder.section(Part::Head, "");
        let pool = builder.push("pool", Op::GlobalAvgPool, &[sum], Role::Main);
        builder.output("features", sum);
        builder.output("logits", pool);
        let network = builder.finish().unwrap();
        assert_eq!(network.layer_name(1), "stage2.block1.add");
        assert_eq!(network.layer_name(2), "head.pool");
        assert_eq!(network.readers(), [1, 2, 1]);
    }

    #[test]
    fn widths_follow_a_change() {
        let mut builder = NetworkBuilder::new("chain", Shape::new(8, 7, 7));
        let mut push =
            |name: &'static str, op, inputs: &[Tensor]| builder.push(name, op, inputs, Role::Main);
        let wide = push("wide", Op::Conv(Conv::same(24, 3, 2)), &[Tensor::Input]);
        let depthwise = push(
            "depthwise",
            Op::Conv(Conv::same(24, 3, 1).grouped(24)),
            &[wide],
        );
        let back = push("back", Op::Conv(Conv::pointwise(8)), &[depthwise]);
        builder.output("out", back);
        let network = builder.finish().unwrap();
        let widened =
            network.with_ops(|index, _| (index == 0).then(|| Op::Conv(Conv::same(32, 3, 2))));
        let widened = widened.unwrap();
        let shapes: Vec<Shape> = widened.layers().iter().map(|layer| layer.output).collect();
        assert_eq!(
            shapes,
            [(32, 4), (32, 4), (8, 4)].map(|(c, side)| Shape::new(c, side, side))
        );
        assert_eq!(
            widened.layers()[1].op,
            Op::Conv(Conv::same(32, 3, 1).grouped(32))
        );
        assert_eq!(network.with_ops(|_, _| None).unwrap(), network);
    }

    #[test]
    fn a_change_that_nothing_follows_is_an_error() {
        let mut builder = NetworkBuilder::new("sum", Shape::new(8, 4, 4));
        let conv = builder.push(
            "conv",
            Op::Conv(Conv::same(8, 3, 1)),
            &[Tensor::Input],
            Role::Main,
        );
        let sum = builder.push("add", Op::Add, &[conv, Tensor::Input], Role::Main);
        builder.output("out", sum);
        let network = builder.finish().unwrap();
        let error =
            network.with_ops(|index, _| (index == 0).then(|| Op::Conv(Conv::same(16, 3, 1))));
        assert_eq!(
            error.unwrap_err().to_string(),
            "layer add: add can't combine 16x4x4 with 8x4x4"
        );
    }

    #[test]
    fn the_first_error_is_kept() {
        let mut builder = NetworkBuilder::new("wrong", Shape::new(3, 4, 4));
        let conv = Op::Conv(Conv::same(8, 3, 1).grouped(2));
        let out = builder.push("stem", conv, &[Tensor::Input], Role::Main);
        builder.output("logits", out);
        assert_eq!(
            builder.finish().unwrap_err().to_string(),
            "layer stem: conv has 2 groups, which must divide its 3 channels"
        );
        let empty = NetworkBuilder::new("empty", Shape::new(3, 4, 4));
        assert!(matches!(empty.finish(), Err(NetworkError::Empty(_))));
    }
}
