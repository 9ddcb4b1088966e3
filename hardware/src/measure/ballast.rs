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

/// Small pieces of free memory, held until this is dropped.
#[derive(Debug, Default)]
pub struct Ballast {
    /// A file in memory, and its bytes. It takes its pages one by one whatever the system's ways with huge pages are, and without being written to.
    held: Option<(File, u64)>,
}

impl Ballast {
    /// Holds as much as is free in small pieces, and no more than a quarter of what is available. Holds nothing where the system doesn't say, or doesn't give it.
    pub fn of_pieces() -> Self {
        let text = fs::read_to_string("/proc/buddyinfo").ok();
        let pieces = text.and_then(|text| pieces(&text));
        match (pieces, available_memory()) {
            (Some(pieces), Some(available)) => Self::of_bytes(pieces.min(available / PART)),
            _ => Self::default(),
        }
    }

    fn of_bytes(bytes: u64) -> Self {
        Self {
            held: file_in_memory(bytes).ok().map(|file| (file, bytes)),
        }
    }

    /// Bytes held: they are available again once this is dropped.
    pub fn bytes(&self) -> u64 {
        self.held.as_ref().map_or(0, |(_, bytes)| *bytes)
    }
}

#[cfg(target_os = "linux")]
fn file_in_memory(bytes: u64) -> io::Result<File> {
    use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, memfd_create};
    let file = memfd_create("roofnas-pieces", MemfdFlags::CLOEXEC)?;
    fallocate(&file, FallocateFlags::empty(), 0, bytes)?;
    Ok(file.into())
}

#[cfg(not(target_os = "linux"))]
fn file_in_memory(_: u64) -> io::Result<File> {
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
        let bytes = 5 << 20;
        let ballast = Ballast::of_bytes(bytes);
        assert_eq!(ballast.bytes(), bytes);
        let (file, _) = ballast.held.unwrap();
        let held = rustix::fs::fstat(file).unwrap();
        assert_eq!(held.st_blocks as u64 * 512, bytes);
        // what can't be had is no error
        assert_eq!(Ballast::of_bytes(0).bytes(), 0);
    }
}
