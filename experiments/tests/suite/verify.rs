//! `roofnas verify`. What times are, nobody here can know: programs that print planted ones stand in for engines.

use std::fs;

use serde_json::Value;

use crate::measure::COMMAND;
use crate::support::{Desk, Table, is_sorted, wait_for};

/// A folder with a run, and a program that says that every network takes this.
fn desk_with_program(program: &str) -> Desk {
    let desk = Desk::with_run();
    desk.write("engine.sh", program);
    desk
}

fn verify<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let base = ["verify", "run", "--rounds", "2"]
        .into_iter()
        .chain(COMMAND);
    base.chain(more.iter().copied()).collect()
}

fn close(found: f64, expected: f64) {
    assert!(
        (found / expected - 1.0).abs() < 1e-9,
        "{found} is not {expected}"
    );
}

#[test]
fn predictions_stand_beside_planted_timings() {
    let desk = desk_with_program("echo 1.5");
    let ended = desk.roofnas(&verify(&["--background", "1"])).ends(0);
    let table = desk.table("run/verify.csv");
    let columns = "id predicted_ms predicted_ms_std predicted_ms_upper95 measured_ms measured_ms_std measured_over_predicted \
                   budget_ms measured_over_budget engine engine_version threads batch dtype situation run date";
    assert_eq!(table.columns.join(" "), columns);
    let front = desk.table("run/pareto.csv");
    let n = table.rows.len();
    assert_eq!(n, front.rows.len().min(12));
    for row in &table.rows {
        let of_run = front
            .rows
            .iter()
            .find(|of_run| of_run["id"] == row["id"])
            .unwrap();
        assert_eq!(row["predicted_ms"], of_run["latency_ms"]);
        assert_eq!(row["predicted_ms_std"], of_run["latency_ms_std"]);
        assert_eq!(row["predicted_ms_upper95"], of_run["latency_ms_upper95"]);
        let number = |column: &str| -> f64 { row[column].parse().unwrap() };
        close(number("measured_ms"), 1.5);
        assert_eq!(number("measured_ms_std"), 0.0);
        close(
            number("measured_over_predicted"),
            1.5 / number("predicted_ms"),
        );
        // the budget is 1 ms
        assert_eq!(row["budget_ms"], "1");
        close(number("measured_over_budget"), 1.5);
        // the run's conditions
        let same = [
            ("engine", "sh"),
            ("threads", "16"),
            ("batch", "1"),
            ("dtype", "fp32"),
        ];
        for (column, expected) in same {
            assert_eq!(row[column], expected, "{column}");
        }
        assert_eq!(row["situation"], "1 thread at work beside");
    }
    for part in [
        "Predicted for platform intel-i9-10980xe (uncalibrated",
        "with sh, 16 threads, batch 1, fp32; 1 thread at work beside:",
        "| b01 ",
        "measured_over_budget",
        "Within 10 % of the prediction: ",
        &format!(
            "{n} of {n} networks took longer, the slowest by 50.0 %; the median network takes 150.0 % of it."
        ),
    ] {
        assert!(ended.stdout.contains(part), "{part} in {}", ended.stdout);
    }
    ended.says(&["wrote run/verify.csv", "is uncalibrated"]);
}

#[test]
fn the_front_is_spread_or_its_best_are_taken() {
    let desk = desk_with_program("echo 1");
    let front = desk.table("run/pareto.csv");
    let ids = |more: &[&str]| -> Vec<String> {
        let mut args = verify(more);
        args.extend(["--format", "csv"]);
        let printed = desk.roofnas(&args).ends(0).stdout;
        // the file holds what is printed
        assert_eq!(printed, desk.read("run/verify.csv"));
        Table::parse(&printed)
            .text("id")
            .iter()
            .map(|&id| id.to_owned())
            .collect()
    };
    let spread = ids(&[]);
    let all = front.text("id");
    assert_eq!(
        (spread.first(), spread.last()),
        (
            Some(&all[0].to_owned()),
            Some(&all[all.len() - 1].to_owned())
        )
    );
    // the front has one quality for each latency: the best are the slowest
    assert!(is_sorted(&front.numbers("quality")));
    assert_eq!(ids(&["--top", "2"]), all[all.len() - 2..]);
    assert_eq!(ids(&["--top", "1000000"]), all);
}

#[test]
fn the_built_in_engine_as_json() {
    let desk = Desk::with_small_run();
    let quick = [
        "--rounds",
        "2",
        "--runs",
        "1",
        "--top",
        "3",
        "--threads",
        "1",
    ];
    let args = ["verify", "run", "--format", "json"];
    let args: Vec<&str> = args.into_iter().chain(quick).collect();
    let ended = desk.roofnas(&args).ends(0);
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    let rows = found["rows"].as_array().unwrap();
    assert_eq!(found["figures"]["n_test"], rows.len());
    for figure in ["mape", "within_10pct", "bias", "exceeds_upper_95"] {
        assert!(found["figures"][figure].is_number(), "{figure}");
    }
    assert_eq!(found["budget"]["budget_ms"], 1.0);
    for figure in ["share_over", "worst_over", "median_of_budget"] {
        assert!(found["budget"][figure].as_f64().unwrap() >= 0.0, "{figure}");
    }
    for row in rows {
        assert!(row["id"].is_string() && row["engine_version"].is_string());
        assert!(row["measured_ms"].as_f64().unwrap() > 0.0);
    }
    ended.says(&[
        "predictions hold for 16 threads, batch 1 and fp32, but the networks run with 1 thread, batch 1 and fp32",
        "intel-i9-10980xe doesn't say which engine",
    ]);
}

#[test]
fn what_is_measured_under_the_runs_conditions_is_not_warned_of() {
    let desk = desk_with_program("echo $2");
    let ended = desk.roofnas(&verify(&[])).ends(0);
    assert!(!ended.stderr.contains("predictions hold for"), "{ended:?}");
    assert_eq!(desk.table("run/verify.csv").numbers("measured_ms")[0], 16.0);
    let ended = desk
        .roofnas(&verify(&["--threads", "2", "--batch", "4"]))
        .ends(0);
    ended.says(&["but the networks run with 2 threads, batch 4"]);
    assert_eq!(desk.table("run/verify.csv").numbers("measured_ms")[0], 2.0);
}

#[test]
fn another_engine_than_the_profiles_is_warned_of() {
    let desk = Desk::with_tiny();
    let profile = ["--set", "platform.profile=raspberry-pi-4-ncnn-1-thread"];
    let small = [
        "--set",
        "space.resolution=32",
        "--set",
        "constraints.latency_ms=10",
    ];
    let mut args = vec!["run", "tiny.toml", "--out", "run"];
    args.extend(profile.iter().chain(&small));
    desk.roofnas(&args).ends(0);
    let quick = [
        "verify", "run", "--rounds", "1", "--runs", "1", "--top", "1",
    ];
    desk.roofnas(&quick).ends(0).says(&[
        "another engine",
        "raspberry-pi-4-ncnn-1-thread",
        "ncnn",
        "rten",
    ]);
    desk.write("engine.sh", "echo 1");
    desk.roofnas(&verify(&[]))
        .ends(0)
        .says(&["speaks of ncnn", "only if it runs that"]);
}

#[test]
fn the_run_stays_a_finished_run() {
    let desk = desk_with_program("echo 1");
    let before = desk.files("run");
    desk.roofnas(&verify(&["--top", "1"])).ends(0);
    let first = desk.read("run/verify.csv");
    let mut after = desk.files("run");
    assert!(after.remove("verify.csv").is_some());
    assert!(after == before);
    let resumed = ["run", "tiny.toml", "--out", "run", "--resume"];
    desk.roofnas(&resumed).ends(0).says(&["nothing to do"]);
    assert_eq!(desk.read("run/verify.csv"), first);
    desk.roofnas(&["run", "tiny.toml", "--out", "run"])
        .ends(2)
        .says(&["finished run"]);
    desk.roofnas(&["export", "run", "b01", "--to", "toml"])
        .ends(0);
    // again, in its place
    desk.write("engine.sh", "echo 9");
    desk.roofnas(&verify(&["--top", "1"])).ends(0);
    assert_eq!(desk.table("run/verify.csv").numbers("measured_ms"), [9.0]);
    // results that are written again leave it alone
    fs::remove_file(desk.path("run/pareto.csv")).unwrap();
    let second = desk.read("run/verify.csv");
    desk.roofnas(&resumed).ends(0);
    assert_eq!(desk.read("run/verify.csv"), second);
    assert!(
        desk.results("run")
            .keys()
            .eq(before.keys().chain(["verify.csv".to_owned()].iter()))
    );
}

#[test]
fn a_network_that_cant_be_run_does_not_stop_the_others() {
    let desk =
        desk_with_program("echo once >> calls\n[ $(wc -l < calls) -ne 2 ] || exit 7\necho 1\n");
    let ended = desk
        .roofnas(&verify(&["--top", "3", "--retries", "0"]))
        .ends(2);
    ended.says(&["exit status: 7", "wrote run/verify.csv"]);
    assert_eq!(desk.table("run/verify.csv").rows.len(), 2);
}

#[test]
fn where_nothing_could_be_run_an_earlier_table_stays() {
    let desk = desk_with_program("exit 1");
    desk.roofnas(&verify(&[])).ends(2);
    assert!(!desk.path("run/verify.csv").exists());
    desk.write("run/verify.csv", "earlier");
    let ended = desk.roofnas(&verify(&[])).ends(2);
    assert_eq!(ended.stdout, "");
    assert_eq!(desk.read("run/verify.csv"), "earlier");
}

#[test]
fn a_run_without_a_budget() {
    let desk = Desk::new();
    let (tiny, budget) = (crate::support::TINY, "[constraints]\nlatency_ms = 1.0\n");
    desk.write("tiny.toml", tiny.replace(budget, ""));
    desk.roofnas(&["run", "tiny.toml", "--out", "run"]).ends(0);
    desk.write("engine.sh", "echo 1");
    let ended = desk.roofnas(&verify(&["--top", "2"])).ends(0);
    assert!(!ended.stdout.contains("budget"), "{}", ended.stdout);
    let table = desk.table("run/verify.csv");
    assert_eq!(table.text("budget_ms"), ["", ""]);
    assert_eq!(table.text("measured_over_budget"), ["", ""]);
    let json = desk
        .roofnas(&verify(&["--top", "2", "--format", "json"]))
        .ends(0);
    let found: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(found["budget"], Value::Null);
}

#[test]
fn ctrl_c_ends_it_and_leaves_nothing_behind() {
    let desk = desk_with_program("echo > begun; sleep 0.1; echo 1");
    let mut args = vec!["verify", "run", "--rounds", "1000"];
    args.extend(COMMAND);
    let before = desk.files("run");
    let mut running = desk.start(&args);
    wait_for(&desk.path("begun"));
    running.signal("-INT");
    assert_eq!(running.wait(), Some(130));
    assert!(desk.files("run") == before);
}

#[test]
fn what_cant_be_verified_is_refused() {
    let desk = desk_with_program("echo > calls; echo 1");
    desk.write("folder/notes.txt", "mine");
    desk.write("begun/experiment.toml", "");
    for folder in ["folder", "begun", "nowhere", "tiny.toml"] {
        desk.roofnas(&["verify", folder])
            .ends(2)
            .says(&[folder, "no finished run"]);
    }
    let impossible = ["--set", "constraints.macs=1"];
    let args = ["run", "tiny.toml", "--out", "none"];
    let args: Vec<&str> = args.into_iter().chain(impossible).collect();
    desk.roofnas(&args).ends(3);
    desk.roofnas(&["verify", "none"])
        .ends(2)
        .says(&["none", "its front is empty"]);
    for (arguments, message) in [
        (["--top", "0"], "--top"),
        (["--pin", "9999"], "--pin"),
        (["--threads", "0"], "--threads"),
        (["--dtype", "fp16"], "can't convert it to fp16"),
    ] {
        let args: Vec<&str> = ["verify", "run"].into_iter().chain(arguments).collect();
        desk.roofnas(&args).ends(2).says(&[message]);
    }
    fs::create_dir(desk.path("run/verify.csv")).unwrap();
    desk.roofnas(&verify(&[])).ends(1).says(&["run/verify.csv"]);
    assert!(!desk.path("calls").exists());
}
