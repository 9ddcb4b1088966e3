//! Feature maps made larger or smaller.

use super::super::call::{Call, Outcome, Produced};
use super::super::dims::{self, Dims};
use super::super::numbers::Numbers;
use crate::op::Work;

/// Resize and its forerunner Upsample: scales or sizes, as inputs or (before opset 9) as attributes.
///
/// The nearest element is a copy. Interpolation over n axes weighs `2^n` elements (linear) or `4^n` (cubic): that
/// many products and one sum less, 7 FLOPs per element of a bilinear map.
pub(super) fn resize(call: &Call) -> Outcome {
    let input = call.dims(0)?;
    let output = size(call, input)?;
    if output == input {
        return Ok(vec![Produced::work(output, Work::View).reading([0])]);
    }
    let axes = input.iter().zip(&output).filter(|(a, b)| a != b).count() as u32;
    let taps: u64 = match call.text("mode")?.unwrap_or("nearest") {
        "nearest" => 0,
        "cubic" => 4,
        // linear, and bilinear as old files say
        _ => 2,
    };
    let work = match taps {
        0 => Work::Move,
        _ => Work::Elementwise {
            flops: (2 * taps.pow(axes.min(4))).saturating_sub(1),
        },
    };
    Ok(vec![Produced::work(output, work).reading([0])])
}

fn size(call: &Call, input: &[usize]) -> Result<Dims, String> {
    let upsample = call.op_type() == "Upsample" || call.opset < 11;
    let (scales, sizes) = if upsample { (1, None) } else { (2, Some(3)) };
    let axes = match call.ints("axes")? {
        None => (0..input.len()).collect(),
        Some(axes) => axes
            .iter()
            .map(|&axis| dims::axis(axis, input.len()))
            .collect::<Result<Vec<_>, _>>()?,
    };
    let count = |what: &str, found: usize| {
        if found == axes.len() {
            Ok(())
        } else {
            Err(format!("has {found} {what} for {} axes", axes.len()))
        }
    };
    let mut output = input.to_vec();
    let sizes = sizes.map_or(Ok(None), |position| call.known_ints(position))?;
    if let Some(sizes) = sizes.filter(|sizes| !sizes.is_empty()) {
        count("sizes", sizes.len())?;
        let policy = call.text("keep_aspect_ratio_policy")?.unwrap_or("stretch");
        if policy != "stretch" {
            return Err(format!(
                "keep_aspect_ratio_policy {policy} is not supported"
            ));
        }
        for (&axis, &size) in axes.iter().zip(&sizes) {
            output[axis] = dims::size(size, "a size")?;
        }
        return Ok(output);
    }
    let scales = stated_scales(call, scales, input.len())?;
    count("scales", scales.len())?;
    for (&axis, &scale) in axes.iter().zip(&scales) {
        // a scale kept in single precision may miss a whole number by a rounding
        let exact = input[axis] as f64 * scale;
        let rounded = exact.round();
        let size = if (exact - rounded).abs() < 1e-5 * rounded.max(1.0) {
            rounded
        } else {
            exact.floor()
        };
        output[axis] = dims::size(size as i64, "a resized size")?;
    }
    Ok(output)
}

fn stated_scales(call: &Call, position: usize, rank: usize) -> Result<Vec<f64>, String> {
    if let Some(scales) = call.floats("scales")? {
        return Ok(scales.iter().map(|&scale| f64::from(scale)).collect());
    }
    if let (Some(rows), Some(columns), 4) = (
        call.maybe_float("height_scale")?,
        call.maybe_float("width_scale")?,
        rank,
    ) {
        return Ok(vec![1.0, 1.0, rows, columns]);
    }
    let scales = call.input(position)?.numbers.as_ref().map(Numbers::floats);
    scales.ok_or_else(|| format!("input {position} (the scales) has contents that are not known"))
}
