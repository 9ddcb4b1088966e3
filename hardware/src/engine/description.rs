//! What provenance needs to know of an engine.

use super::Conditions;

/// An engine, named so that somebody else can repeat what it measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineDescription {
    /// Its name, such as `onnxruntime`; for a command, the program's.
    pub name: String,
    /// Its version, where it is known before anything runs.
    pub version: Option<String>,
    /// What else there is to say: where its library or its interpreter was found, or the command's arguments.
    pub detail: Option<String>,
    /// The conditions it runs under.
    pub conditions: Conditions,
    /// What one of its timings stands for.
    pub sample: Sample,
}

/// What one timing stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// One run.
    Run,
    /// The mean of several runs: all that some programs print. The spread of such timings is not that of runs.
    Mean,
    /// The median of several runs.
    Median,
}
