//! Arguments of `roofnas rank`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use roofnas::ranking::Band;
use roofnas_cost::{Mix, Term};

use super::Format;

#[derive(Debug, Args)]
pub(crate) struct RankArgs {
    /// The search space that the networks are of: a preset or a TOML file
    #[arg(long, value_name = "PRESET|FILE")]
    pub(crate) space: String,
    /// The trained networks: a column of genotypes, of an option for each layer, or a column for each gene
    #[arg(long, value_name = "T.csv")]
    pub(crate) table: PathBuf,
    /// Columns of accuracies in per cent, one for each seed
    #[arg(
        long,
        value_name = "COLUMN,...",
        value_delimiter = ',',
        required = true
    )]
    pub(crate) truth: Vec<String>,
    /// A mix of one's own to rank as well, as in [quality.terms]: S=1,NSC=0.5 (repeat for several)
    #[arg(long, value_name = "TERM=WEIGHT,...", value_parser = mix, allow_negative_numbers = true)]
    pub(crate) mix: Vec<Mix>,
    /// Standard deviation of one training run in points of accuracy, where there is one seed and it is known: says what even a perfect oracle shows
    #[arg(long, value_name = "POINTS", value_parser = deviation, allow_negative_numbers = true)]
    pub(crate) truth_std: Option<f64>,
    /// Columns of latencies, in any unit: budgets for the regret
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    pub(crate) latency: Vec<String>,
    /// Columns of throughputs, which are inverted to latencies
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    pub(crate) throughput: Vec<String>,
    /// The column of genotypes or of options for each layer [default: genotype, arch or architecture, or else columns of genes such as
    /// stage0_depth or b0_k]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) architecture: Option<String>,
    /// What becomes of rows that build the same layers
    #[arg(long, value_enum, default_value_t = Duplicates::Merge)]
    pub(crate) duplicates: Duplicates,
    /// What the networks of a band have about as much of
    #[arg(long, value_enum, default_value_t = BandName::Macs)]
    pub(crate) band: BandName,
    /// Numbers of networks that a surrogate is fitted to, to predict all others
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "20,50,100,200", value_parser = clap::value_parser!(u32).range(8..))]
    pub(crate) surrogate: Vec<u32>,
    /// How often networks are drawn for each of these numbers; 0 leaves the surrogate out
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(..=1000))]
    pub(crate) splits: u16,
    /// Seed of the noise that --truth-std draws, and of the networks that the surrogate is fitted to
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        allow_negative_numbers = true
    )]
    pub(crate) seed: u64,
    /// Worker threads; the results are the same for any number [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

fn mix(text: &str) -> Result<Mix, String> {
    let names = || Term::ALL.map(Term::name).join(", ");
    let weights = text.split(',').map(|part| {
        let expected = || format!("\"{part}\" is not TERM=WEIGHT; terms are {}", names());
        let (name, weight) = part.split_once('=').ok_or_else(expected)?;
        let term = Term::ALL
            .into_iter()
            .find(|term| term.name() == name.trim());
        let weight = weight.trim().parse().ok();
        term.zip(weight).ok_or_else(expected)
    });
    let weights: Vec<(Term, f64)> = weights.collect::<Result<_, String>>()?;
    Mix::new(weights).map_err(|error| error.to_string())
}

fn deviation(text: &str) -> Result<f64, String> {
    let value = text
        .parse()
        .ok()
        .filter(|&value: &f64| value > 0.0 && value <= 100.0);
    value
        .ok_or_else(|| "must be a number above 0 and at most 100, in points of accuracy".to_owned())
}

/// What bands are cut by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BandName {
    /// Multiply-accumulate operations
    Macs,
    /// Trainable parameters
    Params,
}

impl From<BandName> for Band {
    fn from(name: BandName) -> Self {
        match name {
            BandName::Macs => Self::Macs,
            BandName::Params => Self::Params,
        }
    }
}

/// What becomes of rows that build the same layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Duplicates {
    /// They are one network, with the mean of their numbers
    Merge,
    /// Each is a network of its own
    Keep,
}
