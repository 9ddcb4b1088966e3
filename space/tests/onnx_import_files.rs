//! Other people's ONNX files, counted.
//!
//! `ROOFNAS_ONNX=FILE_OR_FOLDER` prints a line of CSV for each file: what `onnx_import.py` compares with independent
//! counts. `ROOFNAS_PYTHON=1` does all of it: models of PyTorch are exported and counted by hooks in PyTorch, the
//! models of the `onnx` package are counted by its own shape inference, those of Keras by their layers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use roofnas_space::onnx::{ImportOptions, import_file};
use roofnas_space::{Network, Op, Resolution, Work};

/// MACs and parameters of a network, and the operators nobody knows.
fn counts(network: &Network) -> (u64, u64, Vec<&str>) {
    let (mut macs, mut params, mut unknown) = (0, 0, Vec::new());
    for layer in network.layers() {
        let (input, output) = (network.input_shape(layer), layer.output);
        let bias = |bias: bool, channels: usize| if bias { channels as u64 } else { 0 };
        let (m, p) = match &layer.op {
            Op::Conv(conv) => (
                output.elements() * conv.fan_in(input.channels),
                conv.weights(input.channels) + bias(conv.bias, conv.out_channels),
            ),
            Op::ConvTranspose(transposed) => (
                input.elements() * transposed.spread(),
                transposed.weights(input.channels)
                    + bias(transposed.conv.bias, transposed.conv.out_channels),
            ),
            Op::Linear {
                out_features,
                bias: b,
            } => (
                input.elements() * output.elements(),
                input.elements() * *out_features as u64 + bias(*b, *out_features),
            ),
            Op::MatMul(product) => (product.macs, product.weights),
            Op::BatchNorm => (0, 2 * input.channels as u64),
            Op::Other(other) if other.work == Work::Unknown => {
                unknown.push(&*other.name);
                (0, 0)
            }
            _ => (0, 0),
        };
        macs += m;
        params += p;
    }
    (macs, params, unknown)
}

/// One line for each file: `file,layers,macs,params,unknown,read_ms,import_ms,error`.
fn table(files: &[PathBuf]) -> String {
    let mut csv = "file,layers,macs,params,unknown,read_ms,import_ms,error\n".to_owned();
    let side = std::env::var("ROOFNAS_ONNX_RESOLUTION").unwrap_or("224".to_owned());
    let options = ImportOptions {
        resolution: Some(side.parse::<Resolution>().unwrap()),
        ..ImportOptions::default()
    };
    for file in files {
        let started = Instant::now();
        let _ = fs::read(file);
        let read = started.elapsed().as_secs_f64() * 1e3;
        let started = Instant::now();
        let imported = import_file(file, &options);
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        let name = file.display();
        match imported {
            Ok(network) => {
                let (macs, params, mut unknown) = counts(&network);
                let layers = network.layers().len();
                unknown.sort_unstable();
                unknown.dedup();
                let unknown = unknown.join(" ");
                writeln!(
                    csv,
                    "{name},{layers},{macs},{params},{unknown},{read:.1},{milliseconds:.1},"
                )
                .unwrap();
                if std::env::var_os("ROOFNAS_ONNX_LAYERS").is_some() {
                    for (index, layer) in network.layers().iter().enumerate() {
                        eprintln!(
                            "{index} {} {:?} {:?} {}",
                            layer.name, layer.op, layer.inputs, layer.output
                        );
                    }
                }
            }
            Err(error) => {
                let error = error.to_string().replace(['"', '\n'], "'");
                writeln!(csv, "{name},0,0,0,,{read:.1},{milliseconds:.1},\"{error}\"").unwrap();
            }
        }
    }
    csv
}

/// The models in a folder and below, or the one file.
fn models(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|entry| entry.is_dir() || entry.extension().is_some_and(|end| end == "onnx"))
        .flat_map(|entry| models(&entry))
        .collect();
    files.sort();
    files
}

#[test]
fn files_asked_for_are_counted() {
    if let Some(path) = std::env::var_os("ROOFNAS_ONNX") {
        println!("{}", table(&models(Path::new(&path))));
    }
}

#[test]
fn independent_counts_agree() {
    holds("onnx_import.py", "onnx, timm, torch, torchvision");
}

#[test]
fn counts_of_keras_agree() {
    holds("onnx_import_tensorflow.py", "onnx, tensorflow, tf2onnx");
}

/// Has a script write models with independent counts, and compares them. Nothing is done unless `ROOFNAS_PYTHON=1` asks for it and Python has
/// these packages.
fn holds(script: &str, packages: &str) {
    let python = std::env::var("PYTHON").unwrap_or("python3".to_owned());
    let asked = std::env::var_os("ROOFNAS_PYTHON").is_some_and(|value| value == "1");
    let found = || {
        let mut import = Command::new(&python);
        import.args(["-c", &format!("import {packages}")]);
        let status = import.stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    if !asked || !found() {
        // past the test harness, which would keep it to itself
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: imports were not compared with the counts of {script}: needs ROOFNAS_PYTHON=1 and a python3 (or $PYTHON) with {packages}"
        );
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(script);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let status = Command::new(&python)
        .arg(path.join(script))
        .arg(&folder)
        .status()
        .unwrap();
    assert!(
        status.success(),
        "see above; the models are in {}",
        folder.display()
    );
    let differences = compare(&folder);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    fs::remove_dir_all(&folder).unwrap();
}

/// Compares a folder that the script has written: `ROOFNAS_ONNX_COMPARE=FOLDER`.
#[test]
fn a_folder_asked_for_agrees() {
    if let Some(folder) = std::env::var_os("ROOFNAS_ONNX_COMPARE") {
        let differences = compare(Path::new(&folder));
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

/// What differs between the counts here and those in `expected.csv`.
fn compare(folder: &Path) -> Vec<String> {
    let expected = fs::read_to_string(folder.join("expected.csv")).unwrap();
    let mut differences = Vec::new();
    let mut files = 0;
    for line in expected.lines().skip(1) {
        let [file, macs, params] = [0, 1, 2].map(|column| line.split(',').nth(column).unwrap());
        files += 1;
        match import_file(&folder.join(file), &ImportOptions::default()) {
            Err(error) => differences.push(format!("{file}: {error}")),
            Ok(network) => {
                let counted = counts(&network);
                for (what, expected, counted) in
                    [("MACs", macs, counted.0), ("parameters", params, counted.1)]
                {
                    if !expected.is_empty() && counted.to_string() != expected {
                        differences.push(format!("{file}: {counted} {what}, not {expected}"));
                    }
                }
                if !counted.2.is_empty() {
                    differences.push(format!("{file}: unknown {}", counted.2.join(" ")));
                }
            }
        }
    }
    println!("{files} files, {} differences", differences.len());
    differences
}
