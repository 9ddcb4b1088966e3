//! Which of an engine's operators runs which of ours.

use roofnas_space::{Activation, Op, PoolKind};

/// Whether this is a convolution or a product of matrices, the engine's own variants included: `FusedConv`, `QLinearConv`, `NhwcConv`,
/// and OpenVINO's `Convolution`, `GroupConvolution`, `FullyConnected`.
pub(super) fn is_product(op_type: &str) -> bool {
    ["Conv", "Gemm", "MatMul", "FullyConnected"]
        .iter()
        .any(|product| op_type.contains(product))
}

/// Whether this moves tensors between the engine's own layouts: it runs no layer, whatever it is called.
pub(super) fn is_reorder(op_type: &str) -> bool {
    op_type.starts_with("Reorder")
}

/// Whether this hands out all parts of a tensor at once: ONNX Runtime joins slices of one tensor into a `Split`, OpenVINO has `Split` and `VariadicSplit`.
pub(super) fn is_split(op_type: &str) -> bool {
    op_type.ends_with("Split")
}

/// Whether this is any number of elementwise operators, joined by OpenVINO.
fn is_elementwise(op_type: &str) -> bool {
    op_type == "Subgraph"
}

/// Whether a layer of this kind is one.
pub(super) fn multiplies(op: &Op) -> bool {
    matches!(
        op,
        Op::Conv(_) | Op::ConvTranspose(_) | Op::Linear { .. } | Op::MatMul(_)
    )
}

/// Whether an engine's node of this operator can be all of a layer.
pub(super) fn runs(op_type: &str, op: &Op) -> bool {
    let any = |names: &[&str]| names.contains(&op_type);
    match op {
        Op::Conv(_) => op_type.contains("Conv") && !is_transposed(op_type),
        Op::ConvTranspose(_) => is_transposed(op_type),
        Op::Linear { .. } | Op::MatMul(_) => ["Gemm", "MatMul", "FullyConnected"]
            .iter()
            .any(|product| op_type.contains(product)),
        Op::Pool(pool) => match pool.kind {
            PoolKind::Max => any(&["MaxPool"]),
            PoolKind::Average => any(&["AveragePool", "QLinearAveragePool", "AvgPool"]),
        },
        Op::GlobalAvgPool => any(&[
            "GlobalAveragePool",
            "QLinearGlobalAveragePool",
            "ReduceMean",
        ]),
        Op::BatchNorm => any(&["BatchNormalization"]),
        Op::Activation(activation) => any(activations(*activation)) || is_elementwise(op_type),
        Op::Add => any(&["Add", "Sum", "QLinearAdd"]) || is_elementwise(op_type),
        Op::Scale => any(&["Mul", "QLinearMul", "Multiply"]) || is_elementwise(op_type),
        Op::Concat => any(&["Concat", "QLinearConcat"]),
        Op::ChannelShuffle { .. } => any(&["Transpose", "ShuffleChannels"]),
        Op::Other(other) => op_type == other.name,
    }
}

fn is_transposed(op_type: &str) -> bool {
    op_type.contains("ConvTranspose") || op_type.contains("ConvolutionBackpropData")
}

/// Whether it can be a part of a layer: engines write out an operator that they have no kernel for.
pub(super) fn runs_part_of(op_type: &str, op: &Op) -> bool {
    match op {
        Op::Activation(Activation::HardSwish) => ["HardSigmoid", "Mul"].contains(&op_type),
        Op::Activation(Activation::Swish) => ["Sigmoid", "Mul"].contains(&op_type),
        _ => false,
    }
}

fn activations(activation: Activation) -> &'static [&'static str] {
    match activation {
        Activation::Relu => &["Relu"],
        Activation::Relu6 => &["Clip", "Clamp"],
        Activation::Swish => &["QuickGelu", "Swish", "SwishCPU"],
        Activation::HardSwish => &["HardSwish", "HSwish"],
        Activation::Sigmoid => &["Sigmoid", "QLinearSigmoid"],
        Activation::HardSigmoid => &["HardSigmoid"],
        Activation::Gelu => &["Gelu", "FastGelu", "BiasGelu"],
    }
}
