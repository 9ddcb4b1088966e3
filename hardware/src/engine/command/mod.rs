//! Any program that runs a network and prints milliseconds.

mod adapter;
mod arguments;
mod error;
mod line;
mod process;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

pub use self::adapter::Adapter;
use self::arguments::Placeholder;
pub use self::error::CommandError;
pub use self::line::CommandLine;
use super::format::{OutputFormat, Streams, Timings};
use super::{Clock, Conditions, Engine, EngineDescription, EngineError, Model, ModelFile, Session};

/// How much patience a command is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long it may take each time it is started, loading and warming up included. Then it is ended, with all that it has started
    /// (on Unix; elsewhere the program alone).
    pub timeout: Duration,
    /// How often it is started again when it takes too long, says that it failed, or prints what can't be used.
    pub retries: usize,
}

impl Default for Patience {
    /// Five minutes, once more.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(300),
            retries: 1,
        }
    }
}

/// A program that runs networks: the way to phones, boards, GPUs and other engines. It is started for every
/// [`run`](Session::run), loads the network, warms up, and reports timings of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandEngine {
    name: String,
    line: CommandLine,
    patience: Patience,
    conditions: Conditions,
}

impl CommandEngine {
    /// An engine that is this command.
    pub fn new(line: CommandLine, patience: Patience, conditions: Conditions) -> Self {
        Self {
            name: line.name(),
            line,
            patience,
            conditions,
        }
    }
}

impl Engine for CommandEngine {
    fn description(&self) -> EngineDescription {
        EngineDescription {
            name: self.name.clone(),
            version: None,
            detail: Some(self.line.shown().to_owned()),
            conditions: self.conditions,
            sample: self.line.format().sample(),
        }
    }

    /// Nothing is started yet: what is wrong with the program or the model shows when it is run.
    fn load(&self, model: &Model, _: &dyn Clock) -> Result<Box<dyn Session>, EngineError> {
        let scratch = tempfile::tempdir().map_err(|source| EngineError::File {
            path: std::env::temp_dir(),
            source,
        })?;
        Ok(Box::new(CommandSession {
            engine: self.clone(),
            model: model.name().to_owned(),
            file: model.file()?,
            scratch,
            last: None,
        }))
    }
}

struct CommandSession {
    engine: CommandEngine,
    model: String,
    file: ModelFile,
    /// Removed with its content when the session ends.
    scratch: TempDir,
    /// What the program said last.
    last: Option<Timings>,
}

impl Session for CommandSession {
    fn run(&mut self, count: usize, _: &dyn Clock) -> Result<Vec<f64>, EngineError> {
        let timings = self
            .engine
            .timings(self.file.path(), self.scratch.path(), count);
        let timings = timings.map_err(|source| EngineError::Command {
            model: self.model.clone(),
            source,
        })?;
        let seconds = timings.seconds.clone();
        self.last = Some(timings);
        Ok(seconds)
    }

    fn initialisation_s(&self) -> Option<f64> {
        self.last.as_ref()?.initialisation_s
    }

    fn resident_bytes(&self) -> Option<u64> {
        self.last.as_ref()?.resident_bytes
    }
}

impl CommandEngine {
    /// Starts the program until it does its work, or patience ends.
    fn timings(&self, model: &Path, scratch: &Path, runs: usize) -> Result<Timings, CommandError> {
        let tries = self.patience.retries + 1;
        let mut tried = 1;
        loop {
            match self.timings_once(model, scratch, runs) {
                Err(error) if error.may_pass() && tried < tries => tried += 1,
                Err(last) if tried > 1 => {
                    return Err(CommandError::Tries {
                        tries: tried,
                        last: Box::new(last),
                    });
                }
                result => return result,
            }
        }
    }

    fn timings_once(
        &self,
        model: &Path,
        scratch: &Path,
        runs: usize,
    ) -> Result<Timings, CommandError> {
        let program = || self.line.name();
        let folder = tempfile::tempdir().map_err(|source| CommandError::Start {
            program: program(),
            source,
        })?;
        let results = folder.path().join("results");
        let arguments = self.arguments(model, scratch, runs, &results)?;
        let printed = process::run(&self.line, &arguments, folder.path(), self.patience.timeout)?;
        let text = if self.line.writes_file() {
            fs::read_to_string(&results).map_err(|source| CommandError::Results {
                program: program(),
                source,
            })?
        } else {
            match self.line.format().streams() {
                Streams::Output => printed.output,
                Streams::OutputAndError => printed.output + "\n" + &printed.error,
            }
        };
        let timings = self.line.format().parse(&text);
        timings.map_err(|source| CommandError::Output {
            program: program(),
            source,
        })
    }

    /// The arguments for one start.
    fn arguments(
        &self,
        model: &Path,
        scratch: &Path,
        runs: usize,
        results: &Path,
    ) -> Result<Vec<OsString>, CommandError> {
        let threads = self.conditions.threads.to_string();
        let batch = self.conditions.batch.to_string();
        let runs = runs.to_string();
        self.line.fill(|placeholder| match placeholder {
            Placeholder::Model => model.as_os_str(),
            Placeholder::Output => results.as_os_str(),
            Placeholder::Scratch => scratch.as_os_str(),
            Placeholder::Threads => OsStr::new(&threads),
            Placeholder::Batch => OsStr::new(&batch),
            Placeholder::Runs => OsStr::new(&runs),
            Placeholder::Dtype => OsStr::new(self.conditions.dtype.name()),
        })
    }
}
