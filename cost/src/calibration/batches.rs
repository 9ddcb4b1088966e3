//! The batch sizes that a platform was calibrated at.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Batch sizes, in images: ascending, none twice, at least one.
///
/// In a file one of them is a number, `batch = 1`, and several are a list, `batch = [1, 8, 32]`. A file's are taken as they stand, and
/// [`check`](Self::check) says what is wrong with them, as all of a calibration is checked at once.
///
/// ```
/// use roofnas_cost::calibration::Batches;
///
/// let batches = Batches::new([1, 8, 32])?;
/// assert!(batches.contains(8) && !batches.contains(16));
/// assert!(batches.covers(16) && !batches.covers(64));
/// assert_eq!(batches.around(16), Some((8, 32)));
/// assert_eq!(batches.to_string(), "batches 1, 8 and 32");
/// # Ok::<(), roofnas_cost::calibration::BatchesError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batches(Vec<u64>);

/// Batch sizes that can't be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("batch = {value}: {rule}")]
pub struct BatchesError {
    /// The batches found.
    pub value: String,
    /// What would be accepted.
    pub rule: &'static str,
}

impl Batches {
    /// These batch sizes.
    ///
    /// # Errors
    /// When there is none, one is 0, or they don't ascend.
    pub fn new(batches: impl IntoIterator<Item = u64>) -> Result<Self, BatchesError> {
        let batches = Self(batches.into_iter().collect());
        batches.check()?;
        Ok(batches)
    }

    /// The different ones among these batch sizes of timings, in whatever order; 1 where there are no timings.
    pub fn of(timings: impl IntoIterator<Item = u64>) -> Self {
        let mut batches: Vec<u64> = timings.into_iter().collect();
        batches.sort_unstable();
        batches.dedup();
        if batches.is_empty() {
            batches.push(1);
        }
        Self(batches)
    }

    /// Checks what a file can get wrong.
    ///
    /// # Errors
    /// When there is none, one is 0, or they don't ascend.
    pub fn check(&self) -> Result<(), BatchesError> {
        let rule = match &self.0[..] {
            [] => "must be a batch size or a list of some, and is empty",
            [0] => "must be at least 1",
            batches if batches.contains(&0) => "each must be at least 1",
            batches if batches.is_sorted_by(|a, b| a < b) => return Ok(()),
            _ => "must ascend, none twice",
        };
        Err(BatchesError {
            value: self.in_files(),
            rule,
        })
    }

    /// The smallest.
    pub fn smallest(&self) -> u64 {
        self.0.first().copied().unwrap_or(1)
    }

    /// The largest.
    pub fn largest(&self) -> u64 {
        self.0.last().copied().unwrap_or(1)
    }

    /// All of them, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.0.iter().copied()
    }

    /// Whether there is more than one.
    pub fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// Whether this is one of them.
    pub fn contains(&self, batch: u64) -> bool {
        self.0.contains(&batch)
    }

    /// Whether this is one of them or between two of them.
    pub fn covers(&self, batch: u64) -> bool {
        (self.smallest()..=self.largest()).contains(&batch)
    }

    /// The nearest two on either side of a batch that is between them, and none of them.
    pub fn around(&self, batch: u64) -> Option<(u64, u64)> {
        if self.contains(batch) {
            return None;
        }
        let below = self.iter().take_while(|known| *known < batch).last()?;
        let above = self.iter().find(|known| *known > batch)?;
        Some((below, above))
    }

    /// As in a file: `1`, or `[1, 8, 32]`.
    pub fn in_files(&self) -> String {
        match &self.0[..] {
            [one] => one.to_string(),
            several => format!("{several:?}"),
        }
    }
}

/// In words: "batch 1", "batches 1, 8 and 32".
impl fmt::Display for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0[..] {
            [] => f.write_str("no batch"),
            [one] => write!(f, "batch {one}"),
            [others @ .., last] => {
                let others: Vec<String> = others.iter().map(ToString::to_string).collect();
                write!(f, "batches {} and {last}", others.join(", "))
            }
        }
    }
}

impl Serialize for Batches {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0[..] {
            [one] => serializer.serialize_u64(*one),
            several => serializer.collect_seq(several),
        }
    }
}

impl<'de> Deserialize<'de> for Batches {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrSeveral)
    }
}

struct OneOrSeveral;

impl<'de> Visitor<'de> for OneOrSeveral {
    type Value = Batches;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a batch size or an ascending list of them, whole numbers from 1")
    }

    fn visit_u64<E: de::Error>(self, batch: u64) -> Result<Batches, E> {
        Ok(Batches(vec![batch]))
    }

    fn visit_i64<E: de::Error>(self, batch: i64) -> Result<Batches, E> {
        let whole = u64::try_from(batch);
        let whole = whole.map_err(|_| E::invalid_value(de::Unexpected::Signed(batch), &self))?;
        self.visit_u64(whole)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Batches, A::Error> {
        let mut batches = Vec::new();
        while let Some(batch) = list.next_element()? {
            batches.push(batch);
        }
        Ok(Batches(batches))
    }
}

impl JsonSchema for Batches {
    fn schema_name() -> Cow<'static, str> {
        "Batches".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A batch size, or an ascending list of them.",
            "anyOf": [
                { "type": "integer", "minimum": 1 },
                { "type": "array", "items": { "type": "integer", "minimum": 1 }, "minItems": 1, "uniqueItems": true },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct File {
        batch: Batches,
    }

    #[test]
    fn one_is_a_number_and_several_are_a_list() {
        for (text, batches) in [
            ("batch = 32\n", &[32][..]),
            ("batch = [1, 8, 32]\n", &[1, 8, 32]),
        ] {
            let file: File = toml::from_str(text).unwrap();
            assert_eq!(file.batch, Batches::new(batches.to_vec()).unwrap());
            assert_eq!(toml::to_string(&file).unwrap(), text);
        }
        let listed: File = toml::from_str("batch = [4]").unwrap();
        assert_eq!(toml::to_string(&listed).unwrap(), "batch = 4\n");
    }

    #[test]
    fn what_can_not_be_is_told() {
        for (text, expected) in [
            ("0", "batch = 0: must be at least 1"),
            (
                "[]",
                "batch = []: must be a batch size or a list of some, and is empty",
            ),
            ("[0, 1]", "batch = [0, 1]: each must be at least 1"),
            ("[8, 1]", "batch = [8, 1]: must ascend, none twice"),
            ("[1, 8, 8]", "batch = [1, 8, 8]: must ascend, none twice"),
        ] {
            let file: File = toml::from_str(&format!("batch = {text}")).unwrap();
            assert_eq!(file.batch.check().unwrap_err().to_string(), expected);
        }
        for text in ["-1", "[1, -8]", "1.5", "\"8\"", "{}", "[[1]]", "true"] {
            let error = toml::from_str::<File>(&format!("batch = {text}")).unwrap_err();
            assert!(error.message().contains("expected"), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_covered() {
        let batches = Batches::of([32, 1, 8, 1]);
        assert_eq!(batches.iter().collect::<Vec<_>>(), [1, 8, 32]);
        assert_eq!((batches.smallest(), batches.largest()), (1, 32));
        let inside: Vec<u64> = (0..40).filter(|&batch| batches.covers(batch)).collect();
        assert_eq!(inside, (1..=32).collect::<Vec<_>>());
        for (batch, around) in [
            (0, None),
            (1, None),
            (2, Some((1, 8))),
            (8, None),
            (31, Some((8, 32))),
            (33, None),
        ] {
            assert_eq!(batches.around(batch), around, "{batch}");
        }
        assert_eq!(Batches::of([]).in_files(), "1");
        assert_eq!(Batches::of([1, 64]).to_string(), "batches 1 and 64");
    }
}
