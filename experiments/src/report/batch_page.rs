//! The report of a batch: what can be had, its runs side by side, and what was found for one under the others' conditions.

use std::borrow::Cow;

use maud::{Markup, PreEscaped, html};
use plotters::style::RGBColor;

use super::cases::{Case, budgets, other_settings};
use super::cases_section::link;
use super::picture::{HALF, short};
use super::{cases_section, fronts_picture, palette, platforms_section, shell, slowdown_map};
use crate::batch::{BatchEntry, RunStatus};
use crate::error::Error;
use crate::portability::{Side, Transfer, can_be_compared, sides};

/// Runs, or cases, up to which the portability matrix is readable.
const MATRIX: usize = 16;
/// The same up to which fronts are drawn on each other's platforms.
const PICTURES: usize = 6;

/// What is held against each other: every run, or where these are too many the runs of each case together.
struct Parties<'a> {
    sides: Vec<Side<'a>>,
    /// Those that found something.
    found: Vec<usize>,
    transfers: Cow<'a, [Transfer]>,
    are_cases: bool,
}

/// The report of a batch.
///
/// # Errors
/// When a picture can't be drawn.
pub fn batch_html(
    name: &str,
    entries: &[BatchEntry],
    transfers: &[Transfer],
) -> Result<String, Error> {
    let cases = Case::all(entries);
    let of_cases: Vec<Side<'_>> = cases.iter().map(Case::side).collect();
    let glance = cases_section::section(&cases, &of_cases, &budgets(entries))?;
    let parties = Parties::new(entries, transfers, &cases, of_cases);
    let portability = parties.section()?;
    let platforms = platforms_section::pictures(entries)?;
    Ok(shell::page(
        name,
        &html! {
            p class="soft" { (entries.len()) " runs" }
            @if let Some(first) = entries.first() {
                @let model = &first.experiment.appraiser.model;
                p class="notice" {
                    strong { "The first platform is " (model.word()) ". " }
                    (first.experiment.appraiser.statement()) " Scores are unitless ranks, not accuracy."
                }
            }
            (glance)
            h2 { "The runs" }
            (runs(entries))
            h2 { "The network with the highest quality of each run" }
            (answers(entries))
            (portability)
            @if entries.iter().any(|entry| entry.experiment.chooses_batch()) {
                p class="soft" { "Runs whose networks choose their batch are not priced elsewhere: latencies compare at one batch." }
            }
            (platforms)
            (platforms_section::record(entries))
        },
    ))
}

impl<'a> Parties<'a> {
    fn new(
        entries: &'a [BatchEntry],
        transfers: &'a [Transfer],
        cases: &[Case<'a>],
        of_cases: Vec<Side<'a>>,
    ) -> Self {
        let found = |sides: &[Side<'_>]| -> Vec<usize> {
            (0..sides.len())
                .filter(|&side| !sides[side].front.is_empty())
                .collect()
        };
        let of_runs = named(entries);
        // networks that choose their batch are not held against others by latency
        let mut runs = found(&of_runs);
        runs.retain(|&run| !entries[run].experiment.chooses_batch());
        if runs.len() <= MATRIX {
            return Self {
                found: runs,
                sides: of_runs,
                transfers: Cow::Borrowed(transfers),
                are_cases: false,
            };
        }
        let found = found(&of_cases);
        let experiment = |case: usize| &cases[case].entries[0].experiment;
        let transfers = match (2..=MATRIX).contains(&found.len()) {
            true => Transfer::all(&of_cases, &found, |from, to| {
                can_be_compared(experiment(from), experiment(to))
            }),
            false => Vec::new(),
        };
        Self {
            sides: of_cases,
            found,
            transfers: Cow::Owned(transfers),
            are_cases: true,
        }
    }

    /// What it costs to take networks elsewhere; nothing where there is nowhere to take them.
    fn section(&self) -> Result<Markup, Error> {
        let compares =
            (2..=MATRIX).contains(&self.found.len()) && self.transfers.len() > self.found.len();
        if !compares {
            return Ok(html! {
                @if self.found.len() > MATRIX {
                    p class="soft" {
                        "With so many platforms there is no matrix here of what networks found for one cost on another: see "
                        code { "roofnas compare" } "."
                    }
                }
            });
        }
        let mut pictures = Vec::new();
        if self.found.len() <= PICTURES {
            for &to in &self.found {
                let picture = fronts_picture::svg(&self.sides, &self.transfers, to, HALF)?;
                pictures.push((to, picture));
            }
        }
        let map = slowdown_map::svg(&self.sides, &self.found, &self.found, &self.transfers);
        Ok(html! {
            h2 { "Portability" }
            p {
                "What it costs to take networks that were found for other conditions. "
                @if self.are_cases { "Runs that differ in budget and seed alone are put together: their fronts are one. " }
                "Each row's front was priced under each column's "
                "conditions; a cell says how many times the latency of the column's own front its networks take at equal quality, in the "
                "geometric mean and (below it) at worst. A dash: the fronts have no qualities in common. A question mark: within the uncertainty "
                "of the prices."
            }
            figure { (PreEscaped(map)) }
            @if !pictures.is_empty() { (self.fronts(&pictures)) }
        })
    }

    /// Every front under the conditions of each.
    fn fronts(&self, pictures: &[(usize, String)]) -> Markup {
        html! {
            p {
                "The fronts themselves: in each picture all of them are priced under the conditions of one. Where one colour is left of and above the others, its "
                "networks are the best there."
            }
            ul class="legend" {
                @for &side in &self.found {
                    @let RGBColor(r, g, b) = palette::RUNS[side % palette::RUNS.len()];
                    li { span class="swatch" style={ "background:rgb(" (r) "," (g) "," (b) ")" } {} "found for " (self.sides[side].name) }
                }
            }
            div class="pair" {
                @for (to, picture) in pictures {
                    figure {
                        figcaption { "Priced for " b { (self.sides[*to].name) } }
                        (PreEscaped(picture))
                    }
                }
            }
        }
    }
}

fn runs(entries: &[BatchEntry]) -> Markup {
    let others: Vec<String> = entries.iter().map(other_settings).collect();
    let has_others = others.iter().any(|others| !others.is_empty());
    html! {
        div class="scroll" { table {
            thead { tr {
                th { "run" } th class="left" { "platform" } th { "batch" } th class="left" { "dtype" } th { "budget, ms" } th { "seed" }
                @if has_others { th class="left" { "besides" } }
                th class="left" { "status" } th { "front" } th { "hypervolume" } th { "evaluations" } th { "seconds" }
            } }
            tbody {
                @for (entry, others) in entries.iter().zip(&others) {
                    @let model = &entry.experiment.appraiser.model;
                    tr {
                        td { (link(entry, "")) } td class="left" { (model.platform().name) } td { (entry.experiment.appraiser.batches()) }
                        td class="left" { (model.dtype()) } td { (entry.experiment.budget_ms().map_or_else(String::new, short)) }
                        td { (entry.experiment.resolved.seed) }
                        @if has_others { td class="left" { (others) } }
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

/// What each platform's answer is made of, and what holds it up.
fn answers(entries: &[BatchEntry]) -> Markup {
    let mega = |count: u64| short(1e-6 * count as f64);
    html! {
        div class="scroll" { table {
            thead { tr {
                th { "run" } th { "quality" } th { "latency, ms" } th { "MMACs" } th { "M params" } th { "FLOP/byte" } th { "layers" }
                th { "compute" } th { "memory" } th { "overhead" }
            } }
            tbody {
                @for entry in entries {
                    @if let (Some(best), Some(bounds)) = (entry.best(), entry.time_by_bound()) {
                        tr {
                            td { (link(entry, &best.id)) } td { (short(best.metrics.quality)) }
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
fn named(entries: &[BatchEntry]) -> Vec<Side<'_>> {
    let mut sides = sides(entries);
    let found = sides.iter().filter(|side| !side.front.is_empty());
    let mut platforms: Vec<&str> = found
        .map(|side| side.model.platform().name.as_str())
        .collect();
    platforms.sort_unstable();
    if platforms.windows(2).all(|pair| pair[0] != pair[1]) {
        for side in &mut sides {
            side.name = side.model.platform().name.clone();
        }
    }
    sides
}
