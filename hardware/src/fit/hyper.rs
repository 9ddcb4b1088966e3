//! Hyper-parameters by marginal likelihood.

use roofnas_cost::calibration::{Covariance, Nuggets, Points, Relevance};

use super::design::Design;
use super::laplace::{Hyper, Laplace, LeftOut, Task};
use super::points;
use super::prior::{HYPERS, Prior};
use super::scatter;
use super::state;

/// How the search for hyper-parameters goes about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// Inducing points of the residual, at most.
    pub(super) points: usize,
    /// Rounds of giving timings that don't fit less weight.
    pub(super) robust_rounds: usize,
}

/// Degrees of freedom of a timing's error: Student's distribution with few of them has room for outliers.
const OUTLIER_FREEDOM: f64 = 4.0;

/// No timing is surer than this, relative to it; simulated ones would otherwise be taken for exact, which nothing can be fitted to.
const LEAST_NOISE: f64 = 5e-4;

/// Weights that change by less than this, as logarithms, have settled.
const SETTLED: f64 = 0.3;

/// Where amplitude and noise stand among the hyper-parameters, and where relevances begin.
const AMPLITUDE: usize = 0;
const NOISE: usize = 3;
const RELEVANCE: usize = 4;

/// What one prior is climbed by: all but relevances, which are one for all priors.
const SCALES: [usize; RELEVANCE] = [0, 1, 2, 3];

/// Relative deviation of the offset of a run, where there are several.
const RUN_OFFSET: f64 = 0.02;

/// Noise, as multiples of its median, under which a prior is first looked at: a narrow one can need more than one that fits anything.
const FIRST_NOISES: [f64; 2] = [1.0, 3.0];

fn run_offset(design: &Design) -> f64 {
    if design.run_count() > 1 {
        RUN_OFFSET
    } else {
        0.0
    }
}

/// How probable the timings are under a prior before its hyper-parameters are fitted: enough to tell the hopeless ones.
pub(super) fn first_evidence(
    design: &Design,
    prior: &Prior,
    resolution_s: f64,
    effort: Effort,
) -> Option<f64> {
    let points = inducing_points(design, prior, effort.points);
    let task = Task::new(design, prior, &points, resolution_s);
    let trust = vec![1.0; design.len()];
    let fits = FIRST_NOISES.iter().filter_map(|more| {
        let mut medians = prior.hyper_location;
        medians[NOISE] *= more;
        let hyper = hyper(&medians.map(f64::ln), 0.0, &Nuggets::new());
        task.fit(hyper, &trust, &[])
    });
    let best = fits.map(|fit| fit.log_evidence).max_by(f64::total_cmp);
    best.map(|best| best + prior.log_odds)
}

/// Rounds of finding relevances: which points a residual is expressed by depends on them.
const RELEVANCE_ROUNDS: usize = 2;

/// Relevances are kept within this factor of 1: beyond it a coordinate either tells all kernels apart or none.
const WILDEST: f64 = 100.0;

/// The relevances that make the timings most probable under a prior, which should be one that knows of no platform: that of another platform may have learned from
/// relevances of its own.
pub(super) fn find_relevance(
    design: &Design,
    prior: &Prior,
    resolution_s: f64,
    effort: Effort,
) -> Option<Relevance> {
    // points are chosen as if what was found were known; the climb goes on from the same prior
    let mut found = prior.clone();
    let mut logs = prior.hyper_location.map(f64::ln);
    let mut trust = vec![1.0; design.len()];
    let all: Vec<usize> = (0..HYPERS).collect();
    for _ in 0..RELEVANCE_ROUNDS {
        let points = inducing_points(design, &found, effort.points);
        let task = Task::new(design, prior, &points, resolution_s);
        let start = hyper(&logs, run_offset(design), &scatter::at_first(design));
        let start = task.fit(start, &trust, &[])?;
        let best = climb(&task, &trust, &mut logs, start, &[0.6, 0.3], &all);
        trust = best.left_out.iter().map(weight).collect();
        for log in &mut logs[RELEVANCE..] {
            *log = log.clamp(-WILDEST.ln(), WILDEST.ln());
        }
        found.set_relevance(relevance(&logs));
    }
    Some(relevance(&logs))
}

/// Fewer timings leave it open whether they are loud (a large residual, little noise) or quiet: a climb that starts between the two ends at either by chance, so all are
/// climbed, and what they end at is averaged as other priors are: each place by the evidence there, whatever its width. Of ten networks on a Pixel 2 whose noise is 8 %, one draw of five ended at an amplitude of 0.9 and errors
/// of 17 % on the others; averaged, the mean of the five draws fell from 10.0 to 8.8.
const FEW: usize = 60;

/// Where climbs start beside the medians: what is added to the logarithms of amplitude and noise.
const STARTS: [[f64; 2]; 3] = [[0.0, 0.0], [1.0, -0.3], [-0.7, 1.0]];

/// Climbs that end closer than this to each other, as logarithms of amplitude and noise, ended at the same place.
const SAME: f64 = 0.35;

/// Fits one prior, once for each explanation of the timings that it finds: several where they are few.
pub(super) fn fits(
    design: &Design,
    prior: &Prior,
    resolution_s: f64,
    effort: Effort,
) -> Vec<(Laplace, Vec<f64>)> {
    let points = inducing_points(design, prior, effort.points);
    let task = Task::new(design, prior, &points, resolution_s);
    let starts = if design.len() < FEW {
        &STARTS[..]
    } else {
        &STARTS[..1]
    };
    let climbed = starts.iter().filter_map(|&start| first_climb(&task, start));
    // climbs that end at one place are one explanation, before outliers are looked for and after
    let settled = different(climbed).into_iter();
    let settled = settled.map(|climbed| settle(&task, climbed, effort.robust_rounds));
    let found = different(settled).into_iter();
    found
        .map(|mut fitted| {
            fitted.best.log_evidence += prior.log_odds;
            (fitted.best, fitted.trust)
        })
        .collect()
}

/// One prior's fit on its way: hyper-parameters by marginal likelihood, outliers by weight.
struct Fitted {
    logs: [f64; HYPERS],
    best: Laplace,
    trust: Vec<f64>,
}

/// Those at different places; of several at one place the likeliest.
fn different(fits: impl Iterator<Item = Fitted>) -> Vec<Fitted> {
    let mut found: Vec<Fitted> = Vec::new();
    for fit in fits {
        let is_same = |other: &&mut Fitted| other.best.hyper.apart(&fit.best.hyper) < SAME;
        match found.iter_mut().find(is_same) {
            Some(other) if fit.best.log_evidence > other.best.log_evidence => *other = fit,
            Some(_) => {}
            None => found.push(fit),
        }
    }
    found
}

/// Climbs from one start, all timings weighing alike.
fn first_climb(task: &Task<'_>, [amplitude, noise]: [f64; 2]) -> Option<Fitted> {
    let mut logs = task.prior.hyper_location.map(f64::ln);
    logs[AMPLITUDE] += amplitude;
    logs[NOISE] += noise;
    let trust = vec![1.0; task.design.len()];
    let start = hyper(
        &logs,
        run_offset(task.design),
        &scatter::at_first(task.design),
    );
    let start = task.fit(start, &trust, &[])?;
    let best = climb(task, &trust, &mut logs, start, &[0.6, 0.3, 0.15], &SCALES);
    Some(Fitted { logs, best, trust })
}

/// Gives timings that don't fit less weight and climbs on, in turn, until the weights have settled.
fn settle(task: &Task<'_>, mut fitted: Fitted, rounds: usize) -> Fitted {
    for _ in 0..rounds {
        let Fitted { logs, best, trust } = &mut fitted;
        // from errors that the timing itself had no part in
        let hyper = scatter::update(task.design, task.prior, best, trust);
        let next: Vec<f64> = best.left_out.iter().map(weight).collect();
        let moved = trust.iter().zip(&next).map(|(a, b)| (a / b).ln().abs());
        let moved = moved.fold(hyper.scatter_beside(&best.hyper), f64::max);
        let has_settled = moved < SETTLED;
        if !hyper.nuggets.is_empty() {
            logs[NOISE] = hyper.noise.ln();
        }
        let Some(fit) = task.fit(hyper, &next, &best.coordinates) else {
            break;
        };
        *trust = next;
        *best = climb(task, trust, logs, fit, &[0.3], &SCALES);
        if has_settled {
            break;
        }
    }
    fitted
}

/// Weight of a timing: that of Student's distribution (Lange, Little, Taylor: Robust Statistical Modeling Using the t Distribution, JASA 1989).
fn weight(left_out: &LeftOut) -> f64 {
    let z2 = left_out.error2 / left_out.variance;
    ((OUTLIER_FREEDOM + 1.0) / (OUTLIER_FREEDOM + z2)).clamp(0.002, 1.25)
}

fn inducing_points(design: &Design, prior: &Prior, most: usize) -> Points {
    let weights = state::importance(prior, design);
    let covariance = covariance(&prior.hyper_location.map(f64::ln));
    points::choose(&design.works, &weights, covariance, most)
}

fn hyper(logs: &[f64; HYPERS], run_offset: f64, nuggets: &Nuggets) -> Hyper {
    Hyper {
        covariance: covariance(logs),
        noise: logs[NOISE].exp().max(LEAST_NOISE),
        run_offset,
        nuggets: nuggets.clone(),
    }
}

/// The covariance at these logarithms of hyper-parameters.
pub(super) fn covariance(logs: &[f64; HYPERS]) -> Covariance {
    let [amplitude, detail, length_scale, ..] = logs.map(f64::exp);
    Covariance {
        amplitude,
        detail,
        length_scale,
        relevance: relevance(logs),
    }
}

fn relevance(logs: &[f64; HYPERS]) -> Relevance {
    let [_, _, _, _, each @ ..] = logs.map(f64::exp);
    Relevance::of_kinds(each)
}

impl Hyper {
    /// How far amplitude and noise are from another one's, as logarithms.
    fn apart(&self, other: &Self) -> f64 {
        let amplitudes = self.covariance.amplitude / other.covariance.amplitude;
        amplitudes.ln().abs() + (self.noise / other.noise).ln().abs()
    }
}

/// Climbs the posterior of some hyper-parameters, one of them at a time, with ever smaller steps (Hooke, Jeeves: Direct Search, JACM 1961).
fn climb(
    task: &Task<'_>,
    trust: &[f64],
    logs: &mut [f64; HYPERS],
    start: Laplace,
    steps: &[f64],
    which: &[usize],
) -> Laplace {
    let prior = task.prior;
    let height = |logs: &[f64; HYPERS], fit: &Laplace| {
        let prior_cost: f64 = (0..HYPERS)
            .map(|k| ((logs[k] - prior.hyper_location[k].ln()) / prior.hyper_scale[k]).powi(2))
            .sum();
        fit.log_evidence - 0.5 * prior_cost
    };
    let (run_offset, nuggets) = (start.hyper.run_offset, start.hyper.nuggets.clone());
    // where classes have nuggets, the noise is what leaves the errors of whole networks probable
    let which = which.iter().copied();
    let climbed = which.filter(|&k| k != NOISE || nuggets.is_empty());
    let mut best = start;
    let mut highest = height(logs, &best);
    for &step in steps {
        let mut moved = true;
        let mut rounds = 0;
        while moved && rounds < 6 {
            (moved, rounds) = (false, rounds + 1);
            for k in climbed.clone() {
                for direction in [1.0, -1.0] {
                    let mut there = *logs;
                    there[k] += direction * step * (2.0 * prior.hyper_scale[k]);
                    let hyper = hyper(&there, run_offset, &nuggets);
                    let Some(fit) = task.fit(hyper, trust, &best.coordinates) else {
                        continue;
                    };
                    let height = height(&there, &fit);
                    if height > highest + 1e-3 {
                        (highest, best, *logs, moved) = (height, fit, there, true);
                        break;
                    }
                }
            }
        }
    }
    best.log_evidence = highest;
    best
}
