//! `roofnas measure` on an engine in Python, for which a shell script stands in: it answers what is asked in planted timings.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use crate::support::Desk;

/// Every run takes 5 ms. One network is refused when it is loaded, another ends the process when it runs; each process leaves a line.
const PYTHON: &str = r#"#!/bin/sh
echo started >> starts
echo '{"request": 0, "version": "9.9", "python": "here"}'
while read -r line; do
    number=${line#*:}
    number=${number%%,*}
    case $line in
        *'"load"'*) case $line in
            *refused.onnx*) answer='"error": "input x leaves the size of axis 2 open"' ;;
            *) answer='"initialisation_s": 0.25, "resident_bytes": 2097152' ;;
            esac
            case $line in *fatal.onnx*) fatal=${line#*load\":} fatal=${fatal%%,*} ;; esac ;;
        *'"run"'*)
            network=${line#*run\":}
            if [ "${network%%,*}" = "${fatal:-none}" ]; then echo "bad kernel" >&2; exit 3; fi
            answer='"seconds": [0.005]' ;;
        *) answer='"nodes": null' ;;
    esac
    echo "{\"request\": $number, $answer}"
done
echo ended >> starts
"#;

/// A folder with the interpreter in `env`, and with files that it takes for networks.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("env/bin/python3", PYTHON);
    let executable = PermissionsExt::from_mode(0o755);
    fs::set_permissions(desk.path("env/bin/python3"), executable).unwrap();
    for model in ["a", "b", "refused", "fatal"] {
        desk.write(&format!("{model}.onnx"), "not looked at");
    }
    desk
}

fn measure(desk: &Desk, more: &[&str]) -> (Option<i32>, String) {
    let base = ["measure", "--engine", "openvino", "--rounds", "2"];
    let mut command = desk.command(&[&base, more].concat());
    let environment = command.env("VIRTUAL_ENV", desk.path("env"));
    let Output { status, stderr, .. } = environment.output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn one_process_runs_all_networks() {
    let desk = desk();
    let more = ["a.onnx", "b.onnx", "--out", "t.csv", "--duty", "5ms"];
    let (code, said) = measure(&desk, &more);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("openvino 9.9, 1 thread"), "{said}");
    let table = desk.table("t.csv");
    assert_eq!(table.text("network"), ["a", "b"]);
    assert_eq!(table.numbers("latency_ms"), [5.0, 5.0]);
    assert_eq!(table.text("engine"), ["openvino", "openvino"]);
    assert_eq!(table.text("engine_version"), ["9.9", "9.9"]);
    assert_eq!(table.numbers("initialisation_ms"), [250.0, 250.0]);
    assert_eq!(table.numbers("resident_mib"), [2.0, 2.0]);
    assert_eq!(desk.read("starts"), "started\nended\n");
}

#[test]
fn networks_that_fail_leave_the_others_alone() {
    let desk = desk();
    let more = ["a.onnx", "refused.onnx", "fatal.onnx", "b.onnx"];
    let (code, said) = measure(&desk, &[&more[..], &["--out", "t.csv"]].concat());
    assert_eq!(code, Some(2), "{said}");
    for words in [
        "openvino can't load refused: input x leaves the size of axis 2 open",
        "openvino can't run fatal: its process ended (exit status: 3); it printed: bad kernel",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(desk.table("t.csv").text("network"), ["a", "b"]);
    assert_eq!(desk.read("starts"), "started\nstarted\nended\n");
}

#[test]
fn without_python_it_says_what_to_install() {
    let desk = desk();
    let mut command = desk.command(&["measure", "a.onnx", "--engine", "ncnn"]);
    command.env("PATH", "").env_remove("VIRTUAL_ENV");
    let Output { status, stderr, .. } = command.output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{said}");
    for words in [
        "ncnn is not available: python3: it can't be started",
        "pip install ncnn pnnx numpy",
    ] {
        assert!(said.contains(words), "{said}");
    }
}
