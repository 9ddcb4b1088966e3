//! The `[refine]` table: searching, measuring and fitting in turn.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `[refine]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefineConfig {
    /// What runs the networks.
    pub engine: RefineEngine,
    /// With `engine = "command"`: a program and its arguments, as `roofnas measure --command` takes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// How that program says its timings; plain lines where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_output: Option<String>,
    /// Rounds of measuring, at most.
    #[serde(default = "defaults::rounds")]
    pub rounds: usize,
    /// Networks measured in each round, all of them new.
    #[serde(default = "defaults::measure")]
    pub measure: usize,
    /// Mean absolute error of a round's networks, as a share of what was measured, that is good enough.
    #[serde(default = "defaults::tolerance")]
    pub tolerance: f64,
    /// Threads of one inference; the profile's where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// CPUs that the engine is kept on; all of them where left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pin: Vec<usize>,
    /// Turns of each network; the usual number where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turns: Option<u32>,
    /// How long a command may take each time it is started, and OpenVINO or ncnn for anything it is asked, in seconds.
    #[serde(default = "defaults::timeout_s")]
    pub timeout_s: u64,
    /// How often a command that failed is started again.
    #[serde(default = "defaults::retries")]
    pub retries: u16,
}

/// The engines that a refinement can measure on, by the names that `roofnas measure --engine` has for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefineEngine {
    /// The one that is built in.
    Embedded,
    /// ONNX Runtime.
    Onnxruntime,
    /// OpenVINO.
    Openvino,
    /// ncnn.
    Ncnn,
    /// OpenVINO's program.
    BenchmarkApp,
    /// TensorRT's program.
    Trtexec,
    /// A program of the user's.
    Command,
}

impl RefineEngine {
    /// The name in TOML.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Onnxruntime => "onnxruntime",
            Self::Openvino => "openvino",
            Self::Ncnn => "ncnn",
            Self::BenchmarkApp => "benchmark_app",
            Self::Trtexec => "trtexec",
            Self::Command => "command",
        }
    }
}

impl RefineConfig {
    /// What will be done, in words.
    pub fn sentence(&self) -> String {
        format!(
            "refining: up to {} rounds of {} networks measured with {}, until predictions made before miss by {} % on average, or less",
            self.rounds,
            self.measure,
            self.engine.name(),
            // without the digits that a product in binary has
            (1e6 * self.tolerance).round() / 1e4,
        )
    }
}

mod defaults {
    pub(super) const fn rounds() -> usize {
        5
    }
    pub(super) const fn measure() -> usize {
        8
    }
    pub(super) const fn tolerance() -> f64 {
        0.05
    }
    pub(super) const fn timeout_s() -> u64 {
        300
    }
    pub(super) const fn retries() -> u16 {
        1
    }
}
