//! `roofnas init`.

use crate::support::Desk;

#[test]
fn what_it_writes_can_be_checked_and_run() {
    let desk = Desk::new();
    desk.roofnas(&["init", "mine.toml"])
        .ends(0)
        .says(&["mine.toml"]);
    desk.roofnas(&["check", "mine.toml"]).ends(0);
    let settings = ["search.evaluations=600", "search.certify=false"];
    let set = settings.iter().flat_map(|setting| ["--set", setting]);
    let small: Vec<&str> = ["run", "mine.toml"].into_iter().chain(set).collect();
    desk.roofnas(&small).ends(0);
    assert!(desk.path("runs/mine/pareto.csv").exists());
}

#[test]
fn it_is_commented() {
    let desk = Desk::new();
    desk.roofnas(&["init"]).ends(0);
    let text = desk.read("experiment.toml");
    assert!(
        text.lines().filter(|line| line.contains('#')).count() > 10,
        "{text}"
    );
}

#[test]
fn names_no_run_can_have_are_not_taken_over() {
    let desk = Desk::new();
    for file in [
        "my experiment.toml",
        "ü.toml",
        "a.b.toml",
        ".toml",
        "folder/-.toml",
    ] {
        desk.roofnas(&["init", file]).ends(0);
        desk.roofnas(&["check", file]).ends(0);
    }
}

#[test]
fn a_file_that_is_there_stays() {
    let desk = Desk::new();
    desk.write("mine.toml", "my own");
    std::fs::create_dir(desk.path("folder")).unwrap();
    desk.roofnas(&["init", "mine.toml"])
        .ends(2)
        .says(&["mine.toml", "there already"]);
    desk.roofnas(&["init", "folder"])
        .ends(2)
        .says(&["folder", "there already"]);
    assert_eq!(desk.read("mine.toml"), "my own");
    assert_eq!(desk.files(".").len(), 1);
}

#[cfg(unix)]
#[test]
fn a_link_to_nowhere_stays() {
    let desk = Desk::new();
    std::os::unix::fs::symlink("gone.toml", desk.path("link.toml")).unwrap();
    desk.roofnas(&["init", "link.toml"])
        .ends(2)
        .says(&["link.toml"]);
    assert!(desk.path("link.toml").is_symlink());
}

#[test]
fn what_can_t_be_written_is_a_failure() {
    let desk = Desk::with_tiny();
    desk.roofnas(&["init", "tiny.toml/below.toml"])
        .ends(1)
        .says(&["tiny.toml/below.toml"]);
    desk.roofnas(&["init", "/proc/experiment.toml"])
        .ends(1)
        .says(&["/proc/experiment.toml"]);
}
