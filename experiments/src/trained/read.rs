//! From text to rows.

use std::path::Path;

use roofnas_space::{Genotype, SearchSpace};

use super::check::{check_extra, check_truth};
use super::error::TrainedError;
use super::form::Form;
use super::table::{Record, Table};
use crate::error::Error;

/// Columns that hold names of networks, the first that is there.
const NAMES: [&str; 4] = ["network", "name", "model", "id"];

/// The columns of a table that are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrainedColumns {
    /// The column of whole networks; without one, the header tells.
    pub architecture: Option<String>,
    /// Accuracies in per cent, a column for each seed.
    pub truth: Vec<String>,
    /// Further numbers above 0, such as latencies.
    pub extra: Vec<String>,
    /// The column of standard deviations of one training, in points.
    pub std: Option<String>,
}

/// A table of trained networks.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainedTable {
    /// The rows that have an accuracy, in the order of the file.
    pub rows: Vec<TrainedRow>,
    /// Lines of the rows that have none.
    pub untrained: Vec<u64>,
}

/// A trained network.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainedRow {
    /// Its line in the file, from 1.
    pub line: u64,
    /// Its name, where the table has a column `network`, `name`, `model` or `id`.
    pub name: Option<String>,
    /// What was trained.
    pub genotype: Genotype,
    /// Accuracies in per cent, in the order of the columns asked for; at least one is there.
    pub accuracies: Vec<Option<f64>>,
    /// The further numbers asked for.
    pub extra: Vec<Option<f64>>,
    /// Standard deviation of one training in points, where it is asked for and known.
    pub std: Option<f64>,
}

impl TrainedTable {
    /// Reads a file.
    ///
    /// # Errors
    /// When it can't be read, and as [`parse`](Self::parse).
    pub fn read(path: &Path, space: &SearchSpace, columns: &TrainedColumns) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::read(path, source))?;
        Self::parse(&text, space, columns).map_err(|source| Error::trained(path, source))
    }

    /// Reads a table's text, a byte order mark in front included.
    ///
    /// # Errors
    /// When a column is missing, a row's network is not of the space, an accuracy is not from 0 to 100 or another number not above 0, or a column
    /// is empty, constant, or holds fractions for per cent.
    pub fn parse(
        text: &str,
        space: &SearchSpace,
        columns: &TrainedColumns,
    ) -> Result<Self, TrainedError> {
        if columns.truth.is_empty() {
            return Err(TrainedError::NoTruth);
        }
        let table = Table::new(text)?;
        let places = Places::new(&table, columns)?;
        let taken: Vec<usize> = places.all().collect();
        let form = Form::find(&table, space, columns.architecture.as_deref(), &taken)?;
        let mut read = Self {
            rows: Vec::new(),
            untrained: Vec::new(),
        };
        for record in &table.records {
            let row = places.row(&table, &form, record)?;
            if row.accuracies.iter().any(Option::is_some) {
                read.rows.push(row);
            } else {
                read.untrained.push(row.line);
            }
        }
        for (index, column) in columns.truth.iter().enumerate() {
            check_truth(column, &read.column(|row| row.accuracies[index]))?;
        }
        for (index, column) in columns.extra.iter().enumerate() {
            check_extra(column, &read.column(|row| row.extra[index]))?;
        }
        Ok(read)
    }

    /// The values of a column that are there, with their lines.
    fn column(&self, value: impl Fn(&TrainedRow) -> Option<f64>) -> Vec<(u64, f64)> {
        let rows = self.rows.iter();
        rows.filter_map(|row| value(row).map(|value| (row.line, value)))
            .collect()
    }
}

/// Where the columns stand.
struct Places {
    name: Option<usize>,
    truth: Vec<usize>,
    extra: Vec<usize>,
    std: Option<usize>,
}

impl Places {
    /// Columns that hold no part of a network.
    fn all(&self) -> impl Iterator<Item = usize> + '_ {
        let taken = self.truth.iter().chain(&self.extra).chain(&self.std);
        taken.copied()
    }

    fn new(table: &Table, columns: &TrainedColumns) -> Result<Self, TrainedError> {
        let mut asked: Vec<&String> = Vec::new();
        for column in columns
            .truth
            .iter()
            .chain(&columns.extra)
            .chain(&columns.std)
        {
            if asked.contains(&column) {
                return Err(TrainedError::Column {
                    column: column.clone(),
                    problem: "is named twice".to_owned(),
                });
            }
            asked.push(column);
        }
        let all = |names: &[String]| -> Result<Vec<usize>, TrainedError> {
            names.iter().map(|name| table.place(name)).collect()
        };
        let name = NAMES
            .iter()
            .find_map(|&name| table.columns.iter().position(|column| column == name));
        Ok(Self {
            name,
            truth: all(&columns.truth)?,
            extra: all(&columns.extra)?,
            std: columns
                .std
                .as_deref()
                .map(|name| table.place(name))
                .transpose()?,
        })
    }

    fn row(
        &self,
        table: &Table,
        form: &Form<'_>,
        record: &Record,
    ) -> Result<TrainedRow, TrainedError> {
        let cells = |places: &[usize], accepts: fn(f64) -> bool, rule: &str| {
            let cell = |&place: &usize| {
                let text = record.cell(place);
                if text.is_empty() {
                    return Ok(None);
                }
                let value = text.parse().ok().filter(|&value| accepts(value));
                value.map(Some).ok_or_else(|| TrainedError::Cell {
                    line: record.line,
                    column: table.columns[place].clone(),
                    value: text.to_owned(),
                    rule: rule.to_owned(),
                })
            };
            places.iter().map(cell).collect::<Result<Vec<_>, _>>()
        };
        let name = self.name.map(|place| record.cell(place).to_owned());
        Ok(TrainedRow {
            line: record.line,
            name: name.filter(|name| !name.is_empty()),
            genotype: form.genotype(record)?,
            accuracies: cells(
                &self.truth,
                |value| (0.0..=100.0).contains(&value),
                "an accuracy is a number from 0 to 100, in per cent; leave the cell empty where there is none",
            )?,
            extra: cells(
                &self.extra,
                |value| value > 0.0 && value.is_finite(),
                "must be a number above 0; leave the cell empty where there is none",
            )?,
            std: cells(
                self.std.as_slice(),
                |value| (0.0..100.0).contains(&value),
                "a deviation is a number of points from 0 to below 100; leave the cell empty where there is none",
            )?
            .into_iter()
            .next()
            .flatten(),
        })
    }
}
