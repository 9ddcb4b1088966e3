//! Work that can't say how far it is: a spinner where somebody looks, plain lines where not.

use std::io::IsTerminal;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a plain line is printed.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Does work, and shows meanwhile what is being done and for how long.
pub(crate) fn spin<T>(what: &str, work: impl FnOnce() -> T) -> T {
    if std::io::stderr().is_terminal() {
        let spinner = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {elapsed}") {
            spinner.set_style(style);
        }
        spinner.set_message(what.to_owned());
        spinner.enable_steady_tick(Duration::from_millis(100));
        let result = work();
        spinner.finish_and_clear();
        return result;
    }
    note!("{what}");
    let began = Instant::now();
    thread::scope(|scope| {
        let (done, waiting) = channel::<()>();
        scope.spawn(move || {
            while waiting.recv_timeout(LINE_EVERY) == Err(RecvTimeoutError::Timeout) {
                note!("still at it after {:.0} s", began.elapsed().as_secs_f64());
            }
        });
        let result = work();
        drop(done);
        result
    })
}
