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
            (OpClass::DataMovement, _) => Self::OtherMovement,
            (OpClass::Pool, Variant::First) => Self::WindowPool,
            (OpClass::Pool, Variant::Third) => Self::GlobalPool,
            (OpClass::Pool, _) => Self::Reduction,
            _ => return None,
        })
    }
}

/// Those of some kernels, each once, in order.
pub fn operators_of<'a>(kernels: impl IntoIterator<Item = &'a KernelCost>) -> Vec<Operator> {
    let mut operators: Vec<Operator> = kernels.into_iter().filter_map(Operator::of).collect();
    operators.sort_unstable();
    operators.dedup();
    operators
}
