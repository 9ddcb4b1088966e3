//! Prices: of kernels, of networks, and how sure they are.

use crate::distribution::student_quantile;

/// What holds a kernel's time up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bound {
    /// Arithmetic.
    Compute,
    /// Memory traffic.
    Memory,
    /// The overhead is larger than either.
    Overhead,
}

impl Bound {
    /// The name in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Memory => "memory",
            Self::Overhead => "overhead",
        }
    }
}

/// The price of one kernel, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelPrice {
    /// Overhead.
    pub overhead_s: f64,
    /// Time of the arithmetic alone.
    pub compute_s: f64,
    /// Time of the memory traffic alone, cold weights among it.
    pub memory_s: f64,
    /// Share of the peak that the kernel's shape lets it reach; 1 in a calibrated price, whose rates are those reached.
    pub utilisation: f64,
    /// The whole: not the sum of the others, since arithmetic and traffic overlap.
    pub total_s: f64,
}

impl KernelPrice {
    /// The price of what is not executed.
    pub(crate) const NOTHING: Self = Self {
        overhead_s: 0.0,
        compute_s: 0.0,
        memory_s: 0.0,
        utilisation: 1.0,
        total_s: 0.0,
    };

    /// A price by the roofline: overhead, and the slower of arithmetic and traffic.
    pub(crate) fn roofline(
        overhead_s: f64,
        compute_s: f64,
        memory_s: f64,
        utilisation: f64,
    ) -> Self {
        Self {
            overhead_s,
            compute_s,
            memory_s,
            utilisation,
            total_s: overhead_s + compute_s.max(memory_s),
        }
    }

    /// The kernel's latency, in seconds.
    pub fn seconds(&self) -> f64 {
        self.total_s
    }

    /// What holds it up.
    pub fn bound(&self) -> Bound {
        if self.overhead_s > self.compute_s.max(self.memory_s) {
            Bound::Overhead
        } else if self.compute_s >= self.memory_s {
            Bound::Compute
        } else {
            Bound::Memory
        }
    }
}

/// A latency with its uncertainty, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latency {
    /// Mean of the predictive distribution.
    pub mean_ms: f64,
    /// Its standard deviation.
    pub std_ms: f64,
    /// Degrees of freedom of its distribution, Student's; infinite for a normal one.
    pub degrees_of_freedom: f64,
}

impl Latency {
    /// The one-sided 95 % bound: with probability 0.95 the latency is no more.
    pub fn upper95_ms(&self) -> f64 {
        self.upper_ms(0.95)
    }

    /// The one-sided bound of this confidence: with this probability the latency is no more. 0.5 gives the mean.
    pub fn upper_ms(&self, confidence: f64) -> f64 {
        let quantile = student_quantile(confidence, self.degrees_of_freedom);
        self.mean_ms + quantile * self.std_ms
    }
}

/// The price of a network, part by part.
#[derive(Debug, Clone, PartialEq)]
pub struct Breakdown {
    /// The call of the engine.
    pub inference_s: f64,
    /// The kernels, in execution order.
    pub kernels: Vec<KernelPrice>,
}

impl Breakdown {
    /// The whole, in seconds.
    pub fn seconds(&self) -> f64 {
        self.inference_s + self.kernels.iter().map(KernelPrice::seconds).sum::<f64>()
    }

    /// Share of the whole that is spent in kernels held up by this.
    pub fn share_of(&self, bound: Bound) -> f64 {
        let held_up = self.kernels.iter().filter(|price| price.bound() == bound);
        // an empty sum of floats is minus zero
        held_up.fold(0.0, |sum, price| sum + price.seconds()) / self.seconds()
    }
}

/// Which rules a network's price comes from, as shares of its time that add up to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// Operators that were calibrated on the platform.
    pub calibrated: f64,
    /// Operators priced without timings of their kind: on a calibrated platform as their class is, on others by formula.
    pub fallback: f64,
    /// Operators nobody here knows, priced as arithmetic on every element.
    pub unknown: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_one_sided() {
        let latency = |degrees_of_freedom| Latency {
            mean_ms: 2.0,
            std_ms: 1.0,
            degrees_of_freedom,
        };
        assert!((latency(f64::INFINITY).upper95_ms() - 3.6449).abs() < 1e-4);
        assert!((latency(14.0).upper95_ms() - 3.761).abs() < 2e-3);
        assert_eq!(latency(14.0).upper_ms(0.5), 2.0);
    }
}
