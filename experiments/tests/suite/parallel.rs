//! Runs of a matrix side by side: at a time, in shards, killed and resumed.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use crate::support::{BINARY, Desk, TINY, wait_for};

/// Six runs of well under a second each.
fn desk() -> Desk {
    desk_with("[matrix]\n\"constraints.latency_ms\" = [0.8, 1.0]\nseed = [1, 2, 3]\n")
}

fn desk_with(matrix: &str) -> Desk {
    let desk = Desk::new();
    desk.write("batch.toml", format!("{TINY}{matrix}"));
    desk
}

/// What must be the same however a batch was done: all files but its report, which has the seconds that runs took.
fn results(desk: &Desk, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = desk.results(folder);
    files.remove("report.html").unwrap();
    files
}

fn assert_same(desk: &Desk, one: &str, other: &str) {
    let (one, other) = (results(desk, one), results(desk, other));
    assert_eq!(
        one.keys().collect::<Vec<_>>(),
        other.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &one {
        assert!(*bytes == other[name], "{name} differs");
    }
}

#[test]
fn any_number_at_a_time_gives_the_same_files() {
    let desk = desk();
    for (out, jobs, threads) in [("one", "1", "1"), ("some", "3", "5"), ("most", "64", "2")] {
        let args = [
            "run",
            "batch.toml",
            "--out",
            out,
            "--jobs",
            jobs,
            "--threads",
            threads,
        ];
        desk.roofnas(&args).ends(0);
    }
    assert_same(&desk, "one", "some");
    assert_same(&desk, "one", "most");
}

#[test]
fn a_batch_prints_its_summary_and_a_line_for_each_run() {
    let desk = desk();
    let ended = desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    let rows = ended.stdout.lines().filter(|line| line.contains("seed"));
    assert_eq!(rows.count(), 6, "{}", ended.stdout);
    assert!(ended.stdout.contains("evaluations"));
    let lines = ended
        .stderr
        .lines()
        .filter(|line| line.contains("320 evaluations in"));
    assert_eq!(lines.count(), 6, "{}", ended.stderr);
}

#[test]
fn the_summary_says_how_far_each_run_can_be_from_the_optimum() {
    let desk = desk_with("[matrix]\n\"search.certify\" = [true, false]\n");
    let small = "space.preset=nas-bench-macro";
    desk.roofnas(&["run", "batch.toml", "--out", "out", "--set", small])
        .ends(0);
    let summary = desk.table("out/summary.csv");
    assert_eq!(summary.text("gap_to"), ["exact", ""]);
    let gap: f64 = summary.text("gap")[0].parse().unwrap();
    let share: f64 = summary.text("gap_share_of_range")[0].parse().unwrap();
    assert!(gap >= 0.0 && (0.0..=1.0).contains(&share));
    let certificate = desk.read("out/1-certify-true/certificate.json");
    let certificate: serde_json::Value = serde_json::from_str(&certificate).unwrap();
    assert_eq!(certificate["worst_gap"].as_f64(), Some(gap));
    assert_eq!(summary.text("stop_reason"), ["evaluations"; 2]);
}

#[test]
fn shards_at_the_same_time_give_the_batch() {
    let desk = desk();
    desk.roofnas(&["run", "batch.toml", "--out", "whole"])
        .ends(0);
    let shard = |part: &str| desk.start(&["run", "batch.toml", "--out", "shared", "--shard", part]);
    let mut parts = ["1/4", "2/4", "3/4", "4/4"].map(shard);
    for part in &mut parts {
        assert_eq!(part.wait(), Some(0));
    }
    // whichever came last has found all the others
    assert_same(&desk, "whole", "shared");
}

#[test]
fn shards_in_folders_of_their_own_can_be_put_together() {
    let desk = desk();
    desk.roofnas(&["run", "batch.toml", "--out", "whole"])
        .ends(0);
    for (part, folder) in [("1/2", "first"), ("2/2", "second")] {
        desk.roofnas(&["run", "batch.toml", "--out", folder, "--shard", part])
            .ends(0)
            .says(&["of the whole batch, 3 of 6 runs"]);
        let statuses = desk.table(&format!("{folder}/summary.csv"));
        let done = statuses.text("status");
        assert_eq!(done.iter().filter(|status| **status == "done").count(), 3);
        assert_eq!(
            done.iter()
                .filter(|status| **status == "unfinished")
                .count(),
            3
        );
    }
    for (name, bytes) in desk.files("second") {
        if name.contains('/') {
            desk.write(&format!("first/{name}"), bytes);
        }
    }
    desk.roofnas(&["run", "batch.toml", "--out", "first", "--resume"])
        .ends(0);
    assert_same(&desk, "whole", "first");
}

#[test]
fn a_shard_without_runs_is_done() {
    let desk = desk();
    desk.roofnas(&["run", "batch.toml", "--out", "out", "--shard", "8/8"])
        .ends(0)
        .says(&["shard 8/8 has no runs"]);
    assert!(!desk.path("out").exists());
}

#[test]
fn a_shard_out_of_range_is_refused() {
    let desk = desk();
    for (part, says) in [
        ("5/4", "numbered from 1 to 4"),
        ("0/4", "numbered from 1 to 4"),
        ("4", "I/N"),
        ("-1/4", "I/N"),
    ] {
        desk.roofnas(&["run", "batch.toml", "--out", "out", "--shard", part])
            .ends(2)
            .says(&["--shard", says]);
    }
    assert!(!desk.path("out").exists());
}

#[test]
fn a_shard_of_another_experiment_is_refused() {
    let desk = desk();
    desk.roofnas(&["run", "batch.toml", "--out", "out", "--shard", "1/6"])
        .ends(0);
    let other = "search.evaluations=400";
    desk.roofnas(&[
        "run",
        "batch.toml",
        "--out",
        "out",
        "--shard",
        "2/6",
        "--set",
        other,
    ])
    .ends(2)
    .says(&["another experiment", "search.evaluations", "320", "400"]);
    // and one that has been done is not done again by accident
    desk.roofnas(&["run", "batch.toml", "--out", "out", "--shard", "1/6"])
        .ends(2)
        .says(&["finished run"]);
}

#[test]
fn a_failure_in_one_shard_is_known_to_the_others() {
    let desk = desk_with("[matrix]\nseed = [1, 2]\n");
    // a checkpoint that can't be read fails the run
    desk.write("batch1.toml", TINY);
    desk.roofnas(&["run", "batch1.toml", "--out", "alone"])
        .ends(0);
    for name in ["experiment.toml", "platform.toml"] {
        desk.write(
            &format!("out/1-seed-1/{name}"),
            desk.read(&format!("alone/{name}")),
        );
    }
    desk.write("out/1-seed-1/checkpoint", "not a checkpoint");
    let run = |part: &str| {
        desk.roofnas(&[
            "run",
            "batch.toml",
            "--out",
            "out",
            "--resume",
            "--shard",
            part,
        ])
    };
    // the folder has no matrix.toml yet: it is not a batch
    run("1/2").ends(2).says(&["not a batch"]);
    let matrix = format!("{TINY}[matrix]\nseed = [1, 2]\n");
    desk.write("out/matrix.toml", matrix);
    run("1/2").ends(2).says(&["checkpoint"]);
    run("2/2").ends(0);
    let summary = desk.table("out/summary.csv");
    assert_eq!(summary.text("status"), ["failed", "done"]);
    assert!(summary.text("message")[0].contains("checkpoint"));
    // once mended it is forgotten
    std::fs::remove_file(desk.path("out/1-seed-1/checkpoint")).unwrap();
    run("1/2").ends(0);
    assert_eq!(
        desk.table("out/summary.csv").text("status"),
        ["done", "done"]
    );
    assert!(!desk.path("out/1-seed-1/failure.txt").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn two_commands_do_not_work_in_one_folder() {
    let desk = Desk::with_tiny();
    let args = [
        "run",
        "tiny.toml",
        "--out",
        "out",
        "--set",
        "search.evaluations=2000000",
    ];
    let mut first = desk.start(&args);
    wait_for(&desk.path("out/platform.toml"));
    desk.roofnas(&[&args[..], &["--resume"]].concat())
        .ends(1)
        .says(&["out", "another roofnas is at work here"]);
    assert!(first.is_running());
    first.signal("-INT");
    assert_eq!(first.wait(), Some(130));
}

#[test]
#[cfg(target_os = "linux")]
fn a_closed_terminal_stops_it_unless_it_was_started_to_outlive_it() {
    let desk = Desk::with_tiny();
    // tests that were themselves started with nohup hand that on, and no shell can take it back
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = u64::from_str_radix(ignored.unwrap().trim(), 16).unwrap();
    let stops = if ignored & 1 == 1 { Some(0) } else { Some(130) };
    for (out, trap, code) in [("out", ":", stops), ("nohup", "trap '' HUP", Some(0))] {
        let script = format!(
            "{trap}; exec '{BINARY}' run tiny.toml --out {out} --set search.evaluations=300000"
        );
        let mut running = desk.start_program("sh", &["-c", &script]);
        wait_for(&desk.path(&format!("{out}/platform.toml")));
        running.signal("-HUP");
        assert_eq!(running.wait(), code, "{out}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_run_that_another_command_does_is_left_to_it() {
    let desk = desk_with("[matrix]\nseed = [1]\n");
    let args = [
        "run",
        "batch.toml",
        "--out",
        "out",
        "--set",
        "search.evaluations=2000000",
    ];
    let mut first = desk.start(&args);
    wait_for(&desk.path("out/1-seed-1/platform.toml"));
    desk.roofnas(&[&args[..], &["--resume"]].concat())
        .ends(130)
        .says(&["another roofnas is at work here", "left to it"]);
    assert!(first.is_running());
    let statuses = desk.table("out/summary.csv");
    assert_eq!(statuses.text("status"), ["unfinished"]);
    assert!(!desk.path("out/1-seed-1/failure.txt").exists());
    first.signal("-INT");
    assert_eq!(first.wait(), Some(130));
}

#[test]
fn hypervolumes_are_those_of_the_fronts() {
    let desk = desk_with("[matrix]\n\"search.algorithm\" = [\"exact\", \"nsga2\"]\n");
    let small = "space.preset=nas-bench-macro";
    desk.roofnas(&["run", "batch.toml", "--out", "out", "--set", small])
        .ends(0);
    let summary = desk.table("out/summary.csv");
    for (place, folder) in ["1-algorithm-exact", "2-algorithm-nsga2"]
        .iter()
        .enumerate()
    {
        let outcome = desk.read(&format!("out/{folder}/outcome.json"));
        let outcome: serde_json::Value = serde_json::from_str(&outcome).unwrap();
        let hypervolume: f64 = summary.text("hypervolume")[place].parse().unwrap();
        assert_eq!(outcome["hypervolume"].as_f64(), Some(hypervolume));
        assert!(summary.text("hypervolume_reference")[place].contains("latency_ms="));
        assert!(hypervolume > 0.0);
    }
}

#[test]
fn of_a_part_alone_it_is_not_said_that_nothing_was_found() {
    let desk = desk_with("[matrix]\n\"constraints.latency_ms\" = [0.0001, 1.0]\n");
    desk.roofnas(&["run", "batch.toml", "--out", "out", "--shard", "1/2"])
        .ends(0);
    assert_eq!(
        desk.table("out/summary.csv").text("status"),
        ["infeasible", "unfinished"]
    );
}

#[test]
fn an_infeasible_run_says_in_the_summary_what_binds() {
    let desk = desk_with("[matrix]\n\"constraints.latency_ms\" = [0.0001, 1.0]\n");
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    let summary = desk.table("out/summary.csv");
    let said = summary.text("message")[0];
    assert!(
        said.contains("nearest is r") && said.contains("at most 0.0001"),
        "{said}"
    );
}

#[test]
fn many_runs_are_not_all_priced_on_each_others_platforms() {
    let seeds: Vec<String> = (1..=65).map(|seed| seed.to_string()).collect();
    let desk = desk_with(&format!("[matrix]\nseed = [{}]\n", seeds.join(", ")));
    // A budget that any network keeps: all 65 must have a front.
    let few = [
        "search.evaluations=32",
        "output.backbones=0",
        "constraints.latency_ms=100",
    ];
    let mut args = vec!["run", "batch.toml", "--out", "out"];
    args.extend(few.iter().flat_map(|key| ["--set", key]));
    desk.roofnas(&args).ends(0);
    let summary = desk.table("out/summary.csv");
    assert_eq!(summary.text("status"), vec!["done"; 65]);
    assert!(desk.table("out/portability.csv").rows.is_empty());
    // they differ in their seeds alone: there is nothing to hold against each other
    assert!(!desk.read("out/report.html").contains("Portability"));
}

#[test]
fn a_run_of_a_version_without_records_is_summarised_still() {
    let desk = desk_with("[matrix]\nseed = [1, 2]\n");
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    std::fs::remove_file(desk.path("out/1-seed-1/outcome.json")).unwrap();
    desk.roofnas(&["run", "batch.toml", "--out", "out", "--resume"])
        .ends(0);
    let summary = desk.table("out/summary.csv");
    assert_eq!(summary.text("status"), ["done", "done"]);
    assert_eq!(summary.text("stop_reason"), ["", "evaluations"]);
}

/// Moments to kill at, in milliseconds: any, but the same each time.
fn moments() -> impl Iterator<Item = u64> {
    let mut state = 0x2545_f491_u64;
    std::iter::repeat_with(move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % 900
    })
}

#[test]
fn a_batch_killed_at_twenty_moments_ends_as_if_never_killed() {
    let desk = desk();
    let args = |out: &'static str| {
        [
            "run",
            "batch.toml",
            "--out",
            out,
            "--set",
            "search.evaluations=60000",
            "--set",
            "search.population=64",
        ]
    };
    desk.roofnas(&args("whole")).ends(0);
    let mut killed = 0;
    for (round, moment) in moments().take(20).enumerate() {
        let mut running = desk.start(&[&args("out")[..], &["--resume"]].concat());
        thread::sleep(Duration::from_millis(moment));
        // a polite stop now and then leaves checkpoints, from which those that are killed go on
        running.signal(if round % 5 == 4 { "-INT" } else { "-KILL" });
        killed += usize::from(running.wait().is_none());
    }
    // a fast machine may be done before the last of them
    assert!(killed >= 5, "{killed}");
    desk.roofnas(&[&args("out")[..], &["--resume"]].concat())
        .ends(0);
    assert_same(&desk, "whole", "out");
}

#[test]
#[cfg(unix)]
fn a_disk_that_is_full_costs_nothing_that_was_there() {
    let desk = Desk::with_tiny();
    desk.roofnas(&["run", "tiny.toml", "--out", "whole"])
        .ends(0);
    // no file can be longer than 16 KiB, which the report and the backbones are
    let command = desk.command(&["run", "tiny.toml", "--out", "out"]);
    let mut limited = std::process::Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 32; exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(desk.path(""));
    let output = limited.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("can't write out/backbones/"), "{said}");
    let left = desk.files("out");
    assert!(left.contains_key("experiment.toml"));
    assert!(!left.contains_key("pareto.csv"));
    assert!(left.keys().all(|name| !name.contains(".roofnas-")));
    desk.roofnas(&["run", "tiny.toml", "--out", "out", "--resume"])
        .ends(0);
    assert!(desk.results("out") == desk.results("whole"));
}
