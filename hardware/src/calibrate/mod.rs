//! From measurements to a platform profile, and how well a profile holds on measurements.

mod folds;
mod material;
mod profile;

use std::collections::BTreeMap;

use rayon::prelude::*;
use roofnas_cost::calibration::{Calibration, Measured};
use roofnas_cost::{
    Dtype, Figures, LatencyError, LatencyModel, Platform, PlatformError, Prediction,
};
use thiserror::Error;

pub use folds::{CrossValidation, family};
pub use material::{KernelTiming, Material, MeasuredNetwork};

use crate::baseline::{Baseline, Timing};
use crate::fit::{self, Fit, FitError, FitOptions};
use crate::measurements::{MeasurementError, draw};

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
    /// The model on networks it has not seen: held out, or by cross-validation.
    pub held_out: Option<Figures>,
    /// The simple baselines on the same networks, fitted on the same ones.
    pub baselines: BTreeMap<&'static str, Figures>,
    /// Networks that were given little weight, since they are unlike the others: name and weight, 1 for an ordinary one.
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
    let (held_out, baselines, held_out_by) = if options.samples.is_some() {
        let predictions = predict(material, &drawn.held_out, &fitted, options)?;
        let baselines = baselines(material, &drawn.fit, &drawn.held_out);
        let by = format!(
            "{there} networks less {asked} drawn with seed {}",
            options.seed
        );
        (Figures::of(&predictions), baselines, Some(by))
    } else {
        let names: Vec<&str> = drawn.fit.iter().map(|&row| names[row]).collect();
        let folds = options.cross_validation.folds(&names, options.seed)?;
        let (figures, baselines) = cross_validate(material, &folds, known, options)?;
        (
            figures,
            baselines,
            options.cross_validation.words(folds.len()),
        )
    };
    let fit = Figures::of(&predict(material, &drawn.fit, &fitted, options)?);
    let fit = fit.ok_or(FitError::Numerical)?;
    let baselines = figures_of(baselines);
    let best = baselines
        .iter()
        .min_by(|a, b| a.1.mape.total_cmp(&b.1.mape));
    let measured = Measured {
        networks: asked.min(there),
        timings: material.count(&drawn.fit),
        source: options.source.clone(),
        fitted_by: concat!("roofnas ", env!("CARGO_PKG_VERSION")).to_owned(),
        fit,
        held_out,
        held_out_by,
        best_baseline: best.map(|(name, figures)| ((*name).to_owned(), figures.mape)),
    };
    let outliers = drawn.fit.iter().zip(&fitted.trust);
    Ok(Calibrated {
        outliers: outliers
            .filter(|(_, trust)| **trust < OUTLIER_TRUST)
            .map(|(&row, &trust)| (material.rows[row].network.clone(), trust))
            .collect(),
        platform: profile::platform(material, &fitted, measured, options)?,
        fit,
        held_out,
        baselines,
    })
}

/// Timings with less weight than this are named.
const OUTLIER_TRUST: f64 = 0.3;

/// How well a model holds on measurements.
///
/// # Errors
/// When the model can't price.
pub fn validate(material: &Material, model: &LatencyModel) -> Option<Figures> {
    let predictions: Vec<Prediction> = material
        .rows
        .iter()
        .map(|row| prediction(model, row))
        .collect();
    Figures::of(&predictions)
}

/// The simple baselines on measurements, each network predicted by a baseline fitted on four fifths of the others.
pub fn validate_baselines(material: &Material) -> BTreeMap<&'static str, Figures> {
    let names: Vec<&str> = material
        .rows
        .iter()
        .map(|row| row.network.as_str())
        .collect();
    let folds = CrossValidation::Folds(5)
        .folds(&names, 0)
        .unwrap_or_default();
    let mut all = BTreeMap::new();
    for fold in &folds {
        collect(&mut all, baselines(material, &fold.fit, &fold.held_out));
    }
    figures_of(all)
}

type BaselinePredictions = BTreeMap<&'static str, Vec<Prediction>>;

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

/// Predictions by a fit, in the form it has in a profile.
fn predict(
    material: &Material,
    rows: &[usize],
    fitted: &Fit,
    options: &CalibrateOptions,
) -> Result<Vec<Prediction>, CalibrateError> {
    let platform = profile::platform(material, fitted, profile::unmeasured(), options)?;
    let model = LatencyModel::new(platform, options.dtype, material.batch)?;
    Ok(rows
        .iter()
        .map(|&row| prediction(&model, &material.rows[row]))
        .collect())
}

fn prediction(model: &LatencyModel, row: &MeasuredNetwork) -> Prediction {
    let price = model.price(&row.cost);
    Prediction {
        measured_ms: row.latency_ms,
        mean_ms: price.mean_ms,
        std_ms: Some(price.std_ms),
        upper95_ms: Some(price.upper95_ms()),
    }
}

fn baselines(material: &Material, fit: &[usize], held_out: &[usize]) -> BaselinePredictions {
    let timing = |&row: &usize| Timing {
        cost: &material.rows[row].cost,
        latency_ms: material.rows[row].latency_ms,
    };
    let timings: Vec<Timing<'_>> = fit.iter().map(timing).collect();
    let mut predictions = BaselinePredictions::new();
    for baseline in Baseline::ALL {
        // timings that a baseline can't be fitted on leave it out
        let Ok(fitted) = baseline.fit(&timings, material.batch) else {
            continue;
        };
        let predicted = held_out.iter().map(|&row| Prediction {
            measured_ms: material.rows[row].latency_ms,
            mean_ms: fitted.predict_ms(&material.rows[row].cost),
            std_ms: None,
            upper95_ms: None,
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
) -> Result<(Option<Figures>, BaselinePredictions), CalibrateError> {
    type Part = Result<(Vec<Prediction>, BaselinePredictions), CalibrateError>;
    let part = |fold: &folds::Fold| -> Part {
        let fitted = fit_rows(material, &fold.fit, known, options)?;
        let predictions = predict(material, &fold.held_out, &fitted, options)?;
        Ok((predictions, baselines(material, &fold.fit, &fold.held_out)))
    };
    let parts: Vec<Part> = folds.par_iter().map(part).collect();
    let (mut predictions, mut baselines) = (Vec::new(), BTreeMap::new());
    for part in parts {
        let (own, simple) = part?;
        predictions.extend(own);
        collect(&mut baselines, simple);
    }
    Ok((Figures::of(&predictions), baselines))
}

fn collect(all: &mut BaselinePredictions, part: BaselinePredictions) {
    for (name, predictions) in part {
        all.entry(name).or_default().extend(predictions);
    }
}

fn figures_of(predictions: BaselinePredictions) -> BTreeMap<&'static str, Figures> {
    predictions
        .into_iter()
        .filter_map(|(name, predictions)| Some((name, Figures::of(&predictions)?)))
        .collect()
}
