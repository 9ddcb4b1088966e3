//! From text to the measurements of one platform.

use super::Measurements;
use super::duplicates::settle;
use super::error::{ColumnValues, MeasurementError};
use super::row::{Measurement, Places, RowProblem};
use super::selection::{Selection, condition};
use super::single::describe_one_platform;
use super::table::{Record, Table};

/// Reads the measurements of one platform from a table. The text is what the file holds, a byte order mark in front included.
///
/// # Errors
/// When a column is missing, no row meets the conditions, no row can be used, or those that can describe more than one platform.
pub fn read(text: &str, selection: &Selection) -> Result<Measurements, MeasurementError> {
    let table = Table::new(text)?;
    let places = Places::new(&table, &selection.latency_column)?;
    let (whole, ragged): (Vec<&Record>, Vec<&Record>) = table
        .records
        .iter()
        .partition(|record| record.len() == table.columns.len());
    let chosen = choose(&table, whole, &selection.conditions)?;

    let mut problems = Vec::new();
    let mut usable: Vec<(&Record, Measurement)> = Vec::new();
    for record in chosen.into_iter().chain(ragged) {
        match places.measurement(record) {
            Ok(measurement) => usable.push((record, measurement)),
            Err(problem) => problems.push(problem),
        }
    }
    problems.sort_by_key(|problem: &RowProblem| problem.line);
    if usable.is_empty() {
        return Err(none_usable(problems));
    }
    describe_one_platform(&table, &usable)?;

    let settled = settle(
        usable
            .into_iter()
            .map(|(_, measurement)| measurement)
            .collect(),
    );
    match settled.duplicates.first() {
        Some(first) if settled.rows.is_empty() => {
            Err(MeasurementError::AllContradictory(first.to_string()))
        }
        _ => Ok(Measurements {
            rows: settled.rows,
            problems,
            duplicates: settled.duplicates,
            outdated_rows: settled.outdated_rows,
        }),
    }
}

fn none_usable(problems: Vec<RowProblem>) -> MeasurementError {
    let rows = problems.len();
    match problems.into_iter().next() {
        Some(first) => MeasurementError::NoneUsable {
            rows,
            first: Box::new(first),
        },
        None => MeasurementError::Empty,
    }
}

/// The rows that meet every condition.
fn choose<'t>(
    table: &Table,
    mut rows: Vec<&'t Record>,
    conditions: &[(String, String)],
) -> Result<Vec<&'t Record>, MeasurementError> {
    let mut met = Vec::new();
    for (column, value) in conditions {
        let Some(place) = table.place(column)? else {
            return Err(MeasurementError::ConditionColumn {
                column: column.clone(),
                known: table.columns.clone(),
            });
        };
        let value = value.trim();
        let (left, passed): (Vec<&Record>, Vec<&Record>) = rows
            .into_iter()
            .partition(|record| record.cell(place) == value);
        if left.is_empty() && !passed.is_empty() {
            return Err(MeasurementError::NoRow {
                column: column.clone(),
                value: value.to_owned(),
                met,
                values: ColumnValues {
                    column: column.clone(),
                    values: nearest_first(values(&passed, place), value),
                },
            });
        }
        met.push(condition(column, value));
        rows = left;
    }
    Ok(rows)
}

/// The different values in a column, in the order of the file.
pub(super) fn values(rows: &[&Record], place: usize) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for row in rows {
        let value = row.cell(place);
        if !values.iter().any(|known| known == value) {
            values.push(value.to_owned());
        }
    }
    values
}

/// The same values, those in front that hold the wanted text: a message shows only some of them.
fn nearest_first(mut values: Vec<String>, wanted: &str) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    values.sort_by_key(|value| !value.to_lowercase().contains(&wanted));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "platform,network,batch,latency_ms\n\
                       x,a,1,2.5\nx,b,1,3.5\ny,a,1,25\ny,b,32,400\n";

    fn chosen(conditions: &str) -> Selection {
        Selection {
            conditions: Selection::parse_conditions(conditions).unwrap(),
            ..Selection::default()
        }
    }

    fn refusal(text: &str, selection: &Selection) -> String {
        read(text, selection).unwrap_err().to_string()
    }

    #[test]
    fn conditions_choose_rows() {
        let measurements = read(TWO, &chosen("platform=y,batch=32")).unwrap();
        assert_eq!(measurements.rows.len(), 1);
        let row = &measurements.rows[0];
        assert_eq!((row.line, row.network.as_str(), row.batch), (5, "b", 32));
        let spaced = TWO.replace("x,a", " x , a ");
        let measurements = read(&spaced, &chosen("platform= x")).unwrap();
        assert_eq!(measurements.rows.len(), 2);
    }

    #[test]
    fn missing_columns_are_named_with_those_there_are() {
        let everything = Selection::default();
        assert_eq!(
            refusal("model,latency_ms\na,1\n", &everything),
            "column network is missing; the table has model, latency_ms"
        );
        assert_eq!(
            refusal("network,min_ms,avg_ms\na,1,2\n", &everything),
            "column latency_ms is missing; the table has network, min_ms, avg_ms; if the latencies stand in min_ms or avg_ms, \
             say so with --latency-column"
        );
        assert_eq!(
            refusal("network,seconds\na,1\n", &everything),
            "column latency_ms is missing; the table has network, seconds"
        );
        assert_eq!(
            refusal(TWO, &chosen("device=x")),
            "no column is called device; the table has platform, network, batch, latency_ms"
        );
    }

    #[test]
    fn a_value_nothing_has_is_named_with_those_there_are() {
        assert_eq!(
            refusal(TWO, &chosen("platform=z")),
            "no row has platform = z; platform is x | y"
        );
        assert_eq!(
            refusal(TWO, &chosen("platform=x,batch=32")),
            "no row has batch = 32 among those with platform=x; batch is 1"
        );
        let mut many = "platform,network,latency_ms\n".to_owned();
        for index in 0..20 {
            many += &format!("board {index},n,1\n");
        }
        let message = refusal(&many, &chosen("platform=board 1x"));
        assert!(
            message.ends_with("| board 8 | board 9 | and 10 more"),
            "{message}"
        );
        let message = refusal(&many, &chosen("platform=Board 1"));
        assert!(
            message.contains("platform is board 1 | board 10 |"),
            "{message}"
        );
    }

    #[test]
    fn unusable_rows_are_left_out_and_told() {
        let text = "network,latency_ms\na,1\nb,\nc,2,3\nd,nan\ne,4\n";
        let measurements = read(text, &Selection::default()).unwrap();
        assert_eq!(measurements.rows.len(), 2);
        let lines: Vec<u64> = measurements.problems.iter().map(|p| p.line).collect();
        assert_eq!(lines, [3, 4, 5]);
        assert_eq!(
            refusal("network,latency_ms\na,\nb,-1\n", &Selection::default()),
            "none of the 2 rows can be used; the first: line 2: latency_ms is empty: must be a number above 0, in milliseconds"
        );
        let ragged = refusal("network,latency_ms\na,1,2\n", &Selection::default());
        assert!(ragged.contains("line 2: has 3 cells"), "{ragged}");
    }

    #[test]
    fn an_unusable_row_of_another_platform_is_none_of_our_business() {
        let text = "platform,network,latency_ms\nx,a,1\ny,b,oops\n";
        let measurements = read(text, &chosen("platform=x")).unwrap();
        assert!(measurements.problems.is_empty());
    }

    #[test]
    fn nothing_but_contradictions_is_an_error() {
        let message = refusal("network,latency_ms\na,1\na,9\n", &Selection::default());
        assert!(
            message.starts_with("none of the measurements can be used; the first: network a"),
            "{message}"
        );
    }

    #[test]
    fn nothing_panics_on_rubbish() {
        let pieces = [
            "network",
            "latency_ms",
            "\"",
            ",",
            "\n",
            "1e400",
            "\u{feff}",
            "=",
            " ",
            "-1",
            "\r",
        ];
        let mut state = 1_u32;
        for _ in 0..5_000 {
            let text: String = (0..30)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    pieces[(state >> 16) as usize % pieces.len()]
                })
                .collect();
            let _ = read(&text, &Selection::default());
            let _ = read(
                &format!("network,latency_ms\n{text}"),
                &Selection::default(),
            );
            let _ = Selection::parse_conditions(&text);
        }
    }
}
