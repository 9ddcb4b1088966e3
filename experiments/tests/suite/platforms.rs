//! `roofnas platforms`.

use roofnas_cost::Platform;
use serde_json::Value;

use crate::support::{Desk, Table};

#[test]
fn json_is_an_array_of_named_objects() {
    let desk = Desk::new();
    let text = desk
        .roofnas(&["platforms", "--format", "json"])
        .ends(0)
        .stdout;
    let platforms: Value = serde_json::from_str(&text).unwrap();
    let names: Vec<&str> = platforms
        .as_array()
        .unwrap()
        .iter()
        .map(|platform| platform["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"intel-i9-10980xe") && names.contains(&"nvidia-v100"));
    for platform in platforms.as_array().unwrap() {
        assert!(platform["ridge_flop_per_byte"].as_f64().unwrap() > 1.0);
        assert!(platform["in_use"].is_boolean());
        // the profiles are calibrated or not, and say so
        let networks = &platform["calibration_networks"];
        let expected = match networks.as_u64() {
            Some(networks) => format!("{networks} networks"),
            None => "uncalibrated".to_owned(),
        };
        assert_eq!(platform["calibration"], expected);
        assert_eq!(platform["held_out_mape"].is_number(), networks.is_number());
        assert!(!platform["sources"].as_str().unwrap().is_empty());
    }
}

#[test]
fn csv_and_table_list_the_same_names() {
    let desk = Desk::new();
    let csv = Table::parse(
        &desk
            .roofnas(&["platforms", "--format", "csv"])
            .ends(0)
            .stdout,
    );
    let table = desk.roofnas(&["platforms"]).ends(0).stdout;
    assert!(csv.rows.len() >= 2);
    // a row for each number format, with the roofs in use
    let in_use = csv
        .text("in_use")
        .into_iter()
        .filter(|used| *used == "true");
    assert_eq!(table.lines().count(), in_use.count() + 2);
    for line in table.lines() {
        assert_eq!(line.len(), table.lines().next().unwrap().len());
        assert!(line.len() < 220, "{line}");
    }
    for name in csv.text("name") {
        assert!(table.contains(name), "{name}");
    }
    for (peak, (bandwidth, ridge)) in csv.numbers("peak_tflops").iter().zip(
        csv.numbers("bandwidth_gb_s")
            .iter()
            .zip(csv.numbers("ridge_flop_per_byte")),
    ) {
        assert!((1e3 * peak / bandwidth - ridge).abs() < 1e-9 * ridge);
    }
}

#[test]
fn one_in_full_reads_back_and_can_be_used() {
    let desk = Desk::with_tiny();
    for name in ["intel-i9-10980xe", "nvidia-v100"] {
        let text = desk.roofnas(&["platforms", name]).ends(0).stdout;
        assert_eq!(Platform::from_toml(&text).unwrap().name, name);
        desk.write("mine.toml", &text);
        let again = desk.roofnas(&["platforms", "mine.toml"]).ends(0).stdout;
        assert_eq!(again, text);
        desk.roofnas(&["check", "tiny.toml", "--set", "platform.profile=mine.toml"])
            .ends(0);
    }
}

#[test]
fn one_in_full_has_the_other_formats() {
    let desk = Desk::new();
    let json = desk
        .roofnas(&["platforms", "nvidia-v100", "--format", "json"])
        .ends(0)
        .stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["name"], "nvidia-v100");
    let csv = desk
        .roofnas(&["platforms", "nvidia-v100", "--format", "csv"])
        .ends(0)
        .stdout;
    assert!(
        Table::parse(&csv)
            .text("name")
            .iter()
            .all(|name| *name == "nvidia-v100")
    );
}

#[test]
fn an_unknown_one_is_told_which_there_are() {
    let desk = Desk::new();
    for format in ["table", "json", "csv"] {
        let ended = desk
            .roofnas(&["platforms", "abacus", "--format", format])
            .ends(2);
        assert_eq!(ended.stdout, "");
        ended.says(&["\"abacus\"", "intel-i9-10980xe", "nvidia-v100"]);
    }
}

#[test]
fn a_file_that_is_no_platform_is_told_why() {
    let desk = Desk::with_tiny();
    desk.roofnas(&["platforms", "tiny.toml"])
        .ends(2)
        .says(&["tiny.toml"]);
    desk.write("garbage.toml", [0xff, 0x00]);
    desk.roofnas(&["platforms", "garbage.toml"])
        .ends(2)
        .says(&["garbage.toml"]);
    desk.roofnas(&["platforms", "."]).ends(2).says(&["\".\""]);
}

/// A shipped profile with one line changed.
fn changed(desk: &Desk, before: &str, after: &str) -> String {
    let text = desk.roofnas(&["platforms", "nvidia-v100"]).ends(0).stdout;
    assert!(text.contains(before), "{before} in {text}");
    text.replacen(before, after, 1)
}

#[test]
fn roofs_that_can_t_be_are_refused() {
    let desk = Desk::with_tiny();
    for value in ["0.0", "-900.0", "nan", "inf", "\"fast\""] {
        desk.write(
            "bad.toml",
            changed(
                &desk,
                "bandwidth_gb_s = 900.0",
                &format!("bandwidth_gb_s = {value}"),
            ),
        );
        desk.roofnas(&["platforms", "bad.toml"])
            .ends(2)
            .says(&["bad.toml", "bandwidth_gb_s"]);
        desk.roofnas(&["run", "tiny.toml", "--set", "platform.profile=bad.toml"])
            .ends(2)
            .says(&["tiny.toml", "bad.toml", "bandwidth_gb_s"]);
    }
    assert!(!desk.path("runs").exists());
}

#[test]
fn overheads_that_can_t_be_are_refused() {
    let desk = Desk::new();
    for value in ["-1.0", "nan", "inf"] {
        desk.write(
            "bad.toml",
            changed(&desk, "kernel_us = 5.0", &format!("kernel_us = {value}")),
        );
        desk.roofnas(&["platforms", "bad.toml"])
            .ends(2)
            .says(&["bad.toml", "kernel_us"]);
    }
}

#[test]
fn the_users_own_folder_is_listed() {
    let desk = Desk::new();
    let own = desk
        .roofnas(&["platforms", "nvidia-v100"])
        .ends(0)
        .stdout
        .replace("name = \"nvidia-v100\"", "name = \"mine\"");
    desk.write("own/mine.toml", own);
    let mut command = desk.command(&["platforms", "--format", "csv"]);
    let output = command
        .env("ROOFNAS_PLATFORMS", desk.path("own"))
        .output()
        .unwrap();
    assert!(output.status.success());
    assert!(
        Table::parse(str::from_utf8(&output.stdout).unwrap())
            .text("name")
            .contains(&"mine")
    );
}
