//! Which of an engine's operators runs which of ours.

use roofnas_space::{Activation, Op, PoolKind};

/// Whether this is a convolution or a product of matrices, the engine's own variants included: `FusedConv`, `QLinearConv`, `NhwcConv`.
pub(super) fn is_product(op_type: &str) -> bool {
    ["Conv", "Gemm", "MatMul"]
        .iter()
        .any(|product| op_type.contains(product))
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
        Op::Conv(_) => op_type.contains("Conv") && !op_type.contains("ConvTranspose"),
        Op::ConvTranspose(_) => op_type.contains("ConvTranspose"),
        Op::Linear { .. } | Op::MatMul(_) => op_type.contains("Gemm") || op_type.contains("MatMul"),
        Op::Pool(pool) => match pool.kind {
            PoolKind::Max => any(&["MaxPool"]),
            PoolKind::Average => any(&["AveragePool", "QLinearAveragePool"]),
        },
        Op::GlobalAvgPool => any(&[
            "GlobalAveragePool",
            "QLinearGlobalAveragePool",
            "ReduceMean",
        ]),
        Op::BatchNorm => any(&["BatchNormalization"]),
        Op::Activation(activation) => any(activations(*activation)),
        Op::Add => any(&["Add", "Sum", "QLinearAdd"]),
        Op::Scale => any(&["Mul", "QLinearMul"]),
        Op::Concat => any(&["Concat", "QLinearConcat"]),
        Op::ChannelShuffle { .. } => any(&["Transpose"]),
        Op::Other(other) => op_type == other.name,
    }
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
        Activation::Relu6 => &["Clip"],
        Activation::Swish => &["QuickGelu", "Swish"],
        Activation::HardSwish => &["HardSwish"],
        Activation::Sigmoid => &["Sigmoid", "QLinearSigmoid"],
        Activation::HardSigmoid => &["HardSigmoid"],
        Activation::Gelu => &["Gelu", "FastGelu", "BiasGelu"],
    }
}
