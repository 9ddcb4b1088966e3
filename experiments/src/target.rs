//! What else the networks of a search are to suit, besides its platform: another platform, batch or number format.

use roofnas_cost::{Latency, LatencyModel};

use crate::run_directory::RunDirectory;

/// Targets that an experiment can have: more would leave no room for other objectives.
pub const MOST_TARGETS: usize = 3;

/// A further target of a search: what the networks are priced for besides `[platform]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its name in the experiment.
    pub name: String,
    /// Prices latency for it.
    pub model: LatencyModel,
    /// Where its profile was found.
    pub origin: String,
}

impl Target {
    /// The file of a run's folder that holds the platform of the target of this name, as used.
    pub fn file(name: &str) -> String {
        let (stem, extension) = RunDirectory::PLATFORM
            .split_once('.')
            .unwrap_or((RunDirectory::PLATFORM, "toml"));
        format!("{stem}-{name}.{extension}")
    }

    /// Its platform as used, as TOML.
    pub fn platform_toml(&self) -> String {
        let body = self.model.platform().to_toml();
        format!(
            "# The platform of target.{} as this run used it.\n{body}",
            self.name
        )
    }

    /// What it is priced for, in words: platform, how that was calibrated, batch and number format.
    pub fn words(&self) -> String {
        let model = &self.model;
        format!(
            "{} ({}), batch {}, {}",
            model.platform().name,
            model.label(),
            model.batch(),
            model.dtype()
        )
    }
}

/// How long a network takes for one target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// Latency of one inference of the batch.
    pub latency: Latency,
    /// Images per inference.
    pub batch: u64,
}

impl Timing {
    /// What stands where there is no target.
    pub const NONE: Self = Self {
        latency: Latency {
            mean_ms: f64::NAN,
            std_ms: f64::NAN,
            degrees_of_freedom: f64::INFINITY,
        },
        batch: 1,
    };

    /// Mean time for each image of a batch, in milliseconds.
    pub fn ms_per_image(&self) -> f64 {
        self.latency.mean_ms / self.batch as f64
    }

    /// Images per second, one batch after the other.
    pub fn images_per_s(&self) -> f64 {
        1000.0 / self.ms_per_image()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throughput_is_that_of_batches_one_after_the_other() {
        let timing = Timing {
            latency: Latency {
                mean_ms: 20.0,
                std_ms: 1.0,
                degrees_of_freedom: f64::INFINITY,
            },
            batch: 8,
        };
        assert_eq!(timing.ms_per_image(), 2.5);
        assert_eq!(timing.images_per_s(), 400.0);
    }

    #[test]
    fn a_target_has_a_file_of_its_own() {
        assert_eq!(Target::file("phone"), "platform-phone.toml");
    }
}
