//! The same elements under another shape.

use super::super::super::proto::DataType;
use super::super::call::{Call, Outcome, Produced};
use super::super::dims::{self, Dims};
use super::super::numbers::Numbers;
use crate::op::Work;

/// Input 0 under these sizes, with its contents.
fn view(call: &Call, dims: Dims) -> Outcome {
    let numbers = call.input(0)?.numbers.clone();
    Ok(vec![
        Produced::work(dims, Work::View).reading([0]).with(numbers),
    ])
}

/// Nothing but a name, such as Identity and Cast; further outputs (a mask of Dropout) have the same shape.
pub(super) fn same(call: &Call) -> Outcome {
    let dims = call.dims(0)?.to_vec();
    let mut outputs = view(call, dims)?;
    let spare = outputs[0].clone().with(None);
    outputs.resize(call.node.output.len().max(1), spare);
    Ok(outputs)
}

/// A cast: its contents change their type if they are known.
pub(super) fn cast(call: &Call) -> Outcome {
    let input = call.input(0)?;
    let to = call.int("to", 0)?;
    let to = i32::try_from(to)
        .ok()
        .and_then(|to| DataType::try_from(to).ok());
    let numbers = input.numbers.as_ref().and_then(|numbers| match to {
        Some(DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16) => {
            Some(Numbers::Floats(numbers.floats()))
        }
        Some(DataType::Bool) => {
            let floats = numbers.floats();
            Some(Numbers::Ints(
                floats.iter().map(|&x| i64::from(x != 0.0)).collect(),
            ))
        }
        Some(DataType::Int64 | DataType::Int32) => {
            Some(Numbers::Ints(numbers.ints().unwrap_or_else(|| {
                numbers.floats().iter().map(|&x| x as i64).collect()
            })))
        }
        _ => None,
    });
    let dims = input.dims()?.to_vec();
    Ok(vec![
        Produced::work(dims, Work::View).reading([0]).with(numbers),
    ])
}

/// Sizes stated as an input (an attribute before opset 5): 0 copies an input's size, -1 is whatever is left.
pub(super) fn reshape(call: &Call) -> Outcome {
    let input = call.dims(0)?;
    let target = call
        .ints_or_input("shape", 1)?
        .ok_or_else(|| "has no target shape".to_owned())?;
    let copies = call.int("allowzero", 0)? == 0;
    let elements = dims::elements(input)?;
    let mut output: Dims = Vec::with_capacity(target.len());
    let mut free = None;
    for (axis, &size) in target.iter().enumerate() {
        output.push(match size {
            -1 if free.is_none() => {
                free = Some(axis);
                1
            }
            0 if copies => *input
                .get(axis)
                .ok_or_else(|| format!("copies axis {axis} of {}", dims::text(input)))?,
            0 => 0,
            size => dims::size(size, "a size")?,
        });
    }
    let known = dims::elements(&output)?;
    if let Some(axis) = free
        && known > 0
        && elements.is_multiple_of(known)
    {
        output[axis] = (elements / known) as usize;
    }
    if dims::elements(&output)? != elements {
        let target = target.iter().map(ToString::to_string).collect::<Vec<_>>();
        return Err(format!(
            "can't shape {} as {}",
            dims::text(input),
            target.join("x")
        ));
    }
    view(call, output)
}

/// Two axes: those before the given one, and the rest.
pub(super) fn flatten(call: &Call) -> Outcome {
    let input = call.dims(0)?;
    let axis = call.int("axis", 1)?;
    let axis = if axis == input.len() as i64 {
        input.len()
    } else {
        dims::axis(axis, input.len())?
    };
    let (before, after) = input.split_at(axis);
    view(call, vec![before.iter().product(), after.iter().product()])
}

/// Axes of size 1 left out: those given, or all of them.
pub(super) fn squeeze(call: &Call) -> Outcome {
    let input = call.dims(0)?;
    let mut gone: Vec<bool> = input.iter().map(|&size| size == 1).collect();
    if let Some(axes) = call.ints_or_input("axes", 1)? {
        gone.fill(false);
        for axis in axes {
            let axis = dims::axis(axis, input.len())?;
            if input[axis] != 1 {
                return Err(format!(
                    "can't leave out axis {axis} of {}",
                    dims::text(input)
                ));
            }
            gone[axis] = true;
        }
    }
    let kept = input.iter().zip(gone);
    view(
        call,
        kept.filter_map(|(&size, gone)| (!gone).then_some(size))
            .collect(),
    )
}

/// Axes of size 1 put in.
pub(super) fn unsqueeze(call: &Call) -> Outcome {
    let input = call.dims(0)?;
    let axes = call
        .ints_or_input("axes", 1)?
        .ok_or_else(|| "has no axes".to_owned())?;
    let rank = input.len() + axes.len();
    let mut new = vec![false; rank];
    for axis in axes {
        let axis = dims::axis(axis, rank)?;
        if std::mem::replace(&mut new[axis], true) {
            return Err(format!("axis {axis} is put in twice"));
        }
    }
    let mut sizes = input.iter().copied();
    let output = new
        .iter()
        .map(|&new| if new { Some(1) } else { sizes.next() });
    let output = output.collect::<Option<Dims>>();
    view(call, output.ok_or_else(|| "has too many axes".to_owned())?)
}
