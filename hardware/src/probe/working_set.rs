//! How large the arrays of the bandwidth measurements are, and which level of memory each of them shows.

use super::kernels::{LINE_BYTES, LINES_PER_TURN};
use super::processor::Cache;

/// The smallest working set: below, the loop's own cost is most of what is measured.
const SMALLEST: u64 = 8 << 10;
/// The largest is at least so large, over all threads: what is nobody's cache.
const LARGEST_AT_LEAST: u64 = 64 << 20;
/// Where no cache is known, so large.
const LARGEST_BLINDLY: u64 = 256 << 20;
/// The largest over the last cache. STREAM asks for arrays of four times the cache, since a part of any array may still be in it.
const OVER_LAST_CACHE: u64 = 8;

/// A level of the memory hierarchy as one thread sees it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Level {
    pub(super) name: String,
    /// The thread's share of the cache; none for memory itself.
    pub(super) capacity_bytes: Option<u64>,
    /// Working sets of one thread that are served by this level, smallest and largest.
    pub(super) window: (u64, u64),
}

impl Level {
    /// Whether a working set of one thread shows this level.
    pub(super) fn shows_in(&self, bytes_per_thread: u64) -> bool {
        (self.window.0..=self.window.1).contains(&bytes_per_thread)
    }

    /// The size in the middle of the window, on a logarithmic scale.
    fn middle(&self) -> u64 {
        let (low, high) = self.window;
        whole_turns((low as f64 * high as f64).sqrt() as u64).clamp(low, high)
    }
}

/// The levels that a thread sees, when threads run on these CPUs (or anywhere, where none are given).
///
/// Each cache is shared evenly by the threads on its CPUs. A level shows in working sets of at least twice the level before (twice, so that little of them is found there)
/// and at most three quarters of its own size; memory in those of at least three quarters of the largest, if that is at least four times the last cache. A level without room for such is left out.
pub(super) fn levels(caches: &[Cache], cpus: &[usize], largest: u64) -> Vec<Level> {
    let mut levels = Vec::new();
    let mut before = SMALLEST / 2;
    for (number, capacity) in capacities(caches, cpus) {
        let window = (2 * before, capacity * 3 / 4);
        if window.0 <= window.1 && window.1 <= largest {
            levels.push(Level {
                name: format!("L{number}"),
                capacity_bytes: Some(capacity),
                window,
            });
        }
        before = before.max(capacity);
    }
    let memory = (whole_turns(largest / 4 * 3), largest);
    // where memory is short, the largest working set is mostly in the cache
    if memory.0 >= OVER_LAST_CACHE / 2 * before {
        levels.push(Level {
            name: "DRAM".to_owned(),
            capacity_bytes: None,
            window: memory,
        });
    }
    levels
}

/// The largest working set of one of so many threads, if memory allows.
pub(super) fn largest(caches: &[Cache], cpus: &[usize], threads: u64, free: Option<u64>) -> u64 {
    let threads = threads.max(1);
    let wanted = match capacities(caches, cpus).last() {
        Some((_, capacity)) => (OVER_LAST_CACHE * capacity).max(LARGEST_AT_LEAST / threads),
        None => LARGEST_BLINDLY / threads,
    };
    let allowed = free.map_or(u64::MAX, |free| free / 4 / threads);
    whole_turns(wanted.min(allowed)).max(SMALLEST)
}

/// Sizes between the smallest and the largest, each twice the one before, and one for each level that they would miss.
pub(super) fn sweep(levels: &[Level], largest: u64) -> Vec<u64> {
    let doubling = std::iter::successors(Some(SMALLEST), |size| size.checked_mul(2));
    let mut sizes: Vec<u64> = doubling.take_while(|size| *size < largest).collect();
    sizes.push(largest);
    for level in levels {
        if !sizes.iter().any(|size| level.shows_in(*size)) {
            sizes.push(level.middle());
        }
    }
    sizes.sort_unstable();
    sizes
}

/// One size for each level; of memory, the smallest that shows it, which takes the least time.
pub(super) fn samples(levels: &[Level], largest: u64) -> Vec<u64> {
    let sample = |level: &Level| match level.capacity_bytes {
        Some(_) => level.middle(),
        None => level.window.0,
    };
    let mut sizes: Vec<u64> = levels.iter().map(sample).collect();
    if sizes.is_empty() {
        sizes.push(largest);
    }
    sizes.dedup();
    sizes
}

/// The least share of each level of cache that any of the threads has, by level.
fn capacities(caches: &[Cache], cpus: &[usize]) -> Vec<(u32, u64)> {
    let mut shares: Vec<(u32, u64)> = caches
        .iter()
        .filter_map(|cache| {
            let threads = cpus.iter().filter(|cpu| cache.cpus.contains(cpu)).count() as u64;
            let share = whole_turns(cache.size_bytes.checked_div(threads)?);
            (share > 0).then_some((cache.level, share))
        })
        .collect();
    shares.sort_unstable();
    shares.dedup_by_key(|(level, _)| *level);
    shares
}

/// Bytes that the kernels' loops divide evenly.
fn whole_turns(bytes: u64) -> u64 {
    let turn = (LINE_BYTES * LINES_PER_TURN) as u64;
    bytes / turn * turn
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;

    fn cache(level: u32, size_bytes: u64, cpus: &[usize]) -> Cache {
        Cache {
            level,
            size_bytes,
            cpus: cpus.to_vec(),
        }
    }

    /// Two cores with L1 and L2 of their own and one L3.
    fn two_cores() -> Vec<Cache> {
        vec![
            cache(1, 48 * KIB, &[0]),
            cache(1, 48 * KIB, &[1]),
            cache(2, MIB, &[0]),
            cache(2, MIB, &[1]),
            cache(3, 32 * MIB, &[0, 1]),
        ]
    }

    fn windows(levels: &[Level]) -> Vec<(&str, u64, u64)> {
        let window = |level: &Level| (level.window.0, level.window.1);
        levels
            .iter()
            .map(|level| (level.name.as_str(), window(level).0, window(level).1))
            .collect()
    }

    #[test]
    fn one_thread_has_the_shared_cache_for_itself() {
        let largest = largest(&two_cores(), &[0], 1, None);
        assert_eq!(largest, 256 * MIB);
        let levels = levels(&two_cores(), &[0], largest);
        assert_eq!(
            windows(&levels),
            [
                ("L1", 8 * KIB, 36 * KIB),
                ("L2", 96 * KIB, 768 * KIB),
                ("L3", 2 * MIB, 24 * MIB),
                ("DRAM", 192 * MIB, 256 * MIB),
            ]
        );
    }

    #[test]
    fn two_threads_share_it() {
        let largest = largest(&two_cores(), &[0, 1], 2, None);
        assert_eq!(largest, 128 * MIB);
        let levels = levels(&two_cores(), &[0, 1], largest);
        assert_eq!(levels[2].capacity_bytes, Some(16 * MIB));
        assert_eq!(levels[3].window, (96 * MIB, 128 * MIB));
    }

    /// Every level is shown by a size of the sweep and by one of the samples, and no size by two levels.
    #[test]
    fn every_level_is_measured() {
        let narrow = vec![
            cache(1, 32 * KIB, &[0]),
            cache(2, 90 * KIB, &[0]),
            cache(3, MIB, &[0]),
        ];
        for caches in [two_cores(), narrow, vec![]] {
            for cpus in [vec![0], vec![0, 1]] {
                let largest = largest(&caches, &cpus, cpus.len() as u64, None);
                let levels = levels(&caches, &cpus, largest);
                assert!(levels.iter().any(|level| level.name == "DRAM"));
                for sizes in [sweep(&levels, largest), samples(&levels, largest)] {
                    for level in &levels {
                        assert!(sizes.iter().any(|size| level.shows_in(*size)), "{level:?}");
                    }
                    for size in &sizes {
                        let shown = levels.iter().filter(|level| level.shows_in(*size));
                        assert!(shown.count() <= 1, "{size}");
                    }
                    assert!(sizes.is_sorted() && sizes.iter().all(|size| *size <= largest));
                }
            }
        }
    }

    #[test]
    fn a_share_no_larger_than_the_level_before_is_no_level() {
        // 1.375 MiB of L3 a core behind 1 MiB of L2
        let caches = vec![
            cache(1, 32 * KIB, &[0]),
            cache(2, MIB, &[0]),
            cache(3, 11 * MIB / 8, &[0]),
        ];
        let levels = levels(&caches, &[0], 64 * MIB);
        let names: Vec<&str> = levels.iter().map(|level| level.name.as_str()).collect();
        assert_eq!(names, ["L1", "L2", "DRAM"]);
    }

    #[test]
    fn short_memory_shows_no_dram() {
        let largest = largest(&two_cores(), &[0], 1, Some(256 * MIB));
        assert_eq!(largest, 64 * MIB);
        let levels = levels(&two_cores(), &[0], largest);
        assert_eq!(levels.last().map(|level| level.name.as_str()), Some("L3"));
        let tiny = super::largest(&two_cores(), &[0], 1, Some(0));
        assert_eq!(tiny, SMALLEST);
    }

    #[test]
    fn unknown_caches_leave_memory() {
        let largest = largest(&[], &[], 4, None);
        assert_eq!(largest, 64 * MIB);
        let levels = levels(&[], &[], largest);
        assert_eq!(windows(&levels), [("DRAM", 48 * MIB, 64 * MIB)]);
        assert_eq!(sweep(&levels, largest).len(), 14);
    }
}
