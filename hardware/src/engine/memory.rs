//! How much memory the process takes.

/// How much the process grows while a model is loaded and first run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growth {
    before: Option<u64>,
    grown: Option<u64>,
}

impl Growth {
    /// Begins before the model is loaded.
    pub(super) fn begin() -> Self {
        Self {
            before: resident_bytes(),
            grown: None,
        }
    }

    /// Ends after the first run, since activations are allocated only then; later calls change nothing.
    pub(super) fn end(&mut self) {
        if self.grown.is_none() {
            let grown = |before| Some(resident_bytes()?.saturating_sub(before));
            self.grown = self.before.and_then(grown);
        }
    }

    /// Bytes it has grown by, once that is known. Memory that was freed before and is used again doesn't show.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.grown
    }
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
        let mut growth = Growth::begin();
        assert_eq!(growth.bytes(), None);
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        growth.end();
        let grown = growth.bytes().unwrap();
        assert!(grown > 48 << 20, "{grown}");
        drop(block);
        growth.end();
        assert_eq!(growth.bytes(), Some(grown));
    }
}
