//! Convolutions, transposed and quantised ones included.

use super::super::call::{Call, Kind, Outcome, Produced};
use super::super::dims::{self, Dims, per_image};
use super::super::window::{AutoPad, Window, kernel_shape, windows};
use crate::op::{Conv, ConvTranspose, Op};

/// Where a convolution finds its operands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operands {
    pub(super) data: usize,
    pub(super) weight: usize,
    pub(super) bias: Option<usize>,
}

impl Operands {
    pub(super) const PLAIN: Self = Self {
        data: 0,
        weight: 1,
        bias: Some(2),
    };
    /// `x, w, x_zero_point, w_zero_point`
    pub(super) const INTEGER: Self = Self {
        data: 0,
        weight: 1,
        bias: None,
    };
    /// `x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, bias`
    pub(super) const QUANTIZED: Self = Self {
        data: 0,
        weight: 3,
        bias: Some(8),
    };
}

/// A convolution as its weights, `[out, in / groups, kernel ...]`, and attributes have it.
pub(super) fn conv(call: &Call, operands: Operands) -> Outcome {
    let input = call.dims(operands.data)?;
    let weight = call.dims(operands.weight)?;
    let [images, channels, sides @ ..] = input else {
        return Err(format!("can't convolve {}", dims::text(input)));
    };
    let [out_channels, seen, kernel @ ..] = weight else {
        return Err(format!("weights of {}", dims::text(weight)));
    };
    let groups = groups(call)?;
    if weight.len() != input.len() || sides.is_empty() || weight.contains(&0) {
        return Err(format!(
            "weights of {} don't suit an input of {}",
            dims::text(weight),
            dims::text(input)
        ));
    }
    if seen.checked_mul(groups) != Some(*channels) {
        return Err(format!(
            "weights of {} in {groups} groups need {} input channels, but the input is {}",
            dims::text(weight),
            seen.saturating_mul(groups),
            dims::text(input)
        ));
    }
    if !out_channels.is_multiple_of(groups) {
        return Err(format!(
            "{groups} groups don't divide {out_channels} channels"
        ));
    }
    agrees(call, kernel)?;
    let bias = bias(call, operands, *out_channels)?;
    let auto = AutoPad::of(call)?;
    let windows: Vec<Window> = windows(call, kernel)?
        .into_iter()
        .zip(sides)
        .map(|(window, &side)| window.padded(side, auto))
        .collect();
    let mut output = vec![*images, *out_channels];
    for (window, &side) in windows.iter().zip(sides) {
        output.push(window.count(side)?);
    }
    if !call.input(operands.weight)?.is_weight() {
        let macs = macs(&output, weight)?;
        return Ok(vec![Produced::of(
            output,
            Kind::Product { macs, weights: 0 },
        )]);
    }
    suits(call, input, *channels)?;
    let conv = merged(&windows, *out_channels, groups, bias);
    Ok(vec![
        Produced::op(output, Op::Conv(conv)).reading([operands.data]),
    ])
}

/// A transposed convolution: weights are `[in, out / groups, kernel ...]`.
pub(super) fn conv_transpose(call: &Call) -> Outcome {
    let input = call.dims(0)?;
    let weight = call.dims(1)?;
    let ([images, channels, sides @ ..], [from, fraction, kernel @ ..]) = (input, weight) else {
        return Err(format!(
            "weights of {} don't suit an input of {}",
            dims::text(weight),
            dims::text(input)
        ));
    };
    let groups = groups(call)?;
    if weight.len() != input.len() || sides.is_empty() || weight.contains(&0) || from != channels {
        return Err(format!(
            "weights of {} don't suit an input of {}",
            dims::text(weight),
            dims::text(input)
        ));
    }
    if !channels.is_multiple_of(groups) {
        return Err(format!("{groups} groups don't divide {channels} channels"));
    }
    let out_channels = fraction
        .checked_mul(groups)
        .ok_or_else(|| format!("{groups} groups of {fraction} channels are too many"))?;
    agrees(call, kernel)?;
    let bias = bias(call, Operands::PLAIN, out_channels)?;
    let auto = AutoPad::of(call)?;
    let windows = windows(call, kernel)?;
    let extra = match call.ints("output_padding")? {
        None | Some([]) => vec![0; kernel.len()],
        Some(extra) if extra.len() == kernel.len() => extra.to_vec(),
        Some(extra) => {
            return Err(format!(
                "output_padding has {} numbers where {} belong",
                extra.len(),
                kernel.len()
            ));
        }
    };
    let stated = call.ints("output_shape")?.filter(|sizes| !sizes.is_empty());
    let mut output = vec![*images, out_channels];
    for (axis, (window, &side)) in windows.iter().zip(sides).enumerate() {
        // the sizes of the axes alone, or those of the whole output
        let stated = match stated {
            None => None,
            Some(sizes) if sizes.len() == sides.len() => Some(sizes[axis]),
            Some(sizes) if sizes.len() == input.len() => Some(sizes[axis + 2]),
            Some(sizes) => return Err(format!("output_shape has {} numbers", sizes.len())),
        };
        output.push(match (stated, auto) {
            (Some(size), _) => dims::size(size, "output_shape")?,
            (None, AutoPad::SameUpper | AutoPad::SameLower) => side
                .checked_mul(window.stride)
                .ok_or_else(|| format!("a stride of {}", window.stride))?,
            (None, AutoPad::NotSet | AutoPad::Valid) => {
                let window = window.padded(side, auto);
                let reach =
                    (side as i128 - 1) * window.stride as i128 + i128::from(window.extent());
                let padding = window.padding[0] as i128 + window.padding[1] as i128;
                let size = reach + i128::from(extra[axis]) - padding;
                dims::size(i64::try_from(size).unwrap_or(i64::MAX), "an output size")?
            }
        });
    }
    if !call.input(1)?.is_weight() {
        let macs = macs(input, &[1, weight[1..].iter().product()])?;
        return Ok(vec![Produced::of(
            output,
            Kind::Product { macs, weights: 0 },
        )]);
    }
    suits(call, input, *channels)?;
    let extra = |axis: usize| usize::try_from(extra[axis]).unwrap_or(0);
    let transposed = ConvTranspose {
        conv: merged(&windows, out_channels, groups, bias),
        output_padding: match windows.len() {
            1 => [0, extra(0)],
            2 => [extra(0), extra(1)],
            _ => [0; 2],
        },
    };
    Ok(vec![
        Produced::op(output, Op::ConvTranspose(transposed)).reading([0]),
    ])
}

fn groups(call: &Call) -> Result<usize, String> {
    dims::size(call.int("group", 1)?, "group")
}

/// The attribute's kernel must be that of the weights.
fn agrees(call: &Call, kernel: &[usize]) -> Result<(), String> {
    match kernel_shape(call)? {
        Some(stated) if stated != kernel => Err(format!(
            "kernel_shape is {}, but the weights' is {}",
            dims::text(&stated),
            dims::text(kernel)
        )),
        _ => Ok(()),
    }
}

fn bias(call: &Call, operands: Operands, channels: usize) -> Result<bool, String> {
    let Some(bias) = operands.bias.and_then(|position| call.optional(position)) else {
        return Ok(false);
    };
    match bias.dims()? {
        &[size] if size == channels => Ok(true),
        dims => Err(format!(
            "a bias of {} for {channels} output channels",
            dims::text(dims)
        )),
    }
}

/// Multiplications of a convolution whose weights are computed too.
fn macs(output: &[usize], weight: &[usize]) -> Result<u128, String> {
    let fan_in: Dims = weight[1..].to_vec();
    Ok(u128::from(dims::elements(output)?) * u128::from(dims::elements(&fan_in)?))
}

/// The channels that the count starts from are those of the input as one image's shape.
fn suits(call: &Call, input: &[usize], channels: usize) -> Result<(), String> {
    let shape = per_image(input, call.images);
    if shape.channels == channels {
        Ok(())
    } else {
        Err(format!(
            "an input of {} for {} images",
            dims::text(input),
            call.images
        ))
    }
}

/// Two axes, whatever there were: one axis is the columns, and of three or more all but the last are merged
/// into the rows, which keeps the counts.
fn merged(windows: &[Window], out_channels: usize, groups: usize, bias: bool) -> Conv {
    const NONE: Window = Window {
        kernel: 1,
        stride: 1,
        dilation: 1,
        padding: [0; 2],
    };
    let (columns, rest) = windows.split_last().unwrap_or((&NONE, &[]));
    let rows = rest.last().unwrap_or(&NONE);
    let product = |size: fn(&Window) -> usize| rest.iter().map(size).fold(1, usize::saturating_mul);
    Conv {
        out_channels,
        kernel: [product(|window| window.kernel), columns.kernel],
        stride: [product(|window| window.stride), columns.stride],
        dilation: [rows.dilation, columns.dilation],
        padding: [rows.padding[0], columns.padding[0]],
        groups,
        bias,
    }
}
