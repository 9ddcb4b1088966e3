//! Training of the user's own: commands that are scripts with a made-up accuracy.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Desk, Ended, Table, is_sorted};

/// Twelve networks in three rounds.
const EXPERIMENT: &str = r#"
name = "mine"
seed = 1

[platform]
profile = "intel-i9-10980xe"

[space]
preset = "nas-bench-macro"

[quality.external]
command = "sh train.sh {dir} {seed}"
budget = 12
initial = 8
batch = 2
evaluations = 640
jobs = 2
timeout_s = 60
retries = 1

[constraints]
latency_ms = 0.35

[search]
population = 16
evaluations = 640

[output]
backbones = 1
"#;

/// Says which network it was called for, waits while the folder holds a file `hold-ID`, and prints an accuracy that grows with MACs and parameters.
const TRAIN: &str = r#"
id=$(basename "$1")
echo $$ > "pid-$id"
echo "$id $2" >> calls
while [ -e "hold-$id" ]; do sleep 0.02; done
echo "epoch 1"
awk -F'[:,]' '/"macs"/ { m = $2 } /"params"/ { p = $2 }
  END { printf "{\"accuracy\": %.6f, \"cost_s\": 2.5, \"std\": 0.1}\n", 100 - 50 * exp(-0.03 * log(m / 1e7) - 0.01 * log(p / 1e6)) }' "$1/candidate.json"
echo bye
"#;

fn desk(train: &str) -> Desk {
    let desk = Desk::new();
    desk.write("mine.toml", EXPERIMENT);
    desk.write("train.sh", train);
    desk
}

fn calls(desk: &Desk) -> Vec<String> {
    let text = std::fs::read_to_string(desk.path("calls")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn run(desk: &Desk, out: &str) -> Ended {
    desk.roofnas(&["run", "mine.toml", "--out", out])
}

fn resume(desk: &Desk, out: &str) -> Ended {
    desk.roofnas(&["run", "mine.toml", "--out", out, "--resume"])
}

#[track_caller]
fn assert_same(desk: &Desk, one: &str, other: &str) {
    let (one, other) = (desk.results(one), desk.results(other));
    let names = |files: &BTreeMap<String, Vec<u8>>| -> Vec<String> {
        // a process that was cut off leaves its logs with other numbers, or none
        let names = files.keys().filter(|name| !name.starts_with("training/"));
        names.cloned().collect()
    };
    assert_eq!(names(&one), names(&other));
    for name in names(&one) {
        assert!(one[&name] == other[&name], "{name} differs");
    }
}

/// Waits until the script has been called for a network.
fn wait_for_call(desk: &Desk, id: &str) {
    let began = Instant::now();
    while !calls(desk).iter().any(|call| call.starts_with(id)) {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "no call for {id}"
        );
        thread::sleep(Duration::from_millis(5));
    }
}

fn with_status<'a>(table: &'a Table, status: &str) -> Vec<&'a str> {
    let rows = table.rows.iter().filter(|row| row["status"] == status);
    rows.map(|row| row["id"].as_str()).collect()
}

#[test]
fn the_budget_is_trained_and_the_front_is_what_was_measured() {
    let desk = desk(TRAIN);
    run(&desk, "run").ends(0).says(&[
        "12 of 12 networks trained in 3 rounds, 0 failed; they cost 30.0 s",
        "accuracy",
    ]);
    let trained = desk.table("run/trained.csv");
    assert_eq!(trained.rows.len(), 12);
    let genotypes: BTreeSet<&str> = trained.text("genotype").into_iter().collect();
    assert_eq!(genotypes.len(), 12);
    assert_eq!(trained.text("round")[7..9], ["0", "1"]);
    assert!(
        trained
            .text("training_seed")
            .iter()
            .all(|seed| *seed == "1")
    );
    assert_eq!(calls(&desk).len(), 12);
    assert!(calls(&desk).iter().all(|call| call.ends_with(" 1")));
    // forecasts come before trainings, and only once there is something to learn from
    for row in &trained.rows {
        assert_eq!(row["predicted"].is_empty(), row["round"] == "0", "{row:?}");
        assert!(row["latency_ms"].parse::<f64>().unwrap() <= 0.35);
    }
    // what another training would give follows what this one gave, each network its own
    let figures = |row: &HashMap<String, String>| {
        ["accuracy", "expected_lower", "expected", "expected_upper"]
            .map(|column| row[column].parse::<f64>().unwrap())
    };
    let mut rows: Vec<[f64; 4]> = trained.rows.iter().map(figures).collect();
    rows.sort_by(|a, b| a[0].total_cmp(&b[0]));
    assert!(
        rows.iter()
            .all(|[_, lower, mean, upper]| lower < mean && mean < upper)
    );
    let inside = rows
        .iter()
        .filter(|[own, lower, _, upper]| lower <= own && own <= upper);
    assert!(inside.count() >= 9, "{rows:?}");
    assert!(rows[0][2] < rows[11][2], "{rows:?}");
    let front = desk.table("run/pareto.csv");
    assert!(front.rows.len() > 1);
    for row in &front.rows {
        assert_eq!(
            row["quality_kind"],
            "external (accuracy measured by sh train.sh {dir} {seed})"
        );
        let own = trained.rows.iter().find(|t| t["front"] == row["id"]);
        let own = own.unwrap();
        assert_eq!(own["accuracy"], row["quality"]);
        assert_eq!(own["genotype"], row["genotype"]);
    }
    assert!(is_sorted(&front.numbers("latency_ms")));
    assert!(is_sorted(&front.numbers("quality")));
    // nothing that was trained is beyond the front
    for row in &trained.rows {
        let figure = |column: &str| row[column].parse::<f64>().unwrap();
        let mut members = front
            .numbers("latency_ms")
            .into_iter()
            .zip(front.numbers("quality"));
        assert!(
            members
                .any(|(ms, quality)| ms <= figure("latency_ms") && quality >= figure("accuracy"))
        );
    }
    for file in [
        "network.onnx",
        "network.py",
        "network.toml",
        "candidate.json",
        "stdout-1.txt",
    ] {
        assert!(desk.path("run/training/t001").join(file).exists(), "{file}");
    }
    let report = desk.read("run/report.html");
    assert!(report.contains("What was trained") && !report.contains("NaN"));
    assert_eq!(
        desk.table("run/history.csv").text("evaluations"),
        ["8", "10", "12"]
    );
    // the folder reads back with what was measured
    let read = desk.finished("run").front().unwrap();
    let qualities: Vec<f64> = read.iter().map(|row| row.metrics.quality).collect();
    assert_eq!(qualities, front.numbers("quality"));
    resume(&desk, "run").ends(0).says(&["nothing to do"]);
}

#[test]
fn what_is_learnt_is_used() {
    // the proxy knows nothing of this: accuracy falls with parameters
    let contrary = TRAIN.replace("0.01 * log(p / 1e6)", "(-0.06) * log(p / 1e6)");
    let desk = desk(&contrary);
    let args = [
        "run",
        "mine.toml",
        "--out",
        "run",
        "--set",
        "quality.external.budget=24",
    ];
    desk.roofnas(&args).ends(0);
    let trained = desk.table("run/trained.csv");
    let best = |is_wanted: fn(&str) -> bool| {
        let rows = trained.rows.iter().filter(|row| is_wanted(&row["round"]));
        let accuracies = rows.map(|row| row["accuracy"].parse::<f64>().unwrap());
        accuracies.fold(0.0, f64::max)
    };
    let (first, later) = (best(|round| round == "0"), best(|round| round != "0"));
    assert!(later > first, "{later} after {first}");
}

#[test]
fn any_number_of_threads_gives_the_same_files() {
    let desk = desk(TRAIN);
    for threads in ["1", "2"] {
        let args = ["run", "mine.toml", "--out", threads, "--threads", threads];
        desk.roofnas(&args).ends(0);
        // each of them has to train
        std::fs::remove_dir_all(desk.path("trainings")).unwrap();
    }
    assert_eq!(calls(&desk).len(), 24);
    assert_same(&desk, "1", "2");
}

#[test]
fn what_the_cache_knows_is_not_trained_again_and_changes_nothing() {
    let desk = desk(TRAIN);
    run(&desk, "one").ends(0);
    assert_eq!(calls(&desk).len(), 12);
    run(&desk, "two").ends(0).says(&["(12 known before)"]);
    assert_eq!(calls(&desk).len(), 12);
    assert_same(&desk, "one", "two");
    // a larger budget trains what is new
    let more = [
        "run",
        "mine.toml",
        "--out",
        "more",
        "--set",
        "quality.external.budget=15",
    ];
    desk.roofnas(&more).ends(0);
    assert_eq!(calls(&desk).len(), 15);
    // another recipe is another accuracy
    let other = [
        "run",
        "mine.toml",
        "--out",
        "other",
        "--set",
        "quality.external.recipe=long",
    ];
    desk.roofnas(&other).ends(0);
    assert_eq!(calls(&desk).len(), 27);
}

#[test]
fn a_failing_network_is_recorded_and_not_fatal() {
    let failing = r#"
case $(basename "$1") in
  t002) echo "out of memory" >&2; exit 3;;
  t003) echo "accuracy 71.3";;
  t004) echo '{"accuracy": 0.713}';;
  t005) sleep 60;;
  t007) echo '{"accuracy": NaN}';;
  t008) echo '{"accuracy": 171}';;
  t009) echo '{"loss": 3}';;
  *) awk -F'[:,]' '/"macs"/ { printf "{\"accuracy\": %.6f}\n", 50 + 5 * log($2 / 1e7) }' "$1/candidate.json"
esac
"#;
    let desk = desk(failing);
    let args = [
        "run",
        "mine.toml",
        "--out",
        "run",
        "--set",
        "quality.external.timeout_s=3",
    ];
    desk.roofnas(&args)
        .ends(0)
        .says(&["t004: failed", "5 of 12 networks trained"]);
    let trained = desk.table("run/trained.csv");
    let expected = ["t002", "t003", "t004", "t005", "t007", "t008", "t009"];
    assert_eq!(with_status(&trained, "failed"), expected);
    for (id, said) in [
        (
            "t002",
            "exit status: 3); it printed: out of memory (tried 2 times)",
        ),
        (
            "t003",
            "printed no result: expected a line such as {\"accuracy\": 71.3} on standard output, but \"accuracy 71.3\" (tried 2 times)",
        ),
        ("t004", "print 71.3 and not 0.713"),
        ("t005", "was ended after 3 s"),
        ("t007", "printed no result"),
        ("t008", "\"171\", which must be a number from 0 to 100"),
        ("t009", "without \"accuracy\""),
    ] {
        let row = trained.rows.iter().find(|row| row["id"] == id).unwrap();
        assert!(row["reason"].contains(said), "{}", row["reason"]);
        assert_eq!(row["accuracy"], "");
    }
    let stderr = desk.read("run/training/t002/stderr-2.txt");
    assert_eq!(stderr, "out of memory\n");
    // a failure may pass: another run asks again
    let again = [
        "run",
        "mine.toml",
        "--out",
        "again",
        "--set",
        "quality.external.timeout_s=3",
    ];
    desk.write("train.sh", TRAIN);
    desk.roofnas(&again).ends(0);
    let asked: Vec<String> = calls(&desk);
    assert!(asked.contains(&"t002 1".to_owned()) && !asked.contains(&"t001 1".to_owned()));
}

#[test]
fn a_command_that_only_fails_is_told_with_what_it_said() {
    let desk = desk("echo starting\necho 'no module named torch' >&2\nexit 1\n");
    run(&desk, "run").ends(1).says(&[
        // another may have failed beside the third
        "trainings failed, so it is not the networks",
        "no module named torch",
        "--resume",
    ]);
    assert!(!desk.path("run/pareto.csv").exists());
    // mended, it goes on as if nothing had been
    desk.write("train.sh", TRAIN);
    resume(&desk, "run").ends(0);
    assert_eq!(desk.table("run/trained.csv").rows.len(), 12);
    std::fs::remove_dir_all(desk.path("trainings")).unwrap();
    run(&desk, "whole").ends(0);
    assert_same(&desk, "run", "whole");
}

#[test]
fn a_command_that_is_not_there_is_told_at_once() {
    let desk = desk(TRAIN);
    let args = [
        "run",
        "mine.toml",
        "--out",
        "run",
        "--set",
        "quality.external.command=trian.py",
    ];
    desk.roofnas(&args)
        .ends(2)
        .says(&["quality.external.command", "trian.py can't be started"]);
}

#[test]
fn after_kill_it_goes_on_and_loses_only_what_was_running() {
    let desk = desk(TRAIN);
    // once in the first round, and once in a later one
    for id in ["t005", "t009"] {
        desk.write(&format!("hold-{id}"), "");
        let mut running = desk.start(&["run", "mine.toml", "--out", "run", "--resume"]);
        wait_for_call(&desk, id);
        running.signal("-KILL");
        assert_eq!(running.wait(), None);
        std::fs::remove_file(desk.path(&format!("hold-{id}"))).unwrap();
    }
    resume(&desk, "run").ends(0);
    let asked = calls(&desk);
    for (id, at_most) in [("t001", 1), ("t005", 2), ("t009", 2), ("t012", 1)] {
        let times = asked.iter().filter(|call| call.starts_with(id)).count();
        assert_eq!(times, at_most, "{id}: {asked:?}");
    }
    // two at a time were running
    assert!(asked.len() <= 16, "{asked:?}");
    std::fs::remove_dir_all(desk.path("trainings")).unwrap();
    run(&desk, "whole").ends(0);
    assert_same(&desk, "run", "whole");
}

#[test]
fn ctrl_c_ends_what_is_running_and_can_be_resumed() {
    let desk = desk(TRAIN);
    desk.write("hold-t004", "");
    let mut running = desk.start(&["run", "mine.toml", "--out", "run"]);
    wait_for_call(&desk, "t004");
    running.signal("-INT");
    assert_eq!(running.wait(), Some(130));
    let pid = desk.read("pid-t004");
    let alive = std::process::Command::new("kill")
        .args(["-0", pid.trim()])
        .stderr(std::process::Stdio::null())
        .status();
    assert!(!alive.unwrap().success(), "the training goes on");
    std::fs::remove_file(desk.path("hold-t004")).unwrap();
    run(&desk, "run").ends(2).says(&["--resume"]);
    let with = |setting| {
        [
            "run",
            "mine.toml",
            "--out",
            "run",
            "--resume",
            "--set",
            setting,
        ]
    };
    let budget = with("quality.external.budget=9");
    desk.roofnas(&budget).ends(2).says(&["budget", "changed"]);
    // patience may change
    desk.roofnas(&with("quality.external.jobs=1")).ends(0);
    std::fs::remove_dir_all(desk.path("trainings")).unwrap();
    let whole = [
        "run",
        "mine.toml",
        "--out",
        "whole",
        "--set",
        "quality.external.jobs=1",
    ];
    desk.roofnas(&whole).ends(0);
    assert_same(&desk, "run", "whole");
}

#[test]
fn one_process_can_train_a_round() {
    // leaves one network out the first time it sees it, and fails
    let all = r#"
echo "$2" >> calls
code=0
for each in "$1"/*/; do
  id=$(basename "$each")
  if [ "$id" = t004 ] && [ ! -e seen ]; then touch seen; code=1; continue; fi
  awk -F'[:,]' -v id="$id" '/"macs"/ { printf "{\"id\": \"%s\", \"accuracy\": %.6f}\n", id, 50 + 5 * log($2 / 1e7) }' "$each/candidate.json"
done
exit $code
"#;
    let desk = desk(all);
    let args = [
        "run",
        "mine.toml",
        "--out",
        "run",
        "--set",
        "quality.external.per=batch",
    ];
    desk.roofnas(&args)
        .ends(0)
        .says(&["12 of 12 networks trained"]);
    // three rounds, and the first a second time for what was missing
    assert_eq!(calls(&desk).len(), 4);
    assert!(
        desk.path("run/training/round0/try2/t004/network.onnx")
            .exists()
    );
    assert!(!desk.path("run/training/round0/try2/t001").exists());
}

#[test]
fn a_round_that_never_names_a_network_fails_it() {
    let desk = desk(
        "for each in \"$1\"/*/; do\n  id=$(basename \"$each\")\n  [ \"$id\" = t002 ] || echo \"{\\\"id\\\": \\\"$id\\\", \\\"accuracy\\\": 5$(printf %s \"$id\" | cut -c4)}\"\ndone\n",
    );
    let args = [
        "run",
        "mine.toml",
        "--out",
        "run",
        "--set",
        "quality.external.per=batch",
    ];
    desk.roofnas(&args).ends(0);
    let trained = desk.table("run/trained.csv");
    assert_eq!(with_status(&trained, "failed"), ["t002"]);
    assert!(trained.rows[1]["reason"].contains("printed no line such as {\"id\": \"t002\""));
}

#[test]
fn where_nothing_keeps_the_constraints_nothing_is_trained() {
    let desk = desk(TRAIN);
    let args = [
        "run",
        "mine.toml",
        "--out",
        "run",
        "--set",
        "constraints.latency_ms=0.0001",
    ];
    desk.roofnas(&args).ends(3).says(&["binds: latency_ms"]);
    assert_eq!(calls(&desk).len(), 0);
}

#[test]
fn a_space_with_fewer_networks_than_the_budget_is_trained_out() {
    let desk = desk(TRAIN);
    let eight = r#"
resolution = 32

[stem]
channels = 16

[[stage]]
block = "inverted_bottleneck"
depth = [1, 2]
channels = 16
stride = 2
kernel = [3, 5]
expand = [3, 6]
"#;
    desk.write("eight.toml", eight);
    let args = [
        "run",
        "mine.toml",
        "--out",
        "run",
        "--set",
        "space.preset=eight.toml",
    ];
    desk.roofnas(&args).ends(0).says(&[
        "8 of 8 networks trained",
        "4 of 12 networks of the training budget were not used",
    ]);
    assert_eq!(calls(&desk).len(), 8);
}

#[test]
fn bad_settings_are_named() {
    let desk = desk(TRAIN);
    for (setting, said) in [
        ("quality.external.budget=0", "from 1 to"),
        ("quality.external.batch=0", "from 1 to"),
        ("quality.external.jobs=0", "from 1 to"),
        ("quality.external.initial=0", "from 1 to"),
        ("quality.external.evaluations=0", "at least 1"),
        ("quality.external.timeout_s=0", "above 0"),
        ("quality.external.timeout_s=nan", "above 0"),
        (
            "quality.external.command=train {model}",
            "{model} is not a placeholder; known are {dir} and {seed}",
        ),
        ("quality.external.command=", "PROGRAM ARGUMENT"),
        (
            "quality.external.command=sh -c \"train {dir}\"",
            "$ROOFNAS_DIR",
        ),
        ("quality.external.cache=", "names a folder"),
        ("quality.external.per=each", "candidate"),
        ("quality.external.buget=3", "buget"),
        ("search.algorithm=exact", "no sum over blocks"),
        (
            "objectives.maximize=[]",
            "quality is not among the objectives",
        ),
    ] {
        let args = ["run", "mine.toml", "--out", "run", "--set", setting];
        let key = setting.split('=').next().unwrap();
        let key = if key == "objectives.maximize" {
            "quality.external"
        } else {
            key
        };
        let key = key.rsplit('.').next().unwrap();
        desk.roofnas(&args).ends(2).says(&[said, key]);
        assert!(!desk.path("run").exists());
    }
    assert_eq!(calls(&desk).len(), 0);
}
