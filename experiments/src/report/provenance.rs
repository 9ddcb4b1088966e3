//! What made the numbers, and how to make them again. Nothing in it depends on when, where or on how many threads the run was made.

use maud::{Markup, html};
use sha2::{Digest, Sha256};

use super::picture::short;
use crate::experiment::Experiment;
use crate::quality::Quality;
use crate::run_directory::RunDirectory;
use crate::target::Target;

/// The section of a run.
pub(super) fn section(experiment: &Experiment) -> Markup {
    let model = &experiment.appraiser.model;
    let platform = model.platform();
    html! {
        h2 { "Where the numbers come from" }
        div class="scroll" { table class="record" { tbody {
            (row("made by", &html! { "roofnas " (env!("CARGO_PKG_VERSION")) }))
            (row("made again by", &html! { code { "roofnas run " (RunDirectory::EXPERIMENT) " --out " i { "FOLDER" } } ", in this report's folder" }))
            (row("seed", &html! { (experiment.resolved.seed) }))
            (row("platform", &html! { (platform.name) ", " (model.word()) }))
            (row("machine and engine", &html! { (platform.description) }))
            (row("conditions", &html! {
                "batch " (experiment.appraiser.batches()) ", " (model.dtype())
                @if let Some(threads) = platform.threads { ", " (threads) @if threads == 1 { " thread" } @else { " threads" } }
            }))
            (row("SHA-256 of platform.toml", &html! { code { (sha256(&experiment.platform_toml())) } }))
            @for target in &experiment.appraiser.targets {
                (row(&format!("target {}", target.name), &html! { (target.words()) }))
                (row(&format!("SHA-256 of {}", Target::file(&target.name)), &html! { code { (sha256(&target.platform_toml())) } }))
            }
            (row("space", &html! { (experiment.space.size()) " networks" }))
            (row("wall time", &html! { "in the column " code { "seconds" } " of " (RunDirectory::HISTORY) "; it is all that differs when the run is made again" }))
        } } }
        ul {
            @for source in &platform.provenance.sources { li { (source) } }
            @if let Some(licence) = &platform.provenance.licence { li { "licence of the measurements: " (licence) } }
            @if let Some(author) = &platform.provenance.attribution { li { "measured by: " (author) } }
            @if let Some(calibration) = model.calibration() {
                li { "calibrated on: " (calibration.measured.source) }
            } @else {
                li { "overheads: " (platform.overhead.source) }
                li { "uncertainty: " (platform.uncertainty.reason) }
            }
            (quality(experiment))
        }
    }
}

fn quality(experiment: &Experiment) -> Markup {
    let normalisation = match &experiment.appraiser.quality {
        Quality::Proxy { normalisation, .. } => Some(normalisation),
        Quality::Surrogate { .. } | Quality::External { .. } => None,
    };
    html! {
        @if let Some(lesson) = &experiment.lesson {
            li { "accuracy is predicted from trained.csv, for the recipe those networks were trained by: " (lesson.validation.sentence()) }
        }
        @if let Some(normalisation) = normalisation { li {
            "scores are normalised over " (experiment.sample.len()) " networks drawn from the space with seed 0: "
            @for (index, (term, moments)) in normalisation.terms().enumerate() {
                @if index > 0 { "; " }
                (term) " " (short(moments.mean)) " ± " (short(moments.std))
            }
        } }
    }
}

/// A row of what is on record.
pub(super) fn row(name: &str, value: &Markup) -> Markup {
    html! { tr { th scope="row" class="left" { (name) } td class="left" { (value) } } }
}

/// The SHA-256 of a file with this text, as `sha256sum` prints it.
pub(super) fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::sha256;

    #[test]
    fn hashes_are_those_of_the_standard() {
        // FIPS 180-2, appendix B.1
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256("abc"), known);
    }
}
