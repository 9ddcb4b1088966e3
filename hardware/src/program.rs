//! Running a program to its end, to the end of its time, or until it is told to stop.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The longest pause between two looks at a program that runs.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// How many of its last lines a message shows.
const LINES_SHOWN: usize = 5;
/// How many of the last characters of a line.
const CHARACTERS_SHOWN: usize = 200;

/// Where the output of a program goes: to files rather than through pipes, which a daemon that it leaves behind can hold open as long as
/// it likes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramOutput {
    /// The file of its standard output.
    pub output: PathBuf,
    /// The file of its standard error.
    pub error: PathBuf,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramEnd {
    /// By itself, or by somebody else's signal.
    By(ExitStatus),
    /// It went on for too long.
    TimedOut,
    /// It printed too much.
    TooMuchOutput,
    /// It was told to.
    Stopped,
}

impl ProgramOutput {
    /// What a program may print, in bytes.
    pub const MOST: u64 = 64 << 20;

    /// Starts a program that reads nothing, and waits for its end. Where that does not come by itself, the program is ended with all that
    /// it has started (on Unix; elsewhere the program alone).
    ///
    /// # Errors
    /// When the files can't be made or the program can't be started.
    pub fn of(
        &self,
        command: &mut Command,
        timeout: Duration,
        is_stopped: &dyn Fn() -> bool,
    ) -> io::Result<ProgramEnd> {
        command
            .stdin(Stdio::null())
            .stdout(fresh(&self.output)?)
            .stderr(fresh(&self.error)?);
        Ok(Running::start(command)?.wait(self, timeout, is_stopped))
    }

    /// The text of the standard output, as far as it is read; what isn't UTF-8 is replaced.
    pub fn output_text(&self) -> String {
        read(&self.output)
    }

    /// The text of the standard error.
    pub fn error_text(&self) -> String {
        read(&self.error)
    }

    /// The last lines, of standard error where there are any.
    pub fn tail(&self) -> String {
        let error = self.error_text();
        let text = if error.trim().is_empty() {
            self.output_text()
        } else {
            error
        };
        tail(&text)
    }

    fn bytes(&self) -> u64 {
        let length = |file: &PathBuf| fs::metadata(file).map_or(0, |file| file.len());
        length(&self.output) + length(&self.error)
    }
}

/// The last lines of what a program printed, none of them too long.
pub(crate) fn tail(text: &str) -> String {
    // a progress bar draws over itself, in one line for all others
    let lines = text.split(['\n', '\r']).map(str::trim_end);
    let lines: Vec<&str> = lines.filter(|line| !line.trim().is_empty()).collect();
    let shown = lines[lines.len().saturating_sub(LINES_SHOWN)..].iter();
    let ends = shown.map(|line| {
        let more = line.chars().count().saturating_sub(CHARACTERS_SHOWN);
        line.chars().skip(more).collect::<String>()
    });
    ends.collect::<Vec<_>>().join("\n")
}

/// An empty file that nobody else writes to: one that a process left behind may still have open loses its name.
fn fresh(file: &Path) -> io::Result<File> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::create_new(file)
}

fn read(file: &Path) -> String {
    let mut bytes = Vec::new();
    // what can't be read is as good as not printed
    if let Ok(file) = File::open(file) {
        let _ = file.take(ProgramOutput::MOST).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A program that runs. It is ended with all that it started when this is dropped before its end.
pub(crate) struct Running(Child);

impl Running {
    /// Starts a program in a group of its own, so that all of it can be ended.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        Ok(Self(command.spawn()?))
    }

    /// The program, for its pipes.
    pub(crate) const fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// How it ended by itself, if it does within this time.
    pub(crate) fn end_within(&mut self, time: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            self.end_group_of_failed();
            match self.0.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if start.elapsed() < time => {}
                _ => return None,
            }
            thread::sleep(pause.min(time.saturating_sub(start.elapsed())));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Ends it with all that it has started, if it hasn't ended.
    pub(crate) fn end(&mut self) {
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

    fn wait(
        mut self,
        printed: &ProgramOutput,
        timeout: Duration,
        is_stopped: &dyn Fn() -> bool,
    ) -> ProgramEnd {
        let start = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            // an error means that it can't be waited for: it is ended like one that takes too long
            self.end_group_of_failed();
            match self.0.try_wait() {
                Ok(Some(status)) => return ProgramEnd::By(status),
                Ok(None) if start.elapsed() < timeout => {}
                _ => return ProgramEnd::TimedOut,
            }
            if is_stopped() {
                return ProgramEnd::Stopped;
            }
            if printed.bytes() > ProgramOutput::MOST {
                return ProgramEnd::TooMuchOutput;
            }
            thread::sleep(pause.min(timeout.saturating_sub(start.elapsed())));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Running {
    /// Where the program has failed, or was ended by somebody, ends what it has started: that would go on beside the next try. As long as the program was not
    /// waited for, its number can't be another's.
    fn end_group_of_failed(&self) {
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
            let program = Pid::from_child(&self.0);
            let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
            if let Ok(Some(status)) = waitid(WaitId::Pid(program), look)
                && status.exit_status() != Some(0)
            {
                let _ = kill_process_group(program, Signal::KILL);
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
