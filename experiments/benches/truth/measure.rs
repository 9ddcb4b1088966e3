//! Timing every distinct network.

use std::path::Path;
use std::time::Instant;

use roofnas::write_whole;
use roofnas_space::{SearchSpace, presets};

use crate::architectures;
use crate::yardstick::{self, Timed};

/// Networks loaded at a time, the yardstick apart; their weights are some hundred megabytes.
const GROUP: usize = 30;
/// A middling network.
const YARDSTICK: &str = "12112012";

/// Times every distinct network, and writes digits and milliseconds.
pub(crate) fn measure(out: &Path) {
    let space = SearchSpace::new(presets::definition("nas-bench-macro").unwrap()).unwrap();
    let network =
        |digits: &str| space.decode(&space.parse(&architectures::genotype(digits)).unwrap());
    let all = architectures::distinct();
    let (count, began) = (all.len(), Instant::now());
    let yardstick = architectures::canonical(YARDSTICK);
    yardstick::time(all, network, &yardstick, GROUP, |timed| {
        if timed.len().is_multiple_of(10 * GROUP) || timed.len() == count {
            write(out, timed);
            let seconds = began.elapsed().as_secs_f64();
            eprintln!("{} of {count} networks, {seconds:.0} s", timed.len());
        }
    });
}

fn write(out: &Path, timed: &[Timed]) {
    let mut table = "arch,latency_ms,latency_ms_std\n".to_owned();
    for row in timed {
        let (name, latency, std) = (&row.name, row.latency_ms, row.latency_ms_std);
        table += &format!("{name},{latency:.5},{std:.5}\n");
    }
    write_whole(out, table.as_bytes()).unwrap();
}
