//! Micro-benchmarks of the machine at hand: the two roofs of its roofline, measured.
//!
//! - Peak arithmetic rate of each instruction set, from multiply-adds in registers, with the clock that it leaves: wide vectors lower it on many processors.
//! - Bandwidth of each level of the memory hierarchy, from read, copy and triad over working sets (McCalpin's STREAM: Memory bandwidth and machine balance in
//!   current high performance computers, 1995).
//! - The ridge of each level, peak over bandwidth (Williams, Waterman, Patterson: Roofline, 2009).
//!
//! Threads are pinned, one to each core first, within the CPUs that the process may use; each writes its pages before they are measured. The best of many
//! repetitions counts, and how much longer the median took is told with it. What can't be read or measured is absent.

mod affinity;
mod arithmetic;
mod bandwidth;
mod instruction_set;
mod kernels;
mod load;
mod processor;
mod report;
mod team;
mod timing;
mod warnings;
mod working_set;

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use thiserror::Error;

pub use arithmetic::PeakRate;
pub use bandwidth::{BandwidthPoint, MemoryKernel};
pub use instruction_set::InstructionSet;
pub use processor::{Cache, Processor};
pub use report::{Effort, MemoryLevel, ProbeReport, ProbeRun};

pub(crate) use affinity::{allowed_cpus, pin_to_any};
use arithmetic::Cores;
pub(crate) use load::CpuTime;
use processor::Cpu;
pub(crate) use processor::read as read_processor;
use team::Seats;
use timing::Pace;

use crate::clock::{Clock, SystemClock};
use warnings::Circumstances;

/// What to probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeOptions {
    /// Numbers of threads to measure with; none for one thread, and one on each core.
    pub threads: Vec<u32>,
    /// How much to measure.
    pub effort: Effort,
}

/// Why a machine can't be probed.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// A number of threads that can't be had.
    #[error("{asked} threads: must be from 1 to {available}, the CPUs that this process may use")]
    Threads {
        /// What was asked for.
        asked: u32,
        /// How many there are.
        available: usize,
    },
    /// A thread can't be started.
    #[error("can't start a thread: {0}")]
    Thread(io::Error),
    /// A thread can't be kept on a CPU.
    #[error("can't pin a thread to CPU {cpu}: {source}")]
    Pin {
        /// The CPU.
        cpu: usize,
        /// Why.
        source: io::Error,
    },
    /// No memory for the arrays.
    #[error("can't have {bytes} bytes of memory for the arrays of a thread")]
    Memory {
        /// How much was asked for.
        bytes: u64,
    },
    /// A thread ended before its time.
    #[error("a measuring thread has ended before its time")]
    ThreadLost,
}

/// Measures this machine.
///
/// # Errors
/// When a number of threads is none or more than the process has CPUs, or when threads or memory can't be had.
pub fn probe(options: &ProbeOptions) -> Result<ProbeReport, ProbeError> {
    let plan = Plan::of(options.effort);
    probe_with(options, &plan, &SystemClock::new(), Path::new("/"))
}

/// Which working sets to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sizes {
    Sweep,
    OnePerLevel,
}

/// How to spend the time.
#[derive(Debug, Clone, Copy)]
struct Plan {
    /// For looking whether others are at work.
    look: Duration,
    /// For all peaks; measuring the clocks takes a third as much again.
    arithmetic: Duration,
    /// For all bandwidths; writing the pages first, and more of memory itself, come on top.
    bandwidth: Duration,
    sizes: Sizes,
}

/// Repetitions of each measurement: shorter than the time a scheduler gives a program, so that on a busy machine some are left in peace, and long enough that threads which
/// begin some microseconds apart count as one.
const REPETITION: Duration = Duration::from_millis(3);

impl Plan {
    const fn of(effort: Effort) -> Self {
        match effort {
            Effort::Full => Self {
                look: Duration::from_millis(300),
                arithmetic: Duration::from_millis(3000),
                bandwidth: Duration::from_millis(5800),
                sizes: Sizes::Sweep,
            },
            Effort::Quick => Self {
                look: Duration::from_millis(100),
                arithmetic: Duration::from_millis(600),
                bandwidth: Duration::from_millis(550),
                sizes: Sizes::OnePerLevel,
            },
        }
    }
}

/// The machine that is probed.
struct Machine {
    processor: Processor,
    /// In the order in which threads take them; empty where threads can't be pinned.
    cpus: Vec<Cpu>,
    /// Threads that can run at the same time.
    most_threads: usize,
    /// What the process's quota of CPU time allows.
    quota: usize,
    free_bytes: Option<u64>,
}

impl Machine {
    fn read(root: &Path) -> Self {
        let allowed = allowed_cpus();
        let quota = thread::available_parallelism().map_or(1, usize::from);
        let most_threads = allowed.as_ref().map_or(quota, Vec::len);
        let (mut processor, cpus) = processor::read(root, allowed.as_deref().unwrap_or_default());
        processor.cpus = most_threads as u32;
        Self {
            processor,
            cpus,
            most_threads,
            quota,
            free_bytes: processor::available_memory_bytes(root),
        }
    }

    /// Numbers of threads in ascending order, each once.
    fn thread_counts(&self, asked: &[u32]) -> Result<Vec<u32>, ProbeError> {
        let cores = self.processor.cores.unwrap_or(self.processor.cpus) as usize;
        let all = cores.min(self.quota).max(1) as u32;
        let mut counts = match asked {
            [] => vec![1, all],
            asked => asked.to_vec(),
        };
        counts.sort_unstable();
        counts.dedup();
        let fits = |count: &u32| (1..=self.most_threads).contains(&(*count as usize));
        match counts.iter().find(|count| !fits(count)) {
            Some(&asked) => Err(ProbeError::Threads {
                asked,
                available: self.most_threads,
            }),
            None => Ok(counts),
        }
    }

    fn seats(&self, threads: u32) -> Seats {
        match self.cpus.get(..threads as usize) {
            Some(cpus) => Seats::Pinned(cpus.iter().map(|cpu| cpu.number).collect()),
            None => Seats::Free(threads as usize),
        }
    }

    /// The cores of so many threads; one each where nobody says which CPUs share one.
    fn cores(&self, threads: u32) -> Cores {
        let seated = self.cpus.get(..threads as usize).unwrap_or_default();
        Cores {
            count: processor::cores(seated).unwrap_or(threads),
            max_clock_ghz: self.processor.max_clock_ghz,
        }
    }
}

fn probe_with(
    options: &ProbeOptions,
    plan: &Plan,
    clock: &dyn Clock,
    root: &Path,
) -> Result<ProbeReport, ProbeError> {
    let began = clock.now();
    let machine = Machine::read(root);
    let counts = machine.thread_counts(&options.threads)?;
    let numbers: Vec<usize> = machine.cpus.iter().map(|cpu| cpu.number).collect();
    let look = || CpuTime::read(root, &numbers);
    let load = |earlier: Option<CpuTime>| look()?.since(earlier?);

    let first = look();
    thread::sleep(plan.look);
    let before = load(first);
    let second = look();
    let mut runs = Vec::new();
    for &threads in &counts {
        runs.push(run(&machine, threads, plan, counts.len() as u32, clock)?);
    }
    let circumstances = Circumstances {
        before,
        meanwhile: load(second),
        quota: machine.quota,
    };
    Ok(ProbeReport {
        effort: options.effort,
        pinned: !machine.cpus.is_empty(),
        seconds: clock.now().saturating_sub(began).as_secs_f64(),
        warnings: warnings::warnings(circumstances, &runs),
        processor: machine.processor,
        runs,
    })
}

/// Measures with so many threads, one of so many runs that share the time.
fn run(
    machine: &Machine,
    threads: u32,
    plan: &Plan,
    runs: u32,
    clock: &dyn Clock,
) -> Result<ProbeRun, ProbeError> {
    let pace = |budget: Duration, measurements: usize| Pace {
        budget: budget / runs.max(1) / (measurements.max(1) as u32),
        repetition: REPETITION,
    };
    let seats = machine.seats(threads);
    let sets = kernels::Supported::all().len();
    let arithmetic = pace(plan.arithmetic, sets);
    let peaks = arithmetic::measure(&seats, clock, machine.cores(threads), arithmetic)?;

    let cpus = match &seats {
        Seats::Pinned(cpus) => cpus.clone(),
        Seats::Free(_) => Vec::new(),
    };
    let caches = &machine.processor.caches;
    let largest = working_set::largest(caches, &cpus, threads.into(), machine.free_bytes);
    let levels = working_set::levels(caches, &cpus, largest);
    let sizes = match plan.sizes {
        Sizes::Sweep => working_set::sweep(&levels, largest),
        Sizes::OnePerLevel => working_set::samples(&levels, largest),
    };
    let pace = pace(plan.bandwidth, sizes.len() * MemoryKernel::ALL.len());
    let bandwidth = bandwidth::measure(&seats, clock, &sizes, pace)?;
    Ok(ProbeRun {
        threads,
        cpus,
        levels: report::measured_levels(&levels, &bandwidth, &peaks),
        peaks,
        bandwidth,
    })
}

#[cfg(test)]
mod tests {
    use roofnas_cost::Dtype;

    use super::*;

    const TINY: Plan = Plan {
        look: Duration::from_millis(1),
        arithmetic: Duration::from_millis(40),
        bandwidth: Duration::from_millis(40),
        sizes: Sizes::OnePerLevel,
    };

    fn options(threads: &[u32]) -> ProbeOptions {
        ProbeOptions {
            threads: threads.to_vec(),
            effort: Effort::Quick,
        }
    }

    /// Bounds that any machine of this century keeps, however busy and however little the build is optimised.
    #[test]
    fn this_machine_is_a_machine() {
        let report = probe_with(&options(&[1]), &TINY, &SystemClock::new(), Path::new("/"));
        let report = report.unwrap();
        let [run] = &report.runs[..] else {
            panic!("one number of threads, one run: {report:?}");
        };
        assert_eq!(run.peaks[0].instruction_set, InstructionSet::Scalar);
        for peak in &run.peaks {
            assert!(
                peak.peak_gflop_s > 1e-4 && peak.peak_gflop_s < 1e5,
                "{peak:?}"
            );
            assert!(peak.median_gflop_s <= peak.peak_gflop_s && peak.spread >= 0.0);
            assert!(
                peak.clock_ghz.is_none_or(|ghz| ghz > 1e-3 && ghz < 20.0),
                "{peak:?}"
            );
        }
        assert!(!run.bandwidth.is_empty());
        for point in &run.bandwidth {
            assert!(
                point.bandwidth_gb_s > 1e-3 && point.bandwidth_gb_s < 1e5,
                "{point:?}"
            );
        }
        if let Some(roofs) = report.measured_roofs(1, Dtype::Fp32) {
            assert!(roofs.roof().ridge() > 1e-6);
        }
    }

    #[test]
    fn threads_that_can_t_be_had() {
        let machine = Machine::read(Path::new("/"));
        let most = machine.most_threads as u32;
        for asked in [0, most + 1] {
            let error = probe(&options(&[1, asked])).unwrap_err();
            assert!(matches!(error, ProbeError::Threads { asked: a, .. } if a == asked));
            assert!(error.to_string().contains(&format!("from 1 to {most}")));
        }
    }

    #[test]
    fn numbers_of_threads() {
        let root = processor::tests::fixture();
        let mut machine = Machine::read(Path::new("/"));
        (machine.processor, machine.cpus) = processor::read(root.path(), &[0, 1, 2, 3]);
        (machine.most_threads, machine.quota) = (4, 4);
        // one on each core, and no more than the quota is good for
        assert_eq!(machine.thread_counts(&[]).unwrap(), [1, 2]);
        assert_eq!(machine.thread_counts(&[4, 1, 4]).unwrap(), [1, 4]);
        machine.quota = 1;
        assert_eq!(machine.thread_counts(&[]).unwrap(), [1]);
        // fast cores first, and a second thread of a core adds no core
        assert_eq!(machine.seats(2), Seats::Pinned(vec![1, 0]));
        assert_eq!((machine.cores(2).count, machine.cores(4).count), (2, 2));
        machine.cpus.clear();
        assert_eq!(machine.seats(3), Seats::Free(3));
        assert_eq!(machine.cores(3).count, 3);
    }
}
