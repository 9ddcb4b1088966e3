//! Networks given on the command line, and the platforms they are priced for.

use std::fs::File;

use roofnas::Error;
use roofnas_cost::LatencyModel;
use roofnas_hardware::Profiles;
use roofnas_space::Network;
use roofnas_space::layers_csv;

use crate::cli::{Conditions, NetworkArgs};

/// The model of a platform, with what a reader of its prices should know told.
pub(super) fn model(platform: &str, conditions: &Conditions) -> Result<LatencyModel, Error> {
    let platform = Profiles::from_environment().find(platform)?.platform;
    let model = LatencyModel::new(platform, conditions.dtype, conditions.batch)?;
    for caveat in model.caveats() {
        eprintln!("warning: {caveat}");
    }
    Ok(model)
}

/// The networks that can be used, at least one; the others are named.
pub(super) fn networks(args: &NetworkArgs) -> Result<Vec<Network>, Error> {
    let path = &args.layers;
    let file = File::open(path).map_err(|source| Error::Read {
        path: path.clone(),
        source,
    })?;
    let unusable = |problem: String| Error::Unusable {
        path: path.clone(),
        problem,
    };
    let table = layers_csv::read(file).map_err(|error| unusable(error.to_string()))?;
    for left_out in &table.left_out {
        eprintln!(
            "warning: {} is left out: line {}: {}",
            left_out.network, left_out.line, left_out.reason
        );
    }
    if table.networks.is_empty() {
        return Err(unusable("holds no network that can be used".to_owned()));
    }
    Ok(table.networks)
}
