//! Running a program to its end, or to the end of its time.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{CommandError, CommandLine};

/// What a program may print, in bytes.
const MOST_OUTPUT: u64 = 64 << 20;
/// The longest pause between two looks at a program that runs.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// How many of its last lines a message shows.
const LINES_SHOWN: usize = 5;

/// What a program printed.
#[derive(Debug)]
pub(super) struct Printed {
    pub(super) output: String,
    pub(super) error: String,
}

/// Runs a program.
///
/// What it prints goes to files in `folder` rather than through pipes: a daemon that it leaves behind can hold them open as long as
/// it likes.
pub(super) fn run(
    line: &CommandLine,
    arguments: &[OsString],
    folder: &Path,
    timeout: Duration,
) -> Result<Printed, CommandError> {
    let files = [folder.join("stdout"), folder.join("stderr")];
    let started = start(line, arguments, &files);
    let running = started.map_err(|source| CommandError::Start {
        program: line.name(),
        source,
    })?;
    let ended = running.wait(timeout, &files);
    let [output, error] = files.map(|file| read(&file));
    let printed = Printed { output, error };
    match ended {
        Ended::By(status) if status.success() => Ok(printed),
        Ended::By(status) => Err(CommandError::Failed {
            program: line.name(),
            status,
            tail: printed.tail(),
        }),
        Ended::TimedOut => Err(CommandError::TimedOut {
            program: line.name(),
            seconds: timeout.as_secs_f64(),
            tail: printed.tail(),
        }),
        Ended::TooMuchOutput => Err(CommandError::TooMuchOutput {
            program: line.name(),
            bytes: MOST_OUTPUT,
        }),
    }
}

impl Printed {
    /// The last lines, of standard error where there are any.
    fn tail(&self) -> String {
        let text = if self.error.trim().is_empty() {
            &self.output
        } else {
            &self.error
        };
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
    }
}

fn start(line: &CommandLine, arguments: &[OsString], files: &[PathBuf; 2]) -> io::Result<Running> {
    let mut command = Command::new(line.program());
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(File::create(&files[0])?)
        .stderr(File::create(&files[1])?);
    // a group of its own, so that all of it can be ended
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    Ok(Running(command.spawn()?))
}

/// Text that a program printed, as far as it is read; what isn't UTF-8 is replaced.
fn read(file: &Path) -> String {
    let mut bytes = Vec::new();
    // what can't be read is as good as not printed
    if let Ok(file) = File::open(file) {
        let _ = file.take(MOST_OUTPUT).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

enum Ended {
    By(ExitStatus),
    TimedOut,
    TooMuchOutput,
}

/// A program that runs. It is ended with all that it started when this is dropped before its end.
struct Running(Child);

impl Running {
    fn wait(mut self, timeout: Duration, files: &[PathBuf; 2]) -> Ended {
        let start = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            // an error means that it can't be waited for: it is ended like one that takes too long
            match self.0.try_wait() {
                Ok(Some(status)) => return Ended::By(status),
                Ok(None) if start.elapsed() < timeout => {}
                _ => return Ended::TimedOut,
            }
            let length = |file: &PathBuf| fs::metadata(file).map_or(0, |file| file.len());
            if files.iter().map(length).sum::<u64>() > MOST_OUTPUT {
                return Ended::TooMuchOutput;
            }
            thread::sleep(pause.min(timeout.saturating_sub(start.elapsed())));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // once it has been waited for, its number may be another's
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process_group};
            let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
