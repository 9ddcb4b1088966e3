//! A table as text: its columns, and its rows with their places in the file.

use csv::{ReaderBuilder, StringRecord};

use super::error::MeasurementError;

/// A CSV file before its cells mean anything.
pub(super) struct Table {
    /// Names of the columns, without the spaces around them.
    pub(super) columns: Vec<String>,
    /// The rows, in the order of the file.
    pub(super) records: Vec<Record>,
}

/// A row and its line in the file, from 1.
pub(super) struct Record {
    pub(super) line: u64,
    cells: StringRecord,
}

impl Record {
    /// The cell in this place, without the spaces around it; empty beyond the last.
    pub(super) fn cell(&self, place: usize) -> &str {
        self.cells.get(place).unwrap_or("").trim()
    }

    /// Number of cells.
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }
}

impl Table {
    /// Splits a text into cells. A byte order mark in front is passed over.
    pub(super) fn new(text: &str) -> Result<Self, MeasurementError> {
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .from_reader(text.as_bytes());
        let columns: Vec<String> = reader
            .headers()?
            .iter()
            .map(|name| name.trim().to_owned())
            .collect();
        let mut lines = Lines {
            text: text.as_bytes(),
            counted: 0,
            line: 1,
        };
        let mut records = Vec::new();
        for cells in reader.records() {
            let cells = cells?;
            let start = cells.position().map_or(0, csv::Position::byte);
            records.push(Record {
                line: lines.line_at(start as usize),
                cells,
            });
        }
        if records.is_empty() {
            return Err(MeasurementError::Empty);
        }
        Ok(Self { columns, records })
    }

    /// Where a column stands, if it is there.
    pub(super) fn place(&self, column: &str) -> Result<Option<usize>, MeasurementError> {
        let mut places = self.columns.iter().enumerate();
        let first = places.by_ref().find(|(_, name)| *name == column);
        match places.any(|(_, name)| name == column) {
            true => Err(MeasurementError::ColumnTwice(column.to_owned())),
            false => Ok(first.map(|(place, _)| place)),
        }
    }
}

/// Line numbers of ascending places in a text. The reader's own count starts a row at the end of the line before it where lines end in
/// two bytes or empty ones lie between.
struct Lines<'t> {
    text: &'t [u8],
    counted: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the first byte from here on that doesn't end a line.
    fn line_at(&mut self, byte: usize) -> u64 {
        let ends = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let rest = self.text.get(byte..).unwrap_or_default();
        let start = byte + rest.iter().take_while(|byte| ends(byte)).count();
        let passed = self.text.get(self.counted..start).unwrap_or_default();
        self.line += passed.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.counted = start;
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_an_editor_shows() {
        let lines = |text: &str| -> Vec<u64> {
            let table = Table::new(text).unwrap();
            table.records.iter().map(|record| record.line).collect()
        };
        assert_eq!(lines("a,b\n1,2\n3,4\n"), [2, 3]);
        assert_eq!(lines("\u{feff}a,b\r\n1,2\r\n\r\n3,4"), [2, 4]);
        assert_eq!(lines("\n\na,b\n\n1,\"x\ny\"\n3,4\n"), [5, 7]);
    }

    #[test]
    fn columns_are_found_by_name() {
        let table = Table::new("\u{feff}a, b ,c,c\n1,2,3,4\n").unwrap();
        assert_eq!(table.place("a").unwrap(), Some(0));
        assert_eq!(table.place("b").unwrap(), Some(1));
        assert_eq!(table.place("d").unwrap(), None);
        assert!(matches!(
            table.place("c"),
            Err(MeasurementError::ColumnTwice(_))
        ));
        assert_eq!(table.records[0].cell(1), "2");
        assert_eq!(table.records[0].cell(9), "");
    }

    #[test]
    fn nothing_is_no_table() {
        for text in ["", "\u{feff}", "\n\n", "network,latency_ms\n"] {
            assert!(
                matches!(Table::new(text), Err(MeasurementError::Empty)),
                "{text:?}"
            );
        }
    }
}
