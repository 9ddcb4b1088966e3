//! `roofnas plan`.

use std::collections::BTreeSet;

use roofnas_space::onnx;
use serde_json::Value;

use crate::support::{Desk, Table};

/// A space of small networks.
const SMALL: &str = r#"
resolution = [32, 64]
[stem]
channels = [16, 24]
[[stage]]
block = "inverted_bottleneck"
depth = [1, 2]
channels = [24, 32]
stride = 2
kernel = [3, 5]
[head]
classes = 10
"#;

#[test]
fn networks_in_integers() {
    let desk = Desk::new();
    desk.write("space.toml", SMALL);
    let plan = |more: &[&str]| {
        let args = [
            "plan",
            "--space",
            "space.toml",
            "--networks",
            "2",
            "--no-corners",
        ];
        desk.roofnas(&[&args[..], more].concat())
    };
    plan(&["--out", "single"]).ends(0);
    plan(&["--out", "integers", "--dtype", "int8"]).ends(0);
    // the same networks, in a quarter of the bytes and what integers need beside them
    assert_eq!(desk.read("single/plan.csv"), desk.read("integers/plan.csv"));
    let size = |folder: &str| -> u64 {
        let path = format!("{folder}/anchor-dense.onnx");
        std::fs::metadata(desk.path(&path)).unwrap().len()
    };
    assert!(size("integers") < size("single") / 3);
    let bytes = std::fs::read(desk.path("integers/space-space-001.onnx")).unwrap();
    assert_eq!(onnx::is_quantized(&bytes), Ok(true));
    plan(&["--out", "half", "--dtype", "fp16"])
        .ends(2)
        .says(&["files are written in fp32 or int8"]);
}

#[test]
fn it_writes_networks_and_their_table() {
    let desk = Desk::new();
    desk.write("my space.toml", SMALL);
    let args = ["plan", "--space", "my space.toml", "--networks", "5"];
    let ended = desk.roofnas(&[&args[..], &["--out", "new/plan"]].concat());
    let ended = ended
        .ends(0)
        .says(&["wrote 54 networks", "new/plan", "minutes"]);
    for purpose in ["anchor", "space", "corner", "fusion_probe"] {
        assert!(ended.stdout.contains(purpose), "{ended:?}");
    }
    let table = desk.table("new/plan/plan.csv");
    let columns = "network,file,purpose,space,resolution,macs,params,layers,classes";
    assert_eq!(table.columns.join(","), columns);
    let files: BTreeSet<&str> = table.text("file").into_iter().collect();
    assert_eq!(files.len(), 54);
    let written = desk.files("new/plan");
    assert_eq!(written.len(), 55);
    assert!(files.iter().all(|file| written.contains_key(*file)));
    let spaces = table.text("space");
    assert_eq!(
        spaces.iter().filter(|&&space| space == "my space").count(),
        5
    );
    // what is written can be read, and counts the same
    let of_space = table
        .text("file")
        .into_iter()
        .find(|f| f.starts_with("space"));
    let file = format!("new/plan/{}", of_space.unwrap());
    let predict = ["predict", "--platform", "nvidia-v100", "--format", "csv"];
    let priced = desk.roofnas(&[&predict[..], &[&file]].concat()).ends(0);
    let place = spaces.iter().position(|space| !space.is_empty()).unwrap();
    let macs = Table::parse(&priced.stdout).numbers("macs");
    assert_eq!(macs[0], table.numbers("macs")[place]);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let desk = Desk::new();
    desk.write("small.toml", SMALL);
    let plan = |seed: &str, out: &str| {
        let args = ["plan", "--space", "small.toml", "--networks", "3"];
        let rest = ["--no-corners", "--seed", seed, "--out", out];
        desk.roofnas(&[&args[..], &rest].concat()).ends(0);
        desk.files(out)
    };
    let first = plan("7", "a");
    assert!(first == plan("7", "b"));
    assert!(first != plan("8", "c"));
    assert!(first.keys().all(|name| !name.starts_with("corner")));
}

#[test]
fn json_and_csv_hold_the_same() {
    let desk = Desk::new();
    desk.write("small.toml", SMALL);
    let print = |format: &str| {
        let args = ["plan", "--space", "small.toml", "--networks", "3"];
        let platform = ["--platform", "intel-i9-10980xe", "--format", format];
        let ended = desk.roofnas(&[&args[..], &platform, &["--out", format]].concat());
        ended.ends(0).says(&["intel-i9-10980xe"]).stdout
    };
    let rows: Value = serde_json::from_str(&print("json")).unwrap();
    let table = Table::parse(&print("csv"));
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 4);
    for (row, minutes) in rows.iter().zip(table.numbers("estimated_minutes")) {
        assert_eq!(row["estimated_minutes"].as_f64(), Some(minutes));
        assert!(minutes > 0.0);
    }
    let corner = rows.iter().find(|row| row["purpose"] == "corner").unwrap();
    for class in ["dense", "grouped", "data_movement", "matmul"] {
        assert!(corner[class].as_u64() > Some(5), "{corner}");
    }
}

#[test]
fn a_space_that_holds_less_is_measured_whole() {
    let desk = Desk::new();
    desk.write(
        "one.toml",
        SMALL.replace("[32, 64]", "32").replace("[16, 24]", "16"),
    );
    let args = ["plan", "--space", "one.toml", "--networks", "90"];
    let ended = desk.roofnas(&[&args[..], &["--no-corners", "--out", "plan"]].concat());
    // two kernels for one layer, or two layers; two widths
    ended.ends(0).says(&["of one are all that were found"]);
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_written() {
    let desk = Desk::new();
    desk.write("broken.toml", "resolution = 32\n[stem\n");
    desk.write("typo.toml", SMALL.replace("depth", "depht"));
    desk.write("odd.toml", SMALL.replace("[24, 32]", "[25]"));
    desk.write("full/mine", "my own");
    let before = desk.files(".");
    let cases: [(&[&str], i32, &[&str]); 9] = [
        (&["--space", "nope"], 2, &["--space nope", "mobile, resnet"]),
        (&["--space", "broken.toml"], 2, &["broken.toml", "line 2"]),
        (&["--space", "typo.toml"], 2, &["typo.toml", "depht"]),
        (&["--space", "odd.toml"], 2, &["odd.toml", "channels", "25"]),
        (&["--networks", "0"], 2, &["networks = 0", "1 to 200"]),
        (&["--networks", "201"], 2, &["networks = 201"]),
        (&["--networks", "-1"], 2, &["--networks", "-1"]),
        (&["--platform", "nope"], 2, &["nope"]),
        (&["--seed", "x"], 2, &["--seed", "x"]),
    ];
    for (args, code, said) in cases {
        let all = [&["plan", "--out", "new"], args].concat();
        desk.roofnas(&all).ends(code).says(said);
    }
    desk.roofnas(&["plan", "--out", "full"])
        .ends(2)
        .says(&["full", "not empty"]);
    for out in ["full/mine", "full/mine/below", "/proc/plan"] {
        desk.roofnas(&["plan", "--out", out]).ends(1).says(&[out]);
    }
    desk.roofnas(&["plan"]).ends(2).says(&["--out"]);
    assert!(desk.files(".") == before);
    assert!(!desk.path("new").exists());
}
