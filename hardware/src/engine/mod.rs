//! Running networks for real, on engines behind one small trait.
//!
//! | engine | runs on | needs |
//! |---|---|---|
//! | [`Embedded`] | this machine | nothing (feature `embedded`, on by default) |
//! | [`OnnxRuntime`] | this machine | its shared library, looked for at run time |
//! | [`PythonEngine`] | this machine, in a process beside this one that stays | Python and the package, OpenVINO's or ncnn's |
//! | [`CommandEngine`] | whatever a program reaches: phones over adb, boards over ssh, other engines ([`Adapter`] has some ready) | that program |
//!
//! [`Streams`] runs each network on several of the same engine at once.
//!
//! An engine makes a model ready, and the session that comes of it runs the network as often as it is told. When to run which
//! network, how often, and what to make of the timings is not decided here.
//!
//! The laws of an engine:
//!
//! - The file's bytes are run as they are: whatever an engine does to a model happens inside it, with its default options. For integers, that
//!   is a file with integers in it, such as [`Model::quantized`] makes.
//! - One inference uses the stated number of threads. In-process engines run no two operators at once.
//! - Every engine but a command is fed the same deterministic, finite elements, uniform over [-1, 1).
//! - Symbolic batch sizes become the stated batch; a model with another fixed batch is refused.
//! - Every run computes every output, and the outputs are taken from the engine, so that nothing can be left out.
//! - Sessions don't depend on each other: tens of them can be loaded and run in turn.
//! - Timings are finite and positive. What isn't is an error that shows it, never a value.
//!
//! ```
//! # #[cfg(feature = "embedded")] {
//! use roofnas_hardware::engine::{Conditions, Embedded, Engine, Model, SystemClock};
//! use roofnas_space::onnx::{self, Batch, InitialWeights};
//! use roofnas_space::{NetworkBuilder, Op, Role, Shape, Tensor};
//!
//! let mut builder = NetworkBuilder::new("tiny", Shape::new(3, 8, 8));
//! let pooled = builder.push("pool", Op::GlobalAvgPool, &[Tensor::Input], Role::Main);
//! builder.output("pooled", pooled);
//! let network = builder.finish()?;
//! let bytes = onnx::export(&network, InitialWeights::seeded(1), Batch::Dynamic)?;
//!
//! let engine = Embedded::new(Conditions::default())?;
//! let clock = &SystemClock::new();
//! let mut session = engine.load(&Model::from_bytes("tiny", bytes), clock)?;
//! let seconds = session.run(5, clock)?;
//! assert!(seconds.len() == 5 && seconds.iter().all(|&s| s > 0.0));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod command;
mod conditions;
mod description;
#[cfg(feature = "embedded")]
mod embedded;
mod error;
mod format;
mod input;
mod memory;
mod model;
mod node;
mod onnx_runtime;
mod output;
mod python;
mod python_engine;
mod streams;
mod timed;
mod timing;

pub use crate::clock::{Clock, SystemClock};
pub use command::{Adapter, CommandEngine, CommandError, CommandLine, Patience};
pub use conditions::Conditions;
pub use description::{EngineDescription, Sample};
#[cfg(feature = "embedded")]
pub use embedded::Embedded;
pub use error::EngineError;
pub use format::{FormatError, OutputFormat, Timings};
pub use model::{Model, ModelFile};
pub use node::NodeTiming;
pub use onnx_runtime::OnnxRuntime;
pub use output::Output;
pub use python_engine::{PythonEngine, PythonPackage};
pub use streams::{MakeEngine, Streams};

/// Runs networks on the real thing, under fixed [`Conditions`].
pub trait Engine {
    /// Which engine it is.
    fn description(&self) -> EngineDescription;

    /// Makes a model ready to run. The clock measures how long that takes, where the engine is in this process; others say it themselves.
    ///
    /// # Errors
    /// For a model that the engine can't run, or that is for other conditions.
    fn load(&self, model: &Model, clock: &dyn Clock) -> Result<Box<dyn Session>, EngineError>;
}

/// A network that is ready to run.
pub trait Session {
    /// Runs the network `count` times, and returns what each run took in seconds, in order.
    ///
    /// Engines in this process time each run with the clock, those in Python by themselves. A command is started once, is told the count, and reports its own
    /// timings: all of them are returned, which may be more or fewer than were asked for (a program that prints nothing but an
    /// average gives one; see [`EngineDescription::sample`]), but never none. No run is left out: warming up is up to the caller,
    /// and to the program of a command.
    ///
    /// # Errors
    /// When a run fails, or what is reported can't be a timing.
    fn run(&mut self, count: usize, clock: &dyn Clock) -> Result<Vec<f64>, EngineError>;

    /// How long the engine took to make the model ready, where that is known by now.
    fn initialisation_s(&self) -> Option<f64>;

    /// What the model takes in memory, the engine's share of it included, where that is known by now. For an engine in this process it
    /// is how much the process grew while the model was loaded and first run: a lower bound, since freed memory is used again.
    fn resident_bytes(&self) -> Option<u64>;

    /// What each node of the engine's own graph takes, measured in context over this many runs after one to warm up; nothing for
    /// an engine that doesn't say.
    ///
    /// # Errors
    /// When a run fails, or the engine's profile can't be read.
    fn nodes(&mut self, runs: usize) -> Result<Option<Vec<NodeTiming>>, EngineError> {
        let _ = runs;
        Ok(None)
    }

    /// What the network computes from what it is fed; nothing for an engine that doesn't hand it out.
    ///
    /// # Errors
    /// When the run fails, or an output doesn't hold single precision.
    fn outputs(&mut self) -> Result<Option<Vec<Output>>, EngineError> {
        Ok(None)
    }
}
