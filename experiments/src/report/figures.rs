//! Figures of networks as cells of a table.

use maud::{Markup, html};

use super::picture::short;
use crate::experiment::Experiment;
use crate::metrics::Metrics;
use crate::tables::has_throughput;

pub(super) fn metric_headers(experiment: &Experiment) -> Markup {
    html! {
        th { "latency, ms" } th { "± std" }
        @if experiment.chooses_batch() { th { "batch" } }
        @if has_throughput(experiment) { th { "images/s" } }
        th { "MMACs" } th { "M params" } th { "traffic, MB" } th { "peak memory, MB" } th { "FLOP/byte" } th { "layers" }
    }
}

pub(super) fn metric_cells(experiment: &Experiment, metrics: &Metrics) -> Markup {
    let mega = |count: u64| short(1e-6 * count as f64);
    html! {
        td { (short(metrics.latency.mean_ms)) } td { (short(metrics.latency.std_ms)) }
        @if experiment.chooses_batch() { td { (metrics.batch) } }
        @if has_throughput(experiment) { td { (short(metrics.timing().images_per_s())) } }
        td { (mega(metrics.macs)) } td { (mega(metrics.params)) } td { (mega(metrics.traffic_bytes)) } td { (mega(metrics.peak_memory_bytes)) }
        td { (short(metrics.intensity)) } td { (metrics.layers) }
    }
}
