//! Progress of a batch: one bar for all of it, and one for each run under way while those are few; plain lines where nobody looks on.

use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use roofnas::{Generation, TrainingProgress, Watcher};
use roofnas_search::ExactProgress;

use crate::progress::{is_stopped, training_line};

/// How often a plain line is printed.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Runs under way up to which each has a bar of its own.
const MOST_BARS: usize = 8;
/// Steps of the batch's bar for each run.
const STEPS: f64 = 1000.0;

/// How a run of a batch ended, as far as counts go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndedAs {
    /// It found networks, or found that there are none.
    Done,
    /// It was done before this command began.
    DoneBefore,
    /// It failed.
    Failed,
    /// It was interrupted.
    Interrupted,
}

/// Shows how a batch goes.
pub(crate) struct BatchProgress {
    name: String,
    bars: Option<Bars>,
    began: Instant,
    state: Mutex<State>,
}

struct Bars {
    all: MultiProgress,
    batch: ProgressBar,
    each: bool,
}

struct State {
    /// What is done of each run, from 0 to 1.
    shares: Vec<f64>,
    /// What of them was done before this command began.
    before: f64,
    /// Networks evaluated by this command.
    networks: u64,
    done: usize,
    failed: usize,
    printed: Instant,
}

impl State {
    /// What is done of all runs, and what is left of them in seconds.
    fn estimate(&self, elapsed: Duration) -> (f64, Option<f64>) {
        let total: f64 = self.shares.iter().sum();
        let here = total - self.before;
        let left = self.shares.len() as f64 - total;
        let seconds = (here > 0.0).then(|| elapsed.as_secs_f64() * left / here);
        (total, seconds)
    }
}

impl BatchProgress {
    /// For so many runs of a batch of this name, so many at a time.
    pub(crate) fn new(name: &str, runs: usize, at_a_time: usize) -> Self {
        let bars = std::io::stderr().is_terminal().then(|| {
            let all = MultiProgress::new();
            let batch = ProgressBar::new((STEPS * runs as f64) as u64);
            if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {msg}") {
                batch.set_style(style);
            }
            batch.set_prefix(name.to_owned());
            Bars {
                batch: all.add(batch),
                all,
                each: at_a_time <= MOST_BARS,
            }
        });
        Self {
            name: name.to_owned(),
            bars,
            began: Instant::now(),
            state: Mutex::new(State {
                shares: vec![0.0; runs],
                before: 0.0,
                networks: 0,
                done: 0,
                failed: 0,
                printed: Instant::now(),
            }),
        }
    }

    /// Somebody who looks on while one of the runs goes on.
    pub(crate) fn watch(
        &self,
        run: usize,
        label: &str,
        evaluations: u64,
        is_resumed: bool,
    ) -> RunWatcher<'_> {
        let bars = self.bars.as_ref().filter(|bars| bars.each);
        let bar = bars.map(|bars| {
            let bar = ProgressBar::new(evaluations);
            let style = "  {prefix} {bar:30} {human_pos}/{human_len} {msg}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            bar.set_prefix(label.to_owned());
            bars.all.insert_before(&bars.batch, bar)
        });
        RunWatcher {
            batch: self,
            run,
            label: label.to_owned(),
            evaluations,
            is_resumed,
            seen: None,
            bar,
        }
    }

    /// Prints a line above the bars.
    pub(crate) fn say(&self, line: &str) {
        match &self.bars {
            Some(bars) => bars.all.suspend(|| note!("{line}")),
            None => note!("{line}"),
        }
    }

    /// One of the runs has ended.
    pub(crate) fn ended(&self, run: usize, how: EndedAs) {
        let mut state = self.state();
        if how == EndedAs::Interrupted {
            return;
        }
        if how == EndedAs::DoneBefore {
            state.before += 1.0 - state.shares[run];
        }
        state.shares[run] = 1.0;
        state.done += 1;
        state.failed += usize::from(how == EndedAs::Failed);
        self.show(&mut state);
    }

    /// Takes the bars away.
    pub(crate) fn finish(&self) {
        if let Some(bars) = &self.bars {
            bars.batch.finish_and_clear();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, state: &mut State) {
        let elapsed = self.began.elapsed();
        let (total, left) = state.estimate(elapsed);
        let said = || {
            let failed = match state.failed {
                0 => String::new(),
                failed => format!(" ({failed} failed)"),
            };
            let rate = state.networks as f64 / elapsed.as_secs_f64().max(1e-9);
            let left = left.map_or_else(String::new, |left| format!(", {left:.0} s left"));
            format!(
                "{} of {} runs done{failed}, {rate:.0} networks/s{left}",
                state.done,
                state.shares.len()
            )
        };
        match &self.bars {
            Some(bars) => {
                bars.batch.set_position((STEPS * total) as u64);
                bars.batch.set_message(said());
            }
            None if state.printed.elapsed() >= LINE_EVERY => {
                note!("{}: {}", self.name, said());
                state.printed = Instant::now();
            }
            None => {}
        }
    }
}

/// Shows how one run of a batch goes.
pub(crate) struct RunWatcher<'a> {
    batch: &'a BatchProgress,
    run: usize,
    label: String,
    evaluations: u64,
    /// Whether an earlier command may have begun it.
    is_resumed: bool,
    /// Evaluations that the batch knows of.
    seen: Option<u64>,
    bar: Option<ProgressBar>,
}

impl RunWatcher<'_> {
    /// So much of the run is done, a share from 0 to 1, with so many networks evaluated.
    fn reached(&mut self, share: f64, evaluations: u64) {
        let mut state = self.batch.state();
        match self.seen {
            // a run that was interrupted before comes with what it had
            None if self.is_resumed => state.before += share,
            seen => state.networks += evaluations.saturating_sub(seen.unwrap_or(0)),
        }
        self.seen = Some(evaluations);
        // the run ends with more than its last generation
        state.shares[self.run] = share.min(1.0) * 0.99;
        self.batch.show(&mut state);
    }
}

impl Watcher for RunWatcher<'_> {
    fn generation(&mut self, generation: &Generation, front: usize) {
        let done = generation.evaluations;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            let best = generation.best_quality;
            let best = best.map_or_else(String::new, |best| format!(", best {best:.3}"));
            bar.set_message(format!("front {front}{best}"));
        }
        self.reached(done as f64 / self.evaluations.max(1) as f64, done);
    }

    fn proof(&mut self, progress: &ExactProgress) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!(
                "proving, pass {}, position {}",
                progress.pass, progress.position
            ));
        }
    }

    fn training(&mut self, progress: &TrainingProgress<'_>) {
        self.batch.say(&training_line(&self.label, progress));
    }

    fn wants_to_stop(&self) -> bool {
        is_stopped()
    }
}

impl Drop for RunWatcher<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_before_does_not_hasten_the_estimate() {
        let mut state = State {
            shares: vec![1.0, 1.0, 0.5, 0.0],
            before: 2.0,
            networks: 0,
            done: 2,
            failed: 0,
            printed: Instant::now(),
        };
        let (total, left) = state.estimate(Duration::from_secs(10));
        assert_eq!((total, left), (2.5, Some(30.0)));
        state.before = 2.5;
        assert_eq!(state.estimate(Duration::from_secs(10)).1, None);
    }
}
