//! Activation memory against a calculation that has nothing to do with this code: `peak_memory.py` works it out from the files alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use roofnas_cost::{Fusion, NetworkCost};
use roofnas_space::onnx::{ImportOptions, import_file};

#[test]
fn live_tensors_are_those_of_an_independent_calculation() {
    let python = std::env::var("PYTHON").unwrap_or("python3".to_owned());
    let asked = std::env::var_os("ROOFNAS_PYTHON").is_some_and(|value| value == "1");
    let found = || {
        let mut import = Command::new(&python);
        let packages = "import onnx, torch, torchvision";
        let status = import.args(["-c", packages]).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    if !asked || !found() {
        // past the test harness, which would keep it to itself
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: peak memory was not compared with an independent calculation: needs ROOFNAS_PYTHON=1 and a python3 (or $PYTHON) with onnx, \
             torch and torchvision"
        );
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peak_memory");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peak_memory.py");
    let status = Command::new(&python).arg(script).arg(&folder).status();
    assert!(
        status.unwrap().success(),
        "see above; the models are in {}",
        folder.display()
    );
    let (files, differences) = compare(&folder);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(files >= 10, "{files}");
    fs::remove_dir_all(&folder).unwrap();
}

/// Compares a folder that the script has written: `ROOFNAS_MEMORY_COMPARE=FOLDER`.
#[test]
fn a_folder_asked_for_agrees() {
    if let Some(folder) = std::env::var_os("ROOFNAS_MEMORY_COMPARE") {
        let (_, differences) = compare(Path::new(&folder));
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

/// How many files a folder's `expected.csv` lists, and what differs.
fn compare(folder: &Path) -> (usize, Vec<String>) {
    let expected = fs::read_to_string(folder.join("expected.csv")).unwrap();
    let mut differences = Vec::new();
    let lines = expected.lines().skip(1);
    for line in lines.clone() {
        let mut columns = line.split(',');
        let file = columns.next().unwrap();
        let expected: Vec<u64> = columns.map(|column| column.parse().unwrap()).collect();
        match import_file(&folder.join(file), &ImportOptions::default()) {
            Err(error) => differences.push(format!("{file}: {error}")),
            Ok(network) => {
                let cost = NetworkCost::new(&network, &Fusion::default());
                let footprint = cost.footprint.unwrap();
                let own = [footprint.total_elements, footprint.peak_live_elements];
                if expected != own {
                    differences.push(format!("{file}: {own:?} elements, not {expected:?}"));
                }
            }
        }
    }
    let files = lines.count();
    println!("{files} files, {} differences", differences.len());
    (files, differences)
}
