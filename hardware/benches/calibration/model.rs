//! Fitting the model and the baselines to some rows of a column, and predicting others.

use std::collections::BTreeMap;
use std::time::Instant;

use roofnas_cost::calibration::{Batches, Calibration, Measured, PreparedCalibration, Workload};
use roofnas_cost::{Figures, Prediction, student_quantile};
use roofnas_hardware::fit::{Fit, FitOptions, Timing as FitTiming, fit};
use roofnas_hardware::{Baseline, LatencyByNetwork, NearestPlatform, Timing};

use crate::data::Column;

/// Platforms calibrated before, by name.
pub(crate) type Known<'a> = [(String, &'a Calibration)];

/// A model fitted to some rows.
pub(crate) struct Model {
    pub(crate) calibration: Calibration,
    pub(crate) seconds: f64,
}

/// What knows of no other platform.
pub(crate) fn alone() -> FitOptions {
    FitOptions {
        neighbours: 0,
        components: 1,
        ..FitOptions::default()
    }
}

impl Model {
    /// Fits some rows of a column.
    pub(crate) fn fit(
        column: &Column,
        rows: &[usize],
        known: &Known,
        options: &FitOptions,
    ) -> Self {
        let timing = |&row: &usize| FitTiming {
            network_weights: Workload::weights_of(&column.rows[row].works),
            works: column.rows[row].works.clone(),
            latency_ms: column.rows[row].latency_ms,
            is_call: true,
            threads: column.rows[row].threads,
            run: 0,
            repeats: 1.0,
            error_ms: 0.0,
        };
        let timings: Vec<FitTiming> = rows.iter().map(timing).collect();
        let began = Instant::now();
        let fitted = fit(&timings, known, options).unwrap();
        Self {
            seconds: began.elapsed().as_secs_f64(),
            calibration: calibration(fitted, rows.iter().map(|&row| column.rows[row].batch)),
        }
    }

    /// Predicts rows of a column.
    pub(crate) fn predict(&self, column: &Column, rows: &[usize]) -> Vec<Prediction> {
        let of = |calibration: &Calibration| PreparedCalibration::new(calibration);
        let several = self.calibration.threads.iter();
        let each: BTreeMap<u32, PreparedCalibration> = several
            .map(|&threads| (threads, of(&self.calibration.on_threads(threads).unwrap())))
            .collect();
        let only = each.is_empty().then(|| of(&self.calibration));
        let predict = |&row: &usize| {
            let prepared = only
                .as_ref()
                .unwrap_or_else(|| &each[&column.rows[row].threads]);
            let price = prepared.price(&column.rows[row].works, None);
            let quantile = student_quantile(0.95, price.degrees_of_freedom);
            Prediction {
                measured_ms: column.rows[row].latency_ms,
                mean_ms: 1e3 * price.mean_s,
                std_ms: Some(1e3 * price.std_s),
                upper95_ms: Some(1e3 * (price.mean_s + quantile * price.std_s)),
            }
        };
        rows.iter().map(predict).collect()
    }
}

/// A calibration as a profile holds it, but for the story of its measurement.
fn calibration(fit: Fit, batches: impl Iterator<Item = u64>) -> Calibration {
    let nothing = Figures::of(&[Prediction {
        measured_ms: 1.0,
        mean_ms: 1.0,
        std_ms: None,
        upper95_ms: None,
    }]);
    Calibration {
        batch: Batches::of(batches),
        threads: match &fit.threads[..] {
            [_] => Vec::new(),
            several => several.to_vec(),
        },
        classes: Vec::new(),
        operators: None,
        degrees_of_freedom: fit.degrees_of_freedom,
        resolution_ms: fit.resolution_ms,
        measured: Measured {
            networks: 0,
            timings: 0,
            source: String::new(),
            situation: None,
            fitted_by: String::new(),
            fit: nothing.unwrap(),
            held_out: None,
            held_out_by: None,
            best_baseline: None,
            held_out_by_batch: Vec::new(),
            by_threads: Vec::new(),
            anchor_ms: BTreeMap::new(),
        },
        components: fit.components,
    }
}

/// What each of [`Baseline::ALL`] says of rows held out.
pub(crate) fn baselines(column: &Column, fit: &[usize], held_out: &[usize]) -> [Vec<f64>; 5] {
    let timing = |&row: &usize| Timing {
        cost: &column.rows[row].cost,
        batch: column.rows[row].batch,
        latency_ms: column.rows[row].latency_ms,
    };
    let timings: Vec<Timing> = fit.iter().map(timing).collect();
    Baseline::ALL.map(|baseline| {
        let fitted = baseline.fit(&timings).unwrap();
        let rows = held_out
            .iter()
            .map(|&row| &column.rows[row])
            .map(|row| fitted.predict_ms(&row.cost, row.batch));
        rows.collect()
    })
}

/// What the nearest platform of another device says of rows held out; nothing where no other platform has measured all of them.
pub(crate) fn nearest(
    column: &Column,
    fit: &[usize],
    held_out: &[usize],
    others: &[Column],
) -> Option<Vec<f64>> {
    let others = others.iter().filter(|other| other.device != column.device);
    let others: BTreeMap<String, LatencyByNetwork> = others
        .map(|other| (other.name.clone(), other.latencies_ms(&other.all())))
        .filter(|(_, known)| {
            held_out
                .iter()
                .all(|&row| known.contains_key(&column.rows[row].network))
        })
        .collect();
    let nearest = NearestPlatform::fit(&column.latencies_ms(fit), &others)?;
    let rows = held_out.iter();
    rows.map(|&row| nearest.predict_ms(&column.rows[row].network))
        .collect()
}

/// Mean absolute relative error of predictions of some rows.
pub(crate) fn mape(column: &Column, rows: &[usize], predicted_ms: &[f64]) -> f64 {
    let measured = rows.iter().map(|&row| column.rows[row].latency_ms);
    let errors = measured.zip(predicted_ms).map(|(y, f)| (f / y - 1.0).abs());
    errors.sum::<f64>() / rows.len() as f64
}
