//! What casts doubt on a probe's figures, and what to do about it.

use super::bandwidth::BandwidthPoint;
use super::load::Load;
use super::report::ProbeRun;
use super::timing::median;

/// Share of CPU time that others may use beforehand.
const BUSY: f64 = 0.1;
/// Share of CPU time that others on the host of a virtual machine may take.
const STOLEN: f64 = 0.02;
/// How much longer than the best the median repetition may take.
const WIDE: f64 = 0.1;

/// What was seen of others, and of the machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    /// Load before anything was measured.
    pub(super) before: Option<Load>,
    /// Load from the first measurement to the last.
    pub(super) meanwhile: Option<Load>,
    /// Threads that may run at the same time by the process's quota.
    pub(super) quota: usize,
}

/// The warnings, in sentences.
pub(super) fn warnings(seen: Circumstances, runs: &[ProbeRun]) -> Vec<String> {
    let mut warnings = Vec::new();
    if cfg!(debug_assertions) {
        warnings.push(
            "this build is not optimised, so the figures may be too low: use a release build"
                .to_owned(),
        );
    }
    if let Some(load) = seen.before.filter(|load| load.busy > BUSY) {
        warnings.push(format!(
            "other programs used {:.0} % of these CPUs before the probe began: end them and probe again",
            100.0 * load.busy
        ));
    }
    if let Some(load) = seen.meanwhile.filter(|load| load.stolen > STOLEN) {
        warnings.push(format!(
            "the host of this virtual machine gave {:.0} % of the CPU time to others: probe again, and keep the higher figures",
            100.0 * load.stolen
        ));
    }
    for run in runs {
        warnings.extend(of_run(seen, run));
    }
    warnings
}

fn of_run(seen: Circumstances, run: &ProbeRun) -> Vec<String> {
    let threads = run.threads;
    let on = if threads == 1 {
        "on 1 thread".to_owned()
    } else {
        format!("on {threads} threads")
    };
    let mut warnings = Vec::new();
    let spread = typical_spread(run);
    if spread > WIDE {
        warnings.push(format!(
            "{on}, the median repetition took {:.0} % longer than the best: others disturb this machine, probe again when it is quiet",
            100.0 * spread
        ));
    }
    if threads as usize > seen.quota {
        warnings.push(format!(
            "{on}, the figures are too low: the process's quota of CPU time is good for {}",
            seen.quota
        ));
    }
    if run.memory().is_none() {
        warnings.push(format!(
            "{on}, memory itself is not shown: there is not enough of it free for arrays of several times the last cache"
        ));
    }
    if run
        .levels
        .iter()
        .all(|level| level.capacity_bytes_per_thread.is_none())
    {
        warnings.push(format!(
            "{on}, no cache is named: the system doesn't say how large they are; the bandwidth over working sets shows them"
        ));
    }
    warnings
}

/// The largest of the median spreads of arithmetic, of bandwidth, and of bandwidth at the largest working set, which is memory's.
fn typical_spread(run: &ProbeRun) -> f64 {
    let typical = |mut spreads: Vec<f64>| {
        spreads.sort_by(f64::total_cmp);
        median(&spreads)
    };
    let points = || run.bandwidth.iter();
    let size = |point: &BandwidthPoint| point.working_set_bytes_per_thread;
    let largest = points().map(size).max();
    let at_largest = points().filter(|point| Some(size(point)) == largest);
    let peaks = typical(run.peaks.iter().map(|peak| peak.spread).collect());
    let all = typical(points().map(|point| point.spread).collect());
    let memory = typical(at_largest.map(|point| point.spread).collect());
    peaks.max(all).max(memory)
}

#[cfg(test)]
mod tests {
    use super::super::bandwidth::MemoryKernel;
    use super::super::instruction_set::InstructionSet;
    use super::super::report::MemoryLevel;
    use super::super::report::tests::{peak, point};
    use super::*;

    const QUIET: Circumstances = Circumstances {
        before: Some(Load {
            busy: 0.02,
            stolen: 0.0,
        }),
        meanwhile: Some(Load {
            busy: 1.0,
            stolen: 0.01,
        }),
        quota: 8,
    };

    fn level(capacity_bytes_per_thread: Option<u64>) -> MemoryLevel {
        MemoryLevel {
            name: "one".to_owned(),
            capacity_bytes_per_thread,
            read_gb_s: 1.0,
            copy_gb_s: 1.0,
            triad_gb_s: 1.0,
            bandwidth_gb_s: 1.0,
            ridge_flop_per_byte: 1.0,
        }
    }

    fn run(spread: f64) -> ProbeRun {
        let mut point = point(8, MemoryKernel::Read, 1.0);
        point.spread = spread;
        ProbeRun {
            threads: 4,
            cpus: vec![],
            peaks: vec![peak(InstructionSet::Scalar, 1.0)],
            levels: vec![level(Some(1)), level(None)],
            bandwidth: vec![point],
        }
    }

    /// The warnings but for the one about this build.
    fn found(seen: Circumstances, run: ProbeRun) -> Vec<String> {
        let all = warnings(seen, &[run]);
        let about_build = |text: &String| text.contains("not optimised");
        all.into_iter().filter(|text| !about_build(text)).collect()
    }

    #[test]
    fn a_quiet_machine_gives_no_reason() {
        assert_eq!(found(QUIET, run(0.05)), Vec::<String>::new());
    }

    #[test]
    fn each_reason_is_told() {
        let busy = Circumstances {
            before: Some(Load {
                busy: 0.5,
                stolen: 0.0,
            }),
            ..QUIET
        };
        assert!(found(busy, run(0.0))[0].contains("used 50 %"));
        let stolen = Circumstances {
            meanwhile: Some(Load {
                busy: 0.9,
                stolen: 0.08,
            }),
            ..QUIET
        };
        assert!(found(stolen, run(0.0))[0].contains("gave 8 %"));
        assert!(found(QUIET, run(0.3))[0].contains("took 30 % longer"));
        let quota = Circumstances { quota: 3, ..QUIET };
        assert!(found(quota, run(0.0))[0].contains("good for 3"));
        let mut blind = run(0.0);
        blind.levels.clear();
        let told = found(QUIET, blind);
        assert!(told[0].contains("memory itself") && told[1].contains("no cache"));
    }
}
