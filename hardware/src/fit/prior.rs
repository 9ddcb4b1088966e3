//! What is held likely before any timing of the platform is seen.

use roofnas_cost::calibration::{
    ActivationEffort, BEYOND_BANDWIDTH, CLASSES, COLD_BANDWIDTH, Calibration, ChannelRule,
    Composition, LogParameters, LogThreadEffect, PARAMETERS, PreparedSurface, Relevance, SLOWDOWN,
    Surface, THREAD_PARAMETERS, WEIGHTS_HELD, WORKING_SET, Workload, activation_index,
    overhead_index, timed_classes, without_threads,
};

use super::design::Design;

/// Coordinates of a fit on one number of threads: the platform's speed as a whole (inference constant, sharpness, overhead, peak, bandwidth), then each class's own
/// deviation in overhead, peak and bandwidth, then that of each kind of fused activation, then those of bandwidth and working set beyond caches, then that of the slowdown
/// of what is misaligned, then those of the bandwidth of cold weights and of what caches hold of them. After them comes what changes from each number of threads to the next. All are standard normal a priori.
const COORDINATES: usize = 3 + PARAMETERS;

/// How alike two platforms are held to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// The same kind of machine or engine: what classes and kernels cost beside each other is alike.
    Kin,
    /// Nearly the same machine and engine: little but the speed differs.
    Twin,
}

impl Likeness {
    /// Logarithm of the odds before anything is seen: few platforms have a twin, and a handful of timings can't tell.
    const fn log_odds(self) -> f64 {
        match self {
            Self::Kin => 0.0,
            Self::Twin => -2.3,
        }
    }

    const fn whole(self) -> [f64; 5] {
        match self {
            Self::Kin => [1.0, 0.2, 1.0, 1.0, 1.0],
            Self::Twin => [0.3, 0.1, 0.2, 0.2, 0.2],
        }
    }

    const fn class(self) -> [f64; 3] {
        match self {
            Self::Kin => [0.5; 3],
            Self::Twin => [0.1; 3],
        }
    }

    const fn beyond(self) -> [f64; 2] {
        match self {
            Self::Kin => BEYOND_SCALE,
            Self::Twin => [0.1; 2],
        }
    }

    const fn cold(self) -> [f64; 2] {
        match self {
            Self::Kin => COLD_SCALE,
            Self::Twin => [0.1; 2],
        }
    }

    const fn slowdown(self) -> f64 {
        match self {
            Self::Kin => 0.5,
            Self::Twin => 0.1,
        }
    }

    const fn hyper_location(self) -> [f64; HYPERS] {
        match self {
            Self::Kin => with_even_relevance([0.3, 0.1, 1.0, NOISE]),
            Self::Twin => with_even_relevance([0.08, 0.03, 1.0, NOISE]),
        }
    }
}

/// What kind of platform one is: what is there or isn't, and is found by evidence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kind {
    /// How the engine works on channels.
    pub(super) rule: ChannelRule,
    /// Whether weights are cold that caches don't hold from one inference to the next.
    pub(super) has_cold_weights: bool,
}

impl Kind {
    /// Logarithm of its odds before anything is seen.
    fn log_odds(self) -> f64 {
        let aligned = if self.rule.alignment > 0 {
            ALIGNED
        } else {
            0.0
        };
        let cold = if self.has_cold_weights { COLD } else { 0.0 };
        aligned + cold
    }
}

/// A prior over the model's parameters and residual.
#[derive(Debug, Clone)]
pub(super) struct Prior {
    /// `generic`, or the name of the platform it is taken from.
    pub(super) name: String,
    pub(super) composition: Composition,
    /// Logarithm of its odds before anything is seen.
    pub(super) log_odds: f64,
    /// What kind of platform it is taken to be.
    pub(super) kind: Kind,
    /// Medians of the parameters.
    pub(super) location: LogParameters,
    /// Medians of what each number of threads beyond the fewest changes.
    effects: Vec<LogThreadEffect>,
    /// Standard deviations of what changes in these from each number of threads to the next.
    steps: Vec<[f64; THREAD_PARAMETERS]>,
    /// Standard deviations of the logarithms: the platform as a whole.
    whole: [f64; 5],
    /// The same of a class beside the whole: overhead, peak, bandwidth.
    class: [f64; 3],
    /// The same of bandwidth and working set beyond caches.
    beyond: [f64; 2],
    /// The same of the slowdown of what is misaligned.
    slowdown: f64,
    /// The same of the bandwidth of cold weights and of what caches hold of them.
    cold: [f64; 2],
    /// Residuals of the platform it is taken from.
    pub(super) inherited: Vec<Surface>,
    /// Medians of amplitude, detail, length scale and noise, then of [`Relevance`].
    pub(super) hyper_location: [f64; HYPERS],
    /// Standard deviations of their logarithms.
    pub(super) hyper_scale: [f64; HYPERS],
}

/// What fewer platforms have in common says little of others.
const LEAST_COMMON: usize = 3;

/// Shares of a typical network's time that the generic prior starts from. They matter little: the deviations are an order of magnitude.
const CALL_SHARE: f64 = 0.05;
const OVERHEAD_SHARE: f64 = 0.3;
const ROOF_SHARE: f64 = 0.5;

/// What a call takes of a typical network's time beside its kernels, where there are timings of these: an engine's nodes leave out little.
const CALL_BESIDE_KERNELS: f64 = 0.005;

/// What an element of a fused activation costs beside the multiply-adds of a convolution, in FLOPs: an exponential is a polynomial of some degree and a
/// division; a power is done by vectors or by one call of a library for each element. The deviation is a factor of e and more.
const ACTIVATION_FLOPS: [f64; ActivationEffort::ALL.len()] = [1.0, 2.0, 3.0, 20.0, 30.0, 200.0];

/// Medians of what goes past the caches: the bandwidth there beside that of a class, and the working set, in bytes. Caches hold from some 100 kB on boards to
/// 100 MB on servers. That the memory behind them is slower is left to the timings to show: with a median of half the bandwidth, five networks of a GPU, whose
/// batch of 1 fits its caches, gave errors of 5.9 % instead of 5.1 (OFA's networks on a Titan RTX).
const BEYOND_RATIO: f64 = 3.0;
const BEYOND_BYTES: f64 = 4e6;

/// Standard deviations of their logarithms.
const BEYOND_SCALE: [f64; 2] = [1.0, 1.5];

/// Medians of what cold weights take, where there are any: a byte of them as long again as other traffic; and what caches hold of them, in bytes, which is from nothing
/// on boards to most of 100 MB on servers.
const COLD_RATIO: f64 = 1.0;
const HELD_BYTES: f64 = 16e6;

/// Standard deviations of their logarithms.
const COLD_SCALE: [f64; 2] = [1.0, 1.5];

/// Logarithm of the odds of cold weights, before anything is seen, beside none: a few networks should not be held to show some by chance.
const COLD: f64 = -2.0;

/// Logarithm of the odds, before anything is seen, of each multiple that an engine may want channels to be, beside none. Without it ten networks of a GPU were held to show
/// one by chance, and errors on others rose from 3.8 to 5.8 % (OFA's on a Titan RTX).
const ALIGNED: f64 = -4.0;

/// Median of the slowdown of what is misaligned, and the standard deviation of its logarithm: plain code instead of vectors.
const SLOWDOWN_MEDIAN: f64 = 3.0;
const SLOWDOWN_SCALE: f64 = 1.0;

/// What twice as many threads are held likely to change: the logarithms of synchronisation, peaks and bandwidths, and their standard deviations. Arithmetic
/// is shared out well, bandwidth less so.
const DOUBLING: [f64; THREAD_PARAMETERS] = [0.3, 0.5, 0.35];
const DOUBLING_SCALE: [f64; THREAD_PARAMETERS] = [0.5, 0.3, 0.3];

/// Standard deviation of the logarithm of the first synchronisation beside the overhead of a kernel.
const SYNCHRONISATION_SCALE: f64 = 1.5;

/// Median of a timing's relative noise.
const NOISE: f64 = 0.025;

/// How many hyper-parameters there are.
pub(super) const HYPERS: usize = 4 + Relevance::KINDS;

/// Standard deviations of the logarithms of amplitude, detail, length scale and noise, then of relevances. The noise's is narrow: with few timings noise explains
/// anything, and leaves the residual nothing to learn from.
const HYPER_SCALE: [f64; HYPERS] = {
    let mut all = [0.5; HYPERS];
    all[2] = 0.3;
    all
};

/// Medians of all hyper-parameters from those of the first four: no coordinate is held to matter more than another.
const fn with_even_relevance([amplitude, detail, length_scale, noise]: [f64; 4]) -> [f64; HYPERS] {
    let mut all = [1.0; HYPERS];
    (all[0], all[1], all[2], all[3]) = (amplitude, detail, length_scale, noise);
    all
}

impl Prior {
    /// What is known of no platform in particular: only the scale of the timings is taken from the data.
    pub(super) fn generic(design: &Design, composition: Composition, kind: Kind) -> Self {
        let on_fewest = |row: &usize| design.row_threads[*row] == 0;
        let rows: Vec<usize> = (0..design.len()).filter(on_fewest).collect();
        let n = rows.len() as f64;
        let typical = median(rows.iter().map(|&row| design.seconds[row]));
        let mean = |of: fn(&Workload) -> f64| {
            let rows = rows.iter().flat_map(|&row| &design.rows[row]);
            let sum: f64 = rows
                .map(|&(work, count)| count * of(&design.works[work]))
                .sum();
            (sum / n).max(1.0)
        };
        let mut location = [0.0; PARAMETERS];
        let is_call = |row: &&usize| design.calls[**row] > 0.0;
        let calls: Vec<&usize> = rows.iter().filter(is_call).collect();
        location[0] = match calls.len() {
            none_or_all if none_or_all == 0 || none_or_all == rows.len() => CALL_SHARE * typical,
            _ => CALL_BESIDE_KERNELS * median(calls.into_iter().map(|&row| design.seconds[row])),
        }
        .ln();
        location[1] = -1.5;
        for class in timed_classes() {
            let first = overhead_index(class);
            location[first] = (OVERHEAD_SHARE * typical / mean(|_| 1.0)).ln();
            location[first + CLASSES] = (mean(|work| work.flops) / (ROOF_SHARE * typical)).ln();
            location[first + 2 * CLASSES] = (mean(|work| work.bytes) / (ROOF_SHARE * typical)).ln();
        }
        let peak = (mean(|work| work.flops) / (ROOF_SHARE * typical)).ln();
        for (effort, flops) in ActivationEffort::ALL.into_iter().zip(ACTIVATION_FLOPS) {
            location[activation_index(effort)] = peak - f64::ln(flops);
        }
        let bandwidth = (mean(|work| work.bytes) / (ROOF_SHARE * typical)).ln();
        location[BEYOND_BANDWIDTH] = bandwidth + BEYOND_RATIO.ln();
        location[WORKING_SET] = BEYOND_BYTES.ln();
        location[SLOWDOWN] = SLOWDOWN_MEDIAN.ln();
        location[COLD_BANDWIDTH] = f64::INFINITY;
        location[WEIGHTS_HELD] = f64::INFINITY;
        if kind.has_cold_weights {
            location[COLD_BANDWIDTH] = bandwidth + COLD_RATIO.ln();
            location[WEIGHTS_HELD] = HELD_BYTES.ln();
        }
        let location = LogParameters(location);
        let (effects, steps) = thread_effects(&location, &design.threads);
        Self {
            name: "generic".to_owned(),
            composition,
            log_odds: kind.log_odds(),
            kind,
            location,
            effects,
            steps,
            whole: [2.0, 0.7, 2.0, 2.0, 2.0],
            class: [1.0, 1.0, 1.0],
            beyond: BEYOND_SCALE,
            slowdown: SLOWDOWN_SCALE,
            cold: COLD_SCALE,
            inherited: Vec::new(),
            hyper_location: with_even_relevance([0.3, 0.1, 1.0, NOISE]),
            hyper_scale: HYPER_SCALE,
        }
    }

    /// Parameters that are known for certain.
    #[cfg(test)]
    pub(super) fn known(location: LogParameters, composition: Composition) -> Self {
        Self {
            name: "known".to_owned(),
            composition,
            log_odds: 0.0,
            kind: Kind::default(),
            location,
            effects: Vec::new(),
            steps: Vec::new(),
            whole: [0.0; 5],
            class: [0.0; 3],
            beyond: [0.0; 2],
            slowdown: 0.0,
            cold: [0.0; 2],
            inherited: Vec::new(),
            hyper_location: with_even_relevance([0.3, 0.1, 1.0, NOISE]),
            hyper_scale: HYPER_SCALE,
        }
    }

    /// A platform like another one: as fast as the timings say, alike in what its classes and kernels cost beside each other.
    pub(super) fn like(
        name: &str,
        calibration: &Calibration,
        likeness: Likeness,
        design: &Design,
        has_cold_weights: bool,
    ) -> Option<Self> {
        let best = calibration
            .components
            .iter()
            .max_by(|a, b| a.weight.total_cmp(&b.weight))?;
        let mut inherited = best.inherited.clone();
        inherited.push(best.residual.clone());
        // how far kernels deviate there is nothing that is known here
        inherited
            .iter_mut()
            .for_each(|surface| surface.nuggets.clear());
        let location = LogParameters::from(&best.parameters);
        let (effects, steps) = thread_effects(&location, &design.threads);
        let mut prior = Self {
            name: name.to_owned(),
            composition: best.composition,
            log_odds: likeness.log_odds(),
            kind: Kind {
                rule: best.rule()?,
                has_cold_weights: has_cold_weights || best.parameters.cold_weights.is_some(),
            },
            location,
            effects,
            steps,
            whole: likeness.whole(),
            class: likeness.class(),
            beyond: likeness.beyond(),
            slowdown: likeness.slowdown(),
            cold: likeness.cold(),
            inherited,
            hyper_location: likeness.hyper_location(),
            hyper_scale: HYPER_SCALE,
        };
        let own = super::state::predict(&prior, design);
        let slower = median(design.seconds.iter().zip(&own).map(|(y, f)| (y / f).ln()));
        prior.slow_down(slower);
        // what isn't known there is taken from the generic prior, which is as fast as the timings already. Earlier versions fitted nothing of these, and a platform that
        // shows no cold weights says little of one that does
        let generic = Self::generic(design, prior.composition, prior.kind);
        if best.parameters.beyond_caches.is_none() {
            prior.take(&generic, &[BEYOND_BANDWIDTH, WORKING_SET]);
            prior.beyond = generic.beyond;
        }
        if best.parameters.cold_weights.is_none() {
            prior.take(&generic, &[COLD_BANDWIDTH, WEIGHTS_HELD]);
            prior.cold = generic.cold;
            if has_cold_weights {
                prior.log_odds += COLD;
            }
        }
        // rates that don't know powers say nothing of them; without rates, all cost nothing
        let power = activation_index(ActivationEffort::Power);
        let rates = &best.parameters.activation_gelements_s;
        if !rates.is_empty() && !rates.contains_key(&ActivationEffort::Power) {
            prior.take(&generic, &[power]);
        }
        Some(prior)
    }

    /// Makes these the medians of how much coordinates matter.
    pub(super) fn set_relevance(&mut self, relevance: Relevance) {
        self.hyper_location[HYPERS - Relevance::KINDS..].copy_from_slice(&relevance.each());
    }

    fn take(&mut self, from: &Self, parameters: &[usize]) {
        for &index in parameters {
            self.location.0[index] = from.location.0[index];
        }
    }

    /// What platforms have in common: medians in the middle of theirs, wide enough to hold them all. Their residuals are not averaged.
    pub(super) fn common(priors: &[Self], threads: &[u32]) -> Option<Self> {
        let first = priors.first().filter(|_| priors.len() >= LEAST_COMMON)?;
        let mut location = first.location.clone();
        for (index, log) in location.0.iter_mut().enumerate() {
            *log = median(priors.iter().map(|prior| prior.location.0[index]));
        }
        let of_the_rule = priors
            .iter()
            .filter(|prior| prior.kind.rule == first.kind.rule);
        location.0[SLOWDOWN] = median(of_the_rule.map(|prior| prior.location.0[SLOWDOWN]));
        let (effects, steps) = thread_effects(&location, threads);
        Some(Self {
            name: format!("{} platforms", priors.len()),
            composition: Composition::Sum,
            kind: Kind {
                has_cold_weights: location.0[COLD_BANDWIDTH].is_finite(),
                ..first.kind
            },
            location,
            effects,
            steps,
            whole: [1.5, 0.5, 1.5, 1.5, 1.5],
            class: [0.7; 3],
            inherited: Vec::new(),
            ..first.clone()
        })
    }

    /// Multiplies every time by `exp(log_factor)`.
    fn slow_down(&mut self, log_factor: f64) {
        let location = &mut self.location.0;
        location[0] += log_factor;
        for class in timed_classes() {
            let first = overhead_index(class);
            location[first] += log_factor;
            location[first + CLASSES] -= log_factor;
            location[first + 2 * CLASSES] -= log_factor;
        }
        for effort in ActivationEffort::ALL {
            location[activation_index(effort)] -= log_factor;
        }
        location[BEYOND_BANDWIDTH] -= log_factor;
        location[COLD_BANDWIDTH] -= log_factor;
        for effect in &mut self.effects {
            effect.0[0] += log_factor;
        }
    }

    /// Number of coordinates but for the residual's weights.
    pub(super) fn coordinates(&self) -> usize {
        COORDINATES + THREAD_PARAMETERS * self.effects.len()
    }

    /// What each number of threads beyond the fewest changes at these coordinates.
    pub(super) fn effects(&self, coordinates: &[f64]) -> Vec<LogThreadEffect> {
        let mut effects = self.effects.clone();
        let logs = effects.iter_mut().flat_map(|effect| &mut effect.0);
        for (index, log) in logs.enumerate() {
            for (coordinate, scale) in self.scales(PARAMETERS + index) {
                *log += scale * coordinates[coordinate];
            }
        }
        effects
    }

    /// The parameters on the fewest threads at these coordinates.
    pub(super) fn parameters(&self, coordinates: &[f64]) -> LogParameters {
        let mut logs = self.location.clone();
        for (index, log) in logs.0.iter_mut().enumerate() {
            for (coordinate, scale) in self.scales(index) {
                *log += scale * coordinates[coordinate];
            }
        }
        logs
    }

    /// The coordinates that a parameter depends on, with its derivatives by them: parameters on the fewest threads, then the effects of each further number of them,
    /// each of which is that of the number before and a step.
    pub(super) fn scales(&self, parameter: usize) -> Vec<(usize, f64)> {
        if let Some(effect) = parameter.checked_sub(PARAMETERS) {
            let (last, kind) = (effect / THREAD_PARAMETERS, effect % THREAD_PARAMETERS);
            let step = |number: usize| {
                let coordinate = COORDINATES + THREAD_PARAMETERS * number + kind;
                (coordinate, self.steps[number][kind])
            };
            // synchronisation goes with the overheads
            let whole = (kind == 0).then_some((2, self.whole[2]));
            return whole.into_iter().chain((0..=last).map(step)).collect();
        }
        match parameter {
            0 | 1 => vec![(parameter, self.whole[parameter])],
            BEYOND_BANDWIDTH => vec![(4, self.whole[4]), (3 + parameter, self.beyond[0])],
            WORKING_SET => vec![(3 + parameter, self.beyond[1])],
            COLD_BANDWIDTH => vec![(4, self.whole[4]), (3 + parameter, self.cold[0])],
            WEIGHTS_HELD => vec![(3 + parameter, self.cold[1])],
            SLOWDOWN => vec![(3 + parameter, self.slowdown)],
            _ => {
                // activations go with the peaks
                let kind = match (parameter - 2) / CLASSES {
                    3.. => 1,
                    kind => kind,
                };
                let whole = (2 + kind, self.whole[2 + kind]);
                vec![whole, (3 + parameter, self.class[kind])]
            }
        }
    }

    /// What the inherited residuals multiply each distinct kernel's time by.
    pub(super) fn inherited_factors(&self, design: &Design) -> Vec<f64> {
        let surfaces: Vec<PreparedSurface> =
            self.inherited.iter().map(PreparedSurface::new).collect();
        let mut values = Vec::new();
        let mut factor = |work: &Workload| {
            // these platforms are of one number of threads
            let work = Workload {
                coordinates: without_threads(work.coordinates),
                ..*work
            };
            let factors = surfaces.iter();
            factors
                .map(|surface| surface.at(&work, &mut values).factor)
                .product()
        };
        design.works.iter().map(&mut factor).collect()
    }
}

/// Medians of what each number of threads beyond the fewest changes, beside these parameters on the fewest, and standard deviations of the steps from each to the next.
fn thread_effects(
    location: &LogParameters,
    threads: &[u32],
) -> (Vec<LogThreadEffect>, Vec<[f64; THREAD_PARAMETERS]>) {
    let overheads = timed_classes().map(|class| location.0[overhead_index(class)]);
    let mut effect = LogThreadEffect([median(overheads), 0.0, 0.0]);
    let mut effects = Vec::new();
    let mut steps = Vec::new();
    for pair in threads.windows(2) {
        let doublings = f64::from(pair[1]).log2() - f64::from(pair[0]).log2();
        let mut scales = DOUBLING_SCALE;
        for ((log, scale), median) in effect.0.iter_mut().zip(&mut scales).zip(DOUBLING) {
            *log += doublings * median;
            *scale *= doublings.max(1.0);
        }
        if effects.is_empty() {
            scales[0] = SYNCHRONISATION_SCALE;
        }
        effects.push(effect);
        steps.push(scales);
    }
    (effects, steps)
}

/// The median; 0 for nothing.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}
