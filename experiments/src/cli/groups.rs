//! The commands in the main help, by what one wants to do.

use std::fmt::Write as _;

use clap::Command;

/// Headings with their commands. Those that stand nowhere come last, under a heading of their own.
const GROUPS: [(&str, &[&str]); 5] = [
    (
        "Design backbones",
        &[
            "init", "check", "run", "refine", "export", "report", "verify", "compare",
        ],
    ),
    ("Price networks", &["platforms", "predict", "profile"]),
    (
        "Make a platform of a machine",
        &["probe", "plan", "measure", "calibrate", "validate"],
    ),
    ("Judge quality scores", &["rank"]),
    (
        "Editors, shells, manuals",
        &["schema", "completions", "man", "help"],
    ),
];

/// The command with its subcommands under headings.
pub(super) fn grouped(command: Command) -> Command {
    // the command `help` is there once it is built
    let mut built = command.clone();
    built.build();
    let list = list(&built);
    let header = command.get_styles().get_header();
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{list}{header}Options:{header:#}\n{{options}}{{after-help}}"
    );
    command.help_template(template)
}

fn list(command: &Command) -> String {
    let about = |name: &str| {
        let found = command
            .get_subcommands()
            .find(|one| one.get_name() == name)?;
        let about = found.get_about().map(ToString::to_string);
        Some(about.unwrap_or_default())
    };
    let known = |name: &&str| GROUPS.iter().any(|(_, names)| names.contains(name));
    let names = command.get_subcommands().map(Command::get_name);
    let others: Vec<&str> = names.filter(|name| !known(name)).collect();
    let width = command
        .get_subcommands()
        .map(|one| one.get_name().len())
        .max();
    let width = width.unwrap_or_default();
    let (header, literal) = (
        command.get_styles().get_header(),
        command.get_styles().get_literal(),
    );
    let mut text = String::new();
    for (heading, names) in GROUPS.into_iter().chain([("Others", others.as_slice())]) {
        let lines = names.iter().filter_map(|name| Some((name, about(name)?)));
        let lines: Vec<String> = lines
            .map(|(name, about)| format!("  {literal}{name:width$}{literal:#}  {about}\n"))
            .collect();
        if !lines.is_empty() {
            // writing to a string can't fail
            let _ = writeln!(text, "{header}{heading}:{header:#}\n{}", lines.concat());
        }
    }
    text
}
