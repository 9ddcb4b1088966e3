//! A batch at a glance: what can be had in each case under each budget.

use maud::{Markup, PreEscaped, html};
use plotters::style::RGBColor;

use super::cases::{Answer, Case, number};
use super::picture::{NARROW, WIDE, in_both_widths, short};
use super::{palette, reach_picture};
use crate::batch::BatchEntry;
use crate::error::Error;
use crate::portability::{Side, have_the_same_scores};

/// The answers as a table, and the fronts behind them as a picture.
///
/// # Errors
/// When the picture can't be drawn.
pub(super) fn section(
    cases: &[Case<'_>],
    sides: &[Side<'_>],
    budgets: &[Option<f64>],
) -> Result<Markup, Error> {
    let drawn: Vec<&Side<'_>> = sides.iter().filter(|s| !s.front.is_empty()).collect();
    let compared = comparable(cases);
    let has_picture = compared && (1..=palette::RUNS.len()).contains(&drawn.len());
    let picture = match has_picture {
        true => Some(in_both_widths(WIDE, NARROW, |size| {
            reach_picture::svg(&drawn, budgets, size)
        })?),
        false => None,
    };
    Ok(html! {
        h2 { "What can be had" }
        p {
            "The highest quality, " (quality(cases)) ", within each budget, with the latency that it takes and the run that found it. "
            "Where several seeds were searched, the best of them, and the lowest of what the others found."
            @if !compared { " Spaces or scores differ: qualities can be compared along a row and not along a column." }
        }
        (table(cases, budgets))
        @if let Some(picture) = picture {
            figure {
                (PreEscaped(picture))
                ul class="legend" {
                    @for (place, side) in drawn.iter().enumerate() {
                        @let RGBColor(r, g, b) = palette::RUNS[place];
                        li { span class="swatch" style={ "background:rgb(" (r) "," (g) "," (b) ")" } {} (side.name) }
                    }
                }
            }
        }
    })
}

/// What quality is, of the first.
fn quality(cases: &[Case<'_>]) -> String {
    let first = cases.first().map(|case| case.entries[0]);
    first.map_or_else(String::new, |entry| {
        entry.experiment.appraiser.quality.kind()
    })
}

/// Whether scores mean the same in all cases.
fn comparable(cases: &[Case<'_>]) -> bool {
    let mut experiments = cases.iter().map(|case| &case.entries[0].experiment);
    let Some(first) = experiments.next() else {
        return true;
    };
    experiments.all(|other| have_the_same_scores(first, other))
}

/// Cases by budgets; where each case has a budget of its own, they are a column.
fn table(cases: &[Case<'_>], budgets: &[Option<f64>]) -> Markup {
    let own = |case: &Case<'_>| -> Vec<Option<f64>> {
        let budgets = budgets.iter().copied();
        budgets.filter(|&b| case.under(b).is_some()).collect()
    };
    let own_budgets = budgets.len() > 1 && cases.iter().all(|case| own(case).len() == 1);
    html! {
        div class="scroll" { table class="answers" {
            thead { tr {
                th {}
                @if own_budgets {
                    th class="left" { "budget" } th class="left" { "best" }
                } @else {
                    @for budget in budgets { th class="left" { (in_words(*budget)) } }
                }
            } }
            tbody {
                @for case in cases {
                    tr {
                        td { (case.name) }
                        @if own_budgets {
                            @for budget in own(case) {
                                td class="left" { (in_words(budget)) } (cell(case.under(budget)))
                            }
                        } @else {
                            @for &budget in budgets { (cell(case.under(budget))) }
                        }
                    }
                }
            }
        } }
    }
}

fn in_words(budget_ms: Option<f64>) -> String {
    budget_ms.map_or_else(
        || "no budget".to_owned(),
        |ms| format!("within {} ms", short(ms)),
    )
}

fn cell(answer: Option<Answer<'_>>) -> Markup {
    let Some(answer) = answer else {
        return html! { td class="left soft" { "–" } };
    };
    let Some((entry, best)) = answer.best else {
        return html! {
            td class="left soft" { (answer.why_nothing()) div class="why" { (answer.reason()) } }
        };
    };
    let quality = best.metrics.quality;
    let worst = answer.worst_quality.map(short);
    let worst = worst.filter(|worst| *worst != short(quality));
    html! {
        td class="left" {
            b { (short(quality)) }
            @if let Some(worst) = worst { span class="soft" { " (" (worst) ")" } }
            div class="soft" {
                (short(best.metrics.latency.mean_ms)) " ms, " (link(entry, &best.id))
            }
        }
    }
}

/// A run's report, under its number and whatever else.
pub(super) fn link(entry: &BatchEntry, more: &str) -> Markup {
    let folder = entry.folder.display().to_string();
    let text = format!("{} {more}", number(&entry.folder));
    html! {
        @if entry.front.is_empty() { span title=(folder) { (text.trim_end()) } }
        @else { a href={ (folder) "/report.html" } title=(folder) { (text.trim_end()) } }
    }
}
