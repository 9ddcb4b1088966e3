//! `roofnas validate`.

use std::collections::BTreeSet;

use roofnas::{Error, exit};
use roofnas_cost::LatencyModel;
use roofnas_hardware::{CalibrateError, Material, Profiles};

use super::figures::{Comparison, closing, doubts, rows};
use super::measurements::Tables;
use super::output::print;
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
    let material = tables.material(args.dtype, &platform.fusion)?;
    let smallest = material.batches().smallest();
    let model = LatencyModel::new(platform, args.dtype, smallest).map_err(Error::from)?;
    warn(&model, &material)?;
    let doing = format!("predicting {} networks", material.networks());
    let validation = spin(&doing, || roofnas_hardware::validate(&material, &model));
    let nothing = || CalibrateError::NothingInCommon {
        measured: Vec::new(),
        known: Vec::new(),
    };
    let validation = validation.map_err(Error::from)?;
    let validation = validation.ok_or_else(|| tables.unusable(nothing()))?;
    let comparison = Comparison::from(&validation);
    if args.format != Format::Table {
        for doubt in doubts(Some(&comparison)) {
            note!("warning: {doubt}");
        }
    }
    print(&match args.format {
        Format::Table => for_people(&model, &material, &comparison),
        Format::Json => serde_json::to_string_pretty(&comparison.object())?,
        Format::Csv => rows(Some(&comparison)).format(Format::Csv)?,
    })?;
    Ok(exit::DONE)
}

/// Conditions under which the model says little of these measurements.
fn warn(model: &LatencyModel, material: &Material) -> Result<(), Error> {
    let mut told = BTreeSet::new();
    for batch in material.batches().iter() {
        for caveat in model.at_batch(batch)?.caveats() {
            // most are the same at every batch
            if told.insert(caveat.clone()) {
                note!("warning: {caveat}");
            }
        }
    }
    if let (Some(profile), Some(rows)) = (model.platform().threads, material.threads)
        && profile != rows
    {
        note!(
            "warning: the rows were measured with {rows} threads, and platform {} holds for {profile}",
            model.platform().name
        );
    }
    Ok(())
}

fn for_people(model: &LatencyModel, material: &Material, comparison: &Comparison<'_>) -> String {
    format!(
        "Platform {} ({}), {}, {}, on {} networks ({} timings). The baselines were fitted to these very measurements: each network is \
         predicted by one fitted on four fifths of the others. Shares in percent:\n\n{}\n\n{}",
        model.platform().name,
        model.label(),
        model.dtype(),
        material.batches(),
        material.networks(),
        material.rows.len(),
        comparison.tables(),
        closing(Some(comparison))
    )
}
