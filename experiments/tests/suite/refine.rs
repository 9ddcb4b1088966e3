//! Refining a platform. The engine is a program with a planted law: what a roofline says, 1.3 times, and 0.02 ms for each convolution. No platform that
//! ships is like that.

use std::collections::BTreeSet;
use std::fs;

use roofnas_cost::Platform;

use crate::support::{BINARY, Desk, Ended, Table, wait_for};

/// Begins with a profile that knows nothing of the planted machine.
const EXPERIMENT: &str = r#"
name = "mine"
seed = 1

[platform]
profile = "intel-i9-10980xe"

[space]
preset = "mobile"
resolution = 96

[constraints]
latency_ms = 2.0

[search]
population = 32
evaluations = 960
certify = false

[output]
backbones = 1

[refine]
engine = "command"
command = "sh engine.sh {model} {threads}"
turns = 1
rounds = 4
measure = 6
tolerance = 0.04
"#;

/// Says what was called, and what it takes there.
fn planted() -> String {
    format!(
        r#"
name=$(basename "$1" .onnx)
echo "$name" >> calls
[ -e "hold" ] && echo > begun
while [ -e "hold" ]; do sleep 0.02; done
roofline=$('{BINARY}' predict --platform intel-i9-10980xe --format csv "$1" 2> /dev/null | tail -1 | cut -d, -f2)
convolutions=$(grep -ao Conv "$1" | wc -l)
echo "$roofline $convolutions" | awk '{{ printf "%.9f\n", 1.3 * $1 + 0.02 * $2 }}'
"#
    )
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("mine.toml", EXPERIMENT);
    desk.write("engine.sh", planted());
    desk
}

fn run(desk: &Desk, out: &str, more: &[&str]) -> Ended {
    let args = ["run", "mine.toml", "--out", out];
    let args: Vec<&str> = args.into_iter().chain(more.iter().copied()).collect();
    desk.roofnas(&args)
}

fn calls(desk: &Desk) -> usize {
    let text = fs::read_to_string(desk.path("calls")).unwrap_or_default();
    text.lines().count()
}

fn of_round(table: &Table, round: usize) -> Vec<&std::collections::HashMap<String, String>> {
    let number = round.to_string();
    let rows = table.rows.iter();
    rows.filter(|row| row["round"] == number).collect()
}

fn number(row: &std::collections::HashMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap()
}

fn close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() < 1e-9 * expected.abs().max(1.0),
        "{found} is not {expected}"
    );
}

/// Everything that doesn't tell when it was measured.
fn lasting(desk: &Desk, out: &str) -> Vec<(String, Vec<u8>)> {
    let files = desk.results(out).into_iter();
    let timed = [
        "refine.csv",
        "measurements.csv",
        "report.html",
        "platform.toml",
    ];
    let lasting = files.filter(|(name, _)| !timed.iter().any(|timed| name.ends_with(timed)));
    lasting.collect()
}

/// Columns of what was measured that another run has too.
fn predicted_and_measured(desk: &Desk, out: &str) -> Vec<Vec<String>> {
    let table = desk.table(&format!("{out}/refine.csv"));
    let columns = ["round", "id", "predicted_ms", "measured_ms", "genotype"];
    let cells = |row: &std::collections::HashMap<String, String>| {
        columns.map(|column| row[column].clone()).to_vec()
    };
    table.rows.iter().map(cells).collect()
}

#[test]
fn the_error_falls_until_predictions_hold() {
    let desk = desk();
    let ended = run(&desk, "run", &[]).ends(0);
    let networks = desk.table("run/refine.csv");
    let rounds = desk.table("run/refine-rounds.csv");
    let errors = rounds.numbers("mean_error");
    let n = errors.len();
    assert!((2..=4).contains(&n), "{errors:?}");
    assert!(errors[0] > 0.2, "{errors:?}");
    assert!(errors[n - 1] <= 0.04, "{errors:?}");
    assert!(errors[n - 1] < errors[0] / 5.0, "{errors:?}");
    // it goes on until the last round agrees, and no longer
    let agrees = rounds.text("agrees");
    assert!(agrees[..n - 1].iter().all(|agrees| *agrees == "false"));
    assert_eq!(agrees[n - 1], "true");
    let ended = ended.says(&[
        "refining: up to 4 rounds of 6 networks measured with command, until predictions made before miss by 4 % on average",
        "round 1: 6 networks measured; an uncalibrated profile had predicted them",
        "the 3 most telling",
        "agreed in round",
        "the best network measured within the budget of 2 ms",
        &format!("(calibrated on {} networks)", 6 * n),
    ]);
    // nothing is measured twice, and everything that is measured is kept
    let genotypes: BTreeSet<&str> = networks.text("genotype").into_iter().collect();
    assert_eq!(genotypes.len(), networks.rows.len());
    assert_eq!(networks.rows.len(), 6 * n);
    // three of the first round are measured again in each later one, which counts nowhere
    assert_eq!(calls(&desk), 6 * n + 3 * (n - 1));
    let drift = rounds.text("drift");
    assert_eq!(drift[0], "");
    assert!(drift[1..].iter().all(|drift| *drift == "1"), "{drift:?}");
    assert!(
        !ended.stderr.contains("the machine has changed"),
        "{ended:?}"
    );
}

#[test]
fn errors_are_of_predictions_made_before() {
    let desk = desk();
    run(&desk, "run", &[]).ends(0);
    let networks = desk.table("run/refine.csv");
    let rounds = desk.table("run/refine-rounds.csv");
    let mut measured_before = 0;
    for (index, of_rounds) in rounds.rows.iter().enumerate() {
        let round = index + 1;
        let rows = of_round(&networks, round);
        let now = desk.finished(&format!("run/round-{round}"));
        let next = match round == rounds.rows.len() {
            true => "run".to_owned(),
            false => format!("run/round-{}", round + 1),
        };
        let next = desk.finished(&next);
        let mut absolute = 0.0;
        for row in &rows {
            let genotype = now.experiment.space.parse(&row["genotype"]).unwrap();
            let predicted = number(row, "predicted_ms");
            // by the profile that the round had, which knows nothing of it
            let before = now.experiment.appraise(&genotype).latency;
            close(predicted, before.mean_ms);
            close(number(row, "predicted_ms_std"), before.std_ms);
            close(number(row, "predicted_ms_upper95"), before.upper95_ms());
            // and not by the one that was fitted on it
            let after = next.experiment.appraise(&genotype).latency.mean_ms;
            assert!((after / predicted - 1.0).abs() > 1e-6, "{row:?}");
            close(
                number(row, "error"),
                predicted / number(row, "measured_ms") - 1.0,
            );
            absolute += number(row, "error").abs();
            assert_eq!(number(row, "profile_networks"), f64::from(measured_before));
        }
        // of this round's networks alone
        close(
            number(of_rounds, "mean_error"),
            absolute / rows.len() as f64,
        );
        let fitted_on = now.experiment.appraiser.model.calibration();
        let fitted_on = fitted_on.map_or(0, |c| c.measured.networks);
        assert_eq!(fitted_on, measured_before as usize);
        measured_before += rows.len() as i32;
    }
    let last = Platform::from_toml(&desk.read("run/platform.toml")).unwrap();
    let calibration = last.calibration.values().next().unwrap();
    assert_eq!(calibration.measured.networks, networks.rows.len());
    assert_eq!(last.name, "mine-refined");
    let source = &last.provenance.sources[0];
    for part in [
        "that experiment mine chose in rounds 1 to",
        "sh, 16 threads",
        "begun with profile intel-i9-10980xe (uncalibrated)",
    ] {
        assert!(source.contains(part), "{part} in {source}");
    }
}

#[test]
fn what_is_measured_is_at_the_edge_and_over_the_front() {
    let desk = desk();
    run(&desk, "run", &["--set", "refine.rounds=1"])
        .ends(0)
        .says(&["did not agree within 1 rounds"]);
    let networks = desk.table("run/refine.csv");
    let front = desk.table("run/round-1/pareto.csv");
    let chosen = networks.text("chosen_as");
    assert_eq!(
        chosen,
        ["best", "best", "best", "telling", "telling", "telling"]
    );
    let best = front.rows.last().unwrap();
    assert!(networks.text("id").contains(&best["id"].as_str()));
    for row in &networks.rows {
        let of_front = front.rows.iter().find(|other| other["id"] == row["id"]);
        let of_front = of_front.unwrap();
        assert_eq!(row["genotype"], of_front["genotype"]);
        assert_eq!(row["predicted_ms"], of_front["latency_ms"]);
        if row["chosen_as"] == "best" {
            assert!(number(row, "predicted_ms") >= 0.8 * number(best, "latency_ms"));
        }
        assert_eq!(row["promised"], "true");
        let within = number(row, "measured_ms") <= 2.0;
        assert_eq!(row["within_budget"], within.to_string());
    }
    let rounds = desk.table("run/refine-rounds.csv");
    let within = networks.text("within_budget");
    let within = within.iter().filter(|within| **within == "true").count();
    assert_eq!(rounds.numbers("promised_within_budget"), [within as f64]);
    assert_eq!(rounds.numbers("promised"), [6.0]);
}

#[test]
fn the_folder_is_a_run_like_any_other() {
    let desk = desk();
    let few = ["--set", "refine.rounds=2"];
    let ended = run(&desk, "run", &few).ends(0);
    assert!(
        ended.stdout.contains("profile_networks"),
        "{}",
        ended.stdout
    );
    assert!(
        desk.read("run/report.html")
            .contains("Predicted, then measured")
    );
    assert!(desk.read("run/experiment.toml").contains("[refine]"));
    for folder in ["run", "run/round-1", "run/round-2"] {
        let front = desk.table(&format!("{folder}/pareto.csv"));
        let id = front.text("id")[0];
        desk.roofnas(&["export", folder, id, "--to", "layers"])
            .ends(0);
    }
    assert!(
        !desk
            .read("run/round-2/experiment.toml")
            .contains("[refine]")
    );
    // it holds what it predicts
    let engine = ["--engine", "command", "--command", "sh engine.sh {model}"];
    let verify = ["verify", "run", "--rounds", "1", "--format", "json"];
    let args: Vec<&str> = verify.into_iter().chain(engine).collect();
    let verified = desk.roofnas(&args).ends(0);
    let verified: serde_json::Value = serde_json::from_str(&verified.stdout).unwrap();
    assert!(verified["figures"]["mape"].as_f64().unwrap() < 0.1);
    // done is done, and nothing is written over
    let before = desk.files("run");
    let again = ["--set", "refine.rounds=2", "--resume"];
    run(&desk, "run", &again).ends(0).says(&["nothing to do"]);
    run(&desk, "run", &few).ends(2).says(&["finished run"]);
    assert!(desk.files("run") == before);
    run(&desk, "run", &["--resume"])
        .ends(2)
        .says(&["refine.rounds = 2 then, refine.rounds = 4 now"]);
    // and it can go on from where it is
    let more = ["run", "run/experiment.toml", "--out", "more"];
    desk.roofnas(&more).ends(0);
    let first = desk.table("more/refine-rounds.csv").numbers("mean_error")[0];
    assert!(first < 0.1, "{first}");
}

#[test]
fn the_same_measurements_give_the_same_results() {
    let desk = desk();
    run(&desk, "one", &["--threads", "1"]).ends(0);
    run(&desk, "other", &["--threads", "2"]).ends(0);
    assert!(lasting(&desk, "one") == lasting(&desk, "other"));
    assert_eq!(
        predicted_and_measured(&desk, "one"),
        predicted_and_measured(&desk, "other")
    );
}

#[test]
fn interrupted_while_measuring_it_goes_on_where_it_was() {
    let desk = desk();
    run(&desk, "whole", &[]).ends(0);
    for (signal, code) in [("-INT", Some(130)), ("-KILL", None)] {
        let out = format!("run{signal}");
        let first = ["--set", "refine.rounds=4"];
        let mut args = vec!["run", "mine.toml", "--out", &out];
        args.extend(first);
        // measures a round, and hangs in the next
        fs::remove_file(desk.path("calls")).unwrap();
        let _ = fs::remove_file(desk.path("begun"));
        let mut running = desk.start(&args);
        wait_for(&desk.path(&format!("{out}/round-2/experiment.toml")));
        desk.write("hold", "");
        wait_for(&desk.path("begun"));
        let before = calls(&desk);
        assert!(before > 6, "{before}");
        running.signal(signal);
        if signal == "-INT" {
            fs::remove_file(desk.path("hold")).unwrap();
        }
        assert_eq!(running.wait(), code);
        let _ = fs::remove_file(desk.path("hold"));
        // the program that was left may still be about to write its line
        let table = desk.read(&format!("{out}/round-1/measurements.csv"));
        args.push("--resume");
        desk.roofnas(&args).ends(0);
        assert_eq!(desk.read(&format!("{out}/round-1/measurements.csv")), table);
        assert!(lasting(&desk, "whole") == lasting(&desk, &out), "{signal}");
        assert_eq!(
            predicted_and_measured(&desk, "whole"),
            predicted_and_measured(&desk, &out)
        );
        let rounds = desk.table(&format!("{out}/refine-rounds.csv")).rows.len();
        // round 1 is not measured again
        assert!(calls(&desk) <= before + 9 * (rounds - 1), "{before}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn two_commands_do_not_measure_in_one_folder() {
    let desk = desk();
    desk.write("hold", "");
    let args = ["run", "mine.toml", "--out", "run"];
    let mut first = desk.start(&args);
    wait_for(&desk.path("begun"));
    desk.roofnas(&[&args[..], &["--resume"]].concat())
        .ends(1)
        .says(&["run", "another roofnas is at work here"]);
    first.signal("-KILL");
    assert_eq!(first.wait(), None);
    fs::remove_file(desk.path("hold")).unwrap();
}

#[test]
fn where_no_network_is_predicted_to_keep_the_budget_it_searches_without() {
    let desk = desk();
    let slow = [
        "--set",
        "platform.profile=raspberry-pi-4-ncnn-1-thread",
        "--set",
        "constraints.latency_ms=1.5",
        "--set",
        "constraints.confidence=0.95",
        "--set",
        "refine.rounds=3",
    ];
    let ended = run(&desk, "run", &slow).ends(0);
    ended.says(&[
        "round 1: no network is predicted to keep the budget of 1.5 ms: searching without it",
        "of which 0 of the best and the 6 most telling are measured",
        "profile raspberry-pi-4-ncnn-1-thread speaks of ncnn",
    ]);
    let networks = desk.table("run/refine.csv");
    let first = of_round(&networks, 1);
    assert!(first.iter().all(|row| row["chosen_as"] == "telling"));
    assert!(first.iter().all(|row| row["promised"] == "false"));
    desk.finished("run/round-1/without-budget");
    let rounds = desk.table("run/refine-rounds.csv");
    assert_eq!(rounds.text("front")[0], "0");
    assert_eq!(rounds.text("promised")[0], "");
    assert!(!desk.table("run/pareto.csv").rows.is_empty());
}

#[test]
fn a_front_that_is_too_small_is_filled_up() {
    let desk = desk();
    let small = [
        "--set",
        "space.preset=nas-bench-macro",
        "--set",
        "space.resolution=32",
        "--set",
        "search.evaluations=32",
        "--set",
        "refine.measure=24",
        "--set",
        "refine.rounds=1",
    ];
    run(&desk, "run", &small)
        .ends(0)
        .says(&["drawn from the space, since the front has no more"]);
    assert_eq!(desk.table("run/refine.csv").rows.len(), 24);
}

#[test]
fn confidence_holds_as_soon_as_it_can() {
    let desk = desk();
    let bound = [
        "--set",
        "constraints.confidence=0.95",
        "--set",
        "constraints.latency_ms=1.4",
        "--set",
        "refine.rounds=1",
    ];
    run(&desk, "run", &bound)
        .ends(0)
        .says(&["the first search bounds the mean; confidence = 0.95 holds from the first fit on"]);
    let upper = desk.table("run/pareto.csv").numbers("latency_ms_upper95");
    assert!(upper.iter().all(|ms| *ms <= 1.4 + 1e-9), "{upper:?}");
    let first = desk.table("run/round-1/pareto.csv");
    let upper = first.numbers("latency_ms_upper95");
    assert!(upper.iter().any(|ms| *ms > 1.4), "{upper:?}");
    assert!(
        desk.read("run/experiment.toml")
            .contains("confidence = 0.95")
    );
    // without [refine], it is refused
    let plain = EXPERIMENT.split("[refine]").next().unwrap();
    desk.write("mine.toml", plain);
    run(&desk, "plain", &bound[..2])
        .ends(2)
        .says(&["the platform is uncalibrated"]);
}

#[test]
fn a_machine_that_changes_is_told() {
    let desk = desk();
    let slower = "$([ $(wc -l < calls) -gt 6 ] && echo 1.5 || echo 1)";
    let program = planted().replace(
        "$roofline $convolutions\"",
        &format!("$roofline $convolutions {slower}\""),
    );
    desk.write(
        "engine.sh",
        program.replace("1.3 * $1 + 0.02 * $2", "$3 * (1.3 * $1 + 0.02 * $2)"),
    );
    run(&desk, "run", &["--set", "refine.rounds=2"])
        .ends(0)
        .says(&["networks of round 1 took 1.50 times as long as then: the machine has changed"]);
    assert!(
        (desk.table("run/refine-rounds.csv").rows[1]["drift"]
            .parse::<f64>()
            .unwrap()
            - 1.5)
            .abs()
            < 1e-5
    );
}

#[test]
fn what_no_latency_is_to_blame_for_is_not_measured() {
    let desk = desk();
    let impossible = ["--set", "constraints.macs=1"];
    run(&desk, "run", &impossible)
        .ends(3)
        .says(&["binds: macs"]);
    assert_eq!(calls(&desk), 0);
    let resumed: Vec<&str> = impossible.into_iter().chain(["--resume"]).collect();
    run(&desk, "run", &resumed).ends(3);
}

#[test]
fn networks_that_cant_be_measured_are_told() {
    let desk = desk();
    let fails = "[ $(basename \"$1\" .onnx) = b02 ] && exit 7\n";
    desk.write("engine.sh", format!("{fails}{}", planted()));
    let args = ["--set", "refine.rounds=2", "--set", "refine.retries=0"];
    run(&desk, "run", &args).ends(0);
    desk.write("engine.sh", "exit 7");
    let ended = run(&desk, "none", &args).ends(1);
    ended.says(&[
        "exit status: 7",
        "round 1: only 0 of 6 networks could be measured",
        "--resume",
    ]);
    assert!(!desk.path("none/pareto.csv").exists());
    desk.write("engine.sh", planted());
    let resumed: Vec<&str> = args.into_iter().chain(["--resume"]).collect();
    run(&desk, "none", &resumed).ends(0);
}

#[test]
fn another_engine_in_the_middle_is_refused() {
    let desk = desk();
    desk.write("engine.sh", format!("[ -e stop ] && exit 7\n{}", planted()));
    let args = ["--set", "refine.retries=0"];
    let mut running = desk.start(&["run", "mine.toml", "--out", "run", args[0], args[1]]);
    wait_for(&desk.path("run/round-2/experiment.toml"));
    desk.write("stop", "");
    assert_eq!(running.wait(), Some(1));
    fs::remove_file(desk.path("stop")).unwrap();
    let other = ["--set", "refine.threads=3", "--resume"];
    run(&desk, "run", &other)
        .ends(2)
        .says(&["refine.threads = 3 now"]);
    let same = ["--set", "refine.retries=0", "--resume"];
    run(&desk, "run", &same).ends(0);
}

#[test]
fn the_built_in_engine() {
    let desk = desk();
    let text = EXPERIMENT
        .replace("engine = \"command\"", "engine = \"embedded\"\nthreads = 1")
        .replace("command = \"sh engine.sh {model} {threads}\"\n", "")
        .replace("resolution = 96", "resolution = 32")
        .replace("turns = 1", "turns = 2")
        .replace("latency_ms = 2.0", "latency_ms = 500.0");
    desk.write("mine.toml", text);
    let quick = ["--set", "refine.rounds=1", "--set", "refine.measure=4"];
    let ended = run(&desk, "run", &quick).ends(0);
    ended.says(&["doesn't say which engine", "hold for 16 threads"]);
    let networks = desk.table("run/refine.csv");
    assert_eq!(networks.rows.len(), 4);
    assert!(networks.numbers("measured_ms").iter().all(|ms| *ms > 0.0));
    let platform = Platform::from_toml(&desk.read("run/platform.toml")).unwrap();
    assert_eq!(platform.threads, Some(1));
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_done() {
    let desk = desk();
    let refused = |settings: &[&str], message: &str| {
        let settings = settings.iter().flat_map(|setting| ["--set", setting]);
        let settings: Vec<&str> = settings.collect();
        run(&desk, "run", &settings).ends(2).says(&[message]);
        assert!(!desk.path("run").exists(), "{message}");
    };
    refused(
        &["refine.rounds=0"],
        "refine.rounds = 0: must be from 1 to 100",
    );
    refused(
        &["refine.measure=0"],
        "refine.measure = 0: must be at least 3",
    );
    refused(&["refine.measure=5000"], "must be from 3 to 1000");
    for tolerance in ["0", "1", "-0.1", "nan"] {
        refused(
            &[&format!("refine.tolerance={tolerance}")],
            "is a share of what is measured, above 0 and below 1",
        );
    }
    refused(
        &["refine.engine=onnx"],
        "unknown variant `onnx`, expected one of `embedded`",
    );
    refused(
        &["refine.engine=embedded"],
        "is for engine = \"command\", and the engine is embedded",
    );
    refused(
        &["refine.command_output=xml"],
        "refine.command_output = \"xml\": must be one of plain",
    );
    refused(&["refine.threads=0"], "refine.threads = 0: must be from 1");
    refused(&["refine.turns=0"], "refine.turns = 0: must be from 1");
    refused(&["refine.timeout_s=0"], "refine.timeout_s = 0");
    refused(&["refine.pin=[9999]"], "refine.pin: can't keep the engine");
    refused(&["refine.repeats=3"], "unknown field `repeats`");
    refused(&["refine.command=\"sh 'x\""], "a quote is not closed");
    refused(
        &["objectives.minimize=[\"macs\"]", "constraints={}"],
        "latency is neither an objective nor limited",
    );
    refused(
        &["quality={external={command=\"true {dir}\", budget=9}}"],
        "each of its searches would train",
    );
    refused(&["matrix={seed=[1,2]}"], "refine without the matrix");
    desk.write(
        "mine.toml",
        EXPERIMENT.replace("command = \"sh engine.sh {model} {threads}\"", ""),
    );
    refused(
        &[],
        "refine.command is missing: engine = \"command\" needs the program",
    );
    desk.write(
        "mine.toml",
        EXPERIMENT
            .replace("command = \"sh engine.sh {model} {threads}\"", "")
            .replace("\"command\"", "\"onnxruntime\""),
    );
    let args = ["run", "mine.toml", "--out", "run"];
    let mut command = desk.command(&args);
    command.env("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(!desk.path("run").exists());
}

#[test]
fn check_says_what_would_be_done() {
    let desk = desk();
    desk.roofnas(&["check", "mine.toml"])
        .ends(0)
        .says(&["refining: up to 4 rounds of 6 networks"]);
    assert!(!desk.path("calls").exists());
}
