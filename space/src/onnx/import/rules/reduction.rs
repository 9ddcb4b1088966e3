//! Reductions along axes.

use super::super::call::{Call, Kind, Outcome, Produced};
use super::super::dims::{self, Dims, per_image};
use super::super::numbers::Numbers;
use crate::op::{Op, Work};

/// FLOPs per input element.
pub(super) fn flops(op_type: &str) -> Option<u64> {
    Some(match op_type {
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceL1"
        | "ReduceLogSum" => 1,
        "ReduceL2" | "ReduceSumSquare" | "ReduceLogSumExp" => 2,
        _ => return None,
    })
}

/// A reduction along some axes, or along all. The mean over rows and columns is a global pooling.
pub(super) fn reduce(call: &Call, flops: u64) -> Outcome {
    let input = call.dims(0)?;
    let axes = match call
        .ints_or_input("axes", 1)?
        .filter(|axes| !axes.is_empty())
    {
        None if call.int("noop_with_empty_axes", 0)? != 0 => {
            return Ok(vec![
                Produced::work(input.to_vec(), Work::View).reading([0]),
            ]);
        }
        None => vec![true; input.len()],
        Some(axes) => {
            let mut chosen = vec![false; input.len()];
            for axis in axes {
                chosen[dims::axis(axis, input.len())?] = true;
            }
            chosen
        }
    };
    let dims = reduced(call, input, &axes)?;
    let mean = call.op_type() == "ReduceMean";
    let whole = input.first() == Some(&call.images)
        && input.get(1) == Some(&per_image(input, call.images).channels);
    let kind = if mean && axes == [false, false, true, true] && whole {
        Kind::Op(Op::GlobalAvgPool)
    } else {
        Kind::Work(Work::Reduction { flops })
    };
    Ok(vec![
        Produced::of(dims, kind).with(total(call)).reading([0]),
    ])
}

fn reduced(call: &Call, input: &[usize], axes: &[bool]) -> Result<Dims, String> {
    let keep = call.int("keepdims", 1)? != 0;
    let sizes = input.iter().zip(axes);
    Ok(sizes
        .filter_map(|(&size, &gone)| match (gone, keep) {
            (false, _) => Some(size),
            (true, true) => Some(1),
            (true, false) => None,
        })
        .collect())
}

/// A list of sizes multiplied or added up, on its way to a shape.
fn total(call: &Call) -> Option<Numbers> {
    let input = call.optional(0)?;
    let (Numbers::Ints(ints), 1) = (input.numbers.as_ref()?, input.dims.as_ref()?.len()) else {
        return None;
    };
    let mut ints = ints.iter().copied();
    let total = match call.op_type() {
        "ReduceProd" => ints.try_fold(1, i64::checked_mul)?,
        "ReduceSum" => ints.try_fold(0, i64::checked_add)?,
        "ReduceMax" => ints.max()?,
        "ReduceMin" => ints.min()?,
        _ => return None,
    };
    Some(Numbers::Ints(vec![total]))
}

/// Where along an axis the largest or smallest element is: one comparison per input element.
pub(super) fn arg(call: &Call) -> Outcome {
    let input = call.dims(0)?;
    let mut axes = vec![false; input.len()];
    axes[call.axis(0, input.len())?] = true;
    let dims = reduced(call, input, &axes)?;
    Ok(vec![Produced::work(dims, Work::Reduction { flops: 1 })])
}
