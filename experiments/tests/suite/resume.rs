//! Runs that are interrupted, and go on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use crate::support::{Desk, Running, TINY, wait_for};

/// Time enough for some generations, and too little for all.
const SOME_GENERATIONS: Duration = Duration::from_millis(80);

/// Some seconds of work, so that there is time to interrupt it.
fn long() -> String {
    TINY.replace("evaluations = 320", "evaluations = 600_000")
        .replace("population = 16", "population = 64")
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("long.toml", long());
    desk
}

/// The experiment under way in `run`.
fn start(desk: &Desk, resume: bool) -> Running {
    let args = [
        "run",
        "long.toml",
        "--out",
        "run",
        "--threads",
        "1",
        "--resume",
    ];
    let running = desk.start(&args[..if resume { 7 } else { 6 }]);
    wait_for(&desk.path("run/experiment.toml"));
    // from here on signals are handled: the search begins
    thread::sleep(SOME_GENERATIONS);
    running
}

/// The experiment in `run`, interrupted by ctrl-C.
fn interrupt(desk: &Desk) {
    let mut running = start(desk, false);
    running.signal("-INT");
    assert_eq!(running.wait(), Some(130));
    assert!(desk.path("run/checkpoint").exists());
    assert!(!desk.path("run/pareto.csv").exists());
}

/// What the experiment gives when nobody interrupts it.
static WHOLE: LazyLock<BTreeMap<String, Vec<u8>>> = LazyLock::new(|| {
    let desk = desk();
    desk.roofnas(&["run", "long.toml", "--out", "whole"])
        .ends(0);
    desk.results("whole")
});

/// Goes on with `run` and compares it with a run that nobody interrupted.
fn ends_as_if_never_interrupted(desk: &Desk) {
    desk.roofnas(&["run", "long.toml", "--out", "run", "--resume"])
        .ends(0);
    let run = desk.results("run");
    assert_eq!(
        run.keys().collect::<Vec<_>>(),
        WHOLE.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &run {
        assert!(*bytes == WHOLE[name], "{name} differs");
    }
}

#[test]
fn after_ctrl_c_it_goes_on() {
    let desk = desk();
    interrupt(&desk);
    ends_as_if_never_interrupted(&desk);
    let seconds = desk.table("run/history.csv").numbers("seconds");
    assert!(crate::support::is_sorted(&seconds));
}

#[test]
fn after_kill_before_the_first_checkpoint_it_begins_again() {
    let desk = desk();
    let mut running = start(&desk, false);
    running.signal("-KILL");
    assert_eq!(running.wait(), None);
    assert!(!desk.path("run/pareto.csv").exists());
    ends_as_if_never_interrupted(&desk);
}

#[test]
fn after_kill_beyond_a_checkpoint_it_goes_on_from_there() {
    let desk = desk();
    interrupt(&desk);
    let mut running = start(&desk, true);
    assert!(running.is_running());
    running.signal("-KILL");
    assert_eq!(running.wait(), None);
    assert!(desk.path("run/checkpoint").exists());
    ends_as_if_never_interrupted(&desk);
}

#[test]
fn a_polite_kill_leaves_a_checkpoint_too() {
    let desk = desk();
    let mut running = start(&desk, false);
    running.signal("-TERM");
    assert_eq!(running.wait(), Some(130));
    assert!(desk.path("run/checkpoint").exists());
}

#[test]
fn an_interrupted_run_is_not_begun_again_by_accident() {
    let desk = desk();
    interrupt(&desk);
    let before = desk.files("run");
    desk.roofnas(&["run", "long.toml", "--out", "run"])
        .ends(2)
        .says(&["run", "--resume"]);
    assert!(desk.files("run") == before);
}

#[test]
fn a_changed_experiment_is_refused() {
    let desk = desk();
    interrupt(&desk);
    let before = desk.files("run");
    let changes = [
        ("constraints.latency_ms=0.9", "latency_ms = 0.9"),
        ("seed=5", "seed = 5"),
        ("search.evaluations=70000", "evaluations = 70000"),
        ("search.algorithm=random", "random"),
        ("space.resolution=192", "192"),
    ];
    for (setting, named) in changes {
        desk.roofnas(&[
            "run",
            "long.toml",
            "--out",
            "run",
            "--resume",
            "--set",
            setting,
        ])
        .ends(2)
        .says(&["experiment.toml", named, "changed"]);
    }
    let other = "platform.profile=nvidia-v100";
    desk.roofnas(&[
        "run",
        "long.toml",
        "--out",
        "run",
        "--resume",
        "--set",
        other,
    ])
    .ends(2)
    .says(&[
        "platform.toml",
        "intel-i9-10980xe",
        "nvidia-v100",
        "changed",
    ]);
    assert!(desk.files("run") == before);
}

#[test]
fn a_changed_platform_is_refused() {
    let desk = desk();
    let profile = desk
        .roofnas(&["platforms", "intel-i9-10980xe"])
        .ends(0)
        .stdout;
    desk.write("mine.toml", &profile);
    let args = [
        "run",
        "long.toml",
        "--out",
        "run",
        "--resume",
        "--set",
        "platform.profile=mine.toml",
        "--set",
        "search.evaluations=500",
    ];
    desk.roofnas(&args).ends(0);
    desk.write("mine.toml", profile.replace("96.0", "97.0"));
    desk.roofnas(&args).ends(2).says(&["platform.toml", "97.0"]);
}

#[test]
fn resuming_a_finished_run_does_nothing() {
    let desk = Desk::with_run();
    let modified = |path: &Path| path.metadata().unwrap().modified().unwrap();
    let (before, when) = (desk.files("run"), modified(&desk.path("run/pareto.csv")));
    desk.roofnas(&["run", "tiny.toml", "--out", "run", "--resume"])
        .ends(0)
        .says(&["nothing to do"]);
    assert!(desk.files("run") == before);
    assert_eq!(modified(&desk.path("run/pareto.csv")), when);
}

#[test]
fn resuming_nothing_begins() {
    let desk = Desk::with_tiny();
    std::fs::create_dir(desk.path("empty")).unwrap();
    for folder in ["empty", "new"] {
        desk.roofnas(&["run", "tiny.toml", "--out", folder, "--resume"])
            .ends(0);
        assert!(desk.path(folder).join("pareto.csv").exists());
    }
}

#[test]
fn a_kill_between_the_first_files_can_be_resumed() {
    let desk = Desk::with_run();
    desk.write("begun/experiment.toml", desk.read("run/experiment.toml"));
    desk.roofnas(&["run", "tiny.toml", "--out", "begun", "--resume"])
        .ends(0);
    assert_eq!(desk.read("begun/pareto.csv"), desk.read("run/pareto.csv"));
}

#[test]
fn a_kill_while_results_are_written_can_be_resumed() {
    let desk = Desk::with_run();
    // they come in this order: backbones, history, report, front
    for missing in ["report.html", "pareto.csv"] {
        std::fs::remove_file(desk.path("run").join(missing)).unwrap();
    }
    desk.roofnas(&["run", "tiny.toml", "--out", "run", "--resume"])
        .ends(0);
    desk.roofnas(&["run", "tiny.toml", "--out", "whole"])
        .ends(0);
    assert!(desk.results("run") == desk.results("whole"));
}

#[test]
fn a_temporary_file_of_a_killed_run_does_not_stay() {
    let desk = Desk::with_run();
    desk.write("begun/experiment.toml", desk.read("run/experiment.toml"));
    desk.write("begun/experiment.toml", desk.read("run/experiment.toml"));
    desk.write("begun/.roofnas-Ab12Cd", "half a check");
    desk.roofnas(&["run", "tiny.toml", "--out", "begun", "--resume"])
        .ends(0);
    let names: Vec<String> = desk.files("begun").into_keys().collect();
    assert!(
        !names.iter().any(|name| name.contains(".roofnas-")),
        "{names:?}"
    );
}

/// Resumes with something else in the place of the checkpoint.
fn resume_from(checkpoint: impl Fn(Vec<u8>) -> Vec<u8>, says: &[&str]) {
    let desk = desk();
    interrupt(&desk);
    let stored = std::fs::read(desk.path("run/checkpoint")).unwrap();
    desk.write("run/checkpoint", checkpoint(stored));
    let before = desk.files("run");
    desk.roofnas(&["run", "long.toml", "--out", "run", "--resume"])
        .ends(2)
        .says(says);
    assert!(desk.files("run") == before);
}

#[test]
fn a_checkpoint_cut_short_is_refused() {
    resume_from(
        |bytes| bytes[..bytes.len() / 2].to_vec(),
        &["run", "checkpoint", "is cut short"],
    );
}

#[test]
fn an_empty_checkpoint_is_refused() {
    resume_from(
        |_| Vec::new(),
        &["run", "checkpoint", "is cut short: it ends after 0 bytes"],
    );
}

#[test]
fn garbage_in_place_of_a_checkpoint_is_refused() {
    resume_from(|_| vec![0xff, 0x00, 0xfe, 0x80], &["run", "checkpoint"]);
    resume_from(
        |_| b"[1, 2, 3]".to_vec(),
        &["run", "checkpoint", "not a checkpoint"],
    );
}

#[test]
fn a_checkpoint_of_another_format_is_refused() {
    let newer = |bytes: Vec<u8>| {
        String::from_utf8(bytes)
            .unwrap()
            .replacen("\"format\":3", "\"format\":4", 1)
            .into_bytes()
    };
    resume_from(newer, &["checkpoint of format 4", "reads format 3"]);
}

#[test]
fn a_checkpoint_of_another_space_is_refused() {
    let desk = desk();
    let other = [
        "run",
        "long.toml",
        "--out",
        "other",
        "--set",
        "space.preset=resnet",
    ];
    let mut running = desk.start(&other);
    wait_for(&desk.path("other/experiment.toml"));
    thread::sleep(SOME_GENERATIONS);
    running.signal("-INT");
    assert_eq!(running.wait(), Some(130));
    interrupt(&desk);
    desk.write("run/checkpoint", desk.read("other/checkpoint"));
    desk.roofnas(&["run", "long.toml", "--out", "run", "--resume"])
        .ends(2)
        .says(&["run", "checkpoint", "space"]);
}

#[test]
fn batches_too_end_with_the_code_of_an_uninterrupted_one() {
    let desk = Desk::with_tiny();
    let matrix = "[matrix]\n\"constraints.macs\" = [1, 2]\n";
    desk.write("batch.toml", format!("{TINY}{matrix}"));
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(3);
    std::fs::remove_dir_all(desk.path("out/2-macs-2")).unwrap();
    desk.roofnas(&["run", "batch.toml", "--out", "out", "--resume"])
        .ends(3);
}
