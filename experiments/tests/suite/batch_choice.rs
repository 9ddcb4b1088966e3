//! Searches whose networks choose their batch.

use crate::support::{Desk, TINY, Table};

const LIMIT_MS: f64 = 30.0;
const BATCHES: [&str; 3] = ["1", "4", "16"];

/// A short search for the highest throughput under a latency that not every network keeps at every batch.
fn search() -> String {
    TINY.replace(
        "profile = \"intel-i9-10980xe\"",
        "profile = \"raspberry-pi-4-ncnn-4-threads\"\nbatch = [16, 1, 4]",
    )
    .replace("\"mobile\"", "\"nas-bench-macro\"")
    .replace("latency_ms = 1.0", &format!("latency_ms = {LIMIT_MS}"))
    .replace("evaluations = 320", "evaluations = 4_000")
        + "[objectives]\nmaximize = [\"quality\", \"throughput\"]\nminimize = []\n"
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("served.toml", search());
    desk
}

fn desk_with_run() -> Desk {
    let desk = desk();
    desk.roofnas(&["run", "served.toml", "--out", "run"])
        .ends(0);
    desk
}

#[test]
fn every_network_has_its_own_batch_and_keeps_the_limit_there() {
    let desk = desk();
    let ended = desk
        .roofnas(&["run", "served.toml", "--out", "run"])
        .ends(0);
    for part in [
        "| batch |",
        "throughput_images_per_s",
        " ms for a batch of ",
    ] {
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains(part), "{part} in {said}");
    }
    ended.says(&[
        "was calibrated at batch 1: prices at batch 4 are extrapolated",
        "was calibrated at batch 1: prices at batch 16 are extrapolated",
    ]);
    let front = desk.table("run/pareto.csv");
    let (ms, images) = (
        front.numbers("latency_ms"),
        front.numbers("throughput_images_per_s"),
    );
    let batches = front.text("batch");
    for ((ms, images), batch) in ms.iter().zip(images).zip(&batches) {
        assert!(*ms <= LIMIT_MS, "{ms}");
        let batch: f64 = batch.parse().unwrap();
        assert!((images * ms / (1000.0 * batch) - 1.0).abs() < 1e-9);
    }
    for batch in BATCHES {
        assert!(batches.contains(&batch), "{batch} in {batches:?}");
    }
    // written out in order, and read back
    let written = desk.read("run/experiment.toml");
    assert!(written.contains("batch = [1, 4, 16]"), "{written}");
    let page = desk.read("run/report.html");
    for part in [
        "batch 1, 4 or 16, fp32",
        "predicted time per image, ms",
        "images/s",
    ] {
        assert!(page.contains(part), "{part}");
    }
    desk.roofnas(&["report", "run"]).ends(0);
    assert_eq!(desk.read("run/report.html"), page);
    let again = desk.roofnas(&["run", "run/experiment.toml", "--out", "again"]);
    again.ends(0);
    assert_eq!(desk.read("again/pareto.csv"), desk.read("run/pareto.csv"));
}

/// What a network costs in the front is what `predict` says at its batch.
#[test]
fn a_network_s_latency_is_that_of_its_batch() {
    let desk = desk_with_run();
    let front = desk.table("run/pareto.csv");
    let finished = desk.finished("run");
    let rows = finished.front().unwrap();
    for (row, written) in rows.iter().zip(&front.rows) {
        assert_eq!(row.metrics.batch.to_string(), written["batch"]);
    }
    let best = &front.rows[front.rows.len() - 1];
    let model = format!("run/backbones/{}.onnx", best["id"]);
    let args = [
        "predict",
        "--platform",
        "raspberry-pi-4-ncnn-4-threads",
        "--batch",
        &best["batch"],
        "--format",
        "csv",
        &model,
    ];
    let predicted = Table::parse(&desk.roofnas(&args).ends(0).stdout);
    for column in [
        "latency_ms",
        "latency_ms_std",
        "traffic_bytes",
        "peak_memory_bytes",
    ] {
        let of_run: f64 = best[column].parse().unwrap();
        let said = predicted.numbers(column)[0];
        assert!(
            (said / of_run - 1.0).abs() < 1e-6,
            "{column}: {said}, {of_run}"
        );
    }
    let text = desk.read(&format!("run/backbones/{}.toml", best["id"]));
    assert!(
        text.contains(&format!(", batch {}, fp32", best["batch"])),
        "{text}"
    );
}

#[test]
fn what_is_found_is_certified() {
    let desk = desk();
    let mut args = vec!["run", "served.toml", "--out", "run"];
    for setting in ["search.certify=true", "search.algorithm=\"exact\""] {
        args.extend(["--set", setting]);
    }
    desk.roofnas(&args).ends(0).says(&[
        "(0.00 % of its range) at any latency_ms per image",
        "of the exact front",
    ]);
    let certificate = desk.read("run/certificate.json");
    for part in [
        "\"bound\": \"exact\"",
        "\"throughput_images_per_s\"",
        "\"gap_in\": \"quality\"",
    ] {
        assert!(certificate.contains(part), "{part} in {certificate}");
    }
    let batches = desk.table("run/pareto.csv");
    let batches = batches.text("batch");
    assert!(
        BATCHES
            .iter()
            .filter(|batch| batches.contains(batch))
            .count()
            > 1,
        "{batches:?}"
    );
}

/// Each network is run at its own batch: the program says a time for each image of it.
#[test]
fn verify_runs_each_network_at_its_batch() {
    let desk = desk_with_run();
    desk.write("engine.sh", "for run in 1 2; do echo \"$3\"; done");
    let args = [
        "verify",
        "run",
        "--rounds",
        "2",
        "--engine",
        "command",
        "--command",
    ];
    let program = "sh engine.sh {model} {threads} {batch}";
    let ended = desk.roofnas(&[&args[..], &[program]].concat()).ends(0);
    let (front, table) = (desk.table("run/pareto.csv"), desk.table("run/verify.csv"));
    assert_eq!(table.rows.len(), front.rows.len().min(12));
    for row in &table.rows {
        let of_run = front.rows.iter().find(|of_run| of_run["id"] == row["id"]);
        assert_eq!(row["batch"], of_run.unwrap()["batch"]);
        assert_eq!(row["predicted_ms"], of_run.unwrap()["latency_ms"]);
        let measured: f64 = row["measured_ms"].parse().unwrap();
        let batch: f64 = row["batch"].parse().unwrap();
        assert!(
            (measured / batch - 1.0).abs() < 1e-9,
            "{measured} at {batch}"
        );
    }
    assert!(ended.stdout.contains("| batch |"), "{}", ended.stdout);
    let all = [&args[..], &[program, "--batch", "4"]].concat();
    desk.roofnas(&all).ends(2).says(&[
        "each of its networks runs at the batch that it was found for",
        "leave out --batch",
    ]);
}

#[test]
fn what_has_no_single_answer_is_refused() {
    let desk = desk();
    let refused = |settings: &[&str], parts: &[&str]| {
        let set = settings.iter().flat_map(|setting| ["--set", setting]);
        let args: Vec<&str> = ["check", "served.toml"].into_iter().chain(set).collect();
        desk.roofnas(&args).ends(2).says(parts);
    };
    let key = "served.toml: platform.batch";
    refused(&["platform.batch=[]"], &[key, "a list of 1 to 8"]);
    refused(
        &["platform.batch=[4, 1, 4]"],
        &[key, "[4, 1, 4]", "listed twice"],
    );
    refused(
        &["platform.batch=[1,2,3,4,5,6,7,8,9]"],
        &[key, "a list of 1 to 8"],
    );
    refused(
        &["platform.batch=[1, 0]"],
        &["served.toml: platform", "batch = 0"],
    );
    refused(&["platform.batch=\"many\""], &["batch", "many"]);
    let minimized = "objectives.minimize=[\"latency\"]";
    refused(
        &[minimized, "objectives.maximize=[\"quality\"]"],
        &[key, "latency is that of one batch", "throughput"],
    );
    refused(
        &["objectives.minimize=[\"peak_memory\"]"],
        &[key, "peak_memory is that of one batch"],
    );
    refused(
        &[
            "objectives.minimize=[\"params\"]",
            "objectives.maximize=[\"quality\"]",
        ],
        &[key, "add it to objectives.maximize"],
    );
    refused(
        &["refine={ engine = \"embedded\" }"],
        &[key, "refined at one batch"],
    );
    let ended = desk.roofnas(&["check", "served.toml"]).ends(0);
    assert!(ended.stdout.contains("1, 4 or 16"), "{}", ended.stdout);
    ended.says(&["sample_latency_ms is that of batch 1"]);
}

#[test]
fn runs_of_several_batches_are_not_compared() {
    let desk = desk_with_run();
    let rule = "each of its networks runs at a batch of its own (1, 4 or 16)";
    desk.roofnas(&["compare", "run", "--platforms", "intel-i9-10980xe"])
        .ends(2)
        .says(&[rule, "under [matrix]"]);
    // but a batch of them has its page
    let matrix = "[matrix]\n\"constraints.latency_ms\" = [15.0, 30.0]\n";
    desk.write("limits.toml", search() + matrix);
    desk.roofnas(&[
        "run",
        "limits.toml",
        "--out",
        "limits",
        "--set",
        "search.evaluations=320",
    ])
    .ends(0);
    let summary = desk.table("limits/summary.csv");
    let batches = summary.text("batch");
    assert!(
        batches.iter().all(|batch| BATCHES.contains(batch)),
        "{batches:?}"
    );
    assert!(desk.read("limits/report.html").contains("1, 4 or 16"));
}
