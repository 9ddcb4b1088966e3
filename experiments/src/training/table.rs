//! What was trained, as CSV: a table for a surrogate, for ranking, or for a spreadsheet. Floats are written to round-trip.

use super::candidate::{TrainingResult, TrainingRow};
use crate::experiment::Experiment;
use crate::outcome::FrontRow;
use crate::tables::{csv, latency_kind, optional, quality_kind};

/// Columns of what was trained.
const COLUMNS: [&str; 28] = [
    "id",
    "round",
    "genotype",
    "status",
    "accuracy",
    "std",
    "training_seed",
    "cost_s",
    "predicted",
    "predicted_lower",
    "predicted_upper",
    "expected",
    "expected_lower",
    "expected_upper",
    "latency_ms",
    "latency_ms_std",
    "latency_ms_upper95",
    "macs",
    "flops",
    "params",
    "peak_memory_bytes",
    "resolution",
    "origin",
    "front",
    "reason",
    "seconds",
    "quality_kind",
    "latency_kind",
];

/// One row a network, in the order in which they were proposed. `front` is the network's name in `pareto.csv`, where it has one.
pub(super) fn trained_csv(
    experiment: &Experiment,
    rows: &[TrainingRow],
    front: &[FrontRow],
    training_seed: u64,
) -> Vec<u8> {
    let rows = rows.iter().map(|row| {
        let candidate = &row.candidate;
        let (forecast, expected) = (candidate.forecast, row.expected);
        let metrics = experiment.appraise(&candidate.genotype);
        let measured = row.result.measured();
        let in_front = front
            .iter()
            .find(|member| member.genotype == candidate.genotype);
        let (reason, seconds) = match &row.result {
            TrainingResult::Trained { seconds, .. } => (String::new(), *seconds),
            TrainingResult::Failed { reason } => (reason.clone(), None),
        };
        [
            candidate.id.clone(),
            candidate.round.to_string(),
            row.text.clone(),
            row.result.status().to_owned(),
            optional(measured.map(|measured| measured.accuracy)),
            optional(measured.and_then(|measured| measured.std)),
            measured
                .and_then(|measured| measured.seed)
                .unwrap_or(training_seed)
                .to_string(),
            optional(measured.and_then(|measured| measured.cost_s)),
            optional(forecast.map(|forecast| forecast.accuracy())),
            optional(forecast.map(|forecast| forecast.lower())),
            optional(forecast.map(|forecast| forecast.upper())),
            optional(expected.map(|expected| expected.accuracy())),
            optional(expected.map(|expected| expected.lower())),
            optional(expected.map(|expected| expected.upper())),
            metrics.latency.mean_ms.to_string(),
            metrics.latency.std_ms.to_string(),
            metrics.latency.upper95_ms().to_string(),
            metrics.macs.to_string(),
            metrics.flops.to_string(),
            metrics.params.to_string(),
            metrics.peak_memory_bytes.to_string(),
            experiment.space.resolution(&candidate.genotype).to_string(),
            candidate.origin.name().to_owned(),
            optional(in_front.map(|member| &member.id)),
            reason,
            optional(seconds),
            quality_kind(experiment),
            latency_kind(experiment, metrics.batch),
        ]
    });
    csv(&COLUMNS, rows)
}
