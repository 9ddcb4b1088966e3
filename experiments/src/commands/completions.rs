//! `roofnas completions`.

use clap::CommandFactory;
use roofnas::exit;

use super::output::print;
use crate::cli::{Cli, CompletionsArgs};

/// Prints what a shell needs to complete the command line.
pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "roofnas", &mut script);
    print(&String::from_utf8(script)?)?;
    Ok(exit::DONE)
}
