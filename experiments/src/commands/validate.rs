//! `roofnas validate`.

use std::collections::BTreeSet;

use roofnas::{Error, SinceCalibration};
use roofnas_cost::{Dtype, LatencyModel, Platform};
use roofnas_hardware::sampling::{is_anchor, slower};
use roofnas_hardware::{CalibrateError, Material, Profiles};
use serde_json::Value;

use super::figures::{Comparison, closing, doubts, rows};
use super::measurements::Tables;
use super::output::print;
use super::since_calibration::{in_words as since_in_words, object as since_object};
use super::suited::situations_differ;
use crate::cli::{Format, ValidateArgs};
use crate::spinner::spin;

/// Holds a platform profile against measurements.
pub(crate) fn validate(args: &ValidateArgs) -> anyhow::Result<u8> {
    let profiles = Profiles::from_environment();
    let platform = profiles.find(&args.platform).map_err(Error::from)?.platform;
    let tables = Tables {
        networks: &args.networks.from,
        latency: &args.latency,
        rows: &args.rows,
    };
    let (material, code) = tables.material(args.dtype, &platform.fusion)?;
    let models = models(&platform, args.dtype, &material);
    let models = models.map_err(|error| tables.unusable(error))?;
    warn(&models, &material)?;
    let doing = format!("predicting {} networks", material.networks());
    let validation = spin(&doing, || {
        roofnas_hardware::validate(&material, &platform, args.dtype)
    });
    let nothing = || CalibrateError::NothingInCommon {
        measured: Vec::new(),
        known: Vec::new(),
    };
    let validation = validation.map_err(|error| tables.unusable(error))?;
    let validation = validation.ok_or_else(|| tables.unusable(nothing()))?;
    let comparison = Comparison::from(&validation);
    let since = match &models[..] {
        // what anchors took is known of each number of threads apart
        [model] => since_calibration(model, &material).map_err(|error| tables.unusable(error))?,
        _ => None,
    };
    if args.format != Format::Table {
        for doubt in doubts(Some(&comparison)) {
            note!("warning: {doubt}");
        }
    }
    print(&match args.format {
        Format::Table => for_people(&models, &material, &comparison, since.as_ref()),
        Format::Json => {
            let mut object = comparison.object();
            let since = since.as_ref().map_or(Value::Null, since_object);
            object.insert("since_calibration".to_owned(), since);
            serde_json::to_string_pretty(&object)?
        }
        Format::Csv => rows(Some(&comparison)).format(Format::Csv)?,
    })?;
    Ok(code)
}

/// The platform on each number of threads that rows are of, where it is of several; else as it is.
fn models(
    platform: &Platform,
    dtype: Dtype,
    material: &Material,
) -> Result<Vec<LatencyModel>, CalibrateError> {
    let batch = material.batches().smallest();
    let threads = match platform.threads_to_choose() {
        [] => Vec::new(),
        _ => material.threads(),
    };
    if threads.is_empty() {
        return Ok(vec![LatencyModel::new(platform.clone(), dtype, batch)?]);
    }
    let on = |threads: u32| {
        let platform = platform.clone().on_threads(threads)?;
        Ok(LatencyModel::new(platform, dtype, batch)?)
    };
    threads.into_iter().map(on).collect()
}

/// Conditions under which the model says little of these measurements.
fn warn(models: &[LatencyModel], material: &Material) -> Result<(), Error> {
    let mut told = BTreeSet::new();
    for model in models {
        for batch in material.batches().iter() {
            for caveat in model.at_batch(batch)?.caveats() {
                // most are the same at every batch
                if told.insert(caveat.clone()) {
                    note!("warning: {caveat}");
                }
            }
        }
    }
    let model = &models[0];
    if let ([_], Some(profile)) = (models, model.platform().threads) {
        for rows in material
            .threads()
            .into_iter()
            .filter(|&rows| rows != profile)
        {
            note!(
                "warning: rows were measured with {rows} threads, and platform {} holds for {profile}",
                model.platform().name
            );
        }
    }
    let situation = material.situation.as_deref().unwrap_or_default();
    if let Some(doubt) = situations_differ(model.platform(), model.dtype(), situation) {
        note!("warning: {doubt}");
    }
    Ok(())
}

/// What has become of the machine since the platform was calibrated on it, where the measurements hold anchors of the calibration.
fn since_calibration(
    model: &LatencyModel,
    material: &Material,
) -> Result<Option<SinceCalibration>, CalibrateError> {
    let platform = model.platform();
    let calibration = platform.calibration.get(&model.dtype());
    // with other threads, or other things at work, it would be another machine
    let situation = material.situation.as_deref().unwrap_or_default();
    let mut threads = material.threads().into_iter();
    let is_same = threads.all(|threads| Some(threads) == platform.threads)
        && situations_differ(platform, model.dtype(), situation).is_none();
    let Some(calibration) = calibration.filter(|_| is_same) else {
        return Ok(None);
    };
    let at = calibration.batch.smallest();
    let rows = material.rows.iter().filter(|row| row.batch == at);
    let now = rows.map(|row| (&*row.network, row.latency_ms));
    let Some(slower) = slower(&calibration.measured.anchor_ms, now) else {
        return Ok(None);
    };
    let mut others = material.clone();
    others.rows.retain(|row| !is_anchor(&row.network));
    for row in &mut others.rows {
        // predictions that much longer err as much, relative to what was measured
        row.latency_ms /= slower;
    }
    let validation = roofnas_hardware::validate(&others, platform, model.dtype())?;
    Ok(validation.map(|validation| SinceCalibration {
        slower,
        figures: validation.model,
    }))
}

fn for_people(
    models: &[LatencyModel],
    material: &Material,
    comparison: &Comparison<'_>,
    since: Option<&SinceCalibration>,
) -> String {
    let since = since.map_or_else(String::new, |since| {
        format!("{}\n\n", since_in_words(since))
    });
    let model = &models[0];
    let names: Vec<&str> = models.iter().map(|model| &*model.platform().name).collect();
    format!(
        "Platform {} ({}), {}, {}, on {} networks ({} timings). The baselines were fitted to these very measurements: each network is \
         predicted by one fitted on four fifths of the others. Shares in percent:\n\n{}\n\n{since}{}",
        names.join(", "),
        model.label(),
        model.dtype(),
        material.batches(),
        material.networks(),
        material.rows.len(),
        comparison.tables(),
        closing(Some(comparison))
    )
}
