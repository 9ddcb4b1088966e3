//! A kernel's work as the calibrated latency model sees it.

use roofnas_space::{Activation, Op};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::class::OpClass;
use crate::counts::{KernelCost, NetworkCost, Variant};
use crate::dtype::Dtype;

/// Number of coordinates that place a kernel among others of its class.
pub const COORDINATES: usize = 14;

/// Work of one kernel, and how often a network does it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Workload {
    /// The kernel's class.
    pub class: OpClass,
    /// Floating-point operations of a whole batch.
    pub flops: f64,
    /// Memory traffic of a whole batch, in bytes.
    pub bytes: f64,
    /// Deployed weights, in bytes: they are part of the traffic, once for a whole batch.
    pub weights: f64,
    /// Where the kernel stands among others of its class: logarithms (base 2) of what an engine's choice of algorithm
    /// may depend on, scaled so that kernels at a distance well below 1 behave alike. In order: FLOPs, traffic (a fifth
    /// of an octave each), input channels of a group, output channels, output positions of the batch, kernel
    /// area, stride area (two fifths), and units of their own: what the activation costs (0 none or a power, 1 comparisons, to 4 an error function), the tensors
    /// that a fused sum adds, the power of two up to 16 that divides the input channels of a group, the same of the output channels (two fifths an octave), the
    /// threads beside the fewest that were timed (a tenth; 0 where all timings were on as many), and two that place the operator among those of its class
    /// ([`Variant`]).
    pub coordinates: [f64; COORDINATES],
    /// What the FLOPs are multiplied by when channels are padded to each of [`QUANTA`].
    pub padding: [f64; QUANTA.len()],
    /// The activation that is fused into it, and the elements of the batch that go through it. That of an elementwise kernel is the kernel itself, and is here only if a roofline of classes says nothing of it.
    pub activation: Option<(ActivationEffort, f64)>,
    /// How many kernels of the network do exactly this.
    pub count: f64,
}

/// Numbers of channels that engines work on at a time: none, and the widths of vectors and tiles that occur.
pub const QUANTA: [u32; 5] = [1, 4, 8, 16, 32];

/// Inputs of fewer channels than this are images: engines have kernels for them that don't pad.
const IMAGE_CHANNELS: usize = 4;

/// How an engine works on channels: indices among [`QUANTA`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChannelRule {
    /// What channels are padded to.
    pub quantum: usize,
    /// What the channels of a depthwise convolution must be a multiple of for the engine's own code for them; others are left to plain code. ONNX Runtime's
    /// blocked kernels take multiples of 4: on one core of a Xeon, a 3x3 on maps of 14x14 took 0.06 ns a multiply-add with 92 channels and 0.41 with 90.
    pub alignment: usize,
}

/// What FLOPs are multiplied by when channels are padded to a quantum.
fn padding(kernel: &KernelCost, quantum: u32) -> f64 {
    let geometry = &kernel.geometry;
    let (input, output) = (geometry.input.channels, geometry.output.channels);
    let grown = |channels: usize| {
        let padded = (channels.max(1) as u64).next_multiple_of(u64::from(quantum));
        padded as f64 / channels.max(1) as f64
    };
    match kernel.class {
        OpClass::Pointwise | OpClass::Dense | OpClass::Winograd | OpClass::Grouped => {
            let inputs = input / geometry.groups;
            let of_inputs = if inputs < IMAGE_CHANNELS {
                1.0
            } else {
                grown(inputs)
            };
            of_inputs * grown(output / geometry.groups)
        }
        OpClass::Depthwise | OpClass::Linear => grown(output),
        OpClass::Pool
        | OpClass::Elementwise
        | OpClass::DataMovement
        | OpClass::MatMul
        | OpClass::View => 1.0,
    }
}

/// How well a number of channels fits what engines work on at a time, in octaves: 0 of an odd number, 4 of multiples of 16. What doesn't fit may take another
/// algorithm altogether: ONNX Runtime took 2.0 of a network's 5.4 ms for a depthwise convolution of 37 channels.
fn alignment(channels: usize) -> f64 {
    f64::from(channels.max(1).trailing_zeros().min(4))
}

/// How much of a unit each coordinate's octave is. That of threads is small: what a shape takes beside others of its class hardly depends on them.
pub(super) const SCALES: [f64; COORDINATES] = [
    0.2, 0.2, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 1.0, 0.4, 0.4, 0.1, 1.5, 1.5,
];

/// Corners of a square, one for each variant: what an engine does with one operator says something of others of its class, and not much.
const fn corner(variant: Variant) -> [f64; 2] {
    match variant {
        Variant::First => [0.0, 0.0],
        Variant::Second => [1.0, 0.0],
        Variant::Third => [0.0, 1.0],
        Variant::Fourth => [1.0, 1.0],
    }
}

impl Workload {
    /// The work of a kernel.
    pub fn new(kernel: &KernelCost, batch: u64, dtype: Dtype) -> Self {
        let geometry = &kernel.geometry;
        let flops = kernel.batch_flops(batch);
        let bytes = kernel.traffic_bytes(batch, dtype) as f64;
        let octaves = |quantity: f64| quantity.max(1.0).log2();
        let [across, along] = corner(geometry.variant);
        let mut coordinates = [
            octaves(flops),
            octaves(bytes),
            octaves(geometry.input.channels as f64 / geometry.groups as f64),
            octaves(geometry.output.channels as f64),
            octaves(batch as f64 * geometry.output.positions() as f64),
            octaves(geometry.kernel_area as f64),
            octaves(geometry.stride_area as f64),
            geometry
                .activation
                .map_or(0.0, ActivationEffort::coordinate),
            f64::from(geometry.fused_sums),
            alignment(geometry.input.channels / geometry.groups),
            alignment(geometry.output.channels),
            0.0,
            across,
            along,
        ];
        for (coordinate, scale) in coordinates.iter_mut().zip(SCALES) {
            *coordinate *= scale;
        }
        Self {
            class: kernel.class,
            flops,
            bytes,
            weights: (dtype.bytes() * kernel.weight_elements) as f64,
            coordinates,
            padding: QUANTA.map(|quantum| padding(kernel, quantum)),
            activation: geometry
                .activation
                .filter(|&effort| {
                    kernel.class != OpClass::Elementwise || effort == ActivationEffort::Power
                })
                .map(|effort| (effort, batch as f64 * geometry.output.elements() as f64)),
            count: 1.0,
        }
    }

    /// The work of a network, equal kernels collapsed; what takes no time is left out.
    pub fn of_network(cost: &NetworkCost, batch: u64, dtype: Dtype) -> Vec<Self> {
        let timed = cost.kernels.iter();
        let timed = timed.filter(|kernel| kernel.class != OpClass::View);
        Self::collapsed(timed.map(|kernel| Self::new(kernel, batch, dtype)))
    }

    /// Several kernels, equal ones as one that is done so often.
    pub fn collapsed(works: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for work in works {
            match all.iter_mut().find(|known| known.is_same(&work)) {
                Some(known) => known.count += work.count,
                None => all.push(work),
            }
        }
        all
    }

    /// Weights of several kernels, in bytes.
    pub fn weights_of(works: &[Self]) -> f64 {
        works.iter().map(|work| work.count * work.weights).sum()
    }

    /// Whether an engine that aligns the channels of depthwise convolutions leaves this one to plain code.
    pub fn is_misaligned(&self, rule: ChannelRule) -> bool {
        self.class == OpClass::Depthwise && self.padding[rule.alignment] > 1.0
    }

    /// Whether two kernels do the same work.
    pub fn is_same(&self, other: &Self) -> bool {
        self.flops == other.flops
            && self.bytes == other.bytes
            && self.weights == other.weights
            && self.class == other.class
            && self.coordinates == other.coordinates
            && self.padding == other.padding
            && self.activation == other.activation
    }
}

/// What an activation costs, in classes that engines' code tells apart.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ActivationEffort {
    /// ReLU.
    Comparison,
    /// ReLU6: one at either end. Engines' kernels often do a ReLU as they store, and this in a pass of its own: of one core of a Xeon under ONNX Runtime it took 0.12 ns
    /// an element more.
    TwoComparisons,
    /// Hard swish and hard sigmoid.
    ComparisonAndProduct,
    /// Swish and sigmoid.
    Exponential,
    /// GELU.
    ErrorFunction,
    /// A power of each element, as local response normalisation takes: it stands by itself, and what it takes is this. On that core it was 24 ns an element.
    Power,
}

impl ActivationEffort {
    /// All of them, from cheap to dear.
    pub const ALL: [Self; 6] = [
        Self::Comparison,
        Self::TwoComparisons,
        Self::ComparisonAndProduct,
        Self::Exponential,
        Self::ErrorFunction,
        Self::Power,
    ];

    /// That of an operator, if it is an activation or has the effort of one.
    pub(crate) fn of(op: &Op) -> Option<Self> {
        match op {
            Op::Activation(Activation::Relu) => Some(Self::Comparison),
            Op::Activation(Activation::Relu6) => Some(Self::TwoComparisons),
            Op::Activation(Activation::HardSwish | Activation::HardSigmoid) => {
                Some(Self::ComparisonAndProduct)
            }
            Op::Activation(Activation::Swish | Activation::Sigmoid) => Some(Self::Exponential),
            Op::Activation(Activation::Gelu) => Some(Self::ErrorFunction),
            // as readers of ONNX files and of tables name it
            Op::Other(other) if other.name.eq_ignore_ascii_case("lrn") => Some(Self::Power),
            _ => None,
        }
    }

    /// The key in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Comparison => "comparison",
            Self::TwoComparisons => "two_comparisons",
            Self::ComparisonAndProduct => "comparison_and_product",
            Self::Exponential => "exponential",
            Self::ErrorFunction => "error_function",
            Self::Power => "power",
        }
    }

    /// Where kernels with it stand among others; 0 is without. Comparisons stand together: what one more of them costs is a rate, and little else changes. So it is with
    /// powers.
    const fn coordinate(self) -> f64 {
        match self {
            Self::Power => 0.0,
            Self::Comparison | Self::TwoComparisons => 1.0,
            Self::ComparisonAndProduct => 2.0,
            Self::Exponential => 3.0,
            Self::ErrorFunction => 4.0,
        }
    }
}
