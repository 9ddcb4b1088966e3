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

/// Small pieces of free memory, held until this is dropped.
#[derive(Debug, Default)]
pub struct Ballast {
    /// A file in memory: it takes its pages one by one whatever the system's ways with huge pages are, and without being written to.
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
        let new = free_pieces().unwrap_or(0).saturating_sub(self.aside);
        let new = new.min(self.most - self.bytes);
        if new < FEW {
            return;
        }
        match self.hold(new) {
            Ok(()) => self.aside = free_pieces().unwrap_or(0),
            // measuring does without
            Err(_) => self.most = self.bytes,
        }
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
        for held in [5 << 20, 7 << 20] {
            ballast.hold(held - ballast.bytes()).unwrap();
            assert_eq!(ballast.bytes(), held);
            let status = rustix::fs::fstat(ballast.file.as_ref().unwrap()).unwrap();
            assert_eq!(status.st_blocks as u64 * 512, held);
        }
    }

    #[test]
    fn no_more_is_held_than_may_be() {
        let mut ballast = Ballast::default();
        ballast.top_up();
        assert_eq!(ballast.bytes(), 0);
        let most = 2 * FEW;
        ballast.most = most;
        for _ in 0..3 {
            ballast.top_up();
            assert!(ballast.bytes() <= most);
        }
    }
}
