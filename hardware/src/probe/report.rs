//! What a probe found: plain data.

use std::collections::BTreeMap;

use roofnas_cost::{Dtype, Roof, RoofFigures};
use serde::{Deserialize, Serialize};

use super::arithmetic::PeakRate;
use super::bandwidth::{BandwidthPoint, MemoryKernel};
use super::processor::Processor;
use super::working_set::Level;

/// What the micro-benchmarks found on one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// What the system says of its processor.
    pub processor: Processor,
    /// How much was measured.
    pub effort: Effort,
    /// Whether each thread was kept on a CPU of its own.
    pub pinned: bool,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What casts doubt on the figures, in sentences.
    pub warnings: Vec<String>,
    /// The measurements, for each number of threads in ascending order.
    pub runs: Vec<ProbeRun>,
}

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Working sets from 8 KiB to well beyond the last cache; some thirteen seconds.
    Full,
    /// One working set for each level of memory; at most three seconds.
    Quick,
}

/// What was measured on so many threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeRun {
    /// Threads at work at the same time.
    pub threads: u32,
    /// The CPUs they were pinned to; empty where they were not.
    pub cpus: Vec<usize>,
    /// Peak arithmetic rates, from the narrowest instruction set to the widest.
    pub peaks: Vec<PeakRate>,
    /// Levels of the memory hierarchy that the working sets tell apart.
    pub levels: Vec<MemoryLevel>,
    /// Bandwidth over working sets.
    pub bandwidth: Vec<BandwidthPoint>,
}

/// A level of the memory hierarchy: the rates of all threads together, and what they mean for arithmetic.
///
/// A rate is the median over the working sets that the level serves, the higher one of two.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryLevel {
    /// `L1`, `L2`, `L3` or `DRAM`.
    pub name: String,
    /// One thread's share of the cache, in bytes; none for memory itself.
    pub capacity_bytes_per_thread: Option<u64>,
    /// Summing up an array, in 10^9 byte/s.
    pub read_gb_s: f64,
    /// `a = b`.
    pub copy_gb_s: f64,
    /// `a = b + q * c`.
    pub triad_gb_s: f64,
    /// The highest of the three: a roof is what nothing exceeds.
    pub bandwidth_gb_s: f64,
    /// The highest peak of these threads in single precision over this bandwidth, in FLOP/byte (Williams, Waterman, Patterson 2009).
    pub ridge_flop_per_byte: f64,
}

impl ProbeReport {
    /// What was measured on so many threads.
    pub fn run(&self, threads: u32) -> Option<&ProbeRun> {
        self.runs.iter().find(|run| run.threads == threads)
    }

    /// The measured roofs of a platform that uses so many threads, in the form that a profile keeps them: the peak of the fastest instruction set, and the
    /// bandwidth of memory. Nothing where this was not measured.
    ///
    /// Profiles have one bandwidth; those of the caches stay in [`ProbeRun::levels`].
    pub fn measured_roofs(&self, threads: u32, dtype: Dtype) -> Option<RoofFigures> {
        let run = self.run(threads)?;
        let peak = run.best_peak(dtype)?;
        let memory = run.memory()?;
        let machine = self.processor.model.as_deref().unwrap_or("this machine");
        let plural = if threads == 1 { "" } else { "s" };
        Some(RoofFigures {
            peak_tflops: 1e-3 * peak.peak_gflop_s,
            bandwidth_gb_s: memory.bandwidth_gb_s,
            class_peak_tflops: BTreeMap::new(),
            source: format!(
                "micro-benchmarks on {machine}, {threads} thread{plural}: multiply-adds in registers ({}, {dtype}), the fastest of read, copy and triad from memory",
                peak.instruction_set
            ),
        })
    }
}

impl ProbeRun {
    /// The highest peak in this number format.
    pub fn best_peak(&self, dtype: Dtype) -> Option<&PeakRate> {
        let peaks = self.peaks.iter().filter(|peak| peak.dtype == dtype);
        peaks.max_by(|a, b| a.peak_gflop_s.total_cmp(&b.peak_gflop_s))
    }

    /// The level behind all caches, where a working set showed it.
    pub fn memory(&self) -> Option<&MemoryLevel> {
        let mut levels = self.levels.iter();
        levels.find(|level| level.capacity_bytes_per_thread.is_none())
    }
}

/// The levels with what the working sets show of them.
pub(super) fn measured_levels(
    levels: &[Level],
    points: &[BandwidthPoint],
    peaks: &[PeakRate],
) -> Vec<MemoryLevel> {
    let peaks = peaks.iter().filter(|peak| peak.dtype == Dtype::Fp32);
    let peak_gflop_s = peaks.map(|p| p.peak_gflop_s).fold(0.0, f64::max);
    let measured = |level: &Level| {
        let rate = |kernel| rate_of(level, kernel, points);
        let (read_gb_s, copy_gb_s) = (rate(MemoryKernel::Read)?, rate(MemoryKernel::Copy)?);
        let triad_gb_s = rate(MemoryKernel::Triad)?;
        let bandwidth_gb_s = read_gb_s.max(copy_gb_s).max(triad_gb_s);
        let roof = Roof {
            peak_flops: 1e9 * peak_gflop_s,
            bandwidth: 1e9 * bandwidth_gb_s,
        };
        Some(MemoryLevel {
            name: level.name.clone(),
            capacity_bytes_per_thread: level.capacity_bytes,
            read_gb_s,
            copy_gb_s,
            triad_gb_s,
            bandwidth_gb_s,
            ridge_flop_per_byte: roof.ridge(),
        })
    };
    levels.iter().filter_map(measured).collect()
}

/// The median rate of a kernel over the working sets that a level serves.
fn rate_of(level: &Level, kernel: MemoryKernel, points: &[BandwidthPoint]) -> Option<f64> {
    let mut rates: Vec<f64> = points
        .iter()
        .filter(|point| point.kernel == kernel)
        .filter(|point| level.shows_in(point.working_set_bytes_per_thread))
        .map(|point| point.bandwidth_gb_s)
        .collect();
    rates.sort_by(f64::total_cmp);
    // of two in the middle the higher one: what disturbs only makes slower
    rates.get(rates.len() / 2).copied()
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::instruction_set::InstructionSet;
    use super::*;

    pub(crate) fn peak(instruction_set: InstructionSet, gflop_s: f64) -> PeakRate {
        PeakRate {
            instruction_set,
            dtype: instruction_set.dtype(),
            peak_gflop_s: gflop_s,
            median_gflop_s: gflop_s,
            spread: 0.0,
            clock_ghz: None,
            flop_per_cycle_per_core: None,
            theoretical_gflop_s: None,
        }
    }

    pub(crate) fn point(kib: u64, kernel: MemoryKernel, gb_s: f64) -> BandwidthPoint {
        BandwidthPoint {
            working_set_bytes_per_thread: kib << 10,
            kernel,
            bandwidth_gb_s: gb_s,
            median_gb_s: gb_s,
            spread: 0.0,
        }
    }

    fn points() -> Vec<BandwidthPoint> {
        use MemoryKernel::{Copy, Read, Triad};
        vec![
            point(8, Read, 300.0),
            point(8, Copy, 200.0),
            point(8, Triad, 250.0),
            point(16, Read, 340.0),
            point(16, Copy, 220.0),
            point(16, Triad, 270.0),
            point(32, Read, 320.0),
            point(32, Copy, 210.0),
            point(32, Triad, 260.0),
            // no level's
            point(64, Read, 100.0),
            point(65536, Read, 20.0),
            point(65536, Copy, 15.0),
            point(65536, Triad, 25.0),
        ]
    }

    fn level(name: &str, capacity_bytes: Option<u64>, window: (u64, u64)) -> Level {
        Level {
            name: name.to_owned(),
            capacity_bytes,
            window,
        }
    }

    fn run() -> ProbeRun {
        let levels = [
            level("L1", Some(49_152), (8 << 10, 36 << 10)),
            level("L2", Some(1 << 20), (96 << 10, 768 << 10)),
            level("DRAM", None, (32 << 20, 64 << 20)),
        ];
        let peaks = vec![
            peak(InstructionSet::Scalar, 8.0),
            peak(InstructionSet::Avx2Fma, 100.0),
            // no part of a ridge in single precision
            peak(InstructionSet::AvxVnni, 400.0),
        ];
        ProbeRun {
            threads: 2,
            cpus: vec![0, 1],
            levels: measured_levels(&levels, &points(), &peaks),
            peaks,
            bandwidth: points(),
        }
    }

    /// Medians over the window, the highest of three kernels, and the ridge's law: peak = ridge * bandwidth.
    #[test]
    fn levels_and_ridges() {
        let run = run();
        let names: Vec<&str> = run.levels.iter().map(|l| l.name.as_str()).collect();
        assert_eq!(names, ["L1", "DRAM"]);
        let first = &run.levels[0];
        assert_eq!(
            (first.read_gb_s, first.copy_gb_s, first.triad_gb_s),
            (320.0, 210.0, 260.0)
        );
        let memory = run.memory().unwrap();
        assert_eq!(memory.name, "DRAM");
        assert!((memory.bandwidth_gb_s - 25.0).abs() < 1e-12);
        for level in &run.levels {
            let peak = level.ridge_flop_per_byte * level.bandwidth_gb_s;
            assert!((peak - 100.0).abs() < 1e-9, "{level:?}");
        }
    }

    #[test]
    fn a_platform_s_measured_roofs() {
        let report = ProbeReport {
            processor: Processor {
                model: None,
                architecture: "x86_64".to_owned(),
                cpus: 2,
                cores: None,
                max_clock_ghz: None,
                caches: vec![],
            },
            effort: Effort::Quick,
            pinned: true,
            seconds: 1.0,
            warnings: vec![],
            runs: vec![run()],
        };
        let roofs = report.measured_roofs(2, Dtype::Fp32).unwrap();
        assert!((roofs.peak_tflops - 0.1).abs() < 1e-12);
        assert!((roofs.bandwidth_gb_s - 25.0).abs() < 1e-12);
        assert!((roofs.roof().ridge() - 4.0).abs() < 1e-9);
        assert!(roofs.source.contains("2 threads") && roofs.source.contains("AVX2/FMA"));
        let integers = report.measured_roofs(2, Dtype::Int8).unwrap();
        assert!((integers.peak_tflops - 0.4).abs() < 1e-12);
        assert!(integers.source.contains("AVX-VNNI, int8"));
        // what nobody measured is absent
        assert_eq!(report.measured_roofs(1, Dtype::Fp32), None);
        assert_eq!(report.measured_roofs(2, Dtype::Fp16), None);
        let json = serde_json::to_string(&report).unwrap();
        let read: ProbeReport = serde_json::from_str(&json).unwrap();
        assert_eq!(read, report);
    }
}
