//! Output that can't be used.

use thiserror::Error;

/// Output that can't be used. Lines are shortened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FormatError {
    /// Nothing.
    #[error("there is no output")]
    Empty,
    /// Something, but no timing.
    #[error("no timing in its output; expected {expected}; it ends with: {tail}")]
    NoTiming {
        /// What was looked for.
        expected: &'static str,
        /// The last line that isn't empty.
        tail: String,
    },
    /// A figure that can't be a timing.
    #[error("\"{line}\": the time {fault}")]
    Implausible {
        /// Where it stands.
        line: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A line of the right form with something else in it.
    #[error("\"{line}\": {reason}")]
    Garbage {
        /// The line.
        line: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Timings of several networks, of which only one was to be run.
    #[error("it has timings of several networks ({}); let it run one", .0.join(", "))]
    Several(Vec<String>),
    /// Not the JSON it should be.
    #[error("not the JSON that was expected: {0}")]
    Json(String),
}

impl FormatError {
    /// That nothing of the kind was there.
    pub(super) fn none_in(text: &str, expected: &'static str) -> Self {
        match text.lines().rev().find(|line| !line.trim().is_empty()) {
            None => Self::Empty,
            Some(line) => Self::NoTiming {
                expected,
                tail: super::excerpt(line),
            },
        }
    }
}
