//! Searches for several platforms, batches and number formats at once.

use crate::support::{Desk, TINY, Table};

const SERVER: &str = "titan-rtx-pytorch-batch-64";
/// The budgets that the front of these tests is to bring together, in milliseconds.
const BUDGETS_MS: [f64; 2] = [60.0, 30.0];

/// A short search for a board, whose networks a server has to run in batches.
fn shared() -> String {
    let [board, server] = BUDGETS_MS;
    TINY.replace("intel-i9-10980xe", "raspberry-pi-4-ncnn-4-threads")
        .replace(
            "latency_ms = 1.0",
            &format!("latency_ms = {board}\nconfidence = 0.9"),
        )
        .replace("evaluations = 320", "evaluations = 4_000")
        + &format!("[target.server]\nprofile = \"{SERVER}\"\nbatch = 64\nlatency_ms = {server}\n")
}

/// A folder with the search, run into `run` with these settings.
fn desk(settings: &[&str]) -> Desk {
    let desk = Desk::new();
    desk.write("shared.toml", shared());
    desk.roofnas(&with(&["run", "shared.toml", "--out", "run"], settings))
        .ends(0);
    desk
}

fn with<'a>(args: &[&'a str], settings: &[&'a str]) -> Vec<&'a str> {
    let set = settings.iter().flat_map(|setting| ["--set", setting]);
    args.iter().copied().chain(set).collect()
}

#[test]
fn the_front_keeps_the_budgets_of_both_and_says_how() {
    let desk = desk(&[]);
    let front = desk.table("run/pareto.csv");
    assert!(front.rows.len() >= 10, "{}", front.rows.len());
    let [board, server] = BUDGETS_MS;
    let upper = |mean: &str, std: &str, budget: f64| {
        let bounds = front.numbers(mean).into_iter().zip(front.numbers(std));
        // 1.28 deviations is the 90 % bound of a normal distribution, and Student's is further out
        for (mean, std) in bounds {
            assert!(mean + 1.28 * std <= budget, "{mean} ± {std}");
        }
    };
    upper("latency_ms", "latency_ms_std", board);
    upper("server_latency_ms", "server_latency_ms_std", server);
    // the server's budget is what binds: a search without it goes beyond
    let free = self::desk(&["target.server.latency_ms=1000"]);
    let free = free.table("run/pareto.csv").numbers("server_latency_ms");
    assert!(free.iter().any(|&ms| ms > server), "{free:?}");
    for (column, value) in [
        ("server_platform", SERVER),
        ("server_batch", "64"),
        ("server_threads", ""),
        ("server_dtype", "fp32"),
        ("server_latency_kind", "calibrated on 300 networks"),
        ("batch", "1"),
    ] {
        assert_eq!(front.text(column)[0], value, "{column}");
    }
    let images = front.numbers("server_throughput_images_per_s");
    for (images, ms) in images.iter().zip(front.numbers("server_latency_ms")) {
        assert!((images * ms / 64_000.0 - 1.0).abs() < 1e-9);
    }
}

#[test]
fn a_target_s_latency_is_what_predict_says_there() {
    let desk = desk(&[]);
    let front = desk.table("run/pareto.csv");
    let best = front.text("id").last().map(|id| (*id).to_owned()).unwrap();
    let model = format!("run/backbones/{best}.onnx");
    let args = [
        "predict",
        "--platform",
        SERVER,
        "--batch",
        "64",
        "--format",
        "csv",
        &model,
    ];
    let predicted = Table::parse(&desk.roofnas(&args).ends(0).stdout);
    let pairs = [
        ("latency_ms", "server_latency_ms"),
        ("latency_ms_std", "server_latency_ms_std"),
        ("latency_ms_upper95", "server_latency_ms_upper95"),
    ];
    for (theirs, ours) in pairs {
        let theirs = predicted.numbers(theirs)[0];
        let ours = *front.numbers(ours).last().unwrap();
        assert!((ours / theirs - 1.0).abs() < 1e-6, "{ours} and {theirs}");
    }
}

#[test]
fn a_run_s_folder_is_enough_to_run_it_and_report_it_again() {
    let desk = desk(&[]);
    desk.roofnas(&["run", "run/experiment.toml", "--out", "again"])
        .ends(0);
    assert!(desk.results("run") == desk.results("again"));
    let report = desk.read("run/report.html");
    for said in [
        "Target server",
        "server latency, ms",
        "its predicted latency for server",
        "platform-server.toml",
    ] {
        assert!(report.contains(said), "{said}");
    }
    desk.roofnas(&["report", "run"]).ends(0);
    assert!(desk.read("run/report.html") == report);
    // and what stands beside a profile is that profile
    let stored = desk.read("run/platform-server.toml");
    assert!(stored.contains(&format!("name = \"{SERVER}\"")));
}

#[test]
fn a_changed_target_is_refused() {
    let desk = Desk::new();
    desk.write("shared.toml", shared());
    let profile = desk.roofnas(&["platforms", SERVER]).ends(0).stdout;
    desk.write("mine.toml", &profile);
    let settings = ["target.server.profile=mine.toml"];
    let args = with(
        &["run", "shared.toml", "--out", "run", "--resume"],
        &settings,
    );
    desk.roofnas(&args).ends(0);
    let renamed = profile.replacen(SERVER, "another-server", 1);
    assert!(renamed != profile);
    desk.write("mine.toml", renamed);
    desk.roofnas(&args)
        .ends(2)
        .says(&["platform-server.toml", "another-server"]);
    let settings = ["target.server.latency_ms=31"];
    desk.roofnas(&with(
        &["run", "shared.toml", "--out", "run", "--resume"],
        &settings,
    ))
    .ends(2)
    .says(&["target.server.latency_ms", "31"]);
}

#[test]
fn latencies_of_both_and_throughput_are_objectives() {
    let desk = desk(&[
        "objectives.minimize=[\"latency\", \"latency@server\"]",
        "search.algorithm=nsga3",
        "output.backbones=0",
    ]);
    let front = desk.table("run/pareto.csv");
    let columns = ["latency_ms", "server_latency_ms", "quality"].map(|name| front.numbers(name));
    let [board, server, quality] = &columns;
    // some networks are there for the server's sake: slower on the board, and not better
    let is_for_server = |&i: &usize| {
        (0..board.len())
            .any(|j| board[j] < board[i] && quality[j] >= quality[i] && server[j] > server[i])
    };
    let for_server = (0..board.len()).filter(is_for_server).count();
    assert!(for_server > 0, "of {}", board.len());

    let desk = self::desk(&[
        "objectives.minimize=[]",
        "objectives.maximize=[\"quality\", \"throughput\"]",
        "search.certify=true",
    ]);
    let front = desk.table("run/pareto.csv");
    let images = front.numbers("throughput_images_per_s");
    for (images, ms) in images.iter().zip(front.numbers("latency_ms")) {
        assert!((images * ms / 1000.0 - 1.0).abs() < 1e-9);
    }
    let bound = desk.table("run/bound.csv");
    let most = bound.numbers("throughput_images_per_s");
    assert!(
        most.iter().all(|most| (5.0..1000.0).contains(most)),
        "{most:?}"
    );
    // no network is faster than the bound allows
    let fastest = |all: &[f64]| all.iter().copied().fold(0.0, f64::max);
    assert!(fastest(&images) <= fastest(&most) * (1.0 + 1e-9));
    // and the certificate says at which throughput the gap is largest
    let certificate: serde_json::Value =
        serde_json::from_str(&desk.read("run/certificate.json")).unwrap();
    let worst = certificate["worst_budget"].as_f64().unwrap();
    assert!(most.contains(&worst) || images.contains(&worst), "{worst}");
    assert_eq!(certificate["gap_in"], "quality");
}

#[test]
fn what_binds_is_named_where_nothing_keeps_the_target() {
    let desk = Desk::new();
    desk.write("shared.toml", shared());
    let settings = ["target.server.latency_ms=2"];
    desk.roofnas(&with(&["run", "shared.toml", "--out", "run"], &settings))
        .ends(3)
        .says(&[
            "target.server.latency_ms (with 90 % confidence)",
            "at most 2",
        ]);
}

#[test]
fn check_says_what_else_networks_are_priced_for() {
    let desk = Desk::new();
    desk.write("shared.toml", shared());
    let checked = desk.roofnas(&["check", "shared.toml"]).ends(0).says(&[
        "target.server",
        SERVER,
        "batch 64",
    ]);
    assert!(checked.stdout.contains("target.server.latency_ms"));
}

#[test]
fn matrices_go_through_budgets_of_a_target() {
    let desk = Desk::new();
    let matrix = "[matrix]\n\"target.server.latency_ms\" = [30, 80]\n";
    desk.write("both.toml", shared() + matrix);
    desk.roofnas(&["run", "both.toml", "--out", "out"]).ends(0);
    assert_eq!(desk.table("out/summary.csv").rows.len(), 2);
    assert!(desk.path("out/1-server-latency_ms-30/pareto.csv").exists());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let desk = Desk::new();
    desk.write("shared.toml", shared());
    let long = format!("target.{}.profile=nvidia-v100", "a".repeat(41));
    let cases: [(&str, &[&str]); 13] = [
        (
            "objectives.minimize=[\"latency@phone\"]",
            &[
                "objectives.minimize",
                "latency@phone",
                "the targets are server",
            ],
        ),
        (
            "objectives.minimize=[\"params@server\"]",
            &["params@server", "latency@phone"],
        ),
        (
            "objectives.minimize=[\"throughput@server\"]",
            &["throughput@server", "list it under maximize"],
        ),
        (
            "objectives.minimize=[\"speed\"]",
            &["unknown objective \"speed\"", "throughput", "peak_memory"],
        ),
        (
            "target.server.profile=nowhere",
            &[
                "target.server.profile",
                "nowhere",
                "titan-rtx-pytorch-batch-64",
            ],
        ),
        (
            "target.server.latency_ms=0",
            &["target.server.latency_ms", "above 0"],
        ),
        ("target.server.dtype=int8", &["target.server", "int8"]),
        (
            "target.backbone.profile=nvidia-v100",
            &["\"backbone\"", "another name"],
        ),
        (&long, &["up to 40 letters"]),
        (
            "objectives.maximize=[\"quality\", \"throughput\"]",
            &["throughput", "leave out one of the two"],
        ),
        ("target.server.budget=3", &["budget"]),
        (
            "target.server.profile=intel-i9-10980xe",
            &["target.server", "uncalibrated", "constraints.confidence"],
        ),
        (
            "target.My Server.profile=nvidia-v100",
            &["\"My Server\"", "'-' and '_'"],
        ),
    ];
    for (setting, says) in cases {
        let settings = [setting];
        desk.roofnas(&with(&["run", "shared.toml", "--out", "run"], &settings))
            .ends(2)
            .says(&["shared.toml"])
            .says(says);
        assert!(!desk.path("run").exists(), "{setting}");
    }
    let three = ["a", "b", "c"].map(|name| format!("target.{name}.profile=nvidia-v100"));
    let three: Vec<&str> = three.iter().map(String::as_str).collect();
    desk.roofnas(&with(&["check", "shared.toml"], &three))
        .ends(2)
        .says(&["at most 3 targets"]);
    let no_target = shared().replace("[target.server]", "[target.gone]");
    desk.write("other.toml", no_target.replace("confidence = 0.9", ""));
    let settings = ["objectives.minimize=[\"latency@phone\"]"];
    desk.roofnas(&with(&["check", "other.toml"], &settings))
        .ends(2)
        .says(&["the targets are gone"]);
    // a target stays as it is while the platform is refined
    let uncalibrated = shared()
        .replace("raspberry-pi-4-ncnn-4-threads", "intel-i9-10980xe")
        .replace(SERVER, "nvidia-v100")
        + "[refine]\nengine = \"embedded\"\n";
    desk.write("refined.toml", uncalibrated);
    desk.roofnas(&["check", "refined.toml"]).ends(2).says(&[
        "constraints.confidence",
        "target.server",
        "uncalibrated",
    ]);
    desk.write("none.toml", TINY);
    desk.roofnas(&with(&["check", "none.toml"], &settings))
        .ends(2)
        .says(&["there is no target", "[target.phone]"]);
}
