use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What [`RegularizedEvolution`](crate::RegularizedEvolution) can be told; checked when made or
/// read.
///
/// | setting | default | range |
/// |---|---|---|
/// | `population` | 100 | at least 2 |
/// | `sample_size` | 25 | 1 to `population` |
/// | `children` | 10 | 1 to `population` |
///
/// Population and sample size are those of Real et al. (2019) for their large experiments. There
/// a generation has one child; a tenth of the population keeps several threads busy and changes
/// little, since nine parents of ten are still there when the next child is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct RegularizedEvolutionSettings {
    population: usize,
    sample_size: usize,
    children: usize,
}

/// A setting of [`RegularizedEvolutionSettings`] outside its range.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RegularizedEvolutionSettingsError {
    /// Too few individuals to choose among.
    #[error("population should be at least 2, so that there is a choice of parents, but is {0}")]
    Population(usize),
    /// A tournament of nobody, or of more than there are.
    #[error("sample_size should be in range [1, {population}], the population, but is {found}")]
    SampleSize {
        /// How many individuals there are.
        population: usize,
        /// The size given.
        found: usize,
    },
    /// No children, or so many that no parent outlives its first generation.
    #[error("children should be in range [1, {population}], the population, but is {found}")]
    Children {
        /// How many individuals there are.
        population: usize,
        /// The number given.
        found: usize,
    },
}

impl RegularizedEvolutionSettings {
    /// Checks and keeps the number of individuals alive, how many of them take part in a
    /// tournament, and how many children a generation has.
    pub fn new(
        population: usize,
        sample_size: usize,
        children: usize,
    ) -> Result<Self, RegularizedEvolutionSettingsError> {
        if population < 2 {
            return Err(RegularizedEvolutionSettingsError::Population(population));
        }
        if !(1..=population).contains(&sample_size) {
            return Err(RegularizedEvolutionSettingsError::SampleSize {
                population,
                found: sample_size,
            });
        }
        if !(1..=population).contains(&children) {
            return Err(RegularizedEvolutionSettingsError::Children {
                population,
                found: children,
            });
        }
        Ok(Self {
            population,
            sample_size,
            children,
        })
    }

    /// How many individuals are alive.
    pub fn population(&self) -> usize {
        self.population
    }

    /// How many of them, drawn with replacement, take part in a tournament.
    pub fn sample_size(&self) -> usize {
        self.sample_size
    }

    /// How many children a generation has, all from the same population.
    pub fn children(&self) -> usize {
        self.children
    }
}

impl Default for RegularizedEvolutionSettings {
    fn default() -> Self {
        Self {
            population: 100,
            sample_size: 25,
            children: 10,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    population: usize,
    sample_size: usize,
    children: usize,
}

impl TryFrom<Unchecked> for RegularizedEvolutionSettings {
    type Error = RegularizedEvolutionSettingsError;

    fn try_from(unchecked: Unchecked) -> Result<Self, Self::Error> {
        Self::new(
            unchecked.population,
            unchecked.sample_size,
            unchecked.children,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_accepted() {
        let settings = RegularizedEvolutionSettings::default();
        let made = RegularizedEvolutionSettings::new(
            settings.population(),
            settings.sample_size(),
            settings.children(),
        );
        assert_eq!(made, Ok(settings));
    }

    #[test]
    fn errors_state_rule_and_value() {
        let error = |population, sample_size, children| {
            RegularizedEvolutionSettings::new(population, sample_size, children)
                .unwrap_err()
                .to_string()
        };
        assert!(error(1, 1, 1).ends_with("a choice of parents, but is 1"));
        assert_eq!(
            error(8, 9, 1),
            "sample_size should be in range [1, 8], the population, but is 9"
        );
        assert_eq!(
            error(8, 2, 0),
            "children should be in range [1, 8], the population, but is 0"
        );
    }

    #[test]
    fn files_are_checked_too() {
        let read = serde_json::from_str::<RegularizedEvolutionSettings>;
        assert!(read(r#"{"population":8,"sample_size":2,"children":1}"#).is_ok());
        let error = read(r#"{"population":8,"sample_size":0,"children":1}"#).unwrap_err();
        assert!(error.to_string().starts_with("sample_size should be"));
    }
}
