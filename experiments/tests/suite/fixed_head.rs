//! A fixed neck and head: its cost is part of every figure, its file goes with the run, and one that doesn't fit is refused.

use std::fs;

use roofnas::{FinishedRun, RunDirectory};
use roofnas_space::onnx::{self, Batch, InitialWeights};
use roofnas_space::{Conv, NetworkBuilder, Op, Role, Shape, Tensor};

use crate::support::Desk;

const HEADER: &str = "network,layer,op,kernel_h,kernel_w,stride_h,stride_w,dilation,groups,in_channels,in_h,in_w,out_channels,out_h,out_w,activation,bias,inputs,from";

/// Laterals, a sum, and one output: reads 40 channels at stride 8 and 80 at 16, of images of 64x96.
const PYRAMID: &str = "fpn,0,conv,1,1,1,1,1,1,80,4,6,32,4,6,,1,1,stride16
fpn,1,resize,,,,,,,32,4,6,32,8,12,,0,1,0
fpn,2,conv,1,1,1,1,1,1,40,8,12,32,8,12,,1,1,stride8
fpn,3,add,1,1,1,1,1,1,32,8,12,32,8,12,,0,2,2;1
fpn,4,conv,3,3,1,1,1,1,32,8,12,24,8,12,relu,1,1,3
";

const EXPERIMENT: &str = r#"
name = "detector"
seed = 1

[platform]
profile = "raspberry-pi-4-ncnn-1-thread"

[fixed_head]
layers = "head.csv"

[space]
resolution = "64x96"

[space.stem]
channels = [16, 24]

[[space.stage]]
block = "inverted_bottleneck"
depth = [1, 2]
channels = [16, 24]
kernel = [3, 5]
expand = [2, 3]
stride = 2

[[space.stage]]
block = "inverted_bottleneck"
depth = [1, 2]
channels = 40
kernel = [3, 5]
expand = [2, 3]
stride = 2

[[space.stage]]
block = "inverted_bottleneck"
depth = [1, 2]
channels = 80
kernel = [3, 5]
expand = [2, 3]
stride = 2

[constraints]
latency_ms = 30

[search]
population = 16
evaluations = 320

[output]
backbones = 1
"#;

fn head(rows: &str) -> String {
    format!("{HEADER}\n{rows}")
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("exp.toml", EXPERIMENT);
    desk.write("head.csv", head(PYRAMID));
    desk
}

/// The cells of a column of a front.
fn column(desk: &Desk, file: &str, name: &str) -> Vec<String> {
    let text = desk.read(file);
    let mut table = csv::Reader::from_reader(text.as_bytes());
    let place = table
        .headers()
        .unwrap()
        .iter()
        .position(|header| header == name)
        .unwrap();
    table
        .records()
        .map(|record| record.unwrap()[place].to_owned())
        .collect()
}

#[test]
fn a_run_prices_it_keeps_it_and_can_be_run_again_from_its_folder() {
    let desk = desk();
    desk.roofnas(&["check", "exp.toml"])
        .ends(0)
        .says(&["fixed head fpn", "stride16 80x4x6"]);
    desk.roofnas(&["run", "exp.toml", "--out", "run"])
        .ends(0)
        .says(&[
            "fixed head fpn",
            "with the fixed head",
            "gap to the model's optimum",
        ]);
    assert_eq!(desk.read("run/head.csv"), head(PYRAMID));
    assert!(
        desk.read("run/experiment.toml")
            .contains("layers = \"head.csv\"")
    );
    assert!(desk.read("run/report.html").contains("With a fixed head."));
    let numbers = |name: &str| -> Vec<f64> {
        let cells = column(&desk, "run/pareto.csv", name);
        cells.iter().map(|cell| cell.parse().unwrap()).collect()
    };
    let whole = numbers("latency_ms");
    let parts = numbers("backbone_latency_ms");
    assert!(whole.iter().zip(&parts).all(|(whole, part)| whole > part));
    let macs = numbers("macs").into_iter().zip(numbers("backbone_macs"));
    // 80*32*24 + 40*32*96 + 9*32*24*96
    assert!(
        macs.map(|(whole, part)| whole - part)
            .all(|own| own == 847_872.0)
    );
    // what the file says is what one graph of both costs
    let run = FinishedRun::read(RunDirectory::new(desk.path("run"))).unwrap();
    for (row, latency) in run.front().unwrap().iter().zip(&whole) {
        assert!((row.metrics.latency.mean_ms - latency).abs() < 1e-9 * latency);
    }
    // the folder is enough
    fs::remove_file(desk.path("head.csv")).unwrap();
    desk.roofnas(&["run", "run/experiment.toml", "--out", "again"])
        .ends(0);
    assert_eq!(desk.read("run/pareto.csv"), desk.read("again/pareto.csv"));
    desk.roofnas(&[
        "export",
        "run",
        &run.front().unwrap()[0].id,
        "--to",
        "onnx",
        "--out",
        "b.onnx",
    ])
    .ends(0)
    .says(&["the backbone alone"]);
}

#[test]
fn a_run_is_not_resumed_with_another_head() {
    let desk = desk();
    let quick = [
        "run",
        "exp.toml",
        "--out",
        "run",
        "--set",
        "search.certify=false",
    ];
    desk.roofnas(&quick).ends(0);
    let resume: Vec<&str> = quick.into_iter().chain(["--resume"]).collect();
    desk.roofnas(&resume).ends(0);
    desk.write(
        "head.csv",
        head(&PYRAMID.replace("24,8,12,relu", "32,8,12,relu")),
    );
    desk.roofnas(&resume)
        .ends(2)
        .says(&["the fixed head has changed"]);
}

#[test]
fn verifying_holds_backbones_against_what_was_predicted_for_them_alone() {
    let desk = desk();
    desk.roofnas(&[
        "run",
        "exp.toml",
        "--out",
        "run",
        "--set",
        "search.certify=false",
    ])
    .ends(0);
    let args = [
        "verify", "run", "--engine", "embedded", "--top", "1", "--rounds", "1", "--warmup", "0",
        "--runs", "1",
    ];
    let said = desk.roofnas(&args[..6]).ends(0);
    said.says(&[
        "without the fixed head fpn",
        "nothing is said of the budget",
    ]);
    let predicted = column(&desk, "run/verify.csv", "predicted_ms");
    let alone = column(&desk, "run/pareto.csv", "backbone_latency_ms");
    assert!(alone.contains(&predicted[0]), "{predicted:?} {alone:?}");
    assert_eq!(column(&desk, "run/verify.csv", "budget_ms"), [""]);
}

/// An ONNX model with one input, of 40 channels on 8x12.
fn onnx_head() -> Vec<u8> {
    let mut build = NetworkBuilder::new("ssd", Shape::new(40, 8, 12));
    let conv = build.push(
        "conv",
        Op::Conv(Conv::same(24, 3, 1).with_bias()),
        &[Tensor::Input],
        Role::Main,
    );
    build.output("boxes", conv);
    onnx::export(
        &build.finish().unwrap(),
        InitialWeights::seeded(1),
        Batch::Dynamic,
    )
    .unwrap()
}

#[test]
fn an_onnx_model_is_kept_without_its_weights() {
    let desk = desk();
    let bytes = onnx_head();
    desk.write("ssd.onnx", &bytes);
    desk.write(
        "exp.toml",
        EXPERIMENT.replace("layers = \"head.csv\"", "onnx = \"ssd.onnx\""),
    );
    let quick = ["--set", "search.certify=false"];
    desk.roofnas(&[&["run", "exp.toml", "--out", "run"][..], &quick].concat())
        .ends(0)
        .says(&["fixed head ssd"]);
    let kept = fs::read(desk.path("run/head.onnx")).unwrap();
    assert!(
        kept.len() < bytes.len() / 4,
        "{} of {}",
        kept.len(),
        bytes.len()
    );
    fs::remove_file(desk.path("ssd.onnx")).unwrap();
    desk.roofnas(
        &[
            &["run", "run/experiment.toml", "--out", "again"][..],
            &quick,
        ]
        .concat(),
    )
    .ends(0);
    let figures = |run: &str| column(&desk, &format!("{run}/pareto.csv"), "latency_ms");
    assert_eq!(figures("run"), figures("again"));
}

/// Refuses the experiment with this change of it, with these words.
#[track_caller]
fn refused(from: &str, to: &str, files: &[(&str, &[u8])], says: &[&str]) {
    let desk = desk();
    assert!(EXPERIMENT.contains(from), "{from}");
    desk.write("exp.toml", EXPERIMENT.replace(from, to));
    for (name, bytes) in files {
        desk.write(name, bytes);
    }
    desk.roofnas(&["check", "exp.toml"])
        .ends(2)
        .says(&["error: "])
        .says(says);
    desk.roofnas(&["run", "exp.toml", "--out", "out"])
        .ends(2)
        .says(says);
    assert!(!desk.path("out").exists());
}

#[test]
fn what_is_no_head_is_refused() {
    let given = "layers = \"head.csv\"";
    refused(
        given,
        "layers = \"other.csv\"",
        &[],
        &[
            "exp.toml",
            "fixed_head.layers = \"other.csv\"",
            "is no file",
        ],
    );
    refused(
        given,
        "layers = \"head.csv\"\nonnx = \"x.onnx\"",
        &[],
        &["fixed_head.onnx", "leave out"],
    );
    refused(
        given,
        "",
        &[],
        &["fixed_head.onnx is missing", "fixed_head.layers"],
    );
    refused(given, "csv = \"head.csv\"", &[], &["unknown field `csv`"]);
    refused(
        given,
        "onnx = \"head.csv\"",
        &[],
        &["head.csv", "not an ONNX model"],
    );
    let whole = onnx_head();
    let cut = &whole[..whole.len() / 2];
    refused(
        given,
        "onnx = \"cut.onnx\"",
        &[("cut.onnx", cut)],
        &["cut.onnx", "not an ONNX model"],
    );
    let nan = head(&PYRAMID.replace("80,4,6,32", "NaN,4,6,32"));
    refused(
        given,
        given,
        &[("head.csv", nan.as_bytes())],
        &["head.csv", "line 2", "in_channels = NaN"],
    );
    let unsaid = head(&PYRAMID.replace(",stride8\n", ",\n"));
    refused(
        given,
        given,
        &[("head.csv", unsaid.as_bytes())],
        &["head.csv", "line 4", "from is empty"],
    );
}

#[test]
fn a_head_that_does_not_fit_the_space_is_refused() {
    let resolution = "resolution = \"64x96\"";
    refused(
        resolution,
        "resolution = 224",
        &[],
        &["fixed_head = \"fpn\"", "stride16 is 80x4x6", "224"],
    );
    refused(
        resolution,
        "resolution = [64, 96]",
        &[],
        &["fixed_head", "2 resolutions"],
    );
    refused(
        resolution,
        &format!("{resolution}\nfeatures = [4, 8]"),
        &[],
        &["[8, 16]", "[4, 8]"],
    );
    refused(
        "[constraints]",
        "[space.head]\nclasses = 10\n\n[constraints]",
        &[],
        &["classifier", "leave out space.head"],
    );
    refused(
        "[constraints]",
        "[refine]\nengine = \"embedded\"\n\n[constraints]",
        &[],
        &["refine.engine", "platform.toml"],
    );
    let adds = head(
        "n,0,resize,,,,,,,80,4,6,80,8,12,,0,1,stride16\nn,1,conv,1,1,1,1,1,1,40,8,12,80,8,12,,1,1,stride8\nn,2,add,,,,,,,80,8,12,80,8,12,,0,2,0;1\n",
    );
    refused(
        "channels = 80",
        "channels = [72, 80]",
        &[("head.csv", adds.as_bytes())],
        &["stage 3", "[72, 80]", "layer 0.resize", "channels = 80"],
    );
}

#[test]
fn what_is_not_known_is_told() {
    let desk = desk();
    desk.write(
        "head.csv",
        head(&PYRAMID.replace("fpn,1,resize", "fpn,1,warp")),
    );
    desk.roofnas(&["check", "exp.toml"])
        .ends(0)
        .says(&["warning: ", "1.warp", "nobody knows"]);
    // channels that vary: slower, and without a proof
    desk.write("head.csv", head(PYRAMID));
    desk.write(
        "exp.toml",
        EXPERIMENT.replace("channels = 80", "channels = [72, 80]"),
    );
    desk.roofnas(&["run", "exp.toml", "--out", "run"])
        .ends(0)
        .says(&["stride 16", "layer by layer", "not known, since"]);
}
