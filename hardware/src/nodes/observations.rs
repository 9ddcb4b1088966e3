//! Timings to fit the latency model to.

use std::collections::BTreeMap;

use roofnas_cost::calibration::Workload;
use roofnas_cost::{Dtype, NetworkCost, OpClass};

use super::causes::Causes;
use super::correction::ProfilerCorrection;
use super::matched::MatchedNodes;
use crate::fit::Timing;

/// How a network was run as a whole, beside its profile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WholeRun {
    /// Images at once.
    pub batch: u64,
    /// Number format.
    pub dtype: Dtype,
    /// Threads of the engine.
    pub threads: u32,
    /// Number of the measuring run: timings of one run share an offset.
    pub run: usize,
    /// How many repetitions the figures stand for, relative to those of other networks.
    pub repeats: f64,
    /// Seconds of the whole network, measured without the profiler.
    pub whole_s: f64,
    /// Seconds of one call of the engine, whatever the network: its nodes take the rest.
    pub call_s: f64,
    /// Seconds that the profiler takes for each node, where many networks say ([`node_overhead`](super::node_overhead)): worked out from this network alone otherwise.
    pub node_overhead_s: Option<f64>,
}

/// Kernels below this many seconds give no timing of their own, but one with all others of their class. ONNX Runtime's profiler cuts off what is less than a
/// microsecond, and its own part differs between nodes by about as much: a fifth of this, and more than the relative noise that the fit takes all timings to
/// have. Left out altogether, short kernels would be taken for as long as the shortest that are timed: 9 us for slices that took 3.
pub const LEAST_KERNEL_S: f64 = 5e-6;

/// Standard deviation of what the profiler does to a kernel's time, in milliseconds: whole microseconds, and its own part which differs from node to node.
const KERNEL_ERROR_MS: f64 = 1e-3;

/// The same of the part that all kernels of a network share: the profiler's own time is worked out for all of them at once.
const SHARED_ERROR_MS: f64 = 0.5e-3;

/// One timing for each distinct kernel with a node (equal ones are one, with their mean and the repetitions of all), together with those that share it, then one for
/// each class of all that are too short by themselves, then that of the whole network.
///
/// Kernels are corrected by [`ProfilerCorrection`], so that nodes add up to what the whole takes beyond the call; boundaries are part of the kernels that
/// cause them. Short are kernels below [`LEAST_KERNEL_S`]; what adds up to no more, or to less than twice its error, is left out, and the whole has all of them. Without nodes there is the whole alone.
///
/// Where profile and whole contradict each other ([`ProfilerCorrection::is_plausible`]), there is nothing: it isn't known which of them is
/// wrong, and the network has to be measured again. (With three times as many busy threads as cores, the lower quartile of whole runs was up to
/// twice what it was before; the nodes' middle runs added up to a sixth more at most.)
pub fn timings(
    cost: &NetworkCost,
    matched: &MatchedNodes,
    causes: &Causes,
    whole: &WholeRun,
) -> Vec<Timing> {
    let correction = ProfilerCorrection::new(matched, whole);
    if correction.is_some_and(|correction| !correction.is_plausible()) {
        return Vec::new();
    }
    let seconds = correction.map_or_else(Vec::new, |correction| {
        corrected(matched, causes, correction)
    });
    let mut groups: Vec<Group> = Vec::new();
    let mut short: BTreeMap<OpClass, Short> = BTreeMap::new();
    for (index, seconds) in seconds.into_iter().enumerate() {
        let Some(seconds) = seconds else { continue };
        let class = cost.kernels[index].class;
        if class == OpClass::View {
            continue;
        }
        let sharing = matched.shared.iter().filter(|shared| shared.with == index);
        let kernels = std::iter::once(index).chain(sharing.map(|shared| shared.kernel));
        let work = |kernel| Workload::new(&cost.kernels[kernel], whole.batch, whole.dtype);
        if seconds < LEAST_KERNEL_S {
            let short = short.entry(class).or_default();
            short.works.extend(kernels.map(work));
            short.nodes += 1.0;
            short.seconds += seconds;
            continue;
        }
        let works = Workload::collapsed(kernels.map(work));
        match groups.iter_mut().find(|group| group.does(&works)) {
            Some(known) => {
                known.count += 1.0;
                known.seconds += seconds;
            }
            None => groups.push(Group {
                works,
                count: 1.0,
                seconds,
            }),
        }
    }
    let network_weights = cost.weight_bytes(whole.dtype) as f64;
    let timing = |group: Group| Timing {
        works: group.works,
        network_weights,
        latency_ms: 1e3 * group.seconds / group.count,
        is_call: false,
        threads: whole.threads,
        run: whole.run,
        repeats: whole.repeats * group.count,
        error_ms: (KERNEL_ERROR_MS / group.count.sqrt()).hypot(SHARED_ERROR_MS),
    };
    let mut timings: Vec<Timing> = groups.into_iter().map(timing).collect();
    let short = short.into_values();
    // a sum that is mostly error says nothing
    let is_telling = |short: &Short| 1e3 * short.seconds >= 2.0 * short.error_ms();
    let short = short.filter(|short| short.seconds >= LEAST_KERNEL_S && is_telling(short));
    timings.extend(short.map(|short| Timing {
        network_weights,
        latency_ms: 1e3 * short.seconds,
        is_call: false,
        threads: whole.threads,
        run: whole.run,
        repeats: whole.repeats,
        error_ms: short.error_ms(),
        works: Workload::collapsed(short.works),
    }));
    timings.push(Timing {
        works: Workload::of_network(cost, whole.batch, whole.dtype),
        network_weights,
        latency_ms: 1e3 * whole.whole_s,
        is_call: true,
        threads: whole.threads,
        run: whole.run,
        repeats: whole.repeats,
        error_ms: 0.0,
    });
    timings
}

/// Nodes that do the same.
struct Group {
    /// What one of them does.
    works: Vec<Workload>,
    /// How many there are.
    count: f64,
    /// What all of them take.
    seconds: f64,
}

impl Group {
    fn does(&self, works: &[Workload]) -> bool {
        let is_same = |(a, b): (&Workload, &Workload)| a.is_same(b) && a.count == b.count;
        self.works.len() == works.len() && self.works.iter().zip(works).all(is_same)
    }
}

/// Nodes of a class that are too short for a timing of their own.
#[derive(Default)]
struct Short {
    /// What all of them do.
    works: Vec<Workload>,
    /// How many there are.
    nodes: f64,
    /// What all of them take.
    seconds: f64,
}

impl Short {
    /// Standard deviation of what the profiler does to the sum: each node's own error, and the shared one as often as there are nodes.
    fn error_ms(&self) -> f64 {
        (KERNEL_ERROR_MS * self.nodes.sqrt()).hypot(SHARED_ERROR_MS * self.nodes)
    }
}

/// What each kernel takes without the profiler, with the boundaries it causes; nothing where it has no node.
fn corrected(
    matched: &MatchedNodes,
    causes: &Causes,
    correction: ProfilerCorrection,
) -> Vec<Option<f64>> {
    let own = matched.kernels.iter().zip(&matched.kernel_nodes);
    let own = own.map(|(seconds, &nodes)| Some(correction.seconds((*seconds)?, nodes)));
    let mut all: Vec<Option<f64>> = own.collect();
    for boundary in &matched.boundaries {
        let cause = causes.cause(matched, boundary);
        // its neighbours have nodes
        if let Some(seconds) = cause.and_then(|kernel| all[kernel].as_mut()) {
            *seconds += correction.seconds(boundary.seconds, 1);
        }
    }
    all
}
