//! Floats that survive JSON, which has no infinity and no NaN.
//!
//! In a human-readable format a finite value is a number and any other is one of the strings
//! `"inf"`, `"-inf"`, `"NaN"` (Rust's own spelling). Binary formats store the plain float.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An `f64` (de)serialised as the module says; for use inside sequences.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct JsonFloat(#[serde(with = "self")] pub(crate) f64);

pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() || !serializer.is_human_readable() {
        serializer.serialize_f64(*value)
    } else {
        serializer.collect_str(value)
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    if deserializer.is_human_readable() {
        deserializer.deserialize_any(FloatVisitor)
    } else {
        f64::deserialize(deserializer)
    }
}

struct FloatVisitor;

impl Visitor<'_> for FloatVisitor {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a number, \"inf\", \"-inf\" or \"NaN\"")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<f64, E> {
        match value {
            "inf" => Ok(f64::INFINITY),
            "-inf" => Ok(f64::NEG_INFINITY),
            "NaN" => Ok(f64::NAN),
            other => Err(E::invalid_value(Unexpected::Str(other), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn through_json(value: f64) -> f64 {
        let json = serde_json::to_string(&JsonFloat(value)).unwrap();
        serde_json::from_str::<JsonFloat>(&json).unwrap().0
    }

    proptest! {
        #[test]
        fn every_float_but_nan_returns_bit_for_bit(value in any::<f64>()) {
            prop_assert_eq!(through_json(value).to_bits(), value.to_bits());
        }
    }

    #[test]
    fn non_finite_values_are_named() {
        assert_eq!(
            serde_json::to_string(&JsonFloat(f64::INFINITY)).unwrap(),
            "\"inf\""
        );
        assert_eq!(through_json(f64::INFINITY), f64::INFINITY);
        assert_eq!(through_json(f64::NEG_INFINITY), f64::NEG_INFINITY);
        assert!(through_json(f64::NAN).is_nan());
    }

    #[test]
    fn integers_are_read_as_floats() {
        assert_eq!(serde_json::from_str::<JsonFloat>("3").unwrap().0, 3.0);
        assert_eq!(serde_json::from_str::<JsonFloat>("-3").unwrap().0, -3.0);
    }

    #[test]
    fn other_strings_are_refused_with_what_is_accepted() {
        let error = serde_json::from_str::<JsonFloat>("\"fast\"")
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("a number, \"inf\""), "{error}");
    }
}
