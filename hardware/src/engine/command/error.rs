//! Why a command is of no use.

use std::path::PathBuf;

use thiserror::Error;

use crate::engine::FormatError;

/// A command that can't be run, or did not do its work.
#[derive(Debug, Error)]
pub enum CommandError {
    /// An argument with something in braces that is no placeholder.
    #[error(
        "{{{name}}} in the argument \"{argument}\" is not a placeholder; known are {known}, and {{{{ stands for {{"
    )]
    Placeholder {
        /// What stands in the braces.
        name: String,
        /// The argument.
        argument: String,
        /// The placeholders there are.
        known: String,
    },
    /// A shell that is told to interpret a path.
    #[error(
        "{program} would interpret the path put into \"{argument}\"; pass the path as an argument of its own: {program} -c 'program \"$1\"' {program} {{model}}"
    )]
    Shell {
        /// The shell.
        program: String,
        /// Its argument.
        argument: String,
    },
    /// A path that a shell on the other side would take apart.
    #[error(
        "{program} hands its arguments to a shell on the other side, which would take {} apart; use a path of letters, digits and . _ - / only", path.display()
    )]
    Path {
        /// The program.
        program: String,
        /// The path.
        path: PathBuf,
    },
    /// A program that can't be started.
    #[error("{program} can't be started: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A program that went on for too long, and was ended with all that it started.
    #[error("{program} was ended after {seconds} s, the time it is given{}", said(.tail))]
    TimedOut {
        /// The program.
        program: String,
        /// The time-out.
        seconds: f64,
        /// The last lines that it printed.
        tail: String,
    },
    /// A program that says that it failed.
    #[error("{program} failed ({status}){}", said(.tail))]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The last lines that it printed.
        tail: String,
    },
    /// A program that prints without end.
    #[error("{program} was ended because it printed more than {bytes} bytes")]
    TooMuchOutput {
        /// The program.
        program: String,
        /// The limit.
        bytes: u64,
    },
    /// Output that can't be used.
    #[error("{program}: {source}")]
    Output {
        /// The program.
        program: String,
        /// What is wrong with it.
        source: FormatError,
    },
    /// A file that the program should have written.
    #[error("{program} didn't write its results: {source}")]
    Results {
        /// The program.
        program: String,
        /// What happened when the file was read.
        source: std::io::Error,
    },
    /// The same again and again; the last of them is told.
    #[error("{last} (tried {tries} times)")]
    Tries {
        /// How often it was tried.
        tries: usize,
        /// What happened the last time.
        last: Box<CommandError>,
    },
}

impl CommandError {
    /// Whether another try may go better.
    pub(super) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::TimedOut { .. }
                | Self::Failed { .. }
                | Self::Output { .. }
                | Self::Results { .. }
        )
    }
}

fn said(tail: &str) -> String {
    match tail {
        "" => "; it printed nothing".to_owned(),
        tail => format!("; it printed: {tail}"),
    }
}
