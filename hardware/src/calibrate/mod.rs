//! From measurements to a platform profile, and how well a profile holds on measurements.

mod folds;
mod material;
mod profile;
mod validation;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use roofnas_cost::calibration::{Calibration, Measured, MeasuredOnThreads};
use roofnas_cost::{
    Dtype, Figures, LatencyError, LatencyModel, Platform, PlatformError, Prediction, ThreadsError,
};
use thiserror::Error;

pub use folds::{CrossValidation, family};
pub use material::{KernelTiming, Material, MeasuredNetwork};
pub use validation::{ThreadFigures, Validation};

use validation::{Place, Placed, Predictions};

use crate::baseline::{Baseline, Timing};
use crate::fit::{self, Fit, FitError, FitOptions};
use crate::measurements::{MeasurementError, draw};
use crate::sampling::is_anchor;

/// What a calibration is to be.
#[derive(Debug, Clone)]
pub struct CalibrateOptions {
    /// Name of the profile.
    pub name: String,
    /// The machine and its engine, in words.
    pub description: String,
    /// Number format of the timings.
    pub dtype: Dtype,
    /// A profile that lends its theoretical and measured roofs, fusion and utilisation rules.
    pub base: Option<Platform>,
    /// Networks to fit on, the others being held out; all of them if absent.
    pub samples: Option<usize>,
    /// Seed of that draw, and of the folds of a cross-validation.
    pub seed: u64,
    /// How to validate where nothing is held out.
    pub cross_validation: CrossValidation,
    /// What was measured, in words.
    pub source: String,
    /// Licence of the measurements.
    pub licence: Option<String>,
    /// Whom to name as their author.
    pub attribution: Option<String>,
    /// How to fit.
    pub fit: FitOptions,
}

/// A calibrated platform and how well it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrated {
    /// The profile.
    pub platform: Platform,
    /// The model on its own timings.
    pub fit: Figures,
    /// The model on networks it has not seen, held out or by cross-validation, beside the simple baselines, fitted on the same ones.
    pub held_out: Option<Validation>,
    /// Networks that were given little weight, since they are unlike the others: name, with batch and threads where there are several, and weight, 1 for an ordinary one.
    pub outliers: Vec<(String, f64)>,
}

/// Why there is no profile.
#[derive(Debug, Error)]
pub enum CalibrateError {
    /// No measured network is among those with layers.
    #[error(
        "no measured network has layers: measured are {}, layers are known of {}",
        list(measured),
        list(known)
    )]
    NothingInCommon {
        /// Some of the measured networks.
        measured: Vec<String>,
        /// Some of the networks with layers.
        known: Vec<String>,
    },
    /// Fewer networks than asked for, or than anything can be said from.
    #[error(
        "{asked} networks were asked for to fit on, of {there} measured ones that can be used: at least 3 must be fitted on, and \
         fewer than there are, so that some are held out"
    )]
    Samples {
        /// What was asked for.
        asked: usize,
        /// What there is.
        there: usize,
    },
    /// None of the networks that were drawn to fit on was timed on one of the numbers of threads.
    #[error(
        "none of the {drawn} networks drawn to fit on was timed on {threads} threads: fit on more of them, or draw others (by another seed)"
    )]
    DrawLacksThreads {
        /// How many were drawn.
        drawn: usize,
        /// The number of threads.
        threads: u32,
    },
    /// All networks are of one family.
    #[error(
        "cross-validation by family needs networks of at least two families; all {0} are of one"
    )]
    OneFamily(usize),
    /// The measurements can't be what they say.
    #[error(transparent)]
    Measurements(#[from] MeasurementError),
    /// No model fits.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The model can't price for these conditions.
    #[error(transparent)]
    Latency(#[from] LatencyError),
    /// The profile doesn't hold for the threads of some rows.
    #[error(transparent)]
    Threads(#[from] ThreadsError),
    /// What was fitted is no profile.
    #[error("the fitted profile can't be used: {0}")]
    Profile(#[from] PlatformError),
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}

/// Fits a platform. `known`: platforms calibrated before, whose likeness may be used.
///
/// # Errors
/// When there are too few networks, or no model fits them.
pub fn calibrate(
    material: &Material,
    known: &[(String, &Calibration)],
    options: &CalibrateOptions,
) -> Result<Calibrated, CalibrateError> {
    let there = material.networks();
    let names: Vec<&str> = material
        .rows
        .iter()
        .map(|row| row.network.as_str())
        .collect();
    let asked = options.samples.unwrap_or(there);
    let drawn = draw(&names, asked, options.seed);
    if asked < 3 || options.samples.is_some_and(|samples| samples >= there) {
        return Err(CalibrateError::Samples { asked, there });
    }
    let fitted = fit_rows(material, &drawn.fit, known, options)?;
    let mut threads = material.threads().into_iter();
    if let Some(threads) = threads.find(|threads| !fitted.threads.contains(threads)) {
        return Err(CalibrateError::DrawLacksThreads {
            drawn: asked,
            threads,
        });
    }
    let (held_out, held_out_by) = if options.samples.is_some() {
        let predictions = Predictions {
            model: predict(material, &drawn.held_out, &fitted, options)?,
            baselines: baselines(material, &drawn.fit, &drawn.held_out),
        };
        let by = format!(
            "{there} networks less {asked} drawn with seed {}",
            options.seed
        );
        (predictions, Some(by))
    } else {
        let names: Vec<&str> = drawn.fit.iter().map(|&row| names[row]).collect();
        let folds = options.cross_validation.folds(&names, options.seed)?;
        let predictions = cross_validate(material, &folds, known, options)?;
        (predictions, options.cross_validation.words(folds.len()))
    };
    let held_out = held_out.validation();
    let on_itself = Predictions {
        model: predict(material, &drawn.fit, &fitted, options)?,
        baselines: BTreeMap::new(),
    };
    let fit = on_itself.validation().ok_or(FitError::Numerical)?.model;
    let checked = held_out.as_ref();
    let trusts = drawn.fit.iter().zip(&fitted.trust);
    let outliers: BTreeMap<usize, f64> = trusts
        .filter(|(_, trust)| **trust < OUTLIER_TRUST)
        .map(|(&row, &trust)| (row, trust))
        .collect();
    let predictions = on_itself.model.iter().map(|(_, prediction)| prediction);
    let disturbed: BTreeSet<usize> = drawn
        .fit
        .iter()
        .zip(predictions)
        .filter(|(row, own)| outliers.contains_key(row) && own.measured_ms > own.mean_ms)
        .map(|(&row, _)| row)
        .collect();
    let measured = Measured {
        networks: asked.min(there),
        timings: material.count(&drawn.fit),
        source: options.source.clone(),
        situation: material.situation.clone(),
        fitted_by: concat!("roofnas ", env!("CARGO_PKG_VERSION")).to_owned(),
        fit,
        held_out: checked.map(|held_out| held_out.model),
        held_out_by,
        best_baseline: checked.and_then(|held_out| validation::best(&held_out.baselines)),
        held_out_by_batch: checked.map_or_else(Vec::new, |held_out| held_out.by_batch.clone()),
        by_threads: by_threads(material, &drawn.fit, &disturbed, checked),
        anchor_ms: anchors(material, &disturbed, fewest(&material.threads())),
    };
    let several = (
        material.batches().are_several(),
        material.threads().len() > 1,
    );
    let name = |row: &MeasuredNetwork| {
        let at = match several.0 {
            true => format!(" at batch {}", row.batch),
            false => String::new(),
        };
        let on = match row.threads.filter(|_| several.1) {
            Some(1) => " on 1 thread".to_owned(),
            Some(threads) => format!(" on {threads} threads"),
            None => String::new(),
        };
        format!("{}{at}{on}", row.network)
    };
    Ok(Calibrated {
        outliers: outliers
            .iter()
            .map(|(&row, &trust)| (name(&material.rows[row]), trust))
            .collect(),
        platform: profile::platform(material, &fitted, measured, options)?,
        fit,
        held_out,
    })
}

/// What the anchors took that are among the networks, at the smallest batch and on so many threads. Without those that took far longer than the fit says: one that
/// was measured beside something else would make the machine seem quicker ever after. One that was quicker is unlike the model, and as good as any.
fn anchors(
    material: &Material,
    disturbed: &BTreeSet<usize>,
    threads: Option<u32>,
) -> BTreeMap<String, f64> {
    let smallest = material.batches().smallest();
    let rows = material.rows.iter().enumerate();
    let rows = rows.filter(|(place, row)| row.threads == threads && !disturbed.contains(place));
    let anchors = rows.filter(|(_, row)| row.batch == smallest && is_anchor(&row.network));
    anchors
        .map(|(_, row)| (row.network.clone(), row.latency_ms))
        .collect()
}

/// The fewest threads that timings are of, where stated.
fn fewest(threads: &[u32]) -> Option<u32> {
    threads.first().copied()
}

/// What was measured on each of several numbers of threads, and how well the model holds there.
fn by_threads(
    material: &Material,
    fitted: &[usize],
    disturbed: &BTreeSet<usize>,
    checked: Option<&Validation>,
) -> Vec<MeasuredOnThreads> {
    let threads = material.threads();
    if threads.len() < 2 {
        return Vec::new();
    }
    let on = |threads: u32| {
        let figures = checked.map_or(&[][..], |checked| &checked.by_threads);
        let own = figures.iter().find(|own| own.threads == threads);
        let rows = fitted.iter().map(|&row| &material.rows[row]);
        let networks: BTreeSet<&str> = rows
            .filter(|row| row.threads == Some(threads))
            .map(|row| row.network.as_str())
            .collect();
        MeasuredOnThreads {
            threads,
            networks: networks.len(),
            anchor_ms: anchors(material, disturbed, Some(threads)),
            best_baseline: own.and_then(|own| own.best_baseline.clone()),
            held_out: own.map(|own| own.model),
        }
    };
    threads.into_iter().map(on).collect()
}

/// Timings with less weight than this are named.
const OUTLIER_TRUST: f64 = 0.3;

/// How well a platform holds on measurements, each row priced at its batch and, where the platform is of several numbers of threads, on its threads; nothing where there are none. Beside it the simple baselines, each
/// network predicted by one fitted on four fifths of the others.
///
/// # Errors
/// When the platform has no roofs for the number format, can't be priced at one of the batches, or isn't of one of several numbers of threads.
pub fn validate(
    material: &Material,
    platform: &Platform,
    dtype: Dtype,
) -> Result<Option<Validation>, CalibrateError> {
    let names: Vec<&str> = material
        .rows
        .iter()
        .map(|row| row.network.as_str())
        .collect();
    let folds = CrossValidation::Folds(5)
        .folds(&names, 0)
        .unwrap_or_default();
    let all: Vec<usize> = (0..material.rows.len()).collect();
    let mut predictions = Predictions {
        model: price(material, &all, platform, dtype)?,
        baselines: BTreeMap::new(),
    };
    for fold in &folds {
        predictions.extend(Predictions {
            model: Vec::new(),
            baselines: baselines(material, &fold.fit, &fold.held_out),
        });
    }
    Ok(predictions.validation())
}

fn fit_rows(
    material: &Material,
    rows: &[usize],
    known: &[(String, &Calibration)],
    options: &CalibrateOptions,
) -> Result<Fit, CalibrateError> {
    Ok(fit::fit(
        &material.timings(rows, options.dtype),
        known,
        &options.fit,
    )?)
}

/// Predictions by a fit, in the form it has in a profile; none of rows on numbers of threads that it has seen nothing of.
fn predict(
    material: &Material,
    rows: &[usize],
    fitted: &Fit,
    options: &CalibrateOptions,
) -> Result<Vec<Placed>, CalibrateError> {
    let platform = profile::platform(material, fitted, profile::unmeasured(), options)?;
    let is_known = |row: &&usize| {
        let threads = material.rows[**row].threads;
        threads.is_none_or(|threads| fitted.threads.contains(&threads))
    };
    let rows: Vec<usize> = rows.iter().filter(is_known).copied().collect();
    price(material, &rows, &platform, options.dtype)
}

/// Prices rows, each at its batch and on its threads.
fn price(
    material: &Material,
    rows: &[usize],
    platform: &Platform,
    dtype: Dtype,
) -> Result<Vec<Placed>, CalibrateError> {
    let mut models: BTreeMap<Place, LatencyModel> = BTreeMap::new();
    for &row in rows {
        let place = material.rows[row].place();
        if models.contains_key(&place) {
            continue;
        }
        let platform = match (platform.threads_to_choose(), place.threads) {
            ([], _) | (_, None) => platform.clone(),
            (_, Some(threads)) => platform.clone().on_threads(threads)?,
        };
        models.insert(place, LatencyModel::new(platform, dtype, place.batch)?);
    }
    let of = |&row: &usize| {
        let row = &material.rows[row];
        let price = models.get(&row.place())?.price(&row.cost);
        let prediction = Prediction {
            measured_ms: row.latency_ms,
            mean_ms: price.mean_ms,
            std_ms: Some(price.std_ms),
            upper95_ms: Some(price.upper95_ms()),
        };
        Some((row.place(), prediction))
    };
    Ok(rows.iter().filter_map(of).collect())
}

type BaselinePredictions = BTreeMap<&'static str, Vec<Placed>>;

fn baselines(material: &Material, fit: &[usize], held_out: &[usize]) -> BaselinePredictions {
    let timing = |&row: &usize| Timing {
        cost: &material.rows[row].cost,
        batch: material.rows[row].batch,
        latency_ms: material.rows[row].latency_ms,
    };
    let timings: Vec<Timing<'_>> = fit.iter().map(timing).collect();
    let mut predictions = BaselinePredictions::new();
    for baseline in Baseline::ALL {
        // timings that a baseline can't be fitted on leave it out
        let Ok(fitted) = baseline.fit(&timings) else {
            continue;
        };
        let predicted = held_out.iter().map(|&row| {
            let row = &material.rows[row];
            let prediction = Prediction {
                measured_ms: row.latency_ms,
                mean_ms: fitted.predict_ms(&row.cost, row.batch),
                std_ms: None,
                upper95_ms: None,
            };
            (row.place(), prediction)
        });
        predictions.insert(baseline.name(), predicted.collect());
    }
    predictions
}

fn cross_validate(
    material: &Material,
    folds: &[folds::Fold],
    known: &[(String, &Calibration)],
    options: &CalibrateOptions,
) -> Result<Predictions, CalibrateError> {
    let part = |fold: &folds::Fold| -> Result<Predictions, CalibrateError> {
        let fitted = fit_rows(material, &fold.fit, known, options)?;
        Ok(Predictions {
            model: predict(material, &fold.held_out, &fitted, options)?,
            baselines: baselines(material, &fold.fit, &fold.held_out),
        })
    };
    let parts: Vec<Result<Predictions, CalibrateError>> = folds.par_iter().map(part).collect();
    let mut predictions = Predictions::default();
    for part in parts {
        predictions.extend(part?);
    }
    Ok(predictions)
}
