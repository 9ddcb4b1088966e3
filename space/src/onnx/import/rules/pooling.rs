//! Pooling over windows and over whole feature maps.

use super::super::call::{Call, Kind, Outcome, Produced};
use super::super::dims::{self, per_image};
use super::super::window::{AutoPad, Window, kernel_shape, windows};
use crate::op::{Op, Pool, PoolKind, Work};

/// How the elements of a window become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reduce {
    Max,
    Average,
    /// The root of the sum of powers: a power and an addition for each element.
    Norm,
}

impl Reduce {
    const fn kind(self) -> Option<PoolKind> {
        match self {
            Self::Max => Some(PoolKind::Max),
            Self::Average => Some(PoolKind::Average),
            Self::Norm => None,
        }
    }

    /// FLOPs per element of a window.
    const fn flops(self) -> u64 {
        match self {
            Self::Max | Self::Average => 1,
            Self::Norm => 2,
        }
    }
}

/// Pooling over windows. What is not a square window, which is all that [`Pool`] can say, is arithmetic on each
/// element of the output, one FLOP for each element of the window.
pub(super) fn pool(call: &Call, reduce: Reduce) -> Outcome {
    let input = call.dims(0)?;
    let kernel = kernel_shape(call)?.ok_or_else(|| "has no kernel_shape".to_owned())?;
    let [images, channels, sides @ ..] = input else {
        return Err(format!("can't pool {}", dims::text(input)));
    };
    if sides.len() != kernel.len() {
        return Err(format!(
            "a window of {} for an input of {}",
            dims::text(&kernel),
            dims::text(input)
        ));
    }
    let auto = AutoPad::of(call)?;
    let up = call.int("ceil_mode", 0)? != 0;
    let mut output = vec![*images, *channels];
    let mut all = Vec::new();
    for (window, &side) in windows(call, &kernel)?.into_iter().zip(sides) {
        let window = window.padded(side, auto);
        output.push(if up {
            window.count_up(side)?
        } else {
            window.count(side)?
        });
        all.push(window);
    }
    let kind = match (square(&all), reduce.kind()) {
        (Some(window), Some(kind)) => Kind::Op(Op::Pool(Pool {
            kind,
            kernel: window.kernel,
            stride: window.stride,
            padding: window.padding[0],
        })),
        _ => Kind::Work(Work::Elementwise {
            flops: dims::elements(&kernel)?.saturating_mul(reduce.flops()),
        }),
    };
    Ok(vec![
        Produced::of(output.clone(), kind),
        // where the largest values were found: known from the same pass
        Produced::work(output, Work::Move),
    ])
}

/// The window of both axes, where it is the same.
fn square(windows: &[Window]) -> Option<Window> {
    match *windows {
        [rows, columns] if (rows.kernel, rows.stride) == (columns.kernel, columns.stride) => {
            Some(rows)
        }
        _ => None,
    }
}

/// Pooling over all positions.
pub(super) fn global_pool(call: &Call, reduce: Reduce) -> Outcome {
    let input = call.dims(0)?;
    let last = call.int("channels_last", 0)? != 0;
    if input.len() < 3 {
        return Err(format!("can't pool {}", dims::text(input)));
    }
    let mut output = vec![1; input.len()];
    let channels = if last { input.len() - 1 } else { 1 };
    output[0] = input[0];
    output[channels] = input[channels];
    let whole = per_image(input, call.images).channels == input[1] && input[0] == call.images;
    let op = match reduce {
        Reduce::Average if whole && !last => Kind::Op(Op::GlobalAvgPool),
        _ => Kind::Work(Work::Reduction {
            flops: reduce.flops(),
        }),
    };
    Ok(vec![Produced::of(output, op)])
}
