//! The runs of a matrix: several at a time, one summary of all.

use std::any::Any;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use rayon::prelude::*;
use roofnas::{
    BatchDirectory, BatchEntry, Crew, Ending, Error, Experiment, RunDirectory, RunStatus, Setting,
    Shard, Start, exit, portability_csv, report, summary_csv, transfers,
};
use serde_json::Value;

use super::output::print;
use super::run_words::{brief, infeasible};
use super::table::Data;
use crate::batch_progress::{BatchProgress, EndedAs};
use crate::cli::Format;
use crate::progress::is_stopped;

/// One run that is to be done.
pub(super) struct Job {
    /// Its folder within the batch.
    pub(super) folder: PathBuf,
    /// The matrix's values for it.
    pub(super) settings: Vec<Setting>,
    pub(super) directory: RunDirectory,
    pub(super) experiment: Experiment,
    /// Whether this command does it, and not one for another part of the batch.
    pub(super) is_ours: bool,
}

/// A batch with its runs.
pub(super) struct Batch {
    pub(super) name: String,
    pub(super) directory: BatchDirectory,
    /// The experiment with its matrix.
    pub(super) asked: String,
    pub(super) jobs: Vec<Job>,
    /// Runs at a time, where that was said.
    pub(super) at_a_time: Option<NonZeroUsize>,
    pub(super) shard: Shard,
}

/// What became of one of our runs.
struct Ended {
    code: u8,
    /// Why it failed, if it did.
    failure: Option<String>,
}

/// Does our runs, writes the summary of all that is there by then, and says with which exit codes our runs ended.
pub(super) fn run_batch(batch: Batch, start: Start) -> Result<Vec<u8>, Error> {
    batch.directory.begin(&batch.asked)?;
    let ours: Vec<usize> = (0..batch.jobs.len())
        .filter(|&job| batch.jobs[job].is_ours)
        .collect();
    let crew = Crew::new(batch.workers(ours.len()), rayon::current_num_threads())?;
    if let Some(asked) = batch.at_a_time.map(NonZeroUsize::get)
        && asked.min(ours.len()) > crew.workers()
    {
        note!(
            "{} at a time rather than {asked}: each needs a thread, and there are {}",
            crew.workers(),
            rayon::current_num_threads()
        );
    }
    let progress = BatchProgress::new(&batch.name, ours.len(), crew.workers());
    let mut ended: Vec<Option<Ended>> = batch.jobs.iter().map(|_| None).collect();
    crew.work(
        ours.len(),
        || !is_stopped(),
        |place| {
            let job = &batch.jobs[ours[place]];
            let mut watcher = progress.watch(
                place,
                &job.folder.display().to_string(),
                job.experiment.resolved.search.evaluations,
                start == Start::Resume,
            );
            let ending = catch_unwind(AssertUnwindSafe(|| {
                roofnas::run(&job.experiment, &job.directory, start, &mut watcher)
            }));
            // a fault of ours is this run's alone
            let ending = ending.unwrap_or_else(|panic| Err(Error::Panic(words(&*panic))));
            if let Err(error) = &ending
                && !matches!(error, Error::Busy { .. })
            {
                job.directory.record_failure(&error.to_string());
            }
            ending
        },
        |place, ending| {
            let job = &batch.jobs[ours[place]];
            ended[ours[place]] = Some(tell(job, place, ending, &progress));
        },
    );
    progress.finish();
    let codes: Vec<Option<u8>> = ended
        .iter()
        .map(|ended| ended.as_ref().map(|ended| ended.code))
        .collect();
    let entries = batch.summarise(ended)?;
    let codes = ours
        .iter()
        .map(|&job| match (&entries[job].status, codes[job]) {
            // done before, and what it left can't be read any more
            (RunStatus::Failed(message), Some(exit::DONE | exit::INFEASIBLE)) => {
                note!("error: {message}");
                exit::FAILED
            }
            (_, code) => code.unwrap_or(exit::INTERRUPTED),
        });
    Ok(codes.collect())
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no reason given").to_owned()
}

/// Says how a run ended.
fn tell(job: &Job, place: usize, ending: Result<Ending, Error>, progress: &BatchProgress) -> Ended {
    let label = job.directory.path().display().to_string();
    let (code, how, failure) = match ending {
        // somebody else is doing it: what comes of it stands in its folder, now or later
        Err(error @ Error::Busy { .. }) => {
            progress.say(&format!("{error}; left to it"));
            (exit::INTERRUPTED, EndedAs::Interrupted, None)
        }
        Err(error) => {
            progress.say(&format!("error: {error}"));
            let failure = Some(error.to_string());
            (error.exit_code(), EndedAs::Failed, failure)
        }
        Ok(Ending::Done(outcome)) => {
            for warning in &outcome.warnings {
                progress.say(&format!("warning: {label}: {warning}"));
            }
            let (said, code) = match &outcome.nearest {
                Some(nearest) => (infeasible(&label, &outcome, nearest), exit::INFEASIBLE),
                None => (brief(&label, &job.experiment, &outcome), exit::DONE),
            };
            progress.say(&said);
            (code, EndedAs::Done, None)
        }
        Ok(Ending::AlreadyDone { found: true }) => (exit::DONE, EndedAs::DoneBefore, None),
        Ok(Ending::AlreadyDone { found: false }) => (exit::INFEASIBLE, EndedAs::DoneBefore, None),
        Ok(Ending::Interrupted { evaluations }) => {
            progress.say(&format!(
                "{label}: interrupted after {evaluations} networks; go on with --resume"
            ));
            (exit::INTERRUPTED, EndedAs::Interrupted, None)
        }
    };
    progress.ended(place, how);
    Ended { code, failure }
}

impl Batch {
    /// Runs at a time: as many as was said; else one where a command trains networks, since that has its own number of trainings at a time, and
    /// else one for each thread.
    fn workers(&self, runs: usize) -> usize {
        let trains = |job: &Job| job.experiment.resolved.quality.external.is_some();
        let usual = match self.jobs.iter().any(trains) {
            true => 1,
            false => rayon::current_num_threads(),
        };
        let workers = self.at_a_time.map_or(usual, NonZeroUsize::get);
        workers.min(runs).max(1)
    }

    /// Writes the files of the batch as a whole from what is in its folder by now, and prints the summary. Returns all runs as they are then.
    fn summarise(self, ended: Vec<Option<Ended>>) -> Result<Vec<BatchEntry>, Error> {
        let jobs: Vec<(Job, Option<Ended>)> = self.jobs.into_iter().zip(ended).collect();
        let mut entries: Vec<BatchEntry> = jobs
            .into_par_iter()
            .map(|(job, ended)| {
                let failure = ended.and_then(|ended| ended.failure);
                let (folder, settings) = (job.folder, job.settings);
                BatchEntry::read(folder, settings, job.experiment, &job.directory, failure)
            })
            .collect();
        let root = self.directory.path();
        // Another part of the batch that ends meanwhile may have written its summary before ours, which lacks its runs. Whoever writes last must have
        // found all that had ended by then, so everybody looks again afterwards.
        loop {
            write_files(&self.directory, &self.name, &entries)?;
            let ended = entries.iter_mut().map(|entry| {
                let directory = RunDirectory::new(root.join(&entry.folder));
                entry.ended_since(&directory)
            });
            if ended.filter(|has_ended| *has_ended).count() == 0 {
                break;
            }
        }
        print(&summary_table(&entries))?;
        let path = root.display();
        note!("wrote {path}/summary.csv, {path}/portability.csv and {path}/report.html");
        if self.shard.is_part() {
            note!("{}", of_all(self.shard, &entries));
        }
        Ok(entries)
    }
}

/// Files of the batch as a whole.
fn write_files(
    directory: &BatchDirectory,
    name: &str,
    entries: &[BatchEntry],
) -> Result<(), Error> {
    let transfers = transfers(entries);
    directory.write(BatchDirectory::SUMMARY, &summary_csv(entries))?;
    let portability = portability_csv(entries, &transfers);
    directory.write(BatchDirectory::PORTABILITY, &portability)?;
    let page = report::batch_html(name, entries, &transfers)?;
    directory.write(BatchDirectory::REPORT, page.as_bytes())
}

/// What of the whole batch there is by now.
fn of_all(shard: Shard, entries: &[BatchEntry]) -> String {
    let done = entries
        .iter()
        .filter(|entry| entry.status != RunStatus::Unfinished)
        .count();
    format!(
        "shard {shard} is done; of the whole batch, {done} of {} runs",
        entries.len()
    )
}

/// The summary for people.
fn summary_table(entries: &[BatchEntry]) -> String {
    let mut data = Data::new(&[
        "run",
        "status",
        "front",
        "best_quality",
        "latency_ms",
        "upper95_ms",
        "gap_percent",
        "stop_reason",
        "seconds",
    ]);
    for entry in entries {
        let best = entry.best();
        let number = |value: Option<f64>| value.map_or(Value::Null, Value::from);
        let gap = entry.record.as_ref().and_then(|record| record.gap);
        data.push(vec![
            entry.folder.display().to_string().into(),
            entry.status.name().into(),
            entry.front.len().into(),
            number(best.map(|best| best.metrics.quality)),
            number(best.map(|best| best.metrics.latency.mean_ms)),
            number(best.map(|best| best.metrics.latency.upper95_ms())),
            number(gap.map(|gap| 100.0 * gap.share_of_range)),
            entry.stop_reason().map_or(Value::Null, Value::from),
            number(entry.last.map(|last| last.seconds)),
        ]);
    }
    data.format(Format::Table).unwrap_or_default()
}
