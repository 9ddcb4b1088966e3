//! What programs print: importers for the tools people run.

mod benchmark_app;
mod benchmark_model;
mod benchncnn;
mod error;
mod plain;
mod trtexec;

pub use error::FormatError;

use super::Sample;
use super::timing::fault;

/// The form in which a program says its timings.
///
/// Figures in another unit than they should be in can't be told from slow or fast hardware; what is NaN, zero, negative or beyond
/// an hour is refused, with the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// roofnas' own protocol, on standard output. Every line that holds a number and nothing else, or `latency_ms: NUMBER`, is one
    /// run in milliseconds. `initialisation_ms: NUMBER` and `resident_bytes: NUMBER` may be there once. All other lines are ignored,
    /// and so is what is printed to standard error.
    Plain,
    /// The file that TensorRT's `trtexec --exportTimes` writes (7 to 10): JSON, an object a run. `latencyMs` is taken: copies to and
    /// from the GPU, and the network between them.
    Trtexec,
    /// ncnn's `benchncnn` (2018 to 2026), which prints to standard error, in hundredths of milliseconds: `avg` of its one network is
    /// taken.
    Benchncnn,
    /// TensorFlow Lite's `benchmark_model` (2.x): `Inference (avg)` is taken.
    BenchmarkModel,
    /// OpenVINO's `benchmark_app` (2022 to 2026): the median is taken, of what it prints or of its `-json_stats` report.
    BenchmarkApp,
}

/// What a program says.
#[derive(Debug, Clone, PartialEq)]
pub struct Timings {
    /// Timings in seconds, in order; at least one. See [`OutputFormat::sample`].
    pub seconds: Vec<f64>,
    /// How long it took to make the network ready.
    pub initialisation_s: Option<f64>,
    /// Memory that it takes.
    pub resident_bytes: Option<u64>,
}

/// Which of its streams a program prints its timings to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Streams {
    Output,
    OutputAndError,
}

impl OutputFormat {
    /// Every form.
    pub const ALL: [Self; 5] = [
        Self::Plain,
        Self::Trtexec,
        Self::Benchncnn,
        Self::BenchmarkModel,
        Self::BenchmarkApp,
    ];

    /// What it is called: the program's name, or `plain`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Trtexec => "trtexec",
            Self::Benchncnn => "benchncnn",
            Self::BenchmarkModel => "benchmark_model",
            Self::BenchmarkApp => "benchmark_app",
        }
    }

    /// What one of the timings stands for.
    pub const fn sample(self) -> Sample {
        match self {
            Self::Plain | Self::Trtexec => Sample::Run,
            Self::Benchncnn | Self::BenchmarkModel => Sample::Mean,
            Self::BenchmarkApp => Sample::Median,
        }
    }

    /// Reads what a program printed, or wrote to a file.
    ///
    /// # Errors
    /// When there is no timing in it, or one that can't be.
    pub fn parse(self, text: &str) -> Result<Timings, FormatError> {
        match self {
            Self::Plain => plain::parse(text),
            Self::Trtexec => trtexec::parse(text),
            Self::Benchncnn => benchncnn::parse(text),
            Self::BenchmarkModel => benchmark_model::parse(text),
            Self::BenchmarkApp => benchmark_app::parse(text),
        }
    }

    pub(super) const fn streams(self) -> Streams {
        match self {
            Self::Plain | Self::Trtexec | Self::BenchmarkApp => Streams::Output,
            Self::Benchncnn | Self::BenchmarkModel => Streams::OutputAndError,
        }
    }
}

impl Timings {
    /// Timings of which nothing else is known.
    fn of(seconds: Vec<f64>) -> Self {
        Self {
            seconds,
            initialisation_s: None,
            resident_bytes: None,
        }
    }
}

/// A figure as seconds, if it can be a timing: it is in units of which a second has `per_second`; `line` is where it stands.
fn seconds(text: &str, per_second: f64, line: &str) -> Result<f64, FormatError> {
    let number: f64 = text.trim().parse().map_err(|_| FormatError::Garbage {
        line: excerpt(line),
        reason: format!("\"{}\" is not a number", excerpt(text.trim())),
    })?;
    let seconds = number / per_second;
    match fault(seconds) {
        None => Ok(seconds),
        Some(fault) => Err(FormatError::Implausible {
            line: excerpt(line),
            fault,
        }),
    }
}

/// What follows a label in a text, up to the end of the line.
fn after<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let start = text.find(label)? + label.len();
    text[start..].lines().next()
}

/// The first word of a text, without a comma behind it.
fn first_word(text: &str) -> &str {
    let word = text.split_whitespace().next().unwrap_or_default();
    word.trim_end_matches(',')
}

/// A line, short enough for a message.
fn excerpt(line: &str) -> String {
    const LONGEST: usize = 120;
    let line = line.trim();
    if line.chars().count() <= LONGEST {
        return line.to_owned();
    }
    line.chars().take(LONGEST).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_an_error_in_every_form() {
        for format in OutputFormat::ALL {
            for text in [
                "",
                "\n\n",
                "{}",
                "[]",
                "no such thing",
                "min = max = avg =",
                "\u{feff}[{\"latencyMs\": 0}]",
            ] {
                assert!(format.parse(text).is_err(), "{format:?} {text}");
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_is_printed_no_timing_is_absurd(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "1.5", "0", "NaN", "-3", "inf", "1e999", "latency_ms:", "avg", "=", "min = 1 max = 2 avg = ", "\n", "Median:", "ms",
                    "Inference timings in us: Init: 5, Inference (avg):", "[{\"latencyMs\":", "}]", "{\"execution_results\":", "}", "[ INFO ]",
                ]),
                0..20,
            )
        ) {
            let text = words.join(" ");
            for format in OutputFormat::ALL {
                if let Ok(timings) = format.parse(&text) {
                    prop_assert!(!timings.seconds.is_empty());
                    prop_assert!(timings.seconds.iter().all(|&s| s > 0.0 && s <= 3600.0));
                }
            }
        }
    }
}
