//! Matrices, and several experiments in one command.

use crate::support::{Desk, TINY, Table, wait_for};

const PLATFORMS: &str =
    "[matrix]\n\"platform.profile\" = [\"intel-i9-10980xe\", \"nvidia-v100\"]\nseed = [1, 2]\n";

fn desk(matrix: &str) -> Desk {
    let desk = Desk::new();
    desk.write("batch.toml", format!("{TINY}{matrix}"));
    desk
}

#[test]
fn every_combination_is_a_run_of_its_own() {
    let desk = desk(PLATFORMS);
    desk.roofnas(&["run", "batch.toml", "--out", "out"])
        .ends(0)
        .says(&["out/summary.csv", "out/report.html"]);
    let summary = desk.table("out/summary.csv");
    let runs = summary.text("run");
    assert_eq!(runs.len(), 4);
    for (run, row) in runs.iter().zip(&summary.rows) {
        let front = desk.table(&format!("out/{run}/pareto.csv"));
        assert_eq!(front.rows.len().to_string(), row["front"]);
        assert!(
            front
                .text("platform")
                .iter()
                .all(|platform| *platform == row["platform"])
        );
        assert!(front.text("seed").iter().all(|seed| *seed == row["seed"]));
        assert!(desk.path(&format!("out/{run}/report.html")).exists());
        assert!(!desk.path(&format!("out/{run}/checkpoint")).exists());
    }
    assert!(
        summary
            .text("status")
            .iter()
            .all(|status| *status == "done")
    );
    assert_eq!(
        summary.text("platform"),
        [
            "intel-i9-10980xe",
            "intel-i9-10980xe",
            "nvidia-v100",
            "nvidia-v100"
        ]
    );
    assert_eq!(summary.text("seed"), ["1", "2", "1", "2"]);
}

#[test]
fn a_run_of_a_batch_is_that_run_alone() {
    let desk = desk("[matrix]\nseed = [1, 2]\n");
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    desk.write("tiny.toml", TINY);
    desk.roofnas(&["run", "tiny.toml", "--out", "alone", "--seed", "2"])
        .ends(0);
    assert!(desk.results("out/2-seed-2") == desk.results("alone"));
}

#[test]
fn networks_are_priced_on_every_platform() {
    let desk = desk(PLATFORMS);
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    let transfers = desk.table("out/portability.csv");
    assert_eq!(transfers.rows.len(), 16);
    let number = |text: &str| text.parse::<f64>().unwrap();
    for row in &transfers.rows {
        let slowdown = row["slowdown_mean"].as_str();
        if row["found_for"] == row["priced_for"] {
            // a front is as fast as itself
            assert_eq!((slowdown, row["slowdown_worst"].as_str()), ("1", "1"));
            assert_eq!(row["networks_compared"], row["networks_priced"]);
        } else if !slowdown.is_empty() {
            assert!(number(slowdown) <= number(&row["slowdown_worst"]));
            assert!(number(&row["networks_compared"]) >= 1.0);
        }
    }
}

#[test]
fn a_slowdown_by_hand() {
    // one network a run: the front of a single objective; each is priced on the other platform
    let desk = desk("[matrix]\n\"platform.profile\" = [\"intel-i9-10980xe\", \"nvidia-v100\"]\n");
    let args = [
        "run",
        "batch.toml",
        "--out",
        "out",
        "--set",
        "objectives.maximize=[]",
    ];
    desk.roofnas(&args).ends(0);
    let runs = ["1-profile-intel-i9-10980xe", "2-profile-nvidia-v100"];
    let row = |table: &str| desk.table(table).rows.remove(0);
    let own = row(&format!("out/{}/pareto.csv", runs[1]));
    let other = row(&format!("out/{}/pareto.csv", runs[0]));
    let layers = [
        "export",
        &format!("out/{}", runs[0]),
        "b01",
        "--to",
        "layers",
        "--out",
        "layers.csv",
    ];
    desk.roofnas(&layers).ends(0);
    let predict = [
        "predict",
        "--platform",
        "nvidia-v100",
        "--layers",
        "layers.csv",
        "--format",
        "csv",
    ];
    let there = Table::parse(&desk.roofnas(&predict).ends(0).stdout)
        .rows
        .remove(0);
    let number = |row: &std::collections::HashMap<String, String>, column: &str| {
        row[column].parse::<f64>().unwrap()
    };
    let transfers = desk.table("out/portability.csv").rows;
    let transfer = transfers
        .iter()
        .find(|row| row["found_for"] == runs[0] && row["priced_for"] == runs[1])
        .unwrap();
    if number(&own, "quality") >= number(&other, "quality") {
        let expected = number(&there, "latency_ms") / number(&own, "latency_ms");
        assert!((number(transfer, "slowdown_mean") - expected).abs() < 1e-9);
    } else {
        assert_eq!(transfer["slowdown_mean"], "");
    }
}

#[test]
fn a_batch_report_holds_everything_itself() {
    let desk = desk(PLATFORMS);
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    let report = desk
        .read("out/report.html")
        .replace("http://www.w3.org/2000/svg", "");
    for outside in ["src=", "http:", "https:", "fetch(", "import(", "<link"] {
        assert!(!report.contains(outside), "{outside}");
    }
    // links, if any, stay within the batch's folder
    for link in report.split("href=\"").skip(1) {
        let target = link.split('"').next().unwrap();
        assert!(
            target.starts_with('#') || desk.path("out").join(target).exists(),
            "{target}"
        );
    }
    for word in [
        "uncalibrated",
        "prior, not measured",
        "not accuracy",
        "nvidia-v100",
        "intel-i9-10980xe",
    ] {
        assert!(report.contains(word), "{word}");
    }
}

#[test]
fn tables_of_a_batch_say_that_latencies_are_uncalibrated() {
    let desk = desk("[matrix]\nseed = [1, 2]\n");
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    for table in ["summary.csv", "portability.csv"] {
        assert!(
            desk.read(&format!("out/{table}")).contains("uncalibrated"),
            "{table}"
        );
    }
}

#[test]
fn a_damaged_run_does_not_keep_a_resumed_batch_from_the_others() {
    let desk = desk("[matrix]\nseed = [1, 2]\n");
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    desk.write("out/1-seed-1/pareto.csv", "id,genotype\nb01,nonsense\n");
    std::fs::remove_dir_all(desk.path("out/2-seed-2")).unwrap();
    desk.roofnas(&["run", "batch.toml", "--out", "out", "--resume"])
        .ends(1)
        .says(&["1-seed-1/pareto.csv"]);
    assert!(desk.path("out/2-seed-2/pareto.csv").exists());
    assert_eq!(
        desk.table("out/summary.csv").text("status"),
        ["failed", "done"]
    );
}

#[test]
fn what_a_finished_run_left_must_still_be_readable() {
    let desk = desk("[matrix]\nseed = [1, 2]\n");
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    desk.write("out/2-seed-2/outcome.json", "{");
    desk.roofnas(&["run", "batch.toml", "--out", "out", "--resume"])
        .ends(1)
        .says(&["error: ", "2-seed-2/outcome.json"]);
    let statuses = desk.table("out/summary.csv");
    assert_eq!(statuses.text("status"), ["done", "failed"]);
}

#[test]
fn an_infeasible_run_does_not_stop_the_others() {
    let desk = desk("[matrix]\n\"constraints.latency_ms\" = [0.0001, 1.0]\n");
    desk.roofnas(&["run", "batch.toml", "--out", "out"])
        .ends(0)
        .says(&["nearest is", "at most 0.0001"]);
    let summary = desk.table("out/summary.csv");
    assert_eq!(summary.text("status"), ["infeasible", "done"]);
    assert_eq!(summary.text("front")[0], "0");
    assert_eq!(desk.table("out/portability.csv").rows.len(), 1);
}

#[test]
fn all_infeasible_is_infeasible() {
    let desk = desk("[matrix]\n\"constraints.latency_ms\" = [0.0001, 0.0002]\n");
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(3);
    assert_eq!(
        desk.table("out/summary.csv").text("status"),
        ["infeasible", "infeasible"]
    );
}

#[test]
fn a_failed_run_does_not_stop_the_others() {
    let desk = desk("[matrix]\nseed = [1, 2, 3]\n");
    let mut batch = desk.start(&[
        "run",
        "batch.toml",
        "--out",
        "out",
        "--jobs",
        "1",
        "--set",
        "search.evaluations=200000",
    ]);
    wait_for(&desk.path("out/1-seed-1/experiment.toml"));
    // while the first run searches, something gets in the way of the second
    desk.write("out/2-seed-2/notes.txt", "mine");
    assert_eq!(batch.wait(), Some(1));
    let summary = desk.table("out/summary.csv");
    assert_eq!(summary.text("status"), ["done", "failed", "done"]);
    assert!(summary.text("message")[1].contains("2-seed-2"));
    assert!(desk.path("out/3-seed-3/pareto.csv").exists());
}

#[test]
fn an_interrupted_batch_goes_on() {
    let desk = desk("[matrix]\nseed = [1, 2, 3]\n");
    let evaluations = "search.evaluations=200000";
    let args = ["run", "batch.toml", "--out", "out", "--set", evaluations];
    let mut batch = desk.start(&[&args[..], &["--jobs", "1"]].concat());
    wait_for(&desk.path("out/2-seed-2/experiment.toml"));
    batch.signal("-INT");
    assert_eq!(batch.wait(), Some(130));
    let first = desk.results("out/1-seed-1");
    assert!(!desk.path("out/3-seed-3").exists());
    desk.roofnas(&["run", "batch.toml", "--out", "out", "--set", evaluations])
        .ends(2);
    desk.roofnas(&[
        "run",
        "batch.toml",
        "--out",
        "out",
        "--set",
        evaluations,
        "--resume",
    ])
    .ends(0);
    assert!(desk.results("out/1-seed-1") == first);
    desk.roofnas(&["run", "batch.toml", "--out", "whole", "--set", evaluations])
        .ends(0);
    for name in ["summary.csv", "portability.csv"] {
        assert_eq!(
            desk.results("out")[name],
            desk.results("whole")[name],
            "{name}"
        );
    }
    for run in ["1-seed-1", "2-seed-2", "3-seed-3"] {
        let run = |batch: &str| desk.results(&format!("{batch}/{run}"));
        assert!(run("out") == run("whole"));
    }
}

#[test]
fn resuming_a_finished_batch_does_nothing() {
    let desk = desk("[matrix]\nseed = [1, 2]\n");
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    let before = desk.files("out");
    desk.roofnas(&["run", "batch.toml", "--out", "out", "--resume"])
        .ends(0);
    assert!(desk.files("out") == before);
}

#[test]
fn resuming_an_infeasible_batch_is_infeasible_still() {
    let desk = desk("[matrix]\n\"constraints.latency_ms\" = [0.0001, 0.0002]\n");
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(3);
    desk.roofnas(&["run", "batch.toml", "--out", "out", "--resume"])
        .ends(3);
}

#[test]
fn several_experiments_run_one_after_the_other() {
    let desk = Desk::with_tiny();
    desk.write(
        "other.toml",
        TINY.replace("\"tiny\"", "\"other\"")
            .replace("seed = 1", "seed = 2"),
    );
    desk.write(
        "batch.toml",
        format!(
            "{}[matrix]\nseed = [1, 2]\n",
            TINY.replace("\"tiny\"", "\"both\"")
        ),
    );
    desk.roofnas(&[
        "run",
        "tiny.toml",
        "other.toml",
        "batch.toml",
        "--out",
        "out",
    ])
    .ends(0);
    for run in ["tiny", "other", "both/1-seed-1", "both/2-seed-2"] {
        assert!(
            desk.path(&format!("out/{run}/pareto.csv")).exists(),
            "{run}"
        );
    }
    assert_eq!(
        desk.read("out/tiny/pareto.csv"),
        desk.read("out/both/1-seed-1/pareto.csv")
    );
    assert_eq!(
        desk.read("out/other/pareto.csv"),
        desk.read("out/both/2-seed-2/pareto.csv")
    );
}

#[test]
fn one_infeasible_experiment_among_several_does_not_hide_what_was_found() {
    let desk = Desk::with_tiny();
    desk.write(
        "tight.toml",
        TINY.replace("\"tiny\"", "\"tight\"")
            .replace("latency_ms = 1.0", "latency_ms = 0.0001"),
    );
    desk.roofnas(&["run", "tight.toml", "tiny.toml", "--out", "out"])
        .ends(0)
        .says(&["out/tight", "nearest is"]);
    assert!(desk.path("out/tiny/pareto.csv").exists());
}

#[test]
fn an_experiment_without_a_place_is_refused_before_any_runs() {
    let desk = Desk::with_tiny();
    desk.write("other.toml", TINY.replace("\"tiny\"", "\"other\""));
    desk.write("out/tiny", "a file in the place of the folder");
    let ended = desk.roofnas(&["run", "tiny.toml", "other.toml", "--out", "out"]);
    // refused before anything runs
    ended.ends(1).says(&["out/tiny"]);
    assert!(!desk.path("out/other").exists());
}

#[test]
fn a_matrix_of_one_is_a_batch_still() {
    let desk = desk("[matrix]\nseed = [5]\n");
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    assert_eq!(desk.table("out/summary.csv").text("run"), ["1-seed-5"]);
}

#[test]
fn a_seed_on_the_command_line_reaches_every_run() {
    let desk = desk("[matrix]\n\"constraints.latency_ms\" = [1.0, 2.0]\n");
    desk.roofnas(&["run", "batch.toml", "--out", "out", "--seed", "9"])
        .ends(0);
    assert_eq!(desk.table("out/summary.csv").text("seed"), ["9", "9"]);
}

#[test]
fn a_seed_on_the_command_line_is_not_lost_in_a_matrix_of_seeds() {
    let desk = desk("[matrix]\nseed = [1, 2]\n\"constraints.latency_ms\" = [1.0, 2.0]\n");
    desk.roofnas(&["run", "batch.toml", "--out", "out", "--seed", "9"])
        .ends(0);
    let summary = desk.table("out/summary.csv");
    assert_eq!(summary.text("seed"), ["9", "9"]);
    assert_eq!(summary.text("latency_budget_ms"), ["1", "2"]);
}

#[test]
fn check_lists_what_would_run() {
    let desk = desk(PLATFORMS);
    let table = Table::parse(
        &desk
            .roofnas(&["check", "batch.toml", "--format", "csv"])
            .ends(0)
            .stdout,
    );
    assert_eq!(table.rows.len(), 4);
    assert!(!desk.path("runs").exists());
}
