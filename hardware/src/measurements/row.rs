//! One row as a measurement.

use std::fmt;
use std::str::FromStr;

use super::error::MeasurementError;
use super::table::{Record, Table};

/// Batches beyond this are a mistake.
const LARGEST_BATCH: u64 = 65_536;

/// The latency of one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// The row's line in the file, from 1; the first of them where several were merged.
    pub line: u64,
    /// The platform, where a column names it.
    pub platform: Option<String>,
    /// The network.
    pub network: String,
    /// Images in one inference.
    pub batch: u64,
    /// Latency of one inference.
    pub latency_ms: f64,
    /// Threads of the engine.
    pub threads: Option<u32>,
    /// Number format, as the table calls it.
    pub dtype: Option<String>,
    /// The engine.
    pub engine: Option<String>,
    /// What it was like around the engine, as the table calls it.
    pub situation: Option<String>,
    /// Which measuring run it comes from.
    pub run: Option<String>,
    /// How many inferences stand behind it.
    pub repeats: Option<u32>,
    /// Standard deviation over those, from the column named as that of the latencies with `_std` behind.
    pub latency_ms_std: Option<f64>,
    /// When it was measured.
    pub date: Option<String>,
}

/// A row that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProblem {
    /// Its line in the file, from 1.
    pub line: u64,
    /// The cell that can't be used; absent if the whole row can't.
    pub cell: Option<Cell>,
    /// What would be accepted.
    pub reason: String,
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Its column.
    pub column: String,
    /// What stands in it.
    pub value: String,
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, reason, .. } = self;
        match &self.cell {
            None => write!(f, "line {line}: {reason}"),
            Some(Cell { column, value }) if value.is_empty() => {
                write!(f, "line {line}: {column} is empty: {reason}")
            }
            Some(Cell { column, value }) => write!(f, "line {line}: {column} = {value}: {reason}"),
        }
    }
}

/// Where the columns stand that have a meaning.
pub(super) struct Places {
    columns: usize,
    latency: Column,
    network: Column,
    platform: Option<Column>,
    batch: Option<Column>,
    threads: Option<Column>,
    dtype: Option<Column>,
    engine: Option<Column>,
    situation: Option<Column>,
    run: Option<Column>,
    repeats: Option<Column>,
    latency_std: Option<Column>,
    date: Option<Column>,
}

struct Column {
    name: String,
    place: usize,
}

impl Places {
    /// Finds the columns of a table.
    pub(super) fn new(table: &Table, latency: &str) -> Result<Self, MeasurementError> {
        let find = |name: &str| -> Result<Option<Column>, MeasurementError> {
            let place = table.place(name)?;
            Ok(place.map(|place| Column {
                name: name.to_owned(),
                place,
            }))
        };
        let known = || table.columns.clone();
        let line_date = find("line_date")?;
        Ok(Self {
            columns: table.columns.len(),
            network: find("network")?
                .ok_or_else(|| MeasurementError::NetworkColumn { known: known() })?,
            latency: find(latency)?.ok_or_else(|| MeasurementError::LatencyColumn {
                column: latency.to_owned(),
                known: known(),
            })?,
            platform: find("platform")?,
            batch: find("batch")?,
            threads: find("threads")?,
            dtype: find("dtype")?,
            engine: find("engine")?,
            situation: find("situation")?,
            run: find("run")?,
            repeats: find("repeats")?,
            latency_std: find(&format!("{latency}_std"))?,
            date: match line_date {
                None => find("date")?,
                found => found,
            },
        })
    }

    /// The row as a measurement, or what is wrong with it.
    pub(super) fn measurement(&self, record: &Record) -> Result<Measurement, RowProblem> {
        self.is_whole(record)?;
        let text = |column: &Option<Column>| {
            let value = column.as_ref().map(|column| record.cell(column.place));
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        Ok(Measurement {
            line: record.line,
            network: self.network(record)?,
            latency_ms: self.latency_ms(record)?,
            batch: self.batch(record)?,
            threads: optional(record, &self.threads, whole, "a whole number from 1")?,
            repeats: optional(record, &self.repeats, whole, "a whole number from 1")?,
            latency_ms_std: optional(
                record,
                &self.latency_std,
                not_negative,
                "a number, 0 or above",
            )?,
            platform: text(&self.platform),
            dtype: text(&self.dtype),
            engine: text(&self.engine),
            situation: text(&self.situation),
            run: text(&self.run),
            date: text(&self.date),
        })
    }

    /// A row with too few or too many cells: nobody knows which of them is missing.
    fn is_whole(&self, record: &Record) -> Result<(), RowProblem> {
        if record.len() == self.columns {
            return Ok(());
        }
        Err(RowProblem {
            line: record.line,
            cell: None,
            reason: format!(
                "has {} cells, but the table has {} columns (a comma inside a cell needs quotes around the cell)",
                record.len(),
                self.columns
            ),
        })
    }

    fn network(&self, record: &Record) -> Result<String, RowProblem> {
        match record.cell(self.network.place) {
            "" => Err(problem(record, &self.network, "must be a name")),
            name => Ok(name.to_owned()),
        }
    }

    fn latency_ms(&self, record: &Record) -> Result<f64, RowProblem> {
        let latency = record.cell(self.latency.place).parse().ok();
        latency
            .filter(|latency: &f64| latency.is_normal() && *latency > 0.0)
            .ok_or_else(|| {
                problem(
                    record,
                    &self.latency,
                    "must be a number above 0, in milliseconds",
                )
            })
    }

    fn batch(&self, record: &Record) -> Result<u64, RowProblem> {
        let Some(column) = &self.batch else {
            return Ok(1);
        };
        whole(record.cell(column.place))
            .filter(|batch| (1..=LARGEST_BATCH).contains(batch))
            .ok_or_else(|| {
                let rule = format!("must be a whole number from 1 to {LARGEST_BATCH}");
                problem(record, column, rule)
            })
    }
}

fn problem(record: &Record, column: &Column, reason: impl Into<String>) -> RowProblem {
    RowProblem {
        line: record.line,
        cell: Some(Cell {
            column: column.name.clone(),
            value: record.cell(column.place).to_owned(),
        }),
        reason: reason.into(),
    }
}

/// A number that may be missing, in one of the ways that programs write what is missing.
fn optional<N>(
    record: &Record,
    column: &Option<Column>,
    parse: fn(&str) -> Option<N>,
    rule: &str,
) -> Result<Option<N>, RowProblem> {
    let Some(column) = column else {
        return Ok(None);
    };
    let value = record.cell(column.place);
    if value.is_empty() || value.eq_ignore_ascii_case("nan") || value.eq_ignore_ascii_case("na") {
        return Ok(None);
    }
    match parse(value) {
        Some(number) => Ok(Some(number)),
        None => Err(problem(record, column, format!("must be {rule}, or empty"))),
    }
}

/// A whole number from 1. Data frames write `4.0` for 4 in columns where something is missing.
fn whole<N: FromStr + PartialOrd + From<u8>>(value: &str) -> Option<N> {
    let digits = match value.split_once('.') {
        Some((digits, zeros)) if zeros.bytes().all(|digit| digit == b'0') => digits,
        _ => value,
    };
    digits.parse().ok().filter(|number| *number >= N::from(1))
}

fn not_negative(value: &str) -> Option<f64> {
    let number = value.parse().ok();
    number.filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Result<Measurement, String>> {
        let table = Table::new(text).unwrap();
        let places = Places::new(&table, "latency_ms").unwrap();
        let records = table.records.iter();
        records
            .map(|record| places.measurement(record).map_err(|p| p.to_string()))
            .collect()
    }

    #[test]
    fn every_column_is_read() {
        let rows = rows(
            "platform,network,batch,latency_ms,threads,dtype,engine,situation,run,repeats,latency_ms_std,date,note\n\
             p, n ,32,1.5e0,4.0,fp16,e,cold weights,r1,100,0.25,2024-05-01,hello\n\
             p,m,1,2,,,,,,NaN,na,,\n",
        );
        let full = rows[0].clone().unwrap();
        assert_eq!(
            full,
            Measurement {
                line: 2,
                platform: Some("p".into()),
                network: "n".into(),
                batch: 32,
                latency_ms: 1.5,
                threads: Some(4),
                dtype: Some("fp16".into()),
                engine: Some("e".into()),
                situation: Some("cold weights".into()),
                run: Some("r1".into()),
                repeats: Some(100),
                latency_ms_std: Some(0.25),
                date: Some("2024-05-01".into()),
            }
        );
        let bare = rows[1].clone().unwrap();
        assert_eq!((bare.threads, bare.repeats), (None, None));
        assert_eq!((bare.latency_ms_std, bare.date), (None, None));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let table = [
            (
                "n,1,",
                "latency_ms is empty: must be a number above 0, in milliseconds",
            ),
            (
                "n,1,nan",
                "latency_ms = nan: must be a number above 0, in milliseconds",
            ),
            (
                "n,1,inf",
                "latency_ms = inf: must be a number above 0, in milliseconds",
            ),
            (
                "n,1,0",
                "latency_ms = 0: must be a number above 0, in milliseconds",
            ),
            (
                "n,1,-3",
                "latency_ms = -3: must be a number above 0, in milliseconds",
            ),
            (
                "n,1,3 ms",
                "latency_ms = 3 ms: must be a number above 0, in milliseconds",
            ),
            ("n,0,3", "batch = 0: must be a whole number from 1 to 65536"),
            (
                "n,1.5,3",
                "batch = 1.5: must be a whole number from 1 to 65536",
            ),
            (
                "n,,3",
                "batch is empty: must be a whole number from 1 to 65536",
            ),
            (
                "n,70000,3",
                "batch = 70000: must be a whole number from 1 to 65536",
            ),
            (" ,1,3", "network is empty: must be a name"),
            (
                "n,1",
                "has 2 cells, but the table has 3 columns (a comma inside a cell needs quotes around the cell)",
            ),
        ];
        for (row, expected) in table {
            let rows = rows(&format!("network,batch,latency_ms\n{row}\n"));
            assert_eq!(rows, [Err(format!("line 2: {expected}"))], "{row}");
        }
        let threads = rows("network,latency_ms,threads\nn,3,many\n");
        assert_eq!(
            threads,
            [Err(
                "line 2: threads = many: must be a whole number from 1, or empty".to_owned()
            )]
        );
    }

    #[test]
    fn without_a_column_the_batch_is_one() {
        let rows = rows("network,latency_ms\nn,3\n");
        assert_eq!(rows[0].as_ref().unwrap().batch, 1);
    }

    #[test]
    fn the_line_date_goes_before_the_date() {
        let rows = rows("network,latency_ms,date,line_date\nn,3,2020-01-01,2024-01-01\n");
        assert_eq!(
            rows[0].as_ref().unwrap().date.as_deref(),
            Some("2024-01-01")
        );
    }
}
