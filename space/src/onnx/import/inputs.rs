//! The inputs of a model: which one is the image, and how large they are.

use std::collections::BTreeMap;

use super::super::proto::{DimensionValue, GraphProto, NodeProto, ValueInfoProto};
use super::dims::{self, Dims, per_image};
use super::error::ImportError;
use super::options::ImportOptions;
use crate::shape::Shape;

/// The inputs of a model.
pub(super) struct Inputs<'a> {
    /// Names and sizes, in the file's order.
    pub(super) all: Vec<(&'a str, Dims)>,
    /// Which of them is the image: the first with four axes, or else the first.
    pub(super) image: usize,
    /// How many images the model takes at once.
    pub(super) images: usize,
    /// Whether it takes any number.
    pub(super) open_batch: bool,
    /// Shape of one image, its channels first.
    pub(super) shape: Shape,
}

/// The sizes that a file declares of a value; `None` for one it leaves open, or altogether for an unknown rank.
pub(super) fn declared(info: &ValueInfoProto) -> Option<Vec<Option<usize>>> {
    let shape = info.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?;
    let sizes = shape.dim.iter().map(|dim| match dim.value {
        Some(DimensionValue::Size(size)) => usize::try_from(size).ok().filter(|&size| size > 0),
        _ => None,
    });
    Some(sizes.collect())
}

/// As [`declared`], with sizes for names.
pub(super) fn declared_with(
    info: &ValueInfoProto,
    stated: &BTreeMap<String, usize>,
) -> Option<Vec<Option<usize>>> {
    let mut sizes = declared(info)?;
    let shape = info.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?;
    for (size, dim) in sizes.iter_mut().zip(&shape.dim) {
        if let Some(DimensionValue::Symbol(name)) = &dim.value {
            *size = stated.get(name).copied().filter(|&size| size > 0);
        }
    }
    Some(sizes)
}

/// The inputs without initializers, given those that something reads.
pub(super) fn inputs<'a>(
    graph: &'a GraphProto,
    nodes: &[&NodeProto],
    options: &ImportOptions,
    is_read: impl Fn(&str) -> bool,
) -> Result<Inputs<'a>, ImportError> {
    let read: Vec<&ValueInfoProto> = graph
        .input
        .iter()
        .filter(|info| is_read(info.name()))
        .collect();
    let rank = |info: &ValueInfoProto| declared(info).map(|sizes| sizes.len());
    let image = read
        .iter()
        .position(|info| rank(info) == Some(4))
        .unwrap_or(0);
    let Some(first) = read.get(image) else {
        return Err(ImportError::Graph(
            "has no input that an output depends on".to_owned(),
        ));
    };
    let last = channels_last(first.name(), nodes);
    let all = read.iter().enumerate().map(|(position, info)| {
        let spatial = if position == image { Some(last) } else { None };
        let sizes = sizes(info, options, spatial).map_err(|reason| ImportError::Input {
            name: info.name().to_owned(),
            reason,
        })?;
        Ok((info.name(), sizes))
    });
    let all = all.collect::<Result<Vec<_>, ImportError>>()?;
    let (images, shape) = match (&*all[image].1, last) {
        (&[images, rows, columns, channels], true) => (images, Shape::new(channels, rows, columns)),
        // an image of three colours without a batch
        (&[3, rows, columns], _) if !is_open(first, 0) => (1, Shape::new(3, rows, columns)),
        (dims, _) => {
            let images = if dims.len() > 1 { dims[0] } else { 1 };
            (images, per_image(dims, images))
        }
    };
    Ok(Inputs {
        all,
        open_batch: is_open(first, 0),
        image,
        images,
        shape,
    })
}

/// Whether the input is `(N, H, W, C)`: converted models move the channels to the front, at once or after the image is brought to a range
/// and padded.
pub(super) fn channels_last(name: &str, nodes: &[&NodeProto]) -> bool {
    const BEFORE: [&str; 7] = ["Add", "Sub", "Mul", "Div", "Cast", "Identity", "Pad"];
    let mut name = name;
    // more steps than any preparation has
    for _ in 0..=2 * BEFORE.len() {
        let readers = || {
            let reads = |node: &&&NodeProto| node.input.iter().any(|input| input == name);
            nodes.iter().filter(reads)
        };
        if readers().any(|node| moves_channels(node)) {
            return true;
        }
        let prepares = |node: &&&NodeProto| BEFORE.contains(&node.op_type());
        let Some(output) = readers()
            .find(prepares)
            .and_then(|node| node.output.first())
        else {
            return false;
        };
        name = output;
    }
    false
}

fn moves_channels(node: &NodeProto) -> bool {
    let mut attributes = node.attribute.iter();
    let perm = attributes.find(|attribute| attribute.name() == "perm");
    node.op_type() == "Transpose" && perm.is_some_and(|perm| perm.ints == [0, 3, 1, 2])
}

fn is_open(info: &ValueInfoProto, axis: usize) -> bool {
    declared(info).is_some_and(|sizes| sizes.get(axis) == Some(&None))
}

/// An input's sizes, those that the file leaves open taken from the options. `channels_last`: for the image, where
/// its rows and columns are.
fn sizes(
    info: &ValueInfoProto,
    options: &ImportOptions,
    channels_last: Option<bool>,
) -> Result<Dims, String> {
    let tensor = info
        .r#type
        .as_ref()
        .and_then(|kind| kind.tensor_type.as_ref());
    let tensor = tensor.ok_or_else(|| "it is not declared as a tensor".to_owned())?;
    let shape = tensor
        .shape
        .as_ref()
        .ok_or_else(|| "it is declared without a shape".to_owned())?;
    let rows = match (channels_last, shape.dim.len()) {
        (Some(false), 4) => Some(2),
        (Some(true), 4) => Some(1),
        _ => None,
    };
    let size = |(axis, dim): (usize, &super::super::proto::DimensionProto)| {
        let name = match &dim.value {
            // converters write -1 for what is open, and some 0 for the batch
            Some(DimensionValue::Size(size)) if *size > 0 => {
                return dims::size(*size, &format!("axis {axis}"));
            }
            Some(DimensionValue::Size(0)) if axis > 0 => {
                return Err(format!("axis {axis} has a size of 0"));
            }
            Some(DimensionValue::Size(_)) | None => "",
            Some(DimensionValue::Symbol(name)) => name,
        };
        let numbered = format!("{}.{axis}", info.name());
        let by_name = options
            .sizes
            .get(&numbered)
            .or_else(|| options.sizes.get(name));
        let chosen = by_name.copied();
        let by_place = || match (axis, rows, options.resolution) {
            (0, _, _) => Some(options.batch),
            (axis, Some(rows), Some(resolution)) if axis == rows => Some(resolution.height),
            (axis, Some(rows), Some(resolution)) if axis == rows + 1 => Some(resolution.width),
            _ => None,
        };
        let chosen = chosen.or_else(by_place).ok_or_else(|| {
            let name = if name.is_empty() { &numbered } else { name };
            format!("the model leaves the size of axis {axis} open: state the size of {name}")
        })?;
        dims::size(
            i64::try_from(chosen).unwrap_or(i64::MAX),
            &format!("axis {axis}"),
        )
    };
    let sizes = shape
        .dim
        .iter()
        .enumerate()
        .map(size)
        .collect::<Result<Dims, _>>()?;
    dims::elements(&sizes)?;
    Ok(sizes)
}
