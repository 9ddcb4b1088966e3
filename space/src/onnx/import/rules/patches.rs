//! Elements put back where a window took them from.

use super::super::call::{Call, Outcome, Produced};
use super::super::dims;
use crate::op::Work;

/// Columns of patches added up where they overlap: one sum for each element of the columns.
pub(super) fn col2im(call: &Call) -> Outcome {
    let &[images, rows, _] = call.dims(0)? else {
        return Err(format!("can't take {}", dims::text(call.dims(0)?)));
    };
    let given = |position: usize| {
        let sizes = call.known_ints(position)?;
        let sizes = sizes.ok_or_else(|| format!("input {position} is missing"))?;
        let sizes = sizes.iter().map(|&size| dims::size(size, "a size"));
        sizes.collect::<Result<Vec<usize>, String>>()
    };
    let (image, block) = (given(1)?, given(2)?);
    let area = block
        .iter()
        .try_fold(1_usize, |area, &side| area.checked_mul(side));
    let channels = area
        .filter(|area| rows.is_multiple_of(*area))
        .map(|area| rows / area)
        .ok_or_else(|| format!("{rows} rows are no patches of {block:?}"))?;
    let output = [&[images, channels][..], &image].concat();
    let work = Work::Reduction { flops: 1 };
    Ok(vec![Produced::work(output, work).reading([0])])
}

/// The opposite of max pooling: elements put back where they were the largest, zeros elsewhere.
pub(super) fn max_unpool(call: &Call) -> Outcome {
    let [images, channels, spatial @ ..] = call.dims(0)? else {
        return Err(format!("can't take {}", dims::text(call.dims(0)?)));
    };
    let mut output = vec![*images, *channels];
    if let Some(stated) = call.known_ints(2)? {
        output.clear();
        for size in stated {
            output.push(dims::size(size, "a size")?);
        }
        return Ok(vec![Produced::work(output, Work::Move)]);
    }
    let kernel = call
        .ints("kernel_shape")?
        .ok_or_else(|| "has no kernel_shape".to_owned())?;
    let strides = call.ints("strides")?;
    let pads = call.ints("pads")?;
    for (axis, &size) in spatial.iter().enumerate() {
        let at = |list: Option<&[i64]>, place: usize, default: i64| match list {
            None => Ok(default),
            Some(list) => { list.get(place).copied() }
                .ok_or_else(|| format!("has too few sizes for {} axes", spatial.len())),
        };
        let stride = at(strides, axis, 1)?;
        let window = at(Some(kernel), axis, 1)?;
        let padding = [at(pads, axis, 0)?, at(pads, axis + spatial.len(), 0)?];
        let whole = (size as i128 - 1) * i128::from(stride) + i128::from(window)
            - i128::from(padding[0])
            - i128::from(padding[1]);
        output.push(dims::size(
            i64::try_from(whole).unwrap_or(i64::MAX),
            "a size",
        )?);
    }
    Ok(vec![Produced::work(output, Work::Move)])
}
