//! One chip, several engines: networks found for each of them, measured on all.
//!
//! `experiments/three-engines/run.sh` runs all of it. This program has its two ends:
//!
//! * `cargo bench -p roofnas --bench engines -- choose BATCH_DIR OUT_DIR` takes the runs of `experiments/three-engines/search.toml` and writes the networks
//!   that are to be measured, as ONNX files, with `networks.csv`, which says what each is for;
//! * `... -- tell OUT_DIR ENGINE...` reads `measured-ENGINE.csv`, which `roofnas measure` has written meanwhile, and tells.
//!
//! What is measured:
//!
//! * *edge*: of each run under a budget, the networks of the highest quality: is the budget kept, and used?
//! * *level*: of each run, the fastest networks that score as high as all runs under this budget reach, so that engines are compared at equal quality;
//!   the fewest MACs, and MobileNetV2 of the least width, that score as high stand beside them;
//! * *spread*: networks over the front of MACs. From what MobileNetV2 takes for its MACs, MACs are converted into latency, as one does without a model.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod choose;
mod network;
mod picture;
mod tell;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["choose", batch, out] => choose::choose(batch.as_ref(), out.as_ref()),
        ["tell", out, engines @ ..] if engines.len() > 1 => tell::tell(out.as_ref(), engines),
        // run with all other benchmarks, it is given nothing
        _ => eprintln!(
            "usage: cargo bench -p roofnas --bench engines -- choose BATCH_DIR OUT_DIR | tell OUT_DIR ENGINE ENGINE..."
        ),
    }
}
