//! A network that was measured, beside what was predicted before.

use roofnas_cost::Prediction;
use roofnas_hardware::measure::Conditions;
use serde::Deserialize;

use super::selection::Selected;
use crate::tables::{csv, optional};

/// Columns of all that was measured.
pub const REFINE_COLUMNS: [&str; 27] = [
    "round",
    "id",
    "chosen_as",
    "predicted_ms",
    "predicted_ms_std",
    "predicted_ms_upper95",
    "measured_ms",
    "measured_ms_std",
    "error",
    "inside_90",
    "budget_ms",
    "promised",
    "within_budget",
    "quality",
    "profile",
    "profile_networks",
    "platform",
    "engine",
    "engine_version",
    "threads",
    "batch",
    "dtype",
    "situation",
    "repeats",
    "run",
    "date",
    "genotype",
];

/// What a table of measurements says of one network.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Timed {
    pub(super) platform: String,
    pub(super) network: String,
    pub(super) batch: u64,
    pub(super) latency_ms: f64,
    pub(super) latency_ms_std: Option<f64>,
    pub(super) repeats: u32,
    pub(super) threads: u32,
    pub(super) dtype: String,
    pub(super) engine: String,
    pub(super) engine_version: String,
    pub(super) situation: String,
    pub(super) run: String,
    pub(super) date: String,
}

/// Rows of a table of measurements.
pub(super) fn timed(text: &str) -> Result<Vec<Timed>, String> {
    let mut table = ::csv::Reader::from_reader(text.as_bytes());
    let rows: Result<Vec<Timed>, _> = table.deserialize().collect();
    let rows = rows.map_err(|error| format!("is no table of measurements: {error}"))?;
    let sound = |row: &&Timed| row.latency_ms > 0.0 && row.latency_ms.is_finite();
    match rows.iter().find(|row| !sound(row)) {
        Some(row) => Err(format!(
            "{} has a latency of {} ms, which is none",
            row.network, row.latency_ms
        )),
        None => Ok(rows),
    }
}

/// A network that was measured after it was predicted.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredNetwork {
    /// The round, from 1.
    pub round: usize,
    /// The network, with the prediction that was made before it was measured.
    pub selected: Selected,
    /// The profile that made it.
    pub profile: String,
    /// Networks that this profile was fitted on; 0 for an uncalibrated one.
    pub profile_networks: usize,
    /// The latency budget, in milliseconds.
    pub budget_ms: Option<f64>,
    pub(super) timed: Timed,
}

impl MeasuredNetwork {
    /// What was measured, in milliseconds.
    pub fn measured_ms(&self) -> f64 {
        self.timed.latency_ms
    }

    /// The error of the prediction, as a share of what was measured: above 0 where it is too long.
    pub fn error(&self) -> f64 {
        self.selected.predicted.mean_ms / self.timed.latency_ms - 1.0
    }

    /// Whether it keeps the latency budget, where there is one.
    pub fn is_within_budget(&self) -> Option<bool> {
        self.budget_ms
            .map(|budget_ms| self.timed.latency_ms <= budget_ms)
    }

    /// The prediction beside what was measured.
    pub fn prediction(&self) -> Prediction {
        let predicted = &self.selected.predicted;
        Prediction {
            measured_ms: self.timed.latency_ms,
            mean_ms: predicted.mean_ms,
            std_ms: Some(predicted.std_ms),
            upper95_ms: Some(predicted.upper95_ms()),
        }
    }

    /// Whether the 90 % interval of the prediction holds what was measured.
    pub fn is_inside(&self) -> bool {
        let predicted = &self.selected.predicted;
        let half_ms = predicted.upper95_ms() - predicted.mean_ms;
        (self.timed.latency_ms - predicted.mean_ms).abs() <= half_ms
    }

    /// Says what differs when it was measured under other conditions than these: a fit over both would describe neither.
    pub fn conditions_differ(&self, now: &Conditions) -> Option<String> {
        let (timed, engine) = (&self.timed, &now.engine);
        let version = engine.version.as_deref().unwrap_or_default();
        let situation = now.situation.words();
        let pairs = [
            ("platform", &timed.platform, &now.platform),
            ("engine", &timed.engine, &engine.name),
            ("engine_version", &timed.engine_version, &version.to_owned()),
            (
                "threads",
                &timed.threads.to_string(),
                &engine.conditions.threads.to_string(),
            ),
            ("situation", &timed.situation, &situation),
        ];
        let (what, then, now) = pairs.into_iter().find(|(_, then, now)| then != now)?;
        Some(format!(
            "round {} was measured with {what} = {then}, and now it is {now}",
            self.round
        ))
    }

    fn cells(&self) -> [String; 27] {
        let (selected, timed) = (&self.selected, &self.timed);
        [
            self.round.to_string(),
            selected.id.clone(),
            selected.origin.name().to_owned(),
            selected.predicted.mean_ms.to_string(),
            selected.predicted.std_ms.to_string(),
            selected.predicted.upper95_ms().to_string(),
            timed.latency_ms.to_string(),
            optional(timed.latency_ms_std),
            self.error().to_string(),
            self.is_inside().to_string(),
            optional(self.budget_ms),
            selected.is_promised.to_string(),
            optional(self.is_within_budget()),
            selected.quality.to_string(),
            self.profile.clone(),
            self.profile_networks.to_string(),
            timed.platform.clone(),
            timed.engine.clone(),
            timed.engine_version.clone(),
            timed.threads.to_string(),
            timed.batch.to_string(),
            timed.dtype.clone(),
            timed.situation.clone(),
            timed.repeats.to_string(),
            timed.run.clone(),
            timed.date.clone(),
            selected.text.clone(),
        ]
    }
}

/// All that was measured as CSV, one row a network. Floats are written to round-trip.
pub fn refine_csv(networks: &[MeasuredNetwork]) -> Vec<u8> {
    csv(&REFINE_COLUMNS, networks.iter().map(MeasuredNetwork::cells))
}
