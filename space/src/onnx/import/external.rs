//! Model files, and the elements that they keep in other files.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use super::super::proto::{
    AttributeProto, DataLocation, DataType, GraphProto, ModelProto, StringStringEntryProto,
    TensorProto,
};
use super::error::ImportError;
use super::numbers::MAX_NUMBERS;

/// The bytes of a model file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, ImportError> {
    let fault = |reason: String| ImportError::File {
        path: path.to_owned(),
        reason,
    };
    if path.is_dir() {
        return Err(fault("it is a folder, not a model".to_owned()));
    }
    fs::read(path).map_err(|error| fault(error.to_string()))
}

/// What is taken in of the elements that a model keeps elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// What is small, such as shapes.
    Small,
    /// Everything.
    All,
}

/// Checks that what the model keeps elsewhere is there, and takes it in.
pub(super) fn resolve(model: &mut ModelProto, path: &Path, take: Take) -> Result<(), ImportError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    model
        .graph
        .as_mut()
        .map_or(Ok(()), |graph| in_graph(graph, folder, take))
}

/// Forgets where elements are kept that were not taken in: their sizes say all that is asked of them.
pub(super) fn forget(model: &mut ModelProto) {
    if let Some(graph) = &mut model.graph {
        forget_in(graph);
    }
}

fn forget_in(graph: &mut GraphProto) {
    let attributes = graph.node.iter_mut().flat_map(|node| &mut node.attribute);
    let (tensors, graphs): (Vec<_>, Vec<_>) = attributes
        .map(|attribute| (attribute.t.as_mut(), attribute.g.as_deref_mut()))
        .unzip();
    for tensor in graph
        .initializer
        .iter_mut()
        .chain(tensors.into_iter().flatten())
    {
        if tensor.data_location() == DataLocation::External {
            tensor.data_location = None;
            tensor.external_data.clear();
        }
    }
    graphs.into_iter().flatten().for_each(forget_in);
}

fn in_graph(graph: &mut GraphProto, folder: &Path, take: Take) -> Result<(), ImportError> {
    for tensor in &mut graph.initializer {
        in_tensor(tensor, folder, take)?;
    }
    let attributes = graph.node.iter_mut().flat_map(|node| &mut node.attribute);
    for AttributeProto { t, g, .. } in attributes {
        if let Some(tensor) = t {
            in_tensor(tensor, folder, take)?;
        }
        if let Some(graph) = g {
            in_graph(graph, folder, take)?;
        }
    }
    Ok(())
}

fn in_tensor(tensor: &mut TensorProto, folder: &Path, take: Take) -> Result<(), ImportError> {
    if tensor.data_location() != DataLocation::External {
        return Ok(());
    }
    let fault = |tensor: &TensorProto, reason: String| ImportError::Tensor {
        name: tensor.name().to_owned(),
        reason,
    };
    let entry = |key: &str| {
        let entries = tensor.external_data.iter();
        entries
            .rev()
            .find(|entry| entry.key() == key)
            .map(StringStringEntryProto::value)
    };
    let number = |key: &str| match entry(key) {
        None => Ok(None),
        Some(text) => match text.parse::<u64>() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(fault(tensor, format!("its {key} is {text:?}"))),
        },
    };
    let location = entry("location").ok_or_else(|| {
        fault(
            tensor,
            "is kept in another file, but the model doesn't say in which".to_owned(),
        )
    })?;
    let path = inside(folder, location).map_err(|reason| fault(tensor, reason))?;
    let missing = |error: std::io::Error| {
        let reason = match error.kind() {
            ErrorKind::NotFound => format!("it holds tensor {}, and is missing", tensor.name()),
            _ => error.to_string(),
        };
        ImportError::File {
            path: path.clone(),
            reason,
        }
    };
    let real = path.canonicalize().map_err(missing)?;
    if !real.starts_with(folder.canonicalize().map_err(missing)?) {
        return Err(fault(
            tensor,
            format!("{location:?} leads outside the model's folder"),
        ));
    }
    let size = fs::metadata(&real).map_err(missing)?.len();
    let offset = number("offset")?.unwrap_or(0);
    let length = number("length")?.unwrap_or(size.saturating_sub(offset));
    if offset.checked_add(length).is_none_or(|end| end > size) {
        return Err(fault(
            tensor,
            format!("needs {length} bytes from {offset} of {location:?}, which has {size}"),
        ));
    }
    let elements = tensor.dims.iter().try_fold(1_u64, |product, &dim| {
        product.checked_mul(u64::try_from(dim).ok()?)
    });
    // 16 bytes are the widest element
    let small =
        elements.is_some_and(|elements| elements <= MAX_NUMBERS) && length <= 16 * MAX_NUMBERS;
    let known = tensor
        .data_type
        .is_some_and(|kind| DataType::try_from(kind).is_ok());
    if take == Take::All || (small && known) {
        let mut bytes = vec![0; length as usize];
        let mut file = File::open(&real).map_err(missing)?;
        file.seek(SeekFrom::Start(offset)).map_err(missing)?;
        file.read_exact(&mut bytes).map_err(missing)?;
        tensor.raw_data = Some(bytes);
        tensor.data_location = None;
        tensor.external_data.clear();
    }
    Ok(())
}

/// The path of a file that a model names relative to its own folder.
fn inside(folder: &Path, location: &str) -> Result<PathBuf, String> {
    let relative = Path::new(location);
    let plain = |part: Component| matches!(part, Component::Normal(_) | Component::CurDir);
    if location.is_empty() || !relative.components().all(plain) {
        return Err(format!("{location:?} leads outside the model's folder"));
    }
    Ok(folder.join(relative))
}
