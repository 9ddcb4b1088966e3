//! `roofnas run`.

use std::path::{Path, PathBuf};

use roofnas::{
    BatchDirectory, BatchEntry, Certified, Ending, Error, Experiment, ExperimentFile, Figure,
    Nearest, Outcome, RunDirectory, Start, Unproven, admit, exit, portability_csv, report,
    summary_csv, transfers,
};
use roofnas_hardware::Profiles;
use serde_json::Value;

use super::on_threads;
use super::output::print;
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
    /// Where there is a matrix: the folder of the batch, and what was asked for.
    batch: Option<(BatchDirectory, String)>,
    jobs: Vec<Job>,
}

/// Runs experiments one after the other. Everything is read and checked before anything runs; then one run that fails doesn't
/// stop the others.
pub(crate) fn run(args: &RunArgs) -> anyhow::Result<u8> {
    let start = if args.resume {
        Start::Resume
    } else {
        Start::Afresh
    };
    let all = plan(args)?;
    for jobs in &all {
        if let Some((directory, asked)) = &jobs.batch {
            directory.admit(asked, start)?;
        }
        for job in &jobs.jobs {
            admit(&job.experiment, &job.directory, start)?;
        }
    }
    progress::stop_on_signals(
        "stopping after this generation (a training is ended); once more to stop at once",
    )?;
    on_threads(args.shared.threads, move || {
        let mut codes = Vec::new();
        for jobs in all {
            if !codes.contains(&exit::INTERRUPTED) {
                codes.extend(run_jobs(jobs, start)?);
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
                "{} and an experiment before it would write this folder; give them names of their own",
                file.file
            );
            let path = root;
            return Err(Error::RunDirectory { path, problem }.into());
        }
        let is_batch = file.is_batch();
        let mut jobs = Vec::new();
        for planned in file.runs {
            let experiment = Experiment::new(planned.config, &file.file, &profiles)?;
            if let Some(lesson) = &experiment.lesson {
                say(lesson.sentence(), &mut told);
            }
            for warning in &experiment.warnings {
                say(format!("warning: {warning}"), &mut told);
            }
            jobs.push(Job {
                directory: RunDirectory::new(root.join(&planned.folder)),
                folder: planned.folder,
                experiment,
            });
        }
        all.push(Jobs {
            name: file.name,
            batch: is_batch.then(|| (BatchDirectory::new(&root), file.asked)),
            jobs,
        });
        folders.push(root);
    }
    Ok(all)
}

/// Prints a line that was not printed before.
fn say(line: String, told: &mut Vec<String>) {
    if !told.contains(&line) {
        eprintln!("{line}");
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

/// Runs what one file asks for, and says with which exit code each run ended.
fn run_jobs(jobs: Jobs, start: Start) -> Result<Vec<u8>, Error> {
    if let Some((directory, asked)) = &jobs.batch {
        directory.write(BatchDirectory::MATRIX, asked.as_bytes())?;
    }
    let mut codes = Vec::new();
    let mut entries = Vec::new();
    for job in jobs.jobs {
        let label = job.directory.path().display().to_string();
        let ended = if codes.contains(&exit::INTERRUPTED) {
            None
        } else {
            Some(run_one(&job, &label, start))
        };
        let failure = match ended {
            Some(Err(error)) => {
                eprintln!("error: {error}");
                codes.push(error.exit_code());
                Some(error.to_string())
            }
            Some(Ok(code)) => {
                codes.push(code);
                None
            }
            None => None,
        };
        if jobs.batch.is_some() {
            entries.push(BatchEntry::read(
                job.folder,
                job.experiment,
                &job.directory,
                failure,
            ));
        }
    }
    if let Some((directory, _)) = &jobs.batch {
        write_batch(directory, &jobs.name, &entries)?;
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
                for warning in &outcome.warnings {
                    eprintln!("warning: {label}: {warning}");
                }
                eprintln!("{}", summary(label, &job.experiment, &outcome));
                print(&printed_front(&outcome))?;
                exit::DONE
            }
        },
        Ending::AlreadyDone { found: true } => {
            eprintln!("{label}: finished before; nothing to do");
            exit::DONE
        }
        Ending::AlreadyDone { found: false } => {
            eprintln!("{label}: finished before: no network keeps the constraints");
            exit::INFEASIBLE
        }
        Ending::Interrupted { evaluations } => {
            eprintln!("{label}: interrupted after {evaluations} networks; go on with --resume");
            exit::INTERRUPTED
        }
    })
}

/// Files of the batch as a whole.
fn write_batch(
    directory: &BatchDirectory,
    name: &str,
    entries: &[BatchEntry],
) -> Result<(), Error> {
    let transfers = transfers(entries);
    directory.write(BatchDirectory::SUMMARY, &summary_csv(entries))?;
    let portability = portability_csv(entries, &transfers);
    directory.write(BatchDirectory::PORTABILITY, &portability)?;
    let page = report::batch_html(name, entries, &transfers)?;
    directory.write(BatchDirectory::REPORT, page.as_bytes())?;
    let path = directory.path().display();
    eprintln!("wrote {path}/summary.csv, {path}/portability.csv and {path}/report.html");
    Ok(())
}

fn printed_front(outcome: &Outcome) -> String {
    let rows = outcome.spread(PRINTED);
    // only predicted accuracy has an interval
    let has_intervals = rows
        .iter()
        .all(|row| row.metrics.quality_interval_90.is_some());
    let intervals: &[&str] = match has_intervals {
        true => &["lower_90", "upper_90"],
        false => &[],
    };
    let last = [
        "latency_ms",
        "latency_ms_std",
        "mmacs",
        "mparams",
        "genotype",
    ];
    let mut data = Data::new(&[&["id", "quality"], intervals, &last].concat());
    for row in rows {
        let mut cells = vec![row.id.clone().into(), row.metrics.quality.into()];
        let interval = row.metrics.quality_interval_90.iter().flatten();
        cells.extend(interval.map(|&end| Value::from(end)));
        cells.extend([
            row.metrics.latency.mean_ms.into(),
            row.metrics.latency.std_ms.into(),
            (1e-6 * row.metrics.macs as f64).into(),
            (1e-6 * row.metrics.params as f64).into(),
            row.text.clone().into(),
        ]);
        data.push(cells);
    }
    data.format(Format::Table).unwrap_or_default()
}

fn summary(label: &str, experiment: &Experiment, outcome: &Outcome) -> String {
    let seconds = outcome.history.last().map_or(0.0, |last| last.seconds);
    let quality = &experiment.appraiser.quality;
    let best = outcome.best().map_or_else(String::new, |best| {
        format!(
            "best {} with {} {:.3} ({}) at {:.4} ± {:.4} ms ({})",
            best.id,
            quality.name(),
            best.metrics.quality,
            quality.sort(),
            best.metrics.latency.mean_ms,
            best.metrics.latency.std_ms,
            experiment.appraiser.model.label()
        )
    });
    let proven = match &outcome.certified {
        Ok(certified) => certified
            .sentence(experiment)
            .map(|said| format!("\n{said}")),
        Err(Unproven::Unasked) => None,
        Err(Unproven::Impossible(reason)) => Some(format!(
            "\ngap to the model's optimum: not known, since {reason}"
        )),
    };
    let proven = proven.unwrap_or_default();
    let done = match &outcome.training {
        Some(training) => format!(
            "{} in {seconds:.1} s ({} known before)",
            training.sentence(),
            training.known
        ),
        None => format!("{} evaluations in {seconds:.1} s", outcome.evaluations),
    };
    format!(
        "{label}: {done}, {} networks in the front; {best}{proven}\nsee {label}/report.html, {label}/pareto.csv \
         and {label}/backbones/",
        outcome.front.len()
    )
}

fn infeasible(label: &str, outcome: &Outcome, nearest: &Nearest) -> String {
    let is_proven = outcome
        .certified
        .as_ref()
        .is_ok_and(Certified::is_infeasible);
    let all = if is_proven {
        "no network of the space keeps the constraints: that is proven".to_owned()
    } else {
        let evaluated = outcome.evaluations;
        format!("none of {evaluated} evaluated networks keeps the constraints")
    };
    let mut text = format!("error: {label}: {all}; the nearest is {}", nearest.text);
    for constraint in &nearest.broken {
        let value = constraint.value(&nearest.metrics);
        if constraint.figure == Figure::ChannelDrop {
            text += &format!(
                "\n  binds: {}: channels fall by {} in all, each fall relative to what was there",
                constraint.key(),
                rounded(value)
            );
            continue;
        }
        text += &format!(
            "\n  binds: {} is {}, at most {} ({:.2} times)",
            constraint.key(),
            rounded(value),
            constraint.limit,
            value / constraint.limit
        );
    }
    text + "\nraise what binds, or widen the space towards smaller networks"
}

/// A count whole, anything else with four decimals.
fn rounded(value: f64) -> String {
    if value.fract() == 0.0 {
        value.to_string()
    } else {
        format!("{value:.4}")
    }
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
