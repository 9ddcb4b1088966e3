//! What a run leaves behind, and what it doesn't.

use roofnas_cost::Platform;

use crate::support::Desk;

#[test]
fn there_are_the_files_of_a_run_and_no_others() {
    let desk = Desk::with_run();
    let names: Vec<String> = desk.files("run").into_keys().collect();
    let (backbones, files): (Vec<String>, Vec<String>) = names
        .into_iter()
        .partition(|name| name.starts_with("backbones/"));
    assert_eq!(
        files,
        [
            "experiment.toml",
            "history.csv",
            "outcome.json",
            "pareto.csv",
            "platform.toml",
            "report.html"
        ]
    );
    let endings: Vec<&str> = backbones
        .iter()
        .filter_map(|name| name.rsplit('.').next())
        .collect();
    assert_eq!(endings, ["onnx", "py", "toml"]);
}

#[test]
fn the_stored_platform_reads_and_is_enough_for_the_run() {
    let desk = Desk::with_run();
    let platform = Platform::from_toml(&desk.read("run/platform.toml")).unwrap();
    assert_eq!(platform.name, "intel-i9-10980xe");
    let profile = format!(
        "platform.profile={}",
        desk.path("run/platform.toml").display()
    );
    desk.roofnas(&[
        "run",
        "run/experiment.toml",
        "--out",
        "again",
        "--set",
        &profile,
    ])
    .ends(0);
    assert_eq!(desk.read("run/pareto.csv"), desk.read("again/pareto.csv"));
}

#[test]
fn a_report_holds_everything_itself() {
    let desk = Desk::with_run();
    let report = desk.read("run/report.html");
    for outside in [
        "src=", "href=", "url(", "@import", "<link", "fetch(", "import(", "XMLHttp", "<iframe",
    ] {
        assert!(!report.contains(outside), "{outside}");
    }
    // the name of the drawing language is the one address, and nothing loads it
    let addresses = report.replace("http://www.w3.org/2000/svg", "");
    assert!(!addresses.contains("http:") && !addresses.contains("https:"));
}

#[test]
fn a_report_says_what_a_reader_must_know() {
    let desk = Desk::with_tiny();
    desk.roofnas(&["run", "tiny.toml", "--out", "run", "--seed", "271828"])
        .ends(0);
    let report = desk.read("run/report.html");
    for word in [
        "271828",
        "intel-i9-10980xe",
        "uncalibrated",
        "prior",
        "AE3",
        "not accuracy",
        "tiny",
    ] {
        assert!(report.contains(word), "{word}");
    }
    let front = desk.table("run/pareto.csv");
    assert!(report.contains(front.rows.last().unwrap()["genotype"].as_str()));
}

#[test]
fn a_run_without_backbones_writes_none() {
    let desk = Desk::with_tiny();
    desk.roofnas(&[
        "run",
        "tiny.toml",
        "--out",
        "run",
        "--set",
        "output.backbones=0",
    ])
    .ends(0);
    assert!(!desk.path("run/backbones").exists());
}

#[test]
fn more_backbones_than_networks_are_all_networks() {
    let desk = Desk::with_tiny();
    desk.roofnas(&[
        "run",
        "tiny.toml",
        "--out",
        "run",
        "--set",
        "space.preset=nas-bench-macro",
        "--set",
        "output.backbones=1000000",
    ])
    .ends(0);
    let networks = desk.table("run/pareto.csv").rows.len();
    assert_eq!(desk.files("run/backbones").len(), 3 * networks);
}

#[test]
fn without_out_a_run_goes_under_its_name() {
    let desk = Desk::with_tiny();
    desk.roofnas(&["run", "tiny.toml"])
        .ends(0)
        .says(&["runs/tiny/report.html"]);
    assert!(desk.path("runs/tiny/pareto.csv").exists());
}

#[test]
fn messages_name_paths_as_a_person_writes_them() {
    let desk = Desk::with_tiny();
    let ended = desk.roofnas(&["run", "tiny.toml", "--out", "run"]).ends(0);
    assert!(!ended.stderr.contains("//"), "{}", ended.stderr);
}

#[test]
fn names_with_spaces_and_letters_of_any_language_are_fine() {
    let desk = Desk::with_tiny();
    let text = desk.read("tiny.toml");
    desk.write("mein Versuch ü.toml", text);
    desk.roofnas(&["run", "mein Versuch ü.toml", "--out", "ein Ördner/lauf 1"])
        .ends(0);
    assert!(desk.path("ein Ördner/lauf 1/pareto.csv").exists());
}
