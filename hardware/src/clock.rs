//! Time, as a parameter: measuring code is handed its clock, so that a test can bring one of its own.

use std::thread;
use std::time::{Duration, Instant};

/// A monotonic clock.
pub trait Clock: Sync {
    /// Time since some fixed moment; never less than what an earlier call returned.
    fn now(&self) -> Duration;

    /// Lets this much time go by.
    fn wait(&self, time: Duration);
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
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn wait(&self, time: Duration) {
        thread::sleep(time);
    }
}

#[cfg(test)]
pub(crate) mod fake {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// A clock that goes on only when told to.
    #[derive(Debug, Default)]
    pub(crate) struct FakeClock(AtomicU64);

    impl FakeClock {
        pub(crate) fn pass(&self, nanoseconds: u64) {
            self.0.fetch_add(nanoseconds, Ordering::SeqCst);
        }
    }

    impl Clock for FakeClock {
        fn now(&self) -> Duration {
            Duration::from_nanos(self.0.load(Ordering::SeqCst))
        }

        fn wait(&self, time: Duration) {
            self.pass(time.as_nanos() as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_goes_forward() {
        let clock = SystemClock::new();
        let first = clock.now();
        clock.wait(Duration::from_millis(2));
        assert!(clock.now() - first >= Duration::from_millis(2));
    }
}
