//! What can go wrong, and with which exit code.

use std::path::{Path, PathBuf};

use roofnas_cost::{LatencyError, PlatformError};
use roofnas_hardware::engine::EngineError;
use roofnas_hardware::probe::ProbeError;
use roofnas_hardware::sampling::PlanError;
use roofnas_hardware::{CalibrateError, ProfileError};
use roofnas_search::Nsga2SettingsError;
use roofnas_space::onnx::{ExportError, ImportError, QuantizeError};
use roofnas_space::{GenotypeError, SpaceError};
use thiserror::Error;

use crate::trained::TrainedError;

/// Exit codes of the command line.
pub mod exit {
    /// Done.
    pub const DONE: u8 = 0;
    /// It failed.
    pub const FAILED: u8 = 1;
    /// Bad arguments or bad input files.
    pub const BAD_INPUT: u8 = 2;
    /// No network keeps the constraints.
    pub const INFEASIBLE: u8 = 3;
    /// Interrupted; can be resumed.
    pub const INTERRUPTED: u8 = 130;
}

/// Whatever stops a command.
#[derive(Debug, Error)]
pub enum Error {
    /// Not TOML, an unknown key, or a value of the wrong type.
    #[error("{file}: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// The parser's message, with line and column.
        message: String,
    },
    /// A value that can't be accepted.
    #[error("{file}: {key} = {value}: {rule}")]
    Value {
        /// The file.
        file: String,
        /// The key.
        key: String,
        /// The value found there.
        value: String,
        /// What would be accepted.
        rule: String,
    },
    /// A key that is missing.
    #[error("{file}: {key} is missing: {rule}")]
    Missing {
        /// The file.
        file: String,
        /// The key.
        key: String,
        /// What is expected there.
        rule: String,
    },
    /// A search space that can't be.
    #[error("{file}: space: {source}")]
    Space {
        /// The file.
        file: String,
        /// Why.
        source: SpaceError,
    },
    /// A platform that can't be had.
    #[error("{place}.profile: {source}")]
    Profile {
        /// The file and the table that ask for it.
        place: String,
        /// Why.
        source: ProfileError,
    },
    /// A platform given on the command line that can't be had.
    #[error(transparent)]
    NamedProfile(#[from] ProfileError),
    /// A number format or batch that the platform doesn't cover.
    #[error("{place}: {source}")]
    Latency {
        /// The file and the table that ask for it.
        place: String,
        /// Why.
        source: LatencyError,
    },
    /// Settings of the optimiser that can't be.
    #[error("{file}: search: {source}")]
    Search {
        /// The file.
        file: String,
        /// Why.
        source: Nsga2SettingsError,
    },
    /// A run directory that is in the way, or isn't one.
    #[error("{path}: {problem}")]
    RunDirectory {
        /// The folder.
        path: PathBuf,
        /// What about it.
        problem: String,
    },
    /// A run directory that another process is at work on.
    #[error(
        "{path}: another roofnas is at work here; wait for it, or choose another folder with --out"
    )]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// A run that ended by a fault of this program.
    #[error("a fault of roofnas ended this run: {0}; please report it")]
    Panic(String),
    /// What is wrong with one run of a matrix.
    #[error("{source} (in the matrix's run {run})")]
    Planned {
        /// The run's folder within the batch.
        run: String,
        /// What.
        source: Box<Error>,
    },
    /// A profile stored in a run directory that doesn't read.
    #[error("{path}: {source}")]
    StoredPlatform {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PlatformError,
    },
    /// A network that is not of the run.
    #[error("{path}: {source}")]
    Genotype {
        /// The file.
        path: PathBuf,
        /// Why.
        source: GenotypeError,
    },
    /// A file whose content is of no use.
    #[error("{path}: {problem}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What about it.
        problem: String,
    },
    /// An ONNX file that can't be imported.
    #[error("{path}: {source}")]
    Import {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<ImportError>,
    },
    /// A number format or batch, given on the command line, that the platform doesn't cover.
    #[error(transparent)]
    NamedLatency(#[from] LatencyError),
    /// Measurements that no profile comes from.
    #[error("{path}: {source}")]
    Calibrate {
        /// The table of latencies.
        path: PathBuf,
        /// Why.
        source: Box<CalibrateError>,
    },
    /// A table of trained networks that can't be used.
    #[error("{path}: {source}")]
    Trained {
        /// The table.
        path: PathBuf,
        /// Why.
        source: Box<TrainedError>,
    },
    /// An engine that isn't there, or a network that it can't run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A command that trains networks and can't be started.
    #[error("quality.external.command: {program} can't be started: {source}")]
    TrainingStart {
        /// The program.
        program: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A command that has trained nothing so far, and fails again and again.
    #[error(
        "quality.external.command: the first {count} trainings failed, so it is not the networks; {id}: {reason}\nwhat it printed is in {}; mend it, and go on with --resume; with another command line, in another folder", folder.display()
    )]
    TrainingFails {
        /// How many failed.
        count: usize,
        /// The network that failed last.
        id: String,
        /// Why.
        reason: String,
        /// Where the logs are.
        folder: PathBuf,
    },
    /// A round of refining that nothing can be learnt from.
    #[error(
        "{}: round {round}: only {measured} of {selected} networks could be measured, which is too few to fit a profile to; see why above, mend it, and go on with --resume",
        folder.display()
    )]
    Refine {
        /// The round.
        round: usize,
        /// Networks that were measured in it.
        measured: usize,
        /// Networks that should have been.
        selected: usize,
        /// The run's folder.
        folder: PathBuf,
    },
    /// Networks to measure that can't be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A machine that can't be probed.
    #[error("{0}")]
    Probe(#[from] ProbeError),
    /// An argument that can't be, beside the others or at all.
    #[error("{argument}: {problem}")]
    Argument {
        /// The argument.
        argument: String,
        /// What about it.
        problem: String,
    },
    /// A file that can't be read.
    #[error("can't read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file or folder that can't be written.
    #[error("can't write {path}: {source}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A picture that can't be drawn.
    #[error("can't draw the {picture}: {message}")]
    Draw {
        /// Which picture.
        picture: &'static str,
        /// Why.
        message: String,
    },
    /// A network that can't be written in a form.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A network that can't be written in integers.
    #[error("{network} can't be quantised: {source}")]
    Quantize {
        /// The network.
        network: String,
        /// Why not.
        source: Box<QuantizeError>,
    },
    /// The worker threads can't be started.
    #[error("can't start worker threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl Error {
    /// The exit code it ends with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::TrainingFails { .. }
            | Self::Refine { .. }
            | Self::Busy { .. }
            | Self::Panic(_) => exit::FAILED,
            Self::Planned { source, .. } => source.exit_code(),
            Self::Write { .. } | Self::Draw { .. } | Self::Export(_) | Self::Threads(_) => {
                exit::FAILED
            }
            // what is built of its own accord is at fault, not what was asked for
            Self::Plan(PlanError::Network(_)) => exit::FAILED,
            // what was fitted is at fault, not what was given
            Self::Calibrate { source, .. } if matches!(**source, CalibrateError::Profile(_)) => {
                exit::FAILED
            }
            // all but the number of threads is the machine's
            Self::Probe(error) if !matches!(error, ProbeError::Threads { .. }) => exit::FAILED,
            _ => exit::BAD_INPUT,
        }
    }

    /// A file that can't be read.
    pub fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    /// A table of trained networks that can't be used.
    pub fn trained(path: &Path, source: TrainedError) -> Self {
        Self::Trained {
            path: path.to_owned(),
            source: Box::new(source),
        }
    }

    /// A file or folder that can't be written.
    pub fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Write {
            path: path.to_owned(),
            source,
        }
    }
}
