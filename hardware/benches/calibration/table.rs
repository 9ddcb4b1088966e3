//! Tables in Markdown.

use std::collections::BTreeMap;

use roofnas_cost::Figures;

/// The baselines' names as the tables head them, in the order of `Baseline::ALL`.
pub(crate) const BASELINES: &str = "MACs | five | class ridge | class nnls | boosting";

/// The columns of [`figures`].
pub(crate) const FIGURES: &str = "MAPE | <= 5 % | <= 10 % | rho | coverage | width | over";

/// What the heads stand for.
pub(crate) const LEGEND: &str = "Errors in %. `<= 5 %`, `<= 10 %`: share of networks predicted that well; `rho`: Spearman's rank correlation; `coverage` and `width`: \
     of the 90 % interval; `over`: share above the one-sided 95 % bound; then each baseline's MAPE; `ratio`: the model's MAPE over the best baseline's; \
     `s`: seconds a fit.";

/// Prints a table's head and the line below it.
pub(crate) fn head(columns: &str) {
    let rule = vec!["---"; columns.split('|').count()].join("|");
    println!("| {columns} |\n|{rule}|");
}

/// Figures of several runs, averaged.
pub(crate) fn figures(runs: &[Figures]) -> String {
    cells(|of| average(runs.iter().map(of)))
}

/// Figures of several devices: the median of each.
pub(crate) fn medians(devices: &[Figures]) -> String {
    cells(|of| median(devices.iter().map(of)))
}

fn cells(mean: impl Fn(fn(&Figures) -> f64) -> f64) -> String {
    format!(
        "{} | {:.0} | {:.0} | {:.3} | {:.2} | {:.2} | {:.2}",
        percent(mean(|run| run.mape)),
        100.0 * mean(|run| run.within_5pct),
        100.0 * mean(|run| run.within_10pct),
        mean(|run| run.spearman.unwrap_or(0.0)),
        mean(|run| run.coverage_90.unwrap_or(f64::NAN)),
        mean(|run| run.width_90.unwrap_or(f64::NAN)),
        mean(|run| run.exceeds_upper_95.unwrap_or(f64::NAN)),
    )
}

/// Fractions as cells in per cent.
pub(crate) fn percents(fractions: &[f64]) -> String {
    let cells: Vec<String> = fractions.iter().copied().map(percent).collect();
    cells.join(" | ")
}

/// A fraction in per cent, or a dash for none.
pub(crate) fn percent(fraction: f64) -> String {
    if fraction.is_finite() {
        format!("{:.1}", 100.0 * fraction)
    } else {
        "-".to_owned()
    }
}

pub(crate) fn average(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len() as f64
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

pub(crate) fn least(values: &[f64]) -> f64 {
    values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .fold(f64::INFINITY, f64::min)
}

/// Prints the geometric mean of the ratios collected for each number of networks.
pub(crate) fn print_ratios(ratios: &BTreeMap<usize, Vec<f64>>) {
    println!();
    for (size, ratios) in ratios {
        let log = average(ratios.iter().map(|ratio| ratio.ln()));
        println!(
            "N = {size}: geometric mean of the ratios {:.3} ({} columns)",
            log.exp(),
            ratios.len()
        );
    }
}
