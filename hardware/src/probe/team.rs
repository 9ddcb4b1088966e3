//! Threads that start together, each on a CPU of its own, and are timed as one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::ProbeError;
use super::affinity::pin_to;
use crate::clock::Clock;

/// Where the threads of a team run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seats {
    /// One thread on each of these CPUs.
    Pinned(Vec<usize>),
    /// As many threads, wherever the system puts them.
    Free(usize),
}

impl Seats {
    /// How many threads.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Pinned(cpus) => cpus.len(),
            Self::Free(count) => *count,
        }
    }

    fn cpu(&self, seat: usize) -> Option<usize> {
        match self {
            Self::Pinned(cpus) => cpus.get(seat).copied(),
            Self::Free(_) => None,
        }
    }
}

/// When a thread began and ended.
type Interval = (Duration, Duration);

/// Threads waiting for work of kind `J`.
pub(super) struct Team<J> {
    orders: Vec<Sender<(J, u64)>>,
    finished: Receiver<Interval>,
}

impl<J: Copy + Send> Team<J> {
    /// Every thread does this job so many times; returns the time from the first beginning to the last end.
    pub(super) fn run(&self, job: J, passes: u64) -> Result<Duration, ProbeError> {
        for order in &self.orders {
            order
                .send((job, passes))
                .map_err(|_| ProbeError::ThreadLost)?;
        }
        let (mut first, mut last) = (Duration::MAX, Duration::ZERO);
        for _ in &self.orders {
            let (began, ended) = self.finished.recv().map_err(|_| ProbeError::ThreadLost)?;
            first = first.min(began);
            last = last.max(ended);
        }
        Ok(last.saturating_sub(first))
    }
}

/// Starts a thread on each seat, lets each `prepare` (what it allocates and touches is then near its CPU), and hands the team to `lead`.
///
/// # Errors
/// When a thread can't be started, can't prepare, or `lead` fails.
pub(super) fn with_team<J, W, T>(
    seats: &Seats,
    clock: &dyn Clock,
    prepare: impl Fn() -> Result<W, ProbeError> + Sync,
    lead: impl FnOnce(&Team<J>) -> Result<T, ProbeError>,
) -> Result<T, ProbeError>
where
    J: Copy + Send,
    W: FnMut(J, u64),
{
    let gate = Gate::new(seats.count());
    thread::scope(|scope| {
        let (done, finished) = channel();
        let (ready, prepared) = channel();
        let mut orders = Vec::new();
        for seat in 0..seats.count() {
            let (order, received) = channel();
            let (done, ready) = (done.clone(), ready.clone());
            let (gate, prepare) = (&gate, &prepare);
            let body = move || {
                let work = pinned(seats.cpu(seat)).and_then(|()| prepare());
                match work {
                    Ok(work) => {
                        if ready.send(Ok(())).is_ok() {
                            serve(work, &received, &done, gate, clock);
                        }
                    }
                    // nobody listens any more where another thread has failed before
                    Err(error) => drop(ready.send(Err(error))),
                }
            };
            let started = thread::Builder::new().spawn_scoped(scope, body);
            started.map_err(ProbeError::Thread)?;
            orders.push(order);
        }
        drop((done, ready));
        for _ in 0..seats.count() {
            prepared.recv().map_err(|_| ProbeError::ThreadLost)??;
        }
        lead(&Team { orders, finished })
    })
}

fn pinned(cpu: Option<usize>) -> Result<(), ProbeError> {
    cpu.map_or(Ok(()), |cpu| {
        pin_to(cpu).map_err(|source| ProbeError::Pin { cpu, source })
    })
}

/// Does what is ordered until no more orders can come.
fn serve<J>(
    mut work: impl FnMut(J, u64),
    orders: &Receiver<(J, u64)>,
    done: &Sender<Interval>,
    gate: &Gate,
    clock: &dyn Clock,
) {
    while let Ok((job, passes)) = orders.recv() {
        gate.wait();
        let began = clock.now();
        work(job, passes);
        if done.send((began, clock.now())).is_err() {
            return;
        }
    }
}

/// Lets threads through only when all have arrived; once for each order, again and again.
///
/// They wait awake: being woken up takes tens of microseconds that would count as work. Where there are more threads than CPUs, they make room after a while.
struct Gate {
    threads: usize,
    arrived: AtomicUsize,
}

impl Gate {
    fn new(threads: usize) -> Self {
        Self {
            threads: threads.max(1),
            arrived: AtomicUsize::new(0),
        }
    }

    fn wait(&self) {
        let place = self.arrived.fetch_add(1, Ordering::AcqRel);
        let all = (place / self.threads + 1) * self.threads;
        let mut turns = 0_u32;
        while self.arrived.load(Ordering::Acquire) < all {
            turns += 1;
            if turns < 10_000 {
                std::hint::spin_loop();
            } else {
                turns = 0;
                thread::yield_now();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::fake::FakeClock;

    #[test]
    fn the_team_takes_as_long_as_its_work() {
        let clock = FakeClock::default();
        let prepare = || Ok(|nanoseconds: u64, passes: u64| clock.pass(nanoseconds * passes));
        let took = with_team(&Seats::Free(1), &clock, prepare, |team| {
            Ok([team.run(7, 1)?, team.run(5, 3)?])
        });
        assert_eq!(
            took.unwrap(),
            [Duration::from_nanos(7), Duration::from_nanos(15)]
        );
    }

    /// Three threads add to one clock: whoever begins first sees all of it pass.
    #[test]
    fn time_runs_from_the_first_beginning_to_the_last_end() {
        let clock = FakeClock::default();
        let prepare = || Ok(|(), passes: u64| clock.pass(10 * passes));
        let took = with_team(&Seats::Free(3), &clock, prepare, |team| team.run((), 2));
        let took = took.unwrap();
        assert!(took >= Duration::from_nanos(20) && took <= Duration::from_nanos(60));
        assert_eq!(clock.now(), Duration::from_nanos(60));
    }

    #[test]
    fn a_thread_that_can_t_prepare_ends_it() {
        let clock = FakeClock::default();
        let prepare = || Err::<fn((), u64), _>(ProbeError::Memory { bytes: 42 });
        let outcome = with_team(&Seats::Free(2), &clock, prepare, |team| team.run((), 1));
        assert!(matches!(outcome, Err(ProbeError::Memory { bytes: 42 })));
    }

    #[test]
    fn a_leader_that_fails_ends_it() {
        let clock = FakeClock::default();
        let prepare = || Ok(|(), _: u64| ());
        let outcome: Result<(), _> = with_team(&Seats::Free(2), &clock, prepare, |_| {
            Err(ProbeError::ThreadLost)
        });
        assert!(matches!(outcome, Err(ProbeError::ThreadLost)));
    }
}
