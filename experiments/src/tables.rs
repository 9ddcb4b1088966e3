//! Fronts and histories as CSV: pure functions from results to bytes. Floats are written to round-trip.

use crate::experiment::Experiment;
use crate::history::Generation;
use crate::metrics::Metrics;
use crate::objective::Objective;
use crate::outcome::FrontRow;

/// Columns of a front.
pub const PARETO_COLUMNS: [&str; 24] = [
    "id",
    "quality",
    "latency_ms",
    "latency_ms_std",
    "latency_ms_upper95",
    "macs",
    "flops",
    "params",
    "traffic_bytes",
    "peak_memory_bytes",
    "intensity_flop_per_byte",
    "layers",
    "resolution",
    "platform",
    "batch",
    "threads",
    "dtype",
    "seed",
    "genotype",
    "weight_bytes",
    "quality_kind",
    "latency_kind",
    "quality_lower90",
    "quality_upper90",
];

/// Further columns of a front whose networks carry a fixed head: all others but the quality are of backbone and head together.
pub const HEAD_COLUMNS: [&str; 5] = [
    "fixed_head",
    "backbone_latency_ms",
    "backbone_latency_ms_std",
    "backbone_macs",
    "backbone_params",
];

/// The column of the throughput on the platform, where it is an objective.
pub const THROUGHPUT_COLUMN: &str = "throughput_images_per_s";

/// Further columns of each target, which begin with its name and a `_`.
pub const TARGET_COLUMNS: [&str; 9] = [
    "latency_ms",
    "latency_ms_std",
    "latency_ms_upper95",
    THROUGHPUT_COLUMN,
    "platform",
    "batch",
    "threads",
    "dtype",
    "latency_kind",
];

/// Columns of a history.
const HISTORY_COLUMNS: [&str; 6] = [
    "generation",
    "evaluations",
    "best_quality",
    "hypervolume",
    "feasible_share",
    "seconds",
];

/// The front as CSV, one row a network.
pub fn pareto_csv(experiment: &Experiment, front: &[FrontRow]) -> Vec<u8> {
    let rows = front.iter().map(|row| {
        let metrics = &row.metrics;
        let model = experiment.appraiser.at(metrics.batch);
        [
            row.id.clone(),
            metrics.quality.to_string(),
            metrics.latency.mean_ms.to_string(),
            metrics.latency.std_ms.to_string(),
            metrics.latency.upper95_ms().to_string(),
            metrics.macs.to_string(),
            metrics.flops.to_string(),
            metrics.params.to_string(),
            metrics.traffic_bytes.to_string(),
            metrics.peak_memory_bytes.to_string(),
            metrics.intensity.to_string(),
            metrics.layers.to_string(),
            row.resolution.to_string(),
            model.platform().name.clone(),
            model.batch().to_string(),
            optional(model.platform().threads),
            model.dtype().to_string(),
            experiment.resolved.seed.to_string(),
            row.text.clone(),
            metrics.weight_bytes.to_string(),
            quality_kind(experiment),
            latency_kind(experiment, metrics.batch),
            optional(metrics.quality_interval_90.map(|[lower, _]| lower)),
            optional(metrics.quality_interval_90.map(|[_, upper]| upper)),
        ]
    });
    let header: Vec<String> = PARETO_COLUMNS
        .into_iter()
        .chain(experiment.head.iter().flat_map(|_| HEAD_COLUMNS))
        .map(str::to_owned)
        .chain(timing_columns(experiment))
        .collect();
    let mut whole = rows.zip(front).map(|(cells, row)| {
        let further = head_cells(experiment, row)
            .into_iter()
            .chain(timing_cells(experiment, &row.metrics));
        cells.into_iter().chain(further).collect()
    });
    csv_of_width(&header, &mut whole)
}

/// The cells under [`HEAD_COLUMNS`]; none where there is no head.
fn head_cells(experiment: &Experiment, row: &FrontRow) -> Vec<String> {
    let Some(file) = &experiment.head else {
        return Vec::new();
    };
    let alone = experiment.backbone_alone(&row.genotype, row.metrics.batch);
    vec![
        file.head.name().to_owned(),
        optional(alone.map(|alone| alone.latency.mean_ms)),
        optional(alone.map(|alone| alone.latency.std_ms)),
        optional(alone.map(|alone| alone.macs)),
        optional(alone.map(|alone| alone.params)),
    ]
}

/// Columns of the throughput, where it is an objective, and of each target, after its name.
fn timing_columns(experiment: &Experiment) -> Vec<String> {
    let own = has_throughput(experiment).then(|| THROUGHPUT_COLUMN.to_owned());
    let targets = experiment.appraiser.targets.iter();
    let of_targets =
        targets.flat_map(|target| TARGET_COLUMNS.map(|column| format!("{}_{column}", target.name)));
    own.into_iter().chain(of_targets).collect()
}

/// The cells under [`timing_columns`].
fn timing_cells(experiment: &Experiment, metrics: &Metrics) -> Vec<String> {
    let own = has_throughput(experiment).then(|| metrics.timing().images_per_s().to_string());
    let targets = experiment.appraiser.targets.iter().zip(&metrics.targets);
    let of_targets = targets.flat_map(|(target, timing)| {
        let (latency, model) = (&timing.latency, &target.model);
        [
            latency.mean_ms.to_string(),
            latency.std_ms.to_string(),
            latency.upper95_ms().to_string(),
            timing.images_per_s().to_string(),
            model.platform().name.clone(),
            model.batch().to_string(),
            optional(model.platform().threads),
            model.dtype().to_string(),
            model.label(),
        ]
    });
    own.into_iter().chain(of_targets).collect()
}

/// Whether images per second are optimised.
pub(crate) fn has_throughput(experiment: &Experiment) -> bool {
    experiment.objectives.contains(&Objective::Throughput)
}

/// The history as CSV, one row a generation.
pub fn history_csv(history: &[Generation]) -> Vec<u8> {
    let rows = history.iter().map(|row| {
        [
            row.generation.to_string(),
            row.evaluations.to_string(),
            optional(row.best_quality),
            optional(row.hypervolume),
            row.feasible_share.to_string(),
            row.seconds.to_string(),
        ]
    });
    csv(&HISTORY_COLUMNS, rows)
}

/// What stands in for accuracy, in words.
pub(crate) fn quality_kind(experiment: &Experiment) -> String {
    experiment.appraiser.quality.kind()
}

/// How far latencies at a batch can be trusted, in words, and whether a fixed head is in them.
pub(crate) fn latency_kind(experiment: &Experiment, batch: u64) -> String {
    let label = experiment.appraiser.at(batch).label();
    match &experiment.head {
        None => label,
        Some(file) => format!("{label}; with the fixed head {}", file.head.name()),
    }
}

/// A figure, or nothing.
pub(crate) fn optional(figure: Option<impl ToString>) -> String {
    figure.map_or_else(String::new, |figure| figure.to_string())
}

/// A table with a header.
pub(crate) fn csv<const N: usize>(
    header: &[&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Vec<u8> {
    csv_of_width(header, &mut rows.map(Vec::from))
}

/// A table whose width is known only when it is written: every row must be as long as the header.
///
/// # Panics
/// For a row of another length; for nothing else, as a vector takes any number of bytes.
pub(crate) fn csv_of_width(
    header: &[impl AsRef<[u8]>],
    rows: &mut dyn Iterator<Item = Vec<String>>,
) -> Vec<u8> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer
        .write_record(header)
        .expect("a vector takes any bytes");
    for row in rows {
        writer
            .write_record(row)
            .expect("rows are as long as the header");
    }
    writer.into_inner().expect("a vector takes any bytes")
}
