//! `roofnas run`.

use std::path::{Path, PathBuf};

use roofnas::{
    BatchDirectory, Ending, Error, Experiment, ExperimentFile, RunDirectory, Shard, Start, admit,
    exit, experiments,
};
use roofnas_hardware::Profiles;

use super::on_threads;
use super::output::print;
use super::refine::refine;
use super::run_batch::{Batch, Job, run_batch};
use super::run_words::{infeasible, printed_front, summary};
use crate::cli::RunArgs;
use crate::progress::{self, Progress};

/// What one experiment file asks for.
enum Asked {
    Run {
        directory: RunDirectory,
        experiment: Box<Experiment>,
        is_ours: bool,
    },
    Batch(Batch),
}

/// Runs experiments one after the other. Everything is read and checked before anything runs; then one run that fails doesn't
/// stop the others.
pub(crate) fn run(args: &RunArgs) -> anyhow::Result<u8> {
    let start = if args.resume {
        Start::Resume
    } else {
        Start::Afresh
    };
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    on_threads(args.shared.threads, move || {
        let all = plan(args)?;
        for asked in &all {
            admit_all(asked, start)?;
        }
        progress::stop_on_signals(
            "stopping after this generation (a training is ended); once more to stop at once",
        )?;
        let mut codes = Vec::new();
        for asked in all {
            if !progress::is_stopped() {
                codes.extend(run_asked(asked, start)?);
            }
        }
        if codes.is_empty() {
            note!("shard {shard} has no runs");
        }
        if shard.is_part() && codes.iter().all(|code| *code == exit::INFEASIBLE) {
            // only of the whole it can be said that nothing was found, and its summary says so
            return Ok(exit::DONE);
        }
        Ok(overall(&codes))
    })
}

/// Whether all folders can take what is to be run there.
fn admit_all(asked: &Asked, start: Start) -> Result<(), Error> {
    match asked {
        Asked::Run {
            directory,
            experiment,
            is_ours,
        } => {
            if *is_ours {
                admit(experiment, directory, start)?;
            }
        }
        Asked::Batch(batch) => {
            batch.directory.admit(&batch.asked, start, batch.shard)?;
            for job in batch.jobs.iter().filter(|job| job.is_ours) {
                admit(&job.experiment, &job.directory, start)?;
            }
        }
    }
    Ok(())
}

/// Reads the experiment files, and says what is to be run where.
fn plan(args: &RunArgs) -> anyhow::Result<Vec<Asked>> {
    let settings = args.shared.all_settings();
    let profiles = Profiles::from_environment();
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    let mut all = Vec::new();
    let mut folders: Vec<PathBuf> = Vec::new();
    let mut told: Vec<String> = Vec::new();
    // runs are dealt out over all files
    let mut runs = 0;
    let mut is_ours = || {
        runs += 1;
        shard.has(runs - 1)
    };
    for path in &args.experiments {
        let file = ExperimentFile::read(path, &settings)?;
        let root = root(args, &file.name);
        if folders.contains(&root) {
            let problem = format!(
                "{} and an experiment before it would write this folder; give them names of their own",
                file.file
            );
            let path = root;
            return Err(Error::RunDirectory { path, problem }.into());
        }
        let checked = experiments(&file, &profiles)?;
        for experiment in &checked {
            if let Some(lesson) = &experiment.lesson {
                say(lesson.sentence(), &mut told);
            }
            if let Some(refine) = &experiment.resolved.refine {
                say(refine.sentence(), &mut told);
            }
            if let Some(head) = experiment.head_sentence() {
                say(head, &mut told);
            }
            for warning in &experiment.warnings {
                say(format!("warning: {warning}"), &mut told);
            }
        }
        if file.is_batch() {
            let jobs = file
                .runs
                .iter()
                .zip(checked)
                .map(|(planned, experiment)| Job {
                    directory: RunDirectory::new(root.join(&planned.folder)),
                    folder: planned.folder.clone(),
                    settings: planned.settings.clone(),
                    experiment,
                    is_ours: is_ours(),
                });
            all.push(Asked::Batch(Batch {
                jobs: jobs.collect(),
                name: file.name,
                directory: BatchDirectory::new(&root),
                asked: file.asked,
                at_a_time: args.jobs,
                shard,
            }));
        } else {
            all.extend(checked.into_iter().map(|experiment| Asked::Run {
                directory: RunDirectory::new(&root),
                experiment: Box::new(experiment),
                is_ours: is_ours(),
            }));
        }
        folders.push(root);
    }
    Ok(all)
}

/// Prints a line that was not printed before.
fn say(line: String, told: &mut Vec<String>) {
    if !told.contains(&line) {
        note!("{line}");
        told.push(line);
    }
}

/// The folder of an experiment's run or batch.
fn root(args: &RunArgs, name: &str) -> PathBuf {
    match &args.out {
        None => Path::new("runs").join(name),
        Some(out) if args.experiments.len() == 1 => out.clone(),
        Some(out) => out.join(name),
    }
}

/// Runs what one file asks for, and says with which exit codes its runs ended.
fn run_asked(asked: Asked, start: Start) -> Result<Vec<u8>, Error> {
    match asked {
        Asked::Batch(batch) if batch.jobs.iter().any(|job| job.is_ours) => run_batch(batch, start),
        Asked::Run {
            directory,
            experiment,
            is_ours: true,
        } => {
            let code = run_one(&experiment, &directory, start).unwrap_or_else(|error| {
                note!("error: {error}");
                error.exit_code()
            });
            Ok(vec![code])
        }
        _ => Ok(Vec::new()),
    }
}

fn run_one(experiment: &Experiment, directory: &RunDirectory, start: Start) -> Result<u8, Error> {
    let label = &directory.path().display().to_string();
    let done = match &experiment.resolved.refine {
        Some(config) => refine(experiment, config, directory, label, start)?,
        None => Some((
            experiment.clone(),
            search(experiment, directory, label, start)?,
        )),
    };
    let Some((experiment, ending)) = done else {
        return Ok(exit::INTERRUPTED);
    };
    Ok(match ending {
        Ending::Done(outcome) => match &outcome.nearest {
            Some(nearest) => {
                note!("{}", infeasible(label, &outcome, nearest));
                exit::INFEASIBLE
            }
            None => {
                for warning in &outcome.warnings {
                    note!("warning: {label}: {warning}");
                }
                note!("{}", summary(label, &experiment, &outcome));
                print(&printed_front(&experiment, &outcome))?;
                exit::DONE
            }
        },
        Ending::AlreadyDone { found: true } => {
            note!("{label}: finished before; nothing to do");
            exit::DONE
        }
        Ending::AlreadyDone { found: false } => {
            note!("{label}: finished before: no network keeps the constraints");
            exit::INFEASIBLE
        }
        Ending::Interrupted { evaluations } => {
            note!("{label}: interrupted after {evaluations} networks; go on with --resume");
            exit::INTERRUPTED
        }
    })
}

fn search(
    experiment: &Experiment,
    directory: &RunDirectory,
    label: &str,
    start: Start,
) -> Result<Ending, Error> {
    let mut progress = Progress::new(label, experiment.resolved.search.evaluations);
    let ending = roofnas::run(experiment, directory, start, &mut progress);
    progress.finish();
    ending
}

/// The exit code of everything: that of a single run; of several, interrupted before failed before infeasible, which all
/// must be.
fn overall(codes: &[u8]) -> u8 {
    match codes {
        [code] => *code,
        _ if codes.contains(&exit::INTERRUPTED) => exit::INTERRUPTED,
        _ if codes
            .iter()
            .any(|code| [exit::FAILED, exit::BAD_INPUT].contains(code)) =>
        {
            exit::FAILED
        }
        [_, ..] if codes.iter().all(|code| *code == exit::INFEASIBLE) => exit::INFEASIBLE,
        _ => exit::DONE,
    }
}
