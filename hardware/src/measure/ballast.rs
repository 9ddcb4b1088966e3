//! Free memory that lies in small pieces, kept out of the way.
//!
//! A system that has run for a while has free memory in pieces of all sizes, and gives the small ones away first. What is loaded first then lies scattered in physical memory, and is slower
//! for good than the same loaded later: on two cores of a virtual Xeon, of twelve sessions of one network in one process (DLA-34, ONNX Runtime) the first took up to 1.4 times as long as the
//! last. With the pieces held by somebody else, all took the same within 2 %. So that networks can be compared, the pieces are held while networks are loaded and run.

use std::fs::{self, File};
use std::io;

use super::machine::available_memory;

/// Blocks of 2^9 pages and more (2 MiB, where pages have 4 KiB) aren't small.
const SMALL_ORDERS: usize = 9;

/// At most so large a part of the available memory is held: networks are given half of it, and others want some as well. More than there is must never be asked for: the system gives it, and
/// ends programs meanwhile.
const PART: u64 = 4;

/// Pieces that have come up since are left alone below so many bytes.
const FEW: u64 = 32 << 20;

/// So much is asked for at once: whether there is more is looked up in between.
const STEP: u64 = 256 << 20;

/// Small pieces of free memory, held until this is dropped.
#[derive(Debug, Default)]
pub struct Ballast {
    /// A file in memory: it takes its pages without being written to, and one by one, but where the system was told to give such files huge ones, which leaves the pieces free.
    file: Option<File>,
    bytes: u64,
    /// Bytes that may be held.
    most: u64,
    /// Bytes in pieces that stayed free when all were held: they are set aside for other purposes.
    aside: u64,
}

impl Ballast {
    /// Holds as much as is free in small pieces, and no more than a quarter of what is available. Holds nothing where the system doesn't say, or doesn't give it.
    pub fn of_pieces() -> Self {
        let mut ballast = Self {
            most: available_memory().unwrap_or(0) / PART,
            ..Self::default()
        };
        ballast.top_up();
        ballast
    }

    /// Holds what has come up in small pieces since, too.
    pub fn top_up(&mut self) {
        let mut wanted = self.wanted(free_pieces().unwrap_or(0));
        if wanted == 0 {
            return;
        }
        while wanted > 0 && self.leaves_enough() {
            let step = wanted.min(STEP);
            if self.hold(step).is_err() {
                // measuring does without
                self.most = self.bytes;
                return;
            }
            wanted -= step;
        }
        self.aside = free_pieces().unwrap_or(0);
    }

    /// How much more to hold when so much is free in pieces.
    fn wanted(&self, free: u64) -> u64 {
        let new = free.saturating_sub(self.aside);
        let wanted = new.min(self.most.saturating_sub(self.bytes));
        if wanted < FEW { 0 } else { wanted }
    }

    /// Whether others still have all but a part of what was available.
    fn leaves_enough(&self) -> bool {
        available_memory().is_some_and(|left| left >= (PART - 1) * self.bytes)
    }

    /// Bytes held: they are available again once this is dropped.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn hold(&mut self, more: u64) -> io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => file_in_memory()?,
        };
        let held = lengthen(&file, self.bytes, more);
        self.file = Some(file);
        self.bytes += if held.is_ok() { more } else { 0 };
        held
    }
}

/// Bytes that are free in small pieces, where the system says.
fn free_pieces() -> Option<u64> {
    pieces(&fs::read_to_string("/proc/buddyinfo").ok()?)
}

#[cfg(target_os = "linux")]
fn file_in_memory() -> io::Result<File> {
    use rustix::fs::{MemfdFlags, memfd_create};
    Ok(memfd_create("roofnas-pieces", MemfdFlags::CLOEXEC)?.into())
}

/// Gives a file of so many bytes more.
#[cfg(target_os = "linux")]
fn lengthen(file: &File, bytes: u64, more: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::process::{Resource, getrlimit};
    // a file that outgrows this limit ends its process
    let most = getrlimit(Resource::Fsize).current;
    if most.is_some_and(|most| bytes + more > most) {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(fallocate(file, FallocateFlags::empty(), bytes, more)?)
}

#[cfg(not(target_os = "linux"))]
fn file_in_memory() -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
fn lengthen(_: &File, _: u64, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Bytes in small blocks, by the lines `Node 0, zone Normal 35576 27563 ...` of `/proc/buddyinfo`: how many free blocks of 1, 2, 4, ... pages there are. Pages are taken to have 4 KiB:
/// the larger ones that some systems have would only be held in part.
fn pieces(text: &str) -> Option<u64> {
    const PAGE: u64 = 4096;
    let mut bytes = 0_u64;
    for line in text.lines() {
        let (_, zone) = line.split_once("zone")?;
        let counts = zone.split_whitespace().skip(1);
        for (order, count) in counts.take(SMALL_ORDERS).enumerate() {
            let count: u64 = count.parse().ok()?;
            bytes = bytes.saturating_add(count.saturating_mul(PAGE << order));
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_below_two_mebibytes_are_pieces() {
        let text = "Node 0, zone      DMA      0      0      0      0      0      0      0      0      1      1      3 \n\
                    Node 0, zone   Normal      5      0      2      0      0      0      0      0      0      7      9 \n";
        assert_eq!(pieces(text), Some((256 + 5 + 2 * 4) * 4096));
        assert_eq!(pieces(""), Some(0));
        assert_eq!(pieces("Node 0, zone Normal many\n"), None);
        assert_eq!(pieces("nothing of the kind\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_held_is_memory_and_not_a_promise() {
        let mut ballast = Ballast::default();
        // multiples of huge pages, where files in memory have these
        for held in [4 << 20, 10 << 20] {
            // a sandbox may forbid it
            if ballast.hold(held - ballast.bytes()).is_err() {
                assert_eq!(ballast.bytes(), 0);
                return;
            }
            assert_eq!(ballast.bytes(), held);
            let status = rustix::fs::fstat(ballast.file.as_ref().unwrap()).unwrap();
            assert_eq!(status.st_blocks as u64 * 512, held);
        }
    }

    #[test]
    fn new_pieces_are_wanted_up_to_what_may_be_held() {
        let gibibyte = 1 << 30;
        let fresh = Ballast {
            most: gibibyte,
            ..Ballast::default()
        };
        let later = Ballast {
            bytes: gibibyte - FEW,
            aside: FEW,
            most: gibibyte,
            ..Ballast::default()
        };
        let table = [
            (&fresh, FEW - 1, 0),
            (&fresh, 2 * FEW, 2 * FEW),
            (&fresh, 5 * gibibyte, gibibyte),
            // what could not be had before is not asked for again
            (&later, 2 * FEW - 1, 0),
            (&later, 2 * FEW, FEW),
            (&later, 5 * gibibyte, FEW),
        ];
        for (ballast, free, wanted) in table {
            assert_eq!(ballast.wanted(free), wanted, "{free} of {ballast:?}");
        }
        assert_eq!(Ballast::default().wanted(5 * gibibyte), 0);
    }
}
