//! Networks found for one platform priced on others.

use serde_json::Value;

use crate::support::{Desk, TINY, Table};

const BOARD: &str = "raspberry-pi-4-ncnn-4-threads";
const PHONE: &str = "snapdragon-855-plus-ncnn-4-threads";

/// An experiment of a moment for a platform, with a budget.
fn experiment(name: &str, platform: &str, budget_ms: f64) -> String {
    TINY.replace("\"tiny\"", &format!("\"{name}\""))
        .replace("intel-i9-10980xe", platform)
        .replace("latency_ms = 1.0", &format!("latency_ms = {budget_ms:?}"))
}

/// A folder with a run for the board in `board`, and one for the phone in `phone`.
fn desk() -> Desk {
    let desk = Desk::new();
    for (name, platform, budget) in [("board", BOARD, 60.0), ("phone", PHONE, 8.0)] {
        desk.write(&format!("{name}.toml"), experiment(name, platform, budget));
        desk.roofnas(&["run", &format!("{name}.toml"), "--out", name])
            .ends(0);
    }
    desk
}

fn compared(desk: &Desk, args: &[&str]) -> Table {
    let args: Vec<&str> = ["compare"]
        .iter()
        .chain(args)
        .chain(&["--format", "csv"])
        .copied()
        .collect();
    Table::parse(&desk.roofnas(&args).ends(0).stdout)
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

#[test]
fn each_front_is_held_against_the_other_platforms_best() {
    let desk = desk();
    let table = compared(&desk, &["board", "phone"]);
    let pairs: Vec<(&str, &str)> = table
        .text("found_for")
        .into_iter()
        .zip(table.text("priced_for"))
        .collect();
    assert_eq!(
        pairs,
        [
            (BOARD, BOARD),
            (BOARD, PHONE),
            (PHONE, BOARD),
            (PHONE, PHONE)
        ]
    );
    for row in &table.rows {
        assert_eq!(row["platform"], row["priced_for"]);
        if row["found_for"] == row["priced_for"] {
            assert_eq!(
                (&*row["slowdown_mean"], &*row["slowdown_mean_std"]),
                ("1", "0")
            );
        } else {
            assert!(number(&row["slowdown_worst"]) >= number(&row["slowdown_mean"]));
            assert!(number(&row["slowdown_mean_std"]) > 0.0);
            assert!(["true", "false"].contains(&&*row["is_significant"]));
            assert!(number(&row["networks_compared"]) <= number(&row["networks_priced"]));
        }
    }
}

#[test]
fn a_batch_stands_for_its_runs_and_gives_its_own_figures() {
    let desk = Desk::new();
    let matrix = format!("[matrix]\n\"platform.profile\" = [\"{BOARD}\", \"{PHONE}\"]\n");
    desk.write(
        "batch.toml",
        format!("{}{matrix}", experiment("batch", BOARD, 50.0)),
    );
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    let table = compared(&desk, &["out"]);
    let own = desk.table("out/portability.csv");
    for column in [
        "slowdown_mean",
        "slowdown_worst",
        "slowdown_mean_std",
        "networks_compared",
    ] {
        for (one, other) in table.text(column).iter().zip(own.text(column)) {
            assert_eq!(number(one), number(other), "{column}");
        }
    }
}

#[test]
fn runs_on_one_platform_are_put_together() {
    let desk = Desk::new();
    let matrix =
        format!("[matrix]\n\"platform.profile\" = [\"{BOARD}\", \"{PHONE}\"]\nseed = [1, 2]\n");
    desk.write(
        "batch.toml",
        format!("{}{matrix}", experiment("batch", BOARD, 50.0)),
    );
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    assert_eq!(compared(&desk, &["out"]).rows.len(), 4);
    desk.roofnas(&["compare", "out", "--out", "both"]).ends(0);
    let ids = desk.table("both/networks.csv");
    assert!(
        ids.text("id")
            .iter()
            .all(|id| id.contains("seed-") && id.contains("/b"))
    );
    // one folder named twice is one run
    let twice = compared(
        &desk,
        &["out", "out/1-profile-raspberry-pi-4-ncnn-4-threads-seed-1"],
    );
    assert_eq!(twice.rows.len(), 4);
}

#[test]
fn a_platform_without_a_run_is_priced_or_searched_for() {
    let desk = desk();
    let ended = desk
        .roofnas(&["compare", "board", "--platforms", PHONE, "--out", "priced"])
        .ends(0);
    let ended = ended.says(&[PHONE, "no best of its own", "--search"]);
    assert!(
        ended.stdout.contains("nothing was found for it") && ended.stdout.contains(" ms"),
        "{}",
        ended.stdout
    );
    let row = desk.table("priced/portability.csv").rows.remove(0);
    assert_eq!(
        (&*row["slowdown_mean"], &*row["networks_compared"]),
        ("", "0")
    );
    assert!(
        desk.table("priced/networks.csv")
            .numbers("latency_ms")
            .iter()
            .all(|ms| *ms > 0.0)
    );

    let search = [
        "compare",
        "board",
        "--platforms",
        PHONE,
        "--search",
        "--evaluations",
        "200",
        "--out",
        "searched",
    ];
    let first = desk.roofnas(&search).ends(0).stdout;
    let row = desk.table("searched/portability.csv").rows.remove(0);
    assert!(number(&row["slowdown_mean"]) > 0.0, "{row:?}");
    let kept = desk
        .path("searched/searches")
        .join(format!("{PHONE}-batch-1/pareto.csv"));
    assert!(kept.exists());
    // what was searched for once is not searched for again
    assert_eq!(desk.roofnas(&search).ends(0).stdout, first);
    // and is a run like any other
    let run = format!("searched/searches/{PHONE}-batch-1");
    let again = compared(&desk, &["board", &run, "--platforms", PHONE]);
    assert_eq!(
        number(&again.rows[0]["slowdown_mean"]),
        number(&row["slowdown_mean"])
    );
}

#[test]
fn a_batch_is_that_of_the_calibration_or_follows_an_at() {
    let desk = desk();
    let gpu = "titan-rtx-pytorch-batch-64";
    let table = compared(
        &desk,
        &["board", "--platforms", &format!("{gpu},{BOARD}@8")],
    );
    assert_eq!(table.text("batch"), ["64", "8"]);
}

#[test]
fn files_are_whole_and_the_page_asks_for_nothing() {
    let desk = desk();
    desk.roofnas(&["compare", "board", "phone", "--out", "out"])
        .ends(0)
        .says(&["out/report.html"]);
    let page = desk
        .read("out/report.html")
        .replace("http://www.w3.org/2000/svg", "");
    for outside in ["src=", "http:", "https:", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let matrix = desk.table("out/portability.csv");
    for row in matrix
        .rows
        .iter()
        .filter(|row| row["found_for"] != row["priced_for"])
    {
        let figure = format!("{:.2}x", number(&row["slowdown_mean"]));
        assert!(page.contains(&figure), "{figure}");
    }
    let platforms = desk.table("out/platforms.csv");
    assert_eq!(
        platforms.text("level"),
        ["common", "common", "best", "best"]
    );
    let common = platforms.numbers("quality");
    // both of the common quality reach that of the front that ends first
    let ends = [common[2], common[3]];
    let least = ends[0].min(ends[1]);
    assert!(common[0] >= least && common[1] >= least);
    for shares in ["depthwise_share", "compute_share", "calibrated_share"] {
        assert!(
            platforms
                .numbers(shares)
                .iter()
                .all(|share| (0.0..=1.0).contains(share)),
            "{shares}"
        );
    }
    let networks = desk.table("out/networks.csv");
    let priced: f64 = matrix.numbers("networks_priced").iter().sum();
    assert_eq!(networks.rows.len() as f64, priced);
    // a comparison replaces an earlier one, and nothing else
    desk.roofnas(&["compare", "board", "phone", "--out", "out"])
        .ends(0);
    desk.roofnas(&["compare", "board", "phone", "--out", "board"])
        .ends(2)
        .says(&["board: holds a run"]);
}

#[test]
fn json_has_everything_and_threads_change_nothing() {
    let desk = desk();
    let json = |threads: &str| {
        let args = [
            "compare",
            "board",
            "phone",
            "--format",
            "json",
            "--quality=-20",
            "--threads",
            threads,
        ];
        desk.roofnas(&args).ends(0).stdout
    };
    let one = json("1");
    assert_eq!(one, json("2"));
    let value: Value = serde_json::from_str(&one).unwrap();
    assert_eq!(value["matrix"].as_array().unwrap().len(), 4);
    assert_eq!(value["platforms"].as_array().unwrap().len(), 4);
    assert_eq!(value["common_quality"], -20.0);
    assert!(value["matrix"][0]["is_significant"].is_boolean());
    assert!(value["remarks"].is_array());
}

#[test]
fn qualities_that_nothing_reaches_are_told() {
    let desk = desk();
    desk.roofnas(&["compare", "board", "phone", "--quality", "1000"])
        .ends(0)
        .says(&["no network found for", "1000"]);
    desk.roofnas(&["compare", "board", "phone", "--quality", "nan"])
        .ends(2)
        .says(&["--quality"]);
}

#[test]
fn other_constraints_than_a_budget_are_told() {
    let desk = desk();
    desk.roofnas(&[
        "run",
        "phone.toml",
        "--out",
        "small",
        "--set",
        "constraints.params=3000000",
    ])
    .ends(0);
    desk.roofnas(&["compare", "board", "small"])
        .ends(0)
        .says(&["constraints.params", "3000000"]);
}

#[test]
fn runs_of_other_spaces_or_scores_are_refused() {
    let desk = desk();
    for (name, setting, key) in [
        ("space", "space.resolution=192", "224] there and 192 here"),
        ("score", "quality.score=S", "quality.score"),
    ] {
        desk.roofnas(&["run", "phone.toml", "--out", name, "--set", setting])
            .ends(0);
        desk.roofnas(&["compare", "board", name]).ends(2).says(&[
            name,
            "can't be compared with those of board",
            key,
        ]);
    }
}

#[test]
fn wrong_input_is_told_with_what_would_be_right() {
    let desk = desk();
    desk.write("notes/mine.txt", "x");
    std::fs::create_dir(desk.path("empty")).unwrap();
    desk.write("begun/experiment.toml", desk.read("board/experiment.toml"));
    let cases: [(&[&str], &[&str]); 12] = [
        (&["nowhere"], &["nowhere: is not there"]),
        (&["board.toml"], &["board.toml: is a file"]),
        (&["empty"], &["empty: is empty"]),
        (&["notes"], &["notes: is neither a run nor a batch"]),
        (
            &["begun"],
            &["begun: holds a run that is not done", "--resume"],
        ),
        (
            &["board"],
            &["all runs given are for platform", BOARD, "--platforms"],
        ),
        (&["board", "--platforms", BOARD], &["nothing to compare"]),
        (
            &["board", "--platforms", "raspbery-pi-3b-ncnn"],
            &["nearest are raspberry-pi-3b-plus"],
        ),
        (
            &["board", "--platforms", "nvidia-v100@many"],
            &["what follows the @ is a batch"],
        ),
        (&["board", "--platforms", "nvidia-v100@0"], &["batch = 0"]),
        (&["board", "--platforms", ""], &["--platforms"]),
        (&["board", "phone", "--evaluations", "9"], &["--search"]),
    ];
    for (args, said) in cases {
        let args: Vec<&str> = ["compare"].iter().chain(args).copied().collect();
        desk.roofnas(&args).ends(2).says(said);
    }
    desk.roofnas(&["compare"]).ends(2).says(&["RUN_DIR"]);
}

#[test]
fn a_number_format_that_a_platform_lacks_is_told() {
    let desk = Desk::with_tiny();
    let half = [
        "run",
        "tiny.toml",
        "--out",
        "half",
        "--set",
        "platform.profile=nvidia-v100",
        "--set",
        "platform.dtype=fp16",
    ];
    desk.roofnas(&half).ends(0);
    desk.roofnas(&["compare", "half", "--platforms", BOARD])
        .ends(2)
        .says(&["priced in fp16", BOARD, "it has fp32"]);
}

#[test]
fn a_run_whose_files_do_not_read_is_named() {
    let desk = desk();
    let front = desk.read("phone/pareto.csv");
    desk.write("phone/pareto.csv", front.replace(",genotype,", ",genes,"));
    desk.roofnas(&["compare", "board", "phone"])
        .ends(2)
        .says(&["phone/pareto.csv", "column genotype is missing"]);
    desk.write("phone/pareto.csv", &front);
    let settings = desk.read("phone/experiment.toml");
    desk.write(
        "phone/experiment.toml",
        settings.replace("[search]", "[hunt]"),
    );
    desk.roofnas(&["compare", "board", "phone"])
        .ends(2)
        .says(&["phone/experiment.toml", "hunt"]);
}

#[test]
fn unfinished_runs_of_a_batch_are_left_out_and_told() {
    let desk = Desk::new();
    let matrix =
        format!("[matrix]\n\"platform.profile\" = [\"{BOARD}\", \"{PHONE}\"]\nseed = [1, 2]\n");
    desk.write(
        "batch.toml",
        format!("{}{matrix}", experiment("batch", BOARD, 50.0)),
    );
    desk.roofnas(&["run", "batch.toml", "--out", "out"]).ends(0);
    let last = desk.path("out").join(format!("4-profile-{PHONE}-seed-2"));
    std::fs::remove_file(last.join("pareto.csv")).unwrap();
    desk.roofnas(&["compare", "out"])
        .ends(0)
        .says(&["out: 1 of 4 runs are not finished"]);
}
