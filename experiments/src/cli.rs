//! The command line.

mod compare;
mod editors;
mod engine;
mod groups;
mod rank;
mod report;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{ArgGroup, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use roofnas::{Setting, Shard};
use roofnas_cost::Dtype;
use roofnas_hardware::{CrossValidation, Selection};
use roofnas_space::Resolution;

/// Designs convolutional image backbones for the hardware they will run on
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 done; 1 it failed; 2 bad arguments or bad input files; 3 no network keeps the constraints; \
                  130 interrupted, go on with --resume.\n\n\
                  Example: roofnas run experiments/configs/quickstart.toml"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// The command line as it was typed. Where it asks for help, or can't be read, the program ends here.
    pub(crate) fn from_command_line() -> Self {
        let mut command = groups::grouped(Self::command());
        let matches = command.get_matches_mut();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit())
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run experiments: search, and write front, history, report and backbones
    ///
    /// Each experiment gets a folder with report.html, pareto.csv, history.csv, the certificate of how far the front can be from the optimum, and some backbones as
    /// ONNX, PyTorch and TOML. The same seed gives the same files on any number of threads. ctrl-C ends it after its generation, and --resume goes on.
    #[command(
        after_help = "Example: roofnas run experiments/configs/quickstart.toml --out runs/mine --set constraints.latency_ms=2"
    )]
    Run(RunArgs),
    /// Write a commented experiment to start from
    ///
    /// Nothing is asked, and no experiment that is there is touched. With --from, the search space surrounds a network of your own: its stem, stages and head are read from the
    /// ONNX file, the choices lie around each value, the search begins with it, and what it costs on the platform is the budget. What no space can have is named in the file.
    #[command(
        after_help = "Example: roofnas init my-experiment.toml --from my-network.onnx --platform raspberry-pi-4-ncnn-4-threads"
    )]
    Init(InitArgs),
    /// Parse and check an experiment; print its space, its platform and what would run
    ///
    /// Networks drawn from the space are priced as well: where few of them are feasible, the budget is tight.
    #[command(after_help = "Example: roofnas check my-experiment.toml")]
    Check(CheckArgs),
    /// Price networks for a platform
    #[command(
        after_help = "Example: roofnas predict --platform nvidia-v100 --batch 8 --format csv resnet50.onnx mobilenet.onnx"
    )]
    Predict(PredictArgs),
    /// Show where a network's time goes, layer by layer
    ///
    /// Each layer is bound by compute, memory or overhead; changes that would make the network faster are priced. With several platforms, their times stand side by side;
    /// with --engine, measured times stand beside predicted ones.
    #[command(
        after_help = "Example: roofnas profile --platform intel-i9-10980xe,nvidia-v100 resnet50.onnx --svg resnet50.svg"
    )]
    Profile(ProfileArgs),
    /// Fit a platform profile to measurements, and say how well it holds
    ///
    /// With --layers and --latency, the measurements are those of a table. Without them, this machine is probed, networks are measured on an engine, and the fit is made of
    /// that.
    #[command(
        after_help = "Example: roofnas calibrate --layers layers.csv --latency latency.csv --where platform=my-board --samples 30 \
                      --out my-board.toml"
    )]
    Calibrate(Box<CalibrateArgs>),
    /// Hold a platform profile against measurements
    #[command(
        after_help = "Example: roofnas validate --platform my-board.toml --layers layers.csv --latency other.csv --format json"
    )]
    Validate(ValidateArgs),
    /// Say how well quality terms rank networks whose accuracies are known
    #[command(
        after_help = "Example: roofnas rank --space nas-bench-macro --table accuracy.csv --truth acc1,acc2,acc3 --latency pi4_ms"
    )]
    Rank(RankArgs),
    /// Measure this machine: arithmetic peaks, memory bandwidth, ridge points
    #[command(after_help = "Example: roofnas probe --threads 1,4 --svg roofline.svg")]
    Probe(ProbeArgs),
    /// Time networks on an engine
    #[command(
        after_help = "Example: roofnas measure --engine onnxruntime --threads 1 resnet50.onnx mobilenet.onnx --out latency.csv"
    )]
    Measure(MeasureArgs),
    /// Write the networks to measure on a machine so that its latency model can be calibrated
    #[command(after_help = "Example: roofnas plan --space mobile --out to-measure")]
    Plan(PlanArgs),
    /// Run a finished run's networks for real: predicted beside measured
    #[command(after_help = "Example: roofnas verify runs/quickstart --engine onnxruntime --top 10")]
    Verify(VerifyArgs),
    /// Price the networks that runs have found for their platforms on other platforms
    #[command(
        after_help = "Example: roofnas compare runs/on-a-board runs/on-a-phone --platforms raspberry-pi-4-ncnn-4-threads,titan-rtx-pytorch-batch-64 \
                      --search --out comparison"
    )]
    Compare(CompareArgs),
    /// List the platform profiles at hand with how well they hold, or print one in full
    #[command(after_help = "Example: roofnas platforms --format json")]
    Platforms(PlatformsArgs),
    /// Write one network of a finished run again, in a form
    #[command(after_help = "Example: roofnas export runs/quickstart b07 --to onnx --out b07.onnx")]
    Export(ExportArgs),
    /// Write the report of a finished run, or of a batch, again
    ///
    /// From what its folder holds: after an update of roofnas, or when runs of a batch have come since. The networks are priced again by the platform beside them.
    #[command(after_help = "Example: roofnas report runs/quickstart --out quickstart.html")]
    Report(ReportArgs),
    /// Print the JSON Schema of experiments, platforms or spaces, for editors
    ///
    /// An editor that knows it (Even Better TOML, or anything with taplo or tombi in it) completes keys and values, shows what they mean, and underlines what would be
    /// refused. A TOML file names its schema in its first line: #:schema ./roofnas.schema.json
    #[command(after_help = "Example: roofnas schema experiment > roofnas.schema.json")]
    Schema(SchemaArgs),
    /// Print completions for a shell
    ///
    /// Where a shell looks for them is up to the shell: bash in ~/.local/share/bash-completion/completions/roofnas, fish in ~/.config/fish/completions/roofnas.fish, zsh in
    /// a file _roofnas in a folder of its fpath.
    #[command(
        after_help = "Example: roofnas completions bash > ~/.local/share/bash-completion/completions/roofnas"
    )]
    Completions(CompletionsArgs),
    /// Print a page of the manual, or write all of them
    #[command(after_help = "Example: roofnas man --out ~/.local/share/man/man1")]
    Man(ManArgs),
}

pub(crate) use compare::CompareArgs;
pub(crate) use editors::{CompletionsArgs, ManArgs, SchemaArgs};
pub(crate) use engine::{
    EngineArgs, EngineChoice, EngineName, HereArgs, MeasureArgs, SituationArgs, TimingArgs,
    VerifyArgs,
};
pub(crate) use rank::{Duplicates, RankArgs};
pub(crate) use report::ReportArgs;

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Experiment files
    #[arg(required = true, value_name = "EXP.toml")]
    pub(crate) experiments: Vec<PathBuf>,
    /// Folder of the run; with several experiments, a folder with one run each [default: runs/NAME]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Go on with runs that were interrupted; what is finished stays as it is
    #[arg(long)]
    pub(crate) resume: bool,
    /// Runs of a matrix at a time; they share the threads [default: one for each thread; 1 where a command trains networks]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// Do the I-th of N parts of the runs, beside other commands that do the others in the same folder
    #[arg(long, value_name = "I/N", allow_hyphen_values = true)]
    pub(crate) shard: Option<Shard>,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The file to write
    #[arg(value_name = "FILE", default_value = "experiment.toml")]
    pub(crate) file: PathBuf,
    /// Write the JSON Schema of experiments beside it, and name it in the first line, so that editors complete and check
    #[arg(long)]
    pub(crate) with_schema: bool,
    #[command(flatten, next_help_heading = "Around a network of your own")]
    pub(crate) own: OwnNetworkArgs,
}

/// A network that the space is put around.
#[derive(Debug, Args)]
pub(crate) struct OwnNetworkArgs {
    /// Put the search space around this network, and its own latency as the budget
    #[arg(long, value_name = "MODEL.onnx")]
    pub(crate) from: Option<PathBuf>,
    /// The platform: a profile's name or path (NAME:4 on four threads, where it is of several numbers) [default: that of the experiment without --from]
    #[arg(long, value_name = "P", requires = "from")]
    pub(crate) platform: Option<String>,
    /// Images per inference [default: 1]
    #[arg(long, value_name = "N", requires = "from")]
    pub(crate) batch: Option<u64>,
    /// Number format: fp32, fp16, bf16 or int8 [default: fp32]
    #[arg(long, value_name = "D", value_parser = dtype, requires = "from")]
    pub(crate) dtype: Option<Dtype>,
    /// Height and width of the image, where the file leaves them open: 224 or 256x160
    #[arg(long, value_name = "HxW", requires = "from")]
    pub(crate) input_size: Option<Resolution>,
    /// Another size that the file leaves open, by the name it has there
    #[arg(long, value_name = "NAME=SIZE", value_parser = size, requires = "from")]
    pub(crate) dim: Vec<(String, usize)>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The experiment file
    #[arg(value_name = "EXP.toml")]
    pub(crate) experiment: PathBuf,
    #[command(flatten)]
    pub(crate) shared: Shared,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Shared {
    /// Set a key of the experiments, in the place of what the files say
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<Setting>,
    /// Seed of everything random, the same as --set seed=N
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u32>,
    /// Worker threads; the results are the same for any number [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

impl Shared {
    /// What is set, the seed among it.
    pub(crate) fn all_settings(&self) -> Vec<Setting> {
        let mut settings = self.settings.clone();
        settings.extend(self.seed.map(|seed| Setting {
            key: "seed".to_owned(),
            value: i64::from(seed).into(),
        }));
        settings
    }
}

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// Threads at work at the same time; several numbers are measured one after the other [default: 1, and one on each core]
    #[arg(long, value_name = "N,...", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..), allow_negative_numbers = true)]
    pub(crate) threads: Vec<u32>,
    /// Measure one working set for each level of memory, in at most three seconds rather than fifteen
    #[arg(long)]
    pub(crate) quick: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Draw the roofline
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The search space to cover: a preset or a TOML file [default: mobile and resnet, half each]
    #[arg(long, value_name = "PRESET|FILE")]
    pub(crate) space: Option<String>,
    /// Networks drawn from the space; corners and fusion probes come on top
    #[arg(
        long,
        value_name = "N",
        default_value_t = 40,
        allow_negative_numbers = true
    )]
    pub(crate) networks: usize,
    /// Leave out the networks that hold every class of operators out to the corners of its shapes
    #[arg(long)]
    pub(crate) no_corners: bool,
    /// Seed of what is drawn, and of the weights
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        allow_negative_numbers = true
    )]
    pub(crate) seed: u64,
    /// Estimate the time by this platform: a profile's name or path (NAME:4 on four threads, where it is of several numbers)
    #[arg(long, value_name = "P")]
    pub(crate) platform: Option<String>,
    /// Number format of the files: fp32, or int8 (quantised with synthetic ranges, for timing only)
    #[arg(long, value_name = "D", default_value = "fp32", value_parser = file_dtype)]
    pub(crate) dtype: Dtype,
    /// The folder to write: a new or an empty one
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// How to print what the plan covers
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct PlatformsArgs {
    /// A profile's name or path (NAME:4 on four threads, where it is of several numbers): print it in full
    #[arg(value_name = "P")]
    pub(crate) name: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct CalibrateArgs {
    // the networks that were measured
    #[command(flatten)]
    pub(crate) networks: NetworkSource,
    /// The measurements: columns network, latency_ms and, if there are any, platform, batch, threads, dtype, engine, situation, run, repeats
    #[arg(long, value_name = "T.csv")]
    pub(crate) latency: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rows: RowArgs,
    /// The profile to write
    #[arg(long, value_name = "P.toml")]
    pub(crate) out: PathBuf,
    /// Write over a profile that is there already
    #[arg(long)]
    pub(crate) force: bool,
    /// Number format of the measurements: fp32, fp16, bf16 or int8
    #[arg(long, value_name = "D", default_value = "fp32", value_parser = dtype)]
    pub(crate) dtype: Dtype,
    /// Threads of the engine; several make a profile that holds on each of them, from about as many timings. With tables: where they have no column that says
    #[arg(long, value_name = "N,...", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=4096), allow_negative_numbers = true)]
    pub(crate) threads: Vec<u32>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    // a heading holds for all that follows
    #[command(flatten, next_help_heading = "Fit")]
    pub(crate) fit: FitArgs,
    #[command(flatten, next_help_heading = "What the profile says of itself")]
    pub(crate) texts: ProfileTexts,
    #[command(
        flatten,
        next_help_heading = "Measuring this machine (without --latency)"
    )]
    pub(crate) here: HereArgs,
}

/// Which of the measurements are meant.
#[derive(Debug, Args)]
pub(crate) struct RowArgs {
    /// Take only rows with these values in these columns; a value that holds a comma goes in double quotes
    #[arg(long = "where", value_name = "K=V,...", value_parser = conditions)]
    pub(crate) conditions: Option<RowConditions>,
    /// The column that holds the latencies, in milliseconds
    #[arg(long, value_name = "C", default_value = "latency_ms")]
    pub(crate) latency_column: String,
}

impl RowArgs {
    /// The same, as the reader of tables takes it.
    pub(crate) fn selection(&self) -> Selection {
        let conditions = self.conditions.as_ref();
        Selection {
            latency_column: self.latency_column.clone(),
            conditions: conditions.map_or_else(Vec::new, |conditions| conditions.0.clone()),
        }
    }
}

/// Columns, and the values that rows must have there.
#[derive(Debug, Clone)]
pub(crate) struct RowConditions(Vec<(String, String)>);

fn conditions(text: &str) -> Result<RowConditions, String> {
    let conditions = Selection::parse_conditions(text);
    conditions
        .map(RowConditions)
        .map_err(|error| error.to_string())
}

/// How a profile is fitted and validated.
#[derive(Debug, Args)]
pub(crate) struct FitArgs {
    /// Fit on N networks that are drawn, and hold the others out [default: fit on all of them, and cross-validate]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) samples: Option<usize>,
    /// Seed of that draw, and of the groups of a cross-validation
    #[arg(
        long,
        value_name = "S",
        default_value_t = 1,
        allow_negative_numbers = true
    )]
    pub(crate) seed: u64,
    /// Without --samples, what is held out in turn: one network (loo), one family of them (family), or one of K groups that are drawn
    /// [default: 10]
    #[arg(long, value_name = "loo|family|K", value_parser = cross_validation, allow_negative_numbers = true)]
    pub(crate) cross_validate: Option<CrossValidation>,
    /// Fits from different priors that a profile averages, at most
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64), allow_negative_numbers = true)]
    pub(crate) components: u8,
    /// Calibrated platforms whose likeness may be used: all there are, none, or these
    #[arg(long, value_name = "all|none|NAME,...", default_value = "all", value_parser = priors)]
    pub(crate) priors: Priors,
}

fn cross_validation(text: &str) -> Result<CrossValidation, String> {
    match text {
        "loo" => Ok(CrossValidation::LeaveOneOut),
        "family" => Ok(CrossValidation::Family),
        number => match number.parse() {
            Ok(groups) if groups >= 2 => Ok(CrossValidation::Folds(groups)),
            _ => Err("must be loo, family, or a whole number of groups from 2".to_owned()),
        },
    }
}

/// Platforms whose likeness may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Priors {
    /// Those at hand that are calibrated.
    All,
    /// None.
    None,
    /// These.
    Named(Vec<String>),
}

fn priors(text: &str) -> Result<Priors, String> {
    match text {
        "all" => Ok(Priors::All),
        "none" => Ok(Priors::None),
        names => {
            let names: Vec<String> = names
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect();
            if names.iter().any(String::is_empty) {
                return Err("must be all, none, or names with commas between".to_owned());
            }
            Ok(Priors::Named(names))
        }
    }
}

/// What a profile says of itself.
#[derive(Debug, Args)]
pub(crate) struct ProfileTexts {
    /// Take roofs and utilisation rules from this profile, and with tables fusion too; without tables, the machine is not probed for its roofs
    #[arg(long, value_name = "P")]
    pub(crate) base: Option<String>,
    /// Name of the platform [default: the name of the file it is written to]
    #[arg(long, value_parser = platform_name)]
    pub(crate) name: Option<String>,
    /// The machine and its engine, in words
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// What was measured, in words [default: the table's name, the column and the conditions]
    #[arg(long, value_name = "TEXT")]
    pub(crate) source: Option<String>,
    /// Licence of the measurements
    #[arg(long, value_name = "TEXT")]
    pub(crate) licence: Option<String>,
    /// Whom to name as their author
    #[arg(long, value_name = "TEXT")]
    pub(crate) attribution: Option<String>,
}

/// A name that a platform can have: it names files, and stands in lists with commas between.
pub(crate) fn platform_name(text: &str) -> Result<String, String> {
    let odd = |c: char| c.is_control() || [',', '/', '\\'].contains(&c);
    if text.trim().is_empty() || text.chars().any(odd) {
        return Err("a platform's name is not empty and holds no comma and no slash".to_owned());
    }
    let threads = text.trim().rsplit_once(':').map(|(_, threads)| threads);
    if threads.is_some_and(|threads| threads.parse::<u32>().is_ok()) {
        return Err(
            "a platform's name doesn't end in a colon and a number, which stand for its threads"
                .to_owned(),
        );
    }
    Ok(text.trim().to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// The platform: a profile's name or path (NAME:4 on four threads, where it is of several numbers)
    #[arg(long, value_name = "P")]
    pub(crate) platform: String,
    // the networks that were measured
    #[command(flatten)]
    pub(crate) networks: NetworkArgs,
    /// The measurements, as for calibrate
    #[arg(long, value_name = "T.csv")]
    pub(crate) latency: PathBuf,
    #[command(flatten)]
    pub(crate) rows: RowArgs,
    /// Number format of the measurements: fp32, fp16, bf16 or int8
    #[arg(long, value_name = "D", default_value = "fp32", value_parser = dtype)]
    pub(crate) dtype: Dtype,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Folder of a finished run
    #[arg(value_name = "RUN_DIR")]
    pub(crate) run: PathBuf,
    /// The network's id in the run's front, such as b07
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// The form
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) to: Form,
    /// With --to onnx, the file's number format: fp32, or int8 (quantised with synthetic ranges, for timing only)
    #[arg(long, value_name = "D", default_value = "fp32", value_parser = file_dtype)]
    pub(crate) dtype: Dtype,
    /// The file to write [default: ID with the ending of its form, ID-int8.onnx in int8, in the working folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// The platform: a profile's name or path (NAME:4 on four threads, where it is of several numbers)
    #[arg(long, value_name = "P")]
    pub(crate) platform: String,
    #[command(flatten)]
    pub(crate) networks: NetworkArgs,
    #[command(flatten)]
    pub(crate) conditions: Conditions,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ProfileArgs {
    /// The platforms: profiles' names or paths
    #[arg(long, value_name = "P", required = true, value_delimiter = ',')]
    pub(crate) platform: Vec<String>,
    #[command(flatten)]
    pub(crate) networks: NetworkArgs,
    /// The network, where several are given
    #[arg(long, value_name = "NAME")]
    pub(crate) network: Option<String>,
    /// Run the file on this engine, on the platform's number of threads, and show what its layers take beside what is predicted
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub(crate) engine: Option<EngineName>,
    #[command(flatten)]
    pub(crate) conditions: Conditions,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Draw the roofline and the layers' times; of several platforms, one picture each
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// Where networks come from, of which there must be some.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("source").required(true).args(["models", "layers"]))]
pub(crate) struct NetworkArgs {
    #[command(flatten)]
    pub(crate) from: NetworkSource,
}

/// Where networks come from: of both kinds at most one.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("kind").args(["models", "layers"]))]
pub(crate) struct NetworkSource {
    /// ONNX files: each is the network of its name
    #[arg(value_name = "MODEL.onnx")]
    pub(crate) models: Vec<PathBuf>,
    /// Networks as a table of layers
    #[arg(long, value_name = "L.csv")]
    pub(crate) layers: Option<PathBuf>,
    /// Height and width of the image, where an ONNX file leaves them open: 224 or 256x160
    #[arg(long, value_name = "HxW")]
    pub(crate) input_size: Option<Resolution>,
    /// Another size that an ONNX file leaves open, by the name it has there
    #[arg(long, value_name = "NAME=SIZE", value_parser = size)]
    pub(crate) dim: Vec<(String, usize)>,
}

impl NetworkSource {
    /// Whether there are any.
    pub(crate) fn is_given(&self) -> bool {
        self.layers.is_some() || !self.models.is_empty()
    }
}

fn size(text: &str) -> Result<(String, usize), String> {
    let parsed = text.split_once('=').and_then(|(name, size)| {
        let size = size.trim().parse().ok().filter(|&size: &usize| size > 0)?;
        Some((name.trim().to_owned(), size))
    });
    parsed.ok_or_else(|| format!("\"{text}\" is not NAME=SIZE, such as sequence=128"))
}

/// What a price holds for.
#[derive(Debug, Args)]
pub(crate) struct Conditions {
    /// Images per inference
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) batch: u64,
    /// Number format: fp32, fp16, bf16 or int8
    #[arg(long, value_name = "D", default_value = "fp32", value_parser = dtype)]
    pub(crate) dtype: Dtype,
}

fn dtype(name: &str) -> Result<Dtype, String> {
    let known = Dtype::ALL.into_iter().find(|dtype| dtype.name() == name);
    known.ok_or_else(|| "a number format is fp32, fp16, bf16 or int8".to_owned())
}

/// The formats that ONNX files are written in.
fn file_dtype(name: &str) -> Result<Dtype, String> {
    let mut known = [Dtype::Fp32, Dtype::Int8].into_iter();
    let known = known.find(|dtype| dtype.name() == name);
    known.ok_or_else(|| "files are written in fp32 or int8".to_owned())
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// An object or an array of objects, units in the names
    Json,
    /// With a header, units in the names
    Csv,
}

/// The forms a network can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// ONNX with initial weights
    Onnx,
    /// A table of layers
    Layers,
    /// PyTorch source, a module that needs nothing but torch
    Pytorch,
    /// A search space that holds this network alone
    Toml,
}

impl Form {
    /// The file's ending.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Layers => "csv",
            Self::Onnx => "onnx",
            Self::Pytorch => "py",
            Self::Toml => "toml",
        }
    }
}
