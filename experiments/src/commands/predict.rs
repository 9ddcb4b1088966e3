//! `roofnas predict`.

use roofnas_cost::{LatencyModel, NetworkCost};
use roofnas_space::Network;
use serde_json::Value;

use super::networks::{model, networks};
use super::output::print;
use super::table::Data;
use crate::cli::PredictArgs;

const COLUMNS: [&str; 18] = [
    "network",
    "latency_ms",
    "latency_ms_std",
    "latency_ms_upper95",
    "macs",
    "flops",
    "params",
    "traffic_bytes",
    "peak_memory_bytes",
    "calibrated_share",
    "fallback_share",
    "unknown_share",
    "platform",
    "batch",
    "threads",
    "dtype",
    "intensity_flop_per_byte",
    "latency_kind",
];

/// Prices networks. One that can't be used is named and left out.
pub(crate) fn predict(args: &PredictArgs) -> anyhow::Result<u8> {
    let model = model(&args.platform, &args.conditions)?;
    let mut data = Data::new(&COLUMNS);
    let loaded = networks(&args.networks.from)?;
    for network in &loaded.networks {
        data.push(row(&model, network));
    }
    print(&data.format(args.format)?)?;
    Ok(loaded.code)
}

fn row(model: &LatencyModel, network: &Network) -> Vec<Value> {
    let platform = model.platform();
    let (batch, dtype) = (model.batch(), model.dtype());
    let cost = NetworkCost::new(network, &platform.fusion);
    let latency = model.price(&cost);
    let shares = model.shares(&cost);
    vec![
        network.name().into(),
        latency.mean_ms.into(),
        latency.std_ms.into(),
        latency.upper95_ms().into(),
        cost.macs.into(),
        cost.flops.into(),
        cost.params.into(),
        cost.traffic_bytes(batch, dtype).into(),
        cost.peak_memory_bytes(batch, dtype).into(),
        shares.calibrated.into(),
        shares.fallback.into(),
        shares.unknown.into(),
        platform.name.clone().into(),
        batch.into(),
        platform.threads.into(),
        dtype.name().into(),
        cost.intensity(batch, dtype).into(),
        model.label().into(),
    ]
}
