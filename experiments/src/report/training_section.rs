//! What was trained, and how what was expected of it compares with what came.

use maud::{Markup, html};

use super::picture::short;
use crate::training::{TrainingResult, TrainingRow, TrainingSummary};

/// The section of a run whose quality the user's command measures.
pub(super) fn section(summary: &TrainingSummary) -> Markup {
    html! {
        h2 { "What was trained" }
        p { (summary.sentence()) ", by " code { (summary.command) } "." }
        p class="soft" {
            "The first round is a spread over the front of the score, with networks drawn at random beside it. Each later round is what a "
            "surrogate expects most of that has learnt from the rounds before. A forecast was made before its network was trained, so it is "
            "an honest test; yet what is picked for a high forecast tends to fall short of it."
        }
        (rounds(summary))
        (networks(summary))
    }
}

fn rounds(summary: &TrainingSummary) -> Markup {
    let best = |round: usize| {
        let until = summary
            .rows
            .iter()
            .filter(|row| row.candidate.round <= round);
        let measured = until.filter_map(|row| row.result.measured());
        measured.map(|measured| measured.accuracy).reduce(f64::max)
    };
    html! {
        div class="scroll" { table {
            thead { tr {
                th { "round" } th { "networks" } th { "failed" } th { "best so far, %" } th { "mean error of the forecasts, points" }
                th { "bias, points" } th { "inside the 90 % interval" }
            } }
            tbody {
                @for round in 0..summary.rounds() {
                    @let of_round: Vec<&TrainingRow> = summary.rows.iter().filter(|row| row.candidate.round == round).collect();
                    @let failed = of_round.iter().filter(|row| row.result.measured().is_none()).count();
                    tr {
                        td { (round) } td { (of_round.len()) } td { (failed) }
                        td { @if let Some(best) = best(round) { (points(best)) } }
                        @if let Some(check) = summary.forecasts(round) {
                            td { (points(check.mean_error)) } td { (points(check.bias)) } td { (check.inside) " of " (check.networks) }
                        } @else { td {} td {} td {} }
                    }
                }
            }
        } }
    }
}

fn networks(summary: &TrainingSummary) -> Markup {
    html! {
        details {
            summary { "Every network, with what was expected of it" }
            div class="scroll" { table {
                thead { tr {
                    th { "id" } th { "round" } th class="left" { "chosen as" } th { "expected, %" } th { "90 % interval" } th { "measured, %" }
                    th { "± std" } th { "cost, s" } th class="left" { "genotype, or why it failed" }
                } }
                tbody {
                    @for row in &summary.rows { tr {
                        td { (row.candidate.id) } td { (row.candidate.round) } td class="left" { (row.candidate.origin.name()) }
                        @match row.candidate.forecast {
                            Some(forecast) => {
                                td { (points(forecast.accuracy())) }
                                td { (points(forecast.lower())) " to " (points(forecast.upper())) }
                            }
                            None => { td {} td {} }
                        }
                        @match &row.result {
                            TrainingResult::Trained { measured, .. } => {
                                td { (points(measured.accuracy)) }
                                td { @if let Some(std) = measured.std { (points(std)) } }
                                td { @if let Some(cost) = measured.cost_s { (short(cost)) } }
                                td class="left" { code { (row.text) } }
                            }
                            TrainingResult::Failed { reason } => {
                                td { "failed" } td {} td {} td class="left" { (reason) }
                            }
                        }
                    } }
                }
            } }
        }
    }
}

fn points(accuracy: f64) -> String {
    format!("{accuracy:.2}")
}
