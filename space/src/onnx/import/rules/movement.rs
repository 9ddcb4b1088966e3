//! Elements copied to other places.

use super::super::arithmetic::stretch;
use super::super::call::{Call, Kind, Outcome, Produced};
use super::super::dims::{self, Dims, broadcast, per_image, strides};
use super::super::numbers::{Numbers, positions};
use crate::op::{Op, Work};

/// Elements of input 0 moved; `place` says, for each position of the output, where in the input it comes from.
fn moved(call: &Call, dims: Dims, place: impl Fn(&[usize]) -> Option<usize>) -> Outcome {
    let numbers = call.input(0)?.numbers.as_ref();
    let numbers = numbers.and_then(|numbers| {
        let places = positions(&dims).map(|at| place(&at));
        let places = places.collect::<Option<Vec<usize>>>()?;
        let complete = dims::elements(&dims).ok()? == places.len() as u64;
        numbers.select(places.into_iter()).filter(|_| complete)
    });
    Ok(vec![
        Produced::work(dims, Work::Move).reading([0]).with(numbers),
    ])
}

/// An output of these sizes made by copying.
fn copied(dims: Dims) -> Outcome {
    Ok(vec![Produced::work(dims, Work::Move)])
}

/// The axes in another order, back to front unless stated.
pub(super) fn transpose(call: &Call) -> Outcome {
    let input = call.dims(0)?;
    let order = permutation(call, input.len())?;
    let steps = strides(input);
    let output: Dims = order.iter().map(|&axis| input[axis]).collect();
    // axes of size 1 move without anything else moving
    let kept = order.iter().copied().filter(|&axis| input[axis] > 1);
    let still = kept.is_sorted();
    let mut outcome = moved(call, output, |at| {
        Some(
            order
                .iter()
                .zip(at)
                .map(|(&axis, at)| at * steps[axis])
                .sum(),
        )
    })?;
    if still {
        outcome[0].kind = Kind::Work(Work::View);
    }
    Ok(outcome)
}

/// Where each axis of the output comes from.
pub(in super::super) fn permutation(call: &Call, rank: usize) -> Result<Vec<usize>, String> {
    let Some(perm) = call.ints("perm")? else {
        return Ok((0..rank).rev().collect());
    };
    let order = perm.iter().map(|&axis| dims::axis(axis, rank));
    let order = order.collect::<Result<Vec<_>, _>>()?;
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted.into_iter().eq(0..rank) {
        Ok(order)
    } else {
        Err(format!("{perm:?} is no order of {rank} axes"))
    }
}

/// Tensors one after another. Along the channels of feature maps this is an operator of its own.
pub(super) fn concat(call: &Call) -> Outcome {
    concat_of(call, (0..call.inputs.len()).collect())
}

/// A concatenation of quantised tensors, each with its scale and zero point, behind those of the result.
pub(super) fn quantized_concat(call: &Call) -> Outcome {
    concat_of(call, (2..call.inputs.len()).step_by(3).collect())
}

fn concat_of(call: &Call, parts: Vec<usize>) -> Outcome {
    let Some(&first) = parts.first() else {
        return Err("has no inputs".to_owned());
    };
    let first = call.dims(first)?;
    let axis = match call.maybe_int("axis")? {
        Some(axis) => dims::axis(axis, first.len())?,
        // before opset 4
        None => dims::axis(1, first.len())?,
    };
    let mut output = first.to_vec();
    output[axis] = 0;
    let mut places = Vec::new();
    for &part in &parts {
        let sizes = call.dims(part)?;
        let agree = sizes.len() == first.len()
            && (0..sizes.len()).all(|other| other == axis || sizes[other] == first[other]);
        if !agree {
            return Err(format!(
                "can't put {} and {} together along axis {axis}",
                dims::text(first),
                dims::text(sizes)
            ));
        }
        output[axis] += sizes[axis];
        places.push(output[axis]);
    }
    let mut maps = true;
    for &part in &parts {
        let value = call.input(part)?;
        let shape = per_image(value.dims()?, call.images);
        maps &= !value.is_constant() && Some(&shape.channels) == value.dims()?.get(1);
    }
    let op = if maps && axis == 1 && first[0] == call.images {
        Kind::Op(Op::Concat)
    } else {
        Kind::Work(Work::Move)
    };
    let numbers = chained(call, &parts, axis, first.len());
    Ok(vec![Produced::of(output, op).with(numbers).reading(parts)])
}

/// The contents of lists put together.
fn chained(call: &Call, parts: &[usize], axis: usize, rank: usize) -> Option<Numbers> {
    let lists = parts
        .iter()
        .map(|&part| call.optional(part)?.numbers.as_ref());
    let lists = lists.collect::<Option<Vec<&Numbers>>>()?;
    (axis == 0 && rank == 1).then(|| Numbers::chain(&lists))
}

/// One range along one axis.
#[derive(Debug, Clone, Copy)]
struct Range {
    start: i64,
    step: i64,
    count: usize,
}

/// Ranges along axes: attributes before opset 10, inputs since.
pub(super) fn slice(call: &Call) -> Outcome {
    let input = call.dims(0)?;
    let missing = |what: &str| format!("has no {what}");
    let starts = call
        .ints_or_input("starts", 1)?
        .ok_or_else(|| missing("starts"))?;
    let ends = call
        .ints_or_input("ends", 2)?
        .ok_or_else(|| missing("ends"))?;
    let axes = call.ints_or_input("axes", 3)?;
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = call.known_ints(4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err(format!(
            "has {} starts, {} ends, {} axes and {} steps",
            starts.len(),
            ends.len(),
            axes.len(),
            steps.len()
        ));
    }
    let mut ranges: Vec<Range> = input
        .iter()
        .map(|&count| Range {
            start: 0,
            step: 1,
            count,
        })
        .collect();
    for (position, &axis) in axes.iter().enumerate() {
        let axis = dims::axis(axis, input.len())?;
        ranges[axis] = range(
            input[axis] as i64,
            starts[position],
            ends[position],
            steps[position],
        )?;
    }
    let output: Dims = ranges.iter().map(|range| range.count).collect();
    let distances = strides(input);
    let mut outcome = moved(call, output, |at| {
        let axes = ranges.iter().zip(at).zip(&distances);
        axes.map(|((range, &at), &distance)| {
            let place = range.start + range.step * at as i64;
            usize::try_from(place).ok()?.checked_mul(distance)
        })
        .sum()
    })?;
    if outcome[0].dims.as_deref() == Some(input) && ranges.iter().all(|range| range.step == 1) {
        outcome[0].kind = Kind::Work(Work::View);
    }
    Ok(outcome)
}

fn range(size: i64, start: i64, end: i64, step: i64) -> Result<Range, String> {
    if step == 0 {
        return Err("has a step of 0".to_owned());
    }
    let (low, high) = if step > 0 { (0, size) } else { (-1, size - 1) };
    let place = |at: i64| {
        let at = if at < 0 { at.saturating_add(size) } else { at };
        at.clamp(low, high)
    };
    let start = place(start);
    let span = if step > 0 {
        place(end) - start
    } else {
        start - place(end)
    };
    let count = if span <= 0 {
        0
    } else {
        (span as u64).div_ceil(step.unsigned_abs()) as usize
    };
    Ok(Range { start, step, count })
}

/// Parts along an axis: sizes as an attribute, as an input, or equal.
pub(super) fn split(call: &Call) -> Outcome {
    let input = call.dims(0)?;
    let axis = call.axis(0, input.len())?;
    let parts = call.node.output.len();
    let sizes: Vec<usize> = match call.ints_or_input("split", 1)? {
        Some(sizes) if sizes.len() == parts => {
            let sizes = sizes.iter().map(|&size| {
                usize::try_from(size)
                    .ok()
                    .filter(|&size| size <= input[axis])
                    .ok_or_else(|| format!("a part of {size} out of {}", input[axis]))
            });
            sizes.collect::<Result<_, _>>()?
        }
        Some(sizes) => return Err(format!("has {} sizes for {parts} outputs", sizes.len())),
        None if parts == 0 => Vec::new(),
        None => {
            let each = input[axis].div_ceil(parts);
            let rest = |part: usize| input[axis].saturating_sub(part * each).min(each);
            (0..parts).map(rest).collect()
        }
    };
    let total = sizes
        .iter()
        .try_fold(0_usize, |sum, &size| sum.checked_add(size));
    if total != Some(input[axis]) {
        return Err(format!("parts of {sizes:?} don't make up {}", input[axis]));
    }
    let distances = strides(input);
    let mut begin = 0;
    let mut outputs = Vec::with_capacity(parts);
    for size in sizes {
        let mut dims = input.to_vec();
        dims[axis] = size;
        outputs.extend(moved(call, dims, |at| {
            let whole: usize = at.iter().zip(&distances).map(|(at, step)| at * step).sum();
            Some(whole + begin * distances[axis])
        })?);
        begin += size;
    }
    Ok(outputs)
}

/// Slices along an axis by their indices.
pub(super) fn gather(call: &Call) -> Outcome {
    let (input, indices) = (call.dims(0)?, call.dims(1)?);
    let axis = call.axis(0, input.len())?;
    let output = [&input[..axis], indices, &input[axis + 1..]].concat();
    let rank = indices.len();
    let chosen = call.input(1)?.numbers.as_ref().and_then(Numbers::ints);
    let (distances, steps) = (strides(input), strides(indices));
    let size = input[axis] as i64;
    if let Some(chosen) = &chosen
        && let Some(index) = chosen.iter().find(|index| !(-size..size).contains(*index))
    {
        return Err(format!("index {index} is outside an axis of {size}"));
    }
    let mut outcome = moved(call, output, |at| {
        let (before, rest) = at.split_at(axis);
        let (index, after) = rest.split_at(rank);
        let index: usize = index.iter().zip(&steps).map(|(at, step)| at * step).sum();
        let index = chosen.as_ref()?.get(index)?.rem_euclid(size) as usize;
        let before = before.iter().zip(&distances);
        let after = after.iter().zip(&distances[axis + 1..]);
        let outside: usize = before.chain(after).map(|(at, step)| at * step).sum();
        Some(outside + index * distances[axis])
    })?;
    // a table of embeddings is constant, its indices are not
    outcome[0].reads = super::super::call::Reads::All;
    Ok(outcome)
}

/// Single elements along an axis: as many as there are indices.
pub(super) fn gather_elements(call: &Call) -> Outcome {
    copied(call.dims(1)?.to_vec())
}

/// Slices by indices that are vectors.
pub(super) fn gather_nd(call: &Call) -> Outcome {
    let (input, indices) = (call.dims(0)?, call.dims(1)?);
    let batch = usize::try_from(call.int("batch_dims", 0)?).unwrap_or(usize::MAX);
    let Some((&depth, outer)) = indices.split_last() else {
        return Err("has scalar indices".to_owned());
    };
    match batch.checked_add(depth).and_then(|from| input.get(from..)) {
        Some(rest) => copied([outer, rest].concat()),
        None => Err(format!(
            "indices of {} for {}",
            dims::text(indices),
            dims::text(input)
        )),
    }
}

/// Updates written into a copy of input 0.
pub(super) fn scatter(call: &Call) -> Outcome {
    copied(call.dims(0)?.to_vec())
}

/// Sizes of 1 stretched.
pub(super) fn expand(call: &Call) -> Outcome {
    let input = call.dims(0)?;
    let target = sizes(call, 1)?;
    let output = broadcast(input, &target)?;
    let numbers = stretch(call.input(0)?, &output);
    let work = if output.as_slice() == input {
        Work::View
    } else {
        Work::Move
    };
    Ok(vec![
        Produced::work(output, work).reading([0]).with(numbers),
    ])
}

/// Sizes given as an input.
fn sizes(call: &Call, position: usize) -> Result<Dims, String> {
    let sizes = call
        .known_ints(position)?
        .ok_or_else(|| format!("input {position} is missing"))?;
    let size = |&size: &i64| match usize::try_from(size) {
        Ok(size) if size <= 1 << 31 => Ok(size),
        _ => Err(format!("a size of {size}")),
    };
    sizes.iter().map(size).collect()
}

/// The whole repeated along each axis.
pub(super) fn tile(call: &Call) -> Outcome {
    let input = call.dims(0)?;
    let repeats = sizes(call, 1)?;
    if repeats.len() != input.len() {
        return Err(format!(
            "has {} repeats for {}",
            repeats.len(),
            dims::text(input)
        ));
    }
    let output = input
        .iter()
        .zip(&repeats)
        .map(|(size, by)| size.checked_mul(*by));
    let output = output
        .collect::<Option<Dims>>()
        .ok_or_else(|| format!("repeats {} too often", dims::text(input)))?;
    let steps = strides(input);
    moved(call, output, |at| {
        let axes = at.iter().zip(input).zip(&steps);
        Some(axes.map(|((at, size), step)| at % size * step).sum())
    })
}

/// Margins around the elements; a negative one cuts.
pub(super) fn pad(call: &Call) -> Outcome {
    let input = call.dims(0)?;
    let stated = match call.ints("paddings")? {
        Some(pads) => Some(pads.to_vec()),
        None => call.ints_or_input("pads", 1)?,
    };
    let pads = stated.ok_or_else(|| "has no pads".to_owned())?;
    let axes = match call.known_ints(3)? {
        Some(axes) => axes
            .iter()
            .map(|&axis| dims::axis(axis, input.len()))
            .collect::<Result<Vec<_>, _>>()?,
        None => (0..input.len()).collect(),
    };
    if pads.len() != 2 * axes.len() {
        return Err(format!("has {} pads for {} axes", pads.len(), axes.len()));
    }
    let mut output = input.to_vec();
    for (position, &axis) in axes.iter().enumerate() {
        let both = i128::from(pads[position]) + i128::from(pads[position + axes.len()]);
        let padded = input[axis] as i128 + both;
        output[axis] = dims::size(i64::try_from(padded).unwrap_or(i64::MAX), "a padded size")?;
    }
    let work = if pads.iter().all(|&pad| pad == 0) {
        Work::View
    } else {
        Work::Move
    };
    Ok(vec![Produced::work(output, work).reading([0])])
}

/// Blocks of positions become channels, or the other way round.
pub(super) fn space_depth(call: &Call) -> Outcome {
    let &[images, channels, rows, columns] = call.dims(0)? else {
        return Err(format!("can't take {}", dims::text(call.dims(0)?)));
    };
    let side = dims::size(call.int("blocksize", 0)?, "blocksize")?;
    let block = side
        .checked_mul(side)
        .ok_or_else(|| format!("a block of {side}x{side}"))?;
    let output = if call.op_type() == "SpaceToDepth" {
        let fits = rows.is_multiple_of(side) && columns.is_multiple_of(side);
        channels
            .checked_mul(block)
            .filter(|_| fits)
            .map(|channels| vec![images, channels, rows / side, columns / side])
    } else {
        let fits = channels.is_multiple_of(block);
        rows.checked_mul(side)
            .zip(columns.checked_mul(side))
            .filter(|_| fits)
            .map(|(rows, columns)| vec![images, channels / block, rows, columns])
    };
    copied(output.ok_or_else(|| {
        format!(
            "blocks of {side} don't suit {}",
            dims::text(&[images, channels, rows, columns])
        )
    })?)
}
