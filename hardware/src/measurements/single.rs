//! Whether rows describe one platform under one set of conditions.

use super::error::{ColumnValues, MeasurementError};
use super::read::values;
use super::row::Measurement;
use super::selection::condition;
use super::table::{Record, Table};

/// Columns that tell platforms and conditions apart, where a table has them. Batches are not among them, since the model counts the work of a whole batch; and
/// threads only where some rows don't state them, since it knows what more of them change.
const TELLING: [&str; 10] = [
    "platform",
    "device",
    "isa",
    "variant",
    "backend",
    "powersave",
    "engine",
    THREADS,
    "dtype",
    "situation",
];

const THREADS: &str = "threads";

/// Refuses rows that differ in one of the telling columns.
pub(super) fn describe_one_platform(
    table: &Table,
    usable: &[(&Record, Measurement)],
) -> Result<(), MeasurementError> {
    let records: Vec<&Record> = usable.iter().map(|(record, _)| *record).collect();
    let Some(first) = records.first() else {
        return Ok(());
    };
    let mut columns = Vec::new();
    let mut example = Vec::new();
    for column in TELLING {
        let Some(place) = table.place(column)? else {
            continue;
        };
        let values = values(&records, place);
        let may_differ = column == THREADS && usable.iter().all(|(_, row)| row.threads.is_some());
        if values.len() > 1 && !may_differ {
            example.push(condition(column, first.cell(place)));
            columns.push(ColumnValues {
                column: column.to_owned(),
                values,
            });
        }
    }
    if columns.is_empty() {
        return Ok(());
    }
    Err(MeasurementError::SeveralPlatforms {
        columns,
        example: for_a_shell(&example.join(",")),
    })
}

/// The text as one word of a command line.
fn for_a_shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+=,./:@%".contains(c);
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use crate::measurements::{Selection, read};

    fn refusal(text: &str) -> String {
        let error = read(text, &Selection::default()).unwrap_err();
        error.to_string()
    }

    #[test]
    fn several_platforms_are_listed_with_a_way_out() {
        assert_eq!(
            refusal("platform,network,batch,latency_ms\nx,a,1,1\ny,a,1,2\ny,b,32,3\n"),
            "the rows describe more than one platform: platform is x | y; choose one with --where, such as \
             --where platform=x"
        );
        assert_eq!(
            refusal("device,variant,network,latency_ms\n\"x, 4 cores\",,a,1\ny,old,a,2\n"),
            "the rows describe more than one platform: device is x, 4 cores | y; variant is (empty) | old; choose one with \
             --where, such as --where 'device=\"x, 4 cores\",variant='"
        );
        for column in [
            "isa",
            "backend",
            "powersave",
            "engine",
            "dtype",
            "situation",
        ] {
            let message = refusal(&format!("{column},network,latency_ms\n1,a,1\n2,a,2\n"));
            assert!(message.contains(&format!("{column} is 1 | 2")), "{message}");
        }
    }

    #[test]
    fn batches_may_differ() {
        let text = "platform,network,batch,latency_ms\nx,a,1,1\nx,a,32,20\n";
        let rows = read(text, &Selection::default()).unwrap().rows;
        let batches: Vec<u64> = rows.iter().map(|row| row.batch).collect();
        assert_eq!(batches, [1, 32]);
    }

    #[test]
    fn threads_may_differ_where_all_rows_state_them() {
        let text = "platform,network,threads,latency_ms\nx,a,1,4\nx,a,4,1.5\nx,b,4,1\n";
        let rows = read(text, &Selection::default()).unwrap().rows;
        let read: Vec<(u32, f64)> = rows
            .iter()
            .map(|row| (row.threads.unwrap(), row.latency_ms))
            .collect();
        assert_eq!(read, [(1, 4.0), (4, 1.5), (4, 1.0)]);
        let message = refusal("network,threads,latency_ms\na,1,1\nb,,2\n");
        assert!(message.contains("threads is 1 | (empty)"), "{message}");
    }

    #[test]
    fn unusable_rows_and_other_columns_make_no_difference() {
        let text = "platform,network,latency_ms,note\nx,a,1,good\ny,b,,bad\nx,c,2,\n";
        assert_eq!(read(text, &Selection::default()).unwrap().rows.len(), 2);
    }
}
