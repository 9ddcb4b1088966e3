//! What the system says of its processor: read from `/proc` and `/sys` on Linux. What can't be read is absent.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The processor, as far as the system says and the process may use it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Processor {
    /// Its name.
    pub model: Option<String>,
    /// Its architecture, such as `x86_64` or `aarch64`.
    pub architecture: String,
    /// Logical CPUs that the process may run on.
    pub cpus: u32,
    /// Cores that these belong to, where the system says which CPUs are of one core.
    pub cores: Option<u32>,
    /// The highest clock that the system names, in GHz; absent on many virtual machines. Some drivers leave boost out of it.
    pub max_clock_ghz: Option<f64>,
    /// Caches of the CPUs that the process may run on, from level 1 on; instruction caches left out.
    pub caches: Vec<Cache>,
}

/// A data or unified cache.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cache {
    /// 1 for the one nearest to the core.
    pub level: u32,
    /// Its size, in bytes.
    pub size_bytes: u64,
    /// The logical CPUs that share it.
    pub cpus: Vec<usize>,
}

/// A CPU that the process may use.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cpu {
    pub(super) number: usize,
    /// The CPUs of its core, itself among them; empty where unknown.
    pub(super) siblings: Vec<usize>,
    /// In GHz.
    max_clock_ghz: Option<f64>,
    /// Speed relative to the fastest core, 1024 for that one; unequal on processors with big and little cores.
    capacity: Option<u64>,
}

/// Reads what there is to read below `root`, which is `/` but in tests.
pub(crate) fn read(root: &Path, allowed: &[usize]) -> (Processor, Vec<Cpu>) {
    let mut cpus: Vec<Cpu> = allowed.iter().map(|&cpu| read_cpu(root, cpu)).collect();
    sort_by_preference(&mut cpus);
    let clocks = cpus.iter().filter_map(|cpu| cpu.max_clock_ghz);
    let mut caches: Vec<Cache> = allowed
        .iter()
        .flat_map(|&cpu| read_caches(root, cpu))
        .collect();
    caches.sort();
    caches.dedup();
    let processor = Processor {
        model: model(root),
        architecture: std::env::consts::ARCH.to_owned(),
        cpus: allowed.len() as u32,
        cores: cores(&cpus),
        max_clock_ghz: clocks.max_by(f64::total_cmp),
        caches,
    };
    (processor, cpus)
}

/// How many cores these CPUs belong to.
pub(super) fn cores(cpus: &[Cpu]) -> Option<u32> {
    let mut firsts = Vec::new();
    for cpu in cpus {
        firsts.push(*cpu.siblings.first()?);
    }
    firsts.sort_unstable();
    firsts.dedup();
    (!firsts.is_empty()).then_some(firsts.len() as u32)
}

/// One CPU of each core before the second ones, and the fast ones first.
fn sort_by_preference(cpus: &mut [Cpu]) {
    let allowed: Vec<usize> = cpus.iter().map(|cpu| cpu.number).collect();
    cpus.sort_by_key(|cpu| {
        let earlier = cpu.siblings.iter().filter(|&&other| other < cpu.number);
        let rank = earlier.filter(|other| allowed.contains(other)).count();
        let megahertz = cpu.max_clock_ghz.map_or(0, |ghz| (1e3 * ghz) as u64);
        let speed = (cpu.capacity.unwrap_or(0), megahertz);
        (rank, std::cmp::Reverse(speed), cpu.number)
    });
}

fn read_cpu(root: &Path, number: usize) -> Cpu {
    let folder = root.join(format!("sys/devices/system/cpu/cpu{number}"));
    let kilohertz: Option<f64> = parsed(&folder.join("cpufreq/cpuinfo_max_freq"));
    Cpu {
        number,
        siblings: cpu_list(
            &text(&folder.join("topology/thread_siblings_list")).unwrap_or_default(),
        ),
        max_clock_ghz: kilohertz.filter(|khz| *khz > 0.0).map(|khz| 1e-6 * khz),
        capacity: parsed(&folder.join("cpu_capacity")),
    }
}

fn read_caches(root: &Path, cpu: usize) -> Vec<Cache> {
    let folder = root.join(format!("sys/devices/system/cpu/cpu{cpu}/cache"));
    (0..16)
        .map(|index| folder.join(format!("index{index}")))
        .take_while(|cache| cache.exists())
        .filter(|cache| text(&cache.join("type")).is_some_and(|kind| kind != "Instruction"))
        .filter_map(|cache| {
            Some(Cache {
                level: parsed(&cache.join("level"))?,
                size_bytes: cache_size(&text(&cache.join("size"))?)?,
                cpus: cpu_list(&text(&cache.join("shared_cpu_list"))?),
            })
        })
        .collect()
}

fn model(root: &Path) -> Option<String> {
    let listed = text(&root.join("proc/cpuinfo")).and_then(|info| model_in_cpuinfo(&info));
    // boards name themselves rather than their processor
    listed.or_else(|| {
        let board = text(&root.join("proc/device-tree/model"))?;
        Some(board.trim_end_matches('\0').to_owned())
    })
}

/// The processor's name in the text of `/proc/cpuinfo`; on Arm, the board's.
fn model_in_cpuinfo(info: &str) -> Option<String> {
    let value = |wanted: &str| {
        let mut entries = info.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = entries.find(|(key, _)| key.trim() == wanted)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    };
    value("model name").or_else(|| value("Model"))
}

/// Numbers of CPUs as the kernel lists them: `0-3,8`. What is no number is passed over.
pub(super) fn cpu_list(text: &str) -> Vec<usize> {
    let mut cpus = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.trim().parse(), last.trim().parse::<usize>()) {
            cpus.extend(first..=last);
        }
    }
    cpus
}

/// A cache's size in bytes as the kernel writes it: `48K`, `32M`.
fn cache_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = match text.strip_suffix(['K', 'M', 'G']) {
        Some(number) => (number, text.as_bytes().last()),
        None => (text, None),
    };
    let factor = match unit {
        Some(b'K') => 1 << 10,
        Some(b'M') => 1 << 20,
        Some(b'G') => 1 << 30,
        _ => 1,
    };
    let bytes = number.parse::<u64>().ok()?.checked_mul(factor)?;
    (bytes > 0).then_some(bytes)
}

/// Memory that can be had without swapping, in bytes: what the kernel estimates, and the limit of a container where it is lower.
pub(super) fn available_memory_bytes(root: &Path) -> Option<u64> {
    let info = text(&root.join("proc/meminfo"))?;
    let free = available_in_meminfo(&info)?;
    let limit: Option<u64> = parsed(&root.join("sys/fs/cgroup/memory.max"));
    Some(limit.map_or(free, |limit| limit.min(free)))
}

fn available_in_meminfo(info: &str) -> Option<u64> {
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

fn parsed<T: std::str::FromStr>(path: &Path) -> Option<T> {
    text(path)?.parse().ok()
}

fn text(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus() {
        for (text, cpus) in [
            ("0", vec![0]),
            ("0-3", vec![0, 1, 2, 3]),
            ("0-1,8,10-11\n", vec![0, 1, 8, 10, 11]),
            ("", vec![]),
            ("x,2", vec![2]),
            ("3-1", vec![]),
        ] {
            assert_eq!(cpu_list(text), cpus, "{text}");
        }
    }

    #[test]
    fn sizes_of_caches() {
        for (text, bytes) in [
            ("48K", Some(49_152)),
            ("1024K", Some(1 << 20)),
            ("32M", Some(32 << 20)),
            ("512", Some(512)),
            ("0K", None),
            ("K", None),
            ("-1K", None),
            ("99999999999999999999K", None),
            ("18446744073709551615G", None),
            ("", None),
        ] {
            assert_eq!(cache_size(text), bytes, "{text}");
        }
    }

    #[test]
    fn names() {
        let intel = "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Some CPU @ 3.00GHz\n";
        assert_eq!(
            model_in_cpuinfo(intel),
            Some("Some CPU @ 3.00GHz".to_owned())
        );
        let board = "processor\t: 0\nBogoMIPS\t: 108.00\n\nModel\t\t: Some Board Rev 1.1\n";
        assert_eq!(
            model_in_cpuinfo(board),
            Some("Some Board Rev 1.1".to_owned())
        );
        assert_eq!(model_in_cpuinfo("model name\t:\n"), None);
        assert_eq!(model_in_cpuinfo(""), None);
    }

    #[test]
    fn free_memory() {
        let info = "MemTotal:       24683520 kB\nMemFree:  1 kB\nMemAvailable:   24161280 kB\n";
        assert_eq!(available_in_meminfo(info), Some(24_161_280 * 1024));
        assert_eq!(available_in_meminfo("MemTotal: 5 kB\n"), None);
        assert_eq!(available_in_meminfo("MemAvailable: 5\n"), None);
    }

    /// A machine of two cores with two CPUs each (0 and 2, 1 and 3), the second core faster, one L2 for all.
    pub(crate) fn fixture() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let write = |path: String, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{text}\n")).unwrap();
        };
        write("proc/cpuinfo".into(), "model name : Two Cores");
        write("proc/meminfo".into(), "MemAvailable: 1048576 kB");
        for cpu in 0..4 {
            let folder = format!("sys/devices/system/cpu/cpu{cpu}");
            let siblings = ["0,2", "1,3"][cpu % 2];
            write(format!("{folder}/topology/thread_siblings_list"), siblings);
            let kilohertz = ["2000000", "3000000"][cpu % 2];
            write(format!("{folder}/cpufreq/cpuinfo_max_freq"), kilohertz);
            for (index, (level, kind, size, shared)) in [
                ("1", "Data", "32K", siblings),
                ("1", "Instruction", "32K", siblings),
                ("2", "Unified", "1M", "0-3"),
            ]
            .into_iter()
            .enumerate()
            {
                let cache = format!("{folder}/cache/index{index}");
                write(format!("{cache}/level"), level);
                write(format!("{cache}/type"), kind);
                write(format!("{cache}/size"), size);
                write(format!("{cache}/shared_cpu_list"), shared);
            }
        }
        root
    }

    #[test]
    fn a_machine_is_read() {
        let root = fixture();
        let (processor, cpus) = read(root.path(), &[0, 1, 2, 3]);
        assert_eq!(processor.model.as_deref(), Some("Two Cores"));
        assert_eq!((processor.cpus, processor.cores), (4, Some(2)));
        assert!((processor.max_clock_ghz.unwrap() - 3.0).abs() < 1e-9);
        let caches: Vec<_> = processor
            .caches
            .iter()
            .map(|cache| (cache.level, cache.size_bytes, cache.cpus.clone()))
            .collect();
        assert_eq!(
            caches,
            [
                (1, 32 << 10, vec![0, 2]),
                (1, 32 << 10, vec![1, 3]),
                (2, 1 << 20, vec![0, 1, 2, 3]),
            ]
        );
        // first CPUs of cores before second ones, the faster core first
        let order: Vec<usize> = cpus.iter().map(|cpu| cpu.number).collect();
        assert_eq!(order, [1, 0, 3, 2]);
        assert_eq!(available_memory_bytes(root.path()), Some(1 << 30));
    }

    #[test]
    fn only_allowed_cpus_count() {
        let root = fixture();
        let (processor, cpus) = read(root.path(), &[2, 3]);
        assert_eq!((processor.cpus, processor.cores), (2, Some(2)));
        // neither is second to a CPU that may not be used
        let order: Vec<usize> = cpus.iter().map(|cpu| cpu.number).collect();
        assert_eq!(order, [3, 2]);
    }

    #[test]
    fn what_can_t_be_read_is_absent() {
        let nothing = tempfile::tempdir().unwrap();
        let (processor, cpus) = read(nothing.path(), &[0, 1]);
        assert_eq!(processor.model, None);
        assert_eq!((processor.cpus, processor.cores), (2, None));
        assert_eq!(processor.max_clock_ghz, None);
        assert!(processor.caches.is_empty());
        assert_eq!(cpus.len(), 2);
        assert_eq!(available_memory_bytes(nothing.path()), None);
    }

    #[test]
    fn a_container_s_limit_counts() {
        let root = fixture();
        let limit = root.path().join("sys/fs/cgroup/memory.max");
        fs::create_dir_all(limit.parent().unwrap()).unwrap();
        for (text, expected) in [("max", 1 << 30), ("536870912", 512 << 20)] {
            fs::write(&limit, text).unwrap();
            assert_eq!(available_memory_bytes(root.path()), Some(expected));
        }
    }
}
