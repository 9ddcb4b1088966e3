//! Operators whose work nobody here knows, though sometimes their output's shape.

use super::super::call::{Call, Outcome, Produced};
use super::super::dims::{self, Dims};
use crate::op::Work;

/// An operator without a rule: all there is to say is what the file declares of its outputs.
pub(in super::super) fn unknown(declared: Vec<Option<Dims>>) -> Vec<Produced> {
    let produced = |dims| Produced {
        dims,
        ..Produced::work(Vec::new(), Work::Unknown)
    };
    declared.into_iter().map(produced).collect()
}

/// The k largest elements along an axis, and where they are.
pub(super) fn top_k(call: &Call) -> Outcome {
    let mut output = call.dims(0)?.to_vec();
    let axis = call.axis(-1, output.len())?;
    let k = match call.maybe_int("k")? {
        Some(k) => Some(k),
        None => call.known_ints(1)?.and_then(|ints| ints.first().copied()),
    };
    output[axis] = dims::size(k.ok_or_else(|| "has no k".to_owned())?, "k")?;
    Ok(vec![
        Produced::work(output.clone(), Work::Unknown),
        Produced::work(output, Work::View),
    ])
}

/// A map sampled at positions that another tensor holds: bilinear, or the nearest.
pub(super) fn grid_sample(call: &Call) -> Outcome {
    let (&[images, channels, ..], &[_, rows, columns, 2]) = (call.dims(0)?, call.dims(1)?) else {
        return Err(format!(
            "can't sample {} at {}",
            dims::text(call.dims(0)?),
            dims::text(call.dims(1)?)
        ));
    };
    let flops = match call.text("mode")?.unwrap_or("linear") {
        "nearest" => 1,
        "cubic" | "bicubic" => 31,
        _ => 7,
    };
    Ok(vec![Produced::work(
        vec![images, channels, rows, columns],
        Work::Elementwise { flops },
    )])
}

/// Where the elements are that aren't 0: known only of a small constant.
pub(super) fn non_zero(call: &Call) -> Option<Outcome> {
    use super::super::numbers::{Numbers, positions};
    let input = call.optional(0)?;
    let dims = input.dims.as_ref()?;
    let floats = input.numbers.as_ref()?.floats();
    let found = positions(dims).zip(floats).filter(|(_, x)| *x != 0.0);
    let found: Vec<Vec<usize>> = found.map(|(at, _)| at).collect();
    let rows = (0..dims.len()).flat_map(|axis| found.iter().map(move |at| at[axis] as i64));
    let numbers = Numbers::Ints(rows.collect());
    let output = vec![dims.len(), found.len()];
    Some(Ok(vec![
        Produced::work(output, Work::View).with(Some(numbers)),
    ]))
}
