//! One run: from a checked experiment to the files of its folder.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use roofnas_search::{ExactProgress, StopReason};

use crate::checkpoint::Checkpoint;
use crate::difference::{Difference, differences};
use crate::error::Error;
use crate::experiment::Experiment;
use crate::finished::FinishedRun;
use crate::folder_lock::FolderLock;
use crate::history::{Generation, Recorder};
use crate::optimiser::Optimiser;
use crate::outcome::Outcome;
use crate::outcome_record::OutcomeRecord;
use crate::problem::BackboneProblem;
use crate::proof::{Proof, Unproven, prove};
use crate::refine::{RefineDirectory, Refinement};
use crate::run_directory::{Contents, RunDirectory};
use crate::target::Target;
use crate::training::TrainingProgress;
use crate::{backbone, tables, training};

/// How often a run is saved while it searches.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// Keys that may change before a run is resumed.
const PATIENCE: [&str; 5] = [
    "quality.external.jobs",
    "quality.external.timeout_s",
    "quality.external.retries",
    "refine.timeout_s",
    "refine.retries",
];

/// Somebody who looks on: a progress bar, a log, a test.
pub trait Watcher {
    /// Called after each generation.
    fn generation(&mut self, generation: &Generation, front: usize);
    /// Called after each position of the exact search that comes last.
    fn proof(&mut self, progress: &ExactProgress) {
        let _ = progress;
    }
    /// Called after each training of a run whose quality the user's command measures.
    fn training(&mut self, progress: &TrainingProgress<'_>) {
        let _ = progress;
    }
    /// Whether to stop now, saved and ready to be resumed.
    fn wants_to_stop(&self) -> bool;
}

/// Whether a run may go on with what it finds in its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Only in a vacant folder.
    Afresh,
    /// From where an earlier attempt stopped.
    Resume,
}

/// How a run ended.
#[derive(Debug)]
pub enum Ending {
    /// It is done; with nothing in its front, no network keeps the constraints.
    Done(Box<Outcome>),
    /// It was done before.
    AlreadyDone {
        /// Whether it found networks that keep the constraints.
        found: bool,
    },
    /// It was interrupted, and can be resumed.
    Interrupted {
        /// Networks evaluated so far.
        evaluations: u64,
    },
}

/// Runs an experiment and writes its folder: the inputs at once, a checkpoint every few seconds, the results at the end. What `[refine]` asks
/// for is left to whoever has an engine: see [`refine`](crate::refine).
///
/// # Errors
/// When the folder is in the way, holds another experiment, or can't be written.
pub fn run(
    experiment: &Experiment,
    directory: &RunDirectory,
    start: Start,
    watcher: &mut dyn Watcher,
) -> Result<Ending, Error> {
    if admit(experiment, directory, start)? == Contents::Finished {
        let found = !FinishedRun::read(directory.clone())?.front()?.is_empty();
        return Ok(Ending::AlreadyDone { found });
    }
    let alone = directory.take()?;
    conduct(experiment, directory, &alone, None, watcher)
}

/// Marks a folder as that of a run whose platform is refined: the experiment stands there, and what it began with in the first round's. Nobody else
/// can work in it until what this returns is dropped.
///
/// # Errors
/// When it can't be written, or another process is at work in it.
pub fn begin_refining(
    experiment: &Experiment,
    directory: &RunDirectory,
) -> Result<FolderLock, Error> {
    let alone = directory.take()?;
    directory.remove_leftovers()?;
    directory.write(RunDirectory::EXPERIMENT, experiment.to_toml().as_bytes())?;
    write_sources(experiment, directory)?;
    Ok(alone)
}

/// The last search of a refinement, in the run's own folder, which [`begin_refining`] has opened. `experiment` has the refined platform.
///
/// # Errors
/// When the folder can't be read or written.
pub fn run_refined(
    experiment: &Experiment,
    directory: &RunDirectory,
    alone: &FolderLock,
    refinement: Refinement,
    watcher: &mut dyn Watcher,
) -> Result<Ending, Error> {
    conduct(experiment, directory, alone, Some(refinement), watcher)
}

/// Searches in a folder that can take the run.
fn conduct(
    experiment: &Experiment,
    directory: &RunDirectory,
    _alone: &FolderLock,
    refinement: Option<Refinement>,
    watcher: &mut dyn Watcher,
) -> Result<Ending, Error> {
    if let Some(external) = &experiment.resolved.quality.external {
        write_inputs(experiment, directory, "")?;
        return training::run(experiment, external, directory, watcher);
    }
    let problem = BackboneProblem::new(experiment);
    let sample = experiment.appraise_sample();
    let recorder = Recorder::new(experiment, &sample);
    write_inputs(experiment, directory, &recorder.comment(experiment))?;
    let checkpoint = checkpoint(experiment, directory)?;
    let (checkpoint, reason) = search(
        &problem, experiment, directory, &recorder, checkpoint, watcher,
    )?;
    if reason == StopReason::Interrupted {
        return Ok(Ending::Interrupted {
            evaluations: checkpoint.search.evaluations(),
        });
    }
    let proof = match proof(&problem, &checkpoint, watcher) {
        Ok(Some(proof)) => Ok(proof),
        Ok(None) => {
            directory.write(RunDirectory::CHECKPOINT, &checkpoint.to_bytes())?;
            return Ok(Ending::Interrupted {
                evaluations: checkpoint.search.evaluations(),
            });
        }
        Err(reason) => Err(reason),
    };
    let mut outcome = Outcome::new(experiment, &recorder, sample, checkpoint, reason, proof);
    outcome.refinement = refinement;
    if let Err(error) = problem.blocks() {
        outcome.warnings.push(format!(
            "networks were priced layer by layer, which is slow: {error}"
        ));
    }
    let unwritten = write_results(experiment, directory, &outcome)?;
    outcome.warnings.extend(unwritten);
    Ok(Ending::Done(Box::new(outcome)))
}

/// Whether a folder can take a run of this experiment.
///
/// # Errors
/// When something else is there, or a run that must be resumed or has changed since it began.
pub fn admit(
    experiment: &Experiment,
    directory: &RunDirectory,
    start: Start,
) -> Result<Contents, Error> {
    let contents = directory.contents()?;
    let problem = match (contents, start) {
        (Contents::Vacant, _) => return Ok(contents),
        (Contents::Unfinished | Contents::Finished, Start::Resume) => {
            match changed(experiment, directory)? {
                None => return Ok(contents),
                Some(change) => change,
            }
        }
        (Contents::Foreign, _) => {
            "is not empty and not a run; choose another folder with --out".to_owned()
        }
        (Contents::Unfinished, Start::Afresh) => {
            "holds a run that is not done; go on with it with --resume, or choose another folder with --out".to_owned()
        }
        (Contents::Finished, Start::Afresh) => {
            "holds a finished run; choose another folder with --out, or remove it".to_owned()
        }
    };
    Err(Error::RunDirectory {
        path: directory.path().to_owned(),
        problem,
    })
}

/// Writes what a run is made from, with a comment before it.
fn write_inputs(
    experiment: &Experiment,
    directory: &RunDirectory,
    comment: &str,
) -> Result<(), Error> {
    directory.remove_leftovers()?;
    directory.remove(RunDirectory::FAILURE)?;
    // the experiment first: it marks the folder as a run's
    let resolved = format!("{comment}{}", experiment.to_toml());
    directory.write(RunDirectory::EXPERIMENT, resolved.as_bytes())?;
    directory.write(
        RunDirectory::PLATFORM,
        experiment.platform_toml().as_bytes(),
    )?;
    for target in &experiment.appraiser.targets {
        let name = Target::file(&target.name);
        directory.write(&name, target.platform_toml().as_bytes())?;
    }
    write_sources(experiment, directory)
}

/// Writes the files that the experiment names: the fixed head, and what accuracy was learnt from.
fn write_sources(experiment: &Experiment, directory: &RunDirectory) -> Result<(), Error> {
    if let Some(head) = &experiment.head {
        directory.write(head.name(), head.bytes())?;
    }
    match &experiment.lesson {
        Some(lesson) => directory.write(RunDirectory::TRAINED, &lesson.csv(&experiment.space)),
        None => Ok(()),
    }
}

/// The state to go on from.
pub(crate) fn checkpoint(
    experiment: &Experiment,
    directory: &RunDirectory,
) -> Result<Checkpoint, Error> {
    match directory.read_if_there(RunDirectory::CHECKPOINT)? {
        None => Ok(Checkpoint::start(experiment)),
        Some(text) => Checkpoint::read(&text, experiment).map_err(|problem| Error::RunDirectory {
            path: directory.path().to_owned(),
            problem: format!("its checkpoint {problem}"),
        }),
    }
}

/// Says what differs when a folder's run is not of this experiment.
fn changed(experiment: &Experiment, directory: &RunDirectory) -> Result<Option<String>, Error> {
    // what a refinement began with is its first round's: the platform beside it is the one that was fitted
    let platform = match &experiment.resolved.refine {
        Some(_) => format!(
            "{}/{}",
            RefineDirectory::round_name(1),
            RunDirectory::PLATFORM
        ),
        None => RunDirectory::PLATFORM.to_owned(),
    };
    let targets = experiment.appraiser.targets.iter();
    let targets = targets.map(|target| (Target::file(&target.name), target.platform_toml()));
    let files = [
        (RunDirectory::EXPERIMENT.to_owned(), experiment.to_toml()),
        (platform, experiment.platform_toml()),
    ];
    for (name, now) in &files.into_iter().chain(targets).collect::<Vec<_>>() {
        let Some(stored) = directory.read_if_there(name)? else {
            continue;
        };
        // what says most comes first: a name before what differs with it, a key of the user's before what is drawn from
        // the space
        let says_most = |change: &&Difference| {
            let drawn = change.key.starts_with("quality.normalisation");
            (drawn, change.key != "name")
        };
        let changes = differences(&stored, now);
        // patience may change: it decides no result
        let matters = |change: &&Difference| !PATIENCE.contains(&change.key.as_str());
        if let Some(change) = changes.iter().filter(matters).min_by_key(says_most) {
            return Ok(Some(format!(
                "can't be resumed: {name} has changed since it began: {change}; start afresh in another folder, or undo the change"
            )));
        }
    }
    if let Some(head) = &experiment.head
        && directory.path().join(head.name()).exists()
        && directory.read_bytes(head.name())? != head.bytes()
    {
        return Ok(Some(
            "can't be resumed: the fixed head has changed since it began; start afresh in another folder, or undo the change".to_owned(),
        ));
    }
    if let Some(lesson) = &experiment.lesson
        && let Some(stored) = directory.read_if_there(RunDirectory::TRAINED)?
        && stored.as_bytes() != lesson.csv(&experiment.space)
    {
        return Ok(Some(
            "can't be resumed: the table of trained networks has changed since it began; start afresh in another folder, or undo the change".to_owned(),
        ));
    }
    Ok(None)
}

/// Searches to the end or until the watcher wants to stop, saving every few seconds and when it stops.
pub(crate) fn search(
    problem: &BackboneProblem,
    experiment: &Experiment,
    directory: &RunDirectory,
    recorder: &Recorder,
    checkpoint: Checkpoint,
    watcher: &mut dyn Watcher,
) -> Result<(Checkpoint, StopReason), Error> {
    let limits = experiment.limits(recorder.reference());
    let polish = |state: &Checkpoint| experiment.polish_limits(state.polished_from?);
    let (began, before) = (Instant::now(), checkpoint.seconds());
    let clock = || before + began.elapsed().as_secs_f64();
    let mut saved = began;
    let mut state = checkpoint;
    loop {
        if watcher.wants_to_stop() {
            directory.write(RunDirectory::CHECKPOINT, &state.to_bytes())?;
            return Ok((state, StopReason::Interrupted));
        }
        let limits = polish(&state).unwrap_or_else(|| limits.clone());
        if let ControlFlow::Break(reason) = state.search.step(problem, &limits, &clock) {
            let is_over =
                state.polished_from.is_some() || experiment.resolved.search.polish.is_none();
            if is_over {
                return Ok((state, reason));
            }
            state.polished_from = Some(state.search.evaluations());
            state.search = state.search.followed_by(Optimiser::polish);
            continue;
        }
        let generation = recorder.record(state.history.last(), &state.search, clock());
        watcher.generation(&generation, state.search.front().len());
        state.history.push(generation);
        if saved.elapsed() >= SAVE_EVERY {
            directory.write(RunDirectory::CHECKPOINT, &state.to_bytes())?;
            saved = Instant::now();
        }
    }
}

/// What can be proven of what a search has found; nothing when the watcher wants to stop.
fn proof(
    problem: &BackboneProblem,
    checkpoint: &Checkpoint,
    watcher: &mut dyn Watcher,
) -> Result<Option<Proof>, Unproven> {
    let experiment = problem.experiment();
    if !experiment.proves() {
        return Err(Unproven::Unasked);
    }
    let search = &checkpoint.search;
    let Some(nearest) = search.nearest() else {
        return Err(Unproven::Unasked);
    };
    let look_on = |progress: ExactProgress| {
        watcher.proof(&progress);
        if watcher.wants_to_stop() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    prove(problem, search.front(), &nearest.genotype, look_on).map_err(Unproven::Impossible)
}

/// Writes what a run has found, and says which networks could not be written. The front comes last: while it is missing, the
/// run is not done.
pub(crate) fn write_results(
    experiment: &Experiment,
    directory: &RunDirectory,
    outcome: &Outcome,
) -> Result<Vec<String>, Error> {
    let mut warnings = Vec::new();
    for row in outcome.spread(experiment.resolved.output.backbones) {
        let file = |extension| format!("{}/{}.{extension}", RunDirectory::BACKBONES, row.id);
        directory.write(&file("toml"), backbone::toml(experiment, row).as_bytes())?;
        directory.write(&file("py"), backbone::pytorch(experiment, row).as_bytes())?;
        match backbone::onnx(experiment, row) {
            Ok(bytes) => directory.write(&file("onnx"), &bytes)?,
            Err(error) => warnings.push(format!("{}: {error}", row.id)),
        }
    }
    directory.write(
        RunDirectory::HISTORY,
        &tables::history_csv(&outcome.history),
    )?;
    if !outcome.front.is_empty() {
        let report = crate::report::html(experiment, outcome)?;
        directory.write(RunDirectory::REPORT, report.as_bytes())?;
    }
    if let Ok(certified) = &outcome.certified {
        directory.write(RunDirectory::CERTIFICATE, &certified.to_json(experiment))?;
        directory.write(RunDirectory::BOUND, &certified.bound_csv(experiment))?;
    }
    let record = OutcomeRecord::new(experiment, outcome);
    directory.write(RunDirectory::OUTCOME, &record.to_json())?;
    directory.write(
        RunDirectory::PARETO,
        &tables::pareto_csv(experiment, &outcome.front),
    )?;
    directory.remove(RunDirectory::CHECKPOINT)?;
    Ok(warnings)
}
