/// Tells how long a search has taken so far, in seconds of wall time.
///
/// A caller that resumes a search adds what it took before. Any function that returns seconds is a
/// clock, so a test can bring its own. A clock is read between generations, by several threads.
pub trait Clock: Sync {
    /// Seconds since the search began; never less than the time before.
    fn seconds(&self) -> f64;
}

impl<F: Fn() -> f64 + Sync> Clock for F {
    fn seconds(&self) -> f64 {
        self()
    }
}
