//! Measurements given on the command line, beside the networks they are of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use roofnas::Error;
use roofnas_cost::{Dtype, Fusion};
use roofnas_hardware::{CalibrateError, Material, Measurements, read_measurements};
use roofnas_space::{Network, Op, Work};

use super::networks::{Loaded, networks, tell};
use crate::cli::{NetworkSource, RowArgs};

/// Where measurements and their networks are.
pub(super) struct Tables<'a> {
    pub(super) networks: &'a NetworkSource,
    pub(super) latency: &'a Path,
    pub(super) rows: &'a RowArgs,
}

impl Tables<'_> {
    /// Reads them, counting networks as an engine with these rules runs them. What can't be used is told. Returns the exit code, too: bad input where a file
    /// could not be used.
    pub(super) fn material(&self, dtype: Dtype, fusion: &Fusion) -> Result<(Material, u8), Error> {
        let Loaded { networks, code } = networks(self.networks)?;
        let measurements = self.measurements()?;
        self.check_dtype(&measurements, dtype)?;
        let (material, warnings) =
            Material::new(measurements, &networks, fusion).map_err(|error| self.unusable(error))?;
        tell(warnings, "such warnings");
        if let Some(warning) = unknown_operators(&material, &networks) {
            note!("warning: {warning}");
        }
        Ok((material, code))
    }

    /// The rows that are meant, with those that can't be used told and taken out.
    fn measurements(&self) -> Result<Measurements, Error> {
        let text = std::fs::read_to_string(self.latency)
            .map_err(|source| Error::read(self.latency, source))?;
        let mut measurements = read_measurements(&text, &self.rows.selection())
            .map_err(|error| self.unusable(error.into()))?;
        if let Some(unit) = other_unit(&self.rows.latency_column) {
            note!(
                "warning: column {} is taken to hold milliseconds, and its name says {unit}",
                self.rows.latency_column
            );
        }
        tell(measurements.problems.drain(..), "rows");
        tell(measurements.duplicates.drain(..), "networks");
        if measurements.outdated_rows > 0 {
            note!(
                "warning: {} rows are left out, since later ones have the same networks",
                measurements.outdated_rows
            );
        }
        Ok(measurements)
    }

    /// What the table calls the number format must be what is asked for. All rows call it the same.
    fn check_dtype(&self, measurements: &Measurements, dtype: Dtype) -> Result<(), Error> {
        let texts = measurements.rows.iter();
        let Some(text) = texts.filter_map(|row| row.dtype.as_deref()).next() else {
            return Ok(());
        };
        let mut all = Dtype::ALL.into_iter();
        match all.find(|known| known.name().eq_ignore_ascii_case(text)) {
            Some(known) if known == dtype => Ok(()),
            Some(_) => Err(Error::Value {
                file: self.latency.display().to_string(),
                key: "dtype".to_owned(),
                value: text.to_owned(),
                rule: format!(
                    "must be {dtype}, as --dtype says; choose other rows with --where, or say --dtype {}",
                    text.to_ascii_lowercase()
                ),
            }),
            None => {
                note!(
                    "warning: the table calls the number format \"{text}\", which is none of fp32, fp16, bf16, int8: it is taken for {dtype}, \
                     as --dtype says"
                );
                Ok(())
            }
        }
    }

    /// What was measured, in words: the table without its folder, the column and the conditions.
    pub(super) fn source(&self) -> String {
        let selection = self.rows.selection();
        let file = self.latency.file_name().unwrap_or_default();
        let mut parts = vec![
            file.to_string_lossy().into_owned(),
            format!("column {}", selection.latency_column),
        ];
        let conditions = selection.conditions.iter();
        parts.extend(conditions.map(|(column, value)| format!("{column}={value}")));
        parts.join(", ")
    }

    /// The error of measurements that can't be used.
    pub(super) fn unusable(&self, source: CalibrateError) -> Error {
        Error::Calibrate {
            path: self.latency.to_owned(),
            source: Box::new(source),
        }
    }
}

/// The unit that a column's name ends in, unless it is milliseconds. The speeds that latencies imply don't tell: a slow machine's seconds look like
/// a fast one's milliseconds.
fn other_unit(column: &str) -> Option<&'static str> {
    let column = column.to_ascii_lowercase();
    let mut words = column.rsplit(|c: char| !c.is_ascii_alphanumeric());
    let word = words.find(|word| !word.is_empty())?;
    match word {
        "s" | "sec" | "secs" | "second" | "seconds" => Some("seconds"),
        "us" | "usec" | "microseconds" => Some("microseconds"),
        "ns" | "nsec" | "nanoseconds" => Some("nanoseconds"),
        _ => None,
    }
}

/// Operators among the measured networks that no rule prices.
fn unknown_operators(material: &Material, networks: &[Network]) -> Option<String> {
    let measured: BTreeSet<&str> = material
        .rows
        .iter()
        .map(|row| row.network.as_str())
        .collect();
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for network in networks {
        for layer in network.layers() {
            if let Op::Other(other) = &layer.op
                && other.work == Work::Unknown
                && measured.contains(network.name())
            {
                users.entry(&other.name).or_default().insert(network.name());
            }
        }
    }
    if users.is_empty() {
        return None;
    }
    let named = users
        .iter()
        .map(|(name, networks)| format!("{name} (networks: {})", networks.len()));
    let named: Vec<String> = named.collect();
    Some(format!(
        "no rule is known for these operators, which are priced as arithmetic on every element: {}",
        named.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_by_name() {
        for (column, unit) in [
            ("latency_ms", None),
            ("min_ms", None),
            ("ms", None),
            ("status", None),
            ("latency_s", Some("seconds")),
            ("Seconds", Some("seconds")),
            ("time (us)", Some("microseconds")),
            ("mean-us", Some("microseconds")),
            ("t.ns", Some("nanoseconds")),
            ("", None),
        ] {
            assert_eq!(other_unit(column), unit, "{column}");
        }
    }
}
