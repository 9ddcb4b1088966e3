//! Hyper-parameters by marginal likelihood.

use roofnas_cost::calibration::{Covariance, Nuggets, Points};

use super::design::Design;
use super::laplace::{Hyper, Laplace, LeftOut, Task};
use super::points;
use super::prior::Prior;
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

/// Where the noise stands among the hyper-parameters, the last of them.
const NOISE: usize = 3;

/// Relative deviation of the offset of a run, where there are several.
const RUN_OFFSET: f64 = 0.02;

/// Noise, as multiples of its median, under which a prior is first looked at: a narrow one can need more than one that fits anything.
const FIRST_NOISES: [f64; 2] = [1.0, 3.0];

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
        let [amplitude, detail, length_scale, noise] = prior.hyper_location;
        let medians = [amplitude, detail, length_scale, more * noise];
        let hyper = hyper(&medians.map(f64::ln), 0.0, &Nuggets::new());
        task.fit(hyper, &trust, &[])
    });
    let best = fits.map(|fit| fit.log_evidence).max_by(f64::total_cmp);
    best.map(|best| best + prior.log_odds)
}

/// Fits one prior: hyper-parameters by marginal likelihood, outliers by weight.
pub(super) fn fit(
    design: &Design,
    prior: &Prior,
    resolution_s: f64,
    effort: Effort,
) -> Option<(Laplace, Vec<f64>)> {
    let points = inducing_points(design, prior, effort.points);
    let task = Task::new(design, prior, &points, resolution_s);
    let run_offset = if design.run_count() > 1 {
        RUN_OFFSET
    } else {
        0.0
    };
    let mut logs = prior.hyper_location.map(f64::ln);
    let mut trust = vec![1.0; design.len()];
    let start = hyper(&logs, run_offset, &scatter::at_first(design));
    let start = task.fit(start, &trust, &[])?;
    let mut best = climb(&task, prior, &trust, &mut logs, start, &[0.6, 0.3, 0.15]);
    for _ in 0..effort.robust_rounds {
        // from errors that the timing itself had no part in
        let hyper = scatter::update(design, prior, &mut best, &trust);
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
        trust = next;
        best = climb(&task, prior, &trust, &mut logs, fit, &[0.3]);
        if has_settled {
            break;
        }
    }
    best.log_evidence += prior.log_odds;
    Some((best, trust))
}

/// Weight of a timing: that of Student's distribution (Lange, Little, Taylor: Robust Statistical Modeling Using the t Distribution, JASA 1989).
fn weight(left_out: &LeftOut) -> f64 {
    let z2 = left_out.error2 / left_out.variance;
    ((OUTLIER_FREEDOM + 1.0) / (OUTLIER_FREEDOM + z2)).clamp(0.002, 1.25)
}

fn inducing_points(design: &Design, prior: &Prior, most: usize) -> Points {
    let weights = state::importance(prior, design);
    let logs = prior.hyper_location.map(f64::ln);
    let covariance = hyper(&logs, 0.0, &Nuggets::new()).covariance;
    points::choose(&design.works, &weights, covariance, most)
}

fn hyper(logs: &[f64; 4], run_offset: f64, nuggets: &Nuggets) -> Hyper {
    let [amplitude, detail, length_scale, noise] = logs.map(f64::exp);
    Hyper {
        covariance: Covariance {
            amplitude,
            detail,
            length_scale,
        },
        noise: noise.max(LEAST_NOISE),
        run_offset,
        nuggets: nuggets.clone(),
    }
}

/// Climbs the posterior of the hyper-parameters, one of them at a time, with ever smaller steps (Hooke, Jeeves: Direct Search, JACM 1961).
fn climb(
    task: &Task<'_>,
    prior: &Prior,
    trust: &[f64],
    logs: &mut [f64; 4],
    start: Laplace,
    steps: &[f64],
) -> Laplace {
    let height = |logs: &[f64; 4], fit: &Laplace| {
        let prior_cost: f64 = (0..4)
            .map(|k| ((logs[k] - prior.hyper_location[k].ln()) / prior.hyper_scale[k]).powi(2))
            .sum();
        fit.log_evidence - 0.5 * prior_cost
    };
    let (run_offset, nuggets) = (start.hyper.run_offset, start.hyper.nuggets.clone());
    // where classes have nuggets, the noise is what leaves the errors of whole networks probable
    let climbed = if nuggets.is_empty() { 4 } else { NOISE };
    let mut best = start;
    let mut highest = height(logs, &best);
    for &step in steps {
        let mut moved = true;
        let mut rounds = 0;
        while moved && rounds < 6 {
            (moved, rounds) = (false, rounds + 1);
            for k in 0..climbed {
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
