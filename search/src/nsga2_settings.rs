use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What [`Nsga2`](crate::Nsga2) can be told; checked when made or read.
///
/// | setting | default | range |
/// |---|---|---|
/// | `population` | 100 | at least 4 |
/// | `crossover_probability` | 0.9 | 0 to 1 |
///
/// The defaults are those of Deb et al. (2002), section IV.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Nsga2Settings {
    population: usize,
    crossover_probability: f64,
}

/// A setting of [`Nsga2Settings`] outside its range.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Nsga2SettingsError {
    /// Too few individuals for two tournaments of two.
    #[error(
        "population should be at least 4, so that the two tournaments that choose parents can \
         draw different contestants, but is {0}"
    )]
    Population(usize),
    /// Not a probability.
    #[error("crossover_probability should be in range [0, 1], but is {0}")]
    CrossoverProbability(f64),
}

impl Nsga2Settings {
    /// Checks and keeps the number of individuals that survive a generation (and are bred in
    /// it), and the share of offspring that have two parents instead of one.
    pub fn new(population: usize, crossover_probability: f64) -> Result<Self, Nsga2SettingsError> {
        if population < 4 {
            return Err(Nsga2SettingsError::Population(population));
        }
        if !(0.0..=1.0).contains(&crossover_probability) {
            return Err(Nsga2SettingsError::CrossoverProbability(
                crossover_probability,
            ));
        }
        Ok(Self {
            population,
            crossover_probability,
        })
    }

    /// How many individuals survive a generation, and how many are bred in it.
    pub fn population(&self) -> usize {
        self.population
    }

    /// The share of offspring that have two parents instead of one.
    pub fn crossover_probability(&self) -> f64 {
        self.crossover_probability
    }
}

impl Default for Nsga2Settings {
    fn default() -> Self {
        Self {
            population: 100,
            crossover_probability: 0.9,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    population: usize,
    crossover_probability: f64,
}

impl TryFrom<Unchecked> for Nsga2Settings {
    type Error = Nsga2SettingsError;

    fn try_from(unchecked: Unchecked) -> Result<Self, Self::Error> {
        Self::new(unchecked.population, unchecked.crossover_probability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_accepted() {
        let settings = Nsga2Settings::default();
        let made = Nsga2Settings::new(settings.population(), settings.crossover_probability());
        assert_eq!(made, Ok(settings));
    }

    #[test]
    fn errors_state_rule_and_value() {
        let error = |population, probability| {
            Nsga2Settings::new(population, probability)
                .unwrap_err()
                .to_string()
        };
        assert!(error(3, 0.9).ends_with("different contestants, but is 3"));
        assert_eq!(
            error(8, 1.5),
            "crossover_probability should be in range [0, 1], but is 1.5"
        );
        assert_eq!(
            error(8, f64::NAN),
            "crossover_probability should be in range [0, 1], but is NaN"
        );
    }

    #[test]
    fn files_are_checked_too() {
        let read = serde_json::from_str::<Nsga2Settings>;
        assert!(read(r#"{"population":8,"crossover_probability":1}"#).is_ok());
        let error = read(r#"{"population":2,"crossover_probability":1}"#).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("population should be at least 4")
        );
    }
}
