//! Why a table of trained networks can't be used.

use roofnas_space::GenotypeError;
use thiserror::Error;

/// A table of trained networks that can't be used. The file's name belongs in front of it.
#[derive(Debug, Error)]
pub enum TrainedError {
    /// Not CSV.
    #[error("{0}")]
    Csv(#[from] csv::Error),
    /// Nothing, or a header and nothing else.
    #[error("there are no rows in it: must be a header and a row for each trained network")]
    Empty,
    /// A row with too many or too few cells.
    #[error("line {line}: has {cells} cells, and the header has {columns}")]
    Ragged {
        /// The row's line.
        line: u64,
        /// Its cells.
        cells: usize,
        /// The header's.
        columns: usize,
    },
    /// A column that was asked for isn't there.
    #[error("column {column} is missing; the table has {}", .known.join(", "))]
    NoColumn {
        /// The column.
        column: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// A column of this name is there more than once.
    #[error("column {0} is there more than once: which one is meant?")]
    ColumnTwice(String),
    /// No column holds accuracies.
    #[error("no column of accuracies was named")]
    NoTruth,
    /// Nothing in the header says which networks were trained.
    #[error(
        "no column says which networks were trained: must be a column genotype, arch or architecture, or columns of genes such as stage0_depth or \
         b0_k; the table has {}",
        .0.join(", ")
    )]
    NoArchitectures(Vec<String>),
    /// Columns of genes leave open what the space lets choose.
    #[error("the space lets choose {0}, and no column says {1}", .missing.join(", "), which(.missing))]
    MissingGenes {
        /// The columns, by their long names.
        missing: Vec<String>,
    },
    /// A column of a gene that the space doesn't have.
    #[error("column {column}: {problem}")]
    Column {
        /// The column.
        column: String,
        /// What about it.
        problem: String,
    },
    /// A cell that can't be used.
    #[error("line {line}: {column} = {}: {rule}", quoted(.value))]
    Cell {
        /// The row's line.
        line: u64,
        /// The column.
        column: String,
        /// What stands there.
        value: String,
        /// What would be accepted.
        rule: String,
    },
    /// A row whose network is not of the space.
    #[error("line {line}: {column}: {source}")]
    Genotype {
        /// The row's line.
        line: u64,
        /// The column, or the columns in words.
        column: String,
        /// Why.
        source: GenotypeError,
    },
    /// A column of accuracies that are fractions.
    #[error(
        "column {column}: all of its {rows} values are from 0 to 1 (the largest, {largest}, in line {line}): accuracies are in per cent; multiply \
         them by 100"
    )]
    Fractions {
        /// The column.
        column: String,
        /// How many values it has.
        rows: usize,
        /// The largest.
        largest: f64,
        /// Its line.
        line: u64,
    },
    /// An accuracy that is a fraction, among others that are not.
    #[error(
        "line {line}: {column} = {value}: the column's others are above 1, so this is a fraction, or a training that failed: accuracies are in per cent; multiply it \
         by 100, or leave the cell empty"
    )]
    Fraction {
        /// The column.
        column: String,
        /// The value.
        value: f64,
        /// Its line.
        line: u64,
    },
    /// A column that tells no network from another.
    #[error(
        "column {column}: is {value} in all of its {rows} rows from line {line} on, so that nothing can be ranked by it"
    )]
    Constant {
        /// The column.
        column: String,
        /// Its only value.
        value: f64,
        /// How many rows have one.
        rows: usize,
        /// The line of the first.
        line: u64,
    },
    /// A column without a single value.
    #[error("column {0}: is empty in every row")]
    NoValues(String),
    /// Too few networks.
    #[error(
        "{networks} different networks with an accuracy (lines {first} to {last}) are too few: {needed} are needed, {why}"
    )]
    TooFew {
        /// How many there are.
        networks: usize,
        /// The line of the first.
        first: u64,
        /// The line of the last.
        last: u64,
        /// How many there must be.
        needed: usize,
        /// What for.
        why: String,
    },
}

/// What is asked of the columns that are missing.
fn which(missing: &[String]) -> &'static str {
    match missing.len() {
        1 => "which: add one of this name",
        _ => "which: add columns of these names",
    }
}

/// A value as a message shows it.
fn quoted(value: &str) -> String {
    if value.is_empty() {
        "(empty)".to_owned()
    } else {
        value.to_owned()
    }
}
