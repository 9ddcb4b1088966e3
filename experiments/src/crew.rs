//! Several pieces of work at a time, on a fixed number of threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use rayon::ThreadPool;

use crate::error::Error;

/// Workers with threads of their own: as many pieces of work go on at a time as there are workers, and no thread works for two of them.
#[derive(Debug)]
pub struct Crew {
    /// Each worker's threads.
    pools: Vec<ThreadPool>,
}

impl Crew {
    /// Up to `workers` workers (one at least) that share so many threads; never more workers than threads.
    ///
    /// # Errors
    /// When the threads can't be started.
    pub fn new(workers: usize, threads: usize) -> Result<Self, Error> {
        let pools = shares(workers, threads).map(|share| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(share);
            pool.build().map_err(Error::from)
        });
        Ok(Self {
            pools: pools.collect::<Result<_, _>>()?,
        })
    }

    /// Pieces of work that go on at a time.
    pub fn workers(&self) -> usize {
        self.pools.len()
    }

    /// Does `count` pieces of work, begun in their order for as long as `goes_on`; `done` is told on the caller's thread of each that is done, in the
    /// order in which they end.
    pub fn work<R: Send>(
        &self,
        count: usize,
        goes_on: impl Fn() -> bool + Sync,
        work: impl Fn(usize) -> R + Sync,
        mut done: impl FnMut(usize, R),
    ) {
        let next = AtomicUsize::new(0);
        let (results, ended) = channel();
        thread::scope(|scope| {
            for pool in &self.pools {
                let (results, next, goes_on, work) = (results.clone(), &next, &goes_on, &work);
                scope.spawn(move || {
                    while goes_on() {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= count {
                            break;
                        }
                        let result = pool.install(|| work(index));
                        if results.send((index, result)).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(results);
            for (index, result) in ended {
                done(index, result);
            }
        });
    }
}

/// Threads for each worker: as equal as can be, at least one each.
fn shares(workers: usize, threads: usize) -> impl Iterator<Item = usize> {
    let threads = threads.max(1);
    let workers = workers.clamp(1, threads);
    (0..workers).map(move |worker| threads / workers + usize::from(worker < threads % workers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    #[test]
    fn threads_are_shared_out() {
        let of = |workers, threads| shares(workers, threads).collect::<Vec<_>>();
        assert_eq!(of(3, 8), [3, 3, 2]);
        assert_eq!(of(50, 2), [1, 1]);
        assert_eq!(of(1, 4), [4]);
        assert_eq!(of(0, 0), [1]);
    }

    #[test]
    fn all_is_done_once_by_no_more_than_there_are() {
        let crew = Crew::new(3, 3).unwrap();
        let (busy, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut seen = Vec::new();
        let work = |index: usize| {
            let now = busy.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            assert_eq!(rayon::current_num_threads(), 1);
            thread::sleep(Duration::from_millis(2));
            busy.fetch_sub(1, Ordering::SeqCst);
            10 * index
        };
        crew.work(
            20,
            || true,
            work,
            |index, result| {
                assert_eq!(result, 10 * index);
                seen.push(index);
            },
        );
        seen.sort_unstable();
        assert_eq!(seen, (0..20).collect::<Vec<_>>());
        assert_eq!(most.into_inner(), 3);
    }

    #[test]
    fn nothing_begins_after_the_stop() {
        let crew = Crew::new(1, 1).unwrap();
        let stop = AtomicBool::new(false);
        let mut seen = Vec::new();
        let goes_on = || !stop.load(Ordering::SeqCst);
        let work = |index| {
            if index == 2 {
                stop.store(true, Ordering::SeqCst);
            }
        };
        crew.work(10, goes_on, work, |index, ()| seen.push(index));
        assert_eq!(seen, [0, 1, 2]);
    }
}
