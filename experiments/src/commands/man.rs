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
    let mut page = Vec::new();
    Man::new(command.clone())
        .title(title(command))
        .render(&mut page)?;
    Ok(page)
}

fn unknown(main: &Command, name: &str) -> Error {
    let known: Vec<&str> = main.get_subcommands().map(Command::get_name).collect();
    Error::Argument {
        argument: format!("man {name}"),
        problem: format!("is no command; commands are {}", known.join(", ")),
    }
}
