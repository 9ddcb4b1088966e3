//! Timings to fit the latency model to.

use roofnas_cost::calibration::Workload;
use roofnas_cost::{Dtype, NetworkCost, OpClass};

use super::matched::MatchedNodes;
use crate::fit::Timing;

/// How a network was run as a whole, beside its profile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WholeRun {
    /// Images at once.
    pub batch: u64,
    /// Number format.
    pub dtype: Dtype,
    /// Number of the measuring run: timings of one run share an offset.
    pub run: usize,
    /// How many repetitions the figures stand for, relative to those of other networks.
    pub repeats: f64,
    /// Seconds of the whole network, measured without the profiler.
    pub whole_s: f64,
    /// Seconds of one call of the engine, whatever the network: its nodes take the rest.
    pub call_s: f64,
}

/// Kernels below this many seconds give no timing of their own: profilers count in whole microseconds and start clocks of their own, which
/// makes errors of a microsecond, a fifth of this.
pub const LEAST_KERNEL_S: f64 = 5e-6;

/// What node seconds are multiplied by, so that they add up to what the network takes without the profiler. None where the figures can't
/// be: no nodes, or nothing left of the whole.
pub fn node_scale(matched: &MatchedNodes, whole: &WholeRun) -> Option<f64> {
    let scale = (whole.whole_s - whole.call_s) / matched.total_s;
    (scale.is_finite() && scale > 0.0).then_some(scale)
}

/// One timing for each distinct kernel with a node (equal ones are one, with their mean and the repetitions of all), then that of the
/// whole network.
///
/// What kernels take is scaled by [`node_scale`]. Left out are kernels below [`LEAST_KERNEL_S`], which the whole still has.
pub fn timings(cost: &NetworkCost, matched: &MatchedNodes, whole: &WholeRun) -> Vec<Timing> {
    let scale = node_scale(matched, whole);
    let mut groups: Vec<(Workload, f64)> = Vec::new();
    for (kernel, seconds) in cost.kernels.iter().zip(&matched.kernels) {
        let (Some(seconds), Some(scale)) = (*seconds, scale) else {
            continue;
        };
        if kernel.class == OpClass::View || seconds < LEAST_KERNEL_S {
            continue;
        }
        let work = Workload::new(kernel, whole.batch, whole.dtype);
        match groups.iter_mut().find(|(known, _)| known.is_same(&work)) {
            Some((known, sum)) => {
                known.count += 1.0;
                *sum += scale * seconds;
            }
            None => groups.push((work, scale * seconds)),
        }
    }
    let kernel = |(work, sum): (Workload, f64)| Timing {
        works: vec![Workload { count: 1.0, ..work }],
        latency_ms: 1e3 * sum / work.count,
        is_call: false,
        run: whole.run,
        repeats: whole.repeats * work.count,
    };
    let mut timings: Vec<Timing> = groups.into_iter().map(kernel).collect();
    timings.push(Timing {
        works: Workload::of_network(cost, whole.batch, whole.dtype),
        latency_ms: 1e3 * whole.whole_s,
        is_call: true,
        run: whole.run,
        repeats: whole.repeats,
    });
    timings
}
