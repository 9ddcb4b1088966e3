//! Under what conditions an engine runs.

use std::num::NonZeroUsize;

use roofnas_cost::Dtype;

/// What has to be the same for two timings to be comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conditions {
    /// Threads that one inference uses.
    pub threads: NonZeroUsize,
    /// Images at once.
    pub batch: NonZeroUsize,
    /// The number format. Engines run the file as it is and convert nothing, so this says what the file holds; a command is
    /// told, and may convert.
    pub dtype: Dtype,
}

impl Default for Conditions {
    /// One thread, one image, single precision.
    fn default() -> Self {
        Self {
            threads: NonZeroUsize::MIN,
            batch: NonZeroUsize::MIN,
            dtype: Dtype::Fp32,
        }
    }
}
