//! Windows that slide over an axis: kernels, strides, dilations and paddings as nodes state them.

use super::call::Call;
use super::dims;

/// How a window slides over one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
    /// Zeros before and after.
    pub(super) padding: [usize; 2],
}

/// How the padding is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AutoPad {
    /// In numbers.
    NotSet,
    /// As much as makes the output `ceil(input / stride)`, what is odd at the end.
    SameUpper,
    /// The same, what is odd at the beginning.
    SameLower,
    /// None.
    Valid,
}

impl AutoPad {
    pub(super) fn of(call: &Call) -> Result<Self, String> {
        Ok(match call.text("auto_pad")? {
            None | Some("" | "NOTSET") => Self::NotSet,
            Some("SAME_UPPER") => Self::SameUpper,
            Some("SAME_LOWER") => Self::SameLower,
            Some("VALID") => Self::Valid,
            Some(other) => return Err(format!("auto_pad is {other:?}")),
        })
    }
}

/// The windows over all spatial axes, from a node's attributes.
pub(super) fn windows(call: &Call, kernel: &[usize]) -> Result<Vec<Window>, String> {
    let rank = kernel.len();
    let list = |name: &str, length: usize, default: i64| match call.ints(name)? {
        None => Ok(vec![default; length]),
        Some([]) => Ok(vec![default; length]),
        Some(ints) if ints.len() == length => Ok(ints.to_vec()),
        Some(ints) => Err(format!(
            "{name} has {} numbers where {length} belong",
            ints.len()
        )),
    };
    let (strides, dilations) = (list("strides", rank, 1)?, list("dilations", rank, 1)?);
    let pads = list("pads", 2 * rank, 0)?;
    let pad = |axis: usize| match usize::try_from(pads[axis]) {
        Ok(pad) if pad <= 1 << 31 => Ok(pad),
        _ => Err(format!("a padding of {}", pads[axis])),
    };
    let window = |axis: usize| {
        Ok(Window {
            kernel: kernel[axis],
            stride: dims::size(strides[axis], "a stride")?,
            dilation: dims::size(dilations[axis], "a dilation")?,
            padding: [pad(axis)?, pad(axis + rank)?],
        })
    };
    (0..rank).map(window).collect()
}

/// The kernel that an attribute states.
pub(super) fn kernel_shape(call: &Call) -> Result<Option<Vec<usize>>, String> {
    let sizes = |ints: &[i64]| {
        let sizes = ints.iter().map(|&int| dims::size(int, "a kernel size"));
        sizes.collect::<Result<Vec<_>, _>>()
    };
    call.ints("kernel_shape")?
        .filter(|ints| !ints.is_empty())
        .map(sizes)
        .transpose()
}

impl Window {
    /// Elements that the window spans.
    pub(super) fn extent(&self) -> u64 {
        (self.kernel as u64 - 1) * self.dilation as u64 + 1
    }

    /// The same window with the padding decided for an input of this size.
    pub(super) fn padded(self, input: usize, auto: AutoPad) -> Self {
        let total = {
            let windows = input.div_ceil(self.stride).saturating_sub(1) as u64;
            let reach = windows * self.stride as u64 + self.extent();
            reach.saturating_sub(input as u64) as usize
        };
        let (less, more) = (total / 2, total - total / 2);
        let padding = match auto {
            AutoPad::NotSet => self.padding,
            AutoPad::Valid => [0; 2],
            AutoPad::SameUpper => [less, more],
            AutoPad::SameLower => [more, less],
        };
        Self { padding, ..self }
    }

    /// How many windows fit: `floor((input + padding - extent) / stride) + 1`.
    pub(super) fn count(&self, input: usize) -> Result<usize, String> {
        let fits = self.room(input)? / self.stride as u64;
        Ok(fits as usize + 1)
    }

    /// The same, rounded up, but without a window that begins in the padding at the end.
    pub(super) fn count_up(&self, input: usize) -> Result<usize, String> {
        let stride = self.stride as u64;
        let last = self.room(input)?.div_ceil(stride);
        let begins = last * stride;
        let beyond = begins >= input as u64 + self.padding[0] as u64;
        Ok(if beyond {
            last as usize
        } else {
            last as usize + 1
        })
    }

    fn room(&self, input: usize) -> Result<u64, String> {
        let padded = input as u64 + self.padding[0] as u64 + self.padding[1] as u64;
        padded.checked_sub(self.extent()).ok_or_else(|| {
            format!(
                "a kernel of {} with dilation {} is larger than its padded input of {padded}",
                self.kernel, self.dilation
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let window = |kernel, stride, dilation, padding| Window {
            kernel,
            stride,
            dilation,
            padding,
        };
        // window, way of padding, input -> output rounded down and up
        let table = [
            (window(3, 1, 1, [1, 1]), AutoPad::NotSet, 20, 20, 20),
            (window(3, 2, 1, [0, 0]), AutoPad::NotSet, 112, 55, 56),
            (window(3, 2, 1, [1, 1]), AutoPad::NotSet, 224, 112, 113),
            (window(3, 2, 1, [0, 0]), AutoPad::SameUpper, 224, 112, 112),
            (window(3, 2, 1, [0, 0]), AutoPad::SameLower, 225, 113, 113),
            (window(3, 2, 1, [9, 9]), AutoPad::Valid, 224, 111, 112),
            (window(3, 1, 2, [2, 2]), AutoPad::NotSet, 10, 10, 10),
            (window(2, 2, 1, [0, 0]), AutoPad::NotSet, 7, 3, 4),
            (window(1, 2, 1, [0, 0]), AutoPad::SameUpper, 7, 4, 4),
            // a third window would begin after the input
            (window(1, 3, 1, [0, 1]), AutoPad::NotSet, 3, 2, 1),
        ];
        for (window, auto, input, down, up) in table {
            let padded = window.padded(input, auto);
            assert_eq!(padded.count(input), Ok(down), "{window:?} {input}");
            assert_eq!(padded.count_up(input), Ok(up), "{window:?} {input}");
        }
        assert!(window(5, 1, 1, [0, 1]).count(3).is_err());
    }
}
