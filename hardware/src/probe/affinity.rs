//! Which CPUs this process may use, and keeping a thread on one of them.

use std::io;

/// The CPUs that the process may run on (its affinity mask, which cpusets and `taskset` narrow), in ascending order; nothing where the system has no such notion.
#[cfg(target_os = "linux")]
pub(crate) fn allowed_cpus() -> Option<Vec<usize>> {
    use rustix::thread::{CpuSet, sched_getaffinity};

    let set = sched_getaffinity(None).ok()?;
    let cpus: Vec<usize> = (0..CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect();
    (!cpus.is_empty()).then_some(cpus)
}

/// Keeps the calling thread on this CPU from now on.
pub(super) fn pin_to(cpu: usize) -> io::Result<()> {
    pin_to_any(&[cpu])
}

/// Keeps the calling thread, and those it starts, on these CPUs from now on.
#[cfg(target_os = "linux")]
pub(crate) fn pin_to_any(cpus: &[usize]) -> io::Result<()> {
    use rustix::thread::{CpuSet, sched_setaffinity};

    let mut set = CpuSet::new();
    for &cpu in cpus {
        if cpu >= CpuSet::MAX_CPU {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        set.set(cpu);
    }
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn allowed_cpus() -> Option<Vec<usize>> {
    None
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn pin_to_any(_cpus: &[usize]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_may_use_that_cpu_only() {
        let last = *allowed_cpus().unwrap().last().unwrap();
        let inside = std::thread::spawn(move || {
            pin_to(last).unwrap();
            allowed_cpus()
        });
        assert_eq!(inside.join().unwrap(), Some(vec![last]));
        assert!(pin_to(usize::MAX).is_err());
    }
}
