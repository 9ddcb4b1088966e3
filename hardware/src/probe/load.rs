//! Whether others were at work meanwhile, from the kernel's counters of CPU time.

use std::fs;
use std::path::Path;

/// Time of some CPUs since the system was started, in ticks; of a virtual machine, `stolen` is what others on its host took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CpuTime {
    busy: u64,
    idle: u64,
    stolen: u64,
}

/// A share of CPU time between two looks, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Load {
    /// Time in which programs ran.
    pub(crate) busy: f64,
    /// Time that others on the host of a virtual machine took.
    pub(crate) stolen: f64,
}

impl CpuTime {
    /// Of these CPUs, from `/proc/stat` below `root`; nothing where there is none.
    pub(crate) fn read(root: &Path, cpus: &[usize]) -> Option<Self> {
        let text = fs::read_to_string(root.join("proc/stat")).ok()?;
        Self::parse(&text, cpus)
    }

    fn parse(text: &str, cpus: &[usize]) -> Option<Self> {
        let mut sum = Self::default();
        let mut seen = 0;
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let number = words.next().and_then(|word| word.strip_prefix("cpu"));
            let number = number.and_then(|number| number.parse().ok());
            if !number.is_some_and(|number| cpus.contains(&number)) {
                continue;
            }
            // user, nice, system, idle, waiting for disks, interrupts, soft interrupts, stolen
            let ticks: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
            let tick = |place: usize| ticks.get(place).copied().unwrap_or(0);
            sum.busy += [0, 1, 2, 5, 6].into_iter().map(tick).sum::<u64>();
            sum.idle += tick(3) + tick(4);
            sum.stolen += tick(7);
            seen += 1;
        }
        (seen > 0).then_some(sum)
    }

    /// All of its ticks.
    pub(crate) fn ticks(self) -> u64 {
        self.busy + self.idle + self.stolen
    }

    /// The load from an earlier look to this one; nothing where no time has gone by.
    pub(crate) fn since(self, earlier: Self) -> Option<Load> {
        let busy = self.busy.saturating_sub(earlier.busy) as f64;
        let idle = self.idle.saturating_sub(earlier.idle) as f64;
        let stolen = self.stolen.saturating_sub(earlier.stolen) as f64;
        let all = busy + idle + stolen;
        (all > 0.0).then(|| Load {
            busy: busy / all,
            stolen: stolen / all,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "cpu  30 0 30 300 0 0 0 0 0 0\ncpu0 10 0 10 100 0 0 0 0 0 0\n\
                          cpu1 10 0 10 100 0 0 0 0 0 0\ncpu10 10 0 10 100 0 0 0 0 0 0\nintr 5 0\n";
    const AFTER: &str = "cpu  60 0 30 330 0 0 0 0 0 0\ncpu0 15 1 11 110 1 1 1 1 0 0\n\
                         cpu1 10 0 10 120 0 0 0 0 0 0\ncpu10 99 0 10 100 0 0 0 0 0 0\nintr 9 0\n";

    #[test]
    fn ticks_of_the_cpus_asked_for() {
        let one = CpuTime::parse(BEFORE, &[0]).unwrap();
        assert_eq!((one.busy, one.idle, one.stolen), (20, 100, 0));
        let two = CpuTime::parse(BEFORE, &[0, 1]).unwrap();
        assert_eq!((two.busy, two.idle), (40, 200));
        assert_eq!(CpuTime::parse(BEFORE, &[5]), None);
        assert_eq!(CpuTime::parse("", &[0]), None);
        assert_eq!(CpuTime::parse("cpu0 x", &[0]), Some(CpuTime::default()));
    }

    #[test]
    fn the_load_between_two_looks() {
        let of = |text| CpuTime::parse(text, &[0, 1]).unwrap();
        let load = of(AFTER).since(of(BEFORE)).unwrap();
        // 9 busy, 31 idle, 1 stolen
        assert!((load.busy - 9.0 / 41.0).abs() < 1e-12, "{load:?}");
        assert!((load.stolen - 1.0 / 41.0).abs() < 1e-12);
        assert_eq!(of(BEFORE).since(of(BEFORE)), None);
        // counters may go back when a CPU was switched off
        assert_eq!(of(BEFORE).since(of(AFTER)), None);
    }
}
