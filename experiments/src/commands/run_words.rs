//! What is said of a run that has ended.

use std::borrow::Cow;

use roofnas::tables::THROUGHPUT_COLUMN;
use roofnas::{Certified, Experiment, Nearest, Objective, Outcome, Unproven};
use serde_json::Value;

use super::table::Data;
use crate::cli::Format;

/// Rows of a front that are printed.
const PRINTED: usize = 12;

/// Some of its front, as a table.
pub(super) fn printed_front(experiment: &Experiment, outcome: &Outcome) -> String {
    let rows = outcome.spread(PRINTED);
    // only predicted accuracy has an interval
    let has_intervals = rows
        .iter()
        .all(|row| row.metrics.quality_interval_90.is_some());
    let intervals: &[&str] = match has_intervals {
        true => &["lower_90", "upper_90"],
        false => &[],
    };
    let targets = &experiment.appraiser.targets;
    let of_targets = (0..).zip(targets).map(|(number, _)| {
        let latency = Objective::TargetLatency(number);
        experiment.objective_column(latency)
    });
    let first = [
        &["id", "quality"],
        intervals,
        &["latency_ms", "latency_ms_std"],
    ]
    .concat();
    let of_batch: &[&str] = match experiment.chooses_batch() {
        true => &["batch", THROUGHPUT_COLUMN],
        false => &[],
    };
    let columns = [first, of_batch.to_vec()].concat();
    let columns = columns.into_iter().map(Cow::from).chain(of_targets);
    let columns = columns.chain(["mmacs", "mparams", "genotype"].map(Cow::from));
    let mut data = Data::of_columns(columns.collect());
    for row in rows {
        let mut cells = vec![row.id.clone().into(), row.metrics.quality.into()];
        let interval = row.metrics.quality_interval_90.iter().flatten();
        cells.extend(interval.map(|&end| Value::from(end)));
        cells.extend([
            row.metrics.latency.mean_ms.into(),
            row.metrics.latency.std_ms.into(),
        ]);
        if experiment.chooses_batch() {
            let images_per_s = row.metrics.timing().images_per_s();
            cells.extend([row.metrics.batch.into(), images_per_s.into()]);
        }
        let timings = row.metrics.targets[..targets.len()].iter();
        cells.extend(timings.map(|timing| Value::from(timing.latency.mean_ms)));
        cells.extend([
            (1e-6 * row.metrics.macs as f64).into(),
            (1e-6 * row.metrics.params as f64).into(),
            row.text.clone().into(),
        ]);
        data.push(cells);
    }
    data.format(Format::Table).unwrap_or_default()
}

/// What it did and found, and where the files are.
pub(super) fn summary(label: &str, experiment: &Experiment, outcome: &Outcome) -> String {
    let proven = match &outcome.certified {
        Ok(certified) => certified
            .sentence(experiment)
            .map(|said| format!("\n{said}")),
        Err(Unproven::Unasked) => None,
        Err(Unproven::Impossible(reason)) => Some(format!(
            "\ngap to the model's optimum: not known, since {reason}"
        )),
    };
    format!(
        "{}{}\nsee {label}/report.html, {label}/pareto.csv and {label}/backbones/",
        brief(label, experiment, outcome),
        proven.unwrap_or_default()
    )
}

/// What it did and found, in a line.
pub(super) fn brief(label: &str, experiment: &Experiment, outcome: &Outcome) -> String {
    let seconds = outcome.history.last().map_or(0.0, |last| last.seconds);
    let quality = &experiment.appraiser.quality;
    let best = outcome.best().map_or_else(String::new, |best| {
        let batch = match experiment.chooses_batch() {
            true => format!(" for a batch of {}", best.metrics.batch),
            false => String::new(),
        };
        format!(
            "best {} with {} {:.3} ({}) at {:.4} ± {:.4} ms{batch}{} ({})",
            best.id,
            quality.name(),
            best.metrics.quality,
            quality.sort(),
            best.metrics.latency.mean_ms,
            best.metrics.latency.std_ms,
            if experiment.head.is_some() {
                " with the fixed head"
            } else {
                ""
            },
            experiment.appraiser.at(best.metrics.batch).label()
        )
    });
    let done = match &outcome.training {
        Some(training) => format!(
            "{} in {seconds:.1} s ({} known before)",
            training.sentence(),
            training.known
        ),
        None => format!("{} evaluations in {seconds:.1} s", outcome.evaluations),
    };
    let front = outcome.front.len();
    format!("{label}: {done}, {front} networks in the front; {best}")
}

/// That nothing keeps the constraints, what comes nearest, and what binds.
pub(super) fn infeasible(label: &str, outcome: &Outcome, nearest: &Nearest) -> String {
    let is_proven = outcome
        .certified
        .as_ref()
        .is_ok_and(Certified::is_infeasible);
    let all = if is_proven {
        "no network of the space keeps the constraints: that is proven".to_owned()
    } else {
        let evaluated = outcome.evaluations;
        format!("none of {evaluated} evaluated networks keeps the constraints")
    };
    let mut text = format!("error: {label}: {all}; the nearest is {}", nearest.text);
    for bound in nearest.binds() {
        text += &format!("\n  binds: {bound}");
    }
    text + "\nraise what binds, or widen the space towards smaller networks"
}
