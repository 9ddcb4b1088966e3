//! One profile of timings on several numbers of threads: `calibrate`, `validate`, `predict`, `platforms` and `run`.

use roofnas_cost::{Dtype, Platform};
use serde_json::Value;

use crate::planted::{NETWORKS, desk, latencies, latencies_on, quick};
use crate::support::{Desk, Table};

/// A folder with timings of all networks on one thread and of a third of them on four, and a profile `board.toml`.
fn desk_with_several() -> (Desk, Value) {
    let desk = desk();
    desk.write("latency.csv", latencies_on(&[1, 4], 3));
    let out = [
        "--out",
        "board.toml",
        "--cross-validate",
        "4",
        "--format",
        "json",
    ];
    let ended = desk.roofnas(&quick(&out)).ends(0);
    let figures = serde_json::from_str(&ended.stdout).unwrap();
    (desk, figures)
}

fn validate<'a>(platform: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let base = [
        "validate",
        "--platform",
        platform,
        "--layers",
        "layers.csv",
        "--latency",
        "latency.csv",
        "--format",
        "json",
    ];
    base.iter().chain(more).copied().collect()
}

#[test]
fn a_planted_machine_is_found_on_each_number_of_threads() {
    let (desk, figures) = desk_with_several();
    let held_out = &figures["held_out"];
    assert_eq!(held_out["n_test"], NETWORKS + NETWORKS / 3);
    let by_threads = held_out["by_threads"].as_array().unwrap();
    let threads: Vec<&Value> = by_threads.iter().map(|on| &on["threads"]).collect();
    assert_eq!(threads, [1, 4]);
    for on in by_threads {
        assert!(on["mape"].as_f64().unwrap() < 0.05, "{on}");
        assert!(on["best_baseline"].is_string() && on["best_baseline_mape"].is_number());
    }
    assert!(held_out["by_batch"].is_null());
    let text = desk.read("board.toml");
    assert!(text.contains("\nthreads = [1, 4]\n"));
    let platform = Platform::from_toml(&text).unwrap();
    assert_eq!(
        (platform.threads, platform.threads_to_choose()),
        (None, &[1, 4][..])
    );
    let measured = &platform.calibration[&Dtype::Fp32].measured;
    let kept: Vec<(u32, usize)> = measured
        .by_threads
        .iter()
        .map(|on| (on.threads, on.networks))
        .collect();
    assert_eq!(kept, [(1, NETWORKS), (4, NETWORKS / 3)]);

    // networks that were never timed on four threads
    desk.write("latency.csv", latencies_on(&[4], 1));
    let ended = desk.roofnas(&validate("board.toml:4", &[])).ends(0);
    let figures: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(figures["n_test"], NETWORKS);
    assert!(figures["mape"].as_f64().unwrap() < 0.03, "{figures}");
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
}

#[test]
fn validation_prices_each_row_on_its_threads() {
    let (desk, _) = desk_with_several();
    desk.write("latency.csv", latencies_on(&[1, 4], 1));
    let ended = desk.roofnas(&validate("board.toml", &[])).ends(0);
    let figures: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(figures["n_test"], 2 * NETWORKS);
    assert!(figures["mape"].as_f64().unwrap() < 0.03, "{figures}");
    assert_eq!(figures["by_threads"].as_array().unwrap().len(), 2);
    // rows of other threads than a profile's are told
    let ended = desk.roofnas(&validate("board.toml:1", &[])).ends(0);
    let ended =
        ended.says(&["rows were measured with 4 threads, and platform board-1-thread holds for 1"]);
    let figures: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(figures["mape"].as_f64().unwrap() > 0.3, "{figures}");
    // and those of threads that the profile doesn't hold for
    desk.write("latency.csv", latencies_on(&[1, 2], 1));
    let ended = desk.roofnas(&validate("board.toml", &[])).ends(2);
    ended.says(&["platform board does not hold for 2 threads; it holds for 1 and 4 threads"]);
    desk.write("latency.csv", latencies("", ""));
    let ended = desk.roofnas(&validate("board.toml", &[])).ends(2);
    ended.says(&[
        "platform board was calibrated on 1 and 4 threads: say on how many, by \":1\" behind its name or path",
    ]);
}

#[test]
fn prices_are_of_the_threads_that_are_named() {
    let (desk, _) = desk_with_several();
    let predict = |platform: &str| {
        let args = [
            "predict",
            "--platform",
            platform,
            "--layers",
            "layers.csv",
            "--format",
            "csv",
        ];
        Table::parse(&desk.roofnas(&args).ends(0).stdout)
    };
    let (one, four) = (predict("board.toml:1"), predict("board.toml:4"));
    assert_eq!(one.text("threads")[0], "1");
    assert_eq!(four.text("threads")[0], "4");
    assert_eq!(four.text("platform")[0], "board-4-threads");
    for (one, four) in one
        .numbers("latency_ms")
        .iter()
        .zip(four.numbers("latency_ms"))
    {
        assert!(four < 0.9 * one, "{one} {four}");
    }
    for (platform, words) in [
        (
            "board.toml",
            "was calibrated on 1 and 4 threads: say on how many",
        ),
        (
            "board.toml:2",
            "does not hold for 2 threads; it holds for 1 and 4 threads",
        ),
        (
            "epyc-7742-ncnn-1-thread:2",
            "does not hold for 2 threads; it holds for 1 thread",
        ),
        (
            "intel-i9-10980xe:4",
            "does not hold for 4 threads; it holds for 16 threads",
        ),
        (
            "nvidia-v100:4",
            "does not hold for 4 threads; it holds for a number of threads that it doesn't state",
        ),
        (
            "nowhere:4",
            "platform \"nowhere\" is neither a file nor a known profile",
        ),
    ] {
        let args = ["predict", "--platform", platform, "--layers", "layers.csv"];
        desk.roofnas(&args).ends(2).says(&[words]);
    }
    let args = [
        "predict",
        "--platform",
        "epyc-7742-ncnn-1-thread:1",
        "--layers",
        "layers.csv",
    ];
    desk.roofnas(&args).ends(0);
}

#[test]
fn a_run_is_of_the_threads_that_are_named() {
    let (desk, _) = desk_with_several();
    let run = |platform: &str, out: &str| {
        let profile = format!("platform.profile={platform}");
        let args = [
            "run",
            "quickstart.toml",
            "--set",
            &profile,
            "--set",
            "search.evaluations=2000",
            "--set",
            "constraints.latency_ms=20",
            "--out",
            out,
        ];
        desk.roofnas(&args)
    };
    desk.roofnas(&["init", "quickstart.toml"]).ends(0);
    run("board.toml", "none")
        .ends(2)
        .says(&["say on how many, by \":1\" behind its name or path"]);
    run("board.toml:4", "four").ends(0);
    let front = Table::parse(&desk.read("four/pareto.csv"));
    assert_eq!(front.text("platform")[0], "board-4-threads");
    assert_eq!(front.text("threads")[0], "4");
    // the profile that stands beside it is that of four threads alone
    let kept = Platform::from_toml(&desk.read("four/platform.toml")).unwrap();
    assert_eq!(kept.threads, Some(4));
    desk.roofnas(&["run", "four/experiment.toml", "--out", "again"])
        .ends(0);
    assert_eq!(desk.read("again/pareto.csv"), desk.read("four/pareto.csv"));
}

#[test]
fn people_see_every_number_of_threads() {
    let desk = desk();
    desk.write("latency.csv", latencies_on(&[1, 4], 2));
    let text = desk
        .roofnas(&quick(&["--out", "p.toml", "--samples", "16"]))
        .ends(0)
        .stdout;
    for part in [
        "Platform p: fp32, batch 1, 1 and 4 threads",
        "timings of networks held out",
        "The model on each number of threads, with the best baseline there",
        "| threads | timings |",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let ended = desk
        .roofnas(&["platforms", "p.toml", "--format", "csv"])
        .ends(0);
    let listed = Table::parse(&ended.stdout);
    assert_eq!(listed.text("threads"), ["[1,4]"]);
    assert!(listed.text("held_out_by_threads")[0].contains("\"threads\":4"));
    // one of them can still be chosen
    let chosen = [
        "--out",
        "one.toml",
        "--samples",
        "16",
        "--where",
        "threads=1",
    ];
    desk.roofnas(&quick(&chosen)).ends(0);
    let one = Platform::from_toml(&desk.read("one.toml")).unwrap();
    assert_eq!((one.threads, one.threads_to_choose()), (Some(1), &[][..]));
}

#[test]
fn a_profile_of_several_is_several_priors() {
    let (desk, _) = desk_with_several();
    desk.write("latency.csv", latencies_on(&[4], 1));
    let out = [
        "calibrate",
        "--layers",
        "layers.csv",
        "--latency",
        "latency.csv",
        "--out",
        "four.toml",
        "--samples",
        "5",
        "--priors",
        "board.toml",
    ];
    let ended = desk.roofnas(&out).ends(0);
    ended.says(&["with 2 other platforms as priors"]);
    let four = Platform::from_toml(&desk.read("four.toml")).unwrap();
    let priors: Vec<&str> = four.calibration[&Dtype::Fp32]
        .components
        .iter()
        .map(|component| component.prior.as_str())
        .collect();
    assert!(
        priors.iter().any(|prior| prior.starts_with("board-")),
        "{priors:?}"
    );
}

#[test]
fn numbers_of_threads_that_few_networks_were_timed_on() {
    let desk = desk();
    // one network on two threads: the group that holds it out knows nothing of two, and the profile does
    let mut table = latencies_on(&[1, 4], 1);
    table += "2,even0,0.9\n";
    desk.write("latency.csv", table);
    let args = quick(&[
        "--out",
        "p.toml",
        "--cross-validate",
        "3",
        "--format",
        "json",
    ]);
    let ended = desk.roofnas(&args).ends(0);
    let figures: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(figures["held_out"]["n_test"], 2 * NETWORKS);
    let platform = Platform::from_toml(&desk.read("p.toml")).unwrap();
    assert_eq!(platform.threads_to_choose(), [1, 2, 4]);
    let by_threads = &platform.calibration[&Dtype::Fp32].measured.by_threads;
    let held_out = by_threads.iter().map(|on| on.held_out.is_some());
    assert_eq!(held_out.collect::<Vec<_>>(), [true, false, true]);
    // drawn networks that none of was timed on two
    let ended = desk.roofnas(&quick(&[
        "--out",
        "q.toml",
        "--samples",
        "4",
        "--seed",
        "1",
    ]));
    let ended = ended.ends(2);
    ended.says(&["none of the 4 networks drawn to fit on was timed on 2 threads"]);
}

#[test]
fn names_do_not_end_like_threads() {
    let desk = desk();
    desk.roofnas(&quick(&["--out", "p.toml", "--name", "board:4"]))
        .ends(2)
        .says(&["board:4", "stand for its threads"]);
    // a file may
    desk.write("latency.csv", latencies_on(&[1], 1));
    desk.roofnas(&quick(&[
        "--out",
        "board:4",
        "--name",
        "board",
        "--samples",
        "16",
    ]))
    .ends(0);
    let args = [
        "predict",
        "--platform",
        "board:4",
        "--layers",
        "layers.csv",
        "--format",
        "csv",
    ];
    let priced = Table::parse(&desk.roofnas(&args).ends(0).stdout);
    assert_eq!(priced.text("threads")[0], "1");
}

#[test]
fn rows_without_threads_do_not_go_with_rows_that_have_them() {
    let desk = desk();
    let mut table = latencies_on(&[1, 4], 1);
    table += "1,odd1,99\n,odd3,98\n";
    desk.write("latency.csv", table);
    let ended = desk.roofnas(&quick(&["--out", "p.toml"])).ends(2);
    ended.says(&["threads is 1 | 4 | (empty)"]);
    desk.write("latency.csv", latencies_on(&[1, 4], 1));
    let ended = desk
        .roofnas(&quick(&["--out", "p.toml", "--threads", "1"]))
        .ends(2);
    ended.says(&["--where threads=1"]);
}
