//! A look at the bytes before they are decoded. A message of two bytes may take hundreds in memory, so messages are
//! counted; and a model's bytes are nearly all elements of weights, which nobody needs, so they are left out.

use super::super::proto::DataType;
use super::numbers::{MAX_NUMBERS, width};

/// More messages than the largest models have by an order of magnitude.
const MAX_MESSAGES: usize = 2_000_000;
/// Shorter messages are kept as they are: they hold no tensor whose elements are too many to be kept.
const SHORT: usize = MAX_NUMBERS as usize;

/// Messages that may be many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Model,
    Function,
    Graph,
    Node,
    Attribute,
    Tensor,
    Sparse,
    Info,
    Type,
    TensorType,
    Shape,
    /// A message or a string that holds no lists.
    Leaf,
}

impl Kind {
    /// What a field of this number holds, if it is one that nests.
    const fn field(self, number: u64) -> Option<Self> {
        Some(match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Node, 5) | (Self::Function, 11) => Self::Attribute,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::Sparse, 1 | 2) => Self::Tensor,
            (Self::Graph, 15) => Self::Sparse,
            (Self::Graph, 11..=13) => Self::Info,
            (Self::Info, 2) => Self::Type,
            (Self::Type, 1) => Self::TensorType,
            (Self::TensorType, 2) => Self::Shape,
            (Self::Model, 8 | 14)
            | (Self::Function, 4 | 5)
            | (Self::Node, 1 | 2)
            | (Self::Attribute, 9)
            | (Self::Tensor, 6 | 13)
            | (Self::Shape, 1) => Self::Leaf,
            _ => return None,
        })
    }
}

/// The same model without the elements of large tensors, which are as many as their sizes say.
///
/// Refuses bytes that hold more messages than a model can have, or that aren't protobuf where messages nest.
pub(super) fn slimmed(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut left = MAX_MESSAGES;
    let mut slim = Vec::new();
    copy(bytes, Kind::Model, &mut left, 0, &mut slim)?;
    Ok(slim)
}

/// Copies a message, and counts those that it holds.
fn copy(
    mut bytes: &[u8],
    kind: Kind,
    left: &mut usize,
    depth: usize,
    slim: &mut Vec<u8>,
) -> Result<(), String> {
    // as deep as the decoder goes
    if depth > 100 {
        return Err("messages nest too deeply".to_owned());
    }
    let stored = if kind == Kind::Tensor {
        stored_bytes(bytes)?
    } else {
        None
    };
    while !bytes.is_empty() {
        let field = Field::take(&mut bytes)?;
        let Content::Bytes(inner) = field.content else {
            slim.extend_from_slice(field.whole);
            continue;
        };
        if kind == Kind::Tensor && field.number == RAW_DATA && stored == Some(inner.len()) {
            continue;
        }
        let Some(nested) = kind.field(field.number) else {
            slim.extend_from_slice(field.whole);
            continue;
        };
        *left = left
            .checked_sub(1)
            .ok_or_else(|| format!("it holds more than {MAX_MESSAGES} messages"))?;
        if nested == Kind::Leaf {
            slim.extend_from_slice(field.whole);
        } else {
            let mut content = Vec::new();
            copy(inner, nested, left, depth + 1, &mut content)?;
            if content.len() == inner.len() {
                slim.extend_from_slice(field.whole);
            } else {
                slim.extend_from_slice(field.key);
                write_varint(content.len() as u64, slim);
                slim.extend_from_slice(&content);
            }
        }
    }
    Ok(())
}

/// `TensorProto.dims`
const DIMS: u64 = 1;
/// `TensorProto.data_type`
const DATA_TYPE: u64 = 2;
/// `TensorProto.raw_data`
const RAW_DATA: u64 = 9;

/// How many bytes the elements of a tensor take by its sizes and its type, where they are too many to be kept.
fn stored_bytes(mut bytes: &[u8]) -> Result<Option<usize>, String> {
    if bytes.len() < SHORT {
        return Ok(None);
    }
    let (mut elements, mut kind) = (Some(1_u64), None);
    while !bytes.is_empty() {
        let field = Field::take(&mut bytes)?;
        match (field.number, field.content) {
            (DIMS, Content::Number(dim)) => {
                elements = elements.and_then(|elements| elements.checked_mul(dim));
            }
            (DIMS, Content::Bytes(mut dims)) => {
                while !dims.is_empty() {
                    let dim = varint(&mut dims).ok_or(UNSOUND)?;
                    elements = elements.and_then(|elements| elements.checked_mul(dim));
                }
            }
            (DATA_TYPE, Content::Number(number)) => {
                kind = i32::try_from(number)
                    .ok()
                    .and_then(|number| DataType::try_from(number).ok());
            }
            _ => {}
        }
    }
    let stored = elements
        .filter(|&elements| elements > MAX_NUMBERS)
        .zip(kind.and_then(width))
        .and_then(|(elements, width)| elements.checked_mul(width));
    Ok(stored.and_then(|stored| usize::try_from(stored).ok()))
}

const UNSOUND: &str = "no sound protobuf message";

/// A field of a message as it stands in the bytes.
struct Field<'a> {
    number: u64,
    key: &'a [u8],
    /// Key, length and content.
    whole: &'a [u8],
    content: Content<'a>,
}

enum Content<'a> {
    Number(u64),
    Fixed,
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    /// Takes a field off the front.
    fn take(bytes: &mut &'a [u8]) -> Result<Self, String> {
        let start = *bytes;
        Self::split(start, bytes).ok_or_else(|| UNSOUND.to_owned())
    }

    fn split(start: &'a [u8], bytes: &mut &'a [u8]) -> Option<Self> {
        let key = varint(bytes)?;
        let key_bytes = &start[..start.len() - bytes.len()];
        let content = match key & 7 {
            0 => Content::Number(varint(bytes)?),
            1 | 5 => {
                let width = if key & 7 == 1 { 8 } else { 4 };
                *bytes = bytes.get(width..)?;
                Content::Fixed
            }
            2 => {
                let length = usize::try_from(varint(bytes)?).ok()?;
                let (content, rest) = bytes.split_at_checked(length)?;
                *bytes = rest;
                Content::Bytes(content)
            }
            // groups, which ONNX never had
            _ => return None,
        };
        Some(Self {
            number: key >> 3,
            key: key_bytes,
            whole: &start[..start.len() - bytes.len()],
            content,
        })
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

fn write_varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value > 127 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::super::super::proto::{GraphProto, ModelProto, TensorProto};
    use super::*;

    fn model(raw: usize) -> ModelProto {
        let tensor = |name: &str, dims: &[i64], raw: usize| TensorProto {
            name: Some(name.to_owned()),
            dims: dims.to_vec(),
            data_type: Some(DataType::Float as i32),
            raw_data: Some(vec![1; raw]),
            ..TensorProto::default()
        };
        ModelProto {
            graph: Some(GraphProto {
                name: Some("graph".to_owned()),
                initializer: vec![tensor("large", &[64, 64], raw), tensor("small", &[64], 256)],
                ..GraphProto::default()
            }),
            ir_version: Some(8),
            ..ModelProto::default()
        }
    }

    #[test]
    fn large_tensors_lose_their_elements_and_nothing_else() {
        let whole = model(4 * 64 * 64);
        let slim = slimmed(&whole.encode_to_vec()).unwrap();
        assert!(slim.len() < 500);
        let mut expected = whole;
        expected.graph.as_mut().unwrap().initializer[0].raw_data = None;
        assert_eq!(ModelProto::decode(&*slim), Ok(expected));
    }

    #[test]
    fn elements_that_contradict_their_sizes_stay_to_be_complained_about() {
        let wrong = model(4 * 64 * 64 - 1).encode_to_vec();
        assert_eq!(slimmed(&wrong).unwrap(), wrong);
    }

    #[test]
    fn lengths_of_all_sizes() {
        for value in [0, 1, 127, 128, 300, 1 << 35, u64::MAX] {
            let mut bytes = Vec::new();
            write_varint(value, &mut bytes);
            let mut rest = &*bytes;
            assert_eq!(varint(&mut rest), Some(value));
            assert!(rest.is_empty());
        }
    }
}
