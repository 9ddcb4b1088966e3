//! Printing data: as a table for people, as JSON or CSV for programs.

use std::borrow::Cow;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Map, Value};

use crate::cli::Format;

/// Rows under named columns.
pub(crate) struct Data {
    columns: Vec<Cow<'static, str>>,
    rows: Vec<Vec<Value>>,
}

impl Data {
    /// No rows yet.
    pub(crate) fn new(columns: &[&'static str]) -> Self {
        Self {
            columns: columns.iter().map(|&column| column.into()).collect(),
            rows: Vec::new(),
        }
    }

    /// No rows yet, under names that an experiment gives.
    pub(crate) fn of_columns(columns: Vec<Cow<'static, str>>) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// Rows that are text already, as in a file: numbers become numbers, but in the columns that hold names, where `1.20` is a version and `7` a file.
    pub(crate) fn of_cells<R: IntoIterator<Item = String>>(
        columns: &[&'static str],
        rows: impl IntoIterator<Item = R>,
    ) -> Self {
        let mut data = Self::new(columns);
        for row in rows {
            let cells = columns.iter().zip(row);
            data.push(cells.map(|(column, cell)| value(column, cell)).collect());
        }
        data
    }

    /// Adds a row, one value per column.
    pub(crate) fn push(&mut self, row: Vec<Value>) {
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows.push(row);
    }

    /// The rows in a format. JSON is an array of objects.
    pub(crate) fn format(&self, format: Format) -> anyhow::Result<String> {
        Ok(match format {
            Format::Table => table(&self.columns, &self.rows),
            Format::Json => serde_json::to_string_pretty(&self.objects())?,
            Format::Csv => self.csv()?,
        })
    }

    /// Whether there is one row only.
    pub(crate) fn is_single(&self) -> bool {
        self.rows.len() == 1
    }

    /// A table with a line for each column, for a single row.
    pub(crate) fn turned(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        for (index, column) in self.columns.iter().enumerate() {
            let cells = self.rows.iter().map(|row| for_people(&row[index]));
            table.add_row([column.to_string()].into_iter().chain(cells));
        }
        table.to_string()
    }

    /// The same with these columns only, those left out that are empty all over.
    pub(crate) fn only(&self, columns: &[&str]) -> Self {
        let is_kept = |place: &usize| {
            let is_known = self.rows.iter().any(|row| !row[*place].is_null());
            is_known && columns.contains(&&self.columns[*place][..])
        };
        let places: Vec<usize> = (0..self.columns.len()).filter(is_kept).collect();
        let rows = self.rows.iter();
        Self {
            columns: places
                .iter()
                .map(|&place| self.columns[place].clone())
                .collect(),
            rows: rows
                .map(|row| places.iter().map(|&place| row[place].clone()).collect())
                .collect(),
        }
    }

    /// The rows as JSON's objects.
    pub(crate) fn objects(&self) -> Vec<Map<String, Value>> {
        let object = |row: &Vec<Value>| {
            let names = self.columns.iter().map(ToString::to_string);
            names.zip(row.iter().cloned()).collect()
        };
        self.rows.iter().map(object).collect()
    }

    fn csv(&self) -> anyhow::Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|name| name.as_bytes()))?;
        for row in &self.rows {
            writer.write_record(row.iter().map(plain))?;
        }
        Ok(String::from_utf8(writer.into_inner()?)?
            .trim_end()
            .to_owned())
    }
}

/// Columns of names.
const NAMES: [&str; 11] = [
    "id",
    "found_for",
    "priced_for",
    "platform",
    "network",
    "dtype",
    "engine",
    "engine_version",
    "situation",
    "run",
    "date",
];

/// A cell as what it is.
fn value(column: &str, cell: String) -> Value {
    if cell.is_empty() {
        return Value::Null;
    }
    if NAMES.contains(&column) {
        return cell.into();
    }
    if let Ok(truth) = cell.parse::<bool>() {
        return truth.into();
    }
    match (cell.parse::<i64>(), cell.parse::<f64>()) {
        (Ok(whole), _) => whole.into(),
        (_, Ok(number)) => number.into(),
        _ => cell.into(),
    }
}

/// A table for people; columns of numbers are aligned.
pub(super) fn table<C: ToString>(columns: &[C], rows: &[Vec<Value>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(columns.iter().map(ToString::to_string));
    for row in rows {
        table.add_row(row.iter().map(for_people));
    }
    for index in 0..columns.len() {
        let numbers = rows.iter().all(|row| is_numeric(&row[index]));
        if let Some(column) = table.column_mut(index).filter(|_| numbers) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// Numbers, rounded to text or not, and gaps between them.
fn is_numeric(value: &Value) -> bool {
    let text = value.as_str();
    value.is_number()
        || value.is_null()
        || text.is_some_and(|text| text.is_empty() || text.parse::<f64>().is_ok())
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Floats with four significant digits.
fn for_people(value: &Value) -> String {
    match value.as_f64() {
        Some(0.0) => "0".to_owned(),
        Some(number) if value.is_f64() => {
            let digits = (3 - number.abs().max(1e-6).log10().floor() as i32).clamp(0, 6);
            format!("{number:.*}", digits as usize)
        }
        _ => plain(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_become_what_they_are() {
        let columns = ["id", "engine_version", "batch", "measured_ms", "budget_ms"];
        let row = ["inf", "1.20", "1", "2.50", ""].map(str::to_owned);
        let data = Data::of_cells(&columns, [row]);
        assert_eq!(
            data.rows,
            [[
                Value::from("inf"),
                "1.20".into(),
                1.into(),
                2.5.into(),
                Value::Null
            ]]
        );
    }

    #[test]
    fn columns_that_say_nothing_are_left_out() {
        let row = ["b01", "2.5", ""].map(str::to_owned);
        let data = Data::of_cells(&["id", "measured_ms", "budget_ms"], [row]);
        let data = data.only(&["id", "budget_ms"]);
        assert_eq!(data.columns, ["id"]);
        assert_eq!(data.rows, [[Value::from("b01")]]);
    }
}
