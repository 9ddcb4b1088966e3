//! Several rows of one network at one batch and on as many threads.
//!
//! 1. Where rows have dates, the latest one wins (ISO 8601 dates compare as text; a row without a date is older than any).
//! 2. Rows of different runs stay: what differs between runs is worth knowing.
//! 3. Rows that nothing tells apart become their median. When the largest is more than 1.2 times the smallest, that is told; when it is more
//!    than 3 times the smallest, they can't have measured one thing, and all of them are left out.

use std::collections::BTreeMap;
use std::fmt;

use super::row::Measurement;

/// Beyond this ratio of the largest to the smallest, a merger is told.
const NOTABLE_RATIO: f64 = 1.2;

/// Beyond this ratio, rows contradict each other.
const CONTRADICTORY_RATIO: f64 = 3.0;

/// Rows of one network at one batch, on as many threads and of one run, that disagree.
#[derive(Debug, Clone, PartialEq)]
pub struct Duplicates {
    /// The network.
    pub network: String,
    /// Images in one inference.
    pub batch: u64,
    /// Lines of the rows in the file.
    pub lines: Vec<u64>,
    /// The smallest of their latencies.
    pub smallest_ms: f64,
    /// The largest of them.
    pub largest_ms: f64,
    /// What became of them.
    pub verdict: Verdict,
}

/// What became of rows that disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Their median stands for them.
    Merged,
    /// They were left out.
    LeftOut,
}

impl fmt::Display for Duplicates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.lines.iter().map(ToString::to_string).collect();
        let fate = match self.verdict {
            Verdict::Merged => "their median is used",
            Verdict::LeftOut => "they contradict each other and are left out",
        };
        write!(
            f,
            "network {}{}: {} rows range from {} to {} ms (lines {}): {fate}",
            self.network,
            at_batch(self.batch),
            lines.len(),
            self.smallest_ms,
            self.largest_ms,
            lines.join(", ")
        )
    }
}

/// One image at a time goes without saying.
fn at_batch(batch: u64) -> String {
    if batch == 1 {
        return String::new();
    }
    format!(" at batch {batch}")
}

/// Measurements of which nothing is there twice.
pub(super) struct Settled {
    pub(super) rows: Vec<Measurement>,
    pub(super) duplicates: Vec<Duplicates>,
    pub(super) outdated_rows: usize,
}

/// Settles what stands there more than once.
pub(super) fn settle(rows: Vec<Measurement>) -> Settled {
    let before = rows.len();
    let latest = keep_latest(rows);
    let mut settled = Settled {
        outdated_rows: before - latest.len(),
        rows: Vec::new(),
        duplicates: Vec::new(),
    };
    for group in grouped(latest, |row| {
        (row.network.clone(), row.batch, row.threads, row.run.clone())
    }) {
        let disagreement = disagreement(&group);
        let contradictory = disagreement
            .as_ref()
            .is_some_and(|duplicates| duplicates.verdict == Verdict::LeftOut);
        if !contradictory {
            settled.rows.extend(merged(group));
        }
        settled.duplicates.extend(disagreement);
    }
    settled.rows.sort_by_key(|row| row.line);
    settled
        .duplicates
        .sort_by_key(|duplicates| duplicates.lines.first().copied());
    settled
}

/// The rows of each network, batch and number of threads with the latest date.
fn keep_latest(rows: Vec<Measurement>) -> Vec<Measurement> {
    let groups = grouped(rows, |row| (row.network.clone(), row.batch, row.threads));
    groups.into_iter().flat_map(latest).collect()
}

fn latest(mut group: Vec<Measurement>) -> Vec<Measurement> {
    let comparable = group
        .iter()
        .filter_map(|row| row.date.as_deref())
        .all(is_iso);
    if comparable {
        let latest = group.iter().map(|row| row.date.clone()).max().flatten();
        group.retain(|row| row.date == latest);
    }
    group
}

/// Whether a date begins with year, month and day, so that it compares as text.
fn is_iso(date: &str) -> bool {
    let shape = b"dddd-dd-dd";
    date.len() >= shape.len()
        && date.bytes().zip(shape).all(|(byte, shape)| match shape {
            b'd' => byte.is_ascii_digit(),
            dash => byte == *dash,
        })
}

fn grouped<K: Ord>(
    rows: Vec<Measurement>,
    key: impl Fn(&Measurement) -> K,
) -> Vec<Vec<Measurement>> {
    let mut groups: BTreeMap<K, Vec<Measurement>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(row);
    }
    groups.into_values().collect()
}

/// How far apart rows are, if that is worth telling.
fn disagreement(group: &[Measurement]) -> Option<Duplicates> {
    let latencies = || group.iter().map(|row| row.latency_ms);
    let smallest_ms = latencies().fold(f64::INFINITY, f64::min);
    let largest_ms = latencies().fold(0.0, f64::max);
    let verdict = match largest_ms / smallest_ms {
        ratio if ratio > CONTRADICTORY_RATIO => Verdict::LeftOut,
        ratio if ratio > NOTABLE_RATIO => Verdict::Merged,
        _ => return None,
    };
    let first = group.first()?;
    Some(Duplicates {
        network: first.network.clone(),
        batch: first.batch,
        lines: group.iter().map(|row| row.line).collect(),
        smallest_ms,
        largest_ms,
        verdict,
    })
}

/// One row for all of them: the median latency, the sum of the repeats, and the largest of the deviations.
fn merged(group: Vec<Measurement>) -> Option<Measurement> {
    let median = median(group.iter().map(|row| row.latency_ms).collect())?;
    let repeats = group
        .iter()
        .map(|row| row.repeats)
        .try_fold(0_u32, |sum, repeats| Some(sum.saturating_add(repeats?)));
    let std = group.iter().filter_map(|row| row.latency_ms_std);
    let largest_std = std.fold(None, |largest: Option<f64>, std| {
        Some(largest.map_or(std, |largest| largest.max(std)))
    });
    let first = group.into_iter().next()?;
    Some(Measurement {
        latency_ms: median,
        repeats,
        latency_ms_std: largest_std,
        ..first
    })
}

/// The median of numbers that are not NaN.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    if values.len().is_multiple_of(2) {
        let lower = values.get(values.len() / 2 - 1)?;
        Some(lower + (upper - lower) / 2.0)
    } else {
        Some(upper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measurements::{Measurements, Selection, read};

    fn measurements(text: &str) -> Measurements {
        read(text, &Selection::default()).unwrap()
    }

    fn latencies(measurements: &Measurements) -> Vec<(u64, f64)> {
        let rows = measurements.rows.iter();
        rows.map(|row| (row.line, row.latency_ms)).collect()
    }

    #[test]
    fn the_latest_date_wins() {
        let found = measurements(
            "network,latency_ms,date\na,1,2020-05-01\nb,5,\na,2,2024-01-01\na,9,\nb,6,2019-12-31\n",
        );
        assert_eq!(latencies(&found), [(4, 2.0), (6, 6.0)]);
        assert_eq!(found.outdated_rows, 3);
        assert!(found.duplicates.is_empty());
    }

    #[test]
    fn dates_that_do_not_compare_decide_nothing() {
        let found = measurements("network,latency_ms,date\na,1,5/1/2020\na,1.1,1/2/2024\n");
        assert_eq!(latencies(&found), [(2, 1.05)]);
        assert_eq!(found.outdated_rows, 0);
    }

    #[test]
    fn runs_stay_apart() {
        let found = measurements("network,latency_ms,run\na,1,r1\na,2,r2\na,1.1,r1\nb,7,r1\n");
        assert_eq!(latencies(&found), [(2, 1.05), (3, 2.0), (5, 7.0)]);
    }

    #[test]
    fn batches_stay_apart() {
        let found = measurements(
            "network,batch,latency_ms,date\na,1,1,2020-05-01\na,8,7,2019-05-01\na,8,8,2019-05-01\na,1,2,2024-01-01\na,64,60,\na,64,70,\na,64,80,\n",
        );
        assert_eq!(latencies(&found), [(3, 7.5), (5, 2.0), (6, 70.0)]);
        assert_eq!(found.outdated_rows, 1);
        assert_eq!(
            found.duplicates[0].to_string(),
            "network a at batch 64: 3 rows range from 60 to 80 ms (lines 6, 7, 8): their median is used"
        );
    }

    #[test]
    fn threads_stay_apart() {
        let found = measurements("network,threads,latency_ms\na,1,40\na,4,11\na,4,12\n");
        assert_eq!(latencies(&found), [(2, 40.0), (3, 11.5)]);
    }

    #[test]
    fn equal_rows_become_their_median() {
        let found = measurements(
            "network,latency_ms,repeats,latency_ms_std\na,1,10,0.1\na,1.1,20,\na,1.19,30,0.3\n",
        );
        assert_eq!(latencies(&found), [(2, 1.1)]);
        assert!(found.duplicates.is_empty());
        assert_eq!(found.rows[0].repeats, Some(60));
        assert_eq!(found.rows[0].latency_ms_std, Some(0.3));
    }

    #[test]
    fn disagreement_is_told_and_contradiction_left_out() {
        let found = measurements("network,latency_ms\na,1\nb,2\na,1.5\nc,1\nc,1.2\nb,6.5\n");
        assert_eq!(latencies(&found), [(2, 1.25), (5, 1.1)]);
        let told: Vec<String> = found.duplicates.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "network a: 2 rows range from 1 to 1.5 ms (lines 2, 4): their median is used",
                "network b: 2 rows range from 2 to 6.5 ms (lines 3, 7): they contradict each other and are left out",
            ]
        );
    }

    #[test]
    fn medians_by_hand() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0]), Some(3.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
    }
}
