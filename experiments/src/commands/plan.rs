//! `roofnas plan`.

use std::path::Path;

use roofnas::{Error, NewFolder, exit, find_space, write_plan};
use roofnas_cost::{Dtype, LatencyModel, NetworkCost, OpClass};
use roofnas_hardware::Profiles;
use roofnas_hardware::sampling::{
    Corners, Coverage, MACS_PER_SECOND, MeasuringPlan, NamedSpace, PlanOptions, PurposeKind, RUNS,
    coverage,
};
use serde_json::Value;

use super::output::print;
use super::table::Data;
use crate::cli::PlanArgs;

/// Writes the networks to measure, and prints what they cover and how long they will take.
pub(crate) fn plan(args: &PlanArgs) -> anyhow::Result<u8> {
    let pace = Pace::new(args.platform.as_deref(), args.dtype)?;
    let options = options(args)?;
    // what is in the way is told before networks are drawn; a folder made for this vanishes again
    drop(NewFolder::new(&args.out)?);
    let plan = MeasuringPlan::new(&options).map_err(Error::from)?;
    if let [only] = &options.spaces[..] {
        let drawn = plan.networks.iter();
        let drawn = drawn.filter(|planned| planned.purpose.kind() == PurposeKind::Space);
        let drawn = drawn.count();
        if drawn < options.networks {
            note!(
                "warning: {drawn} networks of {} are all that were found",
                only.name
            );
        }
    }
    let bytes = write_plan(&plan, &args.out, args.seed, args.dtype)?;
    let covered = coverage(&plan);
    print(&table(&plan, &covered, &pace).format(args.format)?)?;
    note!(
        "wrote {} networks and plan.csv to {} ({} MB); some {:.1} minutes for {RUNS} runs of each, {}",
        plan.networks.len(),
        args.out.display(),
        bytes / 1_000_000,
        PurposeKind::ALL
            .map(|kind| pace.minutes(&plan, kind))
            .iter()
            .sum::<f64>(),
        pace.origin()
    );
    Ok(exit::DONE)
}

fn options(args: &PlanArgs) -> Result<PlanOptions, Error> {
    let mut options = PlanOptions {
        networks: args.networks,
        corners: if args.no_corners {
            Corners::Without
        } else {
            Corners::With
        },
        seed: args.seed,
        ..PlanOptions::default()
    };
    if let Some(name) = &args.space {
        options.spaces = vec![NamedSpace {
            space: find_space("--space", name)?,
            name: stem(name),
        }];
    }
    Ok(options)
}

/// A preset's name, or that of a file without folder and ending.
fn stem(name: &str) -> String {
    let stem = Path::new(name).file_stem();
    stem.map_or_else(
        || name.to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

/// How long networks will take.
enum Pace {
    /// By their MACs.
    Macs,
    /// As a platform's model predicts, at batch 1.
    Platform(Box<LatencyModel>),
}

impl Pace {
    fn new(platform: Option<&str>, dtype: Dtype) -> Result<Self, Error> {
        let Some(name) = platform else {
            return Ok(Self::Macs);
        };
        let platform = Profiles::from_environment().find(name)?.platform;
        let model = LatencyModel::new(platform, dtype, 1)?;
        for caveat in model.caveats() {
            note!("warning: {caveat}");
        }
        Ok(Self::Platform(Box::new(model)))
    }

    /// Minutes for all runs of the networks with this purpose.
    fn minutes(&self, plan: &MeasuringPlan, purpose: PurposeKind) -> f64 {
        let networks = plan.networks.iter();
        let networks = networks.filter(|planned| planned.purpose.kind() == purpose);
        let seconds = networks.map(|planned| match self {
            Self::Macs => planned.cost().macs as f64 / MACS_PER_SECOND,
            Self::Platform(model) => {
                let fusion = &model.platform().fusion;
                1e-3 * model
                    .price(&NetworkCost::new(&planned.network, fusion))
                    .mean_ms
            }
        });
        f64::from(RUNS) * seconds.sum::<f64>() / 60.0
    }

    fn origin(&self) -> String {
        match self {
            Self::Macs => format!(
                "if the machine does {} billion MACs a second",
                MACS_PER_SECOND / 1e9
            ),
            Self::Platform(model) => format!("as predicted for {}", model.platform().name),
        }
    }
}

/// By purpose: networks, MACs, minutes, and how many kernels there are of each class, no two alike.
fn table(plan: &MeasuringPlan, covered: &[Coverage], pace: &Pace) -> Data {
    let mut columns = vec!["purpose", "networks", "macs", "estimated_minutes"];
    columns.extend(OpClass::ALL.map(OpClass::name));
    let mut data = Data::new(&columns);
    for coverage in covered {
        let mut row: Vec<Value> = vec![
            coverage.purpose.name().into(),
            coverage.networks.into(),
            coverage.macs.into(),
            pace.minutes(plan, coverage.purpose).into(),
        ];
        let kernels = |class| coverage.kernels.get(class).copied().unwrap_or(0);
        row.extend(OpClass::ALL.iter().map(|class| Value::from(kernels(class))));
        data.push(row);
    }
    data
}
