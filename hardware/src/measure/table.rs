//! Timings as a table of measurements, in the form that [`read_measurements`](crate::read_measurements) takes.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use super::protocol::Situation;
use super::timing::NetworkTiming;
use crate::engine::{Conditions as EngineConditions, EngineDescription};

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
const NEEDED: [&str; 4] = ["network", "batch", "threads", "latency_ms"];

/// What all rows of a table have in common, but for batch, threads, run and date.
const SAME: [&str; 5] = ["platform", "dtype", "engine", "engine_version", "situation"];

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

/// The networks that a table has measured already under the same conditions, each with the engine's, so that measuring can go on where it was broken off. Threads and
/// batch may be those of any of `among`, whatever those of the conditions.
///
/// # Errors
/// A sentence, when the text is no table of these columns, or of other conditions.
pub fn done_before(
    text: &str,
    conditions: &Conditions,
    among: &[EngineConditions],
) -> Result<Vec<(String, EngineConditions)>, String> {
    let expected = conditions.cells();
    let mut networks = Vec::new();
    for row in rows_before(text)? {
        let cell = |column: &str| {
            let place = HEADER.iter().position(|known| *known == column);
            place.map_or("", |place| &row[place])
        };
        let either = |column: &str, of: fn(&EngineConditions) -> NonZeroUsize| {
            let mut asked: Vec<NonZeroUsize> = among.iter().map(of).collect();
            asked.sort_unstable();
            asked.dedup();
            if asked.iter().any(|asked| asked.to_string() == cell(column)) {
                return Ok(());
            }
            let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
            Err(format!(
                "holds measurements with {column} = {}, and {} was asked for: name another file",
                cell(column),
                asked.join(" or ")
            ))
        };
        either("batch", |conditions| conditions.batch)?;
        either("threads", |conditions| conditions.threads)?;
        let is_own = |own: &&EngineConditions| {
            own.batch.to_string() == cell("batch") && own.threads.to_string() == cell("threads")
        };
        let Some(&own) = among.iter().find(is_own) else {
            return Err(format!(
                "holds measurements with batch = {} on {} threads, which was not asked for: name another file",
                cell("batch"),
                cell("threads")
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
        networks.push((cell("network").to_owned(), own));
    }
    Ok(networks)
}
