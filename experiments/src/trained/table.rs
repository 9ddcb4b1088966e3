//! A CSV file as text: its columns, and its rows with their lines.

use csv::{Position, ReaderBuilder, StringRecord};

use super::error::TrainedError;

/// A table before its cells mean anything.
pub(super) struct Table {
    /// Names of the columns, without the spaces around them.
    pub(super) columns: Vec<String>,
    /// The rows, in the order of the file; each has a cell for every column.
    pub(super) records: Vec<Record>,
}

/// A row.
pub(super) struct Record {
    /// Its line in the file, from 1.
    pub(super) line: u64,
    cells: StringRecord,
}

impl Record {
    /// The cell in this place, without the spaces around it.
    pub(super) fn cell(&self, place: usize) -> &str {
        self.cells.get(place).unwrap_or("").trim()
    }
}

impl Table {
    /// Splits a text into cells. A byte order mark in front is passed over.
    pub(super) fn new(text: &str) -> Result<Self, TrainedError> {
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .from_reader(text.as_bytes());
        let columns = reader.headers()?.iter();
        let columns: Vec<String> = columns.map(|name| name.trim().to_owned()).collect();
        let mut lines = Lines::new(text);
        let mut records = Vec::new();
        for cells in reader.records() {
            let cells = cells?;
            let line = lines.line_at(cells.position().map_or(0, Position::byte) as usize);
            if cells.len() != columns.len() {
                return Err(TrainedError::Ragged {
                    line,
                    cells: cells.len(),
                    columns: columns.len(),
                });
            }
            records.push(Record { line, cells });
        }
        if records.is_empty() {
            return Err(TrainedError::Empty);
        }
        Ok(Self { columns, records })
    }

    /// Where a column stands, if it is there.
    pub(super) fn find(&self, column: &str) -> Result<Option<usize>, TrainedError> {
        let mut places = self.columns.iter().enumerate();
        let mut places = places
            .by_ref()
            .filter(|(_, name)| *name == column)
            .map(|(place, _)| place);
        match (places.next(), places.next()) {
            (_, Some(_)) => Err(TrainedError::ColumnTwice(column.to_owned())),
            (place, None) => Ok(place),
        }
    }

    /// Where a column stands that somebody asked for.
    pub(super) fn place(&self, column: &str) -> Result<usize, TrainedError> {
        self.find(column)?.ok_or_else(|| TrainedError::NoColumn {
            column: column.to_owned(),
            known: self.columns.clone(),
        })
    }
}

/// Line numbers of ascending places in a text. The reader's own count is one too low where lines end in two bytes or empty ones lie between.
struct Lines<'t> {
    text: &'t [u8],
    counted: usize,
    line: u64,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text: text.as_bytes(),
            counted: 0,
            line: 1,
        }
    }

    /// The line of the first byte from here on that doesn't end a line.
    fn line_at(&mut self, byte: usize) -> u64 {
        let rest = self.text.get(byte..).unwrap_or_default();
        let ends = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
        let start = byte + ends.count();
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
        assert_eq!(lines("a,b\n1,\"x\ny\"\n3,4\n"), [2, 4]);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let refusal = |text: &str| Table::new(text).err().unwrap().to_string();
        assert!(refusal("").contains("no rows"));
        assert!(refusal("a,b\n").contains("no rows"));
        assert_eq!(
            refusal("a,b\n1,2\n1,2,3\n"),
            "line 3: has 3 cells, and the header has 2"
        );
    }

    #[test]
    fn columns_are_found_by_name() {
        let table = Table::new("a, b ,c,c\n1, 2 ,3,4\n").unwrap();
        assert_eq!(table.place("b").unwrap(), 1);
        assert_eq!(table.records[0].cell(1), "2");
        assert_eq!(table.find("d").unwrap(), None);
        assert!(table.place("c").is_err());
        let message = table.place("d").unwrap_err().to_string();
        assert_eq!(message, "column d is missing; the table has a, b, c, c");
    }
}
