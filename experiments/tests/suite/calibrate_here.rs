//! `roofnas calibrate` without tables: the machine is measured, here through a command that plays the engine.

#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;

use crate::support::{Desk, Table};

/// An engine that takes a millisecond for every 20 KB of a network.
const ENGINE: &str =
    "#!/bin/sh\nsize=$(wc -c < \"$1\")\necho \"$((size / 20000)).$((size % 20000 / 2000))5\"\n";

/// One network: the plan's corners and probes are enough of a test.
const SPACE: &str = "resolution = 32\n[stem]\nchannels = 16\n[[stage]]\nblock = \"basic\"\ndepth = [1, 2]\nchannels = [16, 24]\nstride = 2\n";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("engine.sh", ENGINE);
    let path = desk.path("engine.sh");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    desk.write("space.toml", SPACE);
    desk
}

/// With roofs from elsewhere and few groups held out: probing and fitting take longer than all else.
fn args<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut args = probing(more);
    args.extend(["--base", "intel-i9-10980xe", "--cross-validate", "2"]);
    args
}

fn probing<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![
        "calibrate",
        "--engine",
        "command",
        "--command",
        "./engine.sh {model}",
        "--space",
        "space.toml",
        "--networks",
        "3",
        "--priors",
        "none",
        "--components",
        "1",
        "--out",
        "host.toml",
    ];
    args.extend(more);
    args
}

#[test]
fn a_machine_is_measured_and_searched_for() {
    let desk = desk();
    let ended = desk.roofnas(&probing(&["--format", "json"])).ends(0);
    let figures: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(
        figures["held_out"]["mape"].as_f64().unwrap() < 0.5,
        "{figures}"
    );
    let profile = desk.read("host.toml");
    for part in [
        "engine.sh",
        "micro-benchmarks",
        "networks and 0 node timings",
        "fusion by probes",
        "operators = [\"sum_or_activation\", \"gate_or_relu6\"",
        "\"window_pool\", \"global_pool\"",
    ] {
        assert!(profile.contains(part), "{part}");
    }
    let measured = Table::parse(&desk.read("host.measurements.csv"));
    assert!(measured.rows.len() > 20);
    assert!(
        measured
            .rows
            .iter()
            .all(|row| row["engine"] == "engine.sh" && row["threads"] == "1")
    );

    // the machine at hand is a platform now
    let priced = desk.roofnas(&[
        "predict",
        "--platform",
        "host",
        "--layers",
        "layers.csv",
        "--format",
        "csv",
    ]);
    priced.ends(2).says(&["layers.csv"]);
    desk.write(
        "mine.toml",
        "name = \"mine\"\n[platform]\nprofile = \"host\"\n[space]\npreset = \"mobile\"\n[search]\npopulation = 16\nevaluations = 64\n",
    );
    desk.roofnas(&["run", "mine.toml"]).ends(0);
    assert_eq!(
        desk.table("runs/mine/pareto.csv").rows[0]["platform"],
        "host"
    );

    // what was measured is not measured again
    desk.roofnas(&args(&[]))
        .ends(2)
        .says(&["host.toml", "is there already"]);
    desk.roofnas(&args(&["--force"]))
        .ends(2)
        .says(&["host.measurements.csv", "--resume"]);
    desk.write("engine.sh", "#!/bin/sh\nexit 1\n");
    let again = desk.roofnas(&args(&["--force", "--resume"])).ends(0);
    let again = again.says(&[
        "0 networks on engine.sh",
        "warning: --base intel-i9-10980xe lends roofs of 16 threads",
    ]);
    // with a base, the machine is not probed for its roofs, and what is fused is measured as ever
    assert!(!again.stderr.contains("probing"), "{again:?}");
    let lent = desk.read("host.toml");
    for part in [
        "from intel-i9-10980xe: ",
        "fusion by probes",
        "[roofs.fp32.theoretical]",
    ] {
        assert!(lent.contains(part), "{part}");
    }
    let nowhere = ["--force", "--resume", "--base", "nowhere"];
    desk.roofnas(&probing(&nowhere)).ends(2).says(&["nowhere"]);
}

#[test]
fn a_machine_in_a_situation() {
    let desk = desk();
    desk.roofnas(&args(&["--background", "1"])).ends(0);
    let profile = desk.read("host.toml");
    assert!(profile.contains("situation = \"1 thread at work beside\""));
    let measured = desk.table("host.measurements.csv");
    assert!(
        measured
            .text("situation")
            .iter()
            .all(|words| *words == "1 thread at work beside")
    );
    // measurements of another situation are none to go on with
    desk.roofnas(&args(&["--force", "--resume"]))
        .ends(2)
        .says(&["situation = 1 thread at work beside"]);
    desk.write(
        "mine.toml",
        "name = \"mine\"\n[platform]\nprofile = \"host\"\n[space]\npreset = \"mobile\"\n[search]\npopulation = 16\nevaluations = 64\n",
    );
    desk.roofnas(&["run", "mine.toml"])
        .ends(0)
        .says(&["1 thread at work beside"]);
    let verify = |more: &[&str]| {
        let args = [
            "verify",
            "runs/mine",
            "--top",
            "1",
            "--engine",
            "command",
            "--command",
            "./engine.sh {model}",
        ];
        desk.roofnas(&[&args[..], more].concat()).ends(0)
    };
    verify(&[]).says(&[
        "warning: profile host was calibrated in another situation: 1 thread at work beside, and this is a quiet machine",
    ]);
    let alike = verify(&["--background", "1"]);
    assert!(!alike.stderr.contains("another situation"), "{alike:?}");
}

/// Names are of networks in a space: of another space, they are other networks'.
#[test]
fn measurements_of_other_networks() {
    let desk = desk();
    desk.roofnas(&args(&[])).ends(0);
    let layers = desk.read("host.layers.csv");
    assert!(layers.starts_with("network,") && layers.contains("\nanchor-deep,"));
    // what was measured is enough for a fit from tables
    let tables = [
        "calibrate",
        "--layers",
        "host.layers.csv",
        "--latency",
        "host.measurements.csv",
    ];
    desk.roofnas(
        &[
            &tables[..],
            &[
                "--priors",
                "none",
                "--components",
                "1",
                "--cross-validate",
                "2",
                "--out",
                "again.toml",
            ],
        ]
        .concat(),
    )
    .ends(0);
    desk.write("space.toml", SPACE.replace("[16, 24]", "[32, 40]"));
    let again = args(&["--force", "--resume"]);
    desk.roofnas(&again).ends(2).says(&[
        "host.measurements.csv",
        "measured on other networks than are planned now (space-",
        "calibrate --layers host.layers.csv --latency host.measurements.csv",
    ]);
    desk.write("space.toml", SPACE);
    desk.roofnas(&again).ends(0);
    std::fs::remove_file(desk.path("host.layers.csv")).unwrap();
    desk.roofnas(&again)
        .ends(2)
        .says(&["host.layers.csv, which says what its networks are, is missing"]);
    // a situation is one to measure in
    desk.roofnas(&[&tables[..], &["--background", "1", "--out", "no.toml"]].concat())
        .ends(2)
        .says(&["1 thread at work beside", "beside --latency"]);
}

#[test]
fn node_timings_that_can_t_be_used() {
    let desk = desk();
    let header = "network,threads,batch,node,op_type,provider,seconds\n";
    desk.write("host.nodes.csv", header);
    for more in [&[][..], &["--resume"]] {
        let ended = desk.roofnas(&args(more)).ends(2);
        ended.says(&["host.nodes.csv", "measurements that are not there"]);
    }
    // of an engine that says nothing of its nodes: taken up from the table alone
    std::fs::remove_file(desk.path("host.nodes.csv")).unwrap();
    desk.roofnas(&args(&[])).ends(0);
    let node = |seconds: &str| format!("{header}anchor-deep,1,1,conv,Conv,,{seconds}\n");
    desk.write("host.nodes.csv", node("-1"));
    let resumed = args(&["--resume", "--force"]);
    let ended = desk.roofnas(&resumed).ends(2);
    ended.says(&["host.nodes.csv", "line 2", "seconds = -1", "0 or more"]);
    desk.write("host.nodes.csv", node("1e-6"));
    let profile = || {
        desk.roofnas(&resumed).ends(0);
        let profile = desk.read("host.toml");
        let start = profile.find("[calibration").unwrap();
        profile[start..]
            .lines()
            .filter(|line| !line.starts_with("source ="))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(profile(), profile(), "a fit made again is the same");
}

#[test]
fn a_machine_that_has_become_slower_is_told() {
    let desk = desk();
    desk.roofnas(&args(&[])).ends(0);
    assert!(
        desk.read("host.toml")
            .contains("[calibration.fp32.measured.anchor_ms]")
    );
    desk.write(
        "mine.toml",
        "name = \"mine\"\n[platform]\nprofile = \"host\"\n[space]\npreset = \"space.toml\"\n[search]\npopulation = 8\nevaluations = 16\n[output]\nbackbones = 1\n",
    );
    desk.roofnas(&["run", "mine.toml"]).ends(0);
    // everything takes twice as long
    desk.write(
        "engine.sh",
        ENGINE
            .replace("20000", "10000")
            .replace("2000 ", "1000 ")
            .replace("/ 2000)", "/ 1000)"),
    );
    let program = [
        "--engine",
        "command",
        "--command",
        "./engine.sh {model}",
        "--rounds",
        "1",
    ];
    let json = |mut args: Vec<&str>| -> serde_json::Value {
        args.extend(["--format", "json"]);
        serde_json::from_str(&desk.roofnas(&args).ends(0).stdout).unwrap()
    };
    let is_twice = |found: &serde_json::Value| {
        let since = &found["since_calibration"];
        let slower = since["anchors_slower"].as_f64().unwrap();
        assert!((slower - 2.0).abs() < 0.05, "{found}");
        since["figures"]["bias"].as_f64().unwrap()
    };
    let verified = json([&["verify", "runs/mine"], &program[..]].concat());
    let before = verified["figures"]["bias"].as_f64().unwrap();
    let since = is_twice(&verified);
    assert!(
        (since - (2.0 * (before + 1.0) - 1.0)).abs() < 0.1,
        "{verified}"
    );
    let shown = desk.roofnas(&[&["verify", "runs/mine"], &program[..]].concat());
    let words = "The anchors of the calibration take 2.0";
    assert!(shown.ends(0).stdout.contains(words));
    // the backbones alone are in the table
    let table = desk.table("runs/mine/verify.csv");
    assert!(
        table
            .rows
            .iter()
            .all(|row| !row["id"].starts_with("anchor"))
    );

    // networks measured later, as the ONNX files they are
    desk.roofnas(&[
        "plan",
        "--space",
        "space.toml",
        "--networks",
        "3",
        "--out",
        "plan",
    ])
    .ends(0);
    let files = std::fs::read_dir(desk.path("plan")).unwrap();
    let mut models: Vec<String> = files
        .map(|file| format!("plan/{}", file.unwrap().file_name().display()))
        .filter(|file| file.ends_with(".onnx"))
        .collect();
    models.sort();
    let models: Vec<&str> = models.iter().map(String::as_str).collect();
    let measure = [&["measure", "--out", "later.csv"], &program[..], &models].concat();
    desk.roofnas(&measure).ends(0);
    let tables = ["--latency", "later.csv"];
    let later = json([&["validate", "--platform", "host"], &tables[..], &models].concat());
    let since = is_twice(&later);
    assert!(since > later["bias"].as_f64().unwrap() + 0.4, "{later}");
    let calibrate = [
        "calibrate",
        "--out",
        "later.toml",
        "--priors",
        "none",
        "--components",
        "1",
        "--samples",
        "20",
    ];
    desk.roofnas(&[&calibrate, &tables[..], &models].concat())
        .ends(0);
    let again = json(
        [
            &["validate", "--platform", "./later.toml"],
            &tables[..],
            &models,
        ]
        .concat(),
    );
    let slower = again["since_calibration"]["anchors_slower"]
        .as_f64()
        .unwrap();
    assert!((slower - 1.0).abs() < 1e-6, "{again}");
}

/// The same for each image of a batch, and a millisecond for each call.
const BATCH_ENGINE: &str = "#!/bin/sh\nsize=$(wc -c < \"$1\")\ntime=$((size * $2 + 20000))\necho \"$((time / 20000)).$((time % 20000 / 2000))5\"\n";

#[test]
fn a_machine_is_measured_at_several_batches() {
    let desk = desk();
    desk.write("engine.sh", BATCH_ENGINE);
    let at = |batch, more: &[&'static str]| {
        let mut args = args(more);
        args[4] = "./engine.sh {model} {batch}";
        args.extend(["--batch", batch]);
        args
    };
    let ended = desk.roofnas(&at("1,8", &["--format", "json"])).ends(0);
    let ended = ended.says(&[
        "networks on engine.sh, 1 thread, batch 1, fp32",
        "batch 8, fp32",
    ]);
    let figures: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(figures["held_out"]["by_batch"].as_array().unwrap().len(), 2);
    let profile = desk.read("host.toml");
    for part in ["\nbatch = [1, 8]\n", "timings of", "batches 1 and 8, fp32"] {
        assert!(profile.contains(part), "{part}");
    }
    // anchors at both, probes at the smallest, about half of the others at each
    let table = Table::parse(&desk.read("host.measurements.csv"));
    let count = |start: &str, batch: &str| {
        let rows = table.rows.iter();
        rows.filter(|row| row["network"].starts_with(start) && row["batch"] == batch)
            .count()
    };
    assert_eq!((count("anchor-", "1"), count("anchor-", "8")), (3, 3));
    assert!(count("probe", "1") > 10 && count("probe", "8") == 0);
    let (one, eight) = (count("corner", "1"), count("corner", "8"));
    assert!(one.abs_diff(eight) <= 1 && eight > 5, "{one} {eight}");
    assert!(
        table
            .rows
            .iter()
            .all(|row| row["run"].contains(&format!(" at batch {}/", row["batch"])))
    );

    // what is there at one batch is not measured again, what is missing at another is
    let text = desk.read("host.measurements.csv");
    let rows = table.rows.len();
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains(" at batch 8/"))
        .collect();
    desk.write("host.measurements.csv", kept.join("\n") + "\n");
    desk.roofnas(&at("1,8", &["--force", "--resume"]))
        .ends(0)
        .says(&["0 networks on engine.sh, 1 thread, batch 1"]);
    assert_eq!(desk.table("host.measurements.csv").rows.len(), rows);
    desk.roofnas(&at("1", &["--force", "--resume"]))
        .ends(2)
        .says(&["host.measurements.csv", "batch = 8, and 1 was asked for"]);
}

/// An engine that shares out what a network takes, but for half a millisecond.
const THREADED_ENGINE: &str = "#!/bin/sh\nsize=$(wc -c < \"$1\")\ntime=$((size / $2 + 10000))\necho \"$((time / 20000)).$((time % 20000 / 2000))5\"\n";

#[test]
fn a_machine_is_measured_on_several_numbers_of_threads() {
    let desk = desk();
    desk.write("engine.sh", THREADED_ENGINE);
    let on = |threads, more: &[&'static str]| {
        let mut args = args(more);
        args[4] = "./engine.sh {model} {threads}";
        args.extend(["--threads", threads]);
        args
    };
    // in whatever order
    let ended = desk.roofnas(&on("4,1", &["--format", "json"])).ends(0);
    let ended = ended.says(&[
        "networks on engine.sh, 1 thread, batch 1, fp32",
        "networks on engine.sh, 4 threads, batch 1, fp32",
    ]);
    let figures: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        figures["held_out"]["by_threads"].as_array().unwrap().len(),
        2
    );
    let profile = desk.read("host.toml");
    for part in [
        "\nthreads = [1, 4]\n",
        "timings of",
        "1 and 4 threads, batch 1, fp32",
    ] {
        assert!(profile.contains(part), "{part}");
    }
    let table = Table::parse(&desk.read("host.measurements.csv"));
    let count = |start: &str, threads: &str| {
        let rows = table.rows.iter();
        rows.filter(|row| row["network"].starts_with(start) && row["threads"] == threads)
            .count()
    };
    assert_eq!((count("anchor-", "1"), count("anchor-", "4")), (3, 3));
    assert!(count("probe", "1") > 10 && count("probe", "4") == 0);
    let (one, four) = (count("corner", "1"), count("corner", "4"));
    assert!(one.abs_diff(four) <= 1 && four > 5, "{one} {four}");
    let runs = table.rows.iter();
    let runs: Vec<&str> = runs.map(|row| row["run"].as_str()).collect();
    assert!(
        runs.iter()
            .all(|run| run.contains(" on 1 thread/") || run.contains(" on 4 threads/"))
    );
    // it is a platform on either
    for (threads, name) in [("host:1", "host-1-thread"), ("host:4", "host-4-threads")] {
        desk.write(
            "mine.toml",
            format!("name = \"mine\"\n[platform]\nprofile = \"{threads}\"\n[space]\npreset = \"mobile\"\n[search]\npopulation = 16\nevaluations = 64\n"),
        );
        desk.roofnas(&["run", "mine.toml", "--out", name]).ends(0);
        let front = desk.table(&format!("{name}/pareto.csv"));
        assert_eq!(front.rows[0]["platform"], name);
    }

    // what is there on one number of threads is not measured again, what is missing on another is
    let text = desk.read("host.measurements.csv");
    let rows = table.rows.len();
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains(" on 4 threads/"))
        .collect();
    desk.write("host.measurements.csv", kept.join("\n") + "\n");
    desk.roofnas(&on("1,4", &["--force", "--resume"]))
        .ends(0)
        .says(&["0 networks on engine.sh, 1 thread, batch 1"]);
    assert_eq!(desk.table("host.measurements.csv").rows.len(), rows);
    desk.roofnas(&on("1", &["--force", "--resume"]))
        .ends(2)
        .says(&["host.measurements.csv", "threads = 4, and 1 was asked for"]);
    // with tables, the table says
    let tables = [
        "calibrate",
        "--layers",
        "host.layers.csv",
        "--latency",
        "host.measurements.csv",
        "--out",
        "t.toml",
        "--threads",
        "1,4",
    ];
    desk.roofnas(&tables)
        .ends(2)
        .says(&["--threads", "column of that name"]);
}

#[test]
fn what_stands_in_the_way_is_said_before_anything_is_measured() {
    let desk = desk();
    let refused: [(&[&str], &[&str]); 9] = [
        (&["--networks", "0"], &["--networks"]),
        (&["--batch", "0"], &["--batch", "from 1 to 65536"]),
        (&["--batch", "8,1"], &["--batch", "must ascend"]),
        (&["--batch", "1,1"], &["--batch", "none twice"]),
        (&["--batch", "1;8"], &["--batch", "such as 1,8,32"]),
        (&["--command", "./engine.sh 'x"], &["--command", "quote"]),
        (&["--space", "nowhere.toml"], &["nowhere.toml"]),
        (&["--threads", "0"], &["--threads"]),
        (&["--threads", "1,two"], &["--threads"]),
    ];
    for (more, parts) in refused {
        let mut all = args(&[]);
        for pair in more.chunks(2) {
            match all.iter().position(|arg| *arg == pair[0]) {
                Some(place) => all[place + 1] = pair[1],
                None => all.extend(pair),
            }
        }
        desk.roofnas(&all).ends(2).says(parts);
    }
    assert!(!desk.path("host.measurements.csv").exists());
    desk.roofnas(&["predict", "--platform", "host", "x.onnx"])
        .ends(2)
        .says(&["roofnas calibrate --out host.toml"]);
}
