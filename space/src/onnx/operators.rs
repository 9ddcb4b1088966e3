//! What each operator becomes in ONNX.

use super::export::{Exporter, Form, Value, first_channel};
use super::proto::NodeProto;
use crate::activation::Activation;
use crate::op::{Conv, ConvTranspose, MatMul, Op, Other, Pool, PoolKind};
use crate::other::{Defined, Interpolation, LOCAL_CHANNELS};

/// What is appended, after a dot, to a layer's name to name the nodes that its operator needs besides the one that bears the layer's name.
pub const HELPER_NODES: [&str; 10] = [
    "add",
    "div",
    "erf",
    "flatten",
    "map",
    "matmul",
    "mul",
    "sigmoid",
    "split",
    "transpose",
];

/// The epsilon of a batch-norm that stays.
const EPSILON: f32 = 1e-5;

impl Exporter<'_> {
    /// Writes a layer of its own and returns what it produces.
    pub(super) fn operator(&mut self, index: usize, op: &Op) -> Value {
        match op {
            Op::Conv(conv) => self.conv(index, conv),
            Op::Linear { out_features, bias } => self.linear(index, *out_features, *bias),
            Op::Pool(pool) => self.pool(index, pool),
            Op::GlobalAvgPool => {
                let x = self.operand(index, 0, Form::Map);
                self.emit(index, NodeProto::of("GlobalAveragePool", &[&x]), Form::Map)
            }
            Op::BatchNorm => self.batch_norm(index),
            Op::Activation(activation) => self.activation(index, *activation),
            Op::Add => self.joined(index, NodeProto::of("Add", &[])),
            Op::Scale => self.joined(index, NodeProto::of("Mul", &[])),
            Op::Concat => self.joined(index, NodeProto::of("Concat", &[]).int("axis", 1)),
            Op::ChannelShuffle { groups } => self.channel_shuffle(index, *groups),
            Op::ConvTranspose(transposed) => self.conv_transpose(index, transposed),
            Op::MatMul(product) if product.weights > 0 => self.over_tokens(index, product),
            Op::MatMul(_) => {
                let left = self.operand(index, 0, Form::Map);
                let right = self.operand(index, 1, Form::Map);
                self.emit(index, NodeProto::of("MatMul", &[&left, &right]), Form::Map)
            }
            Op::Other(other) => self.defined(index, other),
        }
    }

    fn conv(&mut self, index: usize, conv: &Conv) -> Value {
        let mut inputs = vec![self.operand(index, 0, Form::Map), self.weight(index)];
        if conv.bias || self.takes_over_norm(index) {
            inputs.push(self.per_channel(index, "bias", conv.out_channels, 0.0));
        }
        let [rows, columns] = conv.padding;
        let node = NodeProto::of("Conv", &borrowed(&inputs))
            .ints("dilations", &conv.dilation)
            .int("group", conv.groups)
            .ints("kernel_shape", &conv.kernel)
            .ints("pads", &[rows, columns, rows, columns])
            .ints("strides", &conv.stride);
        self.emit(index, node, Form::Map)
    }

    fn conv_transpose(&mut self, index: usize, transposed: &ConvTranspose) -> Value {
        let conv = &transposed.conv;
        let mut inputs = vec![self.operand(index, 0, Form::Map), self.weight(index)];
        if conv.bias {
            inputs.push(self.per_channel(index, "bias", conv.out_channels, 0.0));
        }
        let [rows, columns] = conv.padding;
        let node = NodeProto::of("ConvTranspose", &borrowed(&inputs))
            .ints("dilations", &conv.dilation)
            .int("group", conv.groups)
            .ints("kernel_shape", &conv.kernel)
            .ints("output_padding", &transposed.output_padding)
            .ints("pads", &[rows, columns, rows, columns])
            .ints("strides", &conv.stride);
        self.emit(index, node, Form::Map)
    }

    /// An operator whose name and shapes say all there is to it.
    fn defined(&mut self, index: usize, other: &Other) -> Value {
        let input = self.network.input_shape(&self.network.layers()[index]);
        let x = self.operand(index, 0, Form::Map);
        let label = self.labels[index].clone();
        let node = match other.defined(input) {
            Some(Defined::ChannelSlice) => {
                let from = first_channel(self.network, index) as i64;
                let to = from + other.output.channels as i64;
                let mut bound = |name, value| {
                    let name = format!("{label}.{name}");
                    self.graph.integers(&name, &[value])
                };
                let (starts, ends) = (bound("starts", from), bound("ends", to));
                let axes = bound("axes", 1);
                NodeProto::of("Slice", &[&x, &starts, &ends, &axes])
            }
            Some(Defined::Resize(interpolation)) => {
                let factor = (other.output.height / input.height) as f32;
                let scales = [1.0, 1.0, factor, factor];
                let scales = self
                    .graph
                    .parameters(&format!("{label}.scales"), &[4], &scales);
                resize(&x, &scales, interpolation)
            }
            Some(Defined::Softmax) => NodeProto::of("Softmax", &[&x]),
            Some(Defined::Transpose) => {
                NodeProto::of("Transpose", &[&x]).ints("perm", &[0, 1, 3, 2])
            }
            Some(Defined::LayerNorm) => {
                let [scale, shift] = self.scale_and_shift(index, input.width);
                NodeProto::of("LayerNormalization", &[&x, &scale, &shift])
            }
            Some(Defined::InstanceNorm) => {
                let [scale, shift] = self.scale_and_shift(index, input.channels);
                NodeProto::of("InstanceNormalization", &[&x, &scale, &shift])
            }
            Some(Defined::LocalResponseNorm) => {
                NodeProto::of("LRN", &[&x]).int("size", LOCAL_CHANNELS)
            }
            Some(Defined::Reshape) => {
                let sizes = Form::Map.sizes(other.output);
                let target = self.graph.target_shape(&format!("{label}.shape"), &sizes);
                NodeProto::of("Reshape", &[&x, &target])
            }
            None => unreachable!("refused before the export begins"),
        };
        self.emit(index, node, Form::Map)
    }

    /// The features lie along the last axis.
    fn over_tokens(&mut self, index: usize, product: &MatMul) -> Value {
        let x = self.operand(index, 0, Form::Map);
        let weight = self.weight(index);
        let node = NodeProto::of("MatMul", &[&x, &weight]);
        let y = self.helper(index, "matmul", node, Form::Map);
        let bias = self.per_channel(index, "bias", product.output.width, 0.0);
        self.emit(index, NodeProto::of("Add", &[&y, &bias]), Form::Map)
    }

    /// The weights lie as `[out, in]`, hence the transposition.
    fn linear(&mut self, index: usize, out_features: usize, bias: bool) -> Value {
        let mut inputs = vec![self.operand(index, 0, Form::Flat), self.weight(index)];
        if bias {
            inputs.push(self.per_channel(index, "bias", out_features, 0.0));
        }
        let node = NodeProto::of("Gemm", &borrowed(&inputs)).int("transB", 1);
        self.emit(index, node, Form::Flat)
    }

    /// Padding takes no part in a mean: only what lies inside the feature map is counted.
    fn pool(&mut self, index: usize, pool: &Pool) -> Value {
        let x = self.operand(index, 0, Form::Map);
        let node = match pool.kind {
            PoolKind::Max => NodeProto::of("MaxPool", &[&x]),
            PoolKind::Average => NodeProto::of("AveragePool", &[&x]).int("count_include_pad", 0),
        };
        let node = node
            .ints("kernel_shape", &[pool.kernel; 2])
            .ints("pads", &[pool.padding; 4])
            .ints("strides", &[pool.stride; 2]);
        self.emit(index, node, Form::Map)
    }

    fn batch_norm(&mut self, index: usize) -> Value {
        let (x, form) = self.operand_as_it_is(index);
        let channels = self.network.layers()[index].output.channels;
        let mut inputs = vec![x];
        for (name, value) in [
            ("weight", 1.0),
            ("bias", 0.0),
            ("mean", 0.0),
            ("variance", 1.0),
        ] {
            inputs.push(self.per_channel(index, name, channels, value));
        }
        let node =
            NodeProto::of("BatchNormalization", &borrowed(&inputs)).float("epsilon", EPSILON);
        self.emit(index, node, form)
    }

    fn activation(&mut self, index: usize, activation: Activation) -> Value {
        let (x, form) = self.operand_as_it_is(index);
        let x = x.as_str();
        let node = match activation {
            Activation::Relu => NodeProto::of("Relu", &[x]),
            Activation::Relu6 => {
                let zero = self.graph.constant("constant.zero", 0.0);
                let six = self.graph.constant("constant.six", 6.0);
                NodeProto::of("Clip", &[x, &zero, &six])
            }
            Activation::Swish => {
                let gate = self.helper(index, "sigmoid", NodeProto::of("Sigmoid", &[x]), form);
                NodeProto::of("Mul", &[x, &gate])
            }
            Activation::HardSwish => NodeProto::of("HardSwish", &[x]),
            Activation::Sigmoid => NodeProto::of("Sigmoid", &[x]),
            Activation::HardSigmoid => NodeProto::of("HardSigmoid", &[x])
                .float("alpha", 1.0 / 6.0)
                .float("beta", 0.5),
            Activation::Gelu => self.gelu(index, x, form),
        };
        self.emit(index, node, form)
    }

    /// `x * (1 + erf(x / sqrt 2)) / 2`, in the order of operations that engines know to fuse: opset 17
    /// has no operator for it.
    fn gelu(&mut self, index: usize, x: &str, form: Form) -> NodeProto {
        let root = self
            .graph
            .constant("constant.sqrt2", std::f32::consts::SQRT_2);
        let one = self.graph.constant("constant.one", 1.0);
        let half = self.graph.constant("constant.half", 0.5);
        let scaled = self.helper(index, "div", NodeProto::of("Div", &[x, &root]), form);
        let erf = self.helper(index, "erf", NodeProto::of("Erf", &[&scaled]), form);
        let sum = self.helper(index, "add", NodeProto::of("Add", &[&erf, &one]), form);
        let twice = self.helper(index, "mul", NodeProto::of("Mul", &[x, &sum]), form);
        NodeProto::of("Mul", &[&twice, &half])
    }

    /// `(C, H, W)` seen as `groups x n` channels, transposed, and seen as channels again.
    fn channel_shuffle(&mut self, index: usize, groups: usize) -> Value {
        let x = self.operand(index, 0, Form::Map);
        let shape = self.network.layers()[index].output;
        let members = shape.channels / groups;
        let positions = shape.positions() as usize;
        let label = self.labels[index].clone();
        let name = |suffix: &str| format!("{label}.{suffix}");

        let sizes = [groups, members, positions];
        let target = self.graph.target_shape(&name("split.shape"), &sizes);
        let split = NodeProto::of("Reshape", &[&x, &target]);
        let split = self.graph.helper(&name("split"), split, &sizes);

        let swapped = NodeProto::of("Transpose", &[&split]).ints("perm", &[0, 2, 1, 3]);
        let sizes = [members, groups, positions];
        let swapped = self.graph.helper(&name("transpose"), swapped, &sizes);

        let target = self
            .graph
            .target_shape(&name("shape"), &Form::Map.sizes(shape));
        self.emit(
            index,
            NodeProto::of("Reshape", &[&swapped, &target]),
            Form::Map,
        )
    }

    /// An operator over all of a layer's inputs. They stay flat where all of them are.
    fn joined(&mut self, index: usize, mut node: NodeProto) -> Value {
        let inputs = &self.network.layers()[index].inputs;
        let flat = |&input| self.value(input).form == Form::Flat;
        let form = if inputs.iter().all(flat) {
            Form::Flat
        } else {
            Form::Map
        };
        node.input = (0..inputs.len())
            .map(|position| self.operand(index, position, form))
            .collect();
        self.emit(index, node, form)
    }

    /// One of a layer's inputs in the form it has, with that form.
    fn operand_as_it_is(&self, index: usize) -> (String, Form) {
        let value = self.value(self.network.layers()[index].inputs[0]);
        (value.name.clone(), value.form)
    }

    /// One of a layer's inputs in the form asked for, converted if need be.
    fn operand(&mut self, index: usize, position: usize, form: Form) -> String {
        let tensor = self.network.layers()[index].inputs[position];
        let value = self.value(tensor).clone();
        if value.form == form {
            return value.name;
        }
        let label = &self.labels[index];
        let sizes = form.sizes(self.network.shape(tensor));
        match form {
            Form::Flat => {
                let node = NodeProto::of("Flatten", &[&value.name]).int("axis", 1);
                self.graph.helper(&format!("{label}.flatten"), node, &sizes)
            }
            Form::Map => {
                let target = self
                    .graph
                    .target_shape(&format!("{label}.map.shape"), &sizes);
                let node = NodeProto::of("Reshape", &[&value.name, &target]);
                self.graph.helper(&format!("{label}.map"), node, &sizes)
            }
        }
    }

    /// The layer's weights, as an initializer.
    fn weight(&mut self, index: usize) -> String {
        let weights = self
            .weights
            .layer(self.network, index)
            .expect("convolutions and linear layers have weights");
        let name = format!("{}.weight", self.labels[index]);
        self.graph.parameters(&name, &weights.dims, &weights.values)
    }

    /// One number for each channel, all the same.
    fn per_channel(&mut self, index: usize, name: &str, channels: usize, value: f32) -> String {
        let name = format!("{}.{name}", self.labels[index]);
        self.graph
            .parameters(&name, &[channels], &vec![value; channels])
    }

    /// The parameters of a normalisation.
    fn scale_and_shift(&mut self, index: usize, count: usize) -> [String; 2] {
        [("scale", 1.0), ("shift", 0.0)]
            .map(|(name, value)| self.per_channel(index, name, count, value))
    }

    /// A node that produces something of the size of the layer's output on the way to it.
    fn helper(&mut self, index: usize, suffix: &str, node: NodeProto, form: Form) -> String {
        let name = format!("{}.{suffix}", self.labels[index]);
        let sizes = form.sizes(self.network.layers()[index].output);
        self.graph.helper(&name, node, &sizes)
    }

    /// The node that bears the layer's name and produces its output.
    fn emit(&mut self, index: usize, node: NodeProto, form: Form) -> Value {
        let name = self.result_name(index);
        let sizes = form.sizes(self.network.layers()[index].output);
        self.graph.node(&self.labels[index], node, &name, &sizes);
        Value { name, form }
    }
}

/// An enlarged feature map, in the ways that frameworks export: both are the fast paths of engines.
fn resize(x: &str, scales: &str, interpolation: Interpolation) -> NodeProto {
    let node = NodeProto::of("Resize", &[x, "", scales]);
    match interpolation {
        Interpolation::Nearest => node
            .text("mode", "nearest")
            .text("coordinate_transformation_mode", "asymmetric")
            .text("nearest_mode", "floor"),
        Interpolation::Bilinear => node
            .text("mode", "linear")
            .text("coordinate_transformation_mode", "half_pixel"),
    }
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}
