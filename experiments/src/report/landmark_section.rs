//! Published networks beside those that were found: which are beaten, and by what.

use maud::{Markup, html};

use super::dominance::Standing;
use super::figures::{metric_cells, metric_headers};
use super::picture::short;
use crate::experiment::Experiment;
use crate::outcome::{Outcome, PricedLandmark};

/// What the front says of the published networks, in a sentence or two.
pub(super) fn sentence(outcome: &Outcome, standings: &[Standing]) -> Markup {
    let beaten: Vec<&Standing> = standings
        .iter()
        .filter(|standing| !standing.dominated_by.is_empty())
        .collect();
    let beating = standings
        .iter()
        .filter(|standing| !standing.dominates.is_empty());
    let beating: Vec<&Standing> = beating.collect();
    html! {
        @if !standings.is_empty() {
            p {
                strong { "Against published networks: " }
                (beaten.len()) " of " (standings.len()) " are dominated by networks found here, that is, one of these is nowhere worse in the objectives and "
                "somewhere better"
                @for (index, standing) in beaten.iter().enumerate() {
                    (if index == 0 { ": " } else { ", " }) (standing.landmark.landmark.name)
                    @if let (Some(fastest), Some(speedup)) = (standing.fastest(), standing.speedup()) {
                        " (by " (standing.dominated_by.len()) "; " (fastest.id) " is " (short(speedup)) " times as fast)"
                    }
                }
                "."
                @for standing in &beating {
                    " " (standing.landmark.landmark.name) ", which is not of this space, dominates " (standing.dominates.len()) " of the front's "
                    (outcome.front.len()) "."
                }
            }
        }
    }
}

/// The section of the published networks.
pub(super) fn section(
    experiment: &Experiment,
    outcome: &Outcome,
    standings: &[Standing],
) -> Markup {
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
                th { "network" } th { (experiment.appraiser.quality.name()) }
                @if !standings.is_empty() { th { "dominated by" } th { "fastest of these" } th { "times as fast" } th { "dominates" } }
                (metric_headers(experiment)) th { "top-1, %" }
                th class="left" { "source of top-1" }
            } }
            tbody {
                @for priced in &outcome.landmarks {
                    tr {
                        td { (priced.landmark.name) } td { @if priced.metrics.quality.is_finite() { (short(priced.metrics.quality)) } }
                        @if !standings.is_empty() { (standing_cells(priced, standings)) }
                        (metric_cells(experiment, &priced.metrics)) td { (format!("{:.1}", priced.landmark.top1)) }
                        td class="left" { (priced.landmark.source) }
                    }
                }
            }
        } }
        @if !standings.is_empty() {
            p class="soft" { "Dominated by, dominates: networks of this front, of which there are " (outcome.front.len()) "." }
        }
    }
}

fn standing_cells(priced: &PricedLandmark, standings: &[Standing]) -> Markup {
    let own = standings
        .iter()
        .find(|standing| standing.landmark.landmark.name == priced.landmark.name);
    html! {
        @if let Some(standing) = own {
            td { (standing.dominated_by.len()) }
            td { @if let Some(fastest) = standing.fastest() { (fastest.id) } }
            td { @if let Some(speedup) = standing.speedup() { (short(speedup)) } }
            td { (standing.dominates.len()) }
        } @else { td {} td {} td {} td {} }
    }
}
