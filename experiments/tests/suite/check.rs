//! `roofnas check`.

use std::path::Path;

use serde_json::Value;

use crate::support::{Desk, QUICKSTART, Table};

#[test]
fn json_holds_the_exact_size_of_the_space() {
    let desk = Desk::new();
    let text = desk
        .roofnas(&["check", QUICKSTART, "--format", "json"])
        .ends(0)
        .stdout;
    let runs: Value = serde_json::from_str(&text).unwrap();
    let run = &runs.as_array().unwrap()[0];
    let size = run["space_size"]
        .as_str()
        .map_or_else(|| run["space_size"].to_string(), str::to_owned);
    assert!(
        size.len() > 20 && size.bytes().all(|digit| digit.is_ascii_digit()),
        "{size}"
    );
    assert_eq!(run["platform"], "raspberry-pi-4-ncnn-4-threads");
    assert_eq!(run["evaluations"], 200_000);
    assert!(
        run["sample_feasible_share"].as_f64().unwrap() < 1.0,
        "the quickstart's budget binds"
    );
}

#[test]
fn sizes_are_the_published_ones() {
    let desk = Desk::with_tiny();
    let text = desk
        .roofnas(&[
            "check",
            "tiny.toml",
            "--set",
            "space.preset=nas-bench-macro",
            "--format",
            "json",
        ])
        .ends(0)
        .stdout;
    assert!(text.contains("6561"), "{text}");
}

#[test]
fn csv_and_table_hold_the_same() {
    let desk = Desk::with_tiny();
    let csv = Table::parse(
        &desk
            .roofnas(&["check", "tiny.toml", "--format", "csv"])
            .ends(0)
            .stdout,
    );
    assert_eq!(csv.rows.len(), 1);
    let table = desk
        .roofnas(&["check", "tiny.toml"])
        .ends(0)
        .says(&["uncalibrated"])
        .stdout;
    for value in ["intel-i9-10980xe", "nsga2", csv.text("space_size")[0]] {
        assert!(table.contains(value), "{value}");
    }
}

#[test]
fn every_shipped_experiment_is_fine() {
    let configs = Path::new(QUICKSTART).parent().unwrap().read_dir().unwrap();
    let desk = Desk::new();
    for config in configs {
        desk.roofnas(&["check", config.unwrap().path().to_str().unwrap()])
            .ends(0);
    }
}

#[test]
fn nothing_is_written() {
    let desk = Desk::with_tiny();
    let before = desk.files(".");
    desk.roofnas(&["check", "tiny.toml"]).ends(0);
    assert!(desk.files(".") == before);
}

#[test]
fn a_stored_experiment_checks() {
    let desk = Desk::with_run();
    desk.roofnas(&["check", "run/experiment.toml"]).ends(0);
}
