//! `roofnas man`.

use std::io;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use roofnas::{Error, exit, write_whole};

use super::output::print;
use crate::cli::{Cli, ManArgs};

/// Prints the manual's page of a command, or writes all pages to a folder.
pub(crate) fn man(args: &ManArgs) -> anyhow::Result<u8> {
    let mut main = Cli::command();
    main.build();
    let Some(folder) = &args.out else {
        let shown = match &args.command {
            None => Some(&main),
            Some(name) => main.find_subcommand(name),
        };
        let Some(shown) = shown else {
            return Err(unknown(&main, args.command.as_deref().unwrap_or_default()).into());
        };
        print(&String::from_utf8(page(shown)?)?)?;
        return Ok(exit::DONE);
    };
    let commands = main
        .get_subcommands()
        .filter(|one| one.get_name() != "help");
    let pages: Vec<&Command> = [&main].into_iter().chain(commands).collect();
    for command in &pages {
        let file = folder.join(format!("{}.1", title(command)));
        write_whole(&file, &page(command)?)?;
    }
    note!("wrote {} pages to {}", pages.len(), folder.display());
    Ok(exit::DONE)
}

/// What a page is called: `roofnas`, `roofnas-run`.
fn title(command: &Command) -> String {
    let name = command.get_display_name().unwrap_or(command.get_name());
    name.to_owned()
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let version = env!("CARGO_PKG_VERSION");
    let man = Man::new(command.clone())
        .title(title(command))
        .source(format!("roofnas {version}"))
        .manual("roofnas");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    page.extend(synopsis(command).into_bytes());
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if command.get_after_help().is_some() || command.get_after_long_help().is_some() {
        man.render_extra_section(&mut page)?;
    }
    Ok(page)
}

/// How the command is called, as `--help` says it: the crate's own lists every option, without its value.
fn synopsis(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let lines: Vec<String> = usage
        .lines()
        .map(|line| line.trim().replace('\\', "\\\\").replace('-', "\\-"))
        .collect();
    format!(".SH SYNOPSIS\n{}\n", lines.join("\n.br\n"))
}

fn unknown(main: &Command, name: &str) -> Error {
    let known: Vec<&str> = main.get_subcommands().map(Command::get_name).collect();
    Error::Argument {
        argument: format!("man {name}"),
        problem: format!("is no command; commands are {}", known.join(", ")),
    }
}
