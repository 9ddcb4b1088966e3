//! What a layer computes for each element, as far as that depends on single elements: the ground on which
//! activations written out in primitives are recognised.

use super::call::Call;
use super::rules::clip_bounds;
use crate::activation::Activation;

/// A function of one element of each operand.
#[derive(Debug, Clone)]
pub(super) struct Formula {
    function: Function,
    operands: Vec<Operand>,
}

/// What a function is applied to.
#[derive(Debug, Clone, Copy)]
enum Operand {
    /// An element of the value with this place.
    Value(usize),
    /// An element of the constant with this place, which has several.
    Weight(usize),
    /// A number.
    Constant(f64),
}

#[derive(Debug, Clone, Copy)]
enum Function {
    Unary(fn(f64) -> f64),
    Binary(fn(f64, f64) -> f64),
    Clip(f64, f64),
    /// `min(max(slope * x + offset, 0), 1)`
    HardSigmoid(f64, f64),
}

impl Formula {
    /// The formula of a node's first output.
    pub(super) fn of(call: &Call, ids: &[Option<usize>], position: usize) -> Option<Self> {
        let domain = call.node.domain.as_deref().unwrap_or_default();
        if position > 0 || !["", "ai.onnx"].contains(&domain) {
            return None;
        }
        let function = function(call)?;
        let count = if matches!(function, Function::Binary(_)) {
            2
        } else {
            1
        };
        let operand = |position: usize| {
            let value = call.optional(position)?;
            match (value.is_constant(), value.scalar()) {
                (true, Some(number)) => Some(Operand::Constant(number)),
                (true, None) => ids[position].map(Operand::Weight),
                (false, _) => ids[position].map(Operand::Value),
            }
        };
        Some(Self {
            function,
            operands: (0..count).map(operand).collect::<Option<_>>()?,
        })
    }

    /// The values it reads.
    pub(super) fn values(&self) -> impl Iterator<Item = usize> {
        self.operands.iter().filter_map(|operand| match operand {
            Operand::Value(id) => Some(*id),
            Operand::Weight(_) | Operand::Constant(_) => None,
        })
    }

    /// The constants of several elements that it reads.
    pub(super) fn weights(&self) -> impl Iterator<Item = usize> {
        self.operands.iter().filter_map(|operand| match operand {
            Operand::Weight(id) => Some(*id),
            Operand::Value(_) | Operand::Constant(_) => None,
        })
    }

    /// The result, given an element of each value and of each constant that has several.
    pub(super) fn at(&self, value: impl Fn(usize) -> f64, weight: impl Fn(usize) -> f64) -> f64 {
        let operand = |position: usize| match self.operands[position] {
            Operand::Value(id) => value(id),
            Operand::Weight(id) => weight(id),
            Operand::Constant(number) => number,
        };
        match self.function {
            Function::Unary(function) => function(operand(0)),
            Function::Binary(function) => function(operand(0), operand(1)),
            Function::Clip(low, high) => operand(0).max(low).min(high),
            Function::HardSigmoid(slope, offset) => (slope * operand(0) + offset).clamp(0.0, 1.0),
        }
    }
}

fn function(call: &Call) -> Option<Function> {
    Some(match call.op_type() {
        "Add" => Function::Binary(|a, b| a + b),
        "Sub" => Function::Binary(|a, b| a - b),
        "Mul" => Function::Binary(|a, b| a * b),
        "Div" => Function::Binary(|a, b| a / b),
        "Pow" => Function::Binary(f64::powf),
        "Max" if call.inputs.len() == 2 => Function::Binary(f64::max),
        "Min" if call.inputs.len() == 2 => Function::Binary(f64::min),
        "Relu" => Function::Unary(|x| x.max(0.0)),
        "Neg" => Function::Unary(|x| -x),
        "Abs" => Function::Unary(f64::abs),
        "Exp" => Function::Unary(f64::exp),
        "Sqrt" => Function::Unary(f64::sqrt),
        "Reciprocal" => Function::Unary(f64::recip),
        "Tanh" => Function::Unary(f64::tanh),
        "Erf" => Function::Unary(erf),
        // no operator of ONNX, but what TensorFlow's exporter leaves as it is
        "Erfc" => Function::Unary(|x| 1.0 - erf(x)),
        "Sigmoid" => Function::Unary(sigmoid),
        "Identity" => Function::Unary(|x| x),
        "Clip" => {
            let [low, high] = clip_bounds(call).ok()?;
            let unknown = |position: usize| {
                call.optional(position)
                    .is_some_and(|bound| bound.scalar().is_none())
            };
            if unknown(1) || unknown(2) {
                return None;
            }
            Function::Clip(
                low.unwrap_or(f64::NEG_INFINITY),
                high.unwrap_or(f64::INFINITY),
            )
        }
        "HardSigmoid" => Function::HardSigmoid(
            call.float("alpha", 0.2).ok()?,
            call.float("beta", 0.5).ok()?,
        ),
        _ => return None,
    })
}

/// The activation that a function is, by its values at a few points. Gelu is also recognised by its approximation with
/// a hyperbolic tangent, which is nowhere more than 5e-4 away.
pub(super) fn recognise(function: impl Fn(f64) -> f64) -> Option<Activation> {
    const POINTS: [f64; 12] = [
        -7.0, -4.1, -3.3, -2.2, -1.0, -0.3, 0.0, 0.4, 1.3, 2.6, 3.7, 6.9,
    ];
    const TOLERANCE: f64 = 1e-3;
    let values = POINTS.map(function);
    let candidates = [
        Activation::Relu,
        Activation::Relu6,
        Activation::Swish,
        Activation::HardSwish,
        Activation::Sigmoid,
        Activation::HardSigmoid,
        Activation::Gelu,
    ];
    candidates.into_iter().find(|&activation| {
        let expected = POINTS.map(|x| exact(activation, x));
        let pairs = values.iter().zip(expected);
        pairs
            .into_iter()
            .all(|(value, expected)| (value - expected).abs() <= TOLERANCE)
    })
}

fn exact(activation: Activation, x: f64) -> f64 {
    let hard_sigmoid = (x / 6.0 + 0.5).clamp(0.0, 1.0);
    match activation {
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Swish => x * sigmoid(x),
        Activation::HardSwish => x * hard_sigmoid,
        Activation::Sigmoid => sigmoid(x),
        Activation::HardSigmoid => hard_sigmoid,
        Activation::Gelu => x * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2)) / 2.0,
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The error function by Simpson's rule on its definition, `2 / sqrt(pi) * integral of exp(-t^2) from 0 to x`: an
/// error below 1e-8, and nothing to look up.
fn erf(x: f64) -> f64 {
    const STEPS: u32 = 200;
    // 1 - erf(6) is 2e-17
    let end = x.clamp(-6.0, 6.0);
    let width = end / f64::from(STEPS);
    let weighted = (0..=STEPS).map(|step| {
        let weight = match step {
            0 | STEPS => 1.0,
            step if step % 2 == 1 => 4.0,
            _ => 2.0,
        };
        let t = f64::from(step) * width;
        weight * (-t * t).exp()
    });
    weighted.sum::<f64>() * width / 3.0 * std::f64::consts::FRAC_2_SQRT_PI
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_of_the_error_function() {
        for (x, value) in [
            (0.0, 0.0),
            (0.5, 0.520_499_877_8),
            (-1.0, -0.842_700_792_9),
            (2.0, 0.995_322_265_0),
            (9.0, 1.0),
        ] {
            assert!((erf(x) - value).abs() < 1e-8, "{x}: {}", erf(x));
        }
    }

    #[test]
    fn each_activation_is_recognised_and_nothing_like_it() {
        for activation in [
            Activation::Relu,
            Activation::Relu6,
            Activation::Swish,
            Activation::HardSwish,
            Activation::Sigmoid,
            Activation::HardSigmoid,
            Activation::Gelu,
        ] {
            assert_eq!(recognise(|x| exact(activation, x)), Some(activation));
        }
        let tanh_gelu = |x: f64| {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
            0.5 * x * (1.0 + inner.tanh())
        };
        assert_eq!(recognise(tanh_gelu), Some(Activation::Gelu));
        assert_eq!(recognise(|x| x * sigmoid(1.702 * x)), None);
        assert_eq!(recognise(|x| x), None);
        assert_eq!(recognise(f64::ln), None);
    }
}
