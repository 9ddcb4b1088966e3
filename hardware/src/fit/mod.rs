//! Fitting the latency model to timings.
//!
//! Timings of layers, of blocks and of whole networks enter alike: each is a weighted sum of kernels. The model is fitted from several
//! priors, one that knows of no platform in particular for each way in which kernels can add up, and one for each of the platforms
//! calibrated before that come closest; the fits are averaged by how probable they make the timings.

mod design;
mod hyper;
mod laplace;
mod plan;
mod points;
mod prior;
mod scatter;
mod ship;
mod state;

use rayon::prelude::*;
use roofnas_cost::calibration::{Calibration, ChannelRule, Component, Composition, QUANTA};
use thiserror::Error;

use design::Design;
pub use design::Timing;
use hyper::Effort;
use laplace::Laplace;
pub use plan::plan;
use prior::{Kind, Likeness, Prior};

/// How to fit.
#[derive(Debug, Clone)]
pub struct FitOptions {
    /// Inducing points of the residual, at most: more of them express finer differences, and make a larger profile. A third more where there are a thousand timings, and where
    /// all are of single kernels one for every two of them, up to four hundred.
    pub points: usize,
    /// Components kept, at most.
    pub components: usize,
    /// Priors from other platforms tried, at most.
    pub neighbours: usize,
    /// Compositions tried.
    pub compositions: Vec<Composition>,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            points: 96,
            components: 8,
            neighbours: 8,
            compositions: Composition::ALL.to_vec(),
        }
    }
}

/// Why no model could be fitted.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum FitError {
    /// Not enough to tell anything.
    #[error(
        "{0} timings are too few to fit a latency model: at least 3 networks or layers are needed"
    )]
    TooFew(usize),
    /// The timings fit no model: they are far too large, too small or too wild.
    #[error(
        "no model fits these timings: are the latencies in milliseconds, and of these networks?"
    )]
    Numerical,
}

/// Components with less weight than this are dropped.
const LEAST_WEIGHT: f64 = 0.02;

/// A model fitted to timings, ready to be put into a profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The components, the most probable first.
    pub components: Vec<Component>,
    /// Numbers of threads that the timings ran on, ascending; one where they all ran on as many.
    pub threads: Vec<u32>,
    /// Degrees of freedom of the predictive distribution.
    pub degrees_of_freedom: f64,
    /// Steps in which the timings come, in milliseconds; 0 where none shows.
    pub resolution_ms: f64,
    /// Weight given to each timing, 1 for one like the others: small for outliers.
    pub trust: Vec<f64>,
}

/// Fits the model. `known`: platforms calibrated before, by name; one of several numbers of threads is passed over, and counts on each of them
/// ([`Calibration::on_threads`]), and one of single kernels for anything but such.
///
/// # Errors
/// When there are too few timings, or they fit no model.
pub fn fit(
    timings: &[Timing],
    known: &[(String, &Calibration)],
    options: &FitOptions,
) -> Result<Fit, FitError> {
    if timings.len() < 3 {
        return Err(FitError::TooFew(timings.len()));
    }
    let design = Design::new(timings);
    let resolution_ms = resolution_ms(timings);
    let alone = design.kernels_alone();
    let effort = Effort {
        points: match timings.len() {
            many if alone => options.points.max((many / 2).min(MOST_POINTS)),
            0..MANY => options.points,
            _ => options.points * 4 / 3,
        },
        robust_rounds: 5,
    };
    let evidence =
        |prior: &Prior| hyper::first_evidence(&design, prior, 1e-3 * resolution_ms, effort);
    let kind = kind(&design, options.compositions[0], evidence);
    let generic = |&composition| Prior::generic(&design, composition, kind);
    let mut priors: Vec<Prior> = options.compositions.iter().map(generic).collect();
    let cold = kind.has_cold_weights;
    priors.extend(neighbours(&design, known, options.neighbours, cold));
    if alone && timings.len() >= LEAST_ALONE {
        // one for all priors, as the kind of platform is; by fewer points than the fit has, which left 9.5 % of error in the table of MOST_POINTS where as many left
        // 9.1, but took 1.7 times as long
        let coarse = Effort {
            points: options.points * 4 / 3,
            ..effort
        };
        let found = hyper::find_relevance(&design, &priors[0], 1e-3 * resolution_ms, coarse);
        for prior in &mut priors {
            prior.set_relevance(found.unwrap_or_default());
        }
    }
    // single kernels show little of how several add up
    let least = if alone { 1 } else { LEAST_PRIORS };
    let priors = hopeful(priors, least, evidence);
    let mut fits: Vec<(Prior, Laplace, Vec<f64>)> = priors
        .into_par_iter()
        .flat_map_iter(|prior| {
            let fits = hyper::fits(&design, &prior, 1e-3 * resolution_ms, effort);
            let with = move |(laplace, trust)| (prior.clone(), laplace, trust);
            fits.into_iter().map(with)
        })
        .collect();
    fits.sort_by(|a, b| b.1.log_evidence.total_cmp(&a.1.log_evidence));
    let best = fits.first().ok_or(FitError::Numerical)?.1.log_evidence;
    let odds = |laplace: &Laplace| (laplace.log_evidence - best).exp();
    fits.truncate(options.components);
    fits.retain(|(_, laplace, _)| odds(laplace) > LEAST_WEIGHT);
    let total: f64 = fits.iter().map(|(_, laplace, _)| odds(laplace)).sum();
    let components = fits.iter().filter_map(|(prior, laplace, _)| {
        let weight = odds(laplace) / total;
        ship::component(prior, &design.threads, laplace, weight)
    });
    let components: Vec<Component> = components.collect();
    if components.is_empty() {
        return Err(FitError::Numerical);
    }
    Ok(Fit {
        components,
        threads: design.threads,
        degrees_of_freedom: 4.0 + timings.len() as f64,
        resolution_ms,
        trust: fits.swap_remove(0).2,
    })
}

/// The likeliest kind of platform, by the first composition: one for all priors. How kernels add up has nothing to do with how an engine pads them.
fn kind(
    design: &Design,
    composition: Composition,
    evidence: impl Fn(&Prior) -> Option<f64> + Sync,
) -> Kind {
    let likeliest = |kinds: &[Kind]| -> Kind {
        let odds = kinds.par_iter().map(|&kind| {
            let prior = Prior::generic(design, composition, kind);
            evidence(&prior).unwrap_or(f64::NEG_INFINITY)
        });
        let odds: Vec<f64> = odds.collect();
        let best = (0..kinds.len())
            .rev()
            .max_by(|&a, &b| odds[a].total_cmp(&odds[b]));
        kinds[best.unwrap_or(0)]
    };
    let every = std::array::from_fn::<usize, { QUANTA.len() }, _>(|index| index);
    let with_rules = |kind: Kind, rule: &dyn Fn(usize) -> ChannelRule| -> Kind {
        likeliest(&every.map(|index| Kind {
            rule: rule(index),
            ..kind
        }))
    };
    let padded = |kind: Kind| {
        with_rules(kind, &|quantum| ChannelRule {
            quantum,
            ..kind.rule
        })
    };
    let mut kind = padded(Kind::default());
    kind = with_rules(kind, &|alignment| ChannelRule {
        alignment,
        ..kind.rule
    });
    if kind.rule.alignment > 0 {
        // padding may have stood for plain code
        kind = padded(kind);
    }
    let has = |has_cold_weights| Kind {
        has_cold_weights,
        ..kind
    };
    likeliest(&[has(false), has(true)])
}

/// So many timings are worth more inducing points: those of nodes. Of ONNX Runtime's on a virtual Xeon, 192 of them instead of 96 took the mean error on unseen networks
/// from 5.0 to 4.5 % (`mobile`) and from 6.6 to 4.8 % (`resnet`), and 128 to 4.6 and 4.9 % (with alignment a little further apart).
const MANY: usize = 1000;

/// Inducing points where all timings are of single kernels, at most: each such timing says something of one place, and few of them repeat one another. Of 800
/// convolutions on a V100, 96 points left a mean error on the others of 18.0 %, or 16.7 with relevances by evidence; 400 with these
/// leave 9.3.
const MOST_POINTS: usize = 400;

/// Fewer timings of single kernels are not asked what coordinates matter.
const LEAST_ALONE: usize = 60;

/// Priors that lag behind the best by more than this, as a logarithm of odds, are given up before their hyper-parameters are fitted.
const HOPELESS: f64 = 8.0;

/// Priors that are never given up, the best first.
const LEAST_PRIORS: usize = 3;

fn hopeful(
    priors: Vec<Prior>,
    least: usize,
    evidence: impl Fn(&Prior) -> Option<f64> + Sync,
) -> Vec<Prior> {
    let first = priors
        .into_par_iter()
        .filter_map(|prior| Some((evidence(&prior)?, prior)));
    let mut first: Vec<(f64, Prior)> = first.collect();
    first.sort_by(|a, b| b.0.total_cmp(&a.0));
    let best = first.first().map_or(0.0, |(evidence, _)| *evidence);
    let is_hopeful = |(rank, (evidence, prior)): (usize, (f64, Prior))| {
        (rank < least || evidence > best - HOPELESS).then_some(prior)
    };
    first
        .into_iter()
        .enumerate()
        .filter_map(is_hopeful)
        .collect()
}

/// Known platforms that are tried as twins, at most.
const TWINS: usize = 3;

/// Fewer timings can't tell a twin from a chance likeness: a narrow prior that happens to fit them looks better than it is.
const TWIN_TIMINGS: usize = 15;

/// The known platforms that come closest to the timings once the speed as a whole is set right.
fn neighbours(
    design: &Design,
    known: &[(String, &Calibration)],
    most: usize,
    has_cold_weights: bool,
) -> Vec<Prior> {
    let alone = design.kernels_alone();
    let mut near: Vec<(f64, usize, Prior)> = known
        .par_iter()
        .enumerate()
        .filter(|(_, (_, calibration))| calibration.threads.is_empty())
        .filter(|(_, (_, calibration))| alone || !calibration.is_of_single_kernels())
        .filter_map(|(index, (name, calibration))| {
            let prior = Prior::like(name, calibration, Likeness::Kin, design, has_cold_weights)?;
            let own = state::predict(&prior, design);
            let error = |(y, f): (&f64, &f64)| (y / f).ln().abs();
            let distance = prior::median(design.seconds.iter().zip(&own).map(error));
            distance.is_finite().then_some((distance, index, prior))
        })
        .collect();
    if most == 0 {
        return Vec::new();
    }
    near.sort_by(|a, b| a.0.total_cmp(&b.0));
    let twins = near
        .iter()
        .take(if design.len() < TWIN_TIMINGS {
            0
        } else {
            most.min(TWINS)
        })
        .filter_map(|(_, index, _)| {
            let (name, calibration) = &known[*index];
            Prior::like(name, calibration, Likeness::Twin, design, has_cold_weights)
        });
    let twins: Vec<Prior> = twins.collect();
    let mut priors: Vec<Prior> = near.into_iter().map(|(_, _, prior)| prior).collect();
    let common = Prior::common(&priors, &design.threads);
    priors.truncate(most);
    priors.extend(twins);
    priors.extend(common);
    priors
}

/// The step that all latencies are multiples of, if it is coarse enough to matter.
fn resolution_ms(timings: &[Timing]) -> f64 {
    let steps = [10.0, 1.0, 0.1, 0.01, 0.001];
    let fits = |step: f64| {
        let multiple =
            |ms: f64| (ms / step - (ms / step).round()).abs() < 1e-6 * (ms / step).max(1.0);
        timings.iter().all(|timing| multiple(timing.latency_ms))
    };
    steps.into_iter().find(|&step| fits(step)).unwrap_or(0.0)
}

#[cfg(test)]
mod tests;
