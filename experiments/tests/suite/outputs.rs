//! Standard output and error as files and pipes.

use std::fs::File;
use std::process::Stdio;

use crate::support::Desk;

/// Runs with an output that takes nothing; a panic would end with 101.
fn ends_with_full_output(desk: &Desk, args: &[&str]) {
    let mut command = desk.command(args);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "{args:?}: {:?}",
        output.status
    );
}

#[test]
fn an_output_that_is_full_is_no_reason_to_panic() {
    let desk = Desk::with_tiny();
    let commands: [&[&str]; 4] = [
        &["platforms"],
        &["platforms", "nvidia-v100"],
        &["check", "tiny.toml"],
        &["run", "tiny.toml"],
    ];
    for args in commands {
        ends_with_full_output(&desk, args);
    }
}

#[test]
fn a_batch_whose_reader_went_away_is_done_nonetheless() {
    let desk = Desk::with_tiny();
    let mut command = desk.command(&[
        "run",
        "tiny.toml",
        "--out",
        "out",
        "--set",
        "matrix.seed=[1,2]",
    ]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let code = child.wait().unwrap().code();
    assert!(matches!(code, Some(0 | 1)), "{code:?}");
    assert!(desk.path("out/2-seed-2/pareto.csv").exists());
    assert!(desk.path("out/summary.csv").exists());
}

#[test]
fn data_goes_to_the_output_and_the_rest_to_the_error() {
    let desk = Desk::with_tiny();
    let ended = desk.roofnas(&["run", "tiny.toml", "--out", "run"]).ends(0);
    assert!(ended.stdout.contains("| id "), "{}", ended.stdout);
    assert!(!ended.stdout.contains("warning"), "{}", ended.stdout);
    assert!(ended.stderr.contains("warning") && !ended.stderr.contains("| id "));
}
