//! Arithmetic on the contents of small constants: what exporters emit to compute shapes.

use super::dims::strides;
use super::numbers::{Numbers, positions};
use super::value::Value;

/// An operator on each element of a constant, if it is one that shapes are computed with.
pub(super) fn map(op_type: &str, numbers: Option<&Numbers>) -> Option<Numbers> {
    let numbers = numbers?;
    Some(match (op_type, numbers) {
        ("Neg", Numbers::Ints(ints)) => Numbers::Ints(
            ints.iter()
                .map(|int| int.checked_neg())
                .collect::<Option<_>>()?,
        ),
        ("Abs", Numbers::Ints(ints)) => Numbers::Ints(
            ints.iter()
                .map(|int| int.checked_abs())
                .collect::<Option<_>>()?,
        ),
        ("Not", Numbers::Ints(ints)) => {
            Numbers::Ints(ints.iter().map(|&int| i64::from(int == 0)).collect())
        }
        ("Sign", Numbers::Ints(ints)) => {
            Numbers::Ints(ints.iter().map(|int| int.signum()).collect())
        }
        (_, Numbers::Floats(floats)) => {
            let function: fn(f64) -> f64 = match op_type {
                "Floor" => f64::floor,
                "Ceil" => f64::ceil,
                "Round" => f64::round_ties_even,
                "Sqrt" => f64::sqrt,
                "Neg" => |x| -x,
                "Abs" => f64::abs,
                "Reciprocal" => f64::recip,
                "Exp" => f64::exp,
                "Log" => f64::ln,
                _ => return None,
            };
            Numbers::Floats(floats.iter().copied().map(function).collect())
        }
        _ => return None,
    })
}

/// Constants between bounds.
pub(super) fn clip(numbers: &Numbers, low: Option<f64>, high: Option<f64>) -> Numbers {
    let low = low.unwrap_or(f64::NEG_INFINITY);
    let high = high.unwrap_or(f64::INFINITY);
    match numbers {
        // bounds beyond all integers saturate
        Numbers::Ints(ints) => {
            let (low, high) = (low as i64, high as i64);
            Numbers::Ints(ints.iter().map(|&int| int.max(low).min(high)).collect())
        }
        Numbers::Floats(floats) => {
            Numbers::Floats(floats.iter().map(|x| x.max(low).min(high)).collect())
        }
    }
}

/// An operator on the elements of constants that stretch to these sizes.
pub(super) fn join(op_type: &str, inputs: &[&Value], dims: &[usize]) -> Option<Numbers> {
    let stretched = inputs.iter().map(|value| stretch(value, dims));
    let stretched = stretched.collect::<Option<Vec<Numbers>>>()?;
    match (op_type, &*stretched) {
        ("Where", [condition, yes, no]) => choose(condition, yes, no),
        (_, [first, rest @ ..]) => rest
            .iter()
            .try_fold(first.clone(), |so_far, next| pair(op_type, &so_far, next)),
        _ => None,
    }
}

fn choose(condition: &Numbers, yes: &Numbers, no: &Numbers) -> Option<Numbers> {
    let condition = condition.ints()?;
    match (yes, no) {
        (Numbers::Ints(yes), Numbers::Ints(no)) => {
            let both = condition.iter().zip(yes.iter().zip(no));
            Some(Numbers::Ints(
                both.map(|(&c, (&yes, &no))| if c != 0 { yes } else { no })
                    .collect(),
            ))
        }
        _ => {
            let (yes, no) = (yes.floats(), no.floats());
            let both = condition.iter().zip(yes.iter().zip(&no));
            Some(Numbers::Floats(
                both.map(|(&c, (&yes, &no))| if c != 0 { yes } else { no })
                    .collect(),
            ))
        }
    }
}

/// A constant's elements repeated to fill these sizes, which it must stretch to.
pub(super) fn stretch(value: &Value, dims: &[usize]) -> Option<Numbers> {
    let (numbers, own) = (value.numbers.as_ref()?, value.dims.as_deref()?);
    if own == dims {
        return Some(numbers.clone());
    }
    let missing = dims.len().checked_sub(own.len())?;
    let steps = strides(own);
    let place = |at: Vec<usize>| {
        let own = own.iter().enumerate();
        own.map(|(axis, &size)| {
            if size == 1 {
                0
            } else {
                at[axis + missing] * steps[axis]
            }
        })
        .sum()
    };
    let stretched = numbers.select(positions(dims).map(place))?;
    let count = dims
        .iter()
        .try_fold(1_usize, |count, &dim| count.checked_mul(dim))?;
    (stretched.len() == count).then_some(stretched)
}

fn pair(op_type: &str, left: &Numbers, right: &Numbers) -> Option<Numbers> {
    let compared: Option<fn(f64, f64) -> bool> = match op_type {
        "Equal" => Some(|a, b| a == b),
        "Greater" => Some(|a, b| a > b),
        "Less" => Some(|a, b| a < b),
        "GreaterOrEqual" => Some(|a, b| a >= b),
        "LessOrEqual" => Some(|a, b| a <= b),
        "And" => Some(|a, b| a != 0.0 && b != 0.0),
        "Or" => Some(|a, b| a != 0.0 || b != 0.0),
        _ => None,
    };
    if let Some(compare) = compared {
        let (left, right) = (left.floats(), right.floats());
        let both = left.iter().zip(&right);
        return Some(Numbers::Ints(
            both.map(|(&a, &b)| i64::from(compare(a, b))).collect(),
        ));
    }
    if let (Numbers::Ints(left), Numbers::Ints(right)) = (left, right) {
        let function: fn(i64, i64) -> Option<i64> = match op_type {
            "Add" | "Sum" => i64::checked_add,
            "Sub" => i64::checked_sub,
            "Mul" => i64::checked_mul,
            "Div" => i64::checked_div,
            "Mod" => i64::checked_rem_euclid,
            "Min" => |a, b| Some(a.min(b)),
            "Max" => |a, b| Some(a.max(b)),
            "Pow" => |a, b| a.checked_pow(u32::try_from(b).ok()?),
            _ => return None,
        };
        let both = left.iter().zip(right);
        return Some(Numbers::Ints(
            both.map(|(&a, &b)| function(a, b)).collect::<Option<_>>()?,
        ));
    }
    let function: fn(f64, f64) -> f64 = match op_type {
        "Add" | "Sum" => |a, b| a + b,
        "Sub" => |a, b| a - b,
        "Mul" => |a, b| a * b,
        "Div" => |a, b| a / b,
        "Min" => f64::min,
        "Max" => f64::max,
        "Pow" => f64::powf,
        _ => return None,
    };
    let (left, right) = (left.floats(), right.floats());
    let both = left.iter().zip(&right);
    Some(Numbers::Floats(
        both.map(|(&a, &b)| function(a, b)).collect(),
    ))
}
