//! Commands that are ready for use.

use std::path::PathBuf;

use roofnas_cost::Dtype;

use super::{CommandError, CommandLine, OutputFormat};
use crate::engine::Conditions;
use crate::engine::python::interpreters;

/// A known program, and the arguments that make it run a network under given conditions.
///
/// Engines convert what they like by default: OpenVINO computes in bfloat16 where the processor has it, ncnn stores tensors as half
/// precision, TensorRT uses TF32. Adapters ask for the dtype that was stated, and switch such conversions off otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adapter {
    /// OpenVINO on the CPU by a script that ships, with a timing a run: needs Python with `openvino`.
    OpenVino,
    /// ncnn on the CPU by a script that ships, with a timing a run: needs Python with `ncnn` and `pnnx`, which converts the model.
    Ncnn,
    /// OpenVINO's own `benchmark_app`, on the CPU: a median of runs.
    BenchmarkApp,
    /// TensorRT's `trtexec`, for models with a fixed batch; threads have no meaning. Not tried: no such GPU was at hand.
    Trtexec,
}

impl Adapter {
    /// Every adapter.
    pub const ALL: [Self; 4] = [
        Self::OpenVino,
        Self::Ncnn,
        Self::BenchmarkApp,
        Self::Trtexec,
    ];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenVino => "openvino",
            Self::Ncnn => "ncnn",
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
            Self::OpenVino => script(include_str!("../../../adapters/openvino_latency.py"), &[]),
            // converting takes longer than all else
            Self::Ncnn => script(
                include_str!("../../../adapters/ncnn_latency.py"),
                &["--converted", "{scratch}"],
            ),
            Self::BenchmarkApp => benchmark_app(conditions.dtype),
            Self::Trtexec => trtexec(conditions.dtype),
        }
    }
}

/// A Python script, handed over as an argument: it needs no file that could be missing.
fn script(text: &str, more: &[&str]) -> Result<CommandLine, CommandError> {
    let mut interpreters = interpreters().into_iter();
    let python = interpreters
        .next()
        .unwrap_or_else(|| PathBuf::from("python3"));
    // braces mean something in arguments, and double ones a brace
    let text = text.replace('{', "{{");
    let options = [
        "--threads",
        "{threads}",
        "--batch",
        "{batch}",
        "--runs",
        "{runs}",
        "--dtype",
        "{dtype}",
        "{model}",
    ];
    let arguments = ["-c", &text].into_iter();
    let arguments = arguments.chain(more.iter().copied()).chain(options);
    CommandLine::new(python, arguments, OutputFormat::Plain)
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
