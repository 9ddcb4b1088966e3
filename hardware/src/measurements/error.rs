//! Why a table of latencies can't be used.

use std::fmt;

use thiserror::Error;

use super::RowProblem;

/// How many values or columns a message lists.
const LISTED: usize = 10;

/// A table of latencies that can't be used. The file's name belongs in front of it.
#[derive(Debug, Error)]
pub enum MeasurementError {
    /// Not CSV.
    #[error("{0}")]
    Csv(#[from] csv::Error),
    /// Nothing, or a header and nothing else.
    #[error("there are no measurements in it: must be a header and at least one row")]
    Empty,
    /// No column says which network was measured.
    #[error("column network is missing; the table has {}", .known.join(", "))]
    NetworkColumn {
        /// The columns there are.
        known: Vec<String>,
    },
    /// The column of latencies isn't there.
    #[error("column {column} is missing; the table has {}{}", .known.join(", "), latency_hint(.known))]
    LatencyColumn {
        /// What was asked for.
        column: String,
        /// The columns there are.
        known: Vec<String>,
    },
    /// A column of this name is there more than once.
    #[error("column {0} is there more than once: which one is meant?")]
    ColumnTwice(String),
    /// A condition on a column that isn't there.
    #[error("no column is called {column}; the table has {}", .known.join(", "))]
    ConditionColumn {
        /// What was asked for.
        column: String,
        /// The columns there are.
        known: Vec<String>,
    },
    /// No row meets the conditions: this is the first that none of the rows met by those before it meets.
    #[error("no row has {column} = {value}{}; {values}", with(.met))]
    NoRow {
        /// The condition's column.
        column: String,
        /// Its value.
        value: String,
        /// The conditions before it.
        met: Vec<String>,
        /// What the rows that meet those have in this column.
        values: ColumnValues,
    },
    /// No row can be used.
    #[error("none of the {rows} rows can be used; the first: {first}")]
    NoneUsable {
        /// How many rows there are.
        rows: usize,
        /// What is wrong with the first.
        first: Box<RowProblem>,
    },
    /// Every network has rows that contradict each other.
    #[error("none of the measurements can be used; the first: {0}")]
    AllContradictory(String),
    /// The rows describe several platforms or conditions.
    #[error(
        "the rows describe more than one platform: {}; choose one with --where, such as --where {example}",
        join(.columns)
    )]
    SeveralPlatforms {
        /// The columns with several values.
        columns: Vec<ColumnValues>,
        /// Conditions that leave one.
        example: String,
    },
    /// The latencies are in another unit, by the speed they imply.
    #[error(
        "the latencies imply {median_gflops} GFLOP/s (median of {rows} rows), and machines reach {} to {}: {}",
        super::rates::LEAST_FLOP_S / 1e9,
        super::rates::MOST_FLOP_S / 1e9,
        unit_hint(.unit)
    )]
    Unit {
        /// How many rows were looked at.
        rows: usize,
        /// The median of the implied rates, rounded to three digits.
        median_gflops: String,
        /// The unit the column seems to have, and the factor that would make it milliseconds.
        unit: Option<(&'static str, f64)>,
    },
}

/// The values of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnValues {
    /// The column.
    pub column: String,
    /// Its values: different ones, in the order of the file unless somebody had a reason.
    pub values: Vec<String>,
}

impl fmt::Display for ColumnValues {
    /// The first ten of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.values.iter().take(LISTED);
        let shown: Vec<&str> = shown
            .map(|value| if value.is_empty() { "(empty)" } else { value })
            .collect();
        write!(f, "{} is {}", self.column, shown.join(" | "))?;
        match self.values.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => write!(f, " | and {more} more"),
        }
    }
}

fn join(columns: &[ColumnValues]) -> String {
    let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
    columns.join("; ")
}

fn with(conditions: &[String]) -> String {
    if conditions.is_empty() {
        return String::new();
    }
    format!(" among those with {}", conditions.join(","))
}

/// Columns that may well be the one that was meant.
fn latency_hint(known: &[String]) -> String {
    let timing = |column: &&String| column.ends_with("_ms");
    let timings: Vec<&str> = known.iter().filter(timing).map(String::as_str).collect();
    if timings.is_empty() {
        return String::new();
    }
    format!(
        "; if the latencies stand in {}, say so with --latency-column",
        timings.join(" or ")
    )
}

fn unit_hint(unit: &Option<(&'static str, f64)>) -> String {
    match unit {
        Some((unit, factor)) => format!(
            "the column looks like {unit}; multiplied by {factor} it would be plausible as milliseconds"
        ),
        None => "the column doesn't look like milliseconds, seconds or microseconds".to_owned(),
    }
}
