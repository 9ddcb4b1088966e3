//! Arguments of the commands for editors, shells and manuals.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::Shell;
use roofnas::SchemaOf;

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// The kind of file
    #[arg(value_enum, value_name = "KIND", default_value_t = FileKind::Experiment)]
    pub(crate) kind: FileKind,
}

/// The kinds of files that people write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileKind {
    /// An experiment
    Experiment,
    /// A platform profile
    Platform,
    /// A search space in a file of its own
    Space,
}

impl From<FileKind> for SchemaOf {
    fn from(kind: FileKind) -> Self {
        match kind {
            FileKind::Experiment => Self::Experiment,
            FileKind::Platform => Self::Platform,
            FileKind::Space => Self::Space,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The command whose page is printed; that of roofnas itself where left out
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub(crate) command: Option<String>,
    /// Write every page to this folder instead: roofnas.1, roofnas-run.1 and so on
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
