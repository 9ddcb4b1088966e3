//! Operators on each element: activations, arithmetic, comparisons.

use super::super::arithmetic;
use super::super::call::{Call, Kind, Outcome, Produced, Reads};
use super::super::dims::{Dims, broadcast, per_image};
use super::super::value::Value;
use crate::activation::Activation;
use crate::op::{Op, Work};

/// FLOPs per element of the operators with one input: one for each addition, multiplication, division, comparison
/// and transcendental function of the definition.
pub(super) fn unary_flops(op_type: &str) -> Option<u64> {
    Some(match op_type {
        "Abs" | "Neg" | "Exp" | "Log" | "Sqrt" | "Reciprocal" | "Erf" | "Erfc" | "Tanh" | "Sin"
        | "Cos" | "Tan" | "Asin" | "Acos" | "Atan" | "Sinh" | "Cosh" | "Asinh" | "Acosh"
        | "Atanh" | "Floor" | "Ceil" | "Round" | "Sign" | "Not" | "BitwiseNot" | "IsNaN"
        | "IsInf" | "CumSum" => 1,
        // x < 0 ? a * x : x
        "LeakyRelu" | "ThresholdedRelu" | "Shrink" => 2,
        "QLinearLeakyRelu" => 2,
        // 1 + |x|, and a division
        "Softsign" => 3,
        // log(1 + exp(x))
        "Softplus" => 3,
        // x < 0 ? a * (exp(x) - 1) : x
        "Elu" | "Celu" => 4,
        "Selu" => 5,
        // x * tanh(log(1 + exp(x)))
        "Mish" => 5,
        // the largest, a difference, exp, a sum, a quotient
        "Softmax" | "QLinearSoftmax" => 5,
        "LogSoftmax" => 6,
        // the largest, and a comparison with it
        "Hardmax" => 2,
        _ => return None,
    })
}

/// An operator with one input.
pub(super) fn unary(call: &Call, flops: u64) -> Outcome {
    plain(call, Kind::Work(Work::Elementwise { flops }))
}

fn plain(call: &Call, kind: Kind) -> Outcome {
    let dims = call.dims(0)?.to_vec();
    let numbers = arithmetic::map(call.op_type(), call.input(0)?.numbers.as_ref());
    Ok(vec![Produced::of(dims, kind).with(numbers)])
}

/// One of the activations that have a name here.
pub(super) fn activation(call: &Call, activation: Activation) -> Outcome {
    plain(call, Kind::Op(Op::Activation(activation)))
}

/// Clip is ReLU6 or ReLU between the right bounds.
pub(super) fn clip(call: &Call) -> Outcome {
    let [low, high] = clip_bounds(call)?;
    let known = |position: usize| {
        call.optional(position)
            .is_none_or(|bound| bound.scalar().is_some())
    };
    if !(known(1) && known(2)) {
        return unary(call, 2);
    }
    let kind = match (low, high) {
        (Some(0.0), Some(6.0)) => Kind::Op(Op::Activation(Activation::Relu6)),
        (Some(0.0), None) => Kind::Op(Op::Activation(Activation::Relu)),
        _ => Kind::Work(Work::Elementwise { flops: 2 }),
    };
    let numbers = call.input(0)?.numbers.as_ref();
    let numbers = numbers.map(|numbers| arithmetic::clip(numbers, low, high));
    let dims = call.dims(0)?.to_vec();
    Ok(vec![Produced::of(dims, kind).with(numbers)])
}

/// The bounds, attributes up to opset 10 and inputs since; `None` where there is none or it isn't known.
pub(in super::super) fn clip_bounds(call: &Call) -> Result<[Option<f64>; 2], String> {
    let bound = |name: &str, position: usize| match call.maybe_float(name)? {
        Some(bound) => Ok::<_, String>(Some(bound)),
        None => Ok(call.optional(position).and_then(Value::scalar)),
    };
    let finite = |bound: Option<f64>| bound.filter(|bound| bound.abs() < f64::from(f32::MAX));
    Ok([finite(bound("min", 1)?), finite(bound("max", 2)?)])
}

/// `min(max(alpha * x + beta, 0), 1)`; the field's hard sigmoid has a slope of 1/6.
pub(super) fn hard_sigmoid(call: &Call) -> Outcome {
    let (alpha, beta) = (call.float("alpha", 0.2)?, call.float("beta", 0.5)?);
    let usual = (alpha - 1.0 / 6.0).abs() < 1e-3 && (beta - 0.5).abs() < 1e-3;
    let kind = if usual {
        Kind::Op(Op::Activation(Activation::HardSigmoid))
    } else {
        Kind::Work(Work::Elementwise { flops: 4 })
    };
    plain(call, kind)
}

/// PReLU: a comparison and a product.
pub(super) fn prelu(call: &Call) -> Outcome {
    let (input, slope) = (call.dims(0)?, call.dims(1)?);
    // exporters write one slope a channel as (C), though it should be (C, 1, 1)
    let per_channel = slope.len() == 1 && input.get(1) == slope.first();
    if !per_channel && broadcast(input, slope)? != input {
        return Err(format!(
            "a slope of {} for {}",
            super::super::dims::text(slope),
            super::super::dims::text(input)
        ));
    }
    unary(call, 2)
}

/// An operator over any number of inputs that stretch to one another: one FLOP for each element and each input
/// after the first.
pub(super) fn joined(call: &Call) -> Outcome {
    let mut dims: Dims = Vec::new();
    let mut inputs = Vec::new();
    for position in 0..call.inputs.len() {
        let input = call.input(position)?;
        let sizes = aligned(call, position)?;
        dims = broadcast(&dims, &sizes)?;
        inputs.push(input);
    }
    if inputs.is_empty() {
        return Err("has no inputs".to_owned());
    }
    let numbers = arithmetic::join(call.op_type(), &inputs, &dims);
    let (kind, reads) = sum_or_gate(call, &inputs);
    let kind = kind.unwrap_or(match inputs.len() as u64 {
        1 => Kind::Work(Work::View),
        inputs => Kind::Work(Work::Elementwise { flops: inputs - 1 }),
    });
    let produced = Produced::of(dims, kind).with(numbers);
    Ok(vec![Produced { reads, ..produced }])
}

/// Before opset 7 the second input had to be placed by an attribute.
fn aligned(call: &Call, position: usize) -> Result<Dims, String> {
    let dims = call.dims(position)?;
    if call.opset >= 7 || position == 0 || call.int("broadcast", 0)? == 0 {
        return Ok(dims.to_vec());
    }
    let rank = call.dims(0)?.len();
    let last = rank.saturating_sub(dims.len()) as i64;
    let axis = super::super::dims::axis(call.int("axis", last)?, rank.max(1))?;
    let mut aligned = dims.to_vec();
    aligned.resize(rank.saturating_sub(axis).max(dims.len()), 1);
    Ok(aligned)
}

/// The two joins that have an operator of their own, and the order in which they read.
fn sum_or_gate(call: &Call, inputs: &[&Value]) -> (Option<Kind>, Reads) {
    let &[left, right] = inputs else {
        return (None, Reads::All);
    };
    if !(left.is_weight() || right.is_weight()) {
        let (Ok(a), Ok(b)) = (left.dims(), right.dims()) else {
            return (None, Reads::All);
        };
        match call.op_type() {
            "Add" | "Sum" if a == b => return (Some(Kind::Op(Op::Add)), Reads::All),
            "Mul" if gates(call, a, b) => {
                return (Some(Kind::Op(Op::Scale)), Reads::Only(vec![0, 1]));
            }
            "Mul" if gates(call, b, a) => {
                return (Some(Kind::Op(Op::Scale)), Reads::Only(vec![1, 0]));
            }
            _ => {}
        }
    }
    (None, Reads::All)
}

/// Whether `gate` has one number for each channel of `map` and the product the map's shape.
fn gates(call: &Call, map: &[usize], gate: &[usize]) -> bool {
    let (&[images, channels, rows, columns], &[gate_images, gate_channels, 1, 1]) = (map, gate)
    else {
        return false;
    };
    images == call.images
        && gate_images == images
        && gate_channels == channels
        && rows * columns > 1
        && per_image(map, call.images).channels == channels
}

/// A choice between two inputs, element by element.
pub(super) fn choice(call: &Call) -> Outcome {
    let dims = broadcast(&broadcast(call.dims(0)?, call.dims(1)?)?, call.dims(2)?)?;
    let inputs = [call.input(0)?, call.input(1)?, call.input(2)?];
    let numbers = arithmetic::join("Where", &inputs, &dims);
    let work = Work::Elementwise { flops: 1 };
    Ok(vec![Produced::work(dims, work).with(numbers)])
}

/// Sums and products of quantised tensors: tensors at two positions, their scales and zero points between.
pub(super) fn quantized(call: &Call) -> Outcome {
    let (left, right) = (call.input(0)?, call.input(3)?);
    let dims = broadcast(left.dims()?, right.dims()?)?;
    let kind = match call.op_type() {
        "QLinearAdd"
            if left.dims()? == right.dims()? && !(left.is_weight() || right.is_weight()) =>
        {
            Kind::Op(Op::Add)
        }
        "QLinearMul" if !left.is_weight() && !right.is_weight() => {
            if gates(call, left.dims()?, right.dims()?) {
                return Ok(vec![Produced::op(dims, Op::Scale).reading([0, 3])]);
            }
            if gates(call, right.dims()?, left.dims()?) {
                return Ok(vec![Produced::op(dims, Op::Scale).reading([3, 0])]);
            }
            Kind::Work(Work::Elementwise { flops: 1 })
        }
        _ => Kind::Work(Work::Elementwise { flops: 1 }),
    };
    Ok(vec![Produced::of(dims, kind).reading([0, 3])])
}
