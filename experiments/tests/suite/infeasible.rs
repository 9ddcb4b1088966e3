//! Constraints that no network keeps.

use crate::support::{Desk, QUICKSTART};

#[test]
fn the_nearest_network_and_what_binds_are_named() {
    let desk = Desk::new();
    let args = [
        "run",
        QUICKSTART,
        "--out",
        "run",
        "--set",
        "constraints.latency_ms=0.0001",
        "--set",
        "search.evaluations=6000",
    ];
    let ended = desk.roofnas(&args).ends(3).says(&[
        "nearest is r224/",
        "latency_ms (with 95 % confidence) is ",
        "at most 0.0001",
    ]);
    assert_eq!(ended.stdout, "");
    // what is named is nearest: no smaller latency is in the message's reach, and it reads back as a network
    let nearest = ended
        .stderr
        .split("nearest is ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    let run = desk.finished("run");
    let genotype = run.experiment.space.parse(nearest).unwrap();
    let latency = run
        .experiment
        .appraiser
        .appraise(&run.experiment.space.decode(&genotype))
        .latency
        .upper95_ms();
    assert!(ended.stderr.contains(&format!(
        "latency_ms (with 95 % confidence) is {latency:.4}"
    )));
    assert!(
        latency < 30.0,
        "{latency} ms is not near the space's fastest"
    );
}

#[test]
fn a_constraint_that_holds_is_not_named() {
    let desk = Desk::with_tiny();
    let ended = desk
        .roofnas(&[
            "run",
            "tiny.toml",
            "--out",
            "run",
            "--set",
            "constraints.latency_ms=1000",
            "--set",
            "constraints.params=1000",
        ])
        .ends(3)
        .says(&["binds: params is", "at most 1000"]);
    assert!(!ended.stderr.contains("latency_ms is"), "{}", ended.stderr);
}

#[test]
fn all_constraints_that_bind_are_named() {
    let desk = Desk::with_tiny();
    desk.roofnas(&[
        "run",
        "tiny.toml",
        "--out",
        "run",
        "--set",
        "constraints.latency_ms=0.0001",
        "--set",
        "constraints.params=1000",
        "--set",
        "constraints.peak_memory_mib=0.001",
        "--set",
        "constraints.rho=0.001",
        "--set",
        "constraints.weights_mib=0.001",
        "--set",
        "constraints.macs=1",
    ])
    .ends(3)
    .says(&[
        "latency_ms is",
        "params is",
        "peak_memory_mib is",
        "rho is",
        "weights_mib is",
        "macs is",
    ]);
}

#[test]
fn a_random_search_says_so_too() {
    let desk = Desk::with_tiny();
    desk.roofnas(&[
        "run",
        "tiny.toml",
        "--out",
        "run",
        "--set",
        "constraints.latency_ms=0.0001",
        "--set",
        "search.algorithm=random",
    ])
    .ends(3)
    .says(&["nearest is", "latency_ms is"]);
}

#[test]
fn the_folder_holds_an_empty_front_and_no_backbones() {
    let desk = Desk::with_tiny();
    desk.roofnas(&[
        "run",
        "tiny.toml",
        "--out",
        "run",
        "--set",
        "constraints.macs=1",
    ])
    .ends(3);
    assert!(desk.table("run/pareto.csv").rows.is_empty());
    assert!(!desk.path("run/backbones").exists());
    assert!(!desk.path("run/checkpoint").exists());
    assert_eq!(
        desk.table("run/history.csv").text("feasible_share").first(),
        Some(&"0")
    );
}

#[test]
fn nothing_can_be_exported_from_it() {
    let desk = Desk::with_tiny();
    desk.roofnas(&[
        "run",
        "tiny.toml",
        "--out",
        "run",
        "--set",
        "constraints.macs=1",
    ])
    .ends(3);
    desk.roofnas(&["export", "run", "b01", "--to", "onnx"])
        .ends(2)
        .says(&["front is empty"]);
}

#[test]
fn resuming_it_says_again_that_nothing_keeps_the_constraints() {
    let desk = Desk::with_tiny();
    let args = [
        "run",
        "tiny.toml",
        "--out",
        "run",
        "--resume",
        "--set",
        "constraints.macs=1",
    ];
    desk.roofnas(&args).ends(3);
    let before = desk.files("run");
    desk.roofnas(&args).ends(3);
    assert!(desk.files("run") == before);
}
