//! Running the user's command on networks: some at a time, again where one fails, and never twice for the same network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use roofnas_hardware::{ProgramEnd, ProgramOutput};

use super::answer::{AnswerError, answer, answers};
use super::cache::{Architecture, TrainingCache};
use super::candidate::{self, Candidate, TrainingResult, remove_folder};
use super::command::TrainingCommand;
use super::progress::TrainingProgress;
use crate::error::Error;
use crate::experiment::Experiment;
use crate::external_config::{ExternalConfig, Per};
use crate::run::Watcher;
use crate::run_directory::RunDirectory;

/// How many networks, before any was trained, fail until the command is to blame rather than they.
const FIRST_FAILURES: usize = 3;
/// How often somebody who wants to stop is asked.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// Trains networks by the user's command. Whatever is known is on the disk before it is told: results in the run's folder, and in the cache.
#[derive(Debug)]
pub(super) struct Evaluator<'a> {
    /// The experiment, with the proxy as its quality.
    pub(super) proxy: &'a Experiment,
    pub(super) config: &'a ExternalConfig,
    pub(super) command: TrainingCommand,
    pub(super) cache: TrainingCache,
    pub(super) directory: &'a RunDirectory,
}

/// How often a process was tried, and what it came to.
enum Attempt {
    Ended(ProgramOutput),
    Failed { reason: String, may_pass: bool },
    Stopped,
}

/// What a worker tells.
type Told = Result<(usize, TrainingResult), Error>;

/// What stands between the one who looks on and the workers.
struct Shared<'a> {
    next: AtomicUsize,
    stop: AtomicBool,
    /// Positions of the candidates that have to be trained.
    pending: &'a [usize],
}

impl Evaluator<'_> {
    /// What came of each candidate, in their order; nothing where the watcher wants to stop. `trained` counts networks that were trained
    /// before these.
    ///
    /// # Errors
    /// When the command can't be started, nothing but fails, or files can't be written.
    pub(super) fn results(
        &self,
        candidates: &[Candidate],
        trained: usize,
        watcher: &mut dyn Watcher,
    ) -> Result<Option<Vec<TrainingResult>>, Error> {
        let mut results: Vec<Option<TrainingResult>> = Vec::new();
        for candidate in candidates {
            results.push(self.known(candidate)?);
        }
        let pending: Vec<usize> = (0..results.len())
            .filter(|&position| results[position].is_none())
            .collect();
        for (candidate, result) in candidates.iter().zip(&results) {
            if let Some(result) = result {
                watcher.training(&TrainingProgress::known(candidate, result));
            }
        }
        let shared = Shared {
            next: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            pending: &pending,
        };
        let workers = match self.config.per {
            Per::Candidate => self.config.jobs.min(pending.len()),
            Per::Batch => pending.len().min(1),
        };
        let failure = std::thread::scope(|scope| {
            let (tell, told) = mpsc::channel::<Told>();
            for _ in 0..workers {
                let (tell, shared) = (tell.clone(), &shared);
                scope.spawn(move || match self.config.per {
                    Per::Candidate => self.train_each(candidates, shared, &tell),
                    Per::Batch => self.train_all(candidates, shared, &tell),
                });
            }
            drop(tell);
            let mut failure = None;
            loop {
                if watcher.wants_to_stop() {
                    shared.stop.store(true, Ordering::SeqCst);
                }
                match told.recv_timeout(ASK_EVERY) {
                    Ok(Ok((position, result))) => {
                        let candidate = &candidates[position];
                        watcher.training(&TrainingProgress::now(candidate, &result));
                        results[position] = Some(result);
                        if trained == 0 && fails_from_the_start(&results) {
                            shared.stop.store(true, Ordering::SeqCst);
                            failure.get_or_insert_with(|| self.blame(candidates, &results));
                        }
                    }
                    Ok(Err(error)) => {
                        shared.stop.store(true, Ordering::SeqCst);
                        failure.get_or_insert(error);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return failure,
                }
            }
        });
        match failure {
            Some(error) => {
                // whoever mends the command wants them tried again
                for candidate in candidates {
                    if let Some(TrainingResult::Failed { .. }) = self.stored(candidate)? {
                        self.directory.remove(&result_name(candidate))?;
                    }
                }
                Err(error)
            }
            None => Ok(results.into_iter().collect()),
        }
    }

    /// What came of candidates as far as it is on the disk.
    pub(super) fn stored(&self, candidate: &Candidate) -> Result<Option<TrainingResult>, Error> {
        let name = result_name(candidate);
        let Some(text) = self.directory.read_if_there(&name)? else {
            return Ok(None);
        };
        let result = serde_json::from_str(&text).map_err(|error| Error::Unusable {
            path: self.directory.path().join(&name),
            problem: format!("is not what came of a training: {error}"),
        });
        result.map(Some)
    }

    /// Removes from the run's folder what came of a candidate, once it stands elsewhere.
    pub(super) fn forget(&self, candidate: &Candidate) -> Result<(), Error> {
        self.directory.remove(&result_name(candidate))
    }

    fn known(&self, candidate: &Candidate) -> Result<Option<TrainingResult>, Error> {
        if let Some(result) = self.stored(candidate)? {
            return Ok(Some(result));
        }
        let architecture = Architecture::new(&self.proxy.space, &candidate.genotype);
        let Some(measured) = self.cache.get(&architecture) else {
            return Ok(None);
        };
        let result = TrainingResult::Trained {
            measured,
            seconds: None,
        };
        self.store(candidate, &result)?;
        Ok(Some(result))
    }

    /// Keeps what came of a candidate in the run's folder.
    fn store(&self, candidate: &Candidate, result: &TrainingResult) -> Result<(), Error> {
        let name = result_name(candidate);
        let bytes = serde_json::to_vec(result);
        let bytes = bytes
            .map_err(|error| Error::write(&self.directory.path().join(&name), error.into()))?;
        self.directory.write(&name, &bytes)
    }

    /// Keeps what came of a candidate wherever it is looked for.
    fn keep(&self, candidate: &Candidate, result: &TrainingResult) -> Result<(), Error> {
        // the run's own folder first: it is the one that was asked for
        self.store(candidate, result)?;
        if let Some(measured) = result.measured() {
            let architecture = Architecture::new(&self.proxy.space, &candidate.genotype);
            self.cache.put(&architecture, measured)?;
        }
        Ok(())
    }

    /// One worker: trains candidates, each by a process of its own, until there are no more.
    fn train_each(&self, candidates: &[Candidate], shared: &Shared, tell: &Sender<Told>) {
        while !shared.stop.load(Ordering::SeqCst) {
            let next = shared.next.fetch_add(1, Ordering::SeqCst);
            let Some(&position) = shared.pending.get(next) else {
                return;
            };
            let told = self.train(&candidates[position], shared);
            let told = match told {
                Ok(None) => return,
                Ok(Some(result)) => Ok((position, result)),
                Err(error) => Err(error),
            };
            // nobody listens any more once something has failed for good
            let is_over = told.is_err();
            let _ = tell.send(told);
            if is_over {
                return;
            }
        }
    }

    /// Trains one candidate; nothing where it was stopped.
    fn train(
        &self,
        candidate: &Candidate,
        shared: &Shared,
    ) -> Result<Option<TrainingResult>, Error> {
        let folder = self.absolute(&training_folder(&candidate.id))?;
        let began = Instant::now();
        let mut tried = 0;
        let result = loop {
            tried += 1;
            let attempt = match self.prepared(&folder, candidate)? {
                Err(reason) => Attempt::Failed {
                    reason,
                    may_pass: false,
                },
                Ok(()) => self.attempt(&folder, &folder, tried, shared)?,
            };
            let (reason, may_pass) = match attempt {
                Attempt::Stopped => return Ok(None),
                Attempt::Failed { reason, may_pass } => (reason, may_pass),
                Attempt::Ended(printed) => match answer(&printed.output_text()) {
                    Ok(measured) => {
                        break TrainingResult::Trained {
                            measured,
                            seconds: Some(began.elapsed().as_secs_f64()),
                        };
                    }
                    Err(error) => (self.said(&error), error.may_pass()),
                },
            };
            if !may_pass || tried > self.config.retries {
                break TrainingResult::Failed {
                    reason: with_tries(reason, tried),
                };
            }
        };
        self.keep(candidate, &result)?;
        Ok(Some(result))
    }

    /// Writes a candidate's files, unless an earlier try has left them: what that has saved beside them may be of use to the next.
    fn prepared(&self, folder: &Path, candidate: &Candidate) -> Result<Result<(), String>, Error> {
        if folder.join("network.onnx").exists() {
            return Ok(Ok(()));
        }
        candidate::write(folder, candidate, self.proxy, self.config.training_seed)
    }

    /// Trains all pending candidates by one process, and again those that are missing.
    fn train_all(&self, candidates: &[Candidate], shared: &Shared, tell: &Sender<Told>) {
        if let Err(error) = self.try_train_all(candidates, shared, tell) {
            let _ = tell.send(Err(error));
        }
    }

    fn try_train_all(
        &self,
        candidates: &[Candidate],
        shared: &Shared,
        tell: &Sender<Told>,
    ) -> Result<(), Error> {
        let round = candidates.first().map_or(0, |candidate| candidate.round);
        let logs = self.absolute(&training_folder(&format!("round{round}")))?;
        let mut left = self.not_said_before(&logs, candidates, shared, tell)?;
        let mut tried = 0;
        while !left.is_empty() {
            tried += 1;
            // a folder for each try, which holds what is left to do and nothing else
            let folder = logs.join(format!("try{tried}"));
            remove_folder(&folder)?;
            let mut reasons: BTreeMap<usize, (String, bool)> = BTreeMap::new();
            for &position in &left {
                let candidate = &candidates[position];
                let own = folder.join(&candidate.id);
                if let Err(reason) =
                    candidate::write(&own, candidate, self.proxy, self.config.training_seed)?
                {
                    reasons.insert(position, (reason, false));
                }
            }
            let (printed, failure) = match self.attempt(&folder, &logs, tried, shared)? {
                Attempt::Stopped => return Ok(()),
                Attempt::Ended(printed) => (printed, None),
                Attempt::Failed { reason, may_pass } => {
                    (printed_by(&logs, tried), Some((reason, may_pass)))
                }
            };
            // what was printed before a failure counts: nothing that was trained is lost
            let said = answers(&printed.output_text());
            let mut again = Vec::new();
            for position in left {
                let candidate = &candidates[position];
                let (reason, may_pass) = match said.get(&candidate.id) {
                    Some(Ok(measured)) => {
                        let measured = measured.clone();
                        let result = TrainingResult::Trained {
                            measured,
                            seconds: None,
                        };
                        self.keep(candidate, &result)?;
                        let _ = tell.send(Ok((position, result)));
                        continue;
                    }
                    Some(Err(error)) => (self.said(error), error.may_pass()),
                    None => reasons
                        .remove(&position)
                        .or_else(|| failure.clone())
                        .unwrap_or_else(|| {
                            let expected =
                                format!("{{\"id\": \"{}\", \"accuracy\": 71.3}}", candidate.id);
                            let name = self.command.name();
                            (format!("{name} printed no line such as {expected}"), true)
                        }),
                };
                if may_pass && tried <= self.config.retries {
                    again.push(position);
                    continue;
                }
                let result = TrainingResult::Failed {
                    reason: with_tries(reason, tried),
                };
                self.keep(candidate, &result)?;
                let _ = tell.send(Ok((position, result)));
            }
            left = again;
        }
        Ok(())
    }

    /// The pending candidates without those whose results a process had printed before the run was cut off.
    fn not_said_before(
        &self,
        logs: &Path,
        candidates: &[Candidate],
        shared: &Shared,
        tell: &Sender<Told>,
    ) -> Result<Vec<usize>, Error> {
        let mut said = BTreeMap::new();
        // each try is of networks that those before it gave no result for
        let tries = (1..)
            .map(|tried| printed_by(logs, tried))
            .take_while(|printed| printed.output.exists());
        for printed in tries {
            for (id, answer) in answers(&printed.output_text()) {
                if let Ok(measured) = answer {
                    said.insert(id, measured);
                }
            }
        }
        let mut left = Vec::new();
        for &position in shared.pending {
            let candidate = &candidates[position];
            let Some(measured) = said.remove(&candidate.id) else {
                left.push(position);
                continue;
            };
            let result = TrainingResult::Trained {
                measured,
                seconds: None,
            };
            self.keep(candidate, &result)?;
            let _ = tell.send(Ok((position, result)));
        }
        Ok(left)
    }

    /// Starts the command once.
    fn attempt(
        &self,
        folder: &Path,
        logs: &Path,
        tried: usize,
        shared: &Shared,
    ) -> Result<Attempt, Error> {
        let printed = printed_by(logs, tried);
        let mut process = self.command.process(folder, self.config.training_seed);
        let timeout = Duration::from_secs_f64(self.config.timeout_s);
        let is_stopped = || shared.stop.load(Ordering::SeqCst);
        let ended = printed.of(&mut process, timeout, &is_stopped);
        let ended = ended.map_err(|source| Error::TrainingStart {
            program: self.command.name().to_owned(),
            source,
        })?;
        let name = self.command.name();
        let (reason, may_pass) = match ended {
            ProgramEnd::By(status) if status.success() => return Ok(Attempt::Ended(printed)),
            ProgramEnd::Stopped => return Ok(Attempt::Stopped),
            ProgramEnd::By(status) => (format!("{name} failed ({status})"), true),
            ProgramEnd::TimedOut => (
                format!(
                    "{name} was ended after {} s, timeout_s",
                    self.config.timeout_s
                ),
                true,
            ),
            ProgramEnd::TooMuchOutput => (
                format!(
                    "{name} was ended because it printed more than {} bytes",
                    ProgramOutput::MOST
                ),
                false,
            ),
        };
        let tail = printed.tail();
        let reason = if tail.is_empty() {
            format!("{reason}; it printed nothing")
        } else {
            format!("{reason}; it printed: {tail}")
        };
        Ok(Attempt::Failed { reason, may_pass })
    }

    fn said(&self, error: &AnswerError) -> String {
        format!("{} {error}", self.command.name())
    }

    /// The error of a command that has not trained anything.
    fn blame(&self, candidates: &[Candidate], results: &[Option<TrainingResult>]) -> Error {
        let failed = candidates.iter().zip(results).rev();
        let mut reasons = failed.filter_map(|(candidate, result)| match result {
            Some(TrainingResult::Failed { reason }) => Some((candidate, reason)),
            _ => None,
        });
        let count = reasons.clone().count();
        let (id, reason) = reasons.next().map_or_else(
            || (String::new(), String::new()),
            |(candidate, reason)| (candidate.id.clone(), reason.clone()),
        );
        Error::TrainingFails {
            count,
            id,
            reason,
            folder: self.directory.path().join(RunDirectory::TRAINING),
        }
    }

    /// A folder of the run in full: the command may work elsewhere.
    fn absolute(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(&path).map_err(|source| Error::write(&path, source))?;
        std::path::absolute(&path).map_err(|source| Error::read(&path, source))
    }
}

/// Whether the first candidates have all failed, and as many as it takes.
fn fails_from_the_start(results: &[Option<TrainingResult>]) -> bool {
    let Some(first) = results.get(..FIRST_FAILURES) else {
        return false;
    };
    let failed =
        |result: &Option<TrainingResult>| matches!(result, Some(TrainingResult::Failed { .. }));
    let trained =
        |result: &Option<TrainingResult>| matches!(result, Some(TrainingResult::Trained { .. }));
    first.iter().all(failed) && !results.iter().any(trained)
}

fn with_tries(reason: String, tried: usize) -> String {
    if tried > 1 {
        format!("{reason} (tried {tried} times)")
    } else {
        reason
    }
}

/// The files of what a try prints.
fn printed_by(logs: &Path, tried: usize) -> ProgramOutput {
    ProgramOutput {
        output: logs.join(format!("stdout-{tried}.txt")),
        error: logs.join(format!("stderr-{tried}.txt")),
    }
}

fn training_folder(name: &str) -> String {
    format!("{}/{name}", RunDirectory::TRAINING)
}

fn result_name(candidate: &Candidate) -> String {
    format!("{}/{}.json", RunDirectory::TRAINING, candidate.id)
}
