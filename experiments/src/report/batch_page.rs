//! The report of a batch: its runs side by side, and each best network under the others' conditions.

use maud::{Markup, html};

use super::picture::short;
use super::shell;
use crate::batch::{BatchEntry, RunStatus, Transfer};

/// Runs up to which the portability matrix is readable.
const MATRIX: usize = 16;

/// The report of a batch.
pub fn batch_html(name: &str, entries: &[BatchEntry], transfers: &[Transfer]) -> String {
    shell::page(
        name,
        &html! {
            p class="soft" { (entries.len()) " runs" }
            p class="notice" {
                strong { "Uncalibrated platforms. " }
                "Latencies are roofline estimates (deviations are priors, not measured); scores are unitless ranks, not accuracy."
            }
            h2 { "The runs" }
            (runs(entries))
            h2 { "The network with the highest score of each run" }
            (answers(entries))
            @let finished = entries.iter().filter(|entry| !entry.front.is_empty()).count();
            @if (2..=MATRIX).contains(&finished) && transfers.len() > finished {
                h2 { "Portability" }
                p class="soft" {
                    "Latency in ms of each row's network under each column's conditions. In brackets: how many times the latency of the "
                    "fastest network that the column's own run found with at least that score; a dash where it found none."
                }
                (matrix(entries, transfers))
            }
        },
    )
}

fn runs(entries: &[BatchEntry]) -> Markup {
    html! {
        div class="scroll" { table {
            thead { tr {
                th { "run" } th class="left" { "platform" } th { "batch" } th class="left" { "dtype" } th { "budget, ms" } th { "seed" }
                th class="left" { "status" } th { "front" } th { "hypervolume" } th { "evaluations" } th { "seconds" }
            } }
            tbody {
                @for entry in entries {
                    @let model = &entry.experiment.appraiser.model;
                    tr {
                        td { (link(entry)) } td class="left" { (model.platform().name) } td { (model.batch()) }
                        td class="left" { (model.dtype()) } td { (entry.experiment.budget_ms().map_or_else(String::new, short)) }
                        td { (entry.experiment.resolved.seed) }
                        td class="left" {
                            (entry.status.name())
                            @if let RunStatus::Failed(message) = &entry.status { ": " (message) }
                        }
                        td { (entry.front.len()) }
                        td { (entry.last.and_then(|last| last.hypervolume).map_or_else(String::new, short)) }
                        td { (entry.last.map_or_else(String::new, |last| last.evaluations.to_string())) }
                        td { (entry.last.map_or_else(String::new, |last| short(last.seconds))) }
                    }
                }
            }
        } }
    }
}

fn link(entry: &BatchEntry) -> Markup {
    let folder = entry.folder.display().to_string();
    html! {
        @if entry.front.is_empty() { (folder) } @else { a href={ (folder) "/report.html" } { (folder) } }
    }
}

/// What each platform's answer is made of, and what holds it up.
fn answers(entries: &[BatchEntry]) -> Markup {
    let mega = |count: u64| short(1e-6 * count as f64);
    html! {
        div class="scroll" { table {
            thead { tr {
                th { "run" } th { "score" } th { "latency, ms" } th { "MMACs" } th { "M params" } th { "FLOP/byte" } th { "layers" }
                th { "resolution" } th { "compute" } th { "memory" } th { "overhead" } th class="left" { "genotype" }
            } }
            tbody {
                @for entry in entries {
                    @if let (Some(best), Some(bounds)) = (entry.best(), entry.time_by_bound()) {
                        tr {
                            td { (entry.folder.display()) " " (best.id) } td { (short(best.metrics.quality)) }
                            td { (short(best.metrics.latency.mean_ms)) } td { (mega(best.metrics.macs)) } td { (mega(best.metrics.params)) }
                            td { (short(best.metrics.intensity)) } td { (best.metrics.layers) } td { (best.resolution) }
                            @for (_, share) in bounds { td { (format!("{:.0} %", 100.0 * share)) } }
                            td class="left" { code { (best.text) } }
                        }
                    }
                }
            }
        } }
        p class="soft" { "Compute, memory, overhead: share of the time spent in layers that are held up by each." }
    }
}

fn matrix(entries: &[BatchEntry], transfers: &[Transfer]) -> Markup {
    let finished: Vec<usize> = (0..entries.len())
        .filter(|&i| !entries[i].front.is_empty())
        .collect();
    let cell = |from: usize, to: usize| transfers.iter().find(|t| t.from == from && t.to == to);
    html! {
        div class="scroll" { table {
            thead { tr {
                th { "found for" }
                @for &to in &finished { th { (entries[to].folder.display()) } }
            } }
            tbody {
                @for &from in &finished {
                    tr {
                        td { (entries[from].folder.display()) }
                        @for &to in &finished {
                            td {
                                @if let Some(transfer) = cell(from, to) {
                                    (short(transfer.metrics.latency.mean_ms)) " ("
                                    (transfer.slowdown.map_or_else(|| "–".to_owned(), |s| format!("{s:.2}x"))) ")"
                                }
                            }
                        }
                    }
                }
            }
        } }
    }
}
