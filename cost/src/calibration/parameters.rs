//! The parameters of the calibrated model's mean: in files by name and unit, in computations as logarithms.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::threads::{THREAD_PARAMETERS, ThreadEffect};
use super::workload::ActivationEffort;
use crate::class::OpClass;

/// Classes that take time.
pub const CLASSES: usize = OpClass::ALL.len() - 1;

/// Where the rates of fused activations begin: after what every profile has.
const ACTIVATIONS: usize = 2 + 3 * CLASSES;

/// Where the logarithm of the bandwidth beyond caches stands.
pub const BEYOND_BANDWIDTH: usize = ACTIVATIONS + ActivationEffort::ALL.len();

/// Where the logarithm of the working set stands of whose traffic half goes past the caches.
pub const WORKING_SET: usize = BEYOND_BANDWIDTH + 1;

/// Where the logarithm of the slowdown of misaligned depthwise convolutions stands.
pub const SLOWDOWN: usize = WORKING_SET + 1;

/// Where the logarithm of the bandwidth of cold weights stands.
pub const COLD_BANDWIDTH: usize = SLOWDOWN + 1;

/// Where the logarithm of the weights stands that caches hold from one inference to the next.
pub const WEIGHTS_HELD: usize = COLD_BANDWIDTH + 1;

/// Number of parameters: inference constant and sharpness, then overhead, peak and bandwidth of each class, then the rate of each kind of fused activation, then
/// bandwidth and working set of what goes past the caches, then the slowdown of what is misaligned, then bandwidth of cold weights and what caches hold of them.
pub const PARAMETERS: usize = WEIGHTS_HELD + 1;

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
    /// Rate of activations that are fused into another kernel, and of powers wherever they stand, in 10^9 elements/s: of all kinds, or of none in profiles that take them to cost
    /// nothing. Earlier versions took two comparisons for one, and powers to cost nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub activation_gelements_s: BTreeMap<ActivationEffort, f64>,
    /// What traffic waits for that no cache serves; nothing in profiles that take all of it to be served alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond_caches: Option<BeyondCaches>,
    /// What the arithmetic of depthwise convolutions is multiplied by whose channels are no multiple of the component's `channel_alignment`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub misaligned_slowdown: Option<f64>,
    /// What weights wait for that caches don't hold from one inference to the next; nothing in profiles that take them to be served as other traffic is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold_weights: Option<ColdWeightFigures>,
    /// What each number of threads beyond the fewest changes, ascending; all the others are on the fewest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_threads: Vec<ThreadEffect>,
}

/// The memory behind the caches, as a kernel's traffic meets it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeyondCaches {
    /// Its bandwidth, in 10^9 byte/s: a roof of its own for what goes past the caches.
    pub bandwidth_gb_s: f64,
    /// Traffic of a kernel half of which goes past the caches, in 10^6 byte.
    pub working_set_mb: f64,
}

/// What cold weights take, beside what their traffic takes as if caches held them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColdWeightFigures {
    /// Cold weights over the seconds that they add, in 10^9 byte/s: no memory's bandwidth, since the traffic has been counted already.
    pub bandwidth_gb_s: f64,
    /// Weights that caches hold from one inference to the next, in 10^6 byte.
    pub held_mb: f64,
}

/// The parameters as logarithms of seconds, of FLOP/s, of byte/s, of elements/s and of bytes, and of the sharpness above 1. The rate of what costs nothing is infinite.
#[derive(Debug, Clone, PartialEq)]
pub struct LogParameters(pub [f64; PARAMETERS]);

/// Where a class's overhead stands; `+ CLASSES` its peak, `+ 2 CLASSES` its bandwidth.
pub const fn overhead_index(class: OpClass) -> usize {
    2 + class as usize
}

/// Where the rate of a kind of fused activation stands.
pub const fn activation_index(effort: ActivationEffort) -> usize {
    ACTIVATIONS + effort as usize
}

impl From<&Parameters> for LogParameters {
    fn from(parameters: &Parameters) -> Self {
        let mut logs = [0.0; PARAMETERS];
        for effort in ActivationEffort::ALL {
            let rates = &parameters.activation_gelements_s;
            let rate = rates
                .get(&effort)
                .or_else(|| rates.get(&taken_for(effort)?));
            logs[activation_index(effort)] = rate.map_or(f64::INFINITY, |rate| (1e9 * rate).ln());
        }
        logs[SLOWDOWN] = parameters.misaligned_slowdown.map_or(0.0, f64::ln);
        let beyond = parameters.beyond_caches.as_ref();
        logs[BEYOND_BANDWIDTH] =
            beyond.map_or(f64::INFINITY, |beyond| (1e9 * beyond.bandwidth_gb_s).ln());
        logs[WORKING_SET] =
            beyond.map_or(f64::INFINITY, |beyond| (1e6 * beyond.working_set_mb).ln());
        let cold = parameters.cold_weights.as_ref();
        logs[COLD_BANDWIDTH] = cold.map_or(f64::INFINITY, |cold| (1e9 * cold.bandwidth_gb_s).ln());
        logs[WEIGHTS_HELD] = cold.map_or(f64::INFINITY, |cold| (1e6 * cold.held_mb).ln());
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
            beyond_caches: Some(BeyondCaches {
                bandwidth_gb_s: 1e-9 * logs[BEYOND_BANDWIDTH].exp(),
                working_set_mb: 1e-6 * logs[WORKING_SET].exp(),
            })
            .filter(|beyond| {
                beyond.bandwidth_gb_s.is_finite() && beyond.working_set_mb.is_finite()
            }),
            misaligned_slowdown: Some(logs[SLOWDOWN].exp()),
            cold_weights: Some(ColdWeightFigures {
                bandwidth_gb_s: 1e-9 * logs[COLD_BANDWIDTH].exp(),
                held_mb: 1e-6 * logs[WEIGHTS_HELD].exp(),
            })
            .filter(|cold| cold.bandwidth_gb_s.is_finite() && cold.held_mb.is_finite()),
            more_threads: Vec::new(),
        }
    }
}

/// The kind of activation that earlier versions took this one for; nothing where they took it for free.
const fn taken_for(effort: ActivationEffort) -> Option<ActivationEffort> {
    match effort {
        ActivationEffort::TwoComparisons => Some(ActivationEffort::Comparison),
        ActivationEffort::Power => None,
        other => Some(other),
    }
}

impl Parameters {
    /// Takes these numbers for what it has, but for effects of threads.
    pub(crate) fn set(&mut self, logs: &LogParameters) {
        let all = Self::from(logs);
        let has = |effort: &ActivationEffort| self.activation_gelements_s.contains_key(effort);
        let rates = all.activation_gelements_s.into_iter();
        *self = Self {
            activation_gelements_s: rates.filter(|(effort, _)| has(effort)).collect(),
            beyond_caches: self.beyond_caches.and(all.beyond_caches),
            misaligned_slowdown: self.misaligned_slowdown.and(all.misaligned_slowdown),
            cold_weights: self.cold_weights.and(all.cold_weights),
            more_threads: std::mem::take(&mut self.more_threads),
            ..all
        };
    }

    /// How many there are in this file, effects of threads included.
    pub(crate) fn count_all(&self) -> usize {
        self.present().count() + THREAD_PARAMETERS * self.more_threads.len()
    }

    /// Places, among all parameters, of those that this file has but for effects of threads, ascending: earlier versions knew fewer.
    pub fn present(&self) -> impl Iterator<Item = usize> {
        let efforts = ActivationEffort::ALL.into_iter();
        let rates = efforts.filter(|effort| self.activation_gelements_s.contains_key(effort));
        let beyond = self.beyond_caches.map(|_| [BEYOND_BANDWIDTH, WORKING_SET]);
        let cold = self.cold_weights.map(|_| [COLD_BANDWIDTH, WEIGHTS_HELD]);
        (0..ACTIVATIONS)
            .chain(rates.map(activation_index))
            .chain(beyond.into_iter().flatten())
            .chain(self.misaligned_slowdown.map(|_| SLOWDOWN))
            .chain(cold.into_iter().flatten())
    }

    /// The rows of a lower triangle over this file's parameters and more, as one over all parameters and more: what costs nothing does so for certain, and what is
    /// taken for something else is as uncertain as that.
    pub(crate) fn widened(&self, rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let places: Vec<usize> = self
            .present()
            .chain(PARAMETERS..)
            .take(rows.len())
            .collect();
        let more = rows.len().saturating_sub(self.present().count());
        let mut wide: Vec<Vec<f64>> = (1..=PARAMETERS + more)
            .map(|length| vec![0.0; length])
            .collect();
        for (row, &place) in rows.iter().zip(&places) {
            for (number, &column) in row.iter().zip(&places) {
                wide[place][column] = *number;
            }
        }
        for effort in ActivationEffort::ALL {
            let Some(other) = taken_for(effort).map(activation_index) else {
                continue;
            };
            let own = activation_index(effort);
            if other < own && !places.contains(&own) {
                let row = wide[other].clone();
                wide[own][..row.len()].copy_from_slice(&row);
            }
        }
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
        let rates = &self.activation_gelements_s;
        let activations = ActivationEffort::ALL.into_iter().filter(|effort| {
            let is_optional = taken_for(*effort) != Some(*effort);
            !rates.is_empty() && (!is_optional || rates.contains_key(effort))
        });
        let activations = activations.map(|effort| {
            let rate = self.activation_gelements_s.get(&effort).copied();
            let key = format!("activation_gelements_s.{}", effort.name());
            (key, rate.unwrap_or(f64::NAN))
        });
        let beyond = self.beyond_caches.iter().flat_map(|beyond| {
            let of = |key| format!("beyond_caches.{key}");
            [
                (of("bandwidth_gb_s"), beyond.bandwidth_gb_s),
                (of("working_set_mb"), beyond.working_set_mb),
            ]
        });
        let cold = self.cold_weights.iter().flat_map(|cold| {
            let of = |key| format!("cold_weights.{key}");
            [
                (of("bandwidth_gb_s"), cold.bandwidth_gb_s),
                (of("held_mb"), cold.held_mb),
            ]
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
        let slowdown = self.misaligned_slowdown;
        let slowdown = slowdown.map(|slowdown| ("misaligned_slowdown".to_owned(), slowdown));
        let physics = single.chain(activations).chain(beyond);
        physics.chain(slowdown).chain(cold).chain(threads)
    }
}

/// Classes that take time, in the order of the parameters.
pub fn timed_classes() -> impl Iterator<Item = OpClass> {
    OpClass::ALL
        .into_iter()
        .filter(|&class| class != OpClass::View)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::calibration::{ChannelRule, ColdWeights, Rates, Workload};

    pub(crate) fn logs(sharpness: f64) -> LogParameters {
        let everywhere = |value: f64| timed_classes().map(|class| (class, value)).collect();
        LogParameters::from(&Parameters {
            inference_us: 50.0,
            sharpness,
            overhead_us: everywhere(2.0),
            peak_gflops: everywhere(100.0),
            bandwidth_gb_s: everywhere(10.0),
            activation_gelements_s: ActivationEffort::ALL.map(|effort| (effort, 0.5)).into(),
            beyond_caches: Some(BeyondCaches {
                bandwidth_gb_s: 5.0,
                working_set_mb: 4.0,
            }),
            misaligned_slowdown: Some(3.0),
            cold_weights: Some(ColdWeightFigures {
                bandwidth_gb_s: 20.0,
                held_mb: 10.0,
            }),
            more_threads: Vec::new(),
        })
    }

    pub(crate) fn work(flops: f64, bytes: f64) -> Workload {
        Workload {
            class: OpClass::Dense,
            flops,
            bytes,
            weights: 0.0,
            coordinates: [0.0; crate::calibration::COORDINATES],
            padding: [1.0; 5],
            activation: None,
            count: 1.0,
        }
    }

    pub(crate) fn activated(flops: f64, bytes: f64) -> Workload {
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
        assert_eq!(last, [2, 3, 4, 5, 6, 7].map(|place| 3 * CLASSES + place));
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
    fn profiles_that_know_nothing_of_rates_and_caches_take_them_to_cost_nothing() {
        let mut old = Parameters::from(&logs(1.5));
        old.activation_gelements_s.clear();
        old.beyond_caches = None;
        old.misaligned_slowdown = None;
        old.cold_weights = None;
        let free = LogParameters::from(&old);
        let mut back = old.clone();
        back.set(&free);
        assert_eq!(
            (
                back.present().count(),
                back.beyond_caches,
                back.cold_weights
            ),
            (ACTIVATIONS, None, None)
        );
        let rule = ChannelRule {
            alignment: 1,
            ..ChannelRule::default()
        };
        let misaligned = Workload {
            class: OpClass::Depthwise,
            padding: [1.0, 1.5, 1.5, 1.5, 1.5],
            ..activated(300e3, 40e6)
        };
        let plain = Workload {
            activation: None,
            padding: [1.0; 5],
            ..misaligned
        };
        let rates = Rates::from(&free);
        let (with, without) = (rates.mean(&misaligned, rule), rates.mean(&plain, rule));
        assert_eq!(ColdWeights::from(&free), ColdWeights::NONE);
        assert_eq!(with.roof_s, without.roof_s);
        assert!((with.memory_s() - 4e-3).abs() < 1e-15);
        let mut by_parameter = [0.0; PARAMETERS];
        with.by_rates_s()
            .add_to(&mut by_parameter, &misaligned, 1.0);
        assert!(
            by_parameter[ACTIVATIONS..SLOWDOWN]
                .iter()
                .all(|by| *by == 0.0)
        );
    }

    #[test]
    fn earlier_profiles_take_a_relu6_for_a_relu() {
        let mut old = Parameters::from(&logs(1.5));
        let key = ActivationEffort::TwoComparisons;
        old.activation_gelements_s.remove(&key);
        old.activation_gelements_s
            .insert(ActivationEffort::Comparison, 7.0);
        let logs = LogParameters::from(&old);
        let [one, two] =
            [ActivationEffort::Comparison, key].map(|effort| logs.0[activation_index(effort)]);
        assert_eq!(one, two);
        assert!(
            old.by_key()
                .all(|(key, _)| !key.contains("two_comparisons"))
        );
        assert!(!old.present().any(|place| place == activation_index(key)));
    }

    #[test]
    fn triangles_of_files_have_gaps_where_they_know_nothing() {
        let new = Parameters::from(&logs(1.5));
        let warm = Parameters {
            cold_weights: None,
            ..new.clone()
        };
        let aligned = Parameters {
            misaligned_slowdown: None,
            ..warm.clone()
        };
        let without_caches = Parameters {
            beyond_caches: None,
            ..aligned.clone()
        };
        let two = ActivationEffort::TwoComparisons;
        let power = ActivationEffort::Power;
        let mut of_four_rates = without_caches.clone();
        of_four_rates
            .activation_gelements_s
            .retain(|effort, _| ![two, power].contains(effort));
        let mut without_powers = new.clone();
        without_powers.activation_gelements_s.remove(&power);
        let oldest = Parameters {
            activation_gelements_s: BTreeMap::new(),
            ..without_caches.clone()
        };
        let number = |row: usize, column: usize| (1 + 100 * row + column) as f64;
        for (file, missing) in [
            (oldest, Vec::from_iter(ACTIVATIONS..PARAMETERS)),
            (
                of_four_rates,
                vec![
                    activation_index(two),
                    activation_index(power),
                    BEYOND_BANDWIDTH,
                    WORKING_SET,
                    SLOWDOWN,
                    COLD_BANDWIDTH,
                    WEIGHTS_HELD,
                ],
            ),
            (
                without_caches,
                vec![
                    BEYOND_BANDWIDTH,
                    WORKING_SET,
                    SLOWDOWN,
                    COLD_BANDWIDTH,
                    WEIGHTS_HELD,
                ],
            ),
            (without_powers, vec![activation_index(power)]),
            (aligned, vec![SLOWDOWN, COLD_BANDWIDTH, WEIGHTS_HELD]),
            (warm, vec![COLD_BANDWIDTH, WEIGHTS_HELD]),
            (
                Parameters {
                    misaligned_slowdown: None,
                    ..new.clone()
                },
                vec![SLOWDOWN],
            ),
            (new, Vec::new()),
        ] {
            let places: Vec<usize> = (0..PARAMETERS + 2)
                .filter(|place| !missing.contains(place))
                .collect();
            assert!(
                file.present()
                    .eq(places[..places.len() - 2].iter().copied())
            );
            // two weights of the residual behind the parameters
            let rows: Vec<Vec<f64>> = (0..places.len())
                .map(|row| (0..=row).map(|column| number(row, column)).collect())
                .collect();
            let wide = file.widened(&rows);
            assert_eq!(wide.len(), PARAMETERS + 2);
            for (row, numbers) in wide.iter().enumerate() {
                assert_eq!(numbers.len(), row + 1);
                // a relu6 of four rates is as uncertain as a relu
                let taken = match missing.len() {
                    7 if row == activation_index(two) => {
                        activation_index(ActivationEffort::Comparison)
                    }
                    _ => row,
                };
                for (column, found) in numbers.iter().enumerate() {
                    let place = |index: usize| places.iter().position(|&place| place == index);
                    let expected = place(taken).zip(place(column));
                    let expected = expected.filter(|(row, column)| column <= row);
                    let expected = expected.map_or(0.0, |(row, column)| number(row, column));
                    assert_eq!(*found, expected, "{missing:?}: {row}, {column}");
                }
            }
            let without_weights = file.widened(&rows[..rows.len() - 2]);
            assert_eq!(without_weights.len(), PARAMETERS);
        }
    }
}
