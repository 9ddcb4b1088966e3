//! `roofnas rank` on two public benchmark tables, where they are at hand: `../shared/data` beside the repository, or the folder that `ROOFNAS_DATA`
//! names. Skipped loudly otherwise.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;

/// The ranking of a table, unless it isn't there.
fn rank(space: &str, path: &str, more: &[&str]) -> Option<Value> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let folder = std::env::var_os("ROOFNAS_DATA").map_or_else(|| beside.into(), PathBuf::from);
    let file = folder.join(path);
    if !file.exists() {
        // past the capture of a passing test: a skip must be seen
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: {} is not there; set ROOFNAS_DATA to the folder with the public tables",
            file.display()
        );
        return None;
    }
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_roofnas"))
        .args(["rank", "--space", space, "--format", "json", "--table"])
        .arg(file)
        .args(more)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// A figure of a term, or of the floor.
fn figure(ranking: &Value, name: &str, figure: &str) -> f64 {
    let terms = ranking["terms"].as_array().unwrap();
    let term = terms.iter().find(|term| term["name"] == name);
    term.unwrap_or(&ranking["floor"])[figure].as_f64().unwrap()
}

/// Holds figures of terms against what is published, as far as that was rounded.
#[track_caller]
fn hold(ranking: &Value, name: &str, expected: &[(&str, f64, f64)]) {
    for &(key, value, within) in expected {
        let found = figure(ranking, name, key);
        assert!(
            (found - value).abs() <= within,
            "{name}: {key} is {found}, and should be {value}"
        );
    }
}

/// How far a tau may be from what is published.
const TAU: f64 = 0.002;
/// The same for figures that were rounded to two digits.
const ROUNDED: f64 = 0.007;
/// The same for a regret, in points.
const REGRET: f64 = 0.02;

/// The surrogate fitted to so many networks: it ranks as well as this, and its intervals hold what they promise.
#[track_caller]
fn surrogate(ranking: &Value, least_taus: [(u64, f64); 3]) {
    let judged = ranking["surrogate"].as_array().unwrap();
    for (n, least) in least_taus {
        let own = judged.iter().find(|own| own["n"] == n).unwrap();
        let (tau, coverage) = (
            own["tau"].as_f64().unwrap(),
            own["coverage_90"].as_f64().unwrap(),
        );
        assert!(tau >= least, "{n}: tau {tau}, at least {least}");
        assert!(
            (0.85..=0.95).contains(&coverage),
            "{n}: coverage {coverage}"
        );
    }
}

#[test]
fn nas_bench_macro() {
    let Some(ranking) = rank(
        "nas-bench-macro",
        "nasbench_macro/accuracy.csv",
        &["--truth", "acc1,acc2,acc3", "--latency", "flops"],
    ) else {
        return;
    };
    assert_eq!(
        (&ranking["rows"], &ranking["distinct"]),
        (&6561.into(), &3969.into())
    );
    for (name, tau, band) in [
        ("MACs", 0.546, 0.12),
        ("params", 0.215, -0.31),
        ("activations", 0.714, 0.56),
        ("S", 0.514, 0.11),
        ("NSC", 0.331, -0.27),
        ("S+NSC", 0.434, -0.07),
        ("AE3", 0.527, 0.14),
    ] {
        hold(
            &ranking,
            name,
            &[("tau", tau, TAU), ("tau_band", band, ROUNDED)],
        );
    }
    surrogate(&ranking, [(50, 0.845), (100, 0.864), (200, 0.903)]);
}

#[test]
fn accel_nasbench() {
    let Some(ranking) = rank(
        "accel-nasbench",
        "accel_nasbench/networks.csv",
        &[
            "--truth",
            "val_top1",
            "--truth-std",
            "0.3",
            "--latency",
            "latency_zcu102,latency_vck190",
            "--throughput",
            "throughput_a100,throughput_3090",
            // two networks were trained twice; what is published counts them twice
            "--duplicates",
            "keep",
        ],
    ) else {
        return;
    };
    assert_eq!(
        (&ranking["networks"], &ranking["distinct"]),
        (&2570.into(), &2568.into())
    );
    // published: .16 to .18; a single draw of noise deviates from the mean by .07
    let floor = figure(&ranking, "floor", "regret");
    assert!((0.14..=0.20).contains(&floor), "{floor}");
    for (name, tau, band, regret, best) in [
        ("MACs", 0.471, 0.10, 1.27, 0.59),
        ("params", 0.623, 0.53, 0.94, 0.22),
        ("activations", 0.204, -0.38, 8.2, 4.1),
        ("S", 0.560, 0.40, 0.74, 0.32),
        ("NSC", 0.682, 0.57, 0.49, 0.22),
        ("S+NSC", 0.667, 0.53, 0.59, 0.24),
        ("AE3", 0.680, 0.54, 0.43, 0.18),
    ] {
        // those of activations are published to one digit
        let regret_within = if name == "activations" { 0.07 } else { REGRET };
        hold(
            &ranking,
            name,
            &[
                ("tau", tau, TAU),
                ("tau_band", band, ROUNDED),
                ("regret", regret, regret_within),
                ("regret_best5", best, regret_within),
            ],
        );
    }
    surrogate(&ranking, [(50, 0.815), (100, 0.85), (200, 0.875)]);
    let judged = ranking["surrogate"].as_array().unwrap();
    let hundred = judged.iter().find(|own| own["n"] == 100).unwrap();
    assert!(hundred["regret"].as_f64().unwrap() <= floor + 0.2);
}
