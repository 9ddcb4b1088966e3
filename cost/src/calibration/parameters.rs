//! The mean of the calibrated model: roofline and overhead, class by class.
//!
//! ```text
//! mean(kernel) = overhead(class) + (compute^p + memory^p)^(1/p)
//! compute      = FLOPs, channels padded / peak(class) + elements / rate(fused activation),   memory = traffic / bandwidth(class)
//! ```
//!
//! `p` is the roofline's sharpness: at infinity the slower of the two rules, at 1 they add up. An activation that an engine fuses into a convolution is not free:
//! in OpenVINO, a swish took 0.55 ns an element on one core of a Xeon, more than the pointwise convolutions of EfficientNet's first blocks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::threads::{THREAD_PARAMETERS, ThreadEffect};
use super::workload::{ActivationEffort, Workload};
use crate::class::OpClass;

/// Classes that take time.
pub const CLASSES: usize = OpClass::ALL.len() - 1;

/// Parameters of profiles that know nothing of fused activations.
const WITHOUT_ACTIVATIONS: usize = 2 + 3 * CLASSES;

/// Number of parameters: inference constant and sharpness, then overhead, peak and bandwidth of each class, then the rate of each kind of fused activation.
pub const PARAMETERS: usize = WITHOUT_ACTIVATIONS + ActivationEffort::ALL.len();

/// The mean's parameters. In files by name and unit; in computations as logarithms in a fixed order, since all of them are positive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// One call of the engine, in microseconds.
    pub inference_us: f64,
    /// The roofline's exponent, above 1.
    pub sharpness: f64,
    /// Overhead of one kernel, in microseconds.
    pub overhead_us: BTreeMap<OpClass, f64>,
    /// Arithmetic rate reached, in 10^9 FLOP/s.
    pub peak_gflops: BTreeMap<OpClass, f64>,
    /// Bandwidth reached, in 10^9 byte/s.
    pub bandwidth_gb_s: BTreeMap<OpClass, f64>,
    /// Rate of activations that are fused into another kernel, in 10^9 elements/s: of all kinds, or of none in profiles that take them to cost nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub activation_gelements_s: BTreeMap<ActivationEffort, f64>,
    /// What each number of threads beyond the fewest changes, ascending; all the others are on the fewest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_threads: Vec<ThreadEffect>,
}

/// The parameters as logarithms of seconds, of FLOP/s, of byte/s and of elements/s, and of the sharpness above 1. The rate of what costs nothing is infinite.
#[derive(Debug, Clone, PartialEq)]
pub struct LogParameters(pub [f64; PARAMETERS]);

/// Where a class's overhead stands; `+ CLASSES` its peak, `+ 2 CLASSES` its bandwidth.
pub const fn overhead_index(class: OpClass) -> usize {
    2 + class as usize
}

/// Where the rate of a kind of fused activation stands.
pub const fn activation_index(effort: ActivationEffort) -> usize {
    WITHOUT_ACTIVATIONS + effort as usize
}

/// What the mean says of one kernel, with derivatives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// Overhead, in seconds; also its derivative by the logarithm of the overhead.
    pub overhead_s: f64,
    /// Arithmetic alone, in seconds.
    pub compute_s: f64,
    /// Memory traffic alone, in seconds.
    pub memory_s: f64,
    /// Both under the roofline, in seconds.
    pub roof_s: f64,
    /// Share of the roofline's time that is arithmetic.
    pub compute_share: f64,
    /// Share of the arithmetic that is the fused activation's.
    pub activation_share: f64,
    /// Derivative of the roofline's time by the logarithm of the sharpness above 1, in seconds.
    pub by_sharpness_s: f64,
}

impl LogParameters {
    /// The mean of one kernel. `quantum`: which of [`QUANTA`](super::QUANTA) channels are padded to.
    pub fn mean(&self, work: &Workload, quantum: usize) -> Mean {
        let first = overhead_index(work.class);
        let flops_s = work.flops * work.padding[quantum] * (-self.0[first + CLASSES]).exp();
        let activation_s = work.activation.map_or(0.0, |(effort, elements)| {
            elements * (-self.0[activation_index(effort)]).exp()
        });
        let compute_s = flops_s + activation_s;
        let memory_s = work.bytes * (-self.0[first + 2 * CLASSES]).exp();
        let above = self.0[1].exp();
        let p = 1.0 + above;
        let (longer, shorter) = if compute_s > memory_s {
            (compute_s, memory_s)
        } else {
            (memory_s, compute_s)
        };
        let mut mean = Mean {
            overhead_s: self.0[first].exp(),
            compute_s,
            memory_s,
            roof_s: longer,
            compute_share: if compute_s > memory_s { 1.0 } else { 0.0 },
            activation_share: if activation_s > 0.0 {
                activation_s / compute_s
            } else {
                0.0
            },
            by_sharpness_s: 0.0,
        };
        if shorter > 0.0 {
            let log_ratio = (shorter / longer).ln();
            let power = (p * log_ratio).exp();
            let sum = 1.0 + power;
            mean.roof_s = longer * sum.powf(1.0 / p);
            mean.compute_share = if compute_s > memory_s { 1.0 } else { power } / sum;
            let by_p = (power * log_ratio / sum - sum.ln() / p) / p;
            mean.by_sharpness_s = mean.roof_s * by_p * above;
        }
        mean
    }
}

impl Mean {
    /// Derivatives of the roofline's time by the logarithms of the class's peak and bandwidth and of the activation's rate, in seconds.
    pub fn by_rates_s(&self) -> [f64; 3] {
        let compute_s = self.roof_s * self.compute_share;
        [
            -compute_s * (1.0 - self.activation_share),
            -self.roof_s * (1.0 - self.compute_share),
            -compute_s * self.activation_share,
        ]
    }
}

impl From<&Parameters> for LogParameters {
    fn from(parameters: &Parameters) -> Self {
        let mut logs = [0.0; PARAMETERS];
        for effort in ActivationEffort::ALL {
            let rate = parameters.activation_gelements_s.get(&effort);
            logs[activation_index(effort)] = rate.map_or(f64::INFINITY, |rate| (1e9 * rate).ln());
        }
        logs[0] = (1e-6 * parameters.inference_us).ln();
        logs[1] = (parameters.sharpness - 1.0).ln();
        for class in timed_classes() {
            let first = overhead_index(class);
            logs[first] = (1e-6 * parameters.overhead_us[&class]).ln();
            logs[first + CLASSES] = (1e9 * parameters.peak_gflops[&class]).ln();
            logs[first + 2 * CLASSES] = (1e9 * parameters.bandwidth_gb_s[&class]).ln();
        }
        Self(logs)
    }
}

impl From<&LogParameters> for Parameters {
    fn from(LogParameters(logs): &LogParameters) -> Self {
        let by_class = |offset: usize, unit: f64| {
            let value = |class| (class, (logs[overhead_index(class) + offset]).exp() * unit);
            timed_classes().map(value).collect()
        };
        Self {
            inference_us: 1e6 * logs[0].exp(),
            sharpness: 1.0 + logs[1].exp(),
            overhead_us: by_class(0, 1e6),
            peak_gflops: by_class(CLASSES, 1e-9),
            bandwidth_gb_s: by_class(2 * CLASSES, 1e-9),
            activation_gelements_s: ActivationEffort::ALL
                .into_iter()
                .map(|effort| (effort, 1e-9 * logs[activation_index(effort)].exp()))
                .filter(|(_, rate)| rate.is_finite())
                .collect(),
            more_threads: Vec::new(),
        }
    }
}

impl Parameters {
    /// How many there are in this file, effects of threads included.
    pub(crate) fn count_all(&self) -> usize {
        self.count() + THREAD_PARAMETERS * self.more_threads.len()
    }

    /// How many there are in this file but for effects of threads: all of them, or all but the rates of activations.
    pub fn count(&self) -> usize {
        if self.activation_gelements_s.is_empty() {
            WITHOUT_ACTIVATIONS
        } else {
            PARAMETERS
        }
    }

    /// The rows of a lower triangle over this file's parameters and more, as one over all parameters: what costs nothing does so for certain.
    pub(crate) fn widened(&self, rows: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
        let missing = PARAMETERS - self.count();
        let mut wide = Vec::with_capacity(rows.len() + missing);
        for mut row in rows {
            if row.len() == WITHOUT_ACTIVATIONS + 1 {
                wide.extend((0..missing).map(|more| vec![0.0; WITHOUT_ACTIVATIONS + 1 + more]));
            }
            if row.len() > WITHOUT_ACTIVATIONS {
                row.splice(WITHOUT_ACTIVATIONS..WITHOUT_ACTIVATIONS, vec![0.0; missing]);
            }
            wide.push(row);
        }
        wide.extend((wide.len()..PARAMETERS).map(|length| vec![0.0; length + 1]));
        wide
    }

    /// Every number by the key it has in files.
    pub(crate) fn by_key(&self) -> impl Iterator<Item = (String, f64)> {
        let tables = [
            ("overhead_us", &self.overhead_us),
            ("peak_gflops", &self.peak_gflops),
            ("bandwidth_gb_s", &self.bandwidth_gb_s),
        ];
        let single = [
            ("inference_us".to_owned(), self.inference_us),
            ("sharpness".to_owned(), self.sharpness),
        ];
        let by_class = tables.into_iter().flat_map(|(key, table)| {
            timed_classes().map(move |class| {
                // a class that is absent is as wrong as a number that can't be
                let number = table.get(&class).copied().unwrap_or(f64::NAN);
                (format!("{key}.{class}"), number)
            })
        });
        let activations = ActivationEffort::ALL
            .into_iter()
            .filter(|_| self.count() == PARAMETERS);
        let activations = activations.map(|effort| {
            let rate = self.activation_gelements_s.get(&effort).copied();
            let key = format!("activation_gelements_s.{}", effort.name());
            (key, rate.unwrap_or(f64::NAN))
        });
        let threads = self.more_threads.iter().flat_map(|effect| {
            let of = |key| format!("more_threads.{}.{key}", effect.threads);
            [
                (of("synchronisation_us"), effect.synchronisation_us),
                (of("peak_gain"), effect.peak_gain),
                (of("bandwidth_gain"), effect.bandwidth_gain),
            ]
        });
        let single = single.into_iter().chain(by_class);
        single.chain(activations).chain(threads)
    }
}

/// Classes that take time, in the order of the parameters.
pub fn timed_classes() -> impl Iterator<Item = OpClass> {
    OpClass::ALL
        .into_iter()
        .filter(|&class| class != OpClass::View)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(sharpness: f64) -> LogParameters {
        let everywhere = |value: f64| timed_classes().map(|class| (class, value)).collect();
        LogParameters::from(&Parameters {
            inference_us: 50.0,
            sharpness,
            overhead_us: everywhere(2.0),
            peak_gflops: everywhere(100.0),
            bandwidth_gb_s: everywhere(10.0),
            activation_gelements_s: ActivationEffort::ALL.map(|effort| (effort, 0.5)).into(),
            more_threads: Vec::new(),
        })
    }

    fn work(flops: f64, bytes: f64) -> Workload {
        Workload {
            class: OpClass::Dense,
            flops,
            bytes,
            coordinates: [0.0; crate::calibration::COORDINATES],
            padding: [1.0; 5],
            activation: None,
            count: 1.0,
        }
    }

    fn activated(flops: f64, bytes: f64) -> Workload {
        Workload {
            activation: Some((ActivationEffort::Exponential, 2000.0)),
            ..work(flops, bytes)
        }
    }

    #[test]
    fn classes_have_places_of_their_own() {
        let places: Vec<usize> = timed_classes().map(overhead_index).collect();
        assert_eq!(places, (2..2 + CLASSES).collect::<Vec<_>>());
        let last = ActivationEffort::ALL.map(activation_index);
        assert_eq!(last, [2, 3, 4, 5].map(|place| 3 * CLASSES + place));
    }

    #[test]
    fn files_and_logarithms_say_the_same() {
        let logs = logs(1.5);
        let back = LogParameters::from(&Parameters::from(&logs));
        assert!(
            logs.0
                .iter()
                .zip(back.0)
                .all(|(a, b)| (a - b).abs() < 1e-12)
        );
    }

    #[test]
    fn sharpness_goes_from_a_sum_to_a_maximum() {
        // 3 us of arithmetic, 4 us of traffic
        let work = work(300e3, 40e3);
        let roof = |sharpness| logs(sharpness).mean(&work, 0).roof_s;
        assert!((roof(1.0 + 1e-9) - 7e-6).abs() < 1e-12);
        assert!((roof(2.0) - 5e-6).abs() < 1e-12);
        assert!((roof(200.0) - 4e-6).abs() < 1e-9);
        assert!((logs(2.0).mean(&work, 0).overhead_s - 2e-6).abs() < 1e-18);
    }

    #[test]
    fn a_fused_activation_is_arithmetic() {
        // 3 us, and 2000 elements at half of one a nanosecond
        let mean = logs(1.5).mean(&activated(300e3, 0.0), 0);
        assert!((mean.compute_s - 7e-6).abs() < 1e-12, "{mean:?}");
        assert!((mean.activation_share - 4.0 / 7.0).abs() < 1e-9);
    }

    #[test]
    fn profiles_without_rates_take_activations_to_cost_nothing() {
        let mut old = Parameters::from(&logs(1.5));
        old.activation_gelements_s.clear();
        let free = LogParameters::from(&old);
        assert_eq!(Parameters::from(&free).activation_gelements_s.len(), 0);
        let with = free.mean(&activated(300e3, 40e3), 0);
        assert_eq!(with, free.mean(&work(300e3, 40e3), 0));
        assert_eq!(with.by_rates_s()[2], 0.0);
        // a triangle of theirs, with a row more
        let rows: Vec<Vec<f64>> = (0..=WITHOUT_ACTIVATIONS)
            .map(|row| {
                (0..=row)
                    .map(|column| (100 * row + column) as f64)
                    .collect()
            })
            .collect();
        let wide = old.widened(rows.clone());
        assert_eq!(wide.len(), PARAMETERS + 1);
        assert!(
            wide.iter()
                .enumerate()
                .all(|(row, numbers)| numbers.len() == row + 1)
        );
        assert_eq!(wide[..WITHOUT_ACTIVATIONS], rows[..WITHOUT_ACTIVATIONS]);
        for effort in ActivationEffort::ALL {
            let index = activation_index(effort);
            assert!(wide[index].iter().all(|number| *number == 0.0));
            assert_eq!(wide[PARAMETERS][index], 0.0);
        }
        let own = &rows[WITHOUT_ACTIVATIONS];
        assert_eq!(
            wide[PARAMETERS][..WITHOUT_ACTIVATIONS],
            own[..WITHOUT_ACTIVATIONS]
        );
        assert_eq!(wide[PARAMETERS].last(), own.last());
        // without a row more, and of a file that has rates
        assert_eq!(
            old.widened(rows[..WITHOUT_ACTIVATIONS].to_vec()).len(),
            PARAMETERS
        );
        let new = Parameters::from(&logs(1.5));
        assert_eq!(new.widened(wide.clone()), wide);
    }

    #[test]
    fn derivatives_are_differences() {
        let works = [
            work(300e3, 40e3),
            work(900e3, 40e3),
            work(0.0, 40e3),
            work(1e3, 4e7),
            activated(300e3, 40e3),
            activated(0.0, 40e3),
        ];
        for work in works {
            let here = logs(1.7);
            let mean = here.mean(&work, 0);
            let by = |index: usize| {
                let roof = |step: f64| {
                    let mut moved = here.clone();
                    moved.0[index] += step;
                    moved.mean(&work, 0).roof_s
                };
                (roof(1e-5) - roof(-1e-5)) / 2e-5
            };
            let first = overhead_index(work.class);
            let near = |a: f64, b: f64| (a - b).abs() < 1e-8 * mean.roof_s.max(1e-9);
            let [by_peak, by_bandwidth, by_rate] = mean.by_rates_s();
            assert!(near(by(first + CLASSES), by_peak));
            assert!(near(by(first + 2 * CLASSES), by_bandwidth));
            let rate = activation_index(ActivationEffort::Exponential);
            assert!(near(by(rate), by_rate));
            assert!(near(by(1), mean.by_sharpness_s));
        }
    }
}
