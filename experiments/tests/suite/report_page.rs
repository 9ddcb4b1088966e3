//! The page of a run: what it says, how large it is, and that it needs nothing but itself.

use std::collections::HashMap;

use roofnas::{Experiment, ExperimentFile, FrontRow, Outcome, PricedLandmark, Unproven, report};
use roofnas_hardware::Profiles;
use roofnas_search::StopReason;
use roofnas_space::presets;

use crate::support::{Desk, TINY};

const FRONT: usize = 200;
const LARGEST: usize = 3_000_000;

#[test]
fn the_page_of_a_front_of_200_is_small() {
    let text = "name = \"large\"\n[platform]\nprofile = \"raspberry-pi-4-ncnn-1-thread\"\n[space]\npreset = \"mobile\"\n[constraints]\nlatency_ms = 60\n";
    let config = ExperimentFile::parse(text, "large.toml", &[]).unwrap();
    let config = config.runs.into_iter().next().unwrap().config;
    let experiment = Experiment::new(config, "large.toml", &Profiles::default()).unwrap();
    let outcome = outcome(&experiment);
    assert_eq!(outcome.front.len(), FRONT);
    let page = report::html(&experiment, &outcome).unwrap();
    assert!(page.len() < LARGEST, "{} bytes", page.len());
    for row in &outcome.front {
        assert!(page.contains(&format!("<title>{}\n", row.id)), "{}", row.id);
    }
}

/// Random networks of the space in the place of a front: as large as one, and quickly made.
fn outcome(experiment: &Experiment) -> Outcome {
    let rows = experiment.sample.iter().take(FRONT).enumerate();
    let rows = rows.map(|(index, genotype)| FrontRow {
        id: format!("b{:03}", index + 1),
        text: experiment.space.format(genotype),
        resolution: experiment.space.resolution(genotype),
        metrics: experiment.appraise(genotype),
        genotype: genotype.clone(),
    });
    let landmarks = presets::landmarks().into_iter();
    let landmarks = landmarks.map(|landmark| PricedLandmark {
        metrics: experiment.appraiser.appraise(&landmark.network),
        landmark,
    });
    Outcome {
        front: rows.collect(),
        nearest: None,
        history: Vec::new(),
        evaluations: 1000,
        hypervolume: None,
        reference: Vec::new(),
        reason: StopReason::Evaluations,
        sample: experiment.appraise_sample(),
        landmarks: landmarks.collect(),
        certified: Err(Unproven::Unasked),
        training: None,
        refinement: None,
        warnings: Vec::new(),
    }
}

#[test]
fn a_network_of_the_front_says_what_it_is() {
    let desk = Desk::with_run();
    let report = desk.read("run/report.html");
    let front = desk.table("run/pareto.csv");
    let row = &front.rows[0];
    let card = report.split(&format!("<title>{}\n", row["id"])).nth(1);
    let card = card.unwrap().split("</title>").next().unwrap();
    for part in [
        "AE3: ",
        "latency: ",
        "90 % interval",
        "MACs: ",
        "params: ",
        "peak memory: ",
    ] {
        assert!(card.contains(part), "{part}: {card}");
    }
    assert!(card.ends_with(&row["genotype"]), "{card}");
}

#[test]
fn the_record_names_platform_hash_and_command() {
    let desk = Desk::with_run();
    let report = desk.read("run/report.html");
    let hash = std::process::Command::new("sha256sum")
        .arg(desk.path("run/platform.toml"))
        .output();
    // not every system has it
    if let Ok(output) = hash {
        let printed = String::from_utf8(output.stdout).unwrap();
        let hash = printed.split_whitespace().next().unwrap();
        assert!(report.contains(hash), "{hash}");
    }
    for part in [
        "roofnas run experiment.toml --out",
        concat!("roofnas ", env!("CARGO_PKG_VERSION")),
        "SHA-256",
    ] {
        assert!(report.contains(part), "{part}");
    }
}

#[test]
fn the_chosen_network_is_drawn_stage_by_stage() {
    let desk = Desk::with_tiny();
    let resolution = "space.resolution=224";
    desk.roofnas(&["run", "tiny.toml", "--out", "run", "--set", resolution])
        .ends(0);
    let report = desk.read("run/report.html");
    let picture = report.split("<svg class=\"backbone\"").nth(1).unwrap();
    let picture = picture.split("</svg>").next().unwrap();
    for part in [">stem<", ">stage 1<", ">head<", "112×112", "inverted "] {
        assert!(picture.contains(part), "{part}");
    }
}

#[test]
fn published_networks_are_told_apart_by_who_dominates_them() {
    let desk = Desk::with_run();
    let report = desk.read("run/report.html");
    for part in [
        "Against published networks",
        "are dominated by networks found here",
        "dominated by",
    ] {
        assert!(report.contains(part), "{part}");
    }
}

#[test]
fn a_certified_run_shows_the_exact_front_in_its_convergence() {
    let desk = Desk::with_tiny();
    let args = ["run", "tiny.toml", "--out", "run"];
    let small = [
        "--set",
        "space.preset=nas-bench-macro",
        "--set",
        "search.certify=true",
    ];
    let args: Vec<&str> = args.into_iter().chain(small).collect();
    desk.roofnas(&args).ends(0);
    let report = desk.read("run/report.html");
    assert!(report.contains("the exact front"), "no limit is drawn");
    assert!(report.contains("exact front: it is on it"));
}

#[test]
fn a_batch_draws_each_platform_once_and_says_what_made_it() {
    let desk = Desk::new();
    let platforms = "\"platform.profile\" = [\"intel-i9-10980xe\", \"nvidia-v100\"]";
    desk.write(
        "batch.toml",
        format!("{TINY}[matrix]\n{platforms}\nseed = [1, 2]\n"),
    );
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    let report = desk.read("out/report.html");
    let platforms = report
        .split("under their platforms' rooflines")
        .nth(1)
        .unwrap();
    assert_eq!(platforms.matches("<figure>").count(), 2);
    for part in [
        "SHA-256 of platform.toml",
        "1, 2",
        "roofnas run matrix.toml",
    ] {
        assert!(platforms.contains(part), "{part}");
    }
}

#[test]
fn a_batch_says_what_can_be_had_within_each_budget() {
    let desk = Desk::new();
    let matrix = "[matrix]\n\"platform.profile\" = [\"intel-i9-10980xe\", \"nvidia-v100\"]\n\
        \"constraints.latency_ms\" = [1.0, 0.0001]\nseed = [1, 2]\n";
    desk.write("batch.toml", format!("{TINY}{matrix}"));
    desk.roofnas(&["run", "batch.toml", "--out", "out"]);
    let report = desk.read("out/report.html");
    let section = report.split("What can be had").nth(1).unwrap();
    let table = section.split("</table>").next().unwrap();
    let (tight, loose) = (
        table.find("within 0.0001 ms").unwrap(),
        table.find("within 1 ms").unwrap(),
    );
    assert!(tight < loose, "budgets rise from left to right");
    assert_eq!(table.matches("nothing fits").count(), 2);
    assert_eq!(table.matches("at most 0.0001").count(), 2, "{table}");
    let summary = desk.table("out/summary.csv").rows;
    for platform in ["intel-i9-10980xe", "nvidia-v100"] {
        let quality = |row: &HashMap<String, String>| row["best_quality"].parse::<f64>().unwrap();
        let own = summary.iter().filter(|row| {
            row["platform"] == platform
                && row["latency_budget_ms"] == "1"
                && row["status"] == "done"
        });
        let best = own
            .max_by(|a, b| quality(a).total_cmp(&quality(b)))
            .unwrap();
        let line = table
            .split("<tr>")
            .find(|line| line.contains(platform))
            .unwrap();
        let link = format!("href=\"{}/report.html\"", best["run"]);
        assert!(line.contains(&link), "{link}: {line}");
    }
    let picture = section.split("The runs").next().unwrap();
    assert_eq!(picture.matches("class=\"swatch\"").count(), 2);
    assert!(picture.contains("network: "), "no point says what it is");
}

#[test]
fn runs_that_differ_in_seeds_alone_are_put_together_where_there_are_many() {
    let desk = Desk::new();
    let matrix = "[matrix]\n\"platform.profile\" = [\"intel-i9-10980xe\", \"nvidia-v100\"]\n\
        seed = [1, 2, 3, 4, 5, 6, 7, 8, 9]\n";
    desk.write("batch.toml", format!("{TINY}{matrix}"));
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    let report = desk.read("out/report.html");
    let matrix = report.split("Portability").nth(1).unwrap();
    let matrix = matrix.split("</figure>").next().unwrap();
    assert_eq!(matrix.matches("\npriced on ").count(), 4, "{matrix}");
    assert!(matrix.contains("their fronts are one"));
}
