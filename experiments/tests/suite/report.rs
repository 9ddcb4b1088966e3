//! `roofnas report`: the report of a finished run, or of a batch, again from what its folder holds.

use crate::support::{Desk, TINY};

/// A run with a proof, and its report again.
fn again(settings: &[&str]) -> (String, String) {
    let desk = Desk::with_tiny();
    let mut args = vec!["run", "tiny.toml", "--out", "run"];
    for setting in settings {
        args.extend(["--set", setting]);
    }
    desk.roofnas(&args).ends(0);
    desk.roofnas(&["report", "run", "--out", "deep/again.html"])
        .ends(0)
        .says(&["wrote deep/again.html"]);
    (desk.read("run/report.html"), desk.read("deep/again.html"))
}

#[test]
fn a_run_has_the_same_report_again() {
    let (first, second) = again(&[]);
    assert!(first == second);
}

#[test]
fn a_proven_run_has_the_same_report_again() {
    let (first, second) = again(&["space.preset=nas-bench-macro", "search.certify=true"]);
    assert!(first.contains("Proven"));
    assert!(first == second);
}

#[test]
fn what_can_not_be_proven_is_told_again() {
    let (first, second) = again(&[
        "space.preset=nas-bench-macro",
        "search.certify=true",
        "objectives.minimize=[\"latency\",\"peak_memory\"]",
    ]);
    assert!(first.contains("Not proven"));
    assert!(first == second);
}

#[test]
fn without_out_it_takes_the_place_of_the_old_one() {
    let desk = Desk::with_run();
    let before = desk.files("run");
    desk.write("run/report.html", "an old page");
    desk.roofnas(&["report", "run"])
        .ends(0)
        .says(&["wrote run/report.html"]);
    assert!(desk.files("run") == before);
}

#[test]
fn a_batch_has_the_same_report_again() {
    let desk = Desk::new();
    desk.write("batch.toml", format!("{TINY}[matrix]\nseed = [1, 2]\n"));
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    desk.roofnas(&["report", "out", "--out", "again.html"])
        .ends(0);
    assert!(desk.read("again.html") == desk.read("out/report.html"));
}

#[test]
fn a_run_of_a_version_without_an_outcome_is_told_as_such() {
    let desk = Desk::with_run();
    std::fs::remove_file(desk.path("run/outcome.json")).unwrap();
    let before = desk.files("run");
    desk.roofnas(&["report", "run"]).ends(2).says(&[
        "run",
        "no outcome.json",
        "version",
        "experiment.toml again",
    ]);
    assert!(desk.files("run") == before, "nothing is touched");
}

#[test]
fn a_run_of_another_version_is_drawn_with_a_warning() {
    let desk = Desk::with_run();
    let outcome = desk.read("run/outcome.json");
    let now = concat!("\"", env!("CARGO_PKG_VERSION"), "\"");
    desk.write("run/outcome.json", outcome.replace(now, "\"0.0.7\""));
    desk.roofnas(&["report", "run"]).ends(0).says(&[
        "warning",
        "made by roofnas 0.0.7",
        env!("CARGO_PKG_VERSION"),
    ]);
}

#[test]
fn missing_and_broken_files_are_named() {
    for (name, text, says) in [
        ("history.csv", None, "history.csv"),
        ("platform.toml", None, "platform.toml"),
        ("outcome.json", Some("{"), "outcome.json"),
        (
            "pareto.csv",
            Some("id,genotype\nb01,nonsense\n"),
            "pareto.csv",
        ),
    ] {
        let desk = Desk::with_run();
        match text {
            Some(text) => desk.write(&format!("run/{name}"), text),
            None => std::fs::remove_file(desk.path("run").join(name)).unwrap(),
        }
        desk.roofnas(&["report", "run", "--out", "again.html"])
            .ends(2)
            .says(&[says]);
        assert!(!desk.path("again.html").exists(), "{name}");
    }
}

#[test]
fn a_missing_proof_is_told() {
    let desk = Desk::with_tiny();
    let small = ["space.preset=nas-bench-macro", "search.certify=true"];
    desk.roofnas(&[
        "run",
        "tiny.toml",
        "--out",
        "run",
        "--set",
        small[0],
        "--set",
        small[1],
    ])
    .ends(0);
    std::fs::remove_file(desk.path("run/certificate.json")).unwrap();
    desk.roofnas(&["report", "run"])
        .ends(2)
        .says(&["no certificate.json", "asks for one"]);
}

#[test]
fn what_is_no_finished_run_is_refused() {
    let desk = Desk::new();
    desk.write("other/notes.txt", "mine");
    for folder in ["nowhere", "other"] {
        desk.roofnas(&["report", folder])
            .ends(2)
            .says(&[folder, "no finished run"]);
    }
    assert_eq!(desk.files("other").len(), 1);
}
