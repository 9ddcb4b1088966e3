//! Timings, arranged for fitting.

use nalgebra::DVector;
use roofnas_cost::calibration::{COORDINATES, QUANTA, Workload, move_to_threads};

/// One timing: of a whole network, of a block or of a single layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    /// What ran, equal kernels collapsed.
    pub works: Vec<Workload>,
    /// What it took, in milliseconds.
    pub latency_ms: f64,
    /// Whether the engine was called for it: a layer timed inside a network pays for no call.
    pub is_call: bool,
    /// Weights that are gone through from one of its runs to the next, in bytes: those of the network it is or ran in, its own where it ran alone.
    pub network_weights: f64,
    /// Threads that it ran on; whatever number where all timings are of one.
    pub threads: u32,
    /// Number of the measuring run: timings of one run share an offset.
    pub run: usize,
    /// How many repetitions the figure stands for, relative to the others: more of them, less noise.
    pub repeats: f64,
    /// Standard deviation of what it has of error however long it is, in milliseconds: rounding, a profiler's own part; 0 where there is none.
    pub error_ms: f64,
}

/// Timings over the distinct kernels that occur in them.
#[derive(Debug, Clone)]
pub(super) struct Design {
    /// The distinct kernels, those on different numbers of threads apart; counts are in the rows.
    pub(super) works: Vec<Workload>,
    /// The numbers of threads of the timings, ascending.
    pub(super) threads: Vec<u32>,
    /// For each distinct kernel which of those it ran on.
    pub(super) work_threads: Vec<usize>,
    /// For each timing which of those it ran on.
    pub(super) row_threads: Vec<usize>,
    /// For each timing its kernels and how many there are of each.
    pub(super) rows: Vec<Vec<(usize, f64)>>,
    /// 1 where the engine was called, else 0.
    pub(super) calls: Vec<f64>,
    /// Weights of the network of each timing, in bytes, and what part of them is its own.
    pub(super) weights: Vec<(f64, f64)>,
    /// Run of each timing.
    pub(super) runs: Vec<usize>,
    /// Relative number of repetitions of each timing.
    pub(super) repeats: Vec<f64>,
    /// Standard deviation of the error that doesn't grow with the timing, in seconds.
    pub(super) errors_s: Vec<f64>,
    /// What was measured, in seconds.
    pub(super) seconds: DVector<f64>,
}

impl Design {
    pub(super) fn new(timings: &[Timing]) -> Self {
        // none at all is as good as one
        let on = |timing: &Timing| timing.threads.max(1);
        let mut threads: Vec<u32> = timings.iter().map(on).collect();
        threads.sort_unstable();
        threads.dedup();
        let row_threads: Vec<usize> = timings
            .iter()
            .map(|timing| threads.partition_point(|&known| known < on(timing)))
            .collect();
        let mut works: Vec<Workload> = Vec::new();
        let mut work_threads: Vec<usize> = Vec::new();
        let mut known: std::collections::HashMap<Key, usize> = std::collections::HashMap::new();
        let mut row = |(timing, &place): (&Timing, &usize)| -> Vec<(usize, f64)> {
            let ratio = f64::from(threads[place]) / f64::from(threads[0]);
            let index = |work: &Workload| {
                let mut work = *work;
                move_to_threads(&mut work.coordinates, ratio);
                let index = *known.entry(key(&work)).or_insert_with(|| {
                    works.push(work);
                    work_threads.push(place);
                    works.len() - 1
                });
                (index, work.count)
            };
            timing.works.iter().map(index).collect()
        };
        let rows = timings.iter().zip(&row_threads).map(&mut row).collect();
        Self {
            rows,
            works,
            threads,
            work_threads,
            row_threads,
            calls: timings
                .iter()
                .map(|t| if t.is_call { 1.0 } else { 0.0 })
                .collect(),
            weights: timings.iter().map(weights).collect(),
            runs: timings.iter().map(|t| t.run).collect(),
            repeats: timings.iter().map(|t| t.repeats).collect(),
            errors_s: timings.iter().map(|t| 1e-3 * t.error_ms).collect(),
            seconds: DVector::from_iterator(
                timings.len(),
                timings.iter().map(|t| 1e-3 * t.latency_ms),
            ),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether every timing is of a single kernel that the engine was called for: a table of layers. Coordinates matter differently beside each other then, and it
    /// shows. Readings of nodes inside networks show it as well, and nothing is gained by it: relevances by evidence left errors on other networks about as they were (3.7 and
    /// 3.5 % instead of 3.3 and 3.8 under ONNX Runtime, 2.8 and 3.3 instead of 3.0 and 2.7 under OpenVINO), and made intervals of strangers too narrow.
    pub(super) fn kernels_alone(&self) -> bool {
        let kernels = |row: &Vec<(usize, f64)>| row.iter().map(|&(_, count)| count).sum::<f64>();
        let is_alone = |row: &Vec<(usize, f64)>| kernels(row) <= 1.0;
        self.rows.iter().all(is_alone) && self.calls.iter().all(|&call| call > 0.0)
    }

    /// Number of runs that the timings come from.
    pub(super) fn run_count(&self) -> usize {
        let mut runs = self.runs.clone();
        runs.sort_unstable();
        runs.dedup();
        runs.len()
    }
}

fn weights(timing: &Timing) -> (f64, f64) {
    let own = Workload::weights_of(&timing.works);
    let all = timing.network_weights.max(own);
    (all, if all > 0.0 { own / all } else { 0.0 })
}

/// Bits of everything two equal kernels share; looked up only, never iterated.
type Key = (usize, [u64; NUMBERS]);

/// FLOPs, bytes, weights, the activation, coordinates and padding.
const NUMBERS: usize = 4 + COORDINATES + QUANTA.len();

fn key(work: &Workload) -> Key {
    let mut bits = [0; NUMBERS];
    let activation = work
        .activation
        .map_or(0.0, |(effort, _)| 1.0 + f64::from(effort as u8));
    let numbers = [work.flops, work.bytes, work.weights, activation]
        .into_iter()
        .chain(work.coordinates)
        .chain(work.padding);
    for (bits, number) in bits.iter_mut().zip(numbers) {
        *bits = number.to_bits();
    }
    (work.class as usize, bits)
}
