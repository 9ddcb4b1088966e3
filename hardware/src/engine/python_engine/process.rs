//! A process that reads lines and prints lines.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::server::{End, Silence, Wire};
use crate::program::{Running, tail};

/// What a line may have, in bytes: the nodes of a large network take a hundredth.
const LONGEST_LINE: u64 = 64 << 20;
/// How much is kept of what is printed on standard error, in bytes.
const KEPT: usize = 16 << 10;
/// How long a process has to end by itself, once there is nothing to read for it.
const FAREWELL: Duration = Duration::from_secs(2);

/// A process, in a group of its own: ctrl-C on a terminal is not for it. It sees the end of its input when this is dropped, also when
/// our process dies, and is ended if that doesn't do.
pub(super) struct Process {
    /// Dropped before the process is waited for.
    input: Option<ChildStdin>,
    running: Running,
    lines: Receiver<String>,
    printed: Arc<Mutex<Vec<u8>>>,
    /// Closed when nothing more is printed.
    silent: Receiver<()>,
}

impl Process {
    /// Starts it.
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut running = Running::start(&mut command)?;
        let child = running.child();
        let no_pipe = || io::Error::other("it has no pipes");
        let input = child.stdin.take().ok_or_else(no_pipe)?;
        let output = child.stdout.take().ok_or_else(no_pipe)?;
        let error = child.stderr.take().ok_or_else(no_pipe)?;
        let (sender, lines) = mpsc::channel();
        thread::Builder::new().spawn(move || read_lines(output, &sender))?;
        let printed = Arc::new(Mutex::new(Vec::new()));
        let (is_open, silent) = mpsc::channel();
        let kept = Arc::clone(&printed);
        thread::Builder::new().spawn(move || keep_end(error, &kept, &is_open))?;
        Ok(Self {
            input: Some(input),
            running,
            lines,
            printed,
            silent,
        })
    }
}

impl Wire for Process {
    fn send(&mut self, line: &str) -> io::Result<()> {
        let input = self.input.as_mut();
        let input = input.ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?;
        input.write_all(line.as_bytes())?;
        input.flush()
    }

    fn receive(&mut self, timeout: Duration) -> Result<String, Silence> {
        self.lines
            .recv_timeout(timeout)
            .map_err(|silence| match silence {
                RecvTimeoutError::Timeout => Silence::TimedOut,
                RecvTimeoutError::Disconnected => Silence::Closed,
            })
    }

    fn end(mut self: Box<Self>, within: Duration) -> End {
        let status = self.running.end_within(within);
        self.running.end();
        // what it printed last is read by now, or in a moment
        let _ = self.silent.recv_timeout(FAREWELL);
        let printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        End {
            status: status.map(|status| status.to_string()),
            tail: tail(&String::from_utf8_lossy(&printed)),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.input = None;
        // ended with all it started where that takes too long
        self.running.end_within(FAREWELL);
    }
}

/// Hands on what comes, line by line, as long as somebody takes it.
fn read_lines(output: impl Read, lines: &Sender<String>) {
    let mut output = BufReader::new(output);
    loop {
        let mut line = Vec::new();
        let read = output
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line);
        let is_over = !matches!(read, Ok(bytes) if bytes > 0);
        let line = String::from_utf8_lossy(&line).into_owned();
        if is_over || lines.send(line).is_err() {
            return;
        }
    }
}

/// Keeps the end of what comes.
fn keep_end(mut error: impl Read, kept: &Mutex<Vec<u8>>, _is_open: &Sender<()>) {
    let mut part = [0; 4096];
    while let Ok(bytes @ 1..) = error.read(&mut part) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&part[..bytes]);
        let more = kept.len().saturating_sub(KEPT);
        kept.drain(..more);
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn script(text: &str) -> Box<Process> {
        let mut command = Command::new("sh");
        command.args(["-c", text]);
        Box::new(Process::start(command).unwrap())
    }

    #[test]
    fn lines_go_there_and_come_back() {
        let mut echo = script("while read -r line; do echo \"<$line>\"; done; echo over >&2");
        for line in ["a", "{\"b\": 1}"] {
            echo.send(&format!("{line}\n")).unwrap();
            let back = echo.receive(LONG).unwrap();
            assert_eq!(back, format!("<{line}>\n"));
        }
        // the end of its input is the end of it
        echo.input = None;
        assert_eq!(echo.receive(LONG), Err(Silence::Closed));
        let end = echo.end(LONG);
        assert_eq!(end.status.as_deref(), Some("exit status: 0"));
        assert_eq!(end.tail, "over");
    }

    #[test]
    fn one_that_dies_says_how() {
        let mut dying = script("echo one >&2; echo two >&2; kill -SEGV $$");
        assert_eq!(dying.receive(LONG), Err(Silence::Closed));
        let end = dying.end(LONG);
        let status = end.status.unwrap();
        assert!(status.starts_with("signal: 11"), "{status}");
        assert_eq!(end.tail, "one\ntwo");
    }

    #[test]
    fn one_that_hangs_is_ended_with_its_children() {
        let start = Instant::now();
        let mut hanging = script("echo waiting >&2; sleep 300 & echo $!; wait");
        let child = hanging.receive(LONG).unwrap();
        let silence = hanging.receive(Duration::from_millis(100));
        assert_eq!(silence, Err(Silence::TimedOut));
        let end = hanging.end(Duration::ZERO);
        assert_eq!(end.status, None);
        assert_eq!(end.tail, "waiting");
        let stat = format!("/proc/{}/stat", child.trim());
        let lives = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
        let is_gone = (0..100).any(|_| {
            thread::sleep(Duration::from_millis(20));
            !lives()
        });
        assert!(is_gone, "{child} lives");
        assert!(start.elapsed() < LONG);
    }

    #[test]
    fn only_the_end_of_what_is_printed_is_kept() {
        let mut chatty = script("yes 0123456789 | head -n 100000 >&2; echo last >&2; echo done");
        assert_eq!(chatty.receive(LONG).unwrap(), "done\n");
        assert_eq!(chatty.receive(LONG), Err(Silence::Closed));
        let printed = Arc::clone(&chatty.printed);
        let tail = chatty.end(LONG).tail;
        assert!(tail.ends_with("0123456789\nlast"), "{tail}");
        assert!(printed.lock().unwrap().len() <= KEPT);
    }

    #[test]
    fn ctrl_c_on_a_terminal_is_not_for_it() {
        // a group of its own
        let mut group = script("ps -o pgid= -p $$ 2>/dev/null || cut -d ' ' -f 5 /proc/$$/stat");
        let ours = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let ours = ours.split(' ').nth(4).unwrap_or_default().to_owned();
        let theirs = group.receive(LONG).unwrap();
        assert_ne!(theirs.trim(), ours);
    }
}
