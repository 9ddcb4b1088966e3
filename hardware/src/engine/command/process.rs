//! Running an engine's program.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{CommandError, CommandLine};
use crate::program::{ProgramEnd, ProgramOutput};

/// What a program printed.
#[derive(Debug)]
pub(super) struct Printed {
    pub(super) output: String,
    pub(super) error: String,
}

/// Runs a program. What it prints goes to files in `folder`.
pub(super) fn run(
    line: &CommandLine,
    arguments: &[OsString],
    folder: &Path,
    timeout: Duration,
) -> Result<Printed, CommandError> {
    let printed = ProgramOutput {
        output: folder.join("stdout"),
        error: folder.join("stderr"),
    };
    let mut command = Command::new(line.program());
    let ended = printed.of(command.args(arguments), timeout, &|| false);
    let ended = ended.map_err(|source| CommandError::Start {
        program: line.name(),
        source,
    })?;
    match ended {
        ProgramEnd::By(status) if status.success() => Ok(Printed {
            output: printed.output_text(),
            error: printed.error_text(),
        }),
        ProgramEnd::By(status) => Err(CommandError::Failed {
            program: line.name(),
            status,
            tail: printed.tail(),
        }),
        // nobody stops it but its time
        ProgramEnd::TimedOut | ProgramEnd::Stopped => Err(CommandError::TimedOut {
            program: line.name(),
            seconds: timeout.as_secs_f64(),
            tail: printed.tail(),
        }),
        ProgramEnd::TooMuchOutput => Err(CommandError::TooMuchOutput {
            program: line.name(),
            bytes: ProgramOutput::MOST,
        }),
    }
}
