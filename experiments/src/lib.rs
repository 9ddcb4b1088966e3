//! Putting it together: from an experiment in TOML to a Pareto front of backbones, with the files and the report.
//!
//! ```
//! use roofnas::{Ending, Experiment, ExperimentFile, Generation, RunDirectory, Start, Watcher};
//! use roofnas_hardware::Profiles;
//!
//! struct Silent;
//! impl Watcher for Silent {
//!     fn generation(&mut self, _: &Generation, _: usize) {}
//!     fn wants_to_stop(&self) -> bool {
//!         false
//!     }
//! }
//!
//! let text = r#"
//!     name = "tiny"
//!     platform = { profile = "nvidia-v100", dtype = "fp16", batch = 32 }
//!     space = { preset = "nas-bench-macro" }
//!     search = { population = 16, evaluations = 200 }
//! "#;
//! let planned = ExperimentFile::parse(text, "tiny.toml", &[])?.runs.remove(0);
//! let experiment = Experiment::new(planned.config, "tiny.toml", &Profiles::default())?;
//! let folder = tempfile::tempdir()?;
//! let directory = RunDirectory::new(folder.path().join("tiny"));
//! let Ending::Done(outcome) = roofnas::run(&experiment, &directory, Start::Afresh, &mut Silent)? else {
//!     panic!("nobody interrupts it");
//! };
//! assert!(outcome.front.len() > 3);
//! assert!(directory.path().join("report.html").exists());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backbone;
mod batch;
mod batch_directory;
mod batch_experiments;
mod bound;
mod certified;
mod checkpoint;
mod config;
mod constraint;
mod crew;
mod difference;
mod error;
mod experiment;
mod external_config;
mod file_numbers;
mod finished;
mod fixed_head;
mod floor;
mod folder_lock;
mod history;
mod level_paths;
mod metrics;
mod new_folder;
mod objective;
mod optimiser;
mod outcome;
mod outcome_record;
mod paths;
mod plan_files;
mod portability;
mod problem;
mod profile;
mod proof;
mod quality;
mod quality_config;
pub mod ranking;
mod recalled;
pub mod refine;
pub mod report;
mod run;
mod run_directory;
mod schema;
mod shard;
mod source;
mod space_file;
mod surrogate;
pub mod tables;
mod target;
pub mod trained;
mod training;
mod verification;

pub use backbone::{
    bytes as backbone_bytes, onnx as backbone_onnx, pytorch as backbone_pytorch,
    toml as backbone_toml,
};
pub use batch::{BatchEntry, RunStatus, summary_csv};
pub use batch_directory::BatchDirectory;
pub use batch_experiments::experiments;
pub use bound::Bound;
pub use certified::Certified;
pub use checkpoint::Checkpoint;
pub use config::{
    Algorithm, ConstraintsConfig, ExperimentConfig, ObjectivesConfig, OutputConfig, PlatformConfig,
    SearchConfig, SpaceConfig, TargetConfig,
};
pub use constraint::{Constraint, Figure};
pub use crew::Crew;
pub use error::{Error, exit};
pub use experiment::{BackboneAlone, Experiment, reference_sample};
pub use external_config::{ExternalConfig, Per};
pub use file_numbers::in_numbers;
pub use finished::FinishedRun;
pub use fixed_head::{FixedHeadConfig, HeadFile};
pub use folder_lock::FolderLock;
pub use history::{Generation, Recorder};
pub use metrics::{Appraiser, Metrics};
pub use new_folder::NewFolder;
pub use objective::{Objective, ObjectiveName};
pub use optimiser::{Optimiser, Started};
pub use outcome::{FrontRow, Nearest, Outcome, PricedLandmark};
pub use outcome_record::{FoundStatus, Gap, NearestRecord, OutcomeRecord};
pub use paths::{BackbonePaths, LatencyView, PathsError};
pub use plan_files::{plan_csv, write_plan};
pub use portability::{
    Build, CHARACTER_COLUMNS, Character, Comparison, Contender, Contenders, Found, GivenRun, Level,
    MOST_RUNS, NamedPlatform, PORTABILITY_COLUMNS, PricedNetwork, Rival, Side, Slowdown, Transfer,
    given_runs, portability_csv, transfers,
};
pub use problem::BackboneProblem;
pub use profile::{Profile, ProfiledLayer};
pub use proof::{Proof, Unproven, prove};
pub use quality::{Predicted, Quality};
pub use quality_config::QualityConfig;
pub use run::{Ending, Start, Watcher, admit, begin_refining, run, run_refined};
pub use run_directory::{Contents, RunDirectory, check_writable, write_whole};
pub use schema::SchemaOf;
pub use shard::Shard;
pub use source::{ExperimentFile, Planned, Setting};
pub use space_file::find_space;
pub use surrogate::{
    Columns, CrossValidated, Lesson, SurrogateConfig, SurrogateObjective, in_the_table,
};
pub use target::{MOST_TARGETS, Target, Timing};
pub use trained::{DistinctNetwork, TrainedColumns, TrainedError, TrainedRow, TrainedTable};
pub use training::{
    AnswerError, Candidate, Forecast, ForecastCheck, Measured, Origin, TrainingCommand,
    TrainingCommandError, TrainingProgress, TrainingResult, TrainingRow, TrainingSummary, answer,
    answers,
};
pub use verification::{
    BudgetOutcome, Choice, SinceCalibration, VERIFICATION_COLUMNS, Verification, VerifiedRow,
};
