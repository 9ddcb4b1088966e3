//! `roofnas measure`. What times are, nobody here can know: programs that print planted ones stand in for engines.

use std::fs;

use serde_json::Value;

use crate::support::{Desk, Table, wait_for};

/// A program that leaves a line for each start, and prints its number of threads as milliseconds.
const PLANTED: &str = r#"
echo "$1 $2 $3 $4 $5" >> calls
case "$1" in *bad*) echo "no such operator" >&2; exit 3 ;; esac
echo "loading"
echo "initialisation_ms: 80"
echo "resident_bytes: 2097152"
echo "$2"
echo "latency_ms: $2"
"#;

/// How the program is started.
pub(crate) const COMMAND: [&str; 4] = [
    "--engine",
    "command",
    "--command",
    "sh engine.sh {model} {threads} {batch} {runs} {dtype}",
];

/// A folder with the program, and with files that it takes for networks.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("engine.sh", PLANTED);
    for model in ["a", "b", "bad"] {
        desk.write(&format!("{model}.onnx"), "not looked at");
    }
    desk
}

fn measure<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let base = ["measure", "--rounds", "2"].into_iter().chain(COMMAND);
    base.chain(more.iter().copied()).collect()
}

/// A folder with a small network of a real run as `real.onnx`.
fn desk_with_network() -> Desk {
    let desk = Desk::with_small_run();
    desk.roofnas(&["export", "run", "b01", "--to", "onnx", "--out", "real.onnx"])
        .ends(0);
    desk
}

#[test]
fn a_table_of_planted_timings() {
    let desk = desk();
    let more = [
        "a.onnx",
        "b.onnx",
        "--threads",
        "3",
        "--batch",
        "2",
        "--dtype",
        "int8",
        "--runs",
        "7",
        "--platform-name",
        "my board",
        "--out",
        "t.csv",
    ];
    let ended = desk.roofnas(&measure(&more)).ends(0);
    ended.says(&["2 networks on sh, 3 threads, batch 2, int8", "wrote t.csv"]);
    let table = desk.table("t.csv");
    let columns = "platform network batch latency_ms latency_ms_std p50_ms p95_ms p99_ms spread repeats throughput_images_per_s threads dtype engine \
                   engine_version situation run initialisation_ms resident_mib date";
    assert_eq!(table.columns.join(" "), columns);
    let same = [
        ("platform", "my board"),
        ("batch", "2"),
        ("threads", "3"),
        ("dtype", "int8"),
        ("engine", "sh"),
        ("engine_version", ""),
        ("situation", ""),
    ];
    for (column, expected) in same {
        assert_eq!(table.text(column), [expected; 2], "{column}");
    }
    let planted = [
        ("latency_ms", 3.0),
        ("latency_ms_std", 0.0),
        ("p50_ms", 3.0),
        ("p95_ms", 3.0),
        ("p99_ms", 3.0),
        ("spread", 0.0),
        // two a start
        ("repeats", 4.0),
        // two images in 3 ms
        ("throughput_images_per_s", 666.667),
        ("initialisation_ms", 80.0),
        ("resident_mib", 2.0),
    ];
    for (column, expected) in planted {
        assert_eq!(table.numbers(column), [expected; 2], "{column}");
    }
    assert_eq!(table.text("network"), ["a", "b"]);
    let day = table.text("date")[0];
    assert!(table.text("run")[0].starts_with(day), "{day}");
    // what the program was told, once a round and network
    let calls = desk.read("calls");
    assert_eq!(calls.lines().count(), 4);
    assert!(
        calls.lines().all(|call| call.ends_with(" 3 2 7 int8")),
        "{calls}"
    );
}

#[test]
fn networks_in_integers() {
    let desk = desk_with_network();
    let quick = ["--rounds", "2", "--runs", "1", "--format", "csv"];
    let measure = |more: &[&str]| {
        let args = [&["measure"], more, &quick].concat();
        desk.roofnas(&args)
    };
    // what holds none is quantised on the way
    let ended = measure(&["real.onnx", "--dtype", "int8"]).ends(0);
    let table = Table::parse(&ended.stdout);
    assert_eq!(
        (table.text("network"), table.text("dtype")),
        (vec!["real"], vec!["int8"])
    );
    let export = ["export", "run", "b01", "--to", "onnx", "--dtype", "int8"];
    desk.roofnas(&[&export[..], &["--out", "integers.onnx"]].concat())
        .ends(0)
        .says(&["integers.onnx is in int8 with synthetic ranges, for timing only"]);
    measure(&["integers.onnx", "--dtype", "int8"]).ends(0);
    // nobody is to take integers for single precision
    measure(&["integers.onnx"]).ends(0).says(&[
        "warning: integers is quantised, and its timings are called fp32: say --dtype int8",
    ]);
    // what can't be quantised doesn't stop the others
    desk.write("junk.onnx", "junk");
    measure(&["junk.onnx", "real.onnx", "--dtype", "int8"])
        .ends(2)
        .says(&[
            "error: junk can't be quantised: not an ONNX model",
            "1 network on rten",
        ]);
    // a program is told, and is given the file as it is
    let program = "cp \"$0\" seen.onnx; echo 1";
    let command = format!("sh -c '{program}' {{model}}");
    measure(&[
        "real.onnx",
        "--dtype",
        "int8",
        "--engine",
        "command",
        "--command",
        &command,
    ])
    .ends(0);
    assert_eq!(
        fs::read(desk.path("seen.onnx")).unwrap(),
        fs::read(desk.path("real.onnx")).unwrap()
    );
    for refused in [
        &["--engine", "ncnn", "--dtype", "int8"][..],
        &["--dtype", "fp16"],
    ] {
        measure(&[&["real.onnx"], refused].concat()).ends(2);
    }
}

#[test]
fn several_streams_at_once() {
    let desk = desk_with_network();
    let quick = ["--rounds", "2", "--runs", "2", "--format", "csv"];
    let measure =
        |more: &[&str]| desk.roofnas(&[&["measure", "real.onnx"], &quick[..], more].concat());
    let table = Table::parse(&measure(&["--streams", "2", "--batch", "3"]).ends(0).stdout);
    assert_eq!(table.text("situation"), ["2 streams at once"]);
    let [images, slowest, least] =
        ["throughput_images_per_s", "p99_ms", "latency_ms"].map(|column| table.numbers(column)[0]);
    // two streams of batches of three, of which none took longer than the slowest
    assert!(images >= 6000.0 / slowest * 0.999, "{images} {slowest}");
    assert!(images <= 6000.0 / least * 1.5, "{images} {least}");
    for (refused, says) in [
        (
            &["--streams", "0"][..],
            "must be a whole number from 1 to 256",
        ),
        (
            &["--streams", "2", "--cold"],
            "can't be had with --cold or --duty",
        ),
        (
            &["--streams", "2", "--duty", "30fps"],
            "can't be had with --cold or --duty",
        ),
        (
            &["--streams", "2", "--engine", "command", "--command", "true"],
            "a program has streams of its own",
        ),
        (
            &["--streams", "2", "--engine", "openvino"],
            "every stream's process to the same ones",
        ),
    ] {
        measure(refused).ends(2).says(&[says]);
    }
}

#[test]
fn the_built_in_engine_runs_a_network() {
    let desk = desk_with_network();
    let quick = ["--rounds", "2", "--runs", "1", "--format", "csv"];
    let args: Vec<&str> = ["measure", "real.onnx"].into_iter().chain(quick).collect();
    let table = Table::parse(&desk.roofnas(&args).ends(0).stdout);
    assert_eq!(table.text("network"), ["real"]);
    assert_eq!(table.text("threads"), ["1"]);
    for column in ["latency_ms", "p50_ms", "repeats"] {
        assert!(table.numbers(column)[0] > 0.0, "{column}");
    }
    assert!(!table.text("engine_version")[0].is_empty());
    assert!(!table.text("platform")[0].is_empty());
}

#[test]
fn situations_are_recorded() {
    let desk = desk_with_network();
    let args = [
        "measure",
        "real.onnx",
        "--rounds",
        "1",
        "--runs",
        "1",
        "--background",
        "1",
        "--duty",
        "100fps",
        "--cold",
        "--sustained",
        "10ms",
        "--format",
        "json",
    ];
    let rows: Value = serde_json::from_str(&desk.roofnas(&args).ends(0).stdout).unwrap();
    assert_eq!(
        rows[0]["situation"],
        "1 thread at work beside; one run every 0.010 s; cold weights; after 0 s under load"
    );
}

#[test]
fn the_other_formats() {
    let desk = desk();
    // names that could be taken for numbers
    desk.write("7.onnx", "not looked at");
    desk.write("nan.onnx", "not looked at");
    let json = desk
        .roofnas(&measure(&["7.onnx", "nan.onnx", "--format", "json"]))
        .ends(0);
    let rows: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(rows[0]["network"], "7");
    assert_eq!(rows[1]["network"], "nan");
    assert_eq!(rows[0]["latency_ms"], 1.0);
    assert_eq!(rows[0]["engine_version"], Value::Null);
    let table = desk.roofnas(&measure(&["a.onnx"])).ends(0).stdout;
    for part in ["| network ", " latency_ms ", "| a "] {
        assert!(table.contains(part), "{part} in {table}");
    }
    assert_eq!(fs::read_dir(desk.path(".")).unwrap().count(), 7);
}

#[test]
fn resuming_measures_what_is_missing() {
    let desk = desk();
    desk.roofnas(&measure(&["a.onnx", "--out", "t.csv"]))
        .ends(0);
    let (before, calls) = (desk.read("t.csv"), desk.read("calls"));
    let both = measure(&["b.onnx", "a.onnx", "--out", "t.csv", "--resume"]);
    desk.roofnas(&both).ends(0).says(&["1 network on sh"]);
    assert!(desk.read("t.csv").starts_with(&before));
    assert_eq!(desk.table("t.csv").text("network"), ["a", "b"]);
    let new = desk.read("calls").split_off(calls.len());
    assert!(
        !new.is_empty() && new.lines().all(|call| call.starts_with("b.onnx")),
        "{new}"
    );
    let after = desk.read("t.csv");
    desk.roofnas(&both)
        .ends(0)
        .says(&["nothing left to measure"]);
    assert_eq!(desk.read("t.csv"), after);
}

#[test]
fn resuming_nothing_begins() {
    let desk = desk();
    desk.roofnas(&measure(&["a.onnx", "--out", "deep/er/t.csv", "--resume"]))
        .ends(0);
    assert_eq!(desk.table("deep/er/t.csv").text("network"), ["a"]);
}

#[test]
fn a_table_that_is_there_is_not_written_over() {
    let desk = desk();
    desk.write("t.csv", "mine");
    desk.roofnas(&measure(&["a.onnx", "--out", "t.csv"]))
        .ends(2)
        .says(&["t.csv", "--resume"]);
    desk.roofnas(&measure(&["a.onnx", "--out", "t.csv", "--resume"]))
        .ends(2)
        .says(&["t.csv", "columns"]);
    assert_eq!(desk.read("t.csv"), "mine");
    assert!(!desk.path("calls").exists());
}

#[test]
fn a_table_of_other_conditions_is_refused() {
    let desk = desk();
    desk.roofnas(&measure(&["a.onnx", "--out", "t.csv"]))
        .ends(0);
    let before = desk.read("t.csv");
    let others: [(&[&str], &str); 5] = [
        (&["--threads", "2"], "threads = 1, and 2 was asked for"),
        (&["--batch", "2"], "batch = 1, and 2 was asked for"),
        (&["--dtype", "fp16"], "dtype = fp32, and fp16 was asked for"),
        (
            &["--background", "1"],
            "situation = , and 1 thread at work beside",
        ),
        (&["--platform-name", "other"], "and other was asked for"),
    ];
    for (other, message) in others {
        let mut args = measure(&["b.onnx", "--out", "t.csv", "--resume"]);
        args.extend(other);
        desk.roofnas(&args).ends(2).says(&["t.csv", message]);
    }
    assert_eq!(desk.read("t.csv"), before);
}

#[test]
fn one_bad_network_does_not_stop_the_others() {
    let desk = desk();
    let more = [
        "bad.onnx",
        "a.onnx",
        "b.onnx",
        "--retries",
        "0",
        "--out",
        "t.csv",
    ];
    desk.roofnas(&measure(&more))
        .ends(2)
        .says(&["bad", "no such operator", "exit status: 3"]);
    assert_eq!(desk.table("t.csv").text("network"), ["a", "b"]);
}

#[test]
fn the_built_in_engine_leaves_out_what_it_cant_read() {
    let desk = desk_with_network();
    desk.write("garbage.onnx", "garbage");
    let quick = ["--rounds", "1", "--runs", "1", "--out", "t.csv"];
    let args = ["measure", "garbage.onnx", "real.onnx"];
    let args: Vec<&str> = args.into_iter().chain(quick).collect();
    desk.roofnas(&args).ends(2).says(&["garbage"]);
    assert_eq!(desk.table("t.csv").text("network"), ["real"]);
}

#[test]
fn a_bad_anchor_is_told_once() {
    let desk = desk();
    let more = [
        "bad.onnx",
        "a.onnx",
        "b.onnx",
        "--anchors",
        "1",
        "--group",
        "1",
        "--retries",
        "0",
    ];
    let ended = desk.roofnas(&measure(&more)).ends(2);
    assert_eq!(
        ended.stderr.matches("no such operator").count(),
        1,
        "{ended:?}"
    );
}

#[test]
fn programs_that_do_not_do_their_work() {
    let programs: [(&str, &[&str]); 7] = [
        ("echo hello", &["no timing in its output", "hello"]),
        ("", &["there is no output"]),
        ("echo 1.0; echo NaN", &["NaN", "not a number"]),
        ("echo -4", &["-4", "negative"]),
        ("echo 5; exit 4", &["exit status: 4"]),
        ("sleep 60", &["ended after 1 s"]),
        ("kill -KILL $$", &["signal: 9"]),
    ];
    std::thread::scope(|scope| {
        for (program, message) in programs {
            scope.spawn(move || {
                let desk = desk();
                desk.write("engine.sh", program);
                // enough for a shell on the busiest machine, but for the one that is to be too slow
                let timeout = if program.starts_with("sleep") {
                    "1"
                } else {
                    "60"
                };
                let more = [
                    "a.onnx",
                    "--timeout",
                    timeout,
                    "--retries",
                    "0",
                    "--out",
                    "t.csv",
                ];
                let ended = desk.roofnas(&measure(&more)).ends(2);
                assert!(!ended.stdout.contains("| a"), "{ended:?}");
                ended.says(&["a: ", "sh"]).says(message);
                // nothing is in the way of another try
                assert!(!desk.path("t.csv").exists());
            });
        }
    });
}

#[test]
fn a_program_that_fails_is_started_again() {
    let desk = desk();
    desk.write(
        "engine.sh",
        "echo once >> calls\n[ $(wc -l < calls) -gt 1 ] || exit 1\necho 2\n",
    );
    desk.roofnas(&measure(&["a.onnx", "--retries", "1"]))
        .ends(0);
    desk.write("engine.sh", "exit 1");
    desk.roofnas(&measure(&["a.onnx", "--retries", "2"]))
        .ends(2)
        .says(&["tried 3 times"]);
}

#[test]
fn bad_arguments() {
    let desk = desk();
    desk.write("other/a.onnx", "not looked at");
    let refused: [(&[&str], &[&str]); 17] = [
        (&[], &["MODEL.onnx"]),
        (&["nowhere.onnx"], &["can't read nowhere.onnx"]),
        (
            &["a.onnx", "other/a.onnx"],
            &["other/a.onnx", "called a too"],
        ),
        (
            &["a.onnx", "--command", "echo 1"],
            &["--command", "needs --engine command"],
        ),
        (&["a.onnx", "--engine", "command"], &["needs --command"]),
        (
            &["a.onnx", "--engine", "command", "--command", ""],
            &["--command", "empty"],
        ),
        (
            &["a.onnx", "--engine", "command", "--command", "echo 'x"],
            &["--command", "quote"],
        ),
        (
            &["a.onnx", "--engine", "command", "--command", "echo {size}"],
            &["size", "not a placeholder", "{model}"],
        ),
        (
            &[
                "a.onnx",
                "--engine",
                "command",
                "--command",
                "sh -c {model}",
            ],
            &["sh would interpret the path"],
        ),
        (
            &["a.onnx", "--engine", "abacus"],
            &["abacus", "onnxruntime"],
        ),
        (&["a.onnx", "--duty", "nonsense"], &["--duty", "30fps"]),
        (&["a.onnx", "--pin", "9999"], &["--pin", "may use"]),
        (&["a.onnx", "--threads", "0"], &["--threads"]),
        (&["a.onnx", "--rounds", "0"], &["--rounds"]),
        (&["a.onnx", "--timeout", "0"], &["--timeout"]),
        (&["a.onnx", "--resume"], &["--out"]),
        (
            &["a.onnx", "--dtype", "fp16"],
            &["rten", "can't convert", "fp16"],
        ),
    ];
    for (more, message) in refused {
        let args: Vec<&str> = ["measure"].iter().chain(more).copied().collect();
        let ended = desk.roofnas(&args).ends(2);
        assert_eq!(ended.stdout, "");
        ended.says(message);
    }
    let in_this_process = "needs an engine in this process, embedded or onnxruntime";
    for (situation, message) in [
        (&["--cold"][..], in_this_process),
        (&["--duty", "30fps"], "needs an engine that is no program"),
        (&["--cold", "--engine", "ncnn"], in_this_process),
        (&["--cold", "--engine", "openvino"], in_this_process),
    ] {
        let mut args = measure(&["a.onnx"]);
        match situation.contains(&"--engine") {
            true => args = [&["measure", "a.onnx"], situation].concat(),
            false => args.extend(situation),
        }
        desk.roofnas(&args).ends(2).says(&[situation[0], message]);
    }
    desk.roofnas(&["measure", "a.onnx", "--engine", "ncnn", "--batch", "2"])
        .ends(2)
        .says(&["ncnn takes one image at a time, and 2 were asked for"]);
    let missing = [
        "measure",
        "a.onnx",
        "--engine",
        "command",
        "--command",
        "no-such-program-here",
    ];
    desk.roofnas(&missing)
        .ends(2)
        .says(&["--command", "there is no program no-such-program-here"]);
    desk.roofnas(&measure(&["a.onnx", "--out", "engine.sh/t.csv"]))
        .ends(1)
        .says(&["engine.sh/t.csv"]);
}

/// A process that is ended without a word has kept what had half of its turns.
#[test]
#[cfg(unix)]
fn what_was_measured_outlives_the_process() {
    let desk = desk();
    desk.write("engine.sh", "echo 5\nsleep 0.05\n");
    let more = ["a.onnx", "b.onnx", "--anchors", "1", "--out", "t.csv"];
    let mut args = vec!["measure", "--rounds", "40"];
    args.extend(COMMAND.iter().chain(&more));
    let mut running = desk.start(&args);
    wait_for(&desk.path("t.csv"));
    running.signal("-KILL");
    assert_eq!(running.wait(), None);
    let table = desk.table("t.csv");
    assert_eq!(table.text("network"), ["a", "b"]);
    assert!(
        table
            .numbers("repeats")
            .iter()
            .all(|&repeats| (20.0..40.0).contains(&repeats))
    );
    args.push("--resume");
    desk.roofnas(&args)
        .ends(0)
        .says(&["nothing left to measure"]);
}

/// A network that fails in the end is in no table, whatever was saved of it.
#[test]
fn what_fails_later_is_not_kept() {
    let desk = desk();
    desk.write(
        "engine.sh",
        "echo >> starts-$(basename $1)\ncase $1 in b*) test $(wc -l < starts-b.onnx) -lt 4 || exit 3 ;; esac\necho 5\n",
    );
    let table = [
        "--rounds",
        "4",
        "--anchors",
        "0",
        "--retries",
        "0",
        "--out",
        "t.csv",
    ];
    let with = |models: &[&str]| {
        let args = [&["measure"], models, &COMMAND[..], &table].concat();
        desk.roofnas(&args).ends(2)
    };
    with(&["a.onnx", "b.onnx"]);
    assert_eq!(desk.table("t.csv").text("network"), ["a"]);
    // nothing is left of a table of that alone
    fs::remove_file(desk.path("t.csv")).unwrap();
    fs::remove_file(desk.path("starts-b.onnx")).unwrap();
    with(&["b.onnx"]);
    assert!(desk.table("t.csv").rows.is_empty());
}

#[test]
fn after_ctrl_c_it_goes_on() {
    let desk = desk();
    // some seconds of work on the second network, and little on the first
    desk.write(
        "engine.sh",
        "echo 5\ncase $1 in b*) echo > begun; sleep 0.1 ;; esac\n",
    );
    let more = [
        "a.onnx",
        "b.onnx",
        "--anchors",
        "0",
        "--group",
        "1",
        "--out",
        "t.csv",
    ];
    let mut args = vec!["measure", "--rounds", "60"];
    args.extend(COMMAND.iter().chain(&more));
    let mut running = desk.start(&args);
    wait_for(&desk.path("begun"));
    running.signal("-INT");
    assert_eq!(running.wait(), Some(130));
    assert_eq!(desk.table("t.csv").text("network"), ["a"]);
    desk.write("engine.sh", "echo 5");
    args.extend(["--resume"]);
    desk.roofnas(&args).ends(0).says(&["1 network on sh"]);
    assert_eq!(desk.table("t.csv").text("network"), ["a", "b"]);
}
