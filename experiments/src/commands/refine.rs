//! `roofnas run` of an experiment with `[refine]`: searching, measuring and fitting in turn.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use roofnas::refine::{
    LEAST_NETWORKS, MeasuredNetwork, Origin, RefineConfig, RefineDirectory, RefineEngine,
    Refinement, Round, Selected, refit, select,
};
use roofnas::{
    Ending, Error, Experiment, FinishedRun, FolderLock, FrontRow, RunDirectory, Start, admit,
    backbone_bytes, begin_refining, run_refined,
};
use roofnas_cost::Platform;
use roofnas_hardware::engine::{Conditions, Engine, Model, OutputFormat};
use roofnas_hardware::measure::{self as timing, Machine, Protocol};
use roofnas_space::Genotype;
use serde_json::Value;

use super::engine::{counted, engine, in_form, pin, shown_engine};
use super::output::print;
use super::suited::differences;
use super::table::Data;
use super::verify::conditions;
use crate::cli::{EngineChoice, EngineName, Format};
use crate::measuring::{Table, measure, now};
use crate::progress::Progress;
use crate::spinner::spin;

/// How a step ended.
enum Step<T> {
    Done(T),
    Interrupted,
}

/// What one round came to.
struct RoundDone {
    networks: Vec<MeasuredNetwork>,
    /// Those that couldn't be measured.
    failed: Vec<Genotype>,
    round: Round,
}

/// A refinement under way.
struct Refining<'a> {
    start: &'a Experiment,
    config: &'a RefineConfig,
    directory: &'a RunDirectory,
    folder: RefineDirectory,
    label: &'a str,
    bench: Bench,
}

/// Refines the platform of an experiment, and returns the experiment on that platform with how its search ended. Nothing where it was interrupted.
pub(super) fn refine(
    experiment: &Experiment,
    config: &RefineConfig,
    directory: &RunDirectory,
    label: &str,
    start: Start,
) -> Result<Option<(Experiment, Ending)>, Error> {
    if admit(experiment, directory, start)? == roofnas::Contents::Finished {
        let mut nobody = Progress::new(label, 0);
        let ending = roofnas::run(experiment, directory, start, &mut nobody)?;
        return Ok(Some((experiment.clone(), ending)));
    }
    // before anything is searched rather than after
    let bench = Bench::new(experiment, config)?;
    let refining = Refining {
        start: experiment,
        config,
        directory,
        folder: RefineDirectory::new(directory),
        label,
        bench,
    };
    let alone = begin_refining(experiment, directory)?;
    refining.warn();
    let Step::Done(refinement) = refining.rounds()? else {
        return Ok(None);
    };
    refining.finish(refinement, &alone).map(Some)
}

impl Refining<'_> {
    /// Why the first predictions may not hold for what is measured.
    fn warn(&self) {
        let model = &self.start.appraiser.model;
        let description = self.bench.engine.description();
        let is_command = self.bench.choice.is_command();
        for doubt in differences(
            model.platform(),
            conditions(self.start, self.start.appraiser.model.batch()),
            &description,
            &self.bench.protocol.situation.words(),
            is_command,
        ) {
            note!("warning: to begin with, {doubt}");
        }
    }

    fn rounds(&self) -> Result<Step<Refinement>, Error> {
        let mut refinement = Refinement {
            rounds: Vec::new(),
            networks: Vec::new(),
        };
        let mut failed: Vec<Genotype> = Vec::new();
        for number in 1..=self.config.rounds {
            let done = match self.round(number, &refinement, &failed)? {
                Step::Interrupted => return Ok(Step::Interrupted),
                Step::Done(None) => break,
                Step::Done(Some(done)) => done,
            };
            let agrees = done.round.agrees();
            note!("{}: {}", self.label, done.round.sentence());
            if let Some(doubt) = done.round.doubt() {
                note!("warning: {}: {doubt}", self.label);
            }
            refinement.networks.extend(done.networks);
            failed.extend(done.failed);
            refinement.rounds.push(done.round);
            self.folder
                .write(&refinement.networks, &refinement.rounds)?;
            if agrees {
                break;
            }
        }
        Ok(Step::Done(refinement))
    }

    /// Searches, selects and measures; nothing where there is no network that nobody has measured, or tried to in vain (`failed`).
    fn round(
        &self,
        number: usize,
        before: &Refinement,
        failed: &[Genotype],
    ) -> Result<Step<Option<RoundDone>>, Error> {
        let known = &before.networks[..];
        let Some(run) = self.searched(number, before)? else {
            return Ok(Step::Interrupted);
        };
        let Some(front) = self.front(number, &run)? else {
            return Ok(Step::Interrupted);
        };
        if front.is_empty() {
            // it is no matter of latency, and no profile changes that
            return Ok(Step::Done(None));
        }
        let genotypes: Vec<_> = known
            .iter()
            .map(|one| one.selected.genotype.clone())
            .chain(failed.iter().cloned())
            .collect();
        let selected = select(&run.experiment, &front, &genotypes, self.config.measure);
        if selected.is_empty() {
            note!(
                "warning: {}: round {number}: every network that could be measured has been",
                self.label
            );
            return Ok(Step::Done(None));
        }
        self.tell(number, front.len(), &selected);
        if !self.folder.is_measured(number)? && !self.measured(number, known, &selected)? {
            note!(
                "{}: interrupted in round {number}; go on with --resume",
                self.label
            );
            return Ok(Step::Interrupted);
        }
        let networks = self.folder.measured(number, &run.experiment, &selected)?;
        let is_measured = |one: &&Selected| {
            let mut measured = networks.iter();
            measured.any(|network| network.selected.genotype == one.genotype)
        };
        let failed: Vec<Genotype> = selected
            .iter()
            .filter(|one| !is_measured(one))
            .map(|one| one.genotype.clone())
            .collect();
        let tolerance = self.config.tolerance;
        let round = Round::of(&networks, run.front()?.len(), failed.len(), tolerance);
        let drift = self.folder.drift(number, known)?;
        let round = round.map(|round| Round { drift, ..round });
        match round.filter(|_| known.len() + networks.len() >= LEAST_NETWORKS) {
            Some(round) => Ok(Step::Done(Some(RoundDone {
                networks,
                failed,
                round,
            }))),
            None => Err(Error::Refine {
                round: number,
                measured: networks.len(),
                selected: selected.len(),
                folder: self.directory.path().to_owned(),
            }),
        }
    }

    /// The round's search, run to its end; nothing where it was interrupted.
    fn searched(&self, number: usize, before: &Refinement) -> Result<Option<FinishedRun>, Error> {
        let directory = self.folder.round(number);
        let path = directory.path().join(RunDirectory::PLATFORM);
        let platform = match self.folder.platform(number)? {
            Some(platform) => platform,
            None if before.networks.is_empty() => self.start.appraiser.model.platform().clone(),
            None => self.fitted(before, &format!("{}-round-{number}", self.start.name()))?,
        };
        let experiment = self.start.on_platform(platform, &path)?;
        search(&experiment, directory)
    }

    /// The networks that a round can choose among: its front, or where the latency budget leaves that empty, the front of a search without it.
    /// Nothing where it was interrupted.
    fn front(&self, number: usize, run: &FinishedRun) -> Result<Option<Vec<FrontRow>>, Error> {
        let front = run.front()?;
        let experiment = &run.experiment;
        let (Some(without), Some(budget_ms), true) = (
            experiment.without_budget(),
            experiment.budget_ms(),
            front.is_empty(),
        ) else {
            return Ok(Some(front));
        };
        note!(
            "{}: round {number}: no network is predicted to keep the budget of {budget_ms} ms: searching without it, for networks to measure",
            self.label
        );
        let run = search(&without, self.folder.without_budget(number))?;
        run.map(|run| run.front()).transpose()
    }

    fn fitted(&self, known: &Refinement, name: &str) -> Result<Platform, Error> {
        let doing = format!(
            "fitting {name} to the {} measured",
            counted(known.networks.len(), "network")
        );
        let table = self.directory.path().join(RefineDirectory::NETWORKS);
        spin(&doing, || refit(self.start, known, name.to_owned(), &table))
    }

    fn tell(&self, number: usize, front: usize, selected: &[Selected]) {
        let count = |origin| selected.iter().filter(|one| one.origin == origin).count();
        let drawn = match count(Origin::Drawn) {
            0 => String::new(),
            drawn => format!("; {drawn} drawn from the space, since the front has no more"),
        };
        note!(
            "{}: round {number}: a front of {}, of which {} of the best and the {} most telling are measured{drawn}",
            self.label,
            counted(front, "network"),
            count(Origin::Best),
            count(Origin::Telling),
        );
    }

    /// Measures what the round's table doesn't hold yet; whether it came to its end.
    fn measured(
        &self,
        number: usize,
        known: &[MeasuredNetwork],
        selected: &[Selected],
    ) -> Result<bool, Error> {
        let path = self.folder.measurements(number);
        let conditions = self.bench.conditions();
        if let Some(difference) = known
            .last()
            .and_then(|one| one.conditions_differ(&conditions))
        {
            return Err(Error::RunDirectory {
                path: self.directory.path().to_owned(),
                problem: format!(
                    "can't go on: {difference}; a profile fitted to both would describe neither: undo the change, or start afresh in another folder"
                ),
            });
        }
        let under = conditions.engine.conditions;
        let mut table = Table::new(conditions, Some(path.clone()));
        if path.exists() {
            let text = fs::read_to_string(&path).map_err(|source| Error::read(&path, source))?;
            table.resume(&text, &[under])?;
        }
        let new = selected.iter().map(|one| (one.id.clone(), &one.genotype));
        let anchors =
            RefineDirectory::anchors(known).map(|(name, one)| (name, &one.selected.genotype));
        let models: Vec<Model> = anchors
            .chain(new)
            .filter(|(name, _)| !table.holds(name, &under))
            .filter_map(|(name, genotype)| self.model(name, genotype))
            .collect();
        if models.is_empty() {
            return Ok(true);
        }
        note!(
            "{}: round {number}: {} on {}",
            self.label,
            counted(models.len(), "network"),
            shown_engine(&*self.bench.engine)
        );
        let measured = measure(
            &*self.bench.engine,
            &models,
            &self.bench.protocol,
            &|timings| table.save(timings),
        );
        let measured = measured.map_err(|error| own(error, &path))?;
        Ok(!measured.measuring.is_interrupted)
    }

    /// A network as a run exports its backbones, in the form in which it is to run; one that can't be written is told, and left out.
    fn model(&self, name: String, genotype: &Genotype) -> Option<Model> {
        let model = backbone_bytes(self.start, genotype).map_err(Error::from);
        let model = model.and_then(|bytes| {
            let dtype = self.bench.engine.description().conditions.dtype;
            let model = Model::from_bytes(name.clone(), bytes);
            Ok(in_form(model, &self.bench.choice, dtype)?)
        });
        model.map_err(|error| note!("error: {name}: {error}")).ok()
    }

    /// The last search, with a profile that knows all that was measured.
    fn finish(
        &self,
        refinement: Refinement,
        alone: &FolderLock,
    ) -> Result<(Experiment, Ending), Error> {
        let is_measured = !refinement.networks.is_empty();
        if is_measured {
            print(&shown(&refinement))?;
            note!("{}: {}", self.label, refinement.sentence());
        }
        let platform = match self.folder.last_platform()? {
            Some(platform) => platform,
            None if !is_measured => self.start.appraiser.model.platform().clone(),
            None => {
                let name = format!("{}-refined", self.start.name());
                self.fitted(&refinement, &name)?
            }
        };
        let path = self.directory.path().join(RunDirectory::PLATFORM);
        let mut last = self.start.on_platform(platform, &path)?;
        last.resolved.refine.clone_from(&self.start.resolved.refine);
        let evaluations = last.resolved.search.evaluations;
        let mut progress = Progress::new(self.label, evaluations);
        let ending = run_refined(&last, self.directory, alone, refinement, &mut progress);
        progress.finish();
        Ok((last, ending?))
    }
}

/// A search, run to its end; nothing where it was interrupted.
fn search(experiment: &Experiment, directory: RunDirectory) -> Result<Option<FinishedRun>, Error> {
    let label = directory.path().display().to_string();
    let mut progress = Progress::new(&label, experiment.resolved.search.evaluations);
    let ending = roofnas::run(experiment, &directory, Start::Resume, &mut progress);
    progress.finish();
    match ending? {
        Ending::Interrupted { evaluations } => {
            note!("{label}: interrupted after {evaluations} networks; go on with --resume");
            Ok(None)
        }
        Ending::Done(_) | Ending::AlreadyDone { .. } => FinishedRun::read(directory).map(Some),
    }
}

/// The rounds, for people; the file has more.
fn shown(refinement: &Refinement) -> String {
    let mut data = Data::new(&[
        "round",
        "profile_networks",
        "measured",
        "mean_error",
        "bias",
        "coverage_90",
        "promised",
        "within_budget",
    ]);
    for round in &refinement.rounds {
        let figures = &round.figures;
        data.push(vec![
            round.number.into(),
            round.profile_networks.into(),
            figures.n.into(),
            figures.mape.into(),
            figures.bias.into(),
            figures.coverage_90.into(),
            round.budget.map_or(Value::Null, |b| b.promised.into()),
            round.budget.map_or(Value::Null, |b| b.within.into()),
        ]);
    }
    data.format(Format::Table).unwrap_or_default()
}

/// What measuring went wrong with, as one of ours.
fn own(error: anyhow::Error, path: &Path) -> Error {
    error.downcast().unwrap_or_else(|error| Error::Unusable {
        path: path.to_owned(),
        problem: error.to_string(),
    })
}

/// An argument of the command line as the key that stands for it.
fn in_the_file(error: Error) -> Error {
    match error {
        Error::Argument { argument, problem } => Error::Argument {
            argument: argument.replacen("--", "refine.", 1),
            problem,
        },
        other => other,
    }
}

/// What networks are measured on, and how.
struct Bench {
    choice: EngineChoice,
    engine: Box<dyn Engine>,
    protocol: Protocol,
    platform: String,
}

impl Bench {
    /// As the experiment says.
    fn new(experiment: &Experiment, config: &RefineConfig) -> Result<Self, Error> {
        let choice = choice(config);
        let usual = conditions(experiment, experiment.appraiser.model.batch());
        let threads = config.threads.and_then(NonZeroUsize::new);
        let asked = Conditions {
            threads: threads.unwrap_or(usual.threads),
            ..usual
        };
        // what the engine starts keeps to the same CPUs
        pin("refine.pin", &config.pin)?;
        let engine = engine(&choice, asked, NonZeroUsize::MIN).map_err(in_the_file)?;
        let mut protocol = choice.protocol();
        protocol.rounds = config.turns.unwrap_or(protocol.rounds);
        protocol.situation.pinned.clone_from(&config.pin);
        Ok(Self {
            choice,
            engine,
            protocol,
            platform: Machine::here().processor,
        })
    }

    /// What is measured holds for this; each call is a measuring run of its own.
    fn conditions(&self) -> timing::Conditions {
        let (run, date) = now();
        timing::Conditions {
            platform: self.platform.clone(),
            engine: self.engine.description(),
            situation: self.protocol.situation.clone(),
            run,
            date,
        }
    }
}

/// The engine as the command line would name it.
fn choice(config: &RefineConfig) -> EngineChoice {
    let name = match config.engine {
        RefineEngine::Embedded => EngineName::Embedded,
        RefineEngine::Onnxruntime => EngineName::Onnxruntime,
        RefineEngine::Openvino => EngineName::Openvino,
        RefineEngine::Ncnn => EngineName::Ncnn,
        RefineEngine::BenchmarkApp => EngineName::BenchmarkApp,
        RefineEngine::Trtexec => EngineName::Trtexec,
        RefineEngine::Command => EngineName::Command,
    };
    let form = config.command_output.as_deref();
    let mut known = OutputFormat::ALL.into_iter();
    let form = known.find(|known| Some(known.name()) == form);
    EngineChoice {
        command: config.command.clone(),
        command_output: form.unwrap_or(OutputFormat::Plain),
        timeout: config.timeout_s,
        retries: config.retries,
        ..EngineChoice::of(name)
    }
}
