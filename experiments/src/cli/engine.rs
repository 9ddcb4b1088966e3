//! Arguments of the commands that run networks for real.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use roofnas_cost::Dtype;
use roofnas_cost::calibration::Batches;
use roofnas_hardware::engine::{Conditions, OutputFormat};
use roofnas_hardware::measure::{Cadence, Protocol, Situation, Weights};

use super::{Format, dtype};

/// The engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    /// Built in, pure Rust: needs nothing installed
    Embedded,
    /// ONNX Runtime: the library that ORT_DYLIB_PATH names, or the installed Python package's
    Onnxruntime,
    /// OpenVINO, in a Python process that stays: needs the Python packages openvino and numpy
    Openvino,
    /// ncnn, in a Python process that stays: needs the Python packages ncnn, pnnx and numpy
    Ncnn,
    /// OpenVINO's benchmark_app
    #[value(name = "benchmark_app")]
    BenchmarkApp,
    /// TensorRT's trtexec
    Trtexec,
    /// What --command says
    Command,
}

/// An engine and what it runs under.
#[derive(Debug, Args)]
pub(crate) struct EngineArgs {
    #[command(flatten)]
    pub(crate) choice: EngineChoice,
    /// Threads of one inference [default: 1, or the run's]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Images per inference [default: 1, or the run's]
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<NonZeroUsize>,
    /// Number format: fp32, fp16, bf16 or int8 (files that hold none are quantised, for timing only) [default: fp32, or the run's]
    #[arg(long, value_name = "D", value_parser = dtype)]
    pub(crate) dtype: Option<Dtype>,
}

/// An engine.
#[derive(Debug, Clone, Args)]
pub(crate) struct EngineChoice {
    /// What runs the networks
    #[arg(long, value_enum, default_value_t = EngineName::Embedded)]
    pub(crate) engine: EngineName,
    /// With --engine command: a program and its arguments, in which {model}, {threads}, {batch}, {runs}, {dtype}, {output} and {scratch} are replaced. Quotes keep words
    /// together; no shell is involved. By default each line it prints that is a number is one run's milliseconds
    #[arg(long, value_name = "PROGRAM ARGUMENT...")]
    pub(crate) command: Option<String>,
    /// How the command says its timings: plain, trtexec, benchncnn, benchmark_model or benchmark_app
    #[arg(long, value_name = "FORM", default_value = "plain", value_parser = output_format)]
    pub(crate) command_output: OutputFormat,
    /// How long a command may take each time it is started, and openvino or ncnn for anything it is asked, in seconds
    #[arg(long, value_name = "S", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: u64,
    /// How often a command that failed is started again
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(..=100))]
    pub(crate) retries: u16,
}

impl EngineArgs {
    /// What the engine runs under, where nothing else is said as `usual`.
    pub(crate) fn conditions(&self, usual: Conditions) -> Conditions {
        Conditions {
            threads: self.threads.unwrap_or(usual.threads),
            batch: self.batch.unwrap_or(usual.batch),
            dtype: self.dtype.unwrap_or(usual.dtype),
        }
    }
}

impl EngineChoice {
    /// An engine that needs no further words.
    pub(crate) fn of(engine: EngineName) -> Self {
        Self {
            engine,
            command: None,
            command_output: OutputFormat::Plain,
            timeout: 300,
            retries: 1,
        }
    }

    /// Whether a program is started for each turn of each network.
    pub(crate) fn is_command(&self) -> bool {
        let is_python = matches!(self.engine, EngineName::Openvino | EngineName::Ncnn);
        !is_python && !self.is_in_this_process()
    }

    /// How networks are timed on it, where nothing else is said.
    pub(crate) fn protocol(&self) -> Protocol {
        if self.is_command() {
            Protocol::for_commands()
        } else {
            Protocol::in_process()
        }
    }

    /// Whether it computes in the numbers that a file holds, rather than in those it is told.
    pub(crate) fn computes_what_a_file_says(&self) -> bool {
        !matches!(
            self.engine,
            EngineName::Ncnn | EngineName::Trtexec | EngineName::Command
        )
    }

    /// Whether it is a library in this process, rather than in one of its own.
    pub(crate) fn is_in_this_process(&self) -> bool {
        matches!(self.engine, EngineName::Embedded | EngineName::Onnxruntime)
    }
}

fn output_format(name: &str) -> Result<OutputFormat, String> {
    let known = OutputFormat::ALL
        .into_iter()
        .find(|form| form.name() == name);
    known.ok_or_else(|| {
        let known: Vec<&str> = OutputFormat::ALL.iter().map(|form| form.name()).collect();
        format!("must be one of {}", known.join(", "))
    })
}

/// How networks are timed.
#[derive(Debug, Args)]
pub(crate) struct TimingArgs {
    /// Turns of each network [default: 20, of a command 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rounds: Option<u32>,
    /// Timed runs in a turn, at least [default: 1, of a command 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) runs: Option<u16>,
    /// Networks loaded and measured in turn with each other, at most [default: what half of the free memory holds, of a command 12]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) group: Option<u16>,
    /// How many of the first networks are measured again in every group, so that drift shows
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(..=100))]
    pub(crate) anchors: u16,
    /// Seed of the order in each round
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) situation: SituationArgs,
}

/// What it is like around the engine.
#[derive(Debug, Args)]
pub(crate) struct SituationArgs {
    /// Keep the engine on these CPUs
    #[arg(
        long,
        help_heading = "Situation",
        value_name = "CPU,...",
        value_delimiter = ','
    )]
    pub(crate) pin: Vec<usize>,
    /// Threads kept busy beside the engine
    #[arg(long, help_heading = "Situation", value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1024))]
    pub(crate) background: u32,
    /// One run every so often, with rest between: 30fps, or a time such as 100ms. Not of a command
    #[arg(long, help_heading = "Situation", value_name = "RATE", value_parser = cadence)]
    pub(crate) duty: Option<Duration>,
    /// Fill the caches with something else before each run, so that weights come from memory. Of embedded and onnxruntime only
    #[arg(long, help_heading = "Situation")]
    pub(crate) cold: bool,
    /// Run all networks in turn for this long before anything counts: 60s, 5m
    #[arg(long, help_heading = "Situation", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) sustained: Option<Duration>,
    /// Inferences of the network at the same time, one of which is timed: each stream has an engine of its own with --threads threads. Of embedded, onnxruntime and ncnn only
    #[arg(long, help_heading = "Situation", value_name = "N", default_value = "1", value_parser = streams)]
    pub(crate) streams: NonZeroUsize,
}

impl SituationArgs {
    /// The same, as what measures takes it.
    pub(crate) fn situation(&self) -> Situation {
        Situation {
            pinned: self.pin.clone(),
            background: self.background,
            cadence: self.duty.map_or(Cadence::BackToBack, Cadence::Every),
            weights: if self.cold {
                Weights::Cold
            } else {
                Weights::Warm
            },
            sustained: self.sustained.unwrap_or_default(),
            streams: self.streams,
        }
    }
}

/// Streams that anybody has use for.
const MOST_STREAMS: usize = 256;

fn streams(text: &str) -> Result<NonZeroUsize, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number: &NonZeroUsize| number.get() <= MOST_STREAMS);
    number.ok_or_else(|| format!("must be a whole number from 1 to {MOST_STREAMS}"))
}

impl TimingArgs {
    /// How networks are timed, where nothing else is said as `usual`.
    pub(crate) fn protocol(&self, usual: Protocol) -> Protocol {
        let least = self.runs.map_or(usual.runs.0, usize::from);
        Protocol {
            rounds: self.rounds.unwrap_or(usual.rounds),
            runs: (least, least.max(usual.runs.1)),
            group: self.group.map_or(usual.group, usize::from),
            anchors: self.anchors.into(),
            seed: self.seed,
            situation: self.situation.situation(),
            ..usual
        }
    }
}

/// Time from one run to the next, from a rate or a time.
fn cadence(text: &str) -> Result<Duration, String> {
    let period = match text.strip_suffix("fps") {
        Some(rate) => {
            let rate: Option<f64> = rate.trim().parse().ok();
            let rate = rate.filter(|rate| *rate >= 1e-3 && *rate <= 1e5);
            rate.map(|rate| Duration::from_secs_f64(1.0 / rate))
        }
        None => humantime::parse_duration(text).ok(),
    };
    let sound = period.filter(|period| !period.is_zero() && *period <= Duration::from_secs(3600));
    sound.ok_or_else(|| {
        "must be a rate such as 30fps, or a time up to an hour such as 100ms".to_owned()
    })
}

/// The largest batch that anything is priced at.
const LARGEST_BATCH: u64 = 65_536;

/// Batch sizes with commas between.
fn batches(text: &str) -> Result<Batches, String> {
    let rule = || format!("must be whole numbers from 1 to {LARGEST_BATCH}, such as 1,8,32");
    let numbers = text.split(',').map(|number| number.trim().parse().ok());
    let numbers: Vec<u64> = numbers.collect::<Option<_>>().ok_or_else(rule)?;
    if numbers
        .iter()
        .any(|batch| !(1..=LARGEST_BATCH).contains(batch))
    {
        return Err(rule());
    }
    Batches::new(numbers).map_err(|error| error.rule.to_owned())
}

/// How `roofnas calibrate` measures this machine.
#[derive(Debug, Args)]
pub(crate) struct HereArgs {
    #[command(flatten)]
    pub(crate) engine: EngineChoice,
    /// Images per inference; several make a profile that holds at each of them and between them, from about as many timings
    #[arg(long, value_name = "N,...", default_value = "1", value_parser = batches)]
    pub(crate) batch: Batches,
    /// Networks of the search spaces among those that are measured
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) networks: u16,
    /// Search space to draw them from: a preset or a file [default: the presets mobile and resnet]
    #[arg(long, value_name = "PRESET|FILE")]
    pub(crate) space: Option<String>,
    /// Go on with measurements that are there, beside the profile
    #[arg(long)]
    pub(crate) resume: bool,
    #[command(flatten)]
    pub(crate) situation: SituationArgs,
}

/// Arguments of `roofnas measure`.
#[derive(Debug, Args)]
pub(crate) struct MeasureArgs {
    /// ONNX files
    #[arg(required = true, value_name = "MODEL.onnx")]
    pub(crate) models: Vec<PathBuf>,
    /// The table of measurements to write; what is measured is saved there as it comes
    #[arg(long, value_name = "T.csv")]
    pub(crate) out: Option<PathBuf>,
    /// Go on with a table that is there: what it holds is not measured again
    #[arg(long, requires = "out")]
    pub(crate) resume: bool,
    /// Name of the machine in the table [default: what the system calls its processor]
    #[arg(long, value_name = "NAME", value_parser = super::platform_name)]
    pub(crate) platform_name: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    // a heading holds for all that follows
    #[command(flatten, next_help_heading = "Engine")]
    pub(crate) engine: EngineArgs,
    #[command(flatten, next_help_heading = "Timing")]
    pub(crate) timing: TimingArgs,
}

/// Arguments of `roofnas verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Folder of a finished run; verify.csv is written there, in the place of an earlier one
    #[arg(value_name = "RUN_DIR")]
    pub(crate) run: PathBuf,
    /// Run the K networks of the highest quality, which sit at the edge of the budget [default: 12 spread over the front]
    #[arg(long, value_name = "K")]
    pub(crate) top: Option<NonZeroUsize>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    // a heading holds for all that follows
    #[command(flatten, next_help_heading = "Engine")]
    pub(crate) engine: EngineArgs,
    #[command(flatten, next_help_heading = "Timing")]
    pub(crate) timing: TimingArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_batches() {
        assert_eq!(batches("4"), Ok(Batches::of([4])));
        assert_eq!(batches("1, 8,32"), Ok(Batches::of([1, 8, 32])));
        for bad in [
            "", "0", "1,0", "8,1", "8,8", "1,", "-1", "1.5", "70000", "all",
        ] {
            assert!(batches(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn cadences() {
        assert_eq!(cadence("20fps"), Ok(Duration::from_millis(50)));
        assert_eq!(cadence("100ms"), Ok(Duration::from_millis(100)));
        for bad in ["", "fps", "0fps", "-1fps", "nanfps", "30", "0s", "2h"] {
            assert!(cadence(bad).is_err(), "{bad}");
        }
    }
}
