//! `roofnas platforms`.

use roofnas::{Error, exit};
use roofnas_cost::{Dtype, Platform, RoofFigures};
use roofnas_hardware::Profiles;
use serde_json::Value;

use super::output::print;
use super::table::Data;
use crate::cli::{Format, PlatformsArgs};

/// Lists the profiles at hand, or prints one in full.
pub(crate) fn platforms(args: &PlatformsArgs) -> anyhow::Result<u8> {
    let profiles = Profiles::from_environment();
    let find = |name: &str| profiles.find(name).map_err(Error::from);
    let mut code = exit::DONE;
    let text = match (&args.name, args.format) {
        (None, format) => {
            let mut data = Data::new(&COLUMNS);
            for name in profiles.names().map_err(Error::from)? {
                match find(&name) {
                    Ok(profile) => rows(&profile.platform, &mut data),
                    // one that doesn't read keeps none of the others away
                    Err(error) => {
                        eprintln!("error: {error}");
                        code = error.exit_code();
                    }
                }
            }
            data.format(format)?
        }
        (Some(name), Format::Table) => find(name)?.platform.to_toml(),
        (Some(name), Format::Json) => serde_json::to_string_pretty(&find(name)?.platform)?,
        (Some(name), Format::Csv) => {
            let mut data = Data::new(&COLUMNS);
            rows(&find(name)?.platform, &mut data);
            data.format(Format::Csv)?
        }
    };
    print(&text)?;
    Ok(code)
}

const COLUMNS: [&str; 11] = [
    "name",
    "dtype",
    "roofs",
    "peak_tflops",
    "bandwidth_gb_s",
    "ridge_flop_per_byte",
    "threads",
    "calibration_networks",
    "held_out_mape",
    "held_out_spearman",
    "description",
];

/// One row for each number format and kind of roof.
fn rows(platform: &Platform, data: &mut Data) {
    for (dtype, roofs) in &platform.roofs {
        for (kind, figures) in roofs.known() {
            data.push(row(platform, *dtype, kind.name(), figures));
        }
    }
}

fn row(platform: &Platform, dtype: Dtype, kind: &str, figures: &RoofFigures) -> Vec<Value> {
    let calibration = platform.calibration.get(&dtype);
    let held_out = calibration.and_then(|calibration| calibration.measured.held_out);
    vec![
        platform.name.clone().into(),
        dtype.name().into(),
        kind.into(),
        figures.peak_tflops.into(),
        figures.bandwidth_gb_s.into(),
        figures.roof().ridge().into(),
        platform.threads.into(),
        calibration
            .map(|calibration| calibration.measured.networks)
            .into(),
        held_out.map(|figures| figures.mape).into(),
        held_out.and_then(|figures| figures.spearman).into(),
        platform.description.clone().into(),
    ]
}
