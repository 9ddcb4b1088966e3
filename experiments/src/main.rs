//! The `roofnas` command.

/// Says something to whoever looks on. Nothing hangs on it: where nobody listens any more, work goes on.
macro_rules! note {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($words)*);
    }};
}

mod batch_progress;
mod cli;
mod commands;
mod measuring;
mod progress;
mod spinner;

use std::process::ExitCode;

use roofnas::{Error, exit};

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let done = match Cli::from_command_line().command {
        Command::Run(args) => commands::run(&args),
        Command::Init(args) => commands::init(&args),
        Command::Check(args) => commands::check(&args),
        Command::Predict(args) => commands::predict(&args),
        Command::Profile(args) => commands::profile(&args),
        Command::Calibrate(args) => commands::calibrate(&args),
        Command::Validate(args) => commands::validate(&args),
        Command::Rank(args) => commands::rank(&args),
        Command::Measure(args) => commands::measure(&args),
        Command::Verify(args) => commands::verify(&args),
        Command::Compare(args) => commands::compare(&args),
        Command::Probe(args) => commands::probe(&args),
        Command::Plan(args) => commands::plan(&args),
        Command::Platforms(args) => commands::platforms(&args),
        Command::Export(args) => commands::export(&args),
        Command::Report(args) => commands::report(&args),
        Command::Schema(args) => commands::schema(&args),
        Command::Completions(args) => commands::completions(&args),
        Command::Man(args) => commands::man(&args),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            note!("error: {error}");
            ExitCode::from(
                error
                    .downcast_ref::<Error>()
                    .map_or(exit::FAILED, Error::exit_code),
            )
        }
    }
}
