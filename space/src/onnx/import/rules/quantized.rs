//! Quantised operators, counted as what they stand for in floating point.
//!
//! Scaling to and from integers is a view: an engine that runs such a graph takes it into the operators around
//! it. Where the scale is computed at run time it is arithmetic.

use super::super::call::{Call, Outcome, Produced};
use super::convolution::{self, Operands};
use super::pooling::{self, Reduce};
use super::{elementwise, movement, normalization, product, view};
use crate::activation::Activation;
use crate::op::Work;

/// Operators of ONNX itself, which ONNX Runtime has in its own domain too.
pub(super) fn rule(call: &Call) -> Option<Outcome> {
    Some(match call.op_type() {
        "QuantizeLinear" | "DequantizeLinear" => {
            view::same(call).map(|outputs| outputs.into_iter().map(|o| o.with(None)).collect())
        }
        "DynamicQuantizeLinear" => dynamic(call),
        "QLinearConv" => convolution::conv(call, Operands::QUANTIZED),
        "ConvInteger" => convolution::conv(call, Operands::INTEGER),
        "QLinearMatMul" => product::matmul(call, 0, 3),
        "MatMulInteger" => product::matmul(call, 0, 1),
        _ => return None,
    })
}

/// The largest and the smallest element, and a quotient; the scale and the zero point are by-products.
fn dynamic(call: &Call) -> Outcome {
    let dims = call.dims(0)?.to_vec();
    let scalar = Produced::work(Vec::new(), Work::View);
    Ok(vec![
        Produced::work(dims, Work::Elementwise { flops: 3 }),
        scalar.clone(),
        scalar,
    ])
}

/// Operators of ONNX Runtime's domain.
pub(super) fn microsoft(call: &Call) -> Option<Outcome> {
    Some(match call.op_type() {
        "QLinearAdd" | "QLinearMul" => elementwise::quantized(call),
        "QLinearGlobalAveragePool" => pooling::global_pool(call, Reduce::Average),
        "QLinearAveragePool" if call.int("channels_last", 0) == Ok(0) => {
            pooling::pool(call, Reduce::Average)
        }
        "QLinearConcat" => movement::quantized_concat(call),
        "QLinearSigmoid" => elementwise::activation(call, Activation::Sigmoid),
        "QLinearLeakyRelu" => elementwise::unary(call, 2),
        "QLinearSoftmax" => elementwise::unary(call, 5),
        "QGemm" => product::gemm_of(call, 0, 3, 6),
        "DynamicQuantizeLSTM" => product::recurrent(call, 4),
        "Gelu" => elementwise::activation(call, Activation::Gelu),
        "SimplifiedLayerNormalization" => normalization::own_moments(call, 4),
        _ => return None,
    })
}
