//! What was measured between searches, and how far predictions held.

use maud::{Markup, PreEscaped, html};
use plotters::style::RGBColor;

use super::refine_picture;
use crate::refine::{Refinement, Round, percent};

/// The section of a run whose platform was refined, with its picture.
pub(super) fn section(refinement: &Refinement, picture: &str) -> Markup {
    let rounds: Vec<usize> = refinement.rounds.iter().map(|round| round.number).collect();
    html! {
        h2 { "Predicted, then measured" }
        p { "Predictions and measurements " (refinement.sentence()) "." }
        p class="soft" {
            "Each round searched with the profile it had, predicted, and measured networks that nobody had measured before; so every error is that of "
            "a prediction by a profile that knew nothing of its network. The profile of this report knows all of these measurements."
        }
        figure {
            (PreEscaped(picture))
            figcaption {
                "On the line, a prediction is right; above it, too long. Point at a mark for its figures."
                @for round in rounds {
                    @let RGBColor(r, g, b) = refine_picture::colour(round);
                    span class="key" { span class="swatch" style={ "background:rgb(" (r) "," (g) "," (b) ")" } {} "round " (round) }
                }
            }
        }
        (table(&refinement.rounds))
    }
}

fn table(rounds: &[Round]) -> Markup {
    html! {
        div class="scroll" { table {
            thead { tr {
                th { "round" } th { "profile fitted on" } th { "measured" } th { "failed" } th { "mean error, %" } th { "bias, %" }
                th { "inside the 90 % interval, %" } th { "within the budget, of those that should be" } th { "slowest over, %" }
            } }
            tbody {
                @for round in rounds {
                    tr {
                        td { (round.number) }
                        td { @if round.profile_networks == 0 { "nothing" } @else { (round.profile_networks) } }
                        td { (round.figures.n) } td { (round.failed) }
                        td { (percent(round.figures.mape)) } td { (percent(round.figures.bias)) }
                        td { @if let Some(share) = round.figures.coverage_90 { (percent(share)) } }
                        @if let Some(budget) = round.budget {
                            td { (budget.within) " of " (budget.promised) } td { (percent(budget.worst_over)) }
                        } @else { td {} td {} }
                    }
                }
            }
        } }
    }
}
