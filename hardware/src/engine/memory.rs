//! How much memory the process takes.

/// How much the process grows while a model is loaded, and while it is first run: activations are allocated only then. Memory that
/// was freed before and is used again doesn't show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growth {
    loading: Option<u64>,
    running: Option<u64>,
}

impl Growth {
    /// Watches the loading.
    pub(super) fn while_loading<T>(load: impl FnOnce() -> T) -> (T, Self) {
        let (result, loading) = grown(load);
        let running = None;
        (result, Self { loading, running })
    }

    /// Watches a run, if it is the first.
    pub(super) fn while_running<T>(&mut self, run: impl FnOnce() -> T) -> T {
        if self.loading.is_none() || self.running.is_some() {
            return run();
        }
        let (result, running) = grown(run);
        self.running = running;
        result
    }

    /// Bytes it has grown by, once that is known.
    pub(super) fn bytes(&self) -> Option<u64> {
        Some(self.loading? + self.running?)
    }
}

/// Does something, and says by how many bytes the process has grown.
fn grown<T>(work: impl FnOnce() -> T) -> (T, Option<u64>) {
    let before = resident_bytes();
    let result = work();
    let grown = before.and_then(|before| Some(resident_bytes()?.saturating_sub(before)));
    (result, grown)
}

/// Bytes of this process that are in memory now, where the system says.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    kibibytes(&status, "VmRSS:").map(|kibibytes| kibibytes * 1024)
}

/// A line of the form `VmRSS:     1234 kB`.
fn kibibytes(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_file() {
        let status = "Name:\tx\nVmHWM:\t  9 kB\nVmRSS:\t    5124 kB\nThreads:\t1\n";
        assert_eq!(kibibytes(status, "VmRSS:"), Some(5124));
        assert_eq!(kibibytes("VmRSS: many kB", "VmRSS:"), None);
        assert_eq!(kibibytes("", "VmRSS:"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_that_is_written_to_is_seen() {
        let block = || std::hint::black_box(vec![1_u8; 64 << 20]);
        let (weights, mut growth) = Growth::while_loading(block);
        assert_eq!(growth.bytes(), None);
        // what others take in between is not counted
        let others = block();
        let activations = growth.while_running(block);
        let grown = growth.bytes().unwrap();
        assert!((100 << 20..170 << 20).contains(&grown), "{grown}");
        drop((weights, others, activations));
        growth.while_running(|| ());
        assert_eq!(growth.bytes(), Some(grown));
    }
}
