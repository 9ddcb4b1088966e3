//! What else the machine does while networks run.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Bytes that push everything else out of a cache: more than the last caches of desktops and most servers hold.
const CACHE_BYTES: usize = 128 << 20;

/// Threads that are kept busy until this is dropped.
#[derive(Debug)]
pub struct Background {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Background {
    /// Starts so many threads, or as many as can be had.
    pub fn start(count: u32) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let start = |_| {
            let is_over = Arc::clone(&is_over);
            thread::Builder::new().spawn(move || toil(&is_over)).ok()
        };
        let threads = (0..count).filter_map(start).collect();
        Self { is_over, threads }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // a thread of ours that panicked has nothing to tell
            let _ = thread.join();
        }
    }
}

/// Arithmetic and a little memory traffic, as an application has beside its network.
fn toil(is_over: &AtomicBool) {
    let mut numbers = vec![1.0_f32; 1 << 18];
    while !is_over.load(Ordering::Relaxed) {
        for number in &mut numbers {
            *number = number.mul_add(0.999, 0.001);
        }
        black_box(&numbers);
    }
}

/// Fills the caches with something that nobody needs.
pub(super) fn fill_caches() {
    thread_local! {
        static NUMBERS: std::cell::RefCell<Vec<u64>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    NUMBERS.with_borrow_mut(|numbers| {
        numbers.resize(CACHE_BYTES / size_of::<u64>(), 1);
        // one number of each line, written so that the line is taken over
        for number in numbers.iter_mut().step_by(8) {
            *number = number.wrapping_add(1);
        }
        black_box(&numbers[0]);
    });
}
