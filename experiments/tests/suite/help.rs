//! Help.

use crate::support::Desk;

/// The commands that the main help lists.
pub(crate) fn commands(desk: &Desk) -> Vec<String> {
    let help = desk.roofnas(&["--help"]).ends(0).stdout;
    let (_, listed) = help.split_once("Design backbones:\n").unwrap();
    let (listed, _) = listed.split_once("Options:\n").unwrap();
    let lines = listed.lines().filter(|line| line.starts_with("  "));
    let first = lines.filter_map(|line| line.split_whitespace().next());
    let commands = first.filter(|command| *command != "help");
    commands.map(str::to_owned).collect()
}

#[test]
fn every_command_has_help_with_an_example() {
    let desk = Desk::new();
    let commands = commands(&desk);
    for expected in [
        "run",
        "init",
        "check",
        "predict",
        "profile",
        "calibrate",
        "validate",
        "rank",
        "plan",
        "probe",
        "measure",
        "verify",
        "compare",
        "platforms",
        "export",
        "report",
        "schema",
        "completions",
        "man",
    ] {
        let listed = commands.iter().any(|command| command == expected);
        assert!(listed, "{expected} in {commands:?}");
    }
    for command in commands {
        let help = desk.roofnas(&[&command, "--help"]).ends(0).stdout;
        assert!(
            help.contains(&format!("Example: roofnas {command}")),
            "{help}"
        );
    }
}

#[test]
fn the_short_help_is_shorter_and_no_shorter_than_it_should_be() {
    let desk = Desk::new();
    for command in ["run", "schema", "calibrate"] {
        let short = desk.roofnas(&[command, "-h"]).ends(0).stdout;
        let long = desk.roofnas(&[command, "--help"]).ends(0).stdout;
        assert!(short.len() < long.len(), "{short}");
        assert!(short.contains("Example: roofnas"), "{short}");
    }
}

#[test]
fn the_main_help_names_the_exit_codes() {
    let help = Desk::new().roofnas(&["--help"]).ends(0).stdout;
    for part in ["Exit codes", "130", "Example: roofnas run"] {
        assert!(help.contains(part), "{part}");
    }
}

#[test]
fn there_is_a_version() {
    let version = Desk::new().roofnas(&["--version"]).ends(0).stdout;
    assert!(version.starts_with("roofnas "));
}
