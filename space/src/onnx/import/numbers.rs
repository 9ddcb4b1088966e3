//! Contents of small tensors: shapes on their way through the graph, and constants of operators.

use super::super::proto::{DataLocation, DataType, TensorProto};
use super::dims::{self, Dims};

/// Larger tensors have a shape and no contents here.
pub(super) const MAX_NUMBERS: u64 = 1024;

/// The elements of a small tensor, last axis fastest.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Numbers {
    /// Integers and booleans.
    Ints(Vec<i64>),
    /// Floating-point numbers of any width.
    Floats(Vec<f64>),
}

impl Numbers {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Ints(ints) => ints.len(),
            Self::Floats(floats) => floats.len(),
        }
    }

    /// The elements as integers; `None` for fractions.
    pub(super) fn ints(&self) -> Option<Vec<i64>> {
        match self {
            Self::Ints(ints) => Some(ints.clone()),
            Self::Floats(floats) => {
                let whole = |&float: &f64| (float.fract() == 0.0).then_some(float as i64);
                floats.iter().map(whole).collect()
            }
        }
    }

    pub(super) fn floats(&self) -> Vec<f64> {
        match self {
            Self::Ints(ints) => ints.iter().map(|&int| int as f64).collect(),
            Self::Floats(floats) => floats.clone(),
        }
    }

    /// The only element.
    pub(super) fn scalar(&self) -> Option<f64> {
        match self {
            Self::Ints(ints) if ints.len() == 1 => Some(ints[0] as f64),
            Self::Floats(floats) if floats.len() == 1 => Some(floats[0]),
            _ => None,
        }
    }

    /// The elements at these places; `None` if there is no such place.
    pub(super) fn select(&self, places: impl Iterator<Item = usize>) -> Option<Self> {
        Some(match self {
            Self::Ints(ints) => Self::Ints(
                places
                    .map(|place| ints.get(place).copied())
                    .collect::<Option<_>>()?,
            ),
            Self::Floats(floats) => Self::Floats(
                places
                    .map(|place| floats.get(place).copied())
                    .collect::<Option<_>>()?,
            ),
        })
    }

    /// One list after another: floats if one of them is.
    pub(super) fn chain(parts: &[&Self]) -> Self {
        if parts.iter().all(|part| matches!(part, Self::Ints(_))) {
            Self::Ints(
                parts
                    .iter()
                    .filter_map(|part| part.ints())
                    .flatten()
                    .collect(),
            )
        } else {
            Self::Floats(parts.iter().flat_map(|part| part.floats()).collect())
        }
    }
}

/// Positions of a tensor in order, as indices along its axes, for tensors small enough to have contents.
pub(super) fn positions(dims: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<> {
    let count = match dims::elements(dims) {
        Ok(count) if count <= MAX_NUMBERS => count as usize,
        _ => 0,
    };
    let (dims, strides) = (dims.to_vec(), dims::strides(dims));
    (0..count).map(move |place| {
        let axes = dims.iter().zip(&strides);
        axes.map(|(dim, stride)| place / stride % dim).collect()
    })
}

/// A stored tensor: its sizes, and its contents if they are few and there.
///
/// The elements may be missing altogether (files are stripped of weights to be small): sizes are then all there is.
pub(super) fn literal(tensor: &TensorProto) -> Result<(Dims, Option<Numbers>), String> {
    let dim = |&dim: &i64| match usize::try_from(dim) {
        Ok(dim) if dim <= 1 << 40 => Ok(dim),
        _ => Err(format!("a size of {dim}")),
    };
    let dims = tensor.dims.iter().map(dim).collect::<Result<Dims, _>>()?;
    let elements = dims::elements(&dims)?;
    if tensor.data_location() == DataLocation::External {
        return Ok((dims, None));
    }
    let kind = tensor
        .data_type
        .and_then(|kind| DataType::try_from(kind).ok());
    let stored = stored(tensor, kind, elements)?;
    if !stored || elements > MAX_NUMBERS {
        return Ok((dims, None));
    }
    Ok((dims, kind.and_then(|kind| contents(tensor, kind))))
}

/// Whether the elements are there: as many as the sizes say.
fn stored(tensor: &TensorProto, kind: Option<DataType>, elements: u64) -> Result<bool, String> {
    let complain = |found: u64, unit: &str, needed: u64| {
        format!(
            "holds {found} {unit}, but {} needs {needed}",
            dims::text(
                &tensor
                    .dims
                    .iter()
                    .map(|&dim| dim as usize)
                    .collect::<Dims>()
            )
        )
    };
    if let Some(raw) = &tensor.raw_data
        && (!raw.is_empty() || elements == 0)
    {
        let Some(width) = kind.and_then(width) else {
            return Ok(true);
        };
        let needed = width * elements;
        return if raw.len() as u64 == needed {
            Ok(true)
        } else {
            Err(complain(raw.len() as u64, "bytes", needed))
        };
    }
    let lists = [
        tensor.float_data.len(),
        tensor.int32_data.len(),
        tensor.int64_data.len(),
        tensor.double_data.len(),
        tensor.uint64_data.len(),
        tensor.string_data.len(),
    ];
    let found = lists.iter().sum::<usize>() as u64;
    let packed = matches!(
        kind,
        None | Some(DataType::Complex64 | DataType::Complex128 | DataType::Uint4 | DataType::Int4)
    );
    if found == 0 {
        Ok(elements == 0)
    } else if found == elements || packed {
        Ok(true)
    } else {
        Err(complain(found, "elements", elements))
    }
}

/// Bytes of one element, where it has whole bytes.
pub(super) fn width(kind: DataType) -> Option<u64> {
    Some(match kind {
        DataType::Uint8
        | DataType::Int8
        | DataType::Bool
        | DataType::Float8E4M3Fn
        | DataType::Float8E4M3Fnuz
        | DataType::Float8E5M2
        | DataType::Float8E5M2Fnuz => 1,
        DataType::Uint16 | DataType::Int16 | DataType::Float16 | DataType::Bfloat16 => 2,
        DataType::Float | DataType::Int32 | DataType::Uint32 => 4,
        DataType::Double | DataType::Int64 | DataType::Uint64 | DataType::Complex64 => 8,
        DataType::Complex128 => 16,
        DataType::Undefined | DataType::String | DataType::Uint4 | DataType::Int4 => return None,
    })
}

fn contents(tensor: &TensorProto, kind: DataType) -> Option<Numbers> {
    let raw = tensor.raw_data.as_deref().filter(|raw| !raw.is_empty());
    let ints = |ints: Vec<i64>| Some(Numbers::Ints(ints));
    let floats = |floats: Vec<f64>| Some(Numbers::Floats(floats));
    let half = |bits: u16| match kind {
        DataType::Float16 => half(bits),
        _ => f64::from(f32::from_bits(u32::from(bits) << 16)),
    };
    let Some(raw) = raw else {
        return match kind {
            DataType::Float => floats(tensor.float_data.iter().map(|&x| f64::from(x)).collect()),
            DataType::Double => floats(tensor.double_data.clone()),
            DataType::Int64 => ints(tensor.int64_data.clone()),
            DataType::Float16 | DataType::Bfloat16 => {
                floats(tensor.int32_data.iter().map(|&x| half(x as u16)).collect())
            }
            DataType::Int32
            | DataType::Int16
            | DataType::Int8
            | DataType::Uint16
            | DataType::Uint8
            | DataType::Bool => ints(tensor.int32_data.iter().map(|&x| i64::from(x)).collect()),
            _ => None,
        };
    };
    match kind {
        DataType::Float => floats(
            raw.as_chunks()
                .0
                .iter()
                .map(|&x| f64::from(f32::from_le_bytes(x)))
                .collect(),
        ),
        DataType::Double => floats(
            raw.as_chunks()
                .0
                .iter()
                .map(|&x| f64::from_le_bytes(x))
                .collect(),
        ),
        DataType::Float16 | DataType::Bfloat16 => floats(
            raw.as_chunks()
                .0
                .iter()
                .map(|&x| half(u16::from_le_bytes(x)))
                .collect(),
        ),
        DataType::Int64 => ints(
            raw.as_chunks()
                .0
                .iter()
                .map(|&x| i64::from_le_bytes(x))
                .collect(),
        ),
        DataType::Int32 => ints(
            raw.as_chunks()
                .0
                .iter()
                .map(|&x| i64::from(i32::from_le_bytes(x)))
                .collect(),
        ),
        DataType::Int16 => ints(
            raw.as_chunks()
                .0
                .iter()
                .map(|&x| i64::from(i16::from_le_bytes(x)))
                .collect(),
        ),
        DataType::Uint16 => ints(
            raw.as_chunks()
                .0
                .iter()
                .map(|&x| i64::from(u16::from_le_bytes(x)))
                .collect(),
        ),
        DataType::Int8 => ints(raw.iter().map(|&x| i64::from(x as i8)).collect()),
        DataType::Uint8 | DataType::Bool => ints(raw.iter().map(|&x| i64::from(x)).collect()),
        _ => None,
    }
}

/// IEEE 754 half precision, from its bits.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023) / 1024.0);
    sign * match exponent {
        0 => fraction * 2_f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * 2_f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x4600, 6.0),
            (0x0001, 2_f64.powi(-24)),
            (0x7c00, f64::INFINITY),
        ] {
            assert_eq!(half(bits), value);
        }
    }

    #[test]
    fn missing_elements_are_a_shape_and_wrong_ones_an_error() {
        let tensor = |raw: Option<Vec<u8>>| TensorProto {
            dims: vec![2],
            data_type: Some(DataType::Int64 as i32),
            raw_data: raw,
            ..TensorProto::default()
        };
        assert_eq!(literal(&tensor(None)), Ok((vec![2], None)));
        let mut raw = vec![0; 16];
        raw[8] = 7;
        assert_eq!(
            literal(&tensor(Some(raw))),
            Ok((vec![2], Some(Numbers::Ints(vec![0, 7]))))
        );
        assert_eq!(
            literal(&tensor(Some(vec![0; 15]))).unwrap_err(),
            "holds 15 bytes, but 2 needs 16"
        );
    }
}
