//! `roofnas run`.

use std::path::{Path, PathBuf};

use roofnas::{
    BatchEntry, Ending, Error, Experiment, ExperimentFile, Nearest, Outcome, RunDirectory, Start,
    admit, exit, portability_csv, report, summary_csv, transfers, write_whole,
};
use roofnas_hardware::Profiles;

use super::on_threads;
use super::table::Data;
use crate::cli::{Format, RunArgs};
use crate::progress::{self, Progress};

/// Rows of a front that are printed.
const PRINTED: usize = 12;

/// One run that is to be done.
struct Job {
    folder: PathBuf,
    directory: RunDirectory,
    experiment: Experiment,
}

/// The runs of one experiment file.
struct Jobs {
    name: String,
    /// Folder of the batch, where there is a matrix.
    batch: Option<PathBuf>,
    jobs: Vec<Job>,
}

/// Runs experiments one after the other. Everything is read and checked before anything runs.
pub(crate) fn run(args: &RunArgs) -> anyhow::Result<u8> {
    let start = if args.resume {
        Start::Resume
    } else {
        Start::Afresh
    };
    let all = plan(args)?;
    for job in all.iter().flat_map(|jobs| &jobs.jobs) {
        admit(&job.experiment, &job.directory, start)?;
    }
    progress::stop_on_signals()?;
    on_threads(args.shared.threads, move || {
        let mut codes = Vec::new();
        for jobs in all {
            codes.extend(run_jobs(jobs, start)?);
            if codes.contains(&exit::INTERRUPTED) {
                break;
            }
        }
        Ok(overall(&codes))
    })
}

/// Reads the experiment files, and says what is to be run where.
fn plan(args: &RunArgs) -> anyhow::Result<Vec<Jobs>> {
    let settings = args.shared.all_settings();
    let profiles = Profiles::from_environment();
    let mut all = Vec::new();
    let mut folders: Vec<PathBuf> = Vec::new();
    let mut told: Vec<String> = Vec::new();
    for path in &args.experiments {
        let file = ExperimentFile::read(path, &settings)?;
        let root = root(args, &file.name);
        if folders.contains(&root) {
            let problem = format!(
                "{} and an experiment before it would write the same folder; give them names of their own",
                file.file
            );
            return Err(Error::RunDirectory {
                path: root,
                problem,
            }
            .into());
        }
        let batch = file.is_batch().then(|| root.clone());
        let mut jobs = Vec::new();
        for planned in file.runs {
            let experiment = Experiment::new(planned.config, &file.file, &profiles)?;
            for warning in experiment
                .warnings
                .iter()
                .filter(|warning| !told.contains(warning))
            {
                eprintln!("warning: {warning}");
            }
            told.extend(experiment.warnings.iter().cloned());
            jobs.push(Job {
                directory: RunDirectory::new(root.join(&planned.folder)),
                folder: planned.folder,
                experiment,
            });
        }
        folders.push(root);
        all.push(Jobs {
            name: file.name,
            batch,
            jobs,
        });
    }
    Ok(all)
}

/// The folder of an experiment's run or batch.
fn root(args: &RunArgs, name: &str) -> PathBuf {
    match &args.out {
        None => Path::new("runs").join(name),
        Some(out) if args.experiments.len() == 1 => out.clone(),
        Some(out) => out.join(name),
    }
}

/// Runs what one file asks for; in a batch, one run that fails doesn't stop the others.
fn run_jobs(jobs: Jobs, start: Start) -> anyhow::Result<Vec<u8>> {
    let mut codes = Vec::new();
    let mut entries = Vec::new();
    for job in jobs.jobs {
        let interrupted = codes.contains(&exit::INTERRUPTED);
        let label = job.directory.path().display().to_string();
        let mut failure = None;
        if !interrupted {
            match run_one(&job, &label, start) {
                Ok(code) => codes.push(code),
                Err(error) if jobs.batch.is_some() => {
                    eprintln!("error: {label}: {error}");
                    codes.push(exit::FAILED);
                    failure = Some(error.to_string());
                }
                Err(error) => return Err(error.into()),
            }
        }
        if jobs.batch.is_some() {
            entries.push(BatchEntry::read(
                job.folder,
                job.experiment,
                &job.directory,
                failure,
            )?);
        }
    }
    if let Some(folder) = &jobs.batch {
        write_batch(folder, &jobs.name, &entries)?;
    }
    Ok(codes)
}

fn run_one(job: &Job, label: &str, start: Start) -> Result<u8, Error> {
    let mut progress = Progress::new(label, job.experiment.resolved.search.evaluations);
    let ending = roofnas::run(&job.experiment, &job.directory, start, &mut progress);
    progress.finish();
    Ok(match ending? {
        Ending::Done(outcome) => match &outcome.nearest {
            Some(nearest) => {
                eprintln!("{}", infeasible(label, &outcome, nearest));
                exit::INFEASIBLE
            }
            None => {
                print_front(&outcome);
                eprintln!("{}", summary(label, &job.experiment, &outcome));
                exit::DONE
            }
        },
        Ending::AlreadyDone => {
            eprintln!("{label}: finished before; nothing to do");
            exit::DONE
        }
        Ending::Interrupted { evaluations } => {
            eprintln!("{label}: interrupted after {evaluations} networks; go on with --resume");
            exit::INTERRUPTED
        }
    })
}

/// Files of the batch as a whole.
fn write_batch(folder: &Path, name: &str, entries: &[BatchEntry]) -> anyhow::Result<()> {
    let transfers = transfers(entries);
    write_whole(&folder.join("summary.csv"), &summary_csv(entries))?;
    write_whole(
        &folder.join("portability.csv"),
        &portability_csv(entries, &transfers),
    )?;
    let page = report::batch_html(name, entries, &transfers);
    write_whole(&folder.join("report.html"), page.as_bytes())?;
    eprintln!(
        "wrote {0}/summary.csv, {0}/portability.csv and {0}/report.html",
        folder.display()
    );
    Ok(())
}

fn print_front(outcome: &Outcome) {
    let mut data = Data::new(&[
        "id",
        "quality",
        "latency_ms",
        "latency_ms_std",
        "mmacs",
        "mparams",
        "genotype",
    ]);
    for row in outcome.spread(PRINTED) {
        data.push(vec![
            row.id.clone().into(),
            row.metrics.quality.into(),
            row.metrics.latency.mean_ms.into(),
            row.metrics.latency.std_ms.into(),
            (1e-6 * row.metrics.macs as f64).into(),
            (1e-6 * row.metrics.params as f64).into(),
            row.text.clone().into(),
        ]);
    }
    // a table for people always prints
    if let Ok(table) = data.format(Format::Table) {
        println!("{table}");
    }
}

fn summary(label: &str, experiment: &Experiment, outcome: &Outcome) -> String {
    let seconds = outcome.history.last().map_or(0.0, |last| last.seconds);
    let score = experiment.appraiser.score.name();
    let best = outcome.best().map_or_else(String::new, |best| {
        format!(
            "best {} with {score} {:.3} (a rank score, not accuracy) at {:.4} ms (uncalibrated, ± {:.4} ms prior)",
            best.id, best.metrics.quality, best.metrics.latency.mean_ms, best.metrics.latency.std_ms
        )
    });
    format!(
        "{label}: {} networks evaluated in {seconds:.1} s, {} in the front; {best}\nsee {label}/report.html, {label}/pareto.csv \
         and {label}/backbones/",
        outcome.evaluations,
        outcome.front.len()
    )
}

fn infeasible(label: &str, outcome: &Outcome, nearest: &Nearest) -> String {
    let mut text = format!(
        "error: {label}: none of {} networks keeps the constraints; the nearest is {}",
        outcome.evaluations, nearest.text
    );
    for constraint in &nearest.broken {
        let value = constraint.figure.value(&nearest.metrics);
        text += &format!(
            "\n  binds: {} is {value:.4}, at most {} ({:.2} times)",
            constraint.figure.key(),
            constraint.limit,
            value / constraint.limit
        );
    }
    text + "\nraise what binds, or widen the space towards smaller networks"
}

/// The exit code of everything: interrupted before failed before infeasible, which all runs must be.
fn overall(codes: &[u8]) -> u8 {
    if codes.contains(&exit::INTERRUPTED) {
        exit::INTERRUPTED
    } else if codes.contains(&exit::FAILED) {
        exit::FAILED
    } else if !codes.is_empty() && codes.iter().all(|code| *code == exit::INFEASIBLE) {
        exit::INFEASIBLE
    } else {
        exit::DONE
    }
}
