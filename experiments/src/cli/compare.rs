//! Arguments of `roofnas compare`.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::Args;
use roofnas::NamedPlatform;

use super::Format;

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Folders of finished runs, or of batches with finished runs; all of one space and one score
    #[arg(required = true, value_name = "RUN_DIR")]
    pub(crate) runs: Vec<PathBuf>,
    /// Price the networks on these platforms, in this order: profiles' names or paths, each with a batch after an @ if it is not that of the runs for
    /// it or of its calibration [default: the platforms of the runs]
    #[arg(long, value_name = "P[@BATCH],...", value_delimiter = ',')]
    pub(crate) platforms: Vec<NamedPlatform>,
    /// Search for platforms that no run is for, as the first run did for its own but without a latency budget, so that they have a best of their own
    #[arg(long)]
    pub(crate) search: bool,
    /// Networks that such a search evaluates [default: as many as the first run]
    #[arg(
        long,
        value_name = "N",
        requires = "search",
        allow_negative_numbers = true
    )]
    pub(crate) evaluations: Option<NonZeroU64>,
    /// Describe the fastest network of each platform that reaches this quality [default: the highest that all of them reach]
    #[arg(long, value_name = "Q", value_parser = finite, allow_negative_numbers = true)]
    pub(crate) quality: Option<f64>,
    /// Write the tables, a page with the heat map, and the searches into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Worker threads; the results are the same for any number [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

fn finite(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| "a quality is a number".to_owned())
}
