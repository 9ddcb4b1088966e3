//! One profile of timings at several batches: `calibrate`, `validate`, `predict` and `platforms`.

use roofnas_cost::calibration::Batches;
use roofnas_cost::{Dtype, Platform};
use serde_json::Value;

use crate::planted::{NETWORKS, desk, latencies_at, network, quick};
use crate::support::{Desk, Table};

/// A folder with timings at three batches, and a profile `several.toml` of 16 of the networks.
fn desk_with_several() -> (Desk, Value) {
    let desk = desk();
    desk.write("latency.csv", latencies_at(&[32, 1, 8]));
    let out = [
        "--out",
        "several.toml",
        "--samples",
        "16",
        "--format",
        "json",
    ];
    let ended = desk.roofnas(&quick(&out)).ends(0);
    let figures = serde_json::from_str(&ended.stdout).unwrap();
    (desk, figures)
}

fn validate<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let base = [
        "validate",
        "--platform",
        "several.toml",
        "--layers",
        "layers.csv",
        "--latency",
        "latency.csv",
    ];
    base.iter().chain(more).copied().collect()
}

#[test]
fn a_planted_machine_is_found_at_each_batch() {
    let (desk, figures) = desk_with_several();
    let held_out = &figures["held_out"];
    assert_eq!(
        (&figures["fit"]["n_fit"], &held_out["n_test"]),
        (&48.into(), &24.into())
    );
    assert!(figures["fit"]["by_batch"].is_null());
    let by_batch = held_out["by_batch"].as_array().unwrap();
    let batches: Vec<u64> = by_batch
        .iter()
        .map(|at| at["batch"].as_u64().unwrap())
        .collect();
    assert_eq!(batches, [1, 8, 32]);
    for at in by_batch {
        assert_eq!(at["n_test"], 8);
        assert!(at["mape"].as_f64().unwrap() < 0.03, "{at}");
        assert!(at["spearman"].as_f64().unwrap() > 0.95, "{at}");
        assert!(at["best_baseline"].is_string() && at["best_baseline_mape"].is_number());
    }
    // a line over the MACs of whole batches sees the batch
    let line = held_out["baselines"]["macs_constant"]["mape"]
        .as_f64()
        .unwrap();
    assert!(line < 0.5, "{line}");

    let text = desk.read("several.toml");
    assert!(text.contains("\nbatch = [1, 8, 32]\n"));
    let calibration = &Platform::from_toml(&text).unwrap().calibration[&Dtype::Fp32];
    let measured = &calibration.measured;
    assert_eq!((measured.networks, measured.timings), (16, 48));
    let kept: Vec<(u64, Value)> = measured
        .held_out_by_batch
        .iter()
        .map(|at| (at.batch, at.model.mape.into()))
        .collect();
    let printed = by_batch
        .iter()
        .map(|at| (at["batch"].as_u64().unwrap(), at["mape"].clone()));
    assert_eq!(kept, printed.collect::<Vec<_>>());
}

#[test]
fn people_see_every_batch() {
    let desk = desk();
    desk.write("latency.csv", latencies_at(&[1, 8]));
    let text = desk
        .roofnas(&quick(&["--out", "p.toml", "--samples", "16"]))
        .ends(0)
        .stdout;
    for part in [
        "Platform p: fp32, batches 1 and 8, threads not stated",
        "Fitted on 16 networks (32 timings)",
        "On 16 timings of networks held out",
        "The model at each batch, with the best baseline there",
        "| batch | timings |",
        "|     8 |       8 |",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let rows = Table::parse(
        &desk
            .roofnas(&quick(&[
                "--out",
                "q.toml",
                "--samples",
                "16",
                "--format",
                "csv",
            ]))
            .ends(0)
            .stdout,
    );
    assert_eq!(rows.text("batch"), ["", "", "", "", "", "", "1", "8"]);
    assert_eq!(rows.text("predictor")[6..], ["model", "model"]);
}

#[test]
fn one_batch_can_still_be_chosen() {
    let desk = desk();
    desk.write("latency.csv", latencies_at(&[1, 8]));
    let args = [
        "--out",
        "eight.toml",
        "--samples",
        "16",
        "--where",
        "batch=8",
        "--format",
        "json",
    ];
    let ended = desk.roofnas(&quick(&args)).ends(0);
    assert!(!ended.stdout.contains("by_batch"), "{}", ended.stdout);
    let text = desk.read("eight.toml");
    assert!(
        text.contains("\nbatch = 8\n") && !text.contains("by_batch"),
        "{text}"
    );
    desk.roofnas(&quick(&["--out", "none.toml", "--where", "batch=64"]))
        .ends(2)
        .says(&["latency.csv", "no row has batch = 64", "batch is 1 | 8"]);
}

#[test]
fn networks_leave_with_all_their_batches() {
    let desk = desk();
    // a third of the networks at each batch, and three of them at both
    let table = latencies_at(&[1, 8]);
    let rows = table.lines().skip(1).filter(|row| {
        let cells: Vec<&str> = row.split(',').collect();
        let index = (0..NETWORKS)
            .position(|index| network(index) == cells[1])
            .unwrap();
        index < 3 || (index % 2 == 0) == (cells[0] == "1")
    });
    let rows: Vec<&str> = rows.collect();
    assert_eq!(rows.len(), NETWORKS + 3);
    desk.write(
        "latency.csv",
        format!("batch,network,latency_ms\n{}\n", rows.join("\n")),
    );
    let args = [
        "--out",
        "p.toml",
        "--cross-validate",
        "loo",
        "--format",
        "json",
    ];
    let ended = desk.roofnas(&quick(&args)).ends(0);
    let figures: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(figures["held_out"]["n_test"], NETWORKS + 3);
    let mape = figures["held_out"]["mape"].as_f64().unwrap();
    assert!(mape < 0.05, "{figures}");
}

#[test]
fn validation_is_by_batch_too() {
    let (desk, _) = desk_with_several();
    let ended = desk.roofnas(&validate(&["--format", "json"])).ends(0);
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
    let figures: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(figures["n_test"], 3 * NETWORKS);
    let by_batch = figures["by_batch"].as_array().unwrap();
    assert!(
        by_batch
            .iter()
            .all(|at| at["n_test"] == NETWORKS && at["mape"].as_f64().unwrap() < 0.03)
    );
    let text = desk.roofnas(&validate(&[])).ends(0).stdout;
    for part in [
        "batches 1, 8 and 32, on 24 networks (72 timings)",
        "The model at each batch",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }

    // batches between and beyond those of the profile
    desk.write("latency.csv", latencies_at(&[8, 16, 64]));
    let ended = desk.roofnas(&validate(&["--format", "json"])).ends(0).says(&[
        "platform several was calibrated at batches 1, 8 and 32: prices at batch 16 are interpolated between batches 8 and 32",
        "prices at batch 64 are extrapolated, which their deviations know only in part",
    ]);
    assert!(!ended.stderr.contains("at batch 8 are"), "{}", ended.stderr);
    let figures: Value = serde_json::from_str(&ended.stdout).unwrap();
    let interpolated = &figures["by_batch"][1];
    assert_eq!(interpolated["batch"], 16);
    assert!(
        interpolated["mape"].as_f64().unwrap() < 0.05,
        "{interpolated}"
    );
    let one = desk
        .roofnas(&validate(&["--where", "batch=16"]))
        .ends(0)
        .stdout;
    assert!(
        one.contains("batch 16, on 24 networks (24 timings)") && !one.contains("at each batch"),
        "{one}"
    );
}

#[test]
fn prices_say_what_they_rest_on() {
    let (desk, _) = desk_with_several();
    let predict = |batch| {
        let args = [
            "predict",
            "--platform",
            "several.toml",
            "--layers",
            "layers.csv",
            "--batch",
            batch,
        ];
        desk.roofnas(&args)
    };
    assert!(!predict("8").ends(0).stderr.contains("warning"));
    predict("16")
        .ends(0)
        .says(&["prices at batch 16 are interpolated between batches 8 and 32"]);
    predict("64")
        .ends(0)
        .says(&["calibrated at batches 1, 8 and 32: prices at batch 64 are extrapolated"]);
    predict("1,8").ends(2).says(&["--batch"]);

    let listed = |format| {
        let mut command = desk.command(&["platforms", "--format", format]);
        let output = command
            .env("ROOFNAS_PLATFORMS", desk.path("."))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let json: Value = serde_json::from_str(&listed("json")).unwrap();
    let own = json
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"] == "several")
        .unwrap();
    assert_eq!(own["calibration_batch"], serde_json::json!([1, 8, 32]));
    assert_eq!(own["held_out_by_batch"].as_array().unwrap().len(), 3);
    let other = json
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"] == "titan-rtx-pytorch-batch-32")
        .unwrap();
    assert_eq!(other["calibration_batch"], 32);
    assert!(other["held_out_by_batch"].is_null());
    let csv = Table::parse(&listed("csv"));
    let own = csv
        .rows
        .iter()
        .find(|row| row["name"] == "several")
        .unwrap();
    assert_eq!(own["calibration_batch"], "[1,8,32]");
    assert!(
        listed("table")
            .lines()
            .any(|line| line.contains("| several ") && line.contains("| 1 8 32 |"))
    );
}

#[test]
fn what_can_not_be_is_refused() {
    let (desk, _) = desk_with_several();
    let text = desk.read("several.toml");
    for (batch, rule) in [
        (
            "[]",
            "calibration.fp32.batch = []: must be a batch size or a list of some, and is empty",
        ),
        (
            "[0, 8]",
            "calibration.fp32.batch = [0, 8]: each must be at least 1",
        ),
        (
            "[8, 1, 32]",
            "calibration.fp32.batch = [8, 1, 32]: must ascend, none twice",
        ),
        (
            "[1, 8, 8, 32]",
            "calibration.fp32.batch = [1, 8, 8, 32]: must ascend, none twice",
        ),
        (
            "[1, 32]",
            "held_out_by_batch.batch = 8: must be one of the calibration's batches",
        ),
        (
            "\"all\"",
            "a batch size or an ascending list of them, whole numbers from 1",
        ),
    ] {
        desk.write(
            "bad.toml",
            text.replace("batch = [1, 8, 32]", &format!("batch = {batch}")),
        );
        desk.roofnas(&["platforms", "bad.toml"])
            .ends(2)
            .says(&["bad.toml", rule]);
    }
    let calibration = &Platform::from_toml(&text).unwrap().calibration[&Dtype::Fp32];
    assert_eq!(calibration.batch, Batches::new([1, 8, 32]).unwrap());

    // rows that contradict each other at one batch, and rows of two machines
    let mut table = latencies_at(&[1, 8]);
    table += "8,even0,0.001\n";
    desk.write("latency.csv", &table);
    desk.roofnas(&quick(&["--out", "p.toml", "--samples", "16"]))
        .ends(0)
        .says(&[
            "network even0 at batch 8: 2 rows range from 0.001",
            "left out",
        ]);
    desk.write(
        "latency.csv",
        "platform,batch,network,latency_ms\nx,1,even0,1\ny,8,even0,5\n",
    );
    desk.roofnas(&quick(&["--out", "q.toml"]))
        .ends(2)
        .says(&["more than one platform: platform is x | y; choose one with --where"]);
}
