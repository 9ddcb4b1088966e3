//! The mean of the calibrated model: roofline and overhead, class by class.
//!
//! ```text
//! mean(kernel) = overhead(class) + (compute^p + memory^p + beyond^p)^(1/p)
//! compute      = slowdown * FLOPs, channels padded / peak(class) + elements / rate(fused activation)
//! memory       = traffic / bandwidth(class)
//! beyond       = traffic beyond caches / bandwidth beyond caches
//! traffic beyond caches = traffic * traffic^4 / (traffic^4 + working set^4)
//! ```
//!
//! `p` is the roofline's sharpness: at infinity the slowest of the three rules, at 1 they add up. An activation that an engine fuses into a convolution is not free:
//! in OpenVINO, a swish took 0.55 ns an element on one core of a Xeon, more than the pointwise convolutions of EfficientNet's first blocks.
//!
//! The slowdown is that of depthwise convolutions whose channels the engine's own code for them doesn't take ([`ChannelRule`]); 1 otherwise.
//!
//! What a kernel moves is its working set. A small one is served by caches, at its class's own bandwidth; one that they don't hold comes through the memory behind
//! them as well, whose bandwidth is the platform's and no class's: a roofline with a roof for each of the two (Ilic, Pratas, Sousa: Cache-aware Roofline Model,
//! 2014). The share is a step in the working set's logarithm, a smooth one since there are several caches, and networks in which other data lies between.

use super::parameters::{
    BEYOND_BANDWIDTH, CLASSES, LogParameters, SLOWDOWN, WORKING_SET, activation_index,
    overhead_index, timed_classes,
};
use super::workload::{ActivationEffort, ChannelRule, Workload};
use crate::class::OpClass;

/// What the mean says of one kernel, with derivatives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// Overhead, in seconds; also its derivative by the logarithm of the overhead.
    pub overhead_s: f64,
    /// Arithmetic alone, in seconds.
    pub compute_s: f64,
    /// Both under the roofline, in seconds.
    pub roof_s: f64,
    /// Share of the roofline's time that is arithmetic.
    pub compute_share: f64,
    /// Share of the arithmetic that is the fused activation's.
    pub activation_share: f64,
    /// Share of the roofline's time that is traffic beyond caches.
    pub beyond_share: f64,
    /// Logarithmic derivative of that traffic by the working set that caches hold, negative.
    pub beyond_by_working_set: f64,
    /// Whether its arithmetic is slowed down.
    pub is_misaligned: bool,
    /// Derivative of the roofline's time by the logarithm of the sharpness above 1, in seconds.
    pub by_sharpness_s: f64,
    /// Traffic under the roof of the caches, and what goes past them under that of the memory behind them, in seconds.
    traffic_s: [f64; 2],
    /// The roofline's exponent.
    exponent: f64,
}

/// The parameters as the mean takes them: what each unit of work takes, in seconds. A thousand kernels share the exponentials of one set of parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Rates {
    /// One call of the engine, in seconds.
    pub inference_s: f64,
    /// What the sharpness is above 1.
    above: f64,
    /// By class; views take nothing.
    overhead_s: [f64; OpClass::ALL.len()],
    s_per_flop: [f64; OpClass::ALL.len()],
    s_per_byte: [f64; OpClass::ALL.len()],
    /// By kind of fused activation.
    s_per_element: [f64; ActivationEffort::ALL.len()],
    s_per_byte_beyond: f64,
    /// Traffic of a kernel half of which goes past the caches, in bytes.
    working_set: f64,
    slowdown: f64,
}

impl From<&LogParameters> for Rates {
    fn from(LogParameters(logs): &LogParameters) -> Self {
        let by_class = |of: &dyn Fn(usize) -> f64| {
            let mut all = [0.0; OpClass::ALL.len()];
            for class in timed_classes() {
                all[class as usize] = of(overhead_index(class));
            }
            all
        };
        Self {
            inference_s: logs[0].exp(),
            above: logs[1].exp(),
            overhead_s: by_class(&|first| logs[first].exp()),
            s_per_flop: by_class(&|first| (-logs[first + CLASSES]).exp()),
            s_per_byte: by_class(&|first| (-logs[first + 2 * CLASSES]).exp()),
            s_per_element: ActivationEffort::ALL
                .map(|effort| (-logs[activation_index(effort)]).exp()),
            s_per_byte_beyond: (-logs[BEYOND_BANDWIDTH]).exp(),
            working_set: logs[WORKING_SET].exp(),
            slowdown: logs[SLOWDOWN].exp(),
        }
    }
}

impl Rates {
    /// The mean of one kernel, for an engine with this rule for channels.
    pub fn mean(&self, work: &Workload, rule: ChannelRule) -> Mean {
        let class = work.class as usize;
        let is_misaligned = work.is_misaligned(rule);
        let slowdown = if is_misaligned { self.slowdown } else { 1.0 };
        let flops = slowdown * work.flops * work.padding[rule.quantum];
        let activation_s = work.activation.map_or(0.0, |(effort, elements)| {
            elements * self.s_per_element[effort as usize]
        });
        let compute_s = flops * self.s_per_flop[class] + activation_s;
        let beyond = Beyond::new(work.bytes, self.working_set);
        let traffic_s = [
            work.bytes * self.s_per_byte[class],
            beyond.share * work.bytes * self.s_per_byte_beyond,
        ];
        let exponent = 1.0 + self.above;
        let roof = Roof::new([compute_s, traffic_s[0], traffic_s[1]], exponent);
        Mean {
            overhead_s: self.overhead_s[class],
            compute_s,
            roof_s: roof.seconds,
            compute_share: roof.shares[0],
            beyond_share: roof.shares[2],
            activation_share: if activation_s > 0.0 {
                activation_s / compute_s
            } else {
                0.0
            },
            beyond_by_working_set: beyond.by_working_set,
            is_misaligned,
            by_sharpness_s: roof.by_exponent_s * self.above,
            traffic_s,
            exponent,
        }
    }
}

/// A smooth maximum of several times: `(sum t^p)^(1/p)`.
struct Roof<const N: usize> {
    seconds: f64,
    /// Logarithmic derivatives by the logarithms of the times.
    shares: [f64; N],
    /// Derivative by `p`, in seconds.
    by_exponent_s: f64,
}

impl<const N: usize> Roof<N> {
    fn new(times: [f64; N], p: f64) -> Self {
        let longest = times.into_iter().fold(0.0, f64::max);
        if longest <= 0.0 {
            return Self {
                seconds: 0.0,
                shares: [0.0; N],
                by_exponent_s: 0.0,
            };
        }
        // the longest is 1 to any power, and what takes no time is 0
        let logs = times.map(|time| {
            if time == longest {
                0.0
            } else {
                (time / longest).ln()
            }
        });
        let powers = logs.map(|log| if log == 0.0 { 1.0 } else { (p * log).exp() });
        let sum: f64 = powers.iter().sum();
        let finite = logs.iter().zip(&powers).filter(|(log, _)| log.is_finite());
        let by_logs = finite.map(|(log, power)| power * log).sum::<f64>() / sum;
        let log_sum = sum.ln();
        let seconds = longest * (log_sum / p).exp();
        Self {
            seconds,
            shares: powers.map(|power| power / sum),
            by_exponent_s: seconds * (by_logs - log_sum / p) / p,
        }
    }
}

impl Mean {
    /// Memory traffic alone, under the roofs of the caches and of the memory behind them, in seconds.
    pub fn memory_s(&self) -> f64 {
        Roof::new(self.traffic_s, self.exponent).seconds
    }

    /// Derivatives of the roofline's time by the logarithms of what it depends on, in seconds.
    pub fn by_rates_s(&self) -> ByRates {
        let compute_s = self.roof_s * self.compute_share;
        let beyond_s = self.roof_s * self.beyond_share;
        let flops_s = compute_s * (1.0 - self.activation_share);
        ByRates {
            peak: -flops_s,
            slowdown: if self.is_misaligned { flops_s } else { 0.0 },
            bandwidth: -self.roof_s * (1.0 - self.compute_share - self.beyond_share),
            activation: -compute_s * self.activation_share,
            beyond_bandwidth: -beyond_s,
            working_set: beyond_s * self.beyond_by_working_set,
        }
    }
}

/// Derivatives of a kernel's roofline by logarithms, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ByRates {
    /// By its class's peak.
    peak: f64,
    /// By the slowdown of what is misaligned.
    slowdown: f64,
    /// By its class's bandwidth.
    bandwidth: f64,
    /// By the rate of the activation fused into it.
    activation: f64,
    /// By the bandwidth beyond caches.
    beyond_bandwidth: f64,
    /// By the working set that caches hold.
    working_set: f64,
}

impl ByRates {
    /// Adds them, `times` over, to derivatives by all parameters.
    pub fn add_to(&self, by_parameter: &mut [f64], work: &Workload, times: f64) {
        let first = overhead_index(work.class);
        by_parameter[first + CLASSES] += times * self.peak;
        by_parameter[first + 2 * CLASSES] += times * self.bandwidth;
        if let Some((effort, _)) = work.activation {
            by_parameter[activation_index(effort)] += times * self.activation;
        }
        by_parameter[BEYOND_BANDWIDTH] += times * self.beyond_bandwidth;
        by_parameter[WORKING_SET] += times * self.working_set;
        by_parameter[SLOWDOWN] += times * self.slowdown;
    }
}

/// How much of a kernel's traffic goes past the caches.
struct Beyond {
    share: f64,
    /// Derivative of the share's logarithm by that of the working set that caches hold.
    by_working_set: f64,
}

impl Beyond {
    fn new(bytes: f64, working_set: f64) -> Self {
        let square = (working_set / bytes.max(1.0)).powi(2);
        let share = 1.0 / (1.0 + square * square);
        Self {
            share,
            by_working_set: -4.0 * (1.0 - share),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parameters::PARAMETERS;
    use super::super::parameters::tests::{activated, logs, work};
    use super::*;

    fn rates(sharpness: f64) -> Rates {
        Rates::from(&logs(sharpness))
    }

    #[test]
    fn sharpness_goes_from_a_sum_to_a_maximum() {
        // 3 us of arithmetic, 4 us of traffic
        let work = work(300e3, 40e3);
        let roof = |sharpness| rates(sharpness).mean(&work, ChannelRule::default()).roof_s;
        assert!((roof(1.0 + 1e-9) - 7e-6).abs() < 1e-12);
        assert!((roof(2.0) - 5e-6).abs() < 1e-12);
        assert!((roof(200.0) - 4e-6).abs() < 1e-9);
        assert!((rates(2.0).mean(&work, ChannelRule::default()).overhead_s - 2e-6).abs() < 1e-18);
    }

    #[test]
    fn a_fused_activation_is_arithmetic() {
        // 3 us, and 2000 elements at half of one a nanosecond
        let mean = rates(1.5).mean(&activated(300e3, 0.0), ChannelRule::default());
        assert!((mean.compute_s - 7e-6).abs() < 1e-12, "{mean:?}");
        assert!((mean.activation_share - 4.0 / 7.0).abs() < 1e-9);
    }

    #[test]
    fn large_working_sets_wait_for_the_memory_behind_the_caches() {
        // at its own bandwidth 10 byte/ns, at that behind the caches 5: half of 4 MB goes there
        let roof_s = |bytes| {
            let work = work(0.0, bytes);
            rates(200.0).mean(&work, ChannelRule::default()).roof_s
        };
        assert!((roof_s(4.2e6) / 0.46e-3 - 1.0).abs() < 5e-3);
        // far below and far above
        assert!((roof_s(40e3) / 4e-6 - 1.0).abs() < 1e-3);
        assert!((roof_s(400e6) / 80e-3 - 1.0).abs() < 1e-3);
        let mean = rates(1.5).mean(&work(0.0, 4e6), ChannelRule::default());
        let [served, beyond] = [0.4f64, 0.4].map(|time| time.powf(1.5));
        assert!((mean.beyond_share - beyond / (served + beyond)).abs() < 1e-9);
        let both = 0.4e-3 * 2f64.powf(1.0 / 1.5);
        assert!((mean.memory_s() - both).abs() < 1e-12);
    }

    #[test]
    fn depthwise_channels_that_the_engine_does_not_take_slow_it_down() {
        let depthwise = |channels_padded| Workload {
            class: OpClass::Depthwise,
            padding: [1.0, channels_padded, 1.5, 1.5, 1.5],
            ..work(300e3, 0.0)
        };
        let compute_s = |work: Workload, alignment| {
            let rule = ChannelRule {
                quantum: 0,
                alignment,
            };
            rates(1.5).mean(&work, rule).compute_s
        };
        // three times as long where 4 doesn't divide them and has to
        for (padded, alignment, us) in [(1.1, 1, 9.0), (1.0, 1, 3.0), (1.1, 0, 3.0), (1.0, 2, 9.0)]
        {
            let found = compute_s(depthwise(padded), alignment);
            assert!((1e6 * found - us).abs() < 1e-9, "{padded}, {alignment}");
        }
        let dense = Workload {
            class: OpClass::Dense,
            ..depthwise(1.1)
        };
        assert!((1e6 * compute_s(dense, 1) - 3.0).abs() < 1e-9);
    }

    #[test]
    fn derivatives_are_differences() {
        let works = [
            work(300e3, 40e3),
            work(900e3, 40e3),
            work(0.0, 40e3),
            work(1e3, 4e7),
            work(300e6, 4e6),
            work(3e6, 4e6),
            activated(300e3, 40e3),
            activated(0.0, 40e3),
            Workload {
                class: OpClass::Depthwise,
                padding: [1.0, 1.2, 1.2, 1.2, 1.2],
                ..work(300e3, 40e3)
            },
        ];
        for work in works {
            let here = logs(1.7);
            let rule = ChannelRule {
                quantum: 2,
                alignment: 1,
            };
            let mean = Rates::from(&here).mean(&work, rule);
            let by = |index: usize| {
                let roof = |step: f64| {
                    let mut moved = here.clone();
                    moved.0[index] += step;
                    Rates::from(&moved).mean(&work, rule).roof_s
                };
                (roof(1e-5) - roof(-1e-5)) / 2e-5
            };
            let near = |a: f64, b: f64| (a - b).abs() < 1e-8 * mean.roof_s.max(1e-9);
            let mut by_parameter = [0.0; PARAMETERS];
            mean.by_rates_s().add_to(&mut by_parameter, &work, 1.0);
            by_parameter[1] = mean.by_sharpness_s;
            for (index, expected) in by_parameter.into_iter().enumerate() {
                assert!(near(by(index), expected), "{index}: {expected}");
            }
        }
    }
}
