//! What detectors do around their boxes.

use super::super::call::{Call, Outcome, Produced};
use super::super::dims;
use super::super::numbers::Numbers;
use crate::op::Work;

/// Samples along each side of a cell where the file leaves that to the size of the region: what detectors state that do say.
const SAMPLES: u64 = 2;
/// FLOPs of a sample: four products and three sums, and its share in the mean or in the maximum.
const SAMPLE_FLOPS: u64 = 8;

/// Boxes that don't overlap better ones. How many depends on the image: room must be for the most that may be, which the file says. What it
/// costs depends on the image too, and nobody knows it.
pub(super) fn non_max_suppression(call: &Call) -> Outcome {
    let (&[images, boxes, 4], &[batch, classes, scores]) = (call.dims(0)?, call.dims(1)?) else {
        return Err(format!(
            "boxes of {} with scores of {}",
            dims::text(call.dims(0)?),
            dims::text(call.dims(1)?)
        ));
    };
    if images != batch || boxes != scores {
        return Err(format!(
            "boxes of {} with scores of {}",
            dims::text(call.dims(0)?),
            dims::text(call.dims(1)?)
        ));
    }
    let most = call.optional(2).and_then(|most| most.numbers.as_ref());
    let most = most.and_then(Numbers::scalar).map(|most| most as usize);
    // without a number it selects none, but no file is meant so
    let each = most
        .filter(|&most| most > 0)
        .map_or(boxes, |most| most.min(boxes));
    let selected = images
        .checked_mul(classes)
        .and_then(|all| all.checked_mul(each))
        .ok_or_else(|| format!("{classes} classes of {boxes} boxes are too many"))?;
    Ok(vec![Produced::work(vec![selected, 3], Work::Unknown)])
}

/// Regions of a map, each brought to one size by samples between its elements.
pub(super) fn roi_align(call: &Call) -> Outcome {
    let (&[_, channels, _, _], &[regions, 4]) = (call.dims(0)?, call.dims(1)?) else {
        return Err(format!(
            "regions of {} in {}",
            dims::text(call.dims(1)?),
            dims::text(call.dims(0)?)
        ));
    };
    let side = |name: &str| dims::size(call.int(name, 1)?, name);
    let samples = match u64::try_from(call.int("sampling_ratio", 0)?) {
        Ok(0) => SAMPLES,
        Ok(samples) if samples <= 1 << 10 => samples,
        _ => {
            return Err(format!(
                "a sampling ratio of {}",
                call.int("sampling_ratio", 0)?
            ));
        }
    };
    let output = vec![
        regions,
        channels,
        side("output_height")?,
        side("output_width")?,
    ];
    let flops = samples * samples * SAMPLE_FLOPS;
    Ok(vec![Produced::work(output, Work::Elementwise { flops })])
}

/// Positions in an image for an affine map: a product and a sum for each of two (or three) axes.
pub(super) fn affine_grid(call: &Call) -> Outcome {
    let sizes = call
        .known_ints(1)?
        .ok_or_else(|| "has no size".to_owned())?;
    let [images, _, spatial @ ..] = &*sizes else {
        return Err(format!("a size of {sizes:?}"));
    };
    let axes = spatial.len();
    let mut output = vec![dims::size(*images, "a number of images")?];
    for &size in spatial {
        output.push(dims::size(size, "a size")?);
    }
    output.push(axes);
    let flops = 2 * axes as u64;
    Ok(vec![Produced::work(output, Work::Elementwise { flops })])
}
