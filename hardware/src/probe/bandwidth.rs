//! Memory bandwidth over working sets, counted as STREAM counts it.
//!
//! ```text
//! bytes of a pass = arrays * bytes of an array          read 1 array, copy 2, triad 3
//! bandwidth       = threads * bytes of a pass * passes / time
//! ```
//!
//! Stores are plain ones, so a line that is written is first read into the cache on most machines. That read (write-allocate) is not counted, as STREAM does not:
//! from memory, copy may move up to 3/2 of the bytes it is credited with, and triad up to 4/3.
//!
//! Each thread has arrays of its own and writes them first, so that their pages lie near its CPU.

use serde::{Deserialize, Serialize};

use super::ProbeError;
use super::kernels::{LINE_BYTES, LINES_PER_TURN, Line, Supported};
use super::team::{Seats, with_team};
use super::timing::{Pace, Timing};
use crate::clock::Clock;

/// What is done to memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryKernel {
    /// The sum of an array.
    Read,
    /// `a = b`.
    Copy,
    /// `a = b + q * c`.
    Triad,
}

impl MemoryKernel {
    /// Every kernel.
    pub const ALL: [Self; 3] = [Self::Read, Self::Copy, Self::Triad];

    /// The name in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Copy => "copy",
            Self::Triad => "triad",
        }
    }

    /// Arrays that a pass goes through once.
    pub const fn arrays(self) -> u64 {
        match self {
            Self::Read => 1,
            Self::Copy => 2,
            Self::Triad => 3,
        }
    }
}

/// The bandwidth at one size of working set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BandwidthPoint {
    /// Bytes of all arrays of one thread.
    pub working_set_bytes_per_thread: u64,
    /// What was done to them.
    pub kernel: MemoryKernel,
    /// Bandwidth of all threads together in the best repetition, in 10^9 byte/s.
    pub bandwidth_gb_s: f64,
    /// The same in the median repetition.
    pub median_gb_s: f64,
    /// How much longer the median repetition took than the best, as a fraction.
    pub spread: f64,
}

/// A pass over the first lines of a thread's arrays.
#[derive(Debug, Clone, Copy)]
struct Job {
    kernel: MemoryKernel,
    lines_per_array: usize,
}

impl Job {
    /// The one whose arrays fill a working set, as far as whole turns of the loops do.
    fn filling(kernel: MemoryKernel, bytes: u64) -> Self {
        let turn = (LINE_BYTES * LINES_PER_TURN) as u64;
        let turns = (bytes / kernel.arrays() / turn).max(1);
        Self {
            kernel,
            lines_per_array: turns as usize * LINES_PER_TURN,
        }
    }

    /// Bytes of its arrays: those that a pass is credited with.
    fn bytes(self) -> u64 {
        self.kernel.arrays() * (self.lines_per_array * LINE_BYTES) as u64
    }
}

/// Lines between arrays, so that they don't all begin at the same place of a page: a load is held up by an earlier store to the same place of another page.
const APART: usize = 20;

/// Where the first array begins: at a multiple of a huge page. Some caches tell lines apart by a hash of their addresses; small arrays across a place where
/// many bits of the address change at once evict themselves, and show half of the bandwidth.
const ALIGNMENT: usize = 2 << 20;

/// The arrays of one thread, one behind the other.
struct Arrays {
    lines: Vec<Line>,
    /// The line with which the first one begins.
    start: usize,
    supported: Supported,
}

impl Arrays {
    /// Arrays of together at most so many bytes, written once.
    fn touched(bytes: u64, supported: Supported) -> Result<Self, ProbeError> {
        let needed = bytes as usize / LINE_BYTES + 2 * APART + 3 * LINES_PER_TURN;
        let count = needed + ALIGNMENT / LINE_BYTES;
        let mut lines = Vec::new();
        lines
            .try_reserve_exact(count)
            .map_err(|_| ProbeError::Memory { bytes })?;
        // zeros might be promised rather than written
        lines.resize(count, Line([1.0; 16]));
        // a pointer may decline to say, and then the arrays begin wherever they do
        let start = lines.as_ptr().align_offset(ALIGNMENT).min(count - needed);
        Ok(Self {
            lines,
            start,
            supported,
        })
    }

    fn pass(&mut self, job: Job) {
        let length = job.lines_per_array;
        let (first, rest) = self.lines[self.start..].split_at_mut(length);
        match job.kernel {
            MemoryKernel::Read => self.supported.read(first),
            MemoryKernel::Copy => self.supported.copy(first, &rest[APART..APART + length]),
            MemoryKernel::Triad => {
                let (second, third) = rest[APART..].split_at(length);
                self.supported
                    .triad(first, second, &third[APART..APART + length]);
            }
        }
    }
}

/// Measures every kernel at every size, in ascending order of sizes; sizes are of one thread.
pub(super) fn measure(
    seats: &Seats,
    clock: &dyn Clock,
    sizes: &[u64],
    pace: Pace,
) -> Result<Vec<BandwidthPoint>, ProbeError> {
    let largest = sizes.iter().max().copied().unwrap_or(0);
    let supported = Supported::widest();
    let prepare = || {
        let mut arrays = Arrays::touched(largest, supported)?;
        Ok(move |job: Job, passes: u64| {
            for _ in 0..passes {
                arrays.pass(job);
            }
        })
    };
    with_team(seats, clock, prepare, |team| {
        let mut points = Vec::new();
        for &size in sizes {
            // memory's is the bandwidth that platforms keep, and its passes are the longest
            let budget = pace.budget * if size == largest { 3 } else { 1 };
            let pace = Pace { budget, ..pace };
            for kernel in MemoryKernel::ALL {
                let job = Job::filling(kernel, size);
                let timing = Timing::take(pace, clock, |passes| team.run(job, passes))?;
                points.push(point(size, job, seats.count(), &timing));
            }
        }
        Ok(points)
    })
}

fn point(size: u64, job: Job, threads: usize, timing: &Timing) -> BandwidthPoint {
    let gigabytes = 1e-9 * (threads as u64 * job.bytes()) as f64;
    BandwidthPoint {
        working_set_bytes_per_thread: size,
        kernel: job.kernel,
        bandwidth_gb_s: timing.best_rate(gigabytes),
        median_gb_s: timing.median_rate(gigabytes),
        spread: timing.spread(),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use super::*;
    use crate::clock::fake::FakeClock;

    /// The law of counting: one, two, three arrays a pass, and never more than the working set.
    #[test]
    fn passes_are_credited_as_stream_credits_them() {
        for bytes in [8 << 10, 3 << 10, 1 << 20, 100_000_000] {
            for (kernel, arrays) in [
                (MemoryKernel::Read, 1),
                (MemoryKernel::Copy, 2),
                (MemoryKernel::Triad, 3),
            ] {
                let job = Job::filling(kernel, bytes);
                assert_eq!(job.bytes(), arrays * 64 * job.lines_per_array as u64);
                assert!(job.bytes() <= bytes && bytes - job.bytes() < arrays * 512);
            }
        }
    }

    #[test]
    fn bandwidth_of_all_threads() {
        // a pass over 3 arrays of 512 byte takes 1 us on each of four threads: 4 * 1536 byte / us
        let pace = Pace {
            budget: Duration::from_millis(10),
            repetition: Duration::from_millis(2),
        };
        let clock = FakeClock::default();
        let timing = Timing::take(pace, &clock, |passes| {
            let took = 1000 * passes;
            clock.pass(took);
            Ok::<_, Infallible>(Duration::from_nanos(took))
        });
        let timing = timing.unwrap_or_else(|never| match never {});
        let job = Job::filling(MemoryKernel::Triad, 1536);
        let point = point(1536, job, 4, &timing);
        assert!((point.bandwidth_gb_s - 6.144).abs() < 1e-9, "{point:?}");
        assert_eq!(point.spread, 0.0);
    }

    /// Each kernel works on every line of its arrays, and on no other.
    #[test]
    fn arrays_hold_the_largest_working_set() {
        for bytes in [8 << 10, 12_345, 1 << 20] {
            for supported in Supported::all() {
                let mut arrays = Arrays::touched(bytes, supported).unwrap();
                assert_eq!(
                    arrays.lines[arrays.start..].as_ptr() as usize % ALIGNMENT,
                    0
                );
                for kernel in MemoryKernel::ALL {
                    arrays.pass(Job::filling(kernel, bytes));
                }
                // read changes nothing, and copy what is the same: 1 + 1.5 * 1 is the triad's
                let length = Job::filling(MemoryKernel::Triad, bytes).lines_per_array;
                let written = arrays.start..arrays.start + length;
                for (place, line) in arrays.lines.iter().enumerate() {
                    let expected = if written.contains(&place) { 2.5 } else { 1.0 };
                    assert_eq!(line.0, [expected; 16], "{place}");
                }
            }
        }
    }

    #[test]
    fn more_memory_than_there_is_is_an_error() {
        let supported = Supported::widest();
        let refused = Arrays::touched(u64::MAX / 4, supported);
        assert!(matches!(refused, Err(ProbeError::Memory { .. })));
    }
}
