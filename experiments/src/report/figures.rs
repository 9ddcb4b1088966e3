//! Figures of networks as cells of a table.

use maud::{Markup, html};

use super::picture::short;
use crate::metrics::Metrics;

pub(super) fn metric_headers() -> Markup {
    html! {
        th { "latency, ms" } th { "± std" } th { "MMACs" } th { "M params" } th { "traffic, MB" }
        th { "peak memory, MB" } th { "FLOP/byte" } th { "layers" }
    }
}

pub(super) fn metric_cells(metrics: &Metrics) -> Markup {
    let mega = |count: u64| short(1e-6 * count as f64);
    html! {
        td { (short(metrics.latency.mean_ms)) } td { (short(metrics.latency.std_ms)) } td { (mega(metrics.macs)) }
        td { (mega(metrics.params)) } td { (mega(metrics.traffic_bytes)) } td { (mega(metrics.peak_memory_bytes)) }
        td { (short(metrics.intensity)) } td { (metrics.layers) }
    }
}
