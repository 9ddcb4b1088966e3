//! What a network costs whatever it runs on: operations, parameters and tensor elements.
//!
//! Conventions. 1 MAC = 2 FLOPs. MACs are counted for convolutions and linear layers:
//!
//! ```text
//! MACs  = C_out * H_out * W_out * k_h * k_w * C_in / groups          per image
//! FLOPs = 2 * MACs + (bias ? C_out * H_out * W_out : 0)
//! ```
//!
//! Batch-norm right after a convolution is folded into it: it costs the convolution's bias and nothing else.
//! Other operators have FLOPs and no MACs, by the rule in [`layer_flops`]. Counts are per image;
//! batch size and bytes per element come in only where memory is concerned.

use roofnas_space::{Activation, Network, Op, PoolKind, Shape, Tensor, Work};

use crate::calibration::ActivationEffort;
use crate::class::OpClass;
use crate::dtype::Dtype;
use crate::fusion::{Fusion, Kernel, kernels};
use crate::memory::Footprint;

/// What one kernel costs, per image.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelCost {
    /// The layers it runs.
    pub kernel: Kernel,
    /// Its class, by its anchor.
    pub class: OpClass,
    /// Multiply-accumulate operations.
    pub macs: u64,
    /// Floating-point operations.
    pub flops: u64,
    /// Elements read from memory, weights apart: all of what it is given, but for copies of a part, which read that.
    pub read_elements: u64,
    /// Elements written to memory.
    pub written_elements: u64,
    /// Weights and biases, as deployed.
    pub weight_elements: u64,
    /// What the anchor works on.
    pub geometry: Geometry,
    /// Whether an operator among its layers has no rule of its own: it is then priced as arithmetic on every element.
    pub is_unknown: bool,
}

/// The shape of a kernel's work, as far as the latency model needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Shape of the anchor's first input.
    pub input: Shape,
    /// Shape of the anchor's output.
    pub output: Shape,
    /// Groups of a convolution; 1 for everything else.
    pub groups: usize,
    /// Window elements of a convolution or pooling; 1 for everything else.
    pub kernel_area: usize,
    /// Input positions for each output position of a convolution or pooling; 1 for everything else.
    pub stride_area: usize,
    /// What the kernel's activation costs, fused or alone.
    pub activation: Option<ActivationEffort>,
    /// Sums that are fused into the kernel: each reads one more tensor of the output's shape.
    pub fused_sums: u8,
    /// Which of its class's operators the anchor is.
    pub variant: Variant,
}

/// What tells operators of one class apart that engines' code does. On one core of a virtual Xeon, of ONNX Runtime's elementwise kernels on some megabytes a ReLU took
/// 0.015 ns a byte, a sum 0.026, and a ReLU6, with a reorder on either side, 0.056.
///
/// | class | first | second | third | fourth |
/// |---|---|---|---|---|
/// | elementwise | sums, activations | gates, ReLU6 | batch-norm | all others |
/// | data movement | concatenation | shuffles, transpositions | all others: slices | |
/// | pool | maximum, average | | global average | other reductions |
/// | all others | all | | | |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// What a class is usually made of.
    First,
    /// See the table.
    Second,
    /// See the table.
    Third,
    /// See the table.
    Fourth,
}

/// Whether an operator changes the order of axes, as readers of ONNX files and of tables name it.
fn turns(name: &str) -> bool {
    ["transpose", "permute"]
        .iter()
        .any(|turn| name.eq_ignore_ascii_case(turn))
}

impl Variant {
    /// That of an operator.
    fn of(op: &Op) -> Self {
        match op {
            Op::Scale | Op::Activation(Activation::Relu6) | Op::ChannelShuffle { .. } => {
                Self::Second
            }
            Op::BatchNorm | Op::GlobalAvgPool => Self::Third,
            Op::Other(other) => match other.work {
                Work::Move if turns(&other.name) => Self::Second,
                Work::Move => Self::Third,
                Work::Elementwise { .. } | Work::Reduction { .. } | Work::Unknown => Self::Fourth,
                Work::View => Self::First,
            },
            _ => Self::First,
        }
    }
}

impl Geometry {
    /// The geometry of an operator alone.
    pub fn new(op: &Op, input: Shape, output: Shape) -> Self {
        let (groups, kernel_area, stride_area) = match op {
            Op::Conv(conv) => (conv.groups, conv.kernel_area(), conv.stride_area()),
            Op::ConvTranspose(transposed) => {
                let conv = &transposed.conv;
                (conv.groups, conv.kernel_area(), conv.stride_area())
            }
            Op::Pool(pool) => (1, pool.kernel * pool.kernel, pool.stride * pool.stride),
            Op::GlobalAvgPool => (1, input.height * input.width, 1),
            _ => (1, 1, 1),
        };
        Self {
            input,
            output,
            groups,
            kernel_area,
            stride_area,
            activation: None,
            fused_sums: 0,
            variant: Variant::of(op),
        }
    }

    /// The same with what all layers of the kernel, the anchor first, add to it.
    fn with_layers<'a>(self, ops: impl Iterator<Item = &'a Op>) -> Self {
        let mut geometry = self;
        for (place, op) in ops.enumerate() {
            geometry.activation = geometry.activation.max(ActivationEffort::of(op));
            geometry.fused_sums += u8::from(place > 0 && *op == Op::Add);
        }
        geometry
    }
}

impl KernelCost {
    /// Memory traffic in bytes for a batch: what is read of inputs, and outputs, once per image, weights once.
    pub const fn traffic_bytes(&self, batch: u64, dtype: Dtype) -> u64 {
        let activations = self.read_elements + self.written_elements;
        dtype.bytes() * (batch * activations + self.weight_elements)
    }

    /// FLOPs of a whole batch. Not an integer: a large batch of a large network has more than 64 bits hold.
    pub fn batch_flops(&self, batch: u64) -> f64 {
        batch as f64 * self.flops as f64
    }

    /// Arithmetic intensity, FLOP/byte.
    pub fn intensity(&self, batch: u64, dtype: Dtype) -> f64 {
        self.batch_flops(batch) / self.traffic_bytes(batch, dtype) as f64
    }
}

/// What a network costs, for an engine's fusion rules.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkCost {
    /// Multiply-accumulate operations, per image.
    pub macs: u64,
    /// Floating-point operations, per image.
    pub flops: u64,
    /// Trainable parameters: weights, biases, two a channel per batch-norm.
    pub params: u64,
    /// Weights and biases as deployed, batch-norm folded.
    pub weight_elements: u64,
    /// Activation memory; absent where it isn't known which layer reads what.
    pub footprint: Option<Footprint>,
    /// The kernels, in execution order.
    pub kernels: Vec<KernelCost>,
}

impl NetworkCost {
    /// Counts a network.
    pub fn new(network: &Network, fusion: &Fusion) -> Self {
        let kernels = kernels(network, fusion);
        let footprint = network
            .knows_edges()
            .then(|| Footprint::new(network, &kernels));
        let kernels: Vec<KernelCost> = kernels
            .into_iter()
            .map(|kernel| kernel_cost(network, kernel))
            .collect();
        let sum = |count: fn(&KernelCost) -> u64| kernels.iter().map(count).sum();
        Self {
            macs: sum(|k| k.macs),
            flops: sum(|k| k.flops),
            params: params(network),
            weight_elements: sum(|k| k.weight_elements),
            footprint,
            kernels,
        }
    }

    /// Memory traffic in bytes for a batch, what is fused away left out.
    pub fn traffic_bytes(&self, batch: u64, dtype: Dtype) -> u64 {
        let kernels = self.kernels.iter();
        kernels.map(|k| k.traffic_bytes(batch, dtype)).sum()
    }

    /// Arithmetic intensity of the whole network, FLOP/byte.
    pub fn intensity(&self, batch: u64, dtype: Dtype) -> f64 {
        batch as f64 * self.flops as f64 / self.traffic_bytes(batch, dtype) as f64
    }

    /// Bytes of the deployed weights.
    pub const fn weight_bytes(&self, dtype: Dtype) -> u64 {
        dtype.bytes() * self.weight_elements
    }

    /// Largest sum of tensors that are live at one time, in bytes, for a batch; weights apart. Absent where it isn't known which
    /// layer reads what.
    pub fn peak_memory_bytes(&self, batch: u64, dtype: Dtype) -> Option<u64> {
        let peak = self.footprint?.peak_live_elements;
        Some(dtype.bytes() * batch * peak)
    }
}

fn kernel_cost(network: &Network, kernel: Kernel) -> KernelCost {
    let anchor = &network.layers()[kernel.anchor()];
    let input = network.input_shape(anchor);
    let mut cost = KernelCost {
        class: OpClass::of(&anchor.op, input),
        macs: layer_macs(&anchor.op, input, anchor.output),
        flops: 0,
        read_elements: 0,
        written_elements: network.layers()[kernel.last()].output.elements(),
        weight_elements: deployed_weights(&anchor.op, input, kernel.folds_norm),
        geometry: Geometry::new(&anchor.op, input, anchor.output).with_layers(
            kernel
                .layers
                .iter()
                .map(|&layer| &network.layers()[layer].op),
        ),
        is_unknown: kernel.layers.iter().any(|&layer| {
            let op = &network.layers()[layer].op;
            matches!(op, Op::Other(other) if other.work == Work::Unknown)
        }),
        kernel,
    };
    for &index in &cost.kernel.layers {
        let layer = &network.layers()[index];
        if cost.kernel.folds_norm && layer.op == Op::BatchNorm {
            continue;
        }
        let folds = cost.kernel.folds_norm && index == cost.kernel.anchor();
        cost.flops += layer_flops(&layer.op, network.input_shape(layer), layer.output, folds);
    }
    if cost.class == OpClass::View {
        cost.written_elements = 0;
        return cost;
    }
    cost.read_elements = cost
        .kernel
        .reads(network)
        .map(|tensor: Tensor| network.shape(tensor).elements())
        .sum();
    if cost.class == OpClass::DataMovement && anchor.inputs.len() == 1 {
        // what copies a part reads that part
        cost.read_elements = cost.read_elements.min(cost.written_elements);
    }
    cost
}

/// MACs of one operator, per image.
pub fn layer_macs(op: &Op, input: Shape, output: Shape) -> u64 {
    match op {
        Op::Conv(conv) => output.elements() * conv.fan_in(input.channels),
        Op::ConvTranspose(transposed) => input.elements() * transposed.spread(),
        Op::Linear { .. } => input.elements() * output.elements(),
        Op::MatMul(product) => product.macs,
        _ => 0,
    }
}

/// FLOPs of one operator, per image. `folds_norm`: a batch-norm is folded into it as a bias.
///
/// | operator | FLOPs |
/// |---|---|
/// | convolution, linear, matrix product | 2 MACs, and one per output element with a bias |
/// | max pooling | one comparison per window element |
/// | average and global average pooling | one addition per window element |
/// | batch-norm not folded | 2 per element |
/// | activation | [`roofnas_space::Activation::flops_per_element`] per element |
/// | sum, gate | 1 per output element |
/// | concatenation, shuffle, whatever else copies | 0: they move data |
/// | others | those of their [`Work`]; an operator nobody knows: 1 per output element, and it is [reported](KernelCost::is_unknown) |
pub fn layer_flops(op: &Op, input: Shape, output: Shape, folds_norm: bool) -> u64 {
    let bias = |bias: bool| if bias { output.elements() } else { 0 };
    match op {
        Op::Conv(conv) => 2 * layer_macs(op, input, output) + bias(conv.bias || folds_norm),
        Op::Linear { bias: own, .. } => 2 * layer_macs(op, input, output) + bias(*own),
        Op::ConvTranspose(transposed) => {
            2 * layer_macs(op, input, output) + bias(transposed.conv.bias)
        }
        // whether its weights hold a bias is not told apart
        Op::MatMul(product) => 2 * product.macs,
        Op::Pool(pool) => {
            let (PoolKind::Max | PoolKind::Average) = pool.kind;
            output.elements() * (pool.kernel * pool.kernel) as u64
        }
        Op::GlobalAvgPool => input.elements(),
        Op::BatchNorm => 2 * output.elements(),
        Op::Activation(activation) => activation.flops_per_element() * output.elements(),
        Op::Add | Op::Scale => output.elements(),
        Op::Concat | Op::ChannelShuffle { .. } => 0,
        Op::Other(other) => match other.work {
            Work::Elementwise { flops } => flops * output.elements(),
            Work::Reduction { flops } => flops * input.elements(),
            Work::Move | Work::View => 0,
            Work::Unknown => output.elements(),
        },
    }
}

/// Weights and biases of one operator as deployed.
fn deployed_weights(op: &Op, input: Shape, folds_norm: bool) -> u64 {
    match op {
        Op::Conv(conv) => {
            let bias = conv.bias || folds_norm;
            conv.weights(input.channels) + if bias { conv.out_channels as u64 } else { 0 }
        }
        Op::Linear { out_features, bias } => {
            (input.elements() + u64::from(*bias)) * *out_features as u64
        }
        Op::ConvTranspose(transposed) => {
            let bias = transposed.conv.bias;
            let biases = if bias {
                transposed.conv.out_channels as u64
            } else {
                0
            };
            transposed.weights(input.channels) + biases
        }
        Op::MatMul(product) => product.weights,
        Op::Other(other) => other.weights,
        Op::BatchNorm => 2 * input.channels as u64,
        _ => 0,
    }
}

/// Trainable parameters of a network: weights, biases, and two a channel per batch-norm.
pub fn params(network: &Network) -> u64 {
    let layers = network.layers().iter();
    layers
        .map(|layer| deployed_weights(&layer.op, network.input_shape(layer), false))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use roofnas_space::{Conv, ConvTranspose, NetworkBuilder, Other, Part, Pool, Role};

    use crate::calibration::Workload;

    /// An operator from 16x8x8 to 32x8x8.
    fn other(work: Work) -> Op {
        Op::Other(Other {
            name: "other".into(),
            work,
            weights: 7,
            output: Shape::new(32, 8, 8),
        })
    }

    #[test]
    fn operators_of_a_class_are_told_apart() {
        let shape = Shape::new(8, 4, 4);
        let coordinates = |ops: &[Op]| {
            let mut b = NetworkBuilder::new("one", shape);
            b.section(Part::Stem, "");
            let mut x = Tensor::Input;
            for (place, op) in ops.iter().enumerate() {
                let inputs = if *op == Op::Add { vec![x, x] } else { vec![x] };
                x = b.push(format!("layer{place}"), op.clone(), &inputs, Role::Main);
            }
            b.output("out", x);
            let cost = NetworkCost::new(&b.finish().unwrap(), &Fusion::every_activation());
            let [work] = Workload::of_network(&cost, 1, Dtype::Fp32)[..] else {
                panic!("{ops:?} is one kernel")
            };
            (work.class, work.coordinates[12], work.coordinates[13])
        };
        let part = |name: &'static str, work| {
            Op::Other(Other {
                name: name.into(),
                work,
                weights: 0,
                output: shape,
            })
        };
        let pool = |kind| {
            Op::Pool(Pool {
                kind,
                kernel: 3,
                stride: 1,
                padding: 1,
            })
        };
        let elementwise = OpClass::Elementwise;
        let moves = OpClass::DataMovement;
        let conv = Op::Conv(Conv::pointwise(8));
        let relu6 = Op::Activation(Activation::Relu6);
        for (ops, class, at) in [
            (
                vec![Op::Activation(Activation::Relu)],
                elementwise,
                [0.0, 0.0],
            ),
            (vec![relu6.clone()], elementwise, [1.5, 0.0]),
            (vec![Op::Add], elementwise, [0.0, 0.0]),
            (vec![Op::BatchNorm], elementwise, [0.0, 1.5]),
            (
                vec![part("Erf", Work::Elementwise { flops: 9 })],
                elementwise,
                [1.5, 1.5],
            ),
            (vec![Op::ChannelShuffle { groups: 2 }], moves, [1.5, 0.0]),
            (vec![part("Transpose", Work::Move)], moves, [1.5, 0.0]),
            (vec![part("Slice", Work::Move)], moves, [0.0, 1.5]),
            (vec![pool(PoolKind::Max)], OpClass::Pool, [0.0, 0.0]),
            (vec![pool(PoolKind::Average)], OpClass::Pool, [0.0, 0.0]),
            (vec![Op::GlobalAvgPool], OpClass::Pool, [0.0, 1.5]),
            // fused, an activation is none of its own
            (vec![conv, relu6], OpClass::Pointwise, [0.0, 0.0]),
        ] {
            assert_eq!(coordinates(&ops), (class, at[0], at[1]), "{ops:?}");
        }
        let gate = Geometry::new(&Op::Scale, shape, shape);
        assert_eq!(gate.variant, Variant::Second);
    }

    #[test]
    fn copies_of_a_part_read_that_part() {
        let mut b = NetworkBuilder::new("halves", Shape::new(8, 4, 4));
        b.section(Part::Stem, "");
        let part = |output: Shape| {
            Op::Other(Other {
                name: "part".into(),
                work: Work::Move,
                weights: 0,
                output,
            })
        };
        let half = Shape::new(4, 4, 4);
        let mut push =
            |name: &'static str, op, inputs: &[Tensor]| b.push(name, op, inputs, Role::Main);
        let left = push("left", part(half), &[Tensor::Input]);
        let right = push("right", part(half), &[Tensor::Input]);
        let whole = push("concat", Op::Concat, &[left, right]);
        let turned = push("turned", part(Shape::new(8, 4, 4)), &[whole]);
        let larger = push("larger", part(Shape::new(8, 8, 8)), &[turned]);
        b.output("out", larger);
        let cost = NetworkCost::new(&b.finish().unwrap(), &Fusion::default());
        let moved = cost.kernels.iter();
        let moved: Vec<[u64; 2]> = moved
            .map(|k| [k.read_elements, k.written_elements])
            .collect();
        let expected = [[64, 64], [64, 64], [128, 128], [128, 128], [128, 512]];
        assert_eq!(moved, expected);
    }

    #[test]
    fn operators_by_hand() {
        let map = Shape::new(16, 8, 8);
        let table: [(Op, u64, u64, u64); 14] = [
            // operator, MACs, FLOPs, deployed weights
            (Op::Conv(Conv::same(32, 3, 2)), 73_728, 147_456, 4_608),
            (
                Op::Conv(Conv::same(32, 3, 2).with_bias()),
                73_728,
                147_968,
                4_640,
            ),
            (
                Op::Conv(Conv::same(16, 5, 1).grouped(16)),
                25_600,
                51_200,
                400,
            ),
            (Op::Conv(Conv::pointwise(8).grouped(4)), 2_048, 4_096, 32),
            (
                Op::Linear {
                    out_features: 10,
                    bias: true,
                },
                10_240,
                20_490,
                10_250,
            ),
            (
                Op::Pool(Pool {
                    kind: PoolKind::Max,
                    kernel: 3,
                    stride: 2,
                    padding: 1,
                }),
                0,
                2_304,
                0,
            ),
            (Op::GlobalAvgPool, 0, 1_024, 0),
            (Op::BatchNorm, 0, 2_048, 32),
            (Op::Activation(Activation::HardSwish), 0, 5_120, 0),
            (Op::ChannelShuffle { groups: 4 }, 0, 0, 0),
            (
                Op::ConvTranspose(ConvTranspose {
                    conv: Conv {
                        padding: [1; 2],
                        ..Conv::same(8, 4, 2).with_bias()
                    },
                    output_padding: [0; 2],
                }),
                131_072,
                264_192,
                2_056,
            ),
            (other(Work::Elementwise { flops: 5 }), 0, 10_240, 7),
            (other(Work::Reduction { flops: 1 }), 0, 1_024, 7),
            (other(Work::Unknown), 0, 2_048, 7),
        ];
        for (op, macs, flops, weights) in table {
            let output = op.output_shape(&[map]).unwrap();
            assert_eq!(layer_macs(&op, map, output), macs, "{op:?}");
            assert_eq!(layer_flops(&op, map, output, false), flops, "{op:?}");
            assert_eq!(deployed_weights(&op, map, false), weights, "{op:?}");
        }
    }
}
