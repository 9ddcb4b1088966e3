//! Help.

use crate::support::Desk;

#[test]
fn every_command_has_help_with_an_example() {
    let desk = Desk::new();
    let help = desk.roofnas(&["--help"]).ends(0).stdout;
    let (_, listed) = help.split_once("Commands:\n").unwrap();
    let commands: Vec<&str> = listed
        .lines()
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
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
        "platforms",
        "export",
    ] {
        assert!(commands.contains(&expected), "{expected} in {commands:?}");
    }
    for command in commands {
        let help = desk.roofnas(&[command, "--help"]).ends(0).stdout;
        assert!(
            help.contains(&format!("Example: roofnas {command}")),
            "{help}"
        );
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
