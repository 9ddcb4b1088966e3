//! `roofnas predict`: networks from elsewhere, priced.

use crate::support::{Desk, Table};

const HEADER: &str = "network,layer,op,kernel_h,kernel_w,stride_h,stride_w,dilation,groups,in_channels,in_h,in_w,out_channels,out_h,out_w,activation,bias,inputs";

/// The columns of `cli.md`, before ours.
const COLUMNS: [&str; 16] = [
    "network",
    "latency_ms",
    "latency_ms_std",
    "latency_ms_upper95",
    "macs",
    "flops",
    "params",
    "traffic_bytes",
    "peak_memory_bytes",
    "calibrated_share",
    "fallback_share",
    "unknown_share",
    "platform",
    "batch",
    "threads",
    "dtype",
];

fn desk(rows: &[&str]) -> Desk {
    let desk = Desk::new();
    desk.write("layers.csv", format!("{HEADER}\n{}\n", rows.join("\n")));
    desk
}

fn predict(desk: &Desk, more: &[&str]) -> Table {
    let mut args = vec![
        "predict",
        "--platform",
        "nvidia-v100",
        "--layers",
        "layers.csv",
        "--format",
        "csv",
    ];
    args.extend(more);
    Table::parse(&desk.roofnas(&args).ends(0).stdout)
}

#[test]
fn a_single_convolution_by_hand() {
    let desk = desk(&["one,0,conv,1,1,1,1,1,1,512,32,32,512,32,32,,0,1"]);
    let table = predict(&desk, &[]);
    assert_eq!(&table.columns[..16], COLUMNS);
    let row = &table.rows[0];
    assert_eq!(row["macs"], "268435456");
    assert_eq!(row["flops"], "536870912");
    assert_eq!(row["params"], "262144");
    assert_eq!(row["traffic_bytes"], "5242880");
    assert_eq!(
        row["peak_memory_bytes"], "",
        "nobody knows which layer reads what"
    );
    // two overheads of 5 us; 524,288 lanes in waves of 5,120: 103 of them, the last not full
    let compute = 536_870_912.0 / 15.7e12 * (103.0 * 5120.0) / 524_288.0;
    let latency: f64 = row["latency_ms"].parse().unwrap();
    assert!(
        (latency - 1e3 * (compute + 10e-6)).abs() < 1e-9,
        "{latency}"
    );
    let std: f64 = row["latency_ms_std"].parse().unwrap();
    assert!((std - 0.5 * latency).abs() < 1e-12);
    assert!(row["latency_kind"].contains("uncalibrated"));
}

#[test]
fn batch_and_format_count() {
    let desk = desk(&["one,0,conv,1,1,1,1,1,1,512,32,32,512,32,32,,0,1"]);
    let row = predict(&desk, &["--batch", "8", "--dtype", "fp16"])
        .rows
        .remove(0);
    assert_eq!(
        (row["batch"].as_str(), row["dtype"].as_str()),
        ("8", "fp16")
    );
    assert_eq!(row["macs"], "268435456", "per image");
    assert_eq!(
        row["traffic_bytes"],
        (2 * (8 * 1_048_576 + 262_144)).to_string()
    );
}

#[test]
fn what_nobody_knows_is_reported() {
    let desk = desk(&[
        "n,0,conv,1,1,1,1,1,1,8,8,8,8,8,8,,0,1",
        "n,1,wizardry,1,1,1,1,1,1,8,8,8,8,8,8,,,1",
        "known,0,conv,1,1,1,1,1,1,8,8,8,8,8,8,,0,1",
    ]);
    let table = predict(&desk, &[]);
    let share = |row: usize, column: &str| table.rows[row][column].parse::<f64>().unwrap();
    assert!(share(0, "unknown_share") > 0.4, "a kernel of two");
    assert!((share(0, "unknown_share") + share(0, "fallback_share") - 1.0).abs() < 1e-12);
    assert_eq!(share(1, "unknown_share"), 0.0);
    assert_eq!(share(1, "calibrated_share"), 0.0);
}

#[test]
fn a_bad_network_is_named_and_left_out() {
    let desk = desk(&[
        "bad,0,conv,1,1,1,1,1,1,,8,8,8,8,8,,0,1",
        "good,0,conv,1,1,1,1,1,1,8,8,8,8,8,8,,0,1",
    ]);
    let ended = desk.roofnas(&[
        "predict",
        "--platform",
        "nvidia-v100",
        "--layers",
        "layers.csv",
    ]);
    let ended = ended.ends(0);
    assert!(ended.stdout.contains("good") && !ended.stdout.contains("bad"));
    assert!(
        ended
            .stderr
            .contains("bad is left out: line 2: in_channels is missing")
    );
}

#[test]
fn bad_input() {
    let desk = desk(&["bad,0,conv,1,1,1,1,1,1,,8,8,8,8,8,,0,1"]);
    desk.write("broken.csv", "network,layer\nn,0\n");
    desk.write("binary.csv", [0_u8, 159, 146, 150]);
    desk.write("empty.csv", "");
    let base = ["predict", "--platform", "nvidia-v100", "--layers"];
    let refused: [(&[&str], &str); 9] = [
        (&["layers.csv"], "no network that can be used"),
        (&["broken.csv"], "column op is missing"),
        (&["binary.csv"], "binary.csv"),
        (&["empty.csv"], "empty.csv: column network is missing"),
        (&["nowhere.csv"], "can't read nowhere.csv"),
        (&["."], "."),
        (&["layers.csv", "--batch", "0"], "batch = 0"),
        (
            &["layers.csv", "--dtype", "int8"],
            "has no roofs for int8; it has fp32, fp16",
        ),
        (
            &["layers.csv", "--dtype", "fp64"],
            "fp32, fp16, bf16 or int8",
        ),
    ];
    for (more, message) in refused {
        let args: Vec<&str> = base.iter().chain(more).copied().collect();
        desk.roofnas(&args).ends(2).says(&[message]);
    }
    let unknown = ["predict", "--platform", "abacus", "--layers", "layers.csv"];
    desk.roofnas(&unknown)
        .ends(2)
        .says(&["\"abacus\"", "nvidia-v100"]);
}

/// What a run says of a network and what its table of layers costs are one.
#[test]
fn a_found_network_is_priced_the_same_from_its_table() {
    let desk = Desk::with_run();
    for row in &desk.table("run/pareto.csv").rows {
        let id = row["id"].as_str();
        desk.roofnas(&["export", "run", id, "--to", "layers", "--out", "layers.csv"])
            .ends(0);
        let ended = desk.roofnas(&[
            "predict",
            "--platform",
            "intel-i9-10980xe",
            "--layers",
            "layers.csv",
            "--format",
            "csv",
        ]);
        let predicted = Table::parse(&ended.ends(0).stdout).rows.remove(0);
        assert_eq!(predicted["network"], id);
        for column in [
            "macs",
            "flops",
            "traffic_bytes",
            "peak_memory_bytes",
            "platform",
            "batch",
            "threads",
            "dtype",
        ] {
            assert_eq!(predicted[column], row[column], "{column} of {id}");
        }
        let latency = |table: &std::collections::HashMap<String, String>| {
            table["latency_ms"].parse::<f64>().unwrap()
        };
        assert!((latency(&predicted) - latency(row)).abs() < 1e-9, "{id}");
    }
}

/// What a run says of a network and what its ONNX file costs are one.
#[test]
fn a_found_network_is_priced_the_same_from_its_onnx() {
    let desk = Desk::with_run();
    let file = desk
        .files("run/backbones")
        .into_keys()
        .find(|name| name.ends_with(".onnx"))
        .unwrap();
    let id = file.trim_end_matches(".onnx");
    let path = format!("run/backbones/{file}");
    let args = [
        "predict",
        "--platform",
        "intel-i9-10980xe",
        "--format",
        "csv",
        &path,
    ];
    let predicted = Table::parse(&desk.roofnas(&args).ends(0).stdout)
        .rows
        .remove(0);
    let front = desk.table("run/pareto.csv");
    let row = front.rows.iter().find(|row| row["id"] == id).unwrap();
    assert_eq!(predicted["network"], id);
    for column in ["macs", "flops", "traffic_bytes", "peak_memory_bytes"] {
        assert_eq!(predicted[column], row[column], "{column}");
    }
    let latency =
        |row: &std::collections::HashMap<String, String>| row["latency_ms"].parse::<f64>().unwrap();
    assert!((latency(&predicted) - latency(row)).abs() < 1e-9);
    assert_eq!(predicted["unknown_share"], "0.0");
}

#[test]
fn one_bad_file_does_not_stop_the_others() {
    let desk = Desk::with_run();
    let file = desk
        .files("run/backbones")
        .into_keys()
        .find(|name| name.ends_with(".onnx"))
        .unwrap();
    let bytes = std::fs::read(desk.path(&format!("run/backbones/{file}"))).unwrap();
    desk.write("good.onnx", &bytes);
    desk.write("short.onnx", &bytes[..bytes.len() / 2]);
    desk.write("text.onnx", "not a model");
    desk.write("empty.onnx", "");
    let models = [
        "short.onnx",
        "text.onnx",
        "good.onnx",
        "empty.onnx",
        "none.onnx",
        "run",
    ];
    let args: Vec<&str> = ["predict", "--platform", "nvidia-v100"]
        .iter()
        .chain(&models)
        .copied()
        .collect();
    let ended = desk.roofnas(&args).ends(2);
    assert!(ended.stdout.contains("| good "), "{}", ended.stdout);
    for bad in models.iter().filter(|model| **model != "good.onnx") {
        let line = ended
            .stderr
            .lines()
            .find(|line| line.contains(&format!("error: {bad}: ")));
        assert!(line.is_some(), "{bad} in {}", ended.stderr);
        assert_eq!(
            line.unwrap().matches(bad).count(),
            1,
            "a file is named once"
        );
    }
    let alone = ["predict", "--platform", "nvidia-v100", "text.onnx"];
    assert_eq!(desk.roofnas(&alone).ends(2).stdout, "");
}

#[test]
fn networks_come_from_files_or_from_a_table() {
    let desk = desk(&["one,0,conv,1,1,1,1,1,1,8,8,8,8,8,8,,0,1"]);
    desk.roofnas(&["predict", "--platform", "nvidia-v100"])
        .ends(2)
        .says(&["MODEL.onnx", "--layers"]);
    desk.roofnas(&[
        "predict",
        "--platform",
        "nvidia-v100",
        "a.onnx",
        "--layers",
        "layers.csv",
    ])
    .ends(2);
    let sizes = [
        ["--input-size", "0"],
        ["--input-size", "12x"],
        ["--dim", "batch"],
        ["--dim", "batch=0"],
        ["--dim", "batch=x"],
    ];
    for [flag, value] in sizes {
        desk.roofnas(&[
            "predict",
            "--platform",
            "nvidia-v100",
            "a.onnx",
            flag,
            value,
        ])
        .ends(2)
        .says(&[value]);
    }
}

#[test]
fn a_size_may_be_given_beside_a_model() {
    let desk = Desk::new();
    desk.write("a.onnx", "no model");
    // the file is looked at, rather than the arguments refused
    desk.roofnas(&[
        "predict",
        "--platform",
        "nvidia-v100",
        "a.onnx",
        "--input-size",
        "224",
    ])
    .ends(2)
    .says(&["a.onnx", "ONNX"]);
    desk.roofnas(&[
        "predict",
        "--platform",
        "nvidia-v100",
        "--input-size",
        "224",
    ])
    .ends(2)
    .says(&["MODEL.onnx"]);
}
