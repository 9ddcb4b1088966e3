//! The report of a batch: its runs side by side, and each best network under the others' conditions.

use maud::{Markup, PreEscaped, html};
use plotters::style::RGBColor;

use super::picture::{HALF, short};
use super::{fronts_picture, palette, platforms_section, shell, slowdown_map};
use crate::batch::{BatchEntry, RunStatus};
use crate::error::Error;
use crate::portability::{Side, Transfer, sides};

/// Runs up to which the portability matrix is readable.
const MATRIX: usize = 16;
/// Runs up to which fronts are drawn on each other's platforms.
const PICTURES: usize = 6;

/// The report of a batch.
///
/// # Errors
/// When a picture can't be drawn.
pub fn batch_html(
    name: &str,
    entries: &[BatchEntry],
    transfers: &[Transfer],
) -> Result<String, Error> {
    let finished: Vec<usize> = (0..entries.len())
        .filter(|&entry| !entries[entry].front.is_empty())
        .collect();
    let compares = (2..=MATRIX).contains(&finished.len()) && transfers.len() > finished.len();
    let mut pictures = Vec::new();
    if compares && finished.len() <= PICTURES {
        for &to in &finished {
            let picture = fronts_picture::svg(entries, transfers, to, HALF)?;
            pictures.push((to, picture));
        }
    }
    let platforms = platforms_section::pictures(entries)?;
    Ok(shell::page(
        name,
        &html! {
            p class="soft" { (entries.len()) " runs" }
            @if let Some(first) = entries.first() {
                @let model = &first.experiment.appraiser.model;
                p class="notice" {
                    strong { "The first platform is " (model.word()) ". " }
                    (model.statement()) " Scores are unitless ranks, not accuracy."
                }
            }
            h2 { "The runs" }
            (runs(entries))
            h2 { "The network with the highest quality of each run" }
            (answers(entries))
            @if finished.len() > MATRIX {
                p class="soft" {
                    "With so many runs there is no matrix here of what networks found for one cost on another's platform: "
                    code { "roofnas compare" } " on this folder puts the runs of each platform together."
                }
            }
            @if compares {
                h2 { "Portability" }
                p {
                    "What it costs to take networks that were found for other conditions. Each row's front was priced under each column's "
                    "conditions; a cell says how many times the latency of the column's own front its networks take at equal quality, in the "
                    "geometric mean and (below it) at worst. A dash: the fronts have no qualities in common. A question mark: within the uncertainty "
                    "of the prices."
                }
                figure { (PreEscaped(slowdown_map::svg(&named(entries, &finished), &finished, &finished, transfers))) }
                @if !pictures.is_empty() { (fronts(entries, &finished, &pictures)) }
            }
            (platforms)
            (platforms_section::record(entries))
        },
    ))
}

/// Every front under the conditions of each run.
fn fronts(entries: &[BatchEntry], finished: &[usize], pictures: &[(usize, String)]) -> Markup {
    let folder = |entry: usize| entries[entry].folder.display();
    html! {
        p {
            "The fronts themselves: in each picture all of them are priced under the conditions of one run. Where one colour is left of and above the others, its "
            "networks are the best there."
        }
        ul class="legend" {
            @for &entry in finished {
                @let RGBColor(r, g, b) = palette::RUNS[entry % palette::RUNS.len()];
                li { span class="swatch" style={ "background:rgb(" (r) "," (g) "," (b) ")" } {} "found for " (folder(entry)) }
            }
        }
        div class="pair" {
            @for (to, picture) in pictures {
                figure {
                    figcaption { "Priced for " b { (folder(*to)) } }
                    (PreEscaped(picture))
                }
            }
        }
    }
}

fn runs(entries: &[BatchEntry]) -> Markup {
    html! {
        div class="scroll" { table class="runs" {
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
                        td { (entry.hypervolume().map_or_else(String::new, short)) }
                        td { (entry.evaluations().map_or_else(String::new, |count| count.to_string())) }
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
        div class="scroll" { table class="runs" {
            thead { tr {
                th { "run" } th { "quality" } th { "latency, ms" } th { "MMACs" } th { "M params" } th { "FLOP/byte" } th { "layers" }
                th { "compute" } th { "memory" } th { "overhead" }
            } }
            tbody {
                @for entry in entries {
                    @if let (Some(best), Some(bounds)) = (entry.best(), entry.time_by_bound()) {
                        tr {
                            td { (entry.folder.display()) " " (best.id) } td { (short(best.metrics.quality)) }
                            td { (short(best.metrics.latency.mean_ms)) } td { (mega(best.metrics.macs)) } td { (mega(best.metrics.params)) }
                            td { (short(best.metrics.intensity)) } td { (best.metrics.layers) }
                            @for (_, share) in bounds { td { (format!("{:.0} %", 100.0 * share)) } }
                        }
                        tr class="below" { td class="left" colspan="10" { code { (best.text) } } }
                    }
                }
            }
        } }
        p class="soft" { "Compute, memory, overhead: share of the time spent in layers that are held up by each; the rest is the call of the engine." }
    }
}

/// Runs by their platforms' names, where these tell them apart; else by their folders.
fn named<'a>(entries: &'a [BatchEntry], finished: &[usize]) -> Vec<Side<'a>> {
    let mut sides = sides(entries);
    let mut platforms: Vec<&str> = finished
        .iter()
        .map(|&entry| sides[entry].model.platform().name.as_str())
        .collect();
    platforms.sort_unstable();
    if platforms.windows(2).all(|pair| pair[0] != pair[1]) {
        for side in &mut sides {
            side.name = side.model.platform().name.clone();
        }
    }
    sides
}
