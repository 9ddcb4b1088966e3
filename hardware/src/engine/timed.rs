//! Timing runs one by one.

use crate::clock::Clock;

/// Does something `count` times and returns what each time took, in seconds.
///
/// The result of `run` is dropped outside the timed section, and can't be optimised away.
pub(super) fn timed<T, E>(
    count: usize,
    clock: &dyn Clock,
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
mod tests {
    use super::*;
    use crate::clock::fake::FakeClock;

    #[test]
    fn what_lies_between_two_readings_is_the_time_of_a_run() {
        let clock = FakeClock::default();
        let mut runs = 0;
        let run = || {
            runs += 1;
            clock.pass(2_000_000 * runs);
            Ok::<_, ()>(runs)
        };
        let seconds = timed(3, &clock, run).unwrap();
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
        assert_eq!(timed(9, &FakeClock::default(), run), Err("broken"));
        assert_eq!(left, 0);
    }
}
