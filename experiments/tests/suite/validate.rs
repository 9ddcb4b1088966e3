//! `roofnas validate`.

use serde_json::Value;

use crate::planted::{NETWORKS, desk_with_profile, latencies, latency_ms, network, quick};
use crate::support::{Desk, Table};

fn validate<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let base = [
        "validate",
        "--platform",
        "planted.toml",
        "--layers",
        "layers.csv",
        "--latency",
        "latency.csv",
    ];
    base.iter().chain(more).copied().collect()
}

fn json(desk: &Desk, more: &[&str]) -> Value {
    let mut args = validate(more);
    args.extend(["--format", "json"]);
    serde_json::from_str(&desk.roofnas(&args).ends(0).stdout).unwrap()
}

#[test]
fn a_planted_machine_is_predicted() {
    let desk = desk_with_profile();
    let figures = json(&desk, &[]);
    assert_eq!(figures["n_test"], NETWORKS);
    assert!(figures["mape"].as_f64().unwrap() < 0.03, "{figures}");
    assert!(figures["spearman"].as_f64().unwrap() > 0.95);
    for figure in [
        "rmspe",
        "within_5pct",
        "within_10pct",
        "bias",
        "coverage_90",
        "width_90",
        "exceeds_upper_95",
    ] {
        assert!(figures[figure].is_number(), "{figure}");
    }
    let baselines = figures["baselines"].as_object().unwrap();
    assert_eq!(baselines.len(), 5);
    for figures in baselines.values() {
        assert_eq!(figures["n_test"], NETWORKS);
        assert!(figures["mape"].is_number());
    }
}

#[test]
fn figures_are_those_of_a_hand_count() {
    let desk = desk_with_profile();
    // twice as slow as measured before: every prediction is half of what was measured, or nearly so
    let rows =
        (0..NETWORKS).map(|index| format!("{},{}\n", network(index), 2.0 * latency_ms(index)));
    let table = format!("network,time_ms\n{}", rows.collect::<String>());
    desk.write("latency.csv", table);
    let figures = json(&desk, &["--latency-column", "time_ms"]);
    let bias = figures["bias"].as_f64().unwrap();
    assert!((bias + 0.5).abs() < 0.02, "{figures}");
    assert_eq!(figures["within_10pct"], 0.0);
    assert_eq!(figures["exceeds_upper_95"], 1.0);
}

#[test]
fn the_other_formats() {
    let desk = desk_with_profile();
    let table = desk.roofnas(&validate(&[])).ends(0).stdout;
    for part in [
        "Platform planted (calibrated on 16 networks), fp32, batch 1, on 24 networks",
        "each network is predicted by one fitted on four fifths of the others",
        "| model ",
        "| class_nnls ",
        "the best simple baseline",
    ] {
        assert!(table.contains(part), "{part} in {table}");
    }
    let csv = desk.roofnas(&validate(&["--format", "csv"])).ends(0).stdout;
    let csv = Table::parse(&csv);
    assert_eq!(csv.text("predictor")[0], "model");
    assert_eq!(csv.rows.len(), 6);
}

#[test]
fn conditions_that_differ_are_told() {
    let desk = desk_with_profile();
    desk.write("latency.csv", latencies("batch,threads,", "8,2,"));
    let args = quick(&["--samples", "8", "--out", "two.toml"]);
    desk.roofnas(&args).ends(0);
    desk.write("latency.csv", latencies("batch,threads,", "1,4,"));
    let validated = |platform: &str| {
        let args = [
            "validate",
            "--platform",
            platform,
            "--layers",
            "layers.csv",
            "--latency",
            "latency.csv",
        ];
        desk.roofnas(&args).ends(0)
    };
    validated("two.toml").says(&[
        "rows were measured with 4 threads, and platform two holds for 2",
        "calibrated at batch 8: prices at batch 1 are extrapolated",
    ]);
    let ended = validated("planted.toml");
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
    let ended = validated("nvidia-v100").says(&["nvidia-v100 is uncalibrated"]);
    assert!(ended.stdout.contains("(uncalibrated; std is a prior)"));
}

#[test]
fn few_networks_are_validated_without_baselines() {
    let desk = desk_with_profile();
    let args = validate(&["--where", "network=odd3", "--format", "json"]);
    let figures: Value = serde_json::from_str(&desk.roofnas(&args).ends(0).stdout).unwrap();
    assert_eq!(figures["n_test"], 1);
    assert_eq!(figures["spearman"], Value::Null);
    assert_eq!(figures["baselines"].as_object().unwrap().len(), 0);
    let text = desk
        .roofnas(&validate(&["--where", "network=odd3"]))
        .ends(0)
        .stdout;
    assert!(text.contains("no baseline could be fitted"), "{text}");
}

#[test]
fn bad_input() {
    let desk = desk_with_profile();
    desk.write("strangers.csv", "network,latency_ms\nx,1\n");
    desk.write("int8.csv", latencies("dtype,", "int8,"));
    desk.write("empty.csv", "");
    let refused: [(&[&str], &[&str]); 9] = [
        (
            &["planted.toml", "layers.csv", "strangers.csv"],
            &["strangers.csv: no measured network has layers"],
        ),
        (
            &["planted.toml", "layers.csv", "int8.csv"],
            &["int8.csv: dtype = int8: must be fp32"],
        ),
        (
            &["planted.toml", "layers.csv", "int8.csv", "--dtype", "int8"],
            &["platform planted has no roofs for int8; it has fp32"],
        ),
        (
            &["planted.toml", "layers.csv", "empty.csv"],
            &["empty.csv: there are no measurements"],
        ),
        (
            &["planted.toml", "empty.csv", "latency.csv"],
            &["empty.csv: column network is missing"],
        ),
        (
            &["planted.toml", "layers.csv", "nowhere.csv"],
            &["can't read nowhere.csv"],
        ),
        (
            &["abacus", "layers.csv", "latency.csv"],
            &["\"abacus\"", "nvidia-v100"],
        ),
        (
            &["layers.csv", "layers.csv", "latency.csv"],
            &["layers.csv: "],
        ),
        (
            &[
                "planted.toml",
                "layers.csv",
                "latency.csv",
                "--where",
                "x=1",
            ],
            &["no column is called x"],
        ),
    ];
    for (given, message) in refused {
        let [platform, layers, latency, more @ ..] = given else {
            panic!("three files each");
        };
        let args = [
            "validate",
            "--platform",
            platform,
            "--layers",
            layers,
            "--latency",
            latency,
        ];
        let args: Vec<&str> = args.iter().chain(more).copied().collect();
        let ended = desk.roofnas(&args).ends(2);
        assert_eq!(ended.stdout, "");
        ended.says(message);
    }
    desk.roofnas(&["validate", "--platform", "planted.toml"])
        .ends(2)
        .says(&["--layers", "--latency"]);
}
