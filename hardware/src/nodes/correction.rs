//! From seconds as profiled to seconds as run.
//!
//! A profiler takes part in what it measures. Of ONNX Runtime 1.32 on one thread (two x86-64 cores shared with others, 25 networks of 40 to
//! 458 nodes and 0.7 to 8.3 ms; 6 more are left out whose nodes added up to less than 0.93 of the whole, which something else must have
//! interrupted), the sum of the nodes over the lower quartile of runs without the profiler
//! had a median of 1.04, 80 % between 1.005 and 1.18, and was 2.04 for a network of 458 tiny nodes. What describes the difference:
//!
//! | sum of nodes | median error | 90 % quantile | largest |
//! |---|---|---|---|
//! | as it is | 4.1 % | 18 % | 104 % |
//! | times 0.96 | 1.8 % | 13 % | 96 % |
//! | less 1.65 us a node | 1.6 % | 3.9 % | 9.1 % |
//!
//! So it is a constant for each node (by network: 0.3 to 2.2 us, 80 %); a factor takes what that leaves. A network's own figures say little of it, as
//! profile and whole are of different moments, which differ by several percent: of large networks that is more than all their nodes' constants. So it is
//! what brings the factors of many networks closest together ([`node_overhead`]). In four calibrations of a machine (89 networks each, ONNX Runtime 1.32 on one thread of another virtual
//! Xeon) it was 3.5 to 4.1 us. Worked out for each network within 3 us, it left most of itself in the kernels of all but the smallest networks, and a network of 80 nodes that took 1.4 ms
//! was predicted 30 % too long.

use super::matched::MatchedNodes;
use super::observations::WholeRun;

/// More than this a profiler doesn't take for a node by what one network says: what goes beyond is a contradiction between profile and whole.
pub const MOST_NODE_OVERHEAD_S: f64 = 3e-6;

/// By what many networks say, it may be more.
const MOST_BY_MANY_S: f64 = 10e-6;

/// Networks that say it together, at least.
const MANY: usize = 12;

/// How finely it is looked for.
const STEP_S: f64 = 0.05e-6;

/// Without any, the factors have to differ by so much more for it to be believed.
const TELLING: f64 = 1.05;

/// Of a node's seconds the profiler's part is no more than this: what is told of a node of 3 us is not all profiler.
const MOST_PART: f64 = 0.75;

/// Seconds that an engine's profiler takes for each node: with that taken off, the factors between profile and whole of these networks differ least from
/// each other (in the mean of absolute logarithms, from their median). Nothing where there are too few of them, or they hardly say.
pub fn node_overhead<'a>(
    profiles: impl IntoIterator<Item = (&'a MatchedNodes, &'a WholeRun)>,
) -> Option<f64> {
    let profiles: Vec<_> = profiles
        .into_iter()
        .filter(|(matched, whole)| matched.total_s > 0.0 && whole.whole_s > whole.call_s)
        .collect();
    if profiles.len() < MANY {
        return None;
    }
    let difference = |overhead_s: f64| {
        let factors = profiles.iter().map(|(matched, whole)| {
            let overhead = ProfilerCorrection {
                node_overhead_s: overhead_s,
                scale: 1.0,
            };
            ((whole.whole_s - whole.call_s) / overhead.total(matched)).ln()
        });
        let mut factors: Vec<f64> = factors.collect();
        factors.sort_by(f64::total_cmp);
        let median = factors[factors.len() / 2];
        let sum: f64 = factors.iter().map(|factor| (factor - median).abs()).sum();
        sum
    };
    let steps = (MOST_BY_MANY_S / STEP_S) as u32;
    let overheads = (0..=steps).map(|step| f64::from(step) * STEP_S);
    let found = overheads.min_by(|a, b| difference(*a).total_cmp(&difference(*b)))?;
    // of nodes that are all long nothing can be told
    (difference(0.0) >= TELLING * difference(found) && found < MOST_BY_MANY_S).then_some(found)
}

/// Where the factor lies if profile and whole agree. A profile is of fewer runs, and of another moment: a virtual machine was seen to be slower by up to 1.6
/// for seconds, for all kinds of programs alike, which the factor takes out. A profile that is much quicker than the whole is of something else.
const PLAUSIBLE: std::ops::RangeInclusive<f64> = 0.6..=1.25;

/// What turns node seconds of one network into seconds that add up to its time without the profiler.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProfilerCorrection {
    /// Seconds taken off for each node, down to a fourth of what it has.
    pub node_overhead_s: f64,
    /// What the rest is multiplied by.
    pub scale: f64,
}

impl ProfilerCorrection {
    /// The correction for a network. None where there is nothing to correct: no nodes, or nothing left of the whole.
    pub fn new(matched: &MatchedNodes, whole: &WholeRun) -> Option<Self> {
        let target = whole.whole_s - whole.call_s;
        let excess = (matched.total_s - target) / matched.nodes as f64;
        let overhead = Self {
            node_overhead_s: whole
                .node_overhead_s
                .unwrap_or_else(|| excess.clamp(0.0, MOST_NODE_OVERHEAD_S)),
            scale: 1.0,
        };
        let scale = target / overhead.total(matched);
        let fits = scale.is_finite() && scale > 0.0;
        fits.then_some(Self { scale, ..overhead })
    }

    /// Whether profile and whole agree but for what a profiler takes. Otherwise something else ran meanwhile: measure again, more often or on a
    /// quieter machine.
    pub fn is_plausible(&self) -> bool {
        PLAUSIBLE.contains(&self.scale)
    }

    /// What so many nodes with so many seconds take without the profiler.
    pub fn seconds(&self, seconds: f64, nodes: usize) -> f64 {
        let overhead = nodes as f64 * self.node_overhead_s;
        self.scale * (seconds - overhead.min(MOST_PART * seconds))
    }

    /// All nodes: those of a kernel together, others each for itself.
    fn total(&self, matched: &MatchedNodes) -> f64 {
        let kernels = matched.kernels.iter().zip(&matched.kernel_nodes);
        let kernels = kernels.map(|(seconds, &nodes)| self.seconds(seconds.unwrap_or(0.0), nodes));
        let others = matched.boundaries.iter();
        kernels.sum::<f64>()
            + others
                .map(|node| self.seconds(node.seconds, 1))
                .sum::<f64>()
    }
}
