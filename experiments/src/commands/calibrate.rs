//! `roofnas calibrate`.

use std::path::Path;

use roofnas::{Error, check_writable, exit, write_whole};
use roofnas_cost::calibration::{Calibration, Composition};
use roofnas_cost::{Dtype, Fusion, Platform};
use roofnas_hardware::fit::FitOptions;
use roofnas_hardware::{CalibrateOptions, Calibrated, CrossValidation, Material, Profiles};
use serde_json::{Map, Value};

use super::calibrate_here::{Outcome, measure_here};
use super::calibrated::for_people;
use super::engine::counted;
use super::figures::{Comparison, doubts, object, rows};
use super::measurements::Tables;
use super::output::print;
use crate::cli::{CalibrateArgs, Format, Priors, platform_name};
use crate::spinner::spin;

/// Groups of networks that are held out in turn where nobody says otherwise.
const FOLDS: CrossValidation = CrossValidation::Folds(10);

/// The same where this machine was measured and networks come with node timings: each fit takes longer, and the groups matter less.
const FOLDS_HERE: CrossValidation = CrossValidation::Folds(5);

/// Fits a platform profile to measurements, writes it, and says how well it holds. Without tables of measurements, this machine is measured.
pub(crate) fn calibrate(args: &CalibrateArgs) -> anyhow::Result<u8> {
    if args.networks.is_given() || args.latency.is_some() {
        calibrate_from_tables(args)
    } else {
        calibrate_here(args)
    }
}

fn calibrate_from_tables(args: &CalibrateArgs) -> anyhow::Result<u8> {
    let tables = tables(args)?;
    let situation = args.here.situation.situation().words();
    if !situation.is_empty() {
        return Err(Error::Argument {
            argument: "calibrate".to_owned(),
            problem: format!("the situation ({situation}) is one to measure this machine in: beside --latency, the table's column of that name says it"),
        }
        .into());
    }
    admit(args)?;
    let name = name(args)?;
    let profiles = Profiles::from_environment();
    let base = base(args, &profiles)?;
    let priors = priors(args, &name, &profiles)?;
    let fusion = base
        .as_ref()
        .map_or_else(Fusion::every_activation, |base| base.fusion.clone());
    let (mut material, code) = tables.material(args.dtype, &fusion)?;
    state_threads(args, &tables, &mut material)?;
    let options = options(args, name, base, &tables, &material)?;
    fit(args, &material, &priors, &options, tables.latency)?;
    Ok(code)
}

fn calibrate_here(args: &CalibrateArgs) -> anyhow::Result<u8> {
    admit(args)?;
    let name = name(args)?;
    let profiles = Profiles::from_environment();
    let base = base(args, &profiles)?;
    warn_of_threads(args, base.as_ref());
    let Outcome::Done(here) = measure_here(args, base)? else {
        return Ok(exit::INTERRUPTED);
    };
    let has_nodes = here.material.rows.iter().any(|row| !row.kernels.is_empty());
    // what nodes say of this machine leaves other machines little to add
    let priors = if has_nodes {
        Vec::new()
    } else {
        priors(args, &name, &profiles)?
    };
    let texts = &args.texts;
    let options = CalibrateOptions {
        name,
        description: texts.description.clone().unwrap_or(here.description),
        dtype: args.dtype,
        base: Some(here.base),
        samples: args.fit.samples,
        seed: args.fit.seed,
        cross_validation: args.fit.cross_validate.unwrap_or(FOLDS_HERE),
        source: texts.source.clone().unwrap_or(here.source),
        licence: texts.licence.clone(),
        attribution: texts.attribution.clone(),
        fit: FitOptions {
            components: usize::from(args.fit.components),
            // a CPU does one kernel after the other
            compositions: vec![Composition::Sum],
            ..FitOptions::default()
        },
    };
    fit(args, &here.material, &priors, &options, &here.table)?;
    Ok(exit::DONE)
}

/// The profile that lends its roofs, where one is asked for.
fn base(args: &CalibrateArgs, profiles: &Profiles) -> Result<Option<Platform>, Error> {
    let Some(name) = &args.texts.base else {
        return Ok(None);
    };
    let platform = profiles.find(name)?.platform;
    if !platform.roofs.contains_key(&args.dtype) {
        let roofs: Vec<&str> = platform.roofs.keys().map(|dtype| dtype.name()).collect();
        note!(
            "warning: --base {name} has no {} roofs to lend, only {}",
            args.dtype.name(),
            roofs.join(", ")
        );
    }
    Ok(Some(platform))
}

/// Roofs of other threads than are measured on are none of this calibration's: of fewer they are too low, and hold prices up.
fn warn_of_threads(args: &CalibrateArgs, base: Option<&Platform>) {
    let fewest = args.threads.iter().copied().min().unwrap_or(1);
    if let Some(base) = base
        && let Some(lent) = base.threads.filter(|&lent| lent != fewest)
    {
        note!(
            "warning: --base {} lends roofs of {}, and this is measured on {fewest}",
            base.name,
            counted(lent as usize, "thread")
        );
    }
}

/// Fits, writes the profile, and prints how well it holds. `table`: where the latencies come from.
fn fit(
    args: &CalibrateArgs,
    material: &Material,
    priors: &[Platform],
    options: &CalibrateOptions,
    table: &Path,
) -> anyhow::Result<()> {
    let known: Vec<(String, &Calibration)> = priors
        .iter()
        .filter_map(|prior| Some((prior.name.clone(), prior.calibration.get(&args.dtype)?)))
        .collect();
    let doing = doing(options, material, known.len());
    let calibrated = spin(&doing, || {
        roofnas_hardware::calibrate(material, &known, options)
    });
    let calibrated = calibrated.map_err(|error| Error::Calibrate {
        path: table.to_owned(),
        source: Box::new(error),
    })?;
    let profile = calibrated.platform.to_toml();
    write_whole(&args.out, profile.as_bytes())?;
    note!("wrote {}", args.out.display());
    let comparison = calibrated.held_out.as_ref().map(Comparison::from);
    let comparison = comparison.as_ref();
    if args.format != Format::Table {
        for doubt in doubts(comparison) {
            note!("warning: {doubt}");
        }
    }
    print(&match args.format {
        Format::Table => for_people(&calibrated, comparison, args, profile.len()),
        Format::Json => for_programs(&calibrated, comparison)?,
        Format::Csv => rows(comparison).format(Format::Csv)?,
    })?;
    Ok(())
}

/// The two tables, both of which are needed.
fn tables(args: &CalibrateArgs) -> Result<Tables<'_>, Error> {
    let networks = &args.networks;
    let missing = match &args.latency {
        Some(latency) if networks.is_given() => {
            return Ok(Tables {
                networks,
                latency,
                rows: &args.rows,
            });
        }
        Some(_) => "the measured networks are",
        None => "--latency is",
    };
    Err(Error::Argument {
        argument: "calibrate".to_owned(),
        problem: format!(
            "{missing} missing: networks are given as ONNX files or, with --layers, as a table of their layers, and their latencies as a table with \
             --latency; without either, this machine is measured"
        ),
    })
}

/// Refuses a profile that is there already, and a place where none can be written, before any work is done.
fn admit(args: &CalibrateArgs) -> Result<(), Error> {
    let problem = match args.out.symlink_metadata() {
        Ok(there) if there.is_dir() => "is a folder: the profile is a file",
        Ok(_) if !args.force => {
            "is there already; name another file, or write over it with --force"
        }
        _ => return check_writable(&args.out),
    };
    Err(Error::Unusable {
        path: args.out.clone(),
        problem: problem.to_owned(),
    })
}

/// The platform's name.
fn name(args: &CalibrateArgs) -> Result<String, Error> {
    if let Some(name) = &args.texts.name {
        return Ok(name.clone());
    }
    let stem = args.out.file_stem().unwrap_or_default().to_string_lossy();
    platform_name(&stem).map_err(|rule| Error::Unusable {
        path: args.out.clone(),
        problem: format!("can't name the platform: {rule}; name it with --name"),
    })
}

/// Calibrated platforms whose likeness may be used. Among all of them, the profile that is being replaced is none: it would know the
/// networks that are held out.
fn priors(args: &CalibrateArgs, name: &str, profiles: &Profiles) -> Result<Vec<Platform>, Error> {
    let calibrated = |platform: &Platform| platform.calibration.contains_key(&args.dtype);
    match &args.fit.priors {
        Priors::None => Ok(Vec::new()),
        Priors::All => {
            let mut platforms = Vec::new();
            for known in profiles.names()? {
                match profiles.find(&known) {
                    Ok(profile)
                        if profile.platform.name == name
                            || is_same_file(&profile.origin, &args.out) => {}
                    Ok(profile) => {
                        platforms.extend(profile.platform.on_each_number_of_threads());
                    }
                    // one that doesn't read keeps none of the others away
                    Err(error) => note!("warning: {error}"),
                }
            }
            platforms.retain(calibrated);
            Ok(platforms)
        }
        Priors::Named(names) => {
            let mut platforms = Vec::new();
            for known in names {
                let platform = profiles.find(known)?.platform;
                if !calibrated(&platform) {
                    return Err(uncalibrated(known, &platform, args.dtype));
                }
                platforms.extend(platform.on_each_number_of_threads());
            }
            Ok(platforms)
        }
    }
}

fn is_same_file(origin: &str, out: &Path) -> bool {
    let absolute = |path: &Path| path.canonicalize().ok();
    let origin = absolute(Path::new(origin));
    origin.is_some() && origin == absolute(out)
}

fn uncalibrated(name: &str, platform: &Platform, dtype: Dtype) -> Error {
    let known: Vec<&str> = platform.calibration.keys().map(|d| d.name()).collect();
    let known = match &known[..] {
        [] => "for nothing".to_owned(),
        known => format!("for {} only", known.join(", ")),
    };
    Error::Argument {
        argument: "--priors".to_owned(),
        problem: format!("platform {name} is calibrated {known}, and must be for {dtype}"),
    }
}

/// Threads of the engine where the table doesn't state them, from the command line.
fn state_threads(
    args: &CalibrateArgs,
    tables: &Tables<'_>,
    material: &mut Material,
) -> Result<(), Error> {
    let asked = match args.threads[..] {
        [] => return Ok(()),
        [one] => one,
        _ => {
            return Err(Error::Argument {
                argument: "--threads".to_owned(),
                problem: "several are to measure this machine on: beside --latency, the table's column of that name says which row is on how many"
                    .to_owned(),
            });
        }
    };
    if let Some(other) = material.threads().iter().find(|&&rows| rows != asked) {
        return Err(Error::Value {
            file: tables.latency.display().to_string(),
            key: "threads".to_owned(),
            value: other.to_string(),
            rule: format!(
                "must be {asked}, as --threads says: the engine's threads while it was measured (--where threads={asked} leaves out rows of others)"
            ),
        });
    }
    for row in &mut material.rows {
        row.threads = Some(asked);
    }
    Ok(())
}

fn options(
    args: &CalibrateArgs,
    name: String,
    base: Option<Platform>,
    tables: &Tables<'_>,
    material: &Material,
) -> Result<CalibrateOptions, Error> {
    let networks = material.networks();
    if args.fit.samples.is_none() && networks < 3 {
        return Err(Error::Unusable {
            path: tables.latency.to_owned(),
            problem: format!(
                "only {networks} networks that were measured can be used: a fit needs at least 3, and ten or more to be worth something"
            ),
        });
    }
    if args.fit.samples.is_some() && args.fit.cross_validate.is_some() {
        note!(
            "warning: --cross-validate has no effect beside --samples: the networks that are not drawn are held out"
        );
    }
    let texts = &args.texts;
    let source = texts.source.clone().unwrap_or_else(|| tables.source());
    let description = texts.description.clone().unwrap_or_else(|| {
        let own = || format!("calibrated on {source}");
        base.as_ref()
            .map_or_else(own, |base| base.description.clone())
    });
    Ok(CalibrateOptions {
        name,
        description,
        dtype: args.dtype,
        base,
        samples: args.fit.samples,
        seed: args.fit.seed,
        cross_validation: args.fit.cross_validate.unwrap_or(FOLDS),
        source,
        licence: texts.licence.clone(),
        attribution: texts.attribution.clone(),
        fit: FitOptions {
            components: usize::from(args.fit.components),
            ..FitOptions::default()
        },
    })
}

/// What is about to be done, in words.
fn doing(options: &CalibrateOptions, material: &Material, priors: usize) -> String {
    let networks = material.networks();
    let how = match options.samples {
        Some(samples) => format!("{samples} of {networks} networks"),
        None => format!("{networks} networks, and again without each that is held out"),
    };
    let priors = match priors {
        0 => "no other platform as a prior".to_owned(),
        1 => "1 other platform as a prior".to_owned(),
        more => format!("{more} other platforms as priors"),
    };
    format!("fitting {} on {how}, with {priors}", options.name)
}

/// Figures by set.
fn for_programs(
    calibrated: &Calibrated,
    comparison: Option<&Comparison<'_>>,
) -> Result<String, serde_json::Error> {
    let held_out = comparison.map_or(Value::Null, |held_out| Value::Object(held_out.object()));
    let fit = Value::Object(object("n_fit", &calibrated.fit));
    let sets = [("fit".to_owned(), fit), ("held_out".to_owned(), held_out)];
    serde_json::to_string_pretty(&sets.into_iter().collect::<Map<_, _>>())
}
