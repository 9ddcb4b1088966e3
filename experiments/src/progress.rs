//! Progress on the terminal: a bar where somebody looks, plain lines where not.

use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use roofnas::{Generation, TrainingProgress, TrainingResult, Watcher};
use roofnas_search::ExactProgress;

/// Set by ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// Makes ctrl-C, a polite kill and a closed terminal stop work so that it can be resumed, with these words. A second one ends the process at once. Who
/// started it with `nohup` wants it to outlive the terminal, and so it does.
pub(crate) fn stop_on_signals(words: &'static str) -> anyhow::Result<()> {
    on_signals(move || {
        if STOP.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(roofnas::exit::INTERRUPTED));
        }
        note!("{words}");
    })
}

#[cfg(unix)]
fn on_signals(handle: impl Fn() + Send + 'static) -> anyhow::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let hangup = (!hangup_is_ignored()).then_some(SIGHUP);
    let mut signals =
        signal_hook::iterator::Signals::new([SIGINT, SIGTERM].into_iter().chain(hangup))?;
    std::thread::spawn(move || signals.forever().for_each(|_| handle()));
    Ok(())
}

#[cfg(not(unix))]
fn on_signals(handle: impl Fn() + Send + 'static) -> anyhow::Result<()> {
    Ok(ctrlc::set_handler(handle)?)
}

/// Whether this process was started to outlive its terminal. Only Linux says so without more ado.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // signals are counted from 1, and this is the first
    ignored.is_some_and(|mask| mask & 1 == 1)
}

/// Whether ctrl-C was pressed.
pub(crate) fn is_stopped() -> bool {
    STOP.load(Ordering::SeqCst)
}

/// How often a plain line is printed.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how a run goes.
pub(crate) struct Progress {
    name: String,
    total: u64,
    bar: Option<ProgressBar>,
    began: Instant,
    printed: Instant,
    at_start: Option<u64>,
}

impl Progress {
    /// For a run of this name and number of evaluations.
    pub(crate) fn new(name: &str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total);
            let style = "{prefix} {wide_bar} {human_pos}/{human_len}, {rate}, {msg}, ETA {eta}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                // the library's own rate has digits that nobody reads
                let rate = |state: &ProgressState, out: &mut dyn Write| {
                    let _ = write!(out, "{:.0}/s", state.per_sec());
                };
                bar.set_style(style.with_key("rate", rate));
            }
            bar.set_prefix(name.to_owned());
            bar
        });
        Self {
            name: name.to_owned(),
            total,
            bar,
            began: Instant::now(),
            printed: Instant::now(),
            at_start: None,
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Watcher for Progress {
    fn generation(&mut self, generation: &Generation, front: usize) {
        let done = generation.evaluations;
        let figure = |name: &str, figure: Option<f64>| {
            figure.map_or_else(String::new, |figure| format!(" {name} {figure:.3}"))
        };
        let best = figure("best", generation.best_quality);
        let volume = figure("hypervolume", generation.hypervolume);
        if let Some(bar) = &self.bar {
            if self.at_start.is_none() {
                bar.reset_eta();
            }
            bar.set_position(done);
            bar.set_message(format!("front {front}{best}{volume}"));
        }
        let start = *self.at_start.get_or_insert(done);
        if self.bar.is_none() && self.printed.elapsed() >= LINE_EVERY {
            self.printed = Instant::now();
            let rate = (done - start) as f64 / self.began.elapsed().as_secs_f64();
            let left = (self.total - done) as f64 / rate.max(1e-9);
            note!(
                "{}: {done}/{} networks, {rate:.0}/s, front {front}{best}{volume}, {left:.0} s left",
                self.name,
                self.total
            );
        }
    }

    fn proof(&mut self, progress: &ExactProgress) {
        if let Some(bar) = &self.bar {
            bar.set_message(match progress.planes {
                Some(planes) => format!("proving, pass {}: {planes} planes", progress.pass),
                None => format!(
                    "proving, pass {}, position {}: {} partial networks",
                    progress.pass, progress.position, progress.labels
                ),
            });
        }
    }

    fn training(&mut self, progress: &TrainingProgress<'_>) {
        let line = training_line(&self.name, progress);
        match &self.bar {
            Some(bar) => bar.println(line),
            None => note!("{line}"),
        }
    }

    fn wants_to_stop(&self) -> bool {
        is_stopped()
    }
}

/// One training of a run, in a line.
pub(crate) fn training_line(run: &str, progress: &TrainingProgress<'_>) -> String {
    let candidate = progress.candidate;
    let expected = candidate.forecast.map_or_else(String::new, |forecast| {
        format!(
            ", {:.2} expected ({:.2} to {:.2})",
            forecast.accuracy(),
            forecast.lower(),
            forecast.upper()
        )
    });
    let said = match progress.result {
        TrainingResult::Trained { measured, .. } => format!("{:.2} %", measured.accuracy),
        TrainingResult::Failed { reason } => format!("failed: {reason}"),
    };
    let known = if progress.was_known { " (known)" } else { "" };
    format!(
        "{run}: round {}, {}: {said}{expected}{known}",
        candidate.round, candidate.id
    )
}
