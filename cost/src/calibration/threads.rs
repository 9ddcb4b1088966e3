//! What more threads change: one model of a platform on several numbers of them.
//!
//! ```text
//! on t threads:   overhead(class) + synchronisation(t),   peak(class) * peak gain(t),   bandwidth(class) * bandwidth gain(t)
//! ```
//!
//! beside the fewest threads that were timed; the bandwidths beyond caches and of cold weights have the gain as well. The call of the engine is the serial part and stays as it is; so do the
//! working set and the weights that caches hold and the slowdown of what is misaligned. Each number of threads has gains of its own, since no law holds where the
//! ninth thread lands on a little core or in another socket; so nothing is said of a number that wasn't timed. What kernels of one shape gain more or less than
//! others is the residual's, which has the threads among its coordinates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::parameters::{
    BEYOND_BANDWIDTH, CLASSES, COLD_BANDWIDTH, LogParameters, SLOWDOWN, WEIGHTS_HELD, WORKING_SET,
    activation_index, overhead_index,
};
use super::workload::{COORDINATES, SCALES};
use crate::class::OpClass;

/// Where the threads stand among the coordinates of a kernel.
pub(super) const COORDINATE: usize = 11;

/// What a number of threads changes, beside the fewest that were timed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThreadEffect {
    /// The number.
    pub threads: u32,
    /// What each kernel waits for all of them, in microseconds.
    pub synchronisation_us: f64,
    /// What peaks, and rates of fused activations, are multiplied by.
    pub peak_gain: f64,
    /// What bandwidths are multiplied by.
    pub bandwidth_gain: f64,
}

/// Number of logarithms in a [`LogThreadEffect`].
pub const THREAD_PARAMETERS: usize = 3;

/// The same as logarithms: of seconds, and of the two gains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogThreadEffect(pub [f64; THREAD_PARAMETERS]);

impl From<&ThreadEffect> for LogThreadEffect {
    fn from(effect: &ThreadEffect) -> Self {
        Self([
            (1e-6 * effect.synchronisation_us).ln(),
            effect.peak_gain.ln(),
            effect.bandwidth_gain.ln(),
        ])
    }
}

impl LogThreadEffect {
    /// As in a file.
    pub fn on(&self, threads: u32) -> ThreadEffect {
        let [synchronisation, peak, bandwidth] = self.0.map(f64::exp);
        ThreadEffect {
            threads,
            synchronisation_us: 1e6 * synchronisation,
            peak_gain: peak,
            bandwidth_gain: bandwidth,
        }
    }
}

/// How a parameter on some threads depends on that on the fewest, and on an effect of theirs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThreadDerivative {
    /// Derivative of the logarithm by that on the fewest threads.
    pub by_own: f64,
    /// Which of the logarithms of the effect it depends on, and its derivative by that.
    pub by_effect: Option<(usize, f64)>,
}

impl LogParameters {
    /// The parameters on the threads that have this effect.
    pub fn on_threads(&self, effect: &LogThreadEffect) -> Self {
        let [synchronisation, peak, bandwidth] = effect.0;
        let mut logs = self.clone();
        for (index, log) in logs.0.iter_mut().enumerate() {
            match Kind::of(index) {
                Kind::Whole => {}
                Kind::Overhead => *log = (log.exp() + synchronisation.exp()).ln(),
                Kind::Peak => *log += peak,
                Kind::Bandwidth => *log += bandwidth,
            }
        }
        logs
    }

    /// How one of [`on_threads`](Self::on_threads) depends on these parameters and on the effect.
    pub fn by_threads(&self, parameter: usize, effect: &LogThreadEffect) -> ThreadDerivative {
        let (by_own, by_effect) = match Kind::of(parameter) {
            Kind::Whole => (1.0, None),
            Kind::Overhead => {
                let own = 1.0 / (1.0 + (effect.0[0] - self.0[parameter]).exp());
                (own, Some((0, 1.0 - own)))
            }
            Kind::Peak => (1.0, Some((1, 1.0))),
            Kind::Bandwidth => (1.0, Some((2, 1.0))),
        };
        ThreadDerivative { by_own, by_effect }
    }
}

/// What kind of parameter stands at an index.
enum Kind {
    /// The call of the engine, the roofline's sharpness, what caches hold, what misalignment costs.
    Whole,
    Overhead,
    Peak,
    Bandwidth,
}

impl Kind {
    const fn of(index: usize) -> Self {
        let first = overhead_index(OpClass::ALL[0]);
        if index < first || matches!(index, WORKING_SET | SLOWDOWN | WEIGHTS_HELD) {
            Self::Whole
        } else if index < first + CLASSES {
            Self::Overhead
        } else if index < first + 2 * CLASSES {
            Self::Peak
        } else if index < activation_index(super::workload::ActivationEffort::ALL[0])
            || matches!(index, BEYOND_BANDWIDTH | COLD_BANDWIDTH)
        {
            Self::Bandwidth
        } else {
            Self::Peak
        }
    }
}

/// Moves a kernel's coordinates from the fewest threads to others, `ratio` times as many.
pub fn move_to_threads(coordinates: &mut [f64; COORDINATES], ratio: f64) {
    coordinates[COORDINATE] += SCALES[COORDINATE] * ratio.log2();
}

/// Coordinates as of a kernel on the fewest threads: what knows of no others sees all alike.
pub fn without_threads(mut coordinates: [f64; COORDINATES]) -> [f64; COORDINATES] {
    coordinates[COORDINATE] = 0.0;
    coordinates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::{ActivationEffort, PARAMETERS, timed_classes};

    fn logs() -> LogParameters {
        let mut logs = [0.0; PARAMETERS];
        for (index, log) in logs.iter_mut().enumerate() {
            *log = -3.0 + 0.1 * index as f64;
        }
        LogParameters(logs)
    }

    #[test]
    fn synchronisation_is_added_and_gains_multiply() {
        let effect = LogThreadEffect([-2.0, 1.1, 0.4]);
        let (one, four) = (logs(), logs().on_threads(&effect));
        assert_eq!(one.0[..2], four.0[..2]);
        for class in timed_classes() {
            let first = overhead_index(class);
            let added = four.0[first].exp() - one.0[first].exp();
            assert!((added - (-2.0f64).exp()).abs() < 1e-12);
            let gain = |offset: usize| four.0[first + offset] - one.0[first + offset];
            assert!((gain(CLASSES) - 1.1).abs() < 1e-12);
            assert!((gain(2 * CLASSES) - 0.4).abs() < 1e-12);
        }
        for effort in ActivationEffort::ALL {
            let index = activation_index(effort);
            assert!((four.0[index] - one.0[index] - 1.1).abs() < 1e-12);
        }
        let gain = |index: usize| four.0[index] - one.0[index];
        for bandwidth in [BEYOND_BANDWIDTH, COLD_BANDWIDTH] {
            assert!((gain(bandwidth) - 0.4).abs() < 1e-12);
        }
        assert_eq!([WORKING_SET, SLOWDOWN, WEIGHTS_HELD].map(gain), [0.0; 3]);
    }

    #[test]
    fn derivatives_are_differences() {
        let effect = LogThreadEffect([-2.0, 1.1, 0.4]);
        for parameter in 0..PARAMETERS {
            let derivative = logs().by_threads(parameter, &effect);
            let on = |own: f64, moved: [f64; 3]| {
                let mut logs = logs();
                logs.0[parameter] += own;
                let mut effect = effect;
                for (log, step) in effect.0.iter_mut().zip(moved) {
                    *log += step;
                }
                logs.on_threads(&effect).0[parameter]
            };
            let slope = (on(1e-5, [0.0; 3]) - on(-1e-5, [0.0; 3])) / 2e-5;
            assert!((slope - derivative.by_own).abs() < 1e-8, "{parameter}");
            for which in 0..3 {
                let mut step = [0.0; 3];
                step[which] = 1e-5;
                let slope = (on(0.0, step) - on(0.0, step.map(|s| -s))) / 2e-5;
                let expected = match derivative.by_effect {
                    Some((index, by)) if index == which => by,
                    _ => 0.0,
                };
                assert!((slope - expected).abs() < 1e-8, "{parameter} {which}");
            }
        }
    }

    #[test]
    fn effects_go_into_files_and_back() {
        let effect = LogThreadEffect([-11.0, 1.1, 0.4]);
        let back = LogThreadEffect::from(&effect.on(4));
        assert!(
            effect
                .0
                .iter()
                .zip(back.0)
                .all(|(a, b)| (a - b).abs() < 1e-12)
        );
    }

    #[test]
    fn threads_are_a_coordinate_of_their_own() {
        let mut at = [0.5; COORDINATES];
        at[COORDINATE] = 0.0;
        let one = at;
        move_to_threads(&mut at, 4.0);
        assert!(at[COORDINATE] > 0.0 && at != one);
        assert_eq!(without_threads(at), one);
        move_to_threads(&mut at, 0.25);
        assert!(at[COORDINATE].abs() < 1e-12);
    }
}
