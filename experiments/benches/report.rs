//! How long a report takes, and how large it is.
//!
//! `cargo bench -p roofnas --bench report`. The networks are random ones of the space in the place of a front, which changes nothing for the page but how the
//! pictures look. Bytes per second are those of the page.

use divan::Bencher;
use divan::counter::BytesCount;
use roofnas::{
    Experiment, ExperimentFile, FrontRow, Generation, Outcome, PricedLandmark, Unproven, report,
};
use roofnas_hardware::Profiles;
use roofnas_search::StopReason;
use roofnas_space::presets;

fn main() {
    divan::main();
}

fn experiment() -> Experiment {
    let text = "name = \"bench\"\n[platform]\nprofile = \"raspberry-pi-4-ncnn-1-thread\"\n[space]\npreset = \"mobile\"\n[constraints]\nlatency_ms = 60\n";
    let mut file = ExperimentFile::parse(text, "bench.toml", &[]).expect("is sound");
    let config = file.runs.remove(0).config;
    Experiment::new(config, "bench.toml", &Profiles::default()).expect("is sound")
}

/// An outcome with so many networks.
fn outcome(experiment: &Experiment, networks: usize) -> Outcome {
    let genotypes = experiment.sample.iter().cycle().take(networks);
    let mut front: Vec<FrontRow> = genotypes
        .enumerate()
        .map(|(index, genotype)| FrontRow {
            id: format!("b{:03}", index + 1),
            text: experiment.space.format(genotype),
            resolution: experiment.space.resolution(genotype),
            metrics: experiment.appraise(genotype),
            genotype: genotype.clone(),
        })
        .collect();
    front.sort_by(|a, b| {
        a.metrics
            .latency
            .mean_ms
            .total_cmp(&b.metrics.latency.mean_ms)
    });
    let landmarks = presets::landmarks().into_iter();
    let landmarks = landmarks.map(|landmark| PricedLandmark {
        metrics: experiment.appraiser.appraise(&landmark.network),
        landmark,
    });
    let history = (1..=780).map(|generation| Generation {
        generation,
        evaluations: 256 * generation,
        best_quality: Some(5.0 - 9.0 / generation as f64),
        hypervolume: Some(170.0 - 90.0 / generation as f64),
        feasible_share: 0.5,
        seconds: 0.01 * generation as f64,
    });
    Outcome {
        front,
        nearest: None,
        history: history.collect(),
        evaluations: 200_000,
        hypervolume: Some(170.0),
        reference: vec![60.0, 5.0],
        reason: StopReason::Evaluations,
        sample: experiment.appraise_sample(),
        landmarks: landmarks.collect(),
        certified: Err(Unproven::Unasked),
        training: None,
        refinement: None,
        warnings: Vec::new(),
    }
}

/// The page of a run by the size of its front. It should stay well below a second and a few megabytes.
#[divan::bench(args = [50, 200, 1000])]
fn run(bencher: Bencher, networks: usize) {
    let experiment = experiment();
    let outcome = outcome(&experiment, networks);
    let bytes = report::html(&experiment, &outcome).expect("draws").len();
    println!("{networks} networks: {:.2} MB", 1e-6 * bytes as f64);
    bencher
        .counter(BytesCount::new(bytes))
        .bench(|| report::html(&experiment, &outcome));
}
