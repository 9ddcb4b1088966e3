//! `roofnas calibrate` without tables: this machine, measured now.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use roofnas::{Error, check_writable, find_space, in_numbers, write_whole};
use roofnas_cost::{
    Dtype, FORMAT, Fusion, NetworkCost, Overhead, Platform, Provenance, Roofs, Uncertainty,
};
use roofnas_hardware::engine::{Conditions, Engine, EngineError, Model, NodeTiming};
use roofnas_hardware::measure::{self as timing, Background, Ballast, Machine, Protocol};
use roofnas_hardware::nodes::{
    Causes, FusionEvidence, MOST_NODE_OVERHEAD_S, MatchedNodes, NetworkNodes, WholeRun,
    match_nodes, node_overhead, read_nodes, timings, write_nodes,
};
use roofnas_hardware::probe::{Effort, ProbeOptions, probe};
use roofnas_hardware::sampling::{
    MeasuringPlan, NamedSpace, PlanOptions, PlannedNetwork, PurposeKind, fusion_from_probes,
};
use roofnas_hardware::{
    KernelTiming, Material, MeasuredNetwork, Measurements, Selection, SystemClock,
    read_measurements,
};
use roofnas_space::Network;
use roofnas_space::onnx::{self, Batch, InitialWeights};

use super::engine::{counted, engine, enter, shown_engine, shown_engine_under};
use super::measured_networks::MeasuredNetworks;
use crate::cli::{CalibrateArgs, SituationArgs};
use crate::measuring::{Table, measure, now};
use crate::progress::{is_stopped, stop_on_signals};
use crate::spinner::spin;

/// Seed of the weights: times hardly depend on them.
const WEIGHTS: u64 = 1;

/// Runs whose node timings are averaged: at least, and at most.
const NODE_RUNS: (usize, usize) = (8, 64);

/// How long they last together, where that is between these: a small network runs 10 % slower in its first ten runs than after them.
const NODE_SECONDS: f64 = 0.15;

/// How often networks are gone through for their node timings, at most: a machine may be slower for seconds, and the quickest time is kept.
const NODE_PASSES: usize = 3;

/// Nodes that add up to more than so many times what the network took, the profiler's part aside, are read again.
const SLOW_NODES: f64 = 1.1;

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

/// Measures what the plan says on the engine. This machine's roofs are those of `base`, or are probed first.
pub(super) fn measure_here(
    args: &CalibrateArgs,
    base: Option<Platform>,
) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let path = args.out.with_extension("measurements.csv");
    let mut nodes = NodeTable::new(args, &path)?;
    enter(&args.here.engine, &args.here.situation)?;
    let was_there = path.exists();
    let engines = engines(args)?;
    let first = &*engines[0];
    let conditions = first.description().conditions;
    let plan = MeasuringPlan::new(&plan_options(args)?).map_err(Error::from)?;
    let machine = Machine::here();
    let networks = MeasuredNetworks::of(&plan, args.out.with_extension("layers.csv"));
    let mut table = table(args, &path, &engines, &machine)?;
    networks.admit(&table.networks(), &path)?;
    networks.write()?;
    stop_on_signals("stopping after this turn; once more to stop at once")?;
    let base = match base {
        Some(base) => base,
        None => probed(&conditions)?,
    };
    let folder = tempfile::tempdir().map_err(|error| Error::write(&std::env::temp_dir(), error))?;
    if !measure_plan(args, &plan, &engines, folder.path(), &mut table)? {
        note!("{}", interrupted(&path));
        return Ok(Outcome::Interrupted);
    }
    let text = fs::read_to_string(&path).map_err(|error| Error::read(&path, error))?;
    let latencies = latencies(&text, &path)?;
    if nodes_are_of(&args.here.situation) && !args.here.engine.is_command() {
        let _beside = Background::start(args.here.situation.background);
        nodes.measure(&plan, &engines, folder.path(), &latencies)?;
    }
    if is_stopped() {
        note!("{}", interrupted(&path));
        return Ok(Outcome::Interrupted);
    }
    let nodes = nodes.of(&plan, &latencies);
    let fusion = fusion(&nodes, &latencies, Place::of(&conditions));
    let (material, profiled) = material(&text, &path, &plan, &nodes, &fusion, conditions.dtype)?;
    let shown = shown_engine_under(first, &all_conditions(&engines));
    // minutes say what it costs only where nothing was there before
    let minutes = match was_there {
        true => String::new(),
        false => format!(" in {:.1} minutes", began.elapsed().as_secs_f64() / 60.0),
    };
    let situation = material.situation.as_deref();
    let situation = situation.map_or_else(String::new, |words| format!("; {words}"));
    let source = format!(
        "measured on {}{minutes}: {}, {shown}{situation}; fusion {}",
        dates(&text, &path)?,
        words(&material, profiled),
        if nodes.is_empty() {
            "by probes"
        } else {
            "by node timings"
        },
    );
    let description = format!("{}, {shown}", machine.processor);
    Ok(Outcome::Done(Box::new(Here {
        base: Platform { fusion, ..base },
        material,
        table: path,
        source,
        description,
    })))
}

/// Whether what nodes take one after the other, with warm weights, is what they take in this situation.
fn nodes_are_of(situation: &SituationArgs) -> bool {
    !situation.cold && situation.duty.is_none()
}

/// How it ends before its time.
fn interrupted(table: &Path) -> &'static str {
    if table.exists() {
        "interrupted; go on with --resume"
    } else {
        "interrupted before anything could be kept: networks have turns, and are kept from half of them on"
    }
}

/// How much was measured, in words.
fn words(material: &Material, profiled: usize) -> String {
    let networks = material.networks();
    match material.rows.len() {
        timings if timings > networks => {
            format!("{timings} timings of {networks} networks and {profiled} node timings")
        }
        _ => format!("{networks} networks and {profiled} node timings"),
    }
}

/// The engine on each number of threads at each batch, the fewest and the smallest first: at least one.
fn engines(args: &CalibrateArgs) -> Result<Vec<Box<dyn Engine>>, Error> {
    let usual = Conditions::default();
    let mut threads: Vec<NonZeroUsize> = args
        .threads
        .iter()
        .filter_map(|&threads| NonZeroUsize::new(threads as usize))
        .collect();
    threads.sort_unstable();
    threads.dedup();
    if threads.is_empty() {
        threads.push(usual.threads);
    }
    let mut engines = Vec::new();
    for &threads in &threads {
        for batch in args.here.batch.iter() {
            let batch = usize::try_from(batch).ok().and_then(NonZeroUsize::new);
            let conditions = Conditions {
                threads,
                batch: batch.unwrap_or(usual.batch),
                dtype: args.dtype,
            };
            let streams = args.here.situation.streams;
            engines.push(engine(&args.here.engine, conditions, streams)?);
        }
    }
    Ok(engines)
}

/// What each of the engines runs under.
fn all_conditions(engines: &[Box<dyn Engine>]) -> Vec<Conditions> {
    let engines = engines.iter();
    engines
        .map(|engine| engine.description().conditions)
        .collect()
}

fn plan_options(args: &CalibrateArgs) -> Result<PlanOptions, Error> {
    let mut options = PlanOptions {
        networks: args.here.networks.into(),
        // not the fit's: measurements that are gone on with are of the same networks whatever that is
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

/// The fewest threads, quickly: the roofs are beside the calibration, not in it. A command may run on another machine with more processors.
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
    engines: &[Box<dyn Engine>],
    machine: &Machine,
) -> Result<Table, Error> {
    check_writable(path)?;
    let (run, date) = now();
    let conditions = timing::Conditions {
        platform: machine.processor.clone(),
        engine: engines[0].description(),
        situation: args.here.situation.situation(),
        run,
        date,
    };
    let mut table = Table::new(conditions, Some(path.to_owned()));
    match fs::read_to_string(path) {
        Ok(text) if args.here.resume => {
            let known = table.resume(&text, &all_conditions(engines))?.len();
            let noun = if engines.len() > 1 {
                "timing"
            } else {
                "measured network"
            };
            note!("going on with {}", counted(known, noun));
        }
        Ok(_) => return Err(there_already(path)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::read(path, error)),
    }
    Ok(table)
}

fn there_already(path: &Path) -> Error {
    let problem = "measurements are there already; go on with them with --resume, or remove them";
    Error::Unusable {
        path: path.to_owned(),
        problem: problem.to_owned(),
    }
}

/// Measures what the table doesn't hold yet, under one set of conditions after the other. Whether it came to its end.
fn measure_plan(
    args: &CalibrateArgs,
    plan: &MeasuringPlan,
    engines: &[Box<dyn Engine>],
    folder: &Path,
    table: &mut Table,
) -> anyhow::Result<bool> {
    for planned in &plan.networks {
        let path = model_path(folder, planned);
        let weights = InitialWeights::seeded(WEIGHTS);
        let bytes = onnx::export(&planned.network, weights, Batch::Dynamic).map_err(Error::from)?;
        let dtype = match args.here.engine.computes_what_a_file_says() {
            true => args.dtype,
            false => Dtype::Fp32,
        };
        let bytes = in_numbers(bytes, &planned.name, dtype)?;
        fs::write(&path, bytes).map_err(|error| Error::write(&path, error))?;
    }
    for (engine, planned) in engines.iter().zip(deal(plan, engines.len())) {
        let left = planned.into_iter();
        let conditions = engine.description().conditions;
        let left = left.filter(|planned| !table.holds(&planned.name, &conditions));
        let models: Vec<Model> = left
            .map(|planned| Model::from_path(model_path(folder, planned)))
            .collect();
        if !measure_at(args, &**engine, &models, table)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The networks to measure in each of so many places: at a batch on some threads.
///
/// With several there are about as many timings as with one, and so no more minutes than with the slowest alone: anchors are measured in every place, and tie
/// them together; probes in the first, since what is fused doesn't depend on it; of the others, each purpose's in turn, each network in one.
fn deal(plan: &MeasuringPlan, places: usize) -> Vec<Vec<&PlannedNetwork>> {
    let mut dealt = vec![Vec::new(); places];
    let mut counts: BTreeMap<PurposeKind, usize> = BTreeMap::new();
    for planned in &plan.networks {
        let kind = planned.purpose.kind();
        let count = counts.entry(kind).or_default();
        for (place, own) in dealt.iter_mut().enumerate() {
            let is_own = match kind {
                PurposeKind::Anchor => true,
                PurposeKind::FusionProbe => place == 0,
                PurposeKind::Space | PurposeKind::Corner => place == *count % places,
            };
            if is_own {
                own.push(planned);
            }
        }
        *count += 1;
    }
    dealt
}

/// Measures these under one set of conditions, as a run of their own: timings under different ones are minutes apart.
fn measure_at(
    args: &CalibrateArgs,
    engine: &dyn Engine,
    models: &[Model],
    table: &mut Table,
) -> anyhow::Result<bool> {
    let protocol = Protocol {
        situation: args.here.situation.situation(),
        ..args.here.engine.protocol()
    };
    note!(
        "{} on {}",
        counted(models.len(), "network"),
        shown_engine(engine)
    );
    if models.is_empty() {
        return Ok(true);
    }
    let (mut run, _) = now();
    let conditions = engine.description().conditions;
    if args.here.batch.are_several() {
        run += &format!(" at batch {}", conditions.batch);
    }
    if args.threads.len() > 1 {
        run += &format!(" on {}", counted(conditions.threads.get(), "thread"));
    }
    table.turn_to(engine.description(), run);
    let measured = measure(engine, models, &protocol, &|timings| table.save(timings))?;
    let timings = &measured.measuring.timings;
    table.keep(timings);
    let mut spreads: Vec<f64> = timings.iter().map(timing::NetworkTiming::spread).collect();
    spreads.sort_by(f64::total_cmp);
    // where others were asked for, wide timings are what there is to know
    let is_quiet = args.here.situation.background == 0 && args.here.situation.streams.get() == 1;
    if let Some(spread) = spreads
        .get(spreads.len() / 2)
        .filter(|spread| is_quiet && **spread > HOPELESS_SPREAD)
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

/// What was measured, as the table of it says.
fn rows(text: &str, path: &Path) -> Result<Measurements, Error> {
    let read = read_measurements(text, &Selection::default());
    read.map_err(|error| Error::Unusable {
        path: path.to_owned(),
        problem: error.to_string(),
    })
}

/// The days on which rows were measured: the first, and the last where it is another.
fn dates(text: &str, path: &Path) -> Result<String, Error> {
    let read = rows(text, path)?;
    let mut days: Vec<String> = read.rows.into_iter().filter_map(|row| row.date).collect();
    days.sort();
    days.dedup();
    Ok(match &days[..] {
        [] => "an unknown day".to_owned(),
        [day] => day.clone(),
        [first, .., last] => format!("{first} to {last}"),
    })
}

/// A network, and what it ran under.
type Measured = (String, Place);

/// What differs between timings of one calibration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    threads: u32,
    batch: u64,
}

impl Place {
    fn of(conditions: &Conditions) -> Self {
        Self {
            threads: conditions.threads.get() as u32,
            batch: conditions.batch.get() as u64,
        }
    }
}

/// Latencies in seconds.
fn latencies(text: &str, path: &Path) -> Result<BTreeMap<Measured, f64>, Error> {
    let read = rows(text, path)?;
    let rows = read.rows.into_iter();
    Ok(rows
        .map(|row| {
            let place = Place {
                // measuring states them in every row
                threads: row.threads.unwrap_or(1),
                batch: row.batch,
            };
            ((row.network, place), 1e-3 * row.latency_ms)
        })
        .collect())
}

/// What the nodes of each network take.
type Nodes = BTreeMap<Measured, (Network, Vec<NodeTiming>)>;

/// What the engine's nodes take, in a table beside the profile: with it a fit can be made again, and measuring goes on where it was left.
struct NodeTable {
    path: PathBuf,
    networks: Vec<NetworkNodes>,
}

impl NodeTable {
    /// An empty one, or what is there to go on with: it is of the conditions that the table of `measurements` names, and nothing without it.
    fn new(args: &CalibrateArgs, measurements: &Path) -> Result<Self, Error> {
        let path = args.out.with_extension("nodes.csv");
        check_writable(&path)?;
        let networks = match fs::read_to_string(&path) {
            Ok(text) if args.here.resume && measurements.exists() => {
                let unusable = |problem| Error::Unusable {
                    path: path.clone(),
                    problem,
                };
                read_nodes(&text).map_err(unusable)?
            }
            Ok(_) if measurements.exists() => return Err(there_already(&path)),
            Ok(_) => {
                let problem = format!(
                    "holds node timings of measurements that are not there ({}): bring these back, or remove it",
                    measurements.display()
                );
                return Err(Error::Unusable { path, problem });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::read(&path, error)),
        };
        Ok(Self { path, networks })
    }

    fn holds(&self, network: &str, place: Place) -> bool {
        let mut known = self.networks.iter();
        known.any(|known| known.network == network && self::place(known) == place)
    }

    /// Reads what the engine's nodes take in each network that was measured and isn't in the table; nothing where it doesn't say.
    fn measure(
        &mut self,
        plan: &MeasuringPlan,
        engines: &[Box<dyn Engine>],
        folder: &Path,
        latencies: &BTreeMap<Measured, f64>,
    ) -> anyhow::Result<()> {
        let clock = SystemClock::new();
        let problems = spin("reading what each node takes", || {
            self.measure_all(plan, engines, folder, latencies, &clock)
        });
        if is_stopped() {
            // nobody has looked yet whether a reading in a slow moment is better another time
            self.networks.retain(|of| {
                let whole = latencies.get(&(of.network.clone(), place(of)));
                whole.is_some_and(|whole| !are_slow(&of.nodes, *whole))
            });
        }
        if !self.networks.is_empty() {
            write_whole(&self.path, write_nodes(&self.networks).as_bytes())?;
        }
        if let Some((first, others)) = problems.split_first() {
            // the whole's timing is there: the fit does without
            let more = match others.len() {
                0 => String::new(),
                more => format!("; nor of {more} more"),
            };
            note!("warning: what the nodes take can't be read of a network: {first}{more}");
        }
        Ok(())
    }

    fn measure_all(
        &mut self,
        plan: &MeasuringPlan,
        engines: &[Box<dyn Engine>],
        folder: &Path,
        latencies: &BTreeMap<Measured, f64>,
        clock: &SystemClock,
    ) -> Vec<EngineError> {
        let mut problems = Vec::new();
        let mut open: Vec<(&dyn Engine, &PlannedNetwork)> = Vec::new();
        for engine in engines {
            let place = Place::of(&engine.description().conditions);
            let networks = plan.networks.iter();
            let is_open = |planned: &&PlannedNetwork| {
                let is_measured = latencies.contains_key(&(planned.name.clone(), place));
                is_measured && !self.holds(&planned.name, place)
            };
            open.extend(networks.filter(is_open).map(|planned| (&**engine, planned)));
        }
        // sessions in which nodes are read lie where those lay in which the whole was timed
        let mut ballast = match open.is_empty() {
            true => Ballast::default(),
            false => Ballast::of_pieces(),
        };
        for pass in 0..NODE_PASSES {
            if pass > 0 {
                open.retain(|(engine, planned)| {
                    let place = Place::of(&engine.description().conditions);
                    let key = (planned.name.clone(), place);
                    are_slow(self.nodes(&key), latencies[&key])
                });
            }
            for (engine, planned) in &open {
                if is_stopped() {
                    return problems;
                }
                ballast.top_up();
                let model = Model::from_path(model_path(folder, planned));
                let place = Place::of(&engine.description().conditions);
                let runs = node_runs(latencies[&(planned.name.clone(), place)]);
                let nodes = engine.load(&model, clock);
                match nodes.and_then(|mut session| session.nodes(runs)) {
                    Ok(Some(nodes)) => {
                        self.keep_quicker(&planned.name, place, nodes);
                    }
                    // an engine that doesn't say
                    Ok(None) => return problems,
                    Err(problem) => problems.push(problem),
                }
            }
        }
        problems
    }

    /// The nodes of a network.
    fn nodes(&self, (network, place): &Measured) -> &[NodeTiming] {
        let mut known = self.networks.iter();
        let found = known.find(|known| known.network == *network && self::place(known) == *place);
        found.map_or(&[], |known| &known.nodes)
    }

    /// Takes these up, unless an earlier pass was quicker.
    fn keep_quicker(&mut self, network: &str, place: Place, nodes: Vec<NodeTiming>) {
        let mut known = self.networks.iter_mut();
        match known.find(|known| known.network == network && self::place(known) == place) {
            Some(known) if total(&nodes) < total(&known.nodes) => known.nodes = nodes,
            Some(_) => {}
            None => self.networks.push(NetworkNodes {
                network: network.to_owned(),
                threads: place.threads,
                batch: place.batch,
                nodes,
            }),
        }
    }

    /// What is known of the plan's networks that were measured.
    fn of(self, plan: &MeasuringPlan, latencies: &BTreeMap<Measured, f64>) -> Nodes {
        let mut all = Nodes::new();
        for of in self.networks {
            let place = place(&of);
            let key = (of.network, place);
            let planned = plan.networks.iter().find(|planned| planned.name == key.0);
            if let Some(planned) = planned.filter(|_| latencies.contains_key(&key)) {
                all.insert(key, (planned.network.clone(), of.nodes));
            }
        }
        all
    }
}

/// What nodes ran under.
fn place(of: &NetworkNodes) -> Place {
    Place {
        threads: of.threads,
        batch: of.batch,
    }
}

/// How often a network runs that takes so many seconds, for its nodes to be read.
fn node_runs(seconds: f64) -> usize {
    let (least, most) = NODE_RUNS;
    ((NODE_SECONDS / seconds) as usize).clamp(least, most)
}

/// Whether nodes were read while something else ran: beside what a profiler takes, they add up to far more than the network took.
fn are_slow(nodes: &[NodeTiming], whole_s: f64) -> bool {
    total(nodes) - nodes.len() as f64 * MOST_NODE_OVERHEAD_S > SLOW_NODES * whole_s
}

/// Seconds of all nodes.
fn total(nodes: &[NodeTiming]) -> f64 {
    nodes.iter().map(|node| node.seconds).sum()
}

/// What the engine fuses: by its nodes where it names them, by the probes' times otherwise, which were taken in the first place.
fn fusion(nodes: &Nodes, latencies: &BTreeMap<Measured, f64>, first: Place) -> Fusion {
    if nodes.is_empty() {
        let probed = latencies.iter().filter(|((_, place), _)| *place == first);
        let probed = probed.map(|((network, _), seconds)| (network.clone(), *seconds));
        return fusion_from_probes(&probed.collect()).fusion;
    }
    let networks: Vec<(Network, Vec<NodeTiming>)> = nodes.values().cloned().collect();
    FusionEvidence::of(&networks).fusion()
}

/// The measurements beside their networks, and how many node timings are among them.
fn material(
    text: &str,
    path: &Path,
    plan: &MeasuringPlan,
    nodes: &Nodes,
    fusion: &Fusion,
    dtype: Dtype,
) -> Result<(Material, usize), Error> {
    let read = rows(text, path)?;
    let networks: Vec<Network> = plan
        .networks
        .iter()
        .map(|planned| planned.network.clone())
        .collect();
    let joined = Material::new(read, &networks, fusion);
    let (mut material, warnings) = joined.map_err(|error| Error::Unusable {
        path: path.to_owned(),
        problem: error.to_string(),
    })?;
    for warning in warnings {
        note!("warning: {warning}");
    }
    let matched = material.rows.iter().map(|row| {
        let (network, nodes) = nodes.get(&(row.network.clone(), row_place(row)))?;
        Some(match_nodes(network, &row.cost, nodes))
    });
    let matched: Vec<Option<MatchedNodes>> = matched.collect();
    let causes = Causes::of(matched.iter().flatten());
    let overheads = node_overheads(&material.rows, &matched, dtype);
    let mut profiled = 0;
    for (row, matched) in material.rows.iter_mut().zip(&matched) {
        if let Some(matched) = matched {
            let whole = WholeRun {
                node_overhead_s: overheads.get(&row_place(row)).copied(),
                ..whole_run(row, dtype)
            };
            row.kernels = kernels(&row.cost, matched, &causes, &whole);
            profiled += row.kernels.len();
        }
    }
    Ok((material, profiled))
}

/// What the engine's profiler takes for each node, under each of the conditions: of those with few networks, what it takes under all.
fn node_overheads(
    rows: &[MeasuredNetwork],
    matched: &[Option<MatchedNodes>],
    dtype: Dtype,
) -> BTreeMap<Place, f64> {
    let mut profiles: BTreeMap<Place, Vec<(&MatchedNodes, WholeRun)>> = BTreeMap::new();
    for (row, matched) in rows.iter().zip(matched) {
        if let Some(matched) = matched {
            let of_place = profiles.entry(row_place(row)).or_default();
            of_place.push((matched, whole_run(row, dtype)));
        }
    }
    let of = |profiles: &[(&MatchedNodes, WholeRun)]| {
        node_overhead(profiles.iter().map(|(matched, whole)| (*matched, whole)))
    };
    let all: Vec<(&MatchedNodes, WholeRun)> = profiles.values().flatten().copied().collect();
    let all = of(&all);
    let overheads = profiles
        .into_iter()
        .filter_map(|(place, profiles)| Some((place, of(&profiles).or(all)?)));
    overheads.collect()
}

/// How a network was run as a whole.
fn whole_run(row: &MeasuredNetwork, dtype: Dtype) -> WholeRun {
    let Place { threads, batch } = row_place(row);
    WholeRun {
        batch,
        dtype,
        threads,
        run: 0,
        repeats: 1.0,
        whole_s: 1e-3 * row.latency_ms,
        // engines in this process have next to none
        call_s: 0.0,
        node_overhead_s: None,
    }
}

fn row_place(row: &MeasuredNetwork) -> Place {
    Place {
        threads: row.threads.unwrap_or(1),
        batch: row.batch,
    }
}

/// What the kernels of a network take.
fn kernels(
    cost: &NetworkCost,
    matched: &MatchedNodes,
    causes: &Causes,
    whole: &WholeRun,
) -> Vec<KernelTiming> {
    let timings = timings(cost, matched, causes, whole);
    let kernels = timings.into_iter().filter(|timing| !timing.is_call);
    kernels
        .map(|timing| KernelTiming {
            works: timing.works,
            latency_ms: timing.latency_ms,
            repeats: timing.repeats,
            error_ms: timing.error_ms,
        })
        .collect()
}

/// A platform that has this machine's measured roofs and nothing else: what the calibration starts from.
fn probed(conditions: &Conditions) -> anyhow::Result<Platform> {
    let report = spin("probing this machine", || probe(&probe_options(conditions)));
    let report = report.map_err(Error::from)?;
    let threads = conditions.threads.get() as u32;
    let roofs = Roofs {
        theoretical: None,
        measured: report.measured_roofs(threads, conditions.dtype),
        achieved: None,
    };
    Ok(Platform {
        format: FORMAT,
        name: "the probe of this machine".to_owned(),
        // a calibration has its own
        description: String::new(),
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
        // so is what is measured to be fused
        fusion: Fusion::every_activation(),
        roofs: BTreeMap::from([(conditions.dtype, roofs)]),
        utilisation: BTreeMap::new(),
        calibration: BTreeMap::new(),
    })
}
