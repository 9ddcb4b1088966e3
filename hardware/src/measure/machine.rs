//! The machine that is measured on, and who else is at work there.

use std::io;
use std::path::Path;

use crate::probe::{self, CpuTime};

/// The machine, as far as a table of measurements should name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// What the system calls its processor.
    pub processor: String,
    /// CPUs that this process may use.
    pub cpus: Vec<usize>,
}

impl Machine {
    /// This machine.
    pub fn here() -> Self {
        let cpus = probe::allowed_cpus().unwrap_or_default();
        let (processor, _) = probe::read_processor(Path::new("/"), &cpus);
        Self {
            processor: processor
                .model
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cpus,
        }
    }
}

/// Bytes of memory that programs can still take, where the system says.
pub(super) fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let free = meminfo_available(&text)?;
    // a container may have less than the machine
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let left = groups_available(Path::new("/sys/fs/cgroup"), &own);
    Some(left.map_or(free, |left| left.min(free)))
}

/// Bytes that the control groups of this process leave it, those that they are part of included; none where no group has a limit. `own` is `/proc/self/cgroup`: lines
/// `number:controllers:path`, without controllers for version 2. Seen from inside a container, its group is the root.
fn groups_available(root: &Path, own: &str) -> Option<u64> {
    let own = own.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        match controllers {
            "" => Some((root.to_owned(), path, SECOND_VERSION)),
            _ if controllers.split(',').any(|name| name == "memory") => {
                Some((root.join("memory"), path, FIRST_VERSION))
            }
            _ => None,
        }
    });
    let levels = own.flat_map(|(root, path, files)| {
        let folder = root.join(path.trim_start_matches('/'));
        let levels = folder
            .ancestors()
            .take_while(|level| level.starts_with(&root));
        let left: Vec<u64> = levels
            .filter_map(|level| group_available(level, files))
            .collect();
        left
    });
    levels.min()
}

/// The files in which a control group of either version says what its programs may take, and what they have.
const FIRST_VERSION: [&str; 2] = ["memory.limit_in_bytes", "memory.usage_in_bytes"];
const SECOND_VERSION: [&str; 2] = ["memory.max", "memory.current"];

/// Bytes that a control group leaves its programs; none where it has no limit. What it counts holds files that were read, which make room.
fn group_available(folder: &Path, [limit, usage]: [&str; 2]) -> Option<u64> {
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).ok();
    let most: u64 = read(limit)?.trim().parse().ok()?;
    let taken: u64 = read(usage)?.trim().parse().ok()?;
    let statistics = read("memory.stat").unwrap_or_default();
    let of = |key: &str| -> u64 {
        let mut lines = statistics.lines().filter_map(|line| line.split_once(' '));
        let value = lines.find(|(known, _)| *known == key);
        value.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
    };
    let files = of("inactive_file") + of("active_file");
    Some(most.saturating_sub(taken.saturating_sub(files)))
}

/// The line `MemAvailable:   12345 kB`, in bytes.
fn meminfo_available(text: &str) -> Option<u64> {
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * kibibytes)
}

/// Looks who else is at work.
#[derive(Debug)]
pub struct Others {
    cpus: Vec<usize>,
    before: Option<(CpuTime, u64)>,
}

impl Others {
    /// Begins to look, at the CPUs that this process may use.
    pub fn watch(machine: &Machine) -> Self {
        Self {
            cpus: machine.cpus.clone(),
            before: look(Path::new("/"), &machine.cpus),
        }
    }

    /// Share of the CPUs' time since, from 0 to 1, that neither was idle nor went to this process and the processes it has started; nothing where the system
    /// doesn't say.
    pub fn share(&self) -> Option<f64> {
        share(self.before?, look(Path::new("/"), &self.cpus)?)
    }
}

/// CPU time of all, and ticks of this process and its children.
type Look = (CpuTime, u64);

fn look(root: &Path, cpus: &[usize]) -> Option<Look> {
    Some((CpuTime::read(root, cpus)?, own_ticks(&root.join("proc"))?))
}

/// Ticks of this process and of those it has started: an engine's process may stay.
fn own_ticks(proc: &Path) -> Option<u64> {
    let own = Stat::read(&proc.join("self"))?;
    let entries = std::fs::read_dir(proc).ok()?.flatten();
    let processes = entries.filter(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().bytes().all(|c| c.is_ascii_digit())
    });
    // a process may end while it is looked at
    let children = processes
        .filter_map(|entry| Stat::read(&entry.path()))
        .filter(|stat| stat.parent == own.pid);
    Some(own.ticks + children.map(|stat| stat.ticks).sum::<u64>())
}

/// The share of others from one look to another.
fn share((before, own_before): Look, (now, own_now): Look) -> Option<f64> {
    let ticks = now.ticks().saturating_sub(before.ticks()).max(1) as f64;
    let load = now.since(before)?;
    let own = own_now.saturating_sub(own_before) as f64 / ticks;
    Some((load.busy + load.stolen - own).clamp(0.0, 1.0))
}

/// What `/proc/PID/stat` says of a process.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    pid: u64,
    parent: u64,
    /// Of the process itself, and of those it has waited for.
    ticks: u64,
}

impl Stat {
    fn read(folder: &Path) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(folder.join("stat")).ok()?)
    }

    /// The first, fourth and 14th to 17th field, those behind the name counted from there: it stands in parentheses, and may hold anything.
    fn parse(stat: &str) -> Option<Self> {
        let (pid, _) = stat.split_once(' ')?;
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = fields.get(11..15)?.iter().map(|field| field.parse::<u64>());
        Some(Self {
            pid: pid.parse().ok()?,
            parent: fields[1].parse().ok()?,
            ticks: ticks.sum::<Result<u64, _>>().ok()?,
        })
    }
}

/// Keeps this thread, and every thread that it starts from now on, on these CPUs.
///
/// # Errors
/// When this process may not use one of them, or the system can't.
pub fn pin(cpus: &[usize]) -> io::Result<()> {
    probe::pin_to_any(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_as_the_system_says_it() {
        let text = "MemTotal:       24 kB\nMemFree:         1 kB\nMemAvailable:   12 kB\n";
        assert_eq!(meminfo_available(text), Some(12 * 1024));
        assert_eq!(meminfo_available("MemAvailable: much\n"), None);
        assert_eq!(meminfo_available(""), None);
    }

    #[test]
    fn what_a_control_group_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| std::fs::write(folder.path().join(file), text);
        let second = || group_available(folder.path(), SECOND_VERSION);
        assert_eq!(second(), None);
        write("memory.max", "max\n").unwrap();
        write("memory.current", "900\n").unwrap();
        assert_eq!(second(), None);
        write("memory.max", "1000\n").unwrap();
        assert_eq!(second(), Some(100));
        write(
            "memory.stat",
            "anon 200\ninactive_file 400\nactive_file 300\n",
        )
        .unwrap();
        assert_eq!(second(), Some(800));
        let outer = folder.path().parent().unwrap();
        let name = folder.path().file_name().unwrap().to_str().unwrap();
        let within = |path: &str| groups_available(outer, &format!("3:cpu:/x\n0::/{name}{path}\n"));
        assert_eq!([within(""), within("/job/step")], [Some(800); 2]);
        std::fs::create_dir(folder.path().join("job")).unwrap();
        write("job/memory.max", "60\n").unwrap();
        write("job/memory.current", "10\n").unwrap();
        assert_eq!([within(""), within("/job/step")], [Some(800), Some(50)]);
        assert_eq!(groups_available(outer, "0::/\n"), None);
        let first = || group_available(folder.path(), FIRST_VERSION);
        assert_eq!(first(), None);
        write("memory.limit_in_bytes", "2000\n").unwrap();
        write("memory.usage_in_bytes", "1500\n").unwrap();
        assert_eq!(first(), Some(1200));
    }

    #[test]
    fn ticks_of_a_process_with_an_odd_name() {
        let stat = "7 (a) b (c) R 1 7 7 0 -1 4194304 99 0 0 0 30 4 2 1 20 0 1 0 5 6";
        let expected = Stat {
            pid: 7,
            parent: 1,
            ticks: 37,
        };
        assert_eq!(Stat::parse(stat), Some(expected));
        assert_eq!(Stat::parse("7 (x) R 1"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn this_process_is_not_among_the_others() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("proc/self")).unwrap();
        let at = |cpu: &str, own: u64| {
            let write = |file: &str, text: String| std::fs::write(root.path().join(file), text);
            write("proc/stat", format!("cpu0 {cpu}\n")).unwrap();
            let stat = format!("7 (x) R 1 7 7 0 -1 0 9 0 0 0 {own} 0 0 0 20 0 1 0 5 6\n");
            write("proc/self/stat", stat).unwrap();
            look(root.path(), &[0]).unwrap()
        };
        // of 100 ticks 60 were busy, 40 of these ours, and 10 were stolen
        let before = at("10 0 0 100 0 0 0 0", 5);
        let now = at("70 0 0 130 0 0 0 10", 45);
        assert!((share(before, now).unwrap() - 0.3).abs() < 1e-12);
        // ticks are counted apart, and may disagree a little
        let now = at("70 0 0 140 0 0 0 0", 66);
        assert_eq!(share(before, now), Some(0.0));
        assert_eq!(share(before, before), None);
        // 25 of the ticks that weren't ours are a child's, that others are not
        for (pid, parent) in [(8, 7), (9, 1)] {
            let folder = root.path().join(format!("proc/{pid}"));
            std::fs::create_dir(&folder).unwrap();
            let stat = format!("{pid} (y) R {parent} 7 7 0 -1 0 9 0 0 0 20 5 0 0 20 0 1 0 5 6\n");
            std::fs::write(folder.join("stat"), stat).unwrap();
        }
        let now = at("70 0 0 130 0 0 0 10", 45);
        assert!((share(before, now).unwrap() - 0.05).abs() < 1e-12);
    }
}
