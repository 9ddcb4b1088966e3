//! `roofnas profile`: where a network's time goes.

use crate::support::{Desk, Table};

/// A folder with a finished run, and one of its networks as a table of layers.
fn desk() -> Desk {
    let desk = Desk::with_run();
    desk.roofnas(&[
        "export",
        "run",
        "b01",
        "--to",
        "layers",
        "--out",
        "layers.csv",
    ])
    .ends(0);
    desk
}

fn rows(desk: &Desk, platform: &str) -> Table {
    let args = [
        "profile",
        "--platform",
        platform,
        "--layers",
        "layers.csv",
        "--format",
        "csv",
    ];
    Table::parse(&desk.roofnas(&args).ends(0).stdout)
}

fn sum(table: &Table, column: &str) -> f64 {
    table
        .rows
        .iter()
        .map(|row| row[column].parse::<f64>().unwrap())
        .sum()
}

#[test]
fn layers_add_up_to_the_network() {
    let desk = desk();
    let layers = rows(&desk, "intel-i9-10980xe");
    let predict = [
        "predict",
        "--platform",
        "intel-i9-10980xe",
        "--layers",
        "layers.csv",
        "--format",
        "csv",
    ];
    let whole = Table::parse(&desk.roofnas(&predict).ends(0).stdout);
    for column in ["macs", "flops", "traffic_bytes"] {
        assert_eq!(sum(&layers, column), sum(&whole, column), "{column}");
    }
    // the call of the engine is no layer: 10 us on this platform
    let (layers_ms, whole_ms) = (sum(&layers, "latency_ms"), sum(&whole, "latency_ms"));
    assert!(
        (whole_ms - layers_ms - 0.01).abs() < 1e-9,
        "{layers_ms} {whole_ms}"
    );
    assert!((sum(&layers, "share") - layers_ms / whole_ms).abs() < 1e-9);
    let front = desk.table("run/pareto.csv").rows.remove(0);
    assert_eq!(layers.rows.len().to_string(), front["layers"]);
}

#[test]
fn the_same_layers_change_sides() {
    let desk = desk();
    let both = rows(&desk, "intel-i9-10980xe,nvidia-v100");
    let bounds = |platform: &str| {
        let rows = both.rows.iter().filter(|row| row["platform"] == platform);
        rows.map(|row| row["bound"].clone()).collect::<Vec<_>>()
    };
    let (cpu, gpu) = (bounds("intel-i9-10980xe"), bounds("nvidia-v100"));
    assert_eq!(cpu.len(), gpu.len());
    let changed = cpu.iter().zip(&gpu).filter(|(cpu, gpu)| cpu != gpu).count();
    assert!(changed > 5, "{changed} of {}", cpu.len());
    let table = desk.roofnas(&[
        "profile",
        "--platform",
        "intel-i9-10980xe,nvidia-v100",
        "--layers",
        "layers.csv",
    ]);
    let text = table.ends(0).stdout;
    assert!(
        text.contains("intel-i9-10980xe us") && text.contains("nvidia-v100 bound"),
        "{text}"
    );
}

#[test]
fn totals_stand_below_the_table() {
    let desk = desk();
    let text = desk
        .roofnas(&[
            "profile",
            "--platform",
            "nvidia-v100",
            "--layers",
            "layers.csv",
        ])
        .ends(0)
        .stdout;
    let front = desk.table("run/pareto.csv").rows.remove(0);
    for part in [
        format!("{} MACs", front["macs"]),
        format!(
            "{:.3} MB live at peak",
            1e-6 * front["peak_memory_bytes"].parse::<f64>().unwrap()
        ),
        "uncalibrated".to_owned(),
        "bound by compute".to_owned(),
    ] {
        assert!(text.contains(&part), "{part} is not in {text}");
    }
}

#[test]
fn advice_is_given_with_its_price() {
    let desk = Desk::new();
    // a network of many tiny layers, and a wide one whose channels are off the CPU's vectors of 16
    let header = "network,layer,op,kernel_h,kernel_w,stride_h,stride_w,dilation,groups,in_channels,in_h,in_w,out_channels,out_h,out_w,activation,bias,inputs,from";
    let mut rows = format!(
        "{header}\nn,0,conv,3,3,1,1,1,1,256,56,56,264,56,56,,1,1,input\nn,1,pool,56,56,1,1,1,1,264,56,56,264,1,1,,,1,0\n"
    );
    for layer in 2..40 {
        let inputs = if layer == 2 { 264 } else { 64 };
        rows += &format!(
            "n,{layer},conv,1,1,1,1,1,1,{inputs},1,1,64,1,1,relu,1,1,{}\n",
            layer - 1
        );
    }
    desk.write("layers.csv", rows);
    let text = desk
        .roofnas(&[
            "profile",
            "--platform",
            "intel-i9-10980xe",
            "--layers",
            "layers.csv",
        ])
        .ends(0)
        .stdout;
    for part in [
        "advice (each change priced by this model):",
        "264 channels fill whole vectors of 16 only up to 272",
        "do less than their own overhead",
        "live at the peak of memory: 0.conv 3.312 MB, the input 3.211 MB",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn pictures_stand_by_themselves() {
    let desk = desk();
    let one = [
        "profile",
        "--platform",
        "nvidia-v100",
        "--layers",
        "layers.csv",
        "--svg",
        "deep/er/one.svg",
    ];
    desk.roofnas(&one).ends(0);
    let picture = desk.read("deep/er/one.svg");
    assert!(picture.starts_with("<svg xmlns"));
    for part in [
        "nvidia-v100",
        "theoretical (in use)",
        "GFLOP/s",
        "uncalibrated",
        "fill=\"#fff\"",
    ] {
        assert!(picture.contains(part), "{part}");
    }
    let outside = picture.replace("http://www.w3.org/2000/svg", "");
    assert!(!outside.contains("http") && !outside.contains("href"));
    let two = [
        "profile",
        "--platform",
        "nvidia-v100,intel-i9-10980xe",
        "--layers",
        "layers.csv",
        "--svg",
        "two.svg",
    ];
    desk.roofnas(&two).ends(0);
    assert!(
        desk.path("two-nvidia-v100.svg").exists() && desk.path("two-intel-i9-10980xe.svg").exists()
    );
}

#[test]
fn bad_input() {
    let desk = desk();
    let layers = desk.read("layers.csv");
    let (header, rows) = layers.split_once('\n').unwrap();
    desk.write(
        "two.csv",
        format!("{header}\n{rows}{}", rows.replace("b01,", "b02,")),
    );
    let refused: [(&[&str], &[&str]); 5] = [
        (
            &["--platform", "nvidia-v100", "--layers", "two.csv"],
            &["two.csv", "--network", "b01, b02"],
        ),
        (
            &[
                "--platform",
                "nvidia-v100",
                "--layers",
                "two.csv",
                "--network",
                "b03",
            ],
            &["\"b03\"", "b01, b02"],
        ),
        (
            &["--platform", "nvidia-v100,abacus", "--layers", "layers.csv"],
            &["\"abacus\"", "intel-i9-10980xe"],
        ),
        (
            &["--platform", "nvidia-v100", "--layers", "none.csv"],
            &["none.csv"],
        ),
        (&["--layers", "layers.csv"], &["--platform"]),
    ];
    for (args, messages) in refused {
        let args: Vec<&str> = ["profile"].iter().chain(args).copied().collect();
        desk.roofnas(&args).ends(2).says(messages);
    }
    let chosen = [
        "profile",
        "--platform",
        "nvidia-v100",
        "--layers",
        "two.csv",
        "--network",
        "b02",
    ];
    desk.roofnas(&chosen).ends(0);
}

#[test]
fn an_engine_beside_the_prediction() {
    let desk = desk();
    desk.roofnas(&["export", "run", "b01", "--to", "onnx", "--out", "net.onnx"])
        .ends(0);
    let profile = |more: &[&str]| {
        let args = ["profile", "--platform", "intel-i9-10980xe"];
        desk.roofnas(&[&args, more].concat())
    };
    let shown = profile(&["net.onnx", "--engine", "embedded"]).ends(0);
    for part in [
        "measured on rten",
        "measured_us",
        "doesn't say what its layers take",
    ] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    let long = profile(&["net.onnx", "--engine", "embedded", "--format", "csv"]).ends(0);
    let table = Table::parse(&long.stdout);
    assert!(table.rows.iter().all(|row| row["measured_ms"].is_empty()));
    profile(&["--layers", "layers.csv", "--engine", "embedded"])
        .ends(2)
        .says(&["--engine", "in the place of --layers"]);
    profile(&["net.onnx", "--engine", "command"])
        .ends(2)
        .says(&["--command"]);
    profile(&["net.onnx", "--engine", "abacus"])
        .ends(2)
        .says(&["abacus", "onnxruntime"]);
}
