//! Time, as a parameter.

use std::time::{Duration, Instant};

/// A monotonic clock. Measuring code takes it as a parameter, so that a test can bring one of its own.
pub trait Clock {
    /// Time since some fixed moment; never less than what an earlier call returned.
    fn now(&mut self) -> Duration;
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock that starts at 0.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&mut self) -> Duration {
        self.start.elapsed()
    }
}

/// Does something `count` times and returns what each time took, in seconds.
///
/// The result of `run` is dropped outside the timed section, and can't be optimised away.
pub(super) fn timed<T, E>(
    count: usize,
    clock: &mut dyn Clock,
    mut run: impl FnMut() -> Result<T, E>,
) -> Result<Vec<f64>, E> {
    let mut seconds = Vec::with_capacity(count);
    for _ in 0..count {
        let start = clock.now();
        let result = std::hint::black_box(run());
        let end = clock.now();
        result?;
        seconds.push(end.saturating_sub(start).as_secs_f64());
    }
    Ok(seconds)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Goes on by a step more at every reading: 1, 3, 6, 10 milliseconds.
    #[derive(Default)]
    pub(crate) struct FakeClock {
        readings: u32,
        now: Duration,
    }

    impl Clock for FakeClock {
        fn now(&mut self) -> Duration {
            self.readings += 1;
            self.now += Duration::from_millis(u64::from(self.readings));
            self.now
        }
    }

    #[test]
    fn what_lies_between_two_readings_is_the_time_of_a_run() {
        let mut runs = 0;
        let run = || {
            runs += 1;
            Ok::<_, ()>(runs)
        };
        let seconds = timed(3, &mut FakeClock::default(), run).unwrap();
        assert_eq!(seconds, [0.002, 0.004, 0.006]);
        assert_eq!(runs, 3);
    }

    #[test]
    fn the_first_failure_ends_it() {
        let mut left = 2;
        let run = || {
            left -= 1;
            if left == 0 { Err("broken") } else { Ok(()) }
        };
        assert_eq!(timed(9, &mut FakeClock::default(), run), Err("broken"));
        assert_eq!(left, 0);
    }

    #[test]
    fn the_system_clock_goes_forward() {
        let mut clock = SystemClock::new();
        let first = clock.now();
        std::thread::sleep(Duration::from_millis(2));
        assert!(clock.now() - first >= Duration::from_millis(2));
    }
}
