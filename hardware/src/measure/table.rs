//! Timings as a table of measurements, in the form that [`read_measurements`](crate::read_measurements) takes.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use super::protocol::Situation;
use super::timing::NetworkTiming;
use crate::engine::EngineDescription;

/// The columns.
pub const HEADER: [&str; 20] = [
    "platform",
    "network",
    "batch",
    "latency_ms",
    "latency_ms_std",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "spread",
    "repeats",
    "throughput_images_per_s",
    "threads",
    "dtype",
    "engine",
    "engine_version",
    "situation",
    "run",
    "initialisation_ms",
    "resident_mib",
    "date",
];

/// What a row says beside that.
const NEEDED: [&str; 3] = ["network", "batch", "latency_ms"];

/// What all rows of a table have in common, but for batch, run and date.
const SAME: [&str; 6] = [
    "platform",
    "threads",
    "dtype",
    "engine",
    "engine_version",
    "situation",
];

/// What rows hold for.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditions {
    /// The machine.
    pub platform: String,
    /// The engine, with threads, batch and dtype.
    pub engine: EngineDescription,
    /// What it is like around.
    pub situation: Situation,
    /// Which measuring run it is: rows of one run share what one run has of its own.
    pub run: String,
    /// When it was.
    pub date: String,
}

impl Conditions {
    /// The cells that the timings have no part in.
    fn cells(&self) -> BTreeMap<&'static str, String> {
        let engine = &self.engine;
        let conditions = &engine.conditions;
        BTreeMap::from([
            ("platform", self.platform.clone()),
            ("batch", conditions.batch.to_string()),
            ("threads", conditions.threads.to_string()),
            ("dtype", conditions.dtype.name().to_owned()),
            ("engine", engine.name.clone()),
            ("engine_version", engine.version.clone().unwrap_or_default()),
            ("situation", self.situation.words()),
            ("date", self.date.clone()),
        ])
    }
}

/// A row: cells in the order of [`HEADER`]; what isn't known is empty.
pub fn row(timing: &NetworkTiming, conditions: &Conditions) -> Vec<String> {
    let mut cells = conditions.cells();
    let ms = |seconds: f64| format!("{:.6}", 1e3 * seconds);
    let or_empty = |seconds: Option<f64>| seconds.map(ms).unwrap_or_default();
    cells.insert("network", timing.network.clone());
    cells.insert("latency_ms", ms(timing.latency_s()));
    cells.insert("latency_ms_std", or_empty(timing.latency_std_s()));
    cells.insert("p50_ms", ms(timing.quantile_s(0.5)));
    cells.insert("p95_ms", ms(timing.quantile_s(0.95)));
    cells.insert("p99_ms", ms(timing.quantile_s(0.99)));
    cells.insert("spread", format!("{:.4}", timing.spread()));
    cells.insert("repeats", timing.runs().to_string());
    let images =
        (conditions.situation.streams.get() * conditions.engine.conditions.batch.get()) as f64;
    cells.insert(
        "throughput_images_per_s",
        format!("{:.3}", images / timing.mean_s()),
    );
    cells.insert("run", format!("{}/{}", conditions.run, timing.group));
    cells.insert("initialisation_ms", or_empty(timing.initialisation_s));
    let mib = timing
        .resident_bytes
        .map(|bytes| bytes as f64 / f64::from(1 << 20));
    cells.insert(
        "resident_mib",
        mib.map(|mib| format!("{mib:.2}")).unwrap_or_default(),
    );
    HEADER
        .iter()
        .map(|column| cells.remove(column).unwrap_or_default())
        .collect()
}

/// The rows of a table that was measured before, in the order of [`HEADER`]. Columns that older versions didn't write are empty.
///
/// # Errors
/// A sentence, when the text is no table of these columns.
pub fn rows_before(text: &str) -> Result<Vec<Vec<String>>, String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let is_ours = header.iter().all(|column| HEADER.contains(&column))
        && NEEDED
            .iter()
            .chain(&SAME)
            .all(|column| header.iter().any(|known| known == *column));
    if !is_ours {
        return Err("is no table that measuring has written: its columns are others".to_owned());
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let cell = |column: &&str| {
            let place = header.iter().position(|known| known == *column);
            place
                .and_then(|place| record.get(place))
                .unwrap_or_default()
                .to_owned()
        };
        rows.push(HEADER.iter().map(cell).collect());
    }
    Ok(rows)
}

/// The networks that a table has measured already under the same conditions, each with its batch, so that measuring can go on where it was broken off. The batch
/// may be any of `batches`, whatever that of the conditions.
///
/// # Errors
/// A sentence, when the text is no table of these columns, or of other conditions.
pub fn done_before(
    text: &str,
    conditions: &Conditions,
    batches: &[NonZeroUsize],
) -> Result<Vec<(String, NonZeroUsize)>, String> {
    let expected = conditions.cells();
    let mut networks = Vec::new();
    for row in rows_before(text)? {
        let cell = |column: &str| {
            let place = HEADER.iter().position(|known| *known == column);
            place.map_or("", |place| &row[place])
        };
        let batch = batches
            .iter()
            .find(|batch| batch.to_string() == cell("batch"));
        let Some(&batch) = batch else {
            let asked: Vec<String> = batches.iter().map(ToString::to_string).collect();
            return Err(format!(
                "holds measurements with batch = {}, and {} was asked for: name another file",
                cell("batch"),
                asked.join(" or ")
            ));
        };
        for column in SAME {
            let (found, asked) = (cell(column), &expected[column]);
            if found != asked {
                return Err(format!(
                    "holds measurements with {column} = {found}, and {asked} was asked for: name another file"
                ));
            }
        }
        networks.push((cell("network").to_owned(), batch));
    }
    Ok(networks)
}
