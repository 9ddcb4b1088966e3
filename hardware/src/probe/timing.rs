//! Repeating work until its time is known.
//!
//! What disturbs a measurement only makes it longer, so the shortest repetition is nearest to what the machine can do, and how much longer a typical one took says how
//! far to trust it.

use std::time::Duration;

use crate::clock::Clock;

/// How long to measure one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// Time for all of it, finding out how many passes to make included.
    pub(super) budget: Duration,
    /// How long a repetition lasts at least, as far as its passes can be counted beforehand.
    pub(super) repetition: Duration,
}

/// Repetitions there are at least, whatever the budget, and at most, whatever the clock.
const LEAST: usize = 4;
const MOST: usize = 10_000;

/// How long some work took, again and again.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Timing {
    passes: u64,
    /// Seconds of each repetition, in ascending order.
    seconds: Vec<f64>,
}

impl Timing {
    /// Repeats `run`, which makes as many passes as it is told and returns how long they took, until the budget is spent: by the clock, so waiting for a busy
    /// machine counts too.
    ///
    /// The passes of a repetition are found by trying: more and more of them until they last long enough.
    pub(super) fn take<E>(
        pace: Pace,
        clock: &dyn Clock,
        mut run: impl FnMut(u64) -> Result<Duration, E>,
    ) -> Result<Self, E> {
        let began = clock.now();
        let mut passes = 1;
        // what is too short after sixty tries takes no time at all
        for _ in 0..60 {
            let took = run(passes)?;
            // a try that comes near is good for an estimate
            if 4 * took >= pace.repetition {
                passes = scaled(passes, pace.repetition, took);
                break;
            }
            passes = scaled(passes, pace.repetition, took).min(passes.saturating_mul(8));
        }
        let goes_on = || clock.now().saturating_sub(began) + pace.repetition / 2 < pace.budget;
        let mut seconds = Vec::new();
        while seconds.len() < LEAST || (seconds.len() < MOST && goes_on()) {
            seconds.push(run(passes)?.as_secs_f64());
        }
        seconds.sort_by(f64::total_cmp);
        Ok(Self { passes, seconds })
    }

    /// Work done per second in the best repetition, for this much work in a pass; in units of that work.
    pub(super) fn best_rate(&self, work_per_pass: f64) -> f64 {
        self.rate(self.seconds[0], work_per_pass)
    }

    /// The same in the median repetition.
    pub(super) fn median_rate(&self, work_per_pass: f64) -> f64 {
        self.rate(median(&self.seconds), work_per_pass)
    }

    /// How much longer the median repetition took than the best, as a fraction of the best.
    pub(super) fn spread(&self) -> f64 {
        median(&self.seconds) / self.seconds[0].max(f64::MIN_POSITIVE) - 1.0
    }

    fn rate(&self, seconds: f64, work_per_pass: f64) -> f64 {
        self.passes as f64 * work_per_pass / seconds.max(f64::MIN_POSITIVE)
    }
}

/// Passes that last `wanted` when `passes` took `took`: at least one, at most twice as many where nothing was to be seen.
fn scaled(passes: u64, wanted: Duration, took: Duration) -> u64 {
    if took.is_zero() {
        return passes.saturating_mul(2);
    }
    let scaled = passes as f64 * wanted.as_secs_f64() / took.as_secs_f64();
    // a float turned into an integer saturates
    (scaled.ceil() as u64).max(1)
}

/// The middle of values in ascending order, the lower of two; 0 of none.
pub(super) fn median(ascending: &[f64]) -> f64 {
    let middle = ascending.len().saturating_sub(1) / 2;
    ascending.get(middle).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::clock::fake::FakeClock;

    const PACE: Pace = Pace {
        budget: Duration::from_millis(100),
        repetition: Duration::from_millis(10),
    };

    /// Takes timings of a machine that needs so many nanoseconds for the passes of each call.
    fn take(pace: Pace, mut nanoseconds: impl FnMut(usize, u64) -> u64) -> (Timing, Vec<u64>) {
        let clock = FakeClock::default();
        let mut calls = Vec::new();
        let timing = Timing::take(pace, &clock, |passes| {
            calls.push(passes);
            let took = nanoseconds(calls.len(), passes);
            clock.pass(took);
            Ok::<_, Infallible>(Duration::from_nanos(took))
        });
        (timing.unwrap_or_else(|never| match never {}), calls)
    }

    #[test]
    fn repetitions_fill_the_budget() {
        // 1 us a pass: 1, 8, ... passes until a quarter of 10 ms, then 10,000 at a time
        let (timing, calls) = take(PACE, |_, passes| 1000 * passes);
        assert_eq!(calls[..6], [1, 8, 64, 512, 4096, 10_000]);
        assert_eq!(timing.passes, 10_000);
        // 4.7 ms were spent on finding out
        assert_eq!(timing.seconds.len(), 10);
        assert_eq!(timing.best_rate(24.0), 24e6);
        assert_eq!(timing.spread(), 0.0);
    }

    #[test]
    fn the_best_counts_and_the_median_tells_of_disturbance() {
        // every third repetition is left in peace
        let (timing, _) = take(PACE, |call, passes| match call % 3 {
            0 => 1000 * passes,
            _ => 1500 * passes,
        });
        assert_eq!(timing.best_rate(1.0), 1e6);
        assert!((timing.median_rate(1.0) - 1e6 / 1.5).abs() < 1e-3);
        assert!((timing.spread() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn slow_work_is_repeated_nonetheless() {
        // one pass takes longer than the whole budget
        let (timing, calls) = take(PACE, |_, passes| 300_000_000 * passes);
        assert_eq!(calls, [1; 1 + LEAST]);
        assert_eq!(timing.seconds.len(), LEAST);
    }

    /// Others are at work: a repetition of 10 ms is over only after 40.
    #[test]
    fn waiting_counts_against_the_budget() {
        let clock = FakeClock::default();
        let timing = Timing::take(PACE, &clock, |_| {
            clock.pass(40_000_000);
            Ok::<_, Infallible>(Duration::from_millis(10))
        });
        let timing = timing.unwrap_or_else(|never| match never {});
        assert_eq!(timing.seconds, [0.01; LEAST]);
    }

    #[test]
    fn a_clock_that_stands_still_ends_too() {
        let (timing, calls) = take(PACE, |_, _| 0);
        assert_eq!(calls.len(), 60 + MOST);
        assert_eq!(timing.spread(), -1.0);
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3.0]), 3.0);
        assert_eq!(median(&[1.0, 2.0, 3.0, 4.0]), 2.0);
    }
}
