//! `roofnas platforms`.

use roofnas::{Error, exit};
use roofnas_cost::calibration::{BatchFigures, Batches, Calibration, Measured, MeasuredOnThreads};
use roofnas_cost::{Dtype, Figures, Platform, RoofFigures, RoofKind, Roofs};
use roofnas_hardware::{Profiles, ThreadFigures};
use serde_json::Value;

use super::figures::{by_batch, by_threads, percent};
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
            let mut platforms = Vec::new();
            for name in profiles.names().map_err(Error::from)? {
                match find(&name) {
                    Ok(profile) => platforms.push(profile.platform),
                    // one that doesn't read keeps none of the others away
                    Err(error) => {
                        note!("error: {error}");
                        code = error.exit_code();
                    }
                }
            }
            match format {
                Format::Table => for_people(&platforms).format(format)?,
                _ => for_programs(&platforms).format(format)?,
            }
        }
        (Some(name), Format::Table) => find(name)?.platform.to_toml(),
        (Some(name), Format::Json) => serde_json::to_string_pretty(&find(name)?.platform)?,
        (Some(name), Format::Csv) => for_programs(&[find(name)?.platform]).format(Format::Csv)?,
    };
    print(&text)?;
    Ok(code)
}

/// Columns of the long form: a row for each number format and kind of roof.
const COLUMNS: [&str; 22] = [
    "name",
    "dtype",
    "roofs",
    "in_use",
    "peak_tflops",
    "bandwidth_gb_s",
    "ridge_flop_per_byte",
    "threads",
    "calibration",
    "calibration_networks",
    "calibration_batch",
    "held_out_by",
    "held_out_mape",
    "held_out_spearman",
    "held_out_coverage_90",
    "best_baseline",
    "best_baseline_mape",
    "held_out_by_batch",
    "held_out_by_threads",
    "licence",
    "sources",
    "description",
];

fn for_programs(platforms: &[Platform]) -> Data {
    let mut data = Data::new(&COLUMNS);
    for platform in platforms {
        for (dtype, roofs) in &platform.roofs {
            for (kind, figures) in roofs.known() {
                data.push(row(platform, *dtype, roofs, kind, figures));
            }
        }
    }
    data
}

fn row(
    platform: &Platform,
    dtype: Dtype,
    roofs: &Roofs,
    kind: RoofKind,
    figures: &RoofFigures,
) -> Vec<Value> {
    let calibration = platform.calibration.get(&dtype);
    let measured = calibration.map(|calibration| &calibration.measured);
    let held_out = measured.and_then(|measured| measured.held_out);
    let baseline = measured.and_then(|measured| measured.best_baseline.as_ref());
    let in_use = roofs.in_use().is_some_and(|(used, _)| used == kind);
    vec![
        platform.name.clone().into(),
        dtype.name().into(),
        kind.name().into(),
        in_use.into(),
        figures.peak_tflops.into(),
        figures.bandwidth_gb_s.into(),
        figures.roof().ridge().into(),
        threads(platform, calibration),
        calibrated_on(calibration).into(),
        measured.map(|measured| measured.networks).into(),
        calibration
            .map(|calibration| batches(&calibration.batch))
            .into(),
        measured
            .and_then(|measured| measured.held_out_by.clone())
            .into(),
        held_out.map(|figures| figures.mape).into(),
        held_out.and_then(|figures| figures.spearman).into(),
        held_out.and_then(|figures| figures.coverage_90).into(),
        baseline.map(|(name, _)| name.clone()).into(),
        baseline.map(|(_, mape)| *mape).into(),
        measured
            .filter(|measured| !measured.held_out_by_batch.is_empty())
            .map(|measured| by_batch(&measured.held_out_by_batch))
            .into(),
        measured
            .filter(|measured| !measured.by_threads.is_empty())
            .map(|measured| by_threads(&figures_by_threads(measured)))
            .into(),
        platform.provenance.licence.clone().into(),
        platform.provenance.sources.join("; ").into(),
        platform.description.clone().into(),
    ]
}

/// How well a calibration of several numbers of threads holds on each, where networks were held out.
fn figures_by_threads(measured: &Measured) -> Vec<ThreadFigures> {
    let all = measured.by_threads.iter();
    let figures = all.filter_map(|on| {
        Some(ThreadFigures {
            threads: on.threads,
            best_baseline: on.best_baseline.clone(),
            model: on.held_out?,
        })
    });
    figures.collect()
}

/// A number, or a list of several; nothing where the profile doesn't say.
fn threads(platform: &Platform, calibration: Option<&Calibration>) -> Value {
    match calibration.map(|calibration| &calibration.threads[..]) {
        Some([_, ..]) => calibration
            .map(|calibration| calibration.threads.clone())
            .into(),
        _ => platform.threads.into(),
    }
}

/// A number, or a list of several.
fn batches(batches: &Batches) -> Value {
    match batches.are_several() {
        true => batches.iter().collect(),
        false => batches.smallest().into(),
    }
}

/// How well a calibration holds on networks it has not seen.
struct Holds<'a> {
    model: Figures,
    best_baseline: Option<&'a (String, f64)>,
}

impl<'a> Holds<'a> {
    fn at(at: &'a BatchFigures) -> Self {
        Self {
            model: at.model,
            best_baseline: at.best_baseline.as_ref(),
        }
    }

    fn on(on: &'a MeasuredOnThreads) -> Option<Self> {
        Some(Self {
            model: on.held_out?,
            best_baseline: on.best_baseline.as_ref(),
        })
    }

    fn overall(measured: &'a Measured) -> Option<Self> {
        Some(Self {
            model: measured.held_out?,
            best_baseline: measured.best_baseline.as_ref(),
        })
    }
}

/// The same in a row for people, one figure for each batch or number of threads.
#[derive(Default)]
struct Shown {
    batches: String,
    errors: String,
    correlations: String,
    baselines: String,
}

impl Shown {
    fn new(calibration: &Calibration) -> Self {
        let measured = &calibration.measured;
        let by_batch = measured.held_out_by_batch.iter();
        let by_threads = measured.by_threads.iter();
        let all: Vec<Option<Holds<'_>>> = if by_threads.len() > 0 {
            by_threads.map(Holds::on).collect()
        } else if by_batch.len() > 0 {
            by_batch.map(|at| Some(Holds::at(at))).collect()
        } else {
            vec![Holds::overall(measured)]
        };
        let listed = |of: fn(&Holds<'_>) -> Option<String>| {
            let words = all.iter().map(|holds| {
                let word = holds.as_ref().and_then(of);
                word.unwrap_or("-".to_owned())
            });
            words.collect::<Vec<_>>().join(" ")
        };
        let batches = calibration.batch.iter().map(|batch| batch.to_string());
        Self {
            batches: batches.collect::<Vec<_>>().join(" "),
            errors: listed(|holds| Some(percent(holds.model.mape))),
            correlations: listed(|holds| Some(format!("{:.3}", holds.model.spearman?))),
            baselines: listed(|holds| Some(percent(holds.best_baseline?.1))),
        }
    }
}

fn calibrated_on(calibration: Option<&Calibration>) -> String {
    calibration.map_or_else(
        || "uncalibrated".to_owned(),
        |calibration| format!("{} networks", calibration.measured.networks),
    )
}

/// As in [`Shown`]: one after the other, as the figures.
fn shown_threads(platform: &Platform, calibration: Option<&Calibration>) -> Value {
    match calibration.map(|calibration| &calibration.threads[..]) {
        Some(several @ [_, ..]) => {
            let words: Vec<String> = several.iter().map(ToString::to_string).collect();
            words.join(" ").into()
        }
        _ => platform.threads.into(),
    }
}

/// Characters of a description that a table shows.
const DESCRIBED: usize = 50;

/// A row for each number format, with the roofs in use. A profile of several batches or numbers of threads has its figures at each of them, one after
/// the other.
fn for_people(platforms: &[Platform]) -> Data {
    let mut data = Data::new(&[
        "name",
        "dtype",
        "calibrated on",
        "batch",
        "error %",
        "Spearman",
        "baseline %",
        "TFLOP/s",
        "GB/s",
        "roofs",
        "threads",
        "description",
    ]);
    for platform in platforms {
        for (dtype, roofs) in &platform.roofs {
            let Some((kind, figures)) = roofs.in_use() else {
                continue;
            };
            let calibration = platform.calibration.get(dtype);
            let shown = calibration.map(Shown::new).unwrap_or_default();
            data.push(vec![
                platform.name.clone().into(),
                dtype.name().into(),
                calibrated_on(calibration).into(),
                shown.batches.into(),
                shown.errors.into(),
                shown.correlations.into(),
                shown.baselines.into(),
                figures.peak_tflops.into(),
                figures.bandwidth_gb_s.into(),
                kind.name().into(),
                shown_threads(platform, calibration),
                shortened(&platform.description).into(),
            ]);
        }
    }
    data
}

fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if text.chars().count() <= DESCRIBED {
        return line.to_owned();
    }
    let shown: String = line.chars().take(DESCRIBED - 3).collect();
    format!("{}...", shown.trim_end())
}
