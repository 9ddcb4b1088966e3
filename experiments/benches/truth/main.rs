//! Search with both truths known.
//!
//! The space of NAS-Bench-Macro is small enough for every network to be trained (its authors did, three times each) and to be timed (`measure` did, once).
//!
//! `cargo bench -p roofnas --bench truth -- measure OUT.csv` times the 3,969 distinct networks on this machine with ONNX Runtime on one thread.
//! `latency.csv` is what that gave on 2026-11-28: a virtual server with two cores of an AMD EPYC that others were at work on, ONNX Runtime 1.32.0, one thread,
//! single precision, batch 1. The stated deviation of a latency is 2.5 % at the median; from a sum over the blocks they deviate by 3.9 %, of which some is theirs.
//!
//! `cargo bench -p roofnas --bench truth -- report ACCURACY.csv [LATENCY.csv] [draws=10]` gives the tool 50 or 100 of the latencies and 50 of the accuracies of seed 1,
//! and holds what it picks under ten budgets against all latencies and the accuracies of seeds 2 and 3. `ACCURACY.csv` is the table that the benchmark's authors
//! publish (columns `arch`, `acc1`, `acc2`, `acc3`).

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod architectures;
mod knowledge;
mod measure;
mod report;
mod training;
mod world;
#[path = "../yardstick/mod.rs"]
mod yardstick;

/// What `measure` has written.
const LATENCIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/truth/latency.csv");
/// Repetitions of the report: each draws networks anew.
const DRAWS: u64 = 10;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["measure", out] => measure::measure(out.as_ref()),
        ["answer", accuracies, folder] => training::answer(accuracies.as_ref(), folder.as_ref()),
        ["report", accuracies, ref rest @ ..] => {
            let (mut latencies, mut draws) = (LATENCIES, DRAWS);
            for argument in rest {
                match argument.strip_prefix("draws=") {
                    Some(number) => draws = number.parse().unwrap(),
                    None => latencies = argument,
                }
            }
            report::report(accuracies.as_ref(), latencies.as_ref(), draws);
        }
        // run with all other benchmarks, it is given nothing
        _ => eprintln!(
            "usage: cargo bench -p roofnas --bench truth -- measure OUT.csv | report ACCURACY.csv [LATENCY.csv] [draws=10]"
        ),
    }
}
