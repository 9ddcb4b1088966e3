//! The report of a comparison: networks found for each platform, priced on the others.

use maud::{Markup, PreEscaped, html};

use super::picture::short;
use super::{shell, slowdown_map};
use crate::portability::{Character, Comparison, Contender, Found, Level, layer_overhead_mmacs};

/// The page of a comparison.
pub fn compare_html(comparison: &Comparison) -> String {
    let sides = comparison.sides();
    let map = slowdown_map::svg(
        &sides,
        &comparison.rows,
        &comparison.columns,
        &comparison.transfers,
    );
    let body = html! {
        p class="soft" { "Quality: " (comparison.quality_kind) }
        h2 { "What it costs to take networks elsewhere" }
        p {
            "A cell says how many times the latency of the platform's own best the networks found for another take there, at equal quality: in the "
            "geometric mean, and below it at worst. A question mark: within the uncertainty of the prices."
        }
        figure { (PreEscaped(map)) }
        @if !comparison.remarks.is_empty() {
            ul class="remarks" { @for remark in &comparison.remarks { li { (remark) } } }
        }
        h2 { "The platforms" }
        (platforms(comparison))
        p class="soft" {
            "Roofs as the prices use them; the ridge in FLOP/byte. What a layer takes beside its work, also as the MACs that the peak would do meanwhile, for "
            "each image."
        }
        h2 { "What was found for each, at equal quality" }
        p { "The fastest network of each platform that reaches a quality of " (short(comparison.level)) "." }
        @let common = described(comparison, |level| matches!(level, Level::Common(_)));
        (networks(comparison, &common))
        p class="soft" {
            "Compute, memory, overhead: share of the time in layers that are held up by each; the rest is the call of the engine. Calibrated: share of "
            "the time in operators that the platform's profile was calibrated on; the rest is a guess."
        }
        h2 { "How these are built" }
        (builds(comparison, &common))
        p class="soft" {
            "Channels: a block's output, on average. Kernel: mean edge of the convolutions in blocks beyond 1x1; depthwise, dense, grouped: shares of these."
        }
        h2 { "The best that was found for each" }
        @let best = described(comparison, |level| level == Level::Best);
        (networks(comparison, &best))
        (builds(comparison, &best))
        p class="soft" { "roofnas " (env!("CARGO_PKG_VERSION")) ", of " (comparison.runs.join(", ")) }
    };
    shell::page("Networks found for one platform on the others", &body)
}

fn platforms(comparison: &Comparison) -> Markup {
    let mut shown = comparison.rows.clone();
    shown.extend(
        comparison
            .columns
            .iter()
            .filter(|column| !comparison.rows.contains(column)),
    );
    html! {
        div class="scroll" { table {
            thead { tr {
                th { "platform" } th { "batch" } th { "GFLOP/s" } th { "GB/s" } th { "ridge" } th { "call, µs" } th { "layer, µs" }
                th { "layer, MMACs" } th class="left" { "its networks" } th class="left" { "prices" }
            } }
            tbody {
                @for contender in shown.iter().map(|&place| &comparison.contenders[place]) {
                    @let model = &contender.model;
                    @let roofs = model.roofs();
                    @let overhead = &model.platform().overhead;
                    tr {
                        td { (contender.name) } td { (model.batch()) } td { (short(1e3 * roofs.peak_tflops)) }
                        td { (short(roofs.bandwidth_gb_s)) } td { (short(roofs.roof().ridge())) }
                        td { (short(overhead.inference_us)) } td { (short(overhead.kernel_us)) } td { (short(layer_overhead_mmacs(model))) }
                        td class="left" { (found(contender)) } td class="left" { (model.label()) }
                    }
                }
            }
        } }
    }
}

fn found(contender: &Contender) -> String {
    let networks = contender.front.len();
    match contender.found {
        Found::ByRuns(1) => format!("{networks} of a run"),
        Found::ByRuns(runs) => format!("{networks} of {runs} runs"),
        Found::BySearch => format!("{networks} of a search for this comparison"),
        Found::Nowhere => "none: prices only".to_owned(),
    }
}

fn described(comparison: &Comparison, is_shown: impl Fn(Level) -> bool) -> Vec<&Character> {
    let all = comparison.characters.iter();
    all.filter(|character| is_shown(character.level)).collect()
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// What networks cost, and what holds them up.
fn networks(comparison: &Comparison, shown: &[&Character]) -> Markup {
    html! {
        div class="scroll" { table {
            thead { tr {
                th { "found for" } th { "MMACs" } th { "layers" } th { "MMACs/layer" } th { "FLOP/byte" }
                th { "compute" } th { "memory" } th { "overhead" } th { "latency, ms" } th { "M params" } th { "quality" } th { "calibrated" }
            } }
            tbody {
                @for character in shown {
                    @let metrics = &character.row.metrics;
                    tr {
                        td { (comparison.contenders[character.contender].name) }
                        td { (short(1e-6 * metrics.macs as f64)) } td { (metrics.layers) }
                        td { (short(1e-6 * character.macs_per_layer())) } td { (short(metrics.intensity)) }
                        @for (_, share) in character.time_by_bound { td { (percent(share)) } }
                        td { (short(metrics.latency.mean_ms)) " ± " (short(metrics.latency.std_ms)) }
                        td { (short(1e-6 * metrics.params as f64)) } td { (short(metrics.quality)) }
                        td { (percent(character.calibrated_share)) }
                    }
                }
            }
        } }
    }
}

/// What networks are made of.
fn builds(comparison: &Comparison, shown: &[&Character]) -> Markup {
    html! {
        div class="scroll" { table {
            thead { tr {
                th { "found for" } th { "resolution" } th { "blocks" } th { "channels" } th { "kernel" }
                th { "depthwise" } th { "dense" } th { "grouped" } th class="left" { "network" }
            } }
            tbody {
                @for character in shown {
                    @let build = &character.build;
                    tr {
                        td { (comparison.contenders[character.contender].name) } td { (character.row.resolution) }
                        td { (build.blocks) } td { (short(build.mean_channels)) } td { (short(build.mean_kernel)) }
                        td { (percent(build.depthwise)) } td { (percent(build.dense)) } td { (percent(build.grouped)) }
                        td class="left" { code { (character.row.id) ": " (character.row.text) } }
                    }
                }
            }
        } }
    }
}
