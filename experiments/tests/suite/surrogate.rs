//! Runs whose accuracy is learnt from a table of trained networks.

use std::fmt::Write;

use crate::support::Desk;

/// Networks of NAS-Bench-Macro whose accuracy follows from how many blocks each stage has, with seeds that differ.
fn trained() -> String {
    let mut table = "arch,acc1,acc2\n".to_owned();
    for number in 0_u32..60 {
        // 137 has no factor in common with 3^8: no network comes twice
        let mut rest = number * 137 + 5;
        let mut digits = String::new();
        for _ in 0..8 {
            write!(digits, "{}", rest % 3).unwrap();
            rest /= 3;
        }
        let worth = |(place, digit): (usize, char)| {
            f64::from(digit.to_digit(3).unwrap()) * (1.0 - 0.08 * place as f64)
        };
        let accuracy = 80.0 + digits.chars().enumerate().map(worth).sum::<f64>();
        let chance = 0.1 * (f64::from(number % 7) - 3.0);
        writeln!(
            table,
            "{digits},{:.3},{:.3}",
            accuracy + chance,
            accuracy - chance
        )
        .unwrap();
    }
    table
}

const EXPERIMENT: &str = r#"
name = "learnt"

[platform]
profile = "raspberry-pi-4-ncnn-1-thread"

[space]
preset = "nas-bench-macro"

[quality.surrogate]
table = "trained.csv"
accuracy = ["acc1", "acc2"]

[search]
population = 32
evaluations = 1600
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("trained.csv", trained());
    desk.write("learnt.toml", EXPERIMENT);
    desk
}

#[test]
fn a_run_predicts_accuracy_and_says_how_well() {
    let desk = desk();
    let run = desk
        .roofnas(&["run", "learnt.toml", "--out", "run"])
        .ends(0);
    assert!(
        run.stderr.contains("surrogate: 60 trained networks"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("Kendall's tau 0.9"), "{}", run.stderr);
    let front = desk.table("run/pareto.csv");
    let (quality, low, high) = (
        front.numbers("quality"),
        front.numbers("quality_lower90"),
        front.numbers("quality_upper90"),
    );
    assert!(quality.len() > 10);
    for ((quality, low), high) in quality.iter().zip(&low).zip(&high) {
        assert!(low < quality && quality < high && *high < 100.0);
    }
    // the law says 80 for nothing at all, and 91.5 for the largest blocks everywhere
    let best = quality.iter().copied().fold(0.0, f64::max);
    assert!((90.0..93.0).contains(&best), "{best}");
    assert!(front.text("quality_kind")[0].contains("predicted from 60 trained networks"));
    let resolved = desk.read("run/experiment.toml");
    assert!(
        resolved.contains("[quality.surrogate.cross_validation]"),
        "{resolved}"
    );
    let report = desk.read("run/report.html");
    assert!(report.contains("per cent, predicted from trained networks"));
    assert!(!report.contains("NaN"));
}

#[test]
fn a_lower_bound_is_below_the_median() {
    let desk = desk();
    let lower = [
        "--set",
        "quality.surrogate.objective=lower",
        "--set",
        "quality.surrogate.confidence=0.95",
    ];
    let run = ["run", "learnt.toml", "--out", "run"];
    desk.roofnas(&run.into_iter().chain(lower).collect::<Vec<_>>())
        .ends(0);
    let front = desk.table("run/pareto.csv");
    // the same 5 % below, since the interval of 90 % leaves as much out on either side
    let pairs = front
        .numbers("quality")
        .into_iter()
        .zip(front.numbers("quality_lower90"));
    for (quality, low) in pairs {
        assert!((quality - low).abs() < 1e-9);
    }
    assert!(front.text("quality_kind")[0].contains("reached with 95 %"));
}

#[test]
fn a_run_can_be_run_again_from_its_folder_and_on_any_number_of_threads() {
    let desk = desk();
    for (experiment, out, threads) in [
        ("learnt.toml", "one", "1"),
        ("learnt.toml", "two", "2"),
        ("one/experiment.toml", "again", "2"),
    ] {
        desk.roofnas(&["run", experiment, "--out", out, "--threads", threads])
            .ends(0);
    }
    let one = desk.results("one");
    assert_eq!(one, desk.results("two"));
    let again = desk.results("again");
    for name in ["pareto.csv", "trained.csv", "experiment.toml"] {
        assert!(one[name] == again[name], "{name}");
    }
}

#[test]
fn deviations_may_all_be_the_same() {
    let desk = desk();
    let with_std: Vec<String> = trained()
        .lines()
        .enumerate()
        .map(|(index, line)| match index {
            0 => format!("{line},std"),
            _ => format!("{line},0.3"),
        })
        .collect();
    desk.write("trained.csv", with_std.join("\n"));
    let settings = ["--set", "quality.surrogate.accuracy_std=std"];
    let run = ["run", "learnt.toml", "--out", "run"];
    desk.roofnas(&run.into_iter().chain(settings).collect::<Vec<_>>())
        .ends(0);
    assert!(
        desk.read("run/trained.csv")
            .starts_with("genotype,accuracy_1,accuracy_2,std\n")
    );
    assert!(
        desk.read("run/experiment.toml")
            .contains("accuracy_std = \"std\"")
    );
}

#[test]
fn a_table_that_changes_is_not_resumed() {
    let desk = desk();
    desk.roofnas(&["run", "learnt.toml", "--out", "run"])
        .ends(0);
    let changed = trained().replace("arch,acc1,acc2\n", "arch,acc1,acc2\n00000000,75,75\n");
    desk.write("trained.csv", changed);
    desk.roofnas(&["run", "learnt.toml", "--out", "run", "--resume"])
        .ends(2)
        .says(&["can't be resumed"]);
}

#[test]
fn what_cannot_be_learnt_from_is_refused() {
    let desk = desk();
    let refused = |settings: &[&str], said: &[&str]| {
        let settings = settings.iter().flat_map(|setting| ["--set", *setting]);
        let args = ["check", "learnt.toml"].into_iter().chain(settings);
        let ran = desk.roofnas(&args.collect::<Vec<_>>()).ends(2);
        for said in said {
            assert!(ran.stderr.contains(said), "{}", ran.stderr);
        }
    };
    refused(
        &["quality.surrogate.table=nowhere.csv"],
        &["quality.surrogate.table", "nowhere.csv", "no file"],
    );
    refused(&["quality.score=AE3"], &["quality.score", "leave out one"]);
    refused(
        &["quality.surrogate.confidence=1.0"],
        &["quality.surrogate.confidence", "below 1"],
    );
    refused(
        &["quality.surrogate.accuracy=top5"],
        &["trained.csv", "top5", "acc1"],
    );
    refused(
        &["quality.surrogate.objective=best"],
        &["best", "`mean`", "`lower`"],
    );
    refused(&["quality.surrogate.tabel=x"], &["tabel", "`table`"]);
    refused(
        &["search.algorithm=exact"],
        &["search.algorithm", "no sum over blocks"],
    );
    let few: String = trained()
        .lines()
        .take(6)
        .map(|line| format!("{line}\n"))
        .collect();
    desk.write("few.csv", few);
    refused(
        &["quality.surrogate.table=few.csv"],
        &["few.csv", "5 trained networks are too few"],
    );
    desk.write("whole.csv", trained().replacen(",8", ",108", 1));
    refused(
        &["quality.surrogate.table=whole.csv"],
        &["whole.csv", "line 2", "108"],
    );
    desk.write(
        "share.csv",
        trained().replace("acc1,acc2\n", "acc1,acc2\n00000000,0.8,0.8\n"),
    );
    refused(
        &["quality.surrogate.table=share.csv"],
        &["share.csv", "line 2", "0.8", "fraction"],
    );
}
