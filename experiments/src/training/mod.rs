//! Accuracy measured by a command of the user's: which networks it gets, and what becomes of what it says.
//!
//! A command is started for each network (or for all networks of a round) with a folder that holds it as `network.onnx` (initial weights from
//! the training's seed), `network.py`, `network.toml`, and `candidate.json` with its genotype, seed, predicted latency and counts. It may
//! print what it likes; its result is the last line on standard output that is a JSON object:
//!
//! ```text
//! {"accuracy": 71.3, "std": 0.2, "seed": 1, "cost_s": 120.5}
//! ```
//!
//! Accuracy is in per cent, and the rest may be left out. No more than 1 % needs `"unit": "percent"` beside it, since it is far more often
//! a fraction of 1 by mistake. A process for a whole round finds one folder a network in its own, and prints such a line with the folder's
//! name as `"id"` for each.
//!
//! What fails is recorded with its reason and never asked again in that run; what was measured is also kept in a cache, which later runs
//! share. Networks are only compared by what was measured: what a run hands back was trained, all of it.

mod answer;
mod cache;
mod campaign;
mod candidate;
mod command;
mod evaluator;
mod progress;
mod proposal;
mod run;
mod summary;
mod table;

pub use answer::{AnswerError, Measured, answer, answers};
pub use candidate::{Candidate, Forecast, Origin, TrainingResult, TrainingRow};
pub use command::{TrainingCommand, TrainingCommandError};
pub use progress::TrainingProgress;
pub(crate) use run::run;
pub use summary::{ForecastCheck, TrainingSummary};
