//! Networks given on the command line, and the platforms they are priced for.

use std::fmt::Display;
use std::fs::File;
use std::path::Path;

use roofnas::{Error, exit};
use roofnas_cost::LatencyModel;
use roofnas_hardware::Profiles;
use roofnas_space::layers_csv::{self, LayerTable, LeftOut};
use roofnas_space::onnx::{self, ImportError, ImportOptions};
use roofnas_space::{Network, Resolution};

use crate::cli::{Conditions, NetworkSource};

/// The model of a platform, with what a reader of its prices should know told.
pub(super) fn model(platform: &str, conditions: &Conditions) -> Result<LatencyModel, Error> {
    let platform = Profiles::from_environment().find(platform)?.platform;
    let model = LatencyModel::new(platform, conditions.dtype, conditions.batch)?;
    for caveat in model.caveats() {
        note!("warning: {caveat}");
    }
    Ok(model)
}

/// Networks that can be used, at least one.
pub(super) struct Loaded {
    pub(super) networks: Vec<Network>,
    /// Done, or bad input where a file could not be used.
    pub(super) code: u8,
}

/// The networks that can be used, at least one; the others are named, with what is wrong with them.
pub(super) fn networks(from: &NetworkSource) -> Result<Loaded, Error> {
    match &from.layers {
        Some(path) => from_table(path),
        None => from_models(from),
    }
}

fn from_models(args: &NetworkSource) -> Result<Loaded, Error> {
    let mut networks = Vec::new();
    let mut problems = Vec::new();
    for path in &args.models {
        match model_file(path, args.input_size, &args.dim) {
            Ok(network) => networks.push(network),
            Err(problem) => problems.push(problem),
        }
    }
    let code = if problems.is_empty() {
        exit::DONE
    } else {
        exit::BAD_INPUT
    };
    // the last problem is the command's where nothing is left, and one among others where something is
    if networks.is_empty()
        && let Some(last) = problems.pop()
    {
        problems
            .iter()
            .for_each(|problem| note!("error: {problem}"));
        return Err(last);
    }
    problems
        .iter()
        .for_each(|problem| note!("error: {problem}"));
    Ok(Loaded { networks, code })
}

/// The network of an ONNX file, with the sizes that it leaves open.
pub(super) fn model_file(
    path: &Path,
    input_size: Option<Resolution>,
    dims: &[(String, usize)],
) -> Result<Network, Error> {
    let options = ImportOptions {
        name: path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned()),
        resolution: input_size,
        sizes: dims.iter().cloned().collect(),
        ..ImportOptions::default()
    };
    onnx::import_file(path, &options).map_err(|error| match error {
        ImportError::File { path, reason } => Error::Unusable {
            path,
            problem: reason,
        },
        source => Error::Import {
            path: path.to_owned(),
            source: Box::new(source),
        },
    })
}

fn from_table(path: &Path) -> Result<Loaded, Error> {
    let table = table(path)?;
    tell(table.left_out.iter().map(without), "networks");
    Ok(Loaded {
        networks: usable(path, table)?,
        code: exit::DONE,
    })
}

/// A table of layers.
fn table(path: &Path) -> Result<LayerTable, Error> {
    let file = File::open(path).map_err(|source| Error::read(path, source))?;
    layers_csv::read(file).map_err(|error| Error::Unusable {
        path: path.to_owned(),
        problem: error.to_string(),
    })
}

/// Its networks, at least one.
fn usable(path: &Path, table: LayerTable) -> Result<Vec<Network>, Error> {
    if table.networks.is_empty() {
        return Err(Error::Unusable {
            path: path.to_owned(),
            problem: "holds no network that can be used".to_owned(),
        });
    }
    Ok(table.networks)
}

/// Warnings of one kind that are printed one by one.
const TOLD: usize = 10;

/// Prints warnings of one kind: the first few, and how many more there are.
pub(super) fn tell(warnings: impl IntoIterator<Item: Display>, of: &str) {
    let mut warnings = warnings.into_iter();
    for warning in warnings.by_ref().take(TOLD) {
        note!("warning: {warning}");
    }
    match warnings.count() {
        0 => {}
        more => note!("warning: the same goes for {more} more {of}"),
    }
}

/// Which network is missing, and why.
fn without(left_out: &LeftOut) -> String {
    format!(
        "{} is left out: line {}: {}",
        left_out.network, left_out.line, left_out.reason
    )
}
