//! The report's page.

use maud::{Markup, PreEscaped, html};
use plotters::style::RGBColor;
use roofnas_cost::OpClass;
use roofnas_space::Network;

use super::picture::short;
use super::{bars_picture, refine_section, roofline_picture, shell, training_section};
use crate::constraint::Figure;
use crate::error::Error;
use crate::experiment::Experiment;
use crate::metrics::Metrics;
use crate::outcome::{FrontRow, Outcome};
use crate::profile::{Profile, ProfiledLayer};
use crate::proof::Unproven;
use crate::quality::Quality;

/// Rows of the front that the page lists.
const LISTED: usize = 40;
/// Layers that the page lists.
const LAYERS: usize = 12;

/// The page's pictures, drawn.
pub(super) struct Pictures {
    pub(super) front: String,
    pub(super) hypervolume: Option<String>,
    pub(super) quality: Option<String>,
    pub(super) refinement: Option<String>,
    pub(super) chosen: Option<Chosen>,
}

/// The chosen network in detail.
pub(super) struct Chosen {
    row: FrontRow,
    network: Network,
    profile: Profile,
    legend: Vec<(OpClass, RGBColor)>,
    roofline: String,
    bars: String,
}

impl Chosen {
    pub(super) fn new(experiment: &Experiment, row: &FrontRow) -> Result<Self, Error> {
        let network = experiment.space.deployed(&row.genotype);
        let model = &experiment.appraiser.model;
        let profile = Profile::new(model, &network);
        Ok(Self {
            roofline: roofline_picture::svg(model, &profile.layers)?,
            bars: bars_picture::svg(&profile.layers)?,
            legend: roofline_picture::legend(&profile.layers),
            row: row.clone(),
            network,
            profile,
        })
    }
}

pub(super) fn html(experiment: &Experiment, outcome: &Outcome, pictures: &Pictures) -> String {
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
                        "the highest accuracy. All of them were trained. Point at a mark for its figures."
                    } @else {
                        "the highest quality. "
                        @if experiment.head.is_some() {
                            "Latencies are of backbone and fixed head together. "
                        } @else if experiment.lesson.is_some() {
                            "Thin lines: the 90 % interval of a network trained once. "
                        } @else {
                            "Triangles: published networks, priced and scored by the same formulas; they are not of this space, so their place on the "
                            "axis of quality is a rough one. "
                        }
                        @if outcome.certified.is_ok() { "Green: what exact search proves that no network of the space is beyond. " }
                        "Grey: networks drawn at random from the space. Point at a mark for its figures."
                        @if experiment.lesson.is_none() && experiment.head.is_none() { " (Published networks outside the picture are in the table below.)" }
                    }
                }
            }
            (proof(experiment, outcome))
            (front_table(outcome))
            @if let Some(chosen) = &pictures.chosen {
                (chosen_section(experiment, chosen))
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
            @if !outcome.landmarks.is_empty() { (landmark_table(experiment, outcome)) }
            (provenance(experiment))
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
            (platform.description) ": batch " (model.batch()) ", " (model.dtype())
            @if let Some(threads) = platform.threads { ", " (threads) " threads" }
            "; seed " (experiment.resolved.seed)
        }
        p class="notice" {
            strong { "This platform is " (model.word()) ". " }
            (model.statement())
            @if let Quality::External { command, .. } = &experiment.appraiser.quality {
                " Accuracies are in per cent, as " code { (command) } " measured them, and good for no other recipe."
            } @else if experiment.lesson.is_none() {
                " Scores are unitless ranks and say nothing about accuracy in percent."
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
                li { b { (short(best.metrics.latency.mean_ms)) " ms" } "its predicted latency" }
                li { b { (short(best.metrics.quality)) } "its quality (" (experiment.appraiser.quality.name()) ")" }
                @if let Some([low, high]) = best.metrics.quality_interval_90 {
                    li { b { (short(low)) " to " (short(high)) } "90 % interval, trained once" }
                }
            }
        }
    }
}

fn front_table(outcome: &Outcome) -> Markup {
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
                    th { "id" } th { "quality" } (metric_headers()) th { "resolution" } th class="left" { "genotype" }
                } }
                tbody {
                    @for row in &rows {
                        tr class=[(best == Some(&row.id)).then_some("chosen")] {
                            td { (row.id) } td { (short(row.metrics.quality)) } (metric_cells(&row.metrics))
                            td { (row.resolution) } td class="left" { code { (row.text) } }
                        }
                    }
                }
            } }
        }
    }
}

fn metric_headers() -> Markup {
    html! {
        th { "latency, ms" } th { "± std" } th { "MMACs" } th { "M params" } th { "traffic, MB" }
        th { "peak memory, MB" } th { "FLOP/byte" } th { "layers" }
    }
}

fn metric_cells(metrics: &Metrics) -> Markup {
    let mega = |count: u64| short(1e-6 * count as f64);
    html! {
        td { (short(metrics.latency.mean_ms)) } td { (short(metrics.latency.std_ms)) } td { (mega(metrics.macs)) }
        td { (mega(metrics.params)) } td { (mega(metrics.traffic_bytes)) } td { (mega(metrics.peak_memory_bytes)) }
        td { (short(metrics.intensity)) } td { (metrics.layers) }
    }
}

fn chosen_section(experiment: &Experiment, chosen: &Chosen) -> Markup {
    let mut slowest: Vec<&ProfiledLayer> = chosen.profile.layers.iter().collect();
    slowest.sort_by(|a, b| b.micros().total_cmp(&a.micros()));
    html! {
        h2 { "The network with the highest quality, " (chosen.row.id) }
        p { code { (chosen.row.text) } }
        figure {
            (PreEscaped(&chosen.roofline))
            figcaption {
                "Its layers under the roofs of " (experiment.appraiser.model.platform().name) ", each as large as its share of the time."
                @for (class, RGBColor(r, g, b)) in &chosen.legend {
                    span class="key" { span class="swatch" style={ "background:rgb(" (r) "," (g) "," (b) ")" } {} (class) }
                }
            }
        }
        (stage_table(chosen))
        h2 { "Where its time goes" }
        figure { (PreEscaped(&chosen.bars)) }
        div class="scroll" { table {
            thead { tr {
                th { "layer" } th class="left" { "class" } th { "input" } th { "output" } th { "MMACs" } th { "FLOP/byte" }
                th { "µs" } th { "share" } th class="left" { "bound by" }
            } }
            tbody {
                @for kernel in slowest.iter().take(LAYERS) {
                    tr {
                        td { (kernel.name) } td class="left" { (kernel.cost.class) } td { (kernel.cost.geometry.input) } td { (kernel.cost.geometry.output) }
                        td { (short(kernel.mmacs())) } td { (short(kernel.intensity)) } td { (short(kernel.micros())) }
                        td { (percent(kernel.share)) } td class="left" { (kernel.bound_name()) }
                    }
                }
            }
        } }
        p class="soft" {
            "The " (slowest.len().min(LAYERS)) " slowest of " (slowest.len()) " layers, what the engine fuses counted once."
        }
    }
}

fn stage_table(chosen: &Chosen) -> Markup {
    let sections = chosen.network.sections().iter().enumerate();
    html! {
        div class="scroll" { table {
            thead { tr {
                th { "part" } th class="left" { "block" } th { "output" } th { "MMACs" } th { "µs" } th { "share" }
            } }
            tbody {
                @for (index, section) in sections {
                    @let kernels = chosen.profile.layers.iter().filter(|kernel| kernel.section == index);
                    @let output = chosen.network.layers()[section.layers.end - 1].output;
                    tr {
                        td { (section.name()) } td class="left" { (section.description) } td { (output) }
                        td { (short(kernels.clone().map(ProfiledLayer::mmacs).sum())) }
                        td { (short(kernels.clone().map(ProfiledLayer::micros).sum())) }
                        td { (percent(kernels.map(|k| k.share).sum())) }
                    }
                }
                tr {
                    td { "the call itself" } td {} td {} td {} td { (short(1e6 * chosen.profile.call_s)) }
                    td { (percent(chosen.profile.call_share())) }
                }
            }
        } }
    }
}

fn landmark_table(experiment: &Experiment, outcome: &Outcome) -> Markup {
    html! {
        h2 { "Published networks on the same scale" }
        p class="soft" {
            "Built from the same blocks, at 224x224, and priced by the same model"
            @if experiment.lesson.is_none() {
                "; scored by the same formula with this space's normalisation. Their accuracy is what others published for trained weights: "
                "it stands here as a note, and the score does not predict it."
            } @else {
                ". Their accuracy is what others published for trained weights, by other recipes; what predicts accuracy here knows networks of the space alone."
            }
        }
        div class="scroll" { table {
            thead { tr {
                th { "network" } th { (experiment.appraiser.quality.name()) } (metric_headers())
                th { "top-1, %" } th class="left" { "source of top-1" }
            } }
            tbody {
                @for priced in &outcome.landmarks {
                    tr {
                        td { (priced.landmark.name) } td { @if priced.metrics.quality.is_finite() { (short(priced.metrics.quality)) } } (metric_cells(&priced.metrics))
                        td { (format!("{:.1}", priced.landmark.top1)) } td class="left" { (priced.landmark.source) }
                    }
                }
            }
        } }
    }
}

fn reference(experiment: &Experiment, outcome: &Outcome) -> Markup {
    let names = experiment.objectives.iter().zip(&outcome.reference);
    html! {
        "Hypervolume is measured from a fixed reference point: "
        @for (index, (objective, cost)) in names.enumerate() {
            @if index > 0 { ", " }
            (objective) " " (short(if objective.is_maximized() { -cost } else { *cost }))
        }
        @if outcome.training.is_some() { " (the budget, or the worst of the first round)." } @else {
            " (the budget, or the 95th percentile of random networks; the 5th for quality)."
        }
    }
}

fn provenance(experiment: &Experiment) -> Markup {
    let platform = experiment.appraiser.model.platform();
    let normalisation = match &experiment.appraiser.quality {
        Quality::Proxy { normalisation, .. } => Some(normalisation),
        Quality::Surrogate { .. } | Quality::External { .. } => None,
    };
    html! {
        h2 { "Where the numbers come from" }
        ul {
            li { "roofnas " (env!("CARGO_PKG_VERSION")) ", experiment in experiment.toml, platform " (platform.name) " in platform.toml" }
            @for source in &platform.provenance.sources { li { (source) } }
            @if let Some(licence) = &platform.provenance.licence { li { "licence of the measurements: " (licence) } }
            @if let Some(author) = &platform.provenance.attribution { li { "measured by: " (author) } }
            @if let Some(calibration) = experiment.appraiser.model.calibration() {
                li { "calibrated on: " (calibration.measured.source) }
            } @else {
                li { "overheads: " (platform.overhead.source) }
                li { "uncertainty: " (platform.uncertainty.reason) }
            }
            li { "space of " (experiment.space.size()) " networks" }
            @if let Some(lesson) = &experiment.lesson {
                li { "accuracy is predicted from trained.csv, for the recipe those networks were trained by: " (lesson.validation.sentence()) }
            }
            @if let Some(normalisation) = normalisation { li {
                "scores are normalised over " (experiment.sample.len()) " networks drawn from the space with seed 0: "
                @for (index, (term, moments)) in normalisation.terms().enumerate() {
                    @if index > 0 { "; " }
                    (term) " " (short(moments.mean)) " ± " (short(moments.std))
                }
            } }
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}
