//! How well the calibrated latency model predicts networks it has not seen, beside simple baselines, on public tables: `../shared/data` beside
//! the repository, or the folder that `ROOFNAS_DATA` names.
//!
//! ```text
//! cargo bench -p roofnas-hardware --bench calibration [-- SECTION... COLUMN...]
//! ```
//!
//! Sections are `whole-networks`, `batches`, `plans`, `ncnn`, `threads`, `convolutions` and `published`; any other argument chooses the columns, or devices, that contain it.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod batches;
mod convolutions;
mod data;
mod families;
mod model;
mod plans;
mod published;
mod table;
mod threads;
mod whole_networks;

use std::time::Instant;

/// What was asked for on the command line.
pub(crate) struct Filters {
    columns: Vec<String>,
}

impl Filters {
    /// Whether a column or device was asked for.
    pub(crate) fn accepts(&self, name: &str) -> bool {
        self.columns.is_empty() || self.columns.iter().any(|part| name.contains(part.as_str()))
    }

    /// Whether particular columns or devices were asked for.
    pub(crate) fn are_some(&self) -> bool {
        !self.columns.is_empty()
    }
}

type Section = (&'static str, fn(&Filters));

const SECTIONS: [Section; 7] = [
    ("whole-networks", whole_networks::run),
    ("batches", batches::run),
    ("plans", plans::run),
    ("ncnn", families::run),
    ("threads", threads::run),
    ("convolutions", convolutions::run),
    ("published", published::run),
];

fn main() {
    let arguments = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"));
    let (sections, columns): (Vec<String>, Vec<String>) =
        arguments.partition(|argument| SECTIONS.iter().any(|(name, _)| name == argument));
    let filters = Filters { columns };
    if !data::folder().is_dir() {
        println!(
            "SKIPPED: {} is no folder; set ROOFNAS_DATA to the folder of public tables",
            data::folder().display()
        );
        return;
    }
    for (name, run) in SECTIONS {
        if sections.is_empty() || sections.iter().any(|section| section == name) {
            println!("\n## {name}\n");
            let began = Instant::now();
            run(&filters);
            println!("\n{name}: {:.0} s", began.elapsed().as_secs_f64());
        }
    }
}
