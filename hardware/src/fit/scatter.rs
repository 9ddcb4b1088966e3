//! How far timings scatter, by the errors of those that had no part in the fit.
//!
//! Whole networks alone can't tell what each kernel deviates by from noise, and are fitted with one noise, by evidence. Where there are timings of kernels, classes
//! differ: on one core of a virtual Xeon, beside what readings of nodes scatter by, ONNX Runtime's convolutions deviate by 1 to 3 % from what their shape says, grouped
//! ones by 20, its sums, activations and copies by 30, its pools by 50. With one noise for all of them, what is known well is fitted too loosely, and what isn't
//! drags the mean along. Nor has a whole network the noise of a kernel then: its kernels' deviations are in its variance, and the rest is its own.
//!
//! A network is left out here without its kernels, whose nodes add up to it: how far strangers scatter, cross-validation says.

use roofnas_cost::OpClass;
use roofnas_cost::calibration::{CLASSES, Nuggets, timed_classes};

use super::design::Design;
use super::laplace::{Hyper, Laplace, LeftOut};
use super::prior::Prior;

/// Median of a nugget before any timing is seen, and standard deviation of its logarithm.
const NUGGET: [f64; 2] = [0.05, 1.0];

/// Degrees of freedom of the errors of whole networks: some are unlike the others, and say little of how far these scatter. What is found is the scale of Student's
/// distribution, which prices take for a deviation: it has 86 % inside a normal 90 % interval and 7 % above the 95 % bound. Its deviation is a seventh larger, and would make
/// the bounds of all networks wider for the sake of those few.
const FREEDOM: f64 = 8.0;

/// Ratio of neighbouring deviations that are tried, and how many of them there are on either side of the median: a factor of 19.
const STEP: f64 = 1.05;
const STEPS: i32 = 60;

/// Nuggets to begin with, of the classes that have timings of their own.
pub(super) fn at_first(design: &Design) -> Nuggets {
    let mut has = [false; CLASSES];
    for class in (0..design.len()).filter_map(|timing| design.only_class(timing)) {
        has[class as usize] = true;
    }
    let with = timed_classes().filter(|&class| has[class as usize]);
    with.map(|class| (class, NUGGET[0])).collect()
}

/// The nuggets and the noise of whole networks that make the errors of timings most probable which had no part in the fit (the logarithmic score of Sundararajan,
/// Keerthi: Predictive Approaches for Choosing Hyperparameters in Gaussian Processes, 2001), all else staying as it is. The variances of what was left out
/// become those with them. Without nuggets, nothing changes.
pub(super) fn update(design: &Design, prior: &Prior, fit: &mut Laplace, trust: &[f64]) -> Hyper {
    let mut hyper = fit.hyper.clone();
    if hyper.nuggets.is_empty() {
        return hyper;
    }
    for (&class, own) in &mut hyper.nuggets {
        let before = *own;
        let with = |left_out: &LeftOut, own: f64| {
            let by = left_out.by_nugget[class as usize];
            left_out.exchanged(by * before * before, by * own * own)
        };
        let is_own = |timing: &usize| design.only_class(*timing) == Some(class);
        let timings: Vec<usize> = (0..design.len()).filter(is_own).collect();
        *own = likeliest(NUGGET, |own| {
            let each = timings.iter().map(|&timing| {
                let left_out = &fit.left_out[timing];
                let variance = with(left_out, own);
                -0.5 * (variance.ln() + left_out.error2 / variance)
            });
            each.sum()
        });
        for left_out in &mut fit.left_out {
            left_out.variance = with(left_out, *own);
        }
    }
    let calls: Vec<usize> = (0..design.len())
        .filter(|&timing| design.calls[timing] > 0.0)
        .collect();
    let before = hyper.noise;
    let with = |left_out: &LeftOut, timing: usize, noise: f64, trust_then: f64| {
        let per = |trust: f64| 1.0 / (design.repeats[timing] * trust);
        let had = before * before * per(trust[timing]);
        left_out.exchanged(had, noise * noise * per(trust_then))
    };
    let noise = [prior.hyper_location[3], prior.hyper_scale[3]];
    hyper.noise = likeliest(noise, |noise| {
        let each = calls.iter().map(|&timing| {
            let left_out = &fit.left_out[timing];
            let variance = with(left_out, timing, noise, 1.0);
            let z2 = left_out.error2 / variance;
            -0.5 * (variance.ln() + (FREEDOM + 1.0) * (1.0 + z2 / FREEDOM).ln())
        });
        each.sum()
    });
    for &timing in &calls {
        let left_out = &mut fit.left_out[timing];
        left_out.variance = with(left_out, timing, hyper.noise, trust[timing]);
    }
    hyper
}

impl Hyper {
    /// How far its deviations are from those of another one, as a logarithm: that which is furthest.
    pub(super) fn scatter_beside(&self, other: &Self) -> f64 {
        let nuggets = self.nuggets.values().zip(other.nuggets.values());
        let noises = std::iter::once((&self.noise, &other.noise));
        let ratios = nuggets.chain(noises).map(|(a, b)| (a / b).ln().abs());
        ratios.fold(0.0, f64::max)
    }
}

/// The deviation with the highest score, under a log-normal prior of this median and this deviation of the logarithm.
fn likeliest([median, scale]: [f64; 2], score: impl Fn(f64) -> f64) -> f64 {
    let tried = (-STEPS..=STEPS).map(|step| median * STEP.powi(step));
    let scored = tried.map(|deviation| {
        let prior = (deviation / median).ln() / scale;
        (score(deviation) - 0.5 * prior * prior, deviation)
    });
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or(median, |(_, deviation)| deviation)
}

impl Design {
    /// The class of all kernels of a timing that has no call of the engine in it; nothing where they are of several.
    fn only_class(&self, timing: usize) -> Option<OpClass> {
        if self.calls[timing] > 0.0 {
            return None;
        }
        let mut classes = self.rows[timing]
            .iter()
            .map(|&(work, _)| self.works[work].class);
        let first = classes.next()?;
        classes.all(|class| class == first).then_some(first)
    }
}
