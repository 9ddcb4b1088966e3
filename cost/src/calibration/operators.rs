//! Which operators a calibration has seen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::class::OpClass;
use crate::counts::{KernelCost, Variant};

/// An operator of a class that has several: those that [`Variant`] tells apart, by name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Sums of tensors, and activations that stand alone.
    SumOrActivation,
    /// Products of a tensor and one number for each channel, and ReLU6.
    GateOrRelu6,
    /// Batch-norms that aren't folded.
    BatchNorm,
    /// All other elementwise operators, such as norms and softmax.
    OtherElementwise,
    /// Concatenations.
    Concatenation,
    /// Channel shuffles and transpositions.
    Shuffle,
    /// All other movements of data, such as slices and paddings.
    OtherMovement,
    /// Pooling over windows.
    WindowPool,
    /// Global average pooling.
    GlobalPool,
    /// All other reductions.
    Reduction,
}

impl Operator {
    /// That of a kernel; nothing of a class with one operator.
    pub fn of(kernel: &KernelCost) -> Option<Self> {
        Some(match (kernel.class, kernel.geometry.variant) {
            (OpClass::Elementwise, Variant::First) => Self::SumOrActivation,
            (OpClass::Elementwise, Variant::Second) => Self::GateOrRelu6,
            (OpClass::Elementwise, Variant::Third) => Self::BatchNorm,
            (OpClass::Elementwise, Variant::Fourth) => Self::OtherElementwise,
            (OpClass::DataMovement, Variant::First) => Self::Concatenation,
            (OpClass::DataMovement, Variant::Second) => Self::Shuffle,
            (OpClass::DataMovement, Variant::Third | Variant::Fourth) => Self::OtherMovement,
            (OpClass::Pool, Variant::First) => Self::WindowPool,
            (OpClass::Pool, Variant::Third) => Self::GlobalPool,
            (OpClass::Pool, Variant::Second | Variant::Fourth) => Self::Reduction,
            _ => return None,
        })
    }
}

impl Operator {
    /// Its class.
    pub const fn class(self) -> OpClass {
        match self {
            Self::SumOrActivation
            | Self::GateOrRelu6
            | Self::BatchNorm
            | Self::OtherElementwise => OpClass::Elementwise,
            Self::Concatenation | Self::Shuffle | Self::OtherMovement => OpClass::DataMovement,
            Self::WindowPool | Self::GlobalPool | Self::Reduction => OpClass::Pool,
        }
    }
}

/// Those of some kernels, each once, in order; what has no rule of its own is like no other.
pub fn operators_of<'a>(kernels: impl IntoIterator<Item = &'a KernelCost>) -> Vec<Operator> {
    let known = kernels.into_iter().filter(|kernel| !kernel.is_unknown);
    let mut operators: Vec<Operator> = known.filter_map(Operator::of).collect();
    operators.sort_unstable();
    operators.dedup();
    operators
}

#[cfg(test)]
mod tests {
    use roofnas_space::{Activation, NetworkBuilder, Op, Other, Part, Role, Shape, Tensor, Work};

    use super::*;
    use crate::counts::NetworkCost;
    use crate::fusion::Fusion;

    fn kernels(op: Op) -> Vec<KernelCost> {
        let mut builder = NetworkBuilder::new("one", Shape::new(8, 6, 6));
        builder.section(Part::Whole, "");
        let last = builder.push("op", op, &[Tensor::Input], Role::Main);
        builder.output("output", last);
        let network = builder.finish().unwrap();
        NetworkCost::new(&network, &Fusion::default()).kernels
    }

    #[test]
    fn operators_have_names_and_what_is_unknown_has_none() {
        let other = |name: &'static str, work| {
            Op::Other(Other {
                name: name.into(),
                weights: 0,
                work,
                output: Shape::new(8, 6, 6),
            })
        };
        for (op, operator) in [
            (Op::Activation(Activation::Relu), Operator::SumOrActivation),
            (Op::Activation(Activation::Relu6), Operator::GateOrRelu6),
            (Op::BatchNorm, Operator::BatchNorm),
            (Op::GlobalAvgPool, Operator::GlobalPool),
            (Op::ChannelShuffle { groups: 2 }, Operator::Shuffle),
            (other("permute", Work::Move), Operator::Shuffle),
            (other("slice", Work::Move), Operator::OtherMovement),
        ] {
            let kernels = kernels(op);
            assert_eq!(
                operators_of(&kernels),
                [operator],
                "{:?}",
                kernels[0].kernel
            );
            assert_eq!(operator.class(), kernels[0].class);
        }
        assert_eq!(operators_of(&kernels(other("mystery", Work::Unknown))), []);
    }
}
