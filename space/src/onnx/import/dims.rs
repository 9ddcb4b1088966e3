//! Sizes of tensors of any rank, batch included, and what they are as the shape of one image's tensor.

use crate::shape::Shape;

/// Sizes along the axes.
pub(super) type Dims = Vec<usize>;

/// More axes than any tensor has.
const MAX_RANK: usize = 32;
/// More elements than any tensor has: sums over a whole network still fit 64 bits.
pub(super) const MAX_ELEMENTS: u64 = 1 << 40;

/// How many elements there are; an error beyond [`MAX_ELEMENTS`].
pub(super) fn elements(dims: &[usize]) -> Result<u64, String> {
    if dims.len() > MAX_RANK {
        return Err(format!(
            "a tensor of {} axes; at most {MAX_RANK} are read",
            dims.len()
        ));
    }
    // sizes of 0 don't excuse the others: steps between elements are computed from them
    let product = dims.iter().try_fold(1_u64, |product, &dim| {
        product.checked_mul(dim.max(1) as u64)
    });
    match product {
        Some(product) if product <= MAX_ELEMENTS => Ok(if dims.contains(&0) { 0 } else { product }),
        _ => Err(format!("a tensor of {} is too large", text(dims))),
    }
}

/// The sizes as people write them: `1x3x224x224`.
pub(super) fn text(dims: &[usize]) -> String {
    match dims {
        [] => "a scalar".to_owned(),
        _ => {
            let dims = dims.iter().map(ToString::to_string);
            dims.collect::<Vec<_>>().join("x")
        }
    }
}

/// A size that a file states: positive, and small enough for sums and products of two.
pub(super) fn size(value: i64, what: &str) -> Result<usize, String> {
    match usize::try_from(value) {
        Ok(size) if (1..=1 << 31).contains(&size) => Ok(size),
        _ => Err(format!("{what} must be from 1 to 2^31, but is {value}")),
    }
}

/// An axis that may be counted from the end.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let signed = rank as i64;
    if (-signed..signed).contains(&axis) {
        Ok(axis.rem_euclid(signed) as usize)
    } else {
        Err(format!("axis {axis} is outside a tensor of {rank} axes"))
    }
}

/// What two tensors become together: missing axes and sizes of 1 stretch.
pub(super) fn broadcast(left: &[usize], right: &[usize]) -> Result<Dims, String> {
    let rank = left.len().max(right.len());
    let at = |dims: &[usize], axis: usize| {
        let missing = rank - dims.len();
        if axis < missing {
            1
        } else {
            dims[axis - missing]
        }
    };
    let sides = (0..rank).map(|axis| match (at(left, axis), at(right, axis)) {
        (left, right) if left == right => Ok(left),
        (1, size) | (size, 1) => Ok(size),
        _ => Err(format!("can't combine {} with {}", text(left), text(right))),
    });
    sides.collect()
}

/// Steps between neighbours along each axis, in elements.
pub(super) fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis];
    }
    strides
}

/// The shape of one image's tensor, for a model run on this many images.
///
/// The first axis is taken for the batch where the number of images divides it; what it has beyond them is
/// merged into the rows. The next axis is the channels, the last one the columns, and whatever lies between
/// is merged into the rows: `(N, C, H, W)` is exact, `(N, T, C)` is `(T, 1, C)`, `(N, features)` is
/// `(features, 1, 1)`, `(N, g, n, H, W)` is `(g, n * H, W)`. The number of elements is always that of an
/// image; a tensor that the images share (a scale, say) is split evenly among them, rounded up.
pub(super) fn per_image(dims: &[usize], images: usize) -> Shape {
    match dims {
        [] => Shape::new(1, 1, 1),
        [first, rest @ ..] if first.is_multiple_of(images) => {
            let more = first / images;
            match rest {
                [] => Shape::new(more, 1, 1),
                [channels] => Shape::new(*channels, more, 1),
                [channels, rows @ .., columns] => {
                    Shape::new(*channels, more * rows.iter().product::<usize>(), *columns)
                }
            }
        }
        _ => Shape::new(dims.iter().product::<usize>().div_ceil(images), 1, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_keep_the_elements_of_an_image() {
        let table: [(&[usize], usize, Shape); 9] = [
            (&[1, 3, 5, 7], 1, Shape::new(3, 5, 7)),
            (&[4, 3, 5, 7], 4, Shape::new(3, 5, 7)),
            (&[2, 10], 2, Shape::new(10, 1, 1)),
            (&[1, 197, 384], 1, Shape::new(197, 1, 384)),
            (&[1, 2, 4, 6, 8], 1, Shape::new(2, 24, 8)),
            (&[64, 49, 96], 1, Shape::new(49, 64, 96)),
            (&[128, 49, 96], 2, Shape::new(49, 64, 96)),
            (&[], 4, Shape::new(1, 1, 1)),
            (&[3], 2, Shape::new(2, 1, 1)),
        ];
        for (dims, images, shape) in table {
            assert_eq!(per_image(dims, images), shape, "{dims:?}");
        }
    }

    #[test]
    fn broadcasting() {
        type Sizes = &'static [usize];
        let table: [(Sizes, Sizes, Option<Sizes>); 5] = [
            (&[2, 3], &[3], Some(&[2, 3])),
            (&[2, 1, 4], &[5, 1], Some(&[2, 5, 4])),
            (&[], &[7], Some(&[7])),
            (&[2, 3], &[2], None),
            (&[0, 3], &[1], Some(&[0, 3])),
        ];
        for (left, right, expected) in table {
            assert_eq!(
                broadcast(left, right).ok().as_deref(),
                expected,
                "{left:?} {right:?}"
            );
        }
    }

    #[test]
    fn axes_and_sizes() {
        assert_eq!(axis(-1, 4), Ok(3));
        assert_eq!(axis(0, 1), Ok(0));
        assert!(axis(0, 0).is_err() && axis(4, 4).is_err() && axis(-5, 4).is_err());
        assert!(size(0, "a").is_err() && size(-1, "a").is_err() && size(i64::MAX, "a").is_err());
        assert_eq!(elements(&[]), Ok(1));
        assert!(elements(&[1 << 21, 1 << 21]).is_err());
        assert!(elements(&[usize::MAX, usize::MAX]).is_err());
        assert!(elements(&[1; 33]).is_err());
    }
}
