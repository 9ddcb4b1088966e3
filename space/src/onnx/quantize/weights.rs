//! Weights and biases as integers.

use super::super::proto::{DataType, TensorProto};

/// The largest signed level: -128 has no counterpart, and is left out.
const MOST: f32 = 127.0;

/// Weights as signed 8-bit integers, symmetric about 0: `weight = scale * integer`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights {
    pub(super) integers: Vec<i8>,
    /// One for each place along the axis, or one for all.
    pub(super) scales: Vec<f32>,
}

impl Weights {
    /// A tensor's elements, with a scale for each place along an axis, or with one scale for all; nothing where they are not there in single
    /// precision, or not finite.
    pub(super) fn of(tensor: &TensorProto, axis: Option<usize>) -> Option<Self> {
        let elements = elements(tensor)?;
        let (places, inner) = match axis {
            None => (1, elements.len().max(1)),
            Some(axis) => {
                let dims: Vec<usize> = tensor.dims.iter().map(|&dim| dim as usize).collect();
                (*dims.get(axis)?, dims[axis + 1..].iter().product())
            }
        };
        let place = |index: usize| index / inner % places;
        let mut scales = vec![0.0_f32; places];
        for (index, element) in elements.iter().enumerate() {
            let largest = &mut scales[place(index)];
            *largest = largest.max(element.abs());
        }
        for scale in &mut scales {
            *scale = if *scale > 0.0 { *scale / MOST } else { 1.0 };
        }
        let integers = elements.iter().enumerate();
        let integers = integers.map(|(index, element)| {
            (element / scales[place(index)]).round().clamp(-MOST, MOST) as i8
        });
        Some(Self {
            integers: integers.collect(),
            scales,
        })
    }
}

/// A bias as 32-bit integers with these scales: one for each element, or one for all.
pub(super) fn bias(tensor: &TensorProto, scales: &[f32]) -> Option<Vec<i32>> {
    let elements = elements(tensor)?;
    let is_vector = tensor.dims.len() == 1 && (scales.len() == 1 || scales.len() == elements.len());
    let scales = scales.iter().cycle();
    // a cast keeps to the ends of its range
    let integers = elements
        .iter()
        .zip(scales)
        .map(|(element, scale)| (element / scale).round() as i32);
    is_vector.then(|| integers.collect())
}

/// A tensor's elements, where they are finite numbers in single precision and as many as its sizes say.
pub(super) fn elements(tensor: &TensorProto) -> Option<Vec<f32>> {
    if tensor.data_type != Some(DataType::Float as i32) {
        return None;
    }
    let count = tensor.dims.iter().try_fold(1_usize, |product, &dim| {
        product.checked_mul(usize::try_from(dim).ok()?)
    })?;
    let elements = match tensor.raw_data.as_deref() {
        Some(raw) if !raw.is_empty() => {
            let (numbers, rest) = raw.as_chunks();
            rest.is_empty().then(|| {
                numbers
                    .iter()
                    .map(|&bytes| f32::from_le_bytes(bytes))
                    .collect()
            })?
        }
        _ => tensor.float_data.clone(),
    };
    let is_sound = elements.len() == count && count > 0 && elements.iter().all(|x| x.is_finite());
    is_sound.then_some(elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(dims: &[i64], elements: &[f32]) -> TensorProto {
        TensorProto {
            dims: dims.to_vec(),
            data_type: Some(DataType::Float as i32),
            float_data: elements.to_vec(),
            ..TensorProto::default()
        }
    }

    #[test]
    fn each_channel_has_its_scale() {
        let of =
            |axis| Weights::of(&tensor(&[2, 3], &[1.27, 0.0, -0.63, 0.0, 0.0, 0.0]), axis).unwrap();
        let rows = of(Some(0));
        assert_eq!(rows.integers, [127, 0, -63, 0, 0, 0]);
        assert!((rows.scales[0] - 0.01).abs() < 1e-7, "{rows:?}");
        // a channel of zeros has any scale but zero
        assert_eq!(rows.scales[1], 1.0);
        let columns = of(Some(1));
        assert_eq!(columns.integers, [127, 0, -127, 0, 0, 0]);
        assert_eq!(columns.scales.len(), 3);
        assert_eq!(of(None).scales.len(), 1);
    }

    #[test]
    fn what_is_no_number_or_not_there_is_left() {
        for (dims, elements) in [
            (&[2_i64][..], &[1.0, f32::NAN][..]),
            (&[2], &[1.0]),
            (&[0], &[]),
            (&[-1], &[1.0]),
            (&[i64::MAX, 3], &[1.0]),
        ] {
            assert_eq!(Weights::of(&tensor(dims, elements), None), None, "{dims:?}");
        }
        let half = TensorProto {
            data_type: Some(DataType::Float16 as i32),
            ..tensor(&[1], &[1.0])
        };
        assert_eq!(Weights::of(&half, None), None);
        assert_eq!(Weights::of(&tensor(&[2], &[1.0, 2.0]), Some(1)), None);
    }

    #[test]
    fn biases_are_vectors() {
        assert_eq!(
            bias(&tensor(&[2], &[1.0, -2.0]), &[0.5, 0.25]),
            Some(vec![2, -8])
        );
        assert_eq!(bias(&tensor(&[2], &[1.0, -2.0]), &[0.5]), Some(vec![2, -4]));
        assert_eq!(bias(&tensor(&[2], &[1.0, -2.0]), &[0.5; 3]), None);
        assert_eq!(bias(&tensor(&[2, 1], &[1.0, -2.0]), &[0.5]), None);
        assert_eq!(bias(&tensor(&[1], &[1e30]), &[1e-3]), Some(vec![i32::MAX]));
    }
}
