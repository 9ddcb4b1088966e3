//! What each operator makes of its inputs: shapes, and the work behind them.

mod convolution;
mod detection;
mod elementwise;
mod movement;
mod normalization;
mod patches;
mod pooling;
mod product;
mod quantized;
mod reduction;
mod resize;
mod shape;
mod unknown;
mod view;

use super::call::{Call, Outcome};
use crate::activation::Activation;
use convolution::Operands;
use pooling::Reduce;

pub(super) use elementwise::clip_bounds;
pub(super) use movement::permutation;
pub(super) use unknown::unknown;

/// Applies the rule for a node's operator. `None` if there is no rule.
pub(super) fn apply(call: &Call) -> Option<Outcome> {
    let domain = call.node.domain.as_deref().unwrap_or_default();
    match domain {
        "" | "ai.onnx" => standard(call),
        "com.microsoft" => quantized::microsoft(call).or_else(|| quantized::rule(call)),
        _ => None,
    }
}

fn standard(call: &Call) -> Option<Outcome> {
    let op_type = call.op_type();
    Some(match op_type {
        "Conv" => convolution::conv(call, Operands::PLAIN),
        "ConvTranspose" => convolution::conv_transpose(call),
        "Gemm" => product::gemm(call),
        "MatMul" => product::matmul(call, 0, 1),
        "Einsum" => product::einsum(call)
            .transpose()?
            .map(|produced| vec![produced]),
        "LSTM" => product::recurrent(call, 4),
        "GRU" => product::recurrent(call, 3),
        "RNN" => product::recurrent(call, 1),

        "MaxPool" => pooling::pool(call, Reduce::Max),
        "AveragePool" => pooling::pool(call, Reduce::Average),
        "LpPool" => pooling::pool(call, Reduce::Norm),
        "GlobalMaxPool" => pooling::global_pool(call, Reduce::Max),
        "GlobalAveragePool" => pooling::global_pool(call, Reduce::Average),
        "GlobalLpPool" => pooling::global_pool(call, Reduce::Norm),

        "BatchNormalization" => normalization::batch(call),
        "LRN" => normalization::local_response(call),

        "Relu" => elementwise::activation(call, Activation::Relu),
        "Sigmoid" => elementwise::activation(call, Activation::Sigmoid),
        "HardSwish" => elementwise::activation(call, Activation::HardSwish),
        "Gelu" => elementwise::activation(call, Activation::Gelu),
        "Swish" if call.float("alpha", 1.0) == Ok(1.0) => {
            elementwise::activation(call, Activation::Swish)
        }
        "Swish" => elementwise::unary(call, 5),
        "Clip" => elementwise::clip(call),
        "HardSigmoid" => elementwise::hard_sigmoid(call),
        "PRelu" => elementwise::prelu(call),
        "Where" => elementwise::choice(call),
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Mod" | "Min" | "Max" | "Sum" | "Mean" | "And"
        | "Or" | "Xor" | "Equal" | "Greater" | "Less" | "GreaterOrEqual" | "LessOrEqual"
        | "BitwiseAnd" | "BitwiseOr" | "BitwiseXor" | "BitShift" => elementwise::joined(call),

        "ArgMax" | "ArgMin" => reduction::arg(call),

        "Identity" | "Dropout" => view::same(call),
        "Cast" => view::cast(call),
        "CastLike" => view::same(call).map(|outputs| {
            let reads = outputs
                .into_iter()
                .map(|output| output.reading([0]).with(None));
            reads.collect()
        }),
        "Reshape" => view::reshape(call),
        "Flatten" => view::flatten(call),
        "Squeeze" => view::squeeze(call),
        "Unsqueeze" => view::unsqueeze(call),

        "Transpose" => movement::transpose(call),
        "Concat" => movement::concat(call),
        "Slice" => movement::slice(call),
        "Split" => movement::split(call),
        "Gather" => movement::gather(call),
        "GatherElements" => movement::gather_elements(call),
        "GatherND" => movement::gather_nd(call),
        "ScatterElements" | "ScatterND" | "Scatter" | "Trilu" | "ReverseSequence" => {
            movement::scatter(call)
        }
        "Expand" => movement::expand(call),
        "Tile" => movement::tile(call),
        "Pad" => movement::pad(call),
        "SpaceToDepth" | "DepthToSpace" => movement::space_depth(call),
        "Resize" | "Upsample" => resize::resize(call),

        "Constant" => shape::constant(call),
        "ConstantOfShape" => shape::constant_of_shape(call),
        "Shape" => shape::shape(call),
        "Size" => shape::size(call),
        "Range" => shape::range(call),

        "NonMaxSuppression" => detection::non_max_suppression(call),
        "RoiAlign" => detection::roi_align(call),
        "AffineGrid" => detection::affine_grid(call),
        "Col2Im" => patches::col2im(call),
        "MaxUnpool" => patches::max_unpool(call),

        "TopK" => unknown::top_k(call),
        "GridSample" => unknown::grid_sample(call),
        "NonZero" => return unknown::non_zero(call),

        _ => {
            if let Some(flops) = elementwise::unary_flops(op_type) {
                elementwise::unary(call, flops)
            } else if let Some(flops) = reduction::flops(op_type) {
                reduction::reduce(call, flops)
            } else if let Some(flops) = normalization::flops(op_type) {
                normalization::own_moments(call, flops)
            } else {
                return quantized::rule(call);
            }
        }
    })
}
