//! Why a network can't be timed.

use std::path::PathBuf;

use roofnas_cost::Dtype;
use roofnas_space::onnx::QuantizeError;
use thiserror::Error;

use super::command::CommandError;

/// A network that can't be timed, or an engine that can't time any.
#[derive(Debug, Error)]
pub enum EngineError {
    /// An engine that isn't there, or not in this build.
    #[error("{engine} is not available: {reason}; {advice}")]
    Missing {
        /// The engine.
        engine: &'static str,
        /// What was looked for.
        reason: String,
        /// What to do about it.
        advice: String,
    },
    /// An engine that is too old.
    #[error(
        "{engine} {version} ({}) is too old: {oldest} or newer is needed", path.display()
    )]
    TooOld {
        /// The engine.
        engine: &'static str,
        /// Its version.
        version: String,
        /// Where it is.
        path: PathBuf,
        /// The oldest that works.
        oldest: &'static str,
    },
    /// A process runs one library of an engine, and another was asked for.
    #[error(
        "{engine}: {} is loaded already, and a process can't load {} beside it", loaded.display(), asked.display()
    )]
    AnotherLoaded {
        /// The engine.
        engine: &'static str,
        /// The library that is in use.
        loaded: PathBuf,
        /// The library that was asked for.
        asked: PathBuf,
    },
    /// A batch for an engine that takes single images.
    #[error("{engine} takes one image at a time, and {asked} were asked for")]
    OneImage {
        /// The engine.
        engine: &'static str,
        /// Images that were asked for.
        asked: usize,
    },
    /// A number format that the engine can't compute in.
    #[error("{engine} runs a file in the number format it has, and can't convert it to {}", dtype.name())]
    Dtype {
        /// The engine.
        engine: &'static str,
        /// What was asked for.
        dtype: Dtype,
    },
    /// Integers for an engine whose integers no ONNX file turns into.
    #[error("{engine} can't compute in int8 here: quantised ONNX files become no integers in it")]
    NoIntegers {
        /// The engine.
        engine: &'static str,
    },
    /// A model that the engine can't read or prepare.
    #[error("{engine} can't load {model}: {reason}")]
    Model {
        /// The engine.
        engine: String,
        /// The model.
        model: String,
        /// The engine's words.
        reason: String,
    },
    /// A model that can't be written in integers.
    #[error("{model} can't be quantised: {source}")]
    Quantize {
        /// The model.
        model: String,
        /// Why not.
        source: Box<QuantizeError>,
    },
    /// An input of the model that can't be fed.
    #[error("{model}: input {input} {reason}")]
    Input {
        /// The model.
        model: String,
        /// The input.
        input: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A model for another number of images.
    #[error(
        "{model}: input {input} takes {fixed} images at once, always, and {asked} were asked for; export the model for {asked}, or with an open batch"
    )]
    Batch {
        /// The model.
        model: String,
        /// Its input.
        input: String,
        /// Images that it takes.
        fixed: usize,
        /// Images that were asked for.
        asked: usize,
    },
    /// A model that was loaded and can't be run.
    #[error("{engine} can't run {model}: {reason}")]
    Run {
        /// The engine.
        engine: String,
        /// The model.
        model: String,
        /// The engine's words.
        reason: String,
    },
    /// An engine's profile that can't be read.
    #[error("the profile of {model} can't be read: {reason}")]
    Profile {
        /// The model.
        model: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A command that didn't do its work.
    #[error("{model}: {source}")]
    Command {
        /// The model.
        model: String,
        /// What went wrong.
        source: CommandError,
    },
    /// A further stream that can't be had.
    #[error("can't have a further stream: {0}")]
    Stream(std::io::Error),
    /// A file that can't be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}
