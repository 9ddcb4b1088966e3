//! A fit as a platform profile.

use std::collections::BTreeMap;

use roofnas_cost::calibration::{Calibration, Component, Composition, Measured, operators_of};
use roofnas_cost::{
    FORMAT, Figures, OpClass, Overhead, Platform, PlatformError, Prediction, Provenance,
    RoofFigures, Roofs, Uncertainty,
};

use super::{CalibrateOptions, Material};
use crate::fit::Fit;

/// The profile of a fit, as its file will read: what is validated is what ships.
pub(super) fn platform(
    material: &Material,
    fit: &Fit,
    measured: Measured,
    options: &CalibrateOptions,
) -> Result<Platform, PlatformError> {
    let classes = classes(material);
    let kernels = material.rows.iter().flat_map(|row| &row.cost.kernels);
    let calibration = Calibration {
        batch: material.batches(),
        threads: if fit.threads.len() > 1 {
            fit.threads.clone()
        } else {
            Vec::new()
        },
        classes: classes.clone(),
        operators: Some(operators_of(kernels)),
        degrees_of_freedom: fit.degrees_of_freedom,
        resolution_ms: fit.resolution_ms,
        measured,
        components: fit.components.clone(),
    };
    let base = options.base.as_ref();
    let mut roofs = base
        .and_then(|base| base.roofs.get(&options.dtype).cloned())
        .unwrap_or(Roofs {
            theoretical: None,
            measured: None,
            achieved: None,
        });
    // the components come in order of their weight
    let best = &fit.components[0];
    roofs.achieved = Some(achieved(best, &classes));
    let mut sources = vec![options.source.clone()];
    if let Some(base) = base {
        sources.extend(borrowed_sources(base));
    }
    let platform = Platform {
        format: FORMAT,
        name: options.name.clone(),
        description: options.description.clone(),
        threads: match (&material.threads()[..], &fit.threads[..]) {
            ([_, ..], [one]) => Some(*one),
            _ => None,
        },
        provenance: Provenance {
            sources,
            licence: options.licence.clone(),
            attribution: options.attribution.clone(),
        },
        uncertainty: Uncertainty {
            prior_relative_std: 0.5,
            reason: "for what the calibration does not cover: roofline prices are often off by half or more".to_owned(),
        },
        overhead: overhead(best, &classes),
        fusion: material.fusion.clone(),
        roofs: BTreeMap::from([(options.dtype, roofs)]),
        utilisation: base
            .and_then(|base| Some((options.dtype, *base.utilisation.get(&options.dtype)?)))
            .into_iter()
            .collect(),
        calibration: BTreeMap::from([(options.dtype, calibration)]),
    };
    Platform::from_toml(&platform.to_toml())
}

/// Where what a base lends comes from: its own measurements of networks are none of that.
fn borrowed_sources(base: &Platform) -> Vec<String> {
    let measured = |source: &&String| {
        let mut calibrations = base.calibration.values();
        calibrations.any(|calibration| calibration.measured.source == **source)
    };
    let lent = base
        .provenance
        .sources
        .iter()
        .filter(|source| !measured(source));
    lent.map(|source| match source.starts_with("from ") {
        true => source.clone(),
        false => format!("from {}: {source}", base.name),
    })
    .collect()
}

/// Classes of operators that occur in the material.
fn classes(material: &Material) -> Vec<OpClass> {
    let kernels = material.rows.iter().flat_map(|row| &row.cost.kernels);
    let mut classes: Vec<OpClass> = kernels
        .map(|kernel| kernel.class)
        .filter(|&class| class != OpClass::View)
        .collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

const FITTED: &str = "fitted to the timings under broad priors: what the engine reaches in the model, not the machine's own roofs";

fn achieved(best: &Component, classes: &[OpClass]) -> RoofFigures {
    let parameters = &best.parameters;
    let of = |table: &BTreeMap<OpClass, f64>| -> Vec<f64> {
        let mut values: Vec<f64> = classes
            .iter()
            .filter_map(|c| table.get(c))
            .copied()
            .collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let multiplies = |class: &OpClass| {
        !matches!(
            class,
            OpClass::Pool | OpClass::Elementwise | OpClass::DataMovement | OpClass::View
        )
    };
    let rates = classes.iter().filter(|class| multiplies(class));
    let peaks: BTreeMap<OpClass, f64> = rates
        .filter_map(|class| Some((*class, 1e-3 * parameters.peak_gflops.get(class)?)))
        .collect();
    let largest = peaks.values().copied().fold(0.0, f64::max);
    let bandwidths = of(&parameters.bandwidth_gb_s);
    RoofFigures {
        peak_tflops: if largest > 0.0 {
            largest
        } else {
            1e-3 * of(&parameters.peak_gflops).last().copied().unwrap_or(1.0)
        },
        bandwidth_gb_s: bandwidths.get(bandwidths.len() / 2).copied().unwrap_or(1.0),
        class_peak_tflops: peaks,
        source: FITTED.to_owned(),
    }
}

fn overhead(best: &Component, classes: &[OpClass]) -> Overhead {
    let parameters = &best.parameters;
    // captured graphs have no overhead for each kernel, so none was fitted
    let counts = if best.composition == Composition::Graph {
        0.0
    } else {
        1.0
    };
    let own = |class: &OpClass| Some((*class, counts * parameters.overhead_us.get(class)?));
    let class_us: BTreeMap<OpClass, f64> = classes.iter().filter_map(own).collect();
    let mut sorted: Vec<f64> = class_us.values().copied().collect();
    sorted.sort_by(f64::total_cmp);
    Overhead {
        inference_us: parameters.inference_us,
        kernel_us: sorted.get(sorted.len() / 2).copied().unwrap_or(0.0),
        class_us,
        source: FITTED.to_owned(),
    }
}

/// Stands in while a profile is only needed to predict with.
pub(super) fn unmeasured() -> Measured {
    let exact = Prediction {
        measured_ms: 1.0,
        mean_ms: 1.0,
        std_ms: None,
        upper95_ms: None,
    };
    Measured {
        networks: 0,
        timings: 0,
        source: String::new(),
        situation: None,
        fitted_by: String::new(),
        fit: Figures::of(&[exact]).expect("one prediction has figures"),
        held_out: None,
        held_out_by: None,
        best_baseline: None,
        held_out_by_batch: Vec::new(),
        by_threads: Vec::new(),
        anchor_ms: BTreeMap::new(),
    }
}
