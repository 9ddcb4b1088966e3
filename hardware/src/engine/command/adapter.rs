//! Commands that are ready for use.

use roofnas_cost::Dtype;

use super::{CommandError, CommandLine, OutputFormat};
use crate::engine::Conditions;

/// A known program, and the arguments that make it run a network under given conditions.
///
/// Engines convert what they like by default: OpenVINO computes in bfloat16 where the processor has it, TensorRT uses TF32. Adapters ask for the dtype that was stated, and switch such conversions off otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adapter {
    /// OpenVINO's own `benchmark_app`, on the CPU: a median of runs.
    BenchmarkApp,
    /// TensorRT's `trtexec`, for models with a fixed batch; threads have no meaning. Not tried: no such GPU was at hand.
    Trtexec,
}

impl Adapter {
    /// Every adapter.
    pub const ALL: [Self; 2] = [Self::BenchmarkApp, Self::Trtexec];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BenchmarkApp => "benchmark_app",
            Self::Trtexec => "trtexec",
        }
    }

    /// The command, for these conditions.
    ///
    /// # Errors
    /// None in practice: the arguments are sound (tested).
    pub fn command(self, conditions: &Conditions) -> Result<CommandLine, CommandError> {
        match self {
            Self::BenchmarkApp => benchmark_app(conditions.dtype),
            Self::Trtexec => trtexec(conditions.dtype),
        }
    }
}

fn benchmark_app(dtype: Dtype) -> Result<CommandLine, CommandError> {
    let precision = match dtype {
        Dtype::Fp32 | Dtype::Int8 => "f32",
        Dtype::Fp16 => "f16",
        Dtype::Bf16 => "bf16",
    };
    let arguments = [
        "-m",
        "{model}",
        "-d",
        "CPU",
        "-hint",
        "none",
        "-api",
        "sync",
        "-nstreams",
        "1",
        "-nireq",
        "1",
        "-nthreads",
        "{threads}",
        "-niter",
        "{runs}",
        "-b",
        "{batch}",
        "-ip",
        "f32",
        "-infer_precision",
        precision,
    ];
    CommandLine::new("benchmark_app", arguments, OutputFormat::BenchmarkApp)
}

fn trtexec(dtype: Dtype) -> Result<CommandLine, CommandError> {
    let precision = match dtype {
        Dtype::Fp32 => "--noTF32",
        Dtype::Fp16 => "--fp16",
        Dtype::Bf16 => "--bf16",
        Dtype::Int8 => "--int8",
    };
    let arguments = [
        "--onnx={model}",
        "--exportTimes={output}",
        "--iterations={runs}",
        "--duration=0",
        "--warmUp=500",
        precision,
    ];
    CommandLine::new("trtexec", arguments, OutputFormat::Trtexec)
}
