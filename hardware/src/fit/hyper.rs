//! Hyper-parameters by marginal likelihood.

use roofnas_cost::calibration::{Covariance, Points};

use super::design::Design;
use super::laplace::{Hyper, Laplace, Task};
use super::points;
use super::prior::Prior;
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
        task.fit(hyper(&medians.map(f64::ln), 0.0), &trust, &[])
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
    let mut best = task.fit(hyper(&logs, run_offset), &trust, &[])?;
    best = climb(
        &task,
        prior,
        run_offset,
        &trust,
        &mut logs,
        best,
        &[0.6, 0.3, 0.15],
    );
    for _ in 0..effort.robust_rounds {
        // the weights of Student's distribution (Lange, Little, Taylor: Robust Statistical Modeling Using the t
        // Distribution, JASA 1989), from errors that the timing itself had no part in
        let weight = |z2: &f64| (OUTLIER_FREEDOM + 1.0) / (OUTLIER_FREEDOM + z2);
        let next: Vec<f64> = best
            .left_out
            .iter()
            .map(|z2| weight(z2).clamp(0.002, 1.25))
            .collect();
        let moved = trust.iter().zip(&next).map(|(a, b)| (a / b).ln().abs());
        let has_settled = moved.fold(0.0, f64::max) < SETTLED;
        let Some(fit) = task.fit(best.hyper, &next, &best.coordinates) else {
            break;
        };
        trust = next;
        best = climb(&task, prior, run_offset, &trust, &mut logs, fit, &[0.3]);
        if has_settled {
            break;
        }
    }
    best.log_evidence += prior.log_odds;
    Some((best, trust))
}

fn inducing_points(design: &Design, prior: &Prior, most: usize) -> Points {
    let weights = state::importance(prior, design);
    let covariance = hyper(&prior.hyper_location.map(f64::ln), 0.0).covariance;
    points::choose(&design.works, &weights, covariance, most)
}

fn hyper(logs: &[f64; 4], run_offset: f64) -> Hyper {
    let [amplitude, detail, length_scale, noise] = logs.map(f64::exp);
    Hyper {
        covariance: Covariance {
            amplitude,
            detail,
            length_scale,
        },
        noise: noise.max(LEAST_NOISE),
        run_offset,
    }
}

/// Climbs the posterior of the hyper-parameters, one of them at a time, with ever smaller steps (Hooke, Jeeves: Direct Search, JACM 1961).
fn climb(
    task: &Task<'_>,
    prior: &Prior,
    run_offset: f64,
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
    let mut best = start;
    let mut highest = height(logs, &best);
    for &step in steps {
        let mut moved = true;
        let mut rounds = 0;
        while moved && rounds < 6 {
            (moved, rounds) = (false, rounds + 1);
            for k in 0..4 {
                for direction in [1.0, -1.0] {
                    let mut there = *logs;
                    there[k] += direction * step * (2.0 * prior.hyper_scale[k]);
                    let Some(fit) = task.fit(hyper(&there, run_offset), trust, &best.coordinates)
                    else {
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
