//! Folders that can't take a run.

use crate::support::Desk;

#[test]
fn a_finished_run_is_not_overwritten() {
    let desk = Desk::with_run();
    let before = desk.files("run");
    desk.roofnas(&["run", "tiny.toml", "--out", "run"])
        .ends(2)
        .says(&["run", "finished", "--out"]);
    desk.roofnas(&["run", "tiny.toml", "--out", "run", "--seed", "2"])
        .ends(2);
    assert!(desk.files("run") == before);
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let desk = Desk::with_tiny();
    desk.write("photos/cat.jpg", "meow");
    for more in [&[][..], &["--resume"]] {
        let args: Vec<&str> = ["run", "tiny.toml", "--out", "photos"]
            .iter()
            .chain(more)
            .copied()
            .collect();
        desk.roofnas(&args)
            .ends(2)
            .says(&["photos", "not empty", "--out"]);
        assert_eq!(desk.files("photos").len(), 1);
    }
}

#[test]
fn a_batch_leaves_a_folder_of_something_else_alone() {
    let desk = Desk::with_tiny();
    desk.write("site/report.html", "my own page");
    desk.roofnas(&[
        "run",
        "tiny.toml",
        "--out",
        "site",
        "--set",
        "matrix.seed=[1,2]",
    ])
    .ends(2)
    .says(&["site"]);
    assert_eq!(desk.files("site").len(), 1);
    assert_eq!(desk.read("site/report.html"), "my own page");
}

#[test]
fn a_batch_leaves_a_finished_run_alone() {
    let desk = Desk::with_run();
    let before = desk.files("run");
    desk.roofnas(&[
        "run",
        "tiny.toml",
        "--out",
        "run",
        "--set",
        "matrix.seed=[1,2]",
    ])
    .ends(2)
    .says(&["run"]);
    assert!(desk.files("run") == before);
}

#[test]
fn a_run_leaves_a_batch_alone() {
    let desk = Desk::with_tiny();
    desk.roofnas(&[
        "run",
        "tiny.toml",
        "--out",
        "runs",
        "--set",
        "matrix.seed=[1,2]",
    ])
    .ends(0);
    let before = desk.files("runs");
    desk.roofnas(&["run", "tiny.toml", "--out", "runs"])
        .ends(2)
        .says(&["runs"]);
    desk.roofnas(&[
        "run",
        "tiny.toml",
        "--out",
        "runs",
        "--set",
        "matrix.seed=[1,2]",
    ])
    .ends(2)
    .says(&["runs"]);
    assert!(desk.files("runs") == before);
}

#[test]
fn a_folder_that_cant_be_made_is_a_failure() {
    let desk = Desk::with_tiny();
    let before = desk.files(".");
    for folder in ["tiny.toml/run", "/proc/roofnas/run", "/dev/null/run"] {
        desk.roofnas(&["run", "tiny.toml", "--out", folder])
            .ends(1)
            .says(&[folder]);
        desk.roofnas(&[
            "run",
            "tiny.toml",
            "--out",
            folder,
            "--set",
            "matrix.seed=[1,2]",
        ])
        .ends(1)
        .says(&[folder]);
    }
    assert!(desk.files(".") == before);
}

#[test]
fn a_file_in_the_place_of_the_folder_stays() {
    let desk = Desk::with_tiny();
    let before = desk.files(".");
    let ended = desk.roofnas(&["run", "tiny.toml", "--out", "tiny.toml"]);
    assert!(matches!(ended.code, Some(1 | 2)), "{ended:?}");
    ended.says(&["tiny.toml"]);
    assert!(desk.files(".") == before);
}

#[test]
fn a_cause_is_told_once() {
    let desk = Desk::with_tiny();
    let ended = desk
        .roofnas(&["run", "tiny.toml", "--out", "/proc/roofnas"])
        .ends(1);
    assert_eq!(
        ended.stderr.matches("os error 2").count(),
        1,
        "{}",
        ended.stderr
    );
}

#[test]
fn two_experiments_of_one_name_are_refused() {
    let desk = Desk::with_tiny();
    desk.write("copy.toml", desk.read("tiny.toml"));
    desk.roofnas(&["run", "tiny.toml", "copy.toml", "--out", "both"])
        .ends(2)
        .says(&["copy.toml", "both/tiny"]);
    assert!(!desk.path("both").exists());
}

#[test]
fn nothing_runs_when_one_of_several_folders_is_taken() {
    let desk = Desk::with_tiny();
    desk.write(
        "other.toml",
        desk.read("tiny.toml").replace("\"tiny\"", "\"other\""),
    );
    desk.write("both/other/notes.txt", "mine");
    desk.roofnas(&["run", "tiny.toml", "other.toml", "--out", "both"])
        .ends(2)
        .says(&["both/other"]);
    assert_eq!(desk.files("both").len(), 1);
}

#[test]
fn a_reader_is_told_how_to_go_on_with_a_batch() {
    let desk = Desk::with_tiny();
    let batch = [
        "run",
        "tiny.toml",
        "--out",
        "runs",
        "--set",
        "matrix.seed=[1,2]",
    ];
    desk.roofnas(&batch).ends(0);
    std::fs::remove_dir_all(desk.path("runs/2-seed-2")).unwrap();
    // "remove it" would be bad advice: the first run is done, the second is not
    desk.roofnas(&batch).ends(2).says(&["runs", "--resume"]);
}
