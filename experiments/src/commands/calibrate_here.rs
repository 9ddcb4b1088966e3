//! `roofnas calibrate` without tables: this machine, measured now.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use roofnas::{Error, check_writable, find_space};
use roofnas_cost::{
    Dtype, FORMAT, Fusion, NetworkCost, Overhead, Platform, Provenance, Roofs, Uncertainty,
};
use roofnas_hardware::engine::{Conditions, Engine, Model, NodeTiming};
use roofnas_hardware::measure::{self as timing, Machine, Protocol};
use roofnas_hardware::nodes::{FusionEvidence, WholeRun, match_nodes, timings};
use roofnas_hardware::probe::{Effort, ProbeOptions, ProbeReport, probe};
use roofnas_hardware::sampling::{
    MeasuringPlan, NamedSpace, PlanOptions, PlannedNetwork, fusion_from_probes,
};
use roofnas_hardware::{KernelTiming, Material, Selection, SystemClock, read_measurements};
use roofnas_space::Network;
use roofnas_space::onnx::{self, Batch, InitialWeights};

use super::engine::{counted, engine, shown_engine};
use crate::cli::CalibrateArgs;
use crate::measuring::{Table, measure, now};
use crate::progress::{is_stopped, stop_on_signals};
use crate::spinner::spin;

/// Runs whose node timings are averaged.
const NODE_RUNS: usize = 12;

/// Networks whose median run takes this much longer than their latency can't be calibrated on.
const HOPELESS_SPREAD: f64 = 0.5;

/// What this machine's measurements come to.
pub(super) struct Here {
    pub(super) material: Material,
    /// The machine's roofs, as the probe found them, and what its engine fuses.
    pub(super) base: Platform,
    /// Where the measurements are.
    pub(super) table: PathBuf,
    /// What was measured, in words.
    pub(super) source: String,
    /// The machine and its engine, in words.
    pub(super) description: String,
}

/// Why there is nothing to fit to, when nothing has failed.
pub(super) enum Outcome {
    Done(Box<Here>),
    Interrupted,
}

/// Probes this machine, and measures what the plan says on the engine.
pub(super) fn measure_here(args: &CalibrateArgs) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let conditions = conditions(args)?;
    let path = args.out.with_extension("measurements.csv");
    let engine = engine(&args.here.engine, conditions)?;
    let plan = MeasuringPlan::new(&plan_options(args)?).map_err(Error::from)?;
    let machine = Machine::here();
    let mut table = table(args, &path, &*engine, &machine)?;
    stop_on_signals("stopping after this turn; once more to stop at once")?;
    let report = spin("probing this machine", || {
        probe(&probe_options(&conditions))
    });
    let report = report.map_err(Error::from)?;
    let folder = tempfile::tempdir().map_err(|error| Error::write(&std::env::temp_dir(), error))?;
    if !measure_plan(args, &plan, &*engine, folder.path(), &mut table)? {
        note!("interrupted; go on with --resume");
        return Ok(Outcome::Interrupted);
    }
    let text = fs::read_to_string(&path).map_err(|error| Error::read(&path, error))?;
    let latencies = latencies(&text, &path)?;
    let nodes = node_timings(&plan, &*engine, folder.path(), &latencies)?;
    if is_stopped() {
        note!("interrupted; go on with --resume");
        return Ok(Outcome::Interrupted);
    }
    let fusion = fusion(&nodes, &latencies);
    let (material, profiled) = material(&text, &path, &plan, &nodes, &fusion, &conditions)?;
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    let (_, date) = now();
    let source = format!(
        "measured on {date} in {minutes:.1} minutes: {} networks and {profiled} node timings, {}; fusion {}",
        material.networks(),
        shown_engine(&*engine),
        if nodes.is_empty() {
            "by probes"
        } else {
            "by node timings"
        },
    );
    let description = format!("{}, {}", machine.processor, shown_engine(&*engine));
    Ok(Outcome::Done(Box::new(Here {
        base: base(&report, &conditions, fusion, &description),
        material,
        table: path,
        source,
        description,
    })))
}

fn conditions(args: &CalibrateArgs) -> Result<Conditions, Error> {
    let usual = Conditions::default();
    let threads = args.threads.map(|threads| threads as usize);
    let threads = threads.and_then(std::num::NonZeroUsize::new);
    Ok(Conditions {
        threads: threads.unwrap_or(usual.threads),
        batch: args.here.batch,
        dtype: args.dtype,
    })
}

fn plan_options(args: &CalibrateArgs) -> Result<PlanOptions, Error> {
    let mut options = PlanOptions {
        networks: args.here.networks.into(),
        seed: args.fit.seed,
        ..PlanOptions::default()
    };
    if let Some(name) = &args.here.space {
        options.spaces = vec![NamedSpace {
            space: find_space("--space", name)?,
            name: name.clone(),
        }];
    }
    Ok(options)
}

/// One number of threads, quickly: the roofs are beside the calibration, not in it.
fn probe_options(conditions: &Conditions) -> ProbeOptions {
    ProbeOptions {
        threads: vec![conditions.threads.get() as u32],
        effort: Effort::Quick,
    }
}

/// The table of measurements beside the profile, taken up where it was left.
fn table(
    args: &CalibrateArgs,
    path: &Path,
    engine: &dyn Engine,
    machine: &Machine,
) -> Result<Table, Error> {
    check_writable(path)?;
    let (run, date) = now();
    let conditions = timing::Conditions {
        platform: machine.processor.clone(),
        engine: engine.description(),
        situation: timing::Situation::default(),
        run,
        date,
    };
    let mut table = Table::new(conditions, Some(path.to_owned()));
    match fs::read_to_string(path) {
        Ok(text) if args.here.resume => {
            let known = table.resume(&text)?.len();
            note!("going on with {}", counted(known, "measured network"));
        }
        Ok(_) => {
            return Err(Error::Unusable {
                path: path.to_owned(),
                problem:
                    "measurements are there already; go on with them with --resume, or remove them"
                        .to_owned(),
            });
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::read(path, error)),
    }
    Ok(table)
}

/// Measures what the table doesn't hold yet. Whether it came to its end.
fn measure_plan(
    args: &CalibrateArgs,
    plan: &MeasuringPlan,
    engine: &dyn Engine,
    folder: &Path,
    table: &mut Table,
) -> anyhow::Result<bool> {
    let mut models = Vec::new();
    for planned in &plan.networks {
        let path = model_path(folder, planned);
        let weights = InitialWeights::seeded(args.fit.seed);
        let bytes = onnx::export(&planned.network, weights, Batch::Dynamic).map_err(Error::from)?;
        fs::write(&path, bytes).map_err(|error| Error::write(&path, error))?;
        if !table.holds(&planned.name) {
            models.push(Model::from_path(path));
        }
    }
    let protocol = if args.here.engine.is_command() {
        Protocol::for_commands()
    } else {
        Protocol::default()
    };
    note!(
        "{} on {}",
        counted(models.len(), "network"),
        shown_engine(engine)
    );
    if models.is_empty() {
        return Ok(true);
    }
    let measured = measure(engine, &models, &protocol, &|timings| table.save(timings))?;
    let mut spreads: Vec<f64> = measured
        .measuring
        .timings
        .iter()
        .map(timing::NetworkTiming::spread)
        .collect();
    spreads.sort_by(f64::total_cmp);
    if let Some(spread) = spreads
        .get(spreads.len() / 2)
        .filter(|s| **s > HOPELESS_SPREAD)
    {
        anyhow::bail!(
            "the machine is too noisy to calibrate: the median run of a typical network took {:.0} % longer than its latency; the measurements \
             are kept, but measure again on a quiet machine",
            100.0 * spread
        );
    }
    Ok(!measured.measuring.is_interrupted)
}

fn model_path(folder: &Path, planned: &PlannedNetwork) -> PathBuf {
    folder.join(format!("{}.onnx", planned.name))
}

/// Latencies in seconds by network.
fn latencies(text: &str, path: &Path) -> Result<BTreeMap<String, f64>, Error> {
    let read = read_measurements(text, &Selection::default());
    let read = read.map_err(|error| Error::Unusable {
        path: path.to_owned(),
        problem: error.to_string(),
    })?;
    let rows = read.rows.into_iter();
    Ok(rows
        .map(|row| (row.network, 1e-3 * row.latency_ms))
        .collect())
}

/// What the engine's nodes take in each network; empty where it doesn't say.
fn node_timings(
    plan: &MeasuringPlan,
    engine: &dyn Engine,
    folder: &Path,
    latencies: &BTreeMap<String, f64>,
) -> anyhow::Result<BTreeMap<String, (Network, Vec<NodeTiming>)>> {
    let clock = SystemClock::new();
    let measured = plan
        .networks
        .iter()
        .filter(|planned| latencies.contains_key(&planned.name));
    spin("reading what each node takes", || {
        let mut all = BTreeMap::new();
        for planned in measured {
            if is_stopped() {
                break;
            }
            let model = Model::from_path(model_path(folder, planned));
            let nodes = engine.load(&model, &clock)?.nodes(NODE_RUNS)?;
            let Some(nodes) = nodes else {
                break;
            };
            all.insert(planned.name.clone(), (planned.network.clone(), nodes));
        }
        Ok(all)
    })
}

/// What the engine fuses: by its nodes where it names them, by the probes' times otherwise.
fn fusion(
    nodes: &BTreeMap<String, (Network, Vec<NodeTiming>)>,
    latencies: &BTreeMap<String, f64>,
) -> Fusion {
    if nodes.is_empty() {
        return fusion_from_probes(latencies).fusion;
    }
    let networks: Vec<(Network, Vec<NodeTiming>)> = nodes.values().cloned().collect();
    FusionEvidence::of(&networks).fusion()
}

/// The measurements beside their networks, and how many node timings are among them.
fn material(
    text: &str,
    path: &Path,
    plan: &MeasuringPlan,
    nodes: &BTreeMap<String, (Network, Vec<NodeTiming>)>,
    fusion: &Fusion,
    conditions: &Conditions,
) -> Result<(Material, usize), Error> {
    let unusable = |problem: String| Error::Unusable {
        path: path.to_owned(),
        problem,
    };
    let read = read_measurements(text, &Selection::default());
    let read = read.map_err(|error| unusable(error.to_string()))?;
    let networks: Vec<Network> = plan
        .networks
        .iter()
        .map(|planned| planned.network.clone())
        .collect();
    let joined = Material::new(read, &networks, fusion);
    let (mut material, warnings) = joined.map_err(|error| unusable(error.to_string()))?;
    for warning in warnings {
        note!("warning: {warning}");
    }
    material.threads = Some(conditions.threads.get() as u32);
    let mut profiled = 0;
    for row in &mut material.rows {
        let Some((network, nodes)) = nodes.get(&row.network) else {
            continue;
        };
        row.kernels = kernels(network, &row.cost, nodes, row.latency_ms, conditions);
        profiled += row.kernels.len();
    }
    Ok((material, profiled))
}

/// What the kernels of a network take.
fn kernels(
    network: &Network,
    cost: &NetworkCost,
    nodes: &[NodeTiming],
    latency_ms: f64,
    conditions: &Conditions,
) -> Vec<KernelTiming> {
    let whole = WholeRun {
        batch: conditions.batch.get() as u64,
        dtype: conditions.dtype,
        run: 0,
        repeats: 1.0,
        whole_s: 1e-3 * latency_ms,
        // engines in this process have next to none
        call_s: 0.0,
    };
    let matched = match_nodes(network, cost, nodes);
    let timings = timings(cost, &matched, &whole);
    let kernels = timings.into_iter().filter(|timing| !timing.is_call);
    kernels
        .map(|timing| KernelTiming {
            work: timing.works[0],
            latency_ms: timing.latency_ms,
            repeats: timing.repeats,
            error_ms: timing.error_ms,
        })
        .collect()
}

/// A platform that has this machine's measured roofs and nothing else: what the calibration starts from.
fn base(
    report: &ProbeReport,
    conditions: &Conditions,
    fusion: Fusion,
    description: &str,
) -> Platform {
    let threads = conditions.threads.get() as u32;
    let measured = report.measured_roofs(threads, Dtype::Fp32);
    let measured = measured.filter(|_| conditions.dtype == Dtype::Fp32);
    let roofs = Roofs {
        theoretical: None,
        measured,
        achieved: None,
    };
    Platform {
        format: FORMAT,
        name: "the probe of this machine".to_owned(),
        description: description.to_owned(),
        threads: Some(threads),
        provenance: Provenance {
            sources: vec!["micro-benchmarks of roofnas probe".to_owned()],
            licence: None,
            attribution: None,
        },
        uncertainty: Uncertainty {
            prior_relative_std: 0.5,
            reason: "roofline prices are often off by half or more".to_owned(),
        },
        overhead: Overhead {
            inference_us: 0.0,
            kernel_us: 0.0,
            class_us: BTreeMap::new(),
            source: "none: replaced by the calibration".to_owned(),
        },
        fusion,
        roofs: BTreeMap::from([(conditions.dtype, roofs)]),
        utilisation: BTreeMap::new(),
        calibration: BTreeMap::new(),
    }
}
