//! The same seed gives the same bytes; another seed another front.

use crate::support::{Desk, QUICKSTART};

#[track_caller]
fn assert_same(desk: &Desk, one: &str, other: &str) {
    let (one, other) = (desk.results(one), desk.results(other));
    assert_eq!(
        one.keys().collect::<Vec<_>>(),
        other.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &one {
        assert!(*bytes == other[name], "{name} differs");
    }
}

#[test]
fn any_number_of_threads_gives_the_same_files() {
    let desk = Desk::new();
    // with a proof too, which takes a moment in the small space only
    let cases = [
        ["search.evaluations=6000", "search.certify=false"],
        [
            "space={ preset = \"accel-nasbench\" }",
            "search.evaluations=2000",
        ],
    ];
    for settings in cases {
        let folder = |threads: &str| format!("{}-{threads}", settings[0].len());
        for threads in ["1", "2", "3"] {
            let out = folder(threads);
            let run = ["run", QUICKSTART, "--out", &out, "--threads", threads];
            let set = settings.iter().chain(&["output.backbones=2"]);
            let set = set.flat_map(|setting| ["--set", setting]);
            let args: Vec<&str> = run.into_iter().chain(set).collect();
            desk.roofnas(&args).ends(0);
        }
        assert_same(&desk, &folder("1"), &folder("2"));
        assert_same(&desk, &folder("1"), &folder("3"));
    }
}

#[test]
fn a_random_search_has_the_same_files_too() {
    let desk = Desk::with_tiny();
    for threads in ["1", "3"] {
        desk.roofnas(&[
            "run",
            "tiny.toml",
            "--out",
            threads,
            "--threads",
            threads,
            "--set",
            "search.algorithm=random",
        ])
        .ends(0);
    }
    assert_same(&desk, "1", "3");
}

#[test]
fn a_batch_has_the_same_tables() {
    let desk = Desk::with_tiny();
    for threads in ["1", "3"] {
        desk.roofnas(&[
            "run",
            "tiny.toml",
            "--out",
            threads,
            "--threads",
            threads,
            "--set",
            "matrix.seed=[1,2]",
        ])
        .ends(0);
    }
    for table in [
        "portability.csv",
        "summary.csv",
        "1-seed-1/pareto.csv",
        "2-seed-2/pareto.csv",
    ] {
        assert_eq!(
            desk.results("1")[table],
            desk.results("3")[table],
            "{table}"
        );
    }
}

#[test]
fn another_seed_gives_another_front() {
    let desk = Desk::with_run();
    desk.roofnas(&["run", "tiny.toml", "--out", "other", "--seed", "2"])
        .ends(0);
    let front = |run: &str| desk.table(&format!("{run}/pareto.csv"));
    let (first, second) = (front("run"), front("other"));
    assert_ne!(first.text("genotype"), second.text("genotype"));
    assert!(second.text("seed").iter().all(|seed| *seed == "2"));
}

#[test]
fn a_run_repeats_from_the_experiment_it_wrote() {
    let desk = Desk::with_run();
    desk.roofnas(&["run", "run/experiment.toml", "--out", "again"])
        .ends(0);
    assert_same(&desk, "run", "again");
}

#[test]
fn seed_and_set_seed_are_one() {
    let desk = Desk::with_tiny();
    desk.roofnas(&["run", "tiny.toml", "--out", "a", "--seed", "7"])
        .ends(0);
    desk.roofnas(&["run", "tiny.toml", "--out", "b", "--set", "seed=7"])
        .ends(0);
    assert_same(&desk, "a", "b");
}
