//! The report's page.

use maud::{Markup, PreEscaped, html};

use super::chosen::Chosen;
use super::dominance::Standing;
use super::figures::{metric_cells, metric_headers};
use super::picture::short;
use super::{front_picture, landmark_section, provenance, refine_section, shell, training_section};
use crate::constraint::Figure;
use crate::experiment::Experiment;
use crate::outcome::Outcome;
use crate::proof::Unproven;
use crate::quality::Quality;

/// Rows of the front that the page lists.
const LISTED: usize = 40;

/// The page's pictures, drawn.
pub(super) struct Pictures {
    pub(super) front: String,
    pub(super) hypervolume: Option<String>,
    pub(super) quality: Option<String>,
    pub(super) refinement: Option<String>,
    pub(super) chosen: Option<Chosen>,
}

pub(super) fn html(
    experiment: &Experiment,
    outcome: &Outcome,
    standings: &[Standing],
    pictures: &Pictures,
) -> String {
    shell::page(
        experiment.name(),
        &html! {
            (conditions(experiment))
            (facts(experiment, outcome))
            h2 { "The front" }
            figure {
                (PreEscaped(&pictures.front))
                figcaption {
                    "Blue: the networks found, none of which another beats in every objective; the red ring is the one with "
                    @if outcome.training.is_some() {
                        "the highest accuracy. All of them were trained. "
                    } @else {
                        "the highest quality. Thin bars: where the time of some of them lies with a probability of 90 %. "
                        @if experiment.head.is_some() {
                            "Latencies are of backbone and fixed head together. "
                        } @else if experiment.lesson.is_some() {
                            "Thin lines: the 90 % interval of a network trained once. "
                        } @else {
                            "Triangles: published networks, priced and scored by the same formulas; they are not of this space, so their place on the "
                            "axis of quality is a rough one. "
                        }
                        @if outcome.certified.is_ok() && front_picture::is_a_curve(experiment) { "Green: what exact search proves that no network of the space is beyond. " }
                        "Grey: networks drawn at random from the space. "
                        @if experiment.lesson.is_none() && experiment.head.is_none() { "Published networks outside the picture are in the table below. " }
                    }
                    "Point at a mark, tap it, or go there with the arrow keys, for its figures."
                }
            }
            (landmark_section::sentence(outcome, standings))
            (proof(experiment, outcome))
            (front_table(experiment, outcome))
            @if let Some(chosen) = &pictures.chosen {
                (chosen.section(experiment))
            }
            @if let (Some(refinement), Some(picture)) = (&outcome.refinement, &pictures.refinement) {
                (refine_section::section(refinement, picture))
            }
            @if let Some(training) = &outcome.training { (training_section::section(training)) }
            h2 { "How the search went" }
            div class="pair" {
                @for picture in [&pictures.hypervolume, &pictures.quality].into_iter().flatten() {
                    figure { (PreEscaped(picture)) }
                }
            }
            p class="soft" {
                @if outcome.training.is_some() { "Over the networks trained, round by round. " } @else {
                    (outcome.evaluations) " evaluations in " (outcome.history.last().map_or(0, |last| last.generation)) " generations. "
                }
                (reference(experiment, outcome))
            }
            @if !outcome.landmarks.is_empty() { (landmark_section::section(experiment, outcome, standings)) }
            (provenance::section(experiment))
        },
    )
}

/// How far the front can be from the optimum.
fn proof(experiment: &Experiment, outcome: &Outcome) -> Markup {
    let said = match &outcome.certified {
        Ok(certified) => certified.sentence(experiment),
        Err(Unproven::Unasked) => None,
        Err(Unproven::Impossible(reason)) => {
            return html! {
                p { strong { "Not proven: " } "how far the front is from the optimum is not known, since " (reason) "." }
            };
        }
    };
    html! {
        @if let Some(said) = said {
            p { strong { "Proven: " } (said) "." }
            p class="soft" {
                "The optimum is that of this space under these scores and predicted latencies; nothing is said of networks outside the space, or of accuracy."
            }
        }
    }
}

fn conditions(experiment: &Experiment) -> Markup {
    let model = &experiment.appraiser.model;
    let platform = model.platform();
    html! {
        p class="soft" {
            (platform.description) ": batch " (experiment.appraiser.batches()) ", " (model.dtype())
            @if let Some(threads) = platform.threads { ", " (threads) " threads" }
            "; seed " (experiment.resolved.seed)
        }
        p class="notice" {
            strong { "This platform is " (model.word()) ". " }
            (experiment.appraiser.statement())
            @if let Quality::External { command, .. } = &experiment.appraiser.quality {
                " Accuracies are in per cent, as " code { (command) } " measured them, and good for no other recipe."
            } @else if experiment.lesson.is_none() {
                " Scores are unitless ranks and say nothing about accuracy in percent."
            }
        }
        @for model in experiment.appraiser.models().filter(|model| model.calibration().is_some()) {
            @for caveat in model.caveats() { p class="notice" { strong { "Another batch. " } "The " (caveat) "." } }
        }
        @for target in &experiment.appraiser.targets {
            p class="notice" {
                strong { "Target " (target.name) ". " } "Also priced for " (target.model.platform().description) " (" (target.model.platform().name)
                "), batch " (target.model.batch()) ", " (target.model.dtype()) ", which is " (target.model.word()) ". " (target.model.statement())
            }
        }
        @if let Some(said) = experiment.head_sentence() {
            p class="notice" { strong { "With a fixed head. " } (said) " The exported networks are the backbones alone; pareto.csv has their latency too." }
        }
    }
}

fn facts(experiment: &Experiment, outcome: &Outcome) -> Markup {
    html! {
        ul class="facts" {
            li { b { (outcome.front.len()) } "networks in the front" }
            @for constraint in &experiment.constraints {
                @if constraint.figure == Figure::ChannelDrop {
                    li { b { "0" } (constraint.name()) }
                } @else {
                    li { b { "≤ " (short(constraint.limit)) } (constraint.name()) }
                }
            }
            @if let Some(best) = outcome.best() {
                li { b { (best.id) } "highest quality" }
                li {
                    b { (short(best.metrics.latency.mean_ms)) " ms" } "its predicted latency"
                    @if experiment.chooses_batch() { ", batch " (best.metrics.batch) }
                }
                @if experiment.chooses_batch() { li { b { (short(best.metrics.timing().images_per_s())) } "images per second, predicted" } }
                @for (target, timing) in experiment.appraiser.targets.iter().zip(&best.metrics.targets) {
                    li { b { (short(timing.latency.mean_ms)) " ms" } "its predicted latency for " (target.name) }
                }
                li { b { (short(best.metrics.quality)) } "its quality (" (experiment.appraiser.quality.name()) ")" }
                @if let Some([low, high]) = best.metrics.quality_interval_90 {
                    li { b { (short(low)) " to " (short(high)) } "90 % interval, trained once" }
                }
            }
        }
    }
}

fn front_table(experiment: &Experiment, outcome: &Outcome) -> Markup {
    let targets = &experiment.appraiser.targets;
    let best = outcome.best().map(|best| best.id.as_str());
    let rows = outcome.spread(LISTED);
    html! {
        details open[outcome.front.len() <= LISTED] {
            summary {
                @if rows.len() < outcome.front.len() {
                    (rows.len()) " of " (outcome.front.len()) " networks, spread over the front; all of them are in pareto.csv"
                } @else {
                    "The networks of the front"
                }
            }
            div class="scroll" { table {
                thead { tr {
                    th { "id" } th { "quality" } (metric_headers(experiment))
                    @for target in targets { th { (target.name) " latency, ms" } th { "± std" } }
                    th { "resolution" } th class="left" { "genotype" }
                } }
                tbody {
                    @for row in &rows {
                        tr class=[(best == Some(&row.id)).then_some("chosen")] {
                            td { (row.id) } td { (short(row.metrics.quality)) } (metric_cells(experiment, &row.metrics))
                            @for timing in &row.metrics.targets[..targets.len()] {
                                td { (short(timing.latency.mean_ms)) } td { (short(timing.latency.std_ms)) }
                            }
                            td { (row.resolution) } td class="left" { code { (row.text) } }
                        }
                    }
                }
            } }
        }
    }
}

fn reference(experiment: &Experiment, outcome: &Outcome) -> Markup {
    let names = experiment.objectives.iter().zip(&outcome.reference);
    html! {
        "Hypervolume is measured from a fixed reference point: "
        @for (index, (objective, cost)) in names.enumerate() {
            @if index > 0 { ", " }
            (experiment.objective_name(*objective)) " " (short(objective.figure(*cost)))
        }
        @if outcome.training.is_some() { " (the budget, or the worst of the first round)." } @else {
            " (the budget, or the 95th percentile of random networks; the 5th for quality)."
        }
    }
}
