//! The command that trains.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use thiserror::Error;

/// Programs that interpret what stands behind their `-c`.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "zsh", "ksh", "fish"];
/// What can stand in an argument, in braces.
const PLACEHOLDERS: [&str; 2] = ["{dir}", "{seed}"];

/// A program that trains networks, and how it is called.
///
/// In its arguments, `{dir}` becomes the folder of the network (or of the round, where one process trains all of it) and `{seed}` the
/// training's seed, each within its own argument; the folder is put behind all arguments where none has it. The environment holds the same
/// as `ROOFNAS_DIR` and `ROOFNAS_SEED`. No shell is involved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingCommand {
    program: String,
    arguments: Vec<String>,
}

/// Why a command can't be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrainingCommandError {
    /// No program, or a quote that is not closed.
    #[error("is empty, or a quote is not closed; expected PROGRAM ARGUMENT...")]
    Words,
    /// Something in braces that is no placeholder.
    #[error("{{{0}}} is not a placeholder; known are {{dir}} and {{seed}}")]
    Placeholder(String),
    /// A shell that would interpret a path.
    #[error(
        "{0} would interpret the path put into its script; write \"$ROOFNAS_DIR\" and \"$ROOFNAS_SEED\" there"
    )]
    Shell(String),
}

impl TrainingCommand {
    /// A command from a line, which is taken apart as a shell would, and no more.
    ///
    /// # Errors
    /// When it can't be taken apart, or has what is no placeholder.
    pub fn parse(line: &str) -> Result<Self, TrainingCommandError> {
        let words = shlex::split(line).filter(|words| !words.is_empty());
        let mut words = words.ok_or(TrainingCommandError::Words)?;
        let program = words.remove(0);
        for word in &words {
            if let Some(name) = unknown_placeholder(word) {
                return Err(TrainingCommandError::Placeholder(name.to_owned()));
            }
        }
        let stem = Path::new(&program).file_stem().and_then(OsStr::to_str);
        let is_script = |pair: &[String]| {
            pair[0].starts_with('-') && pair[0].ends_with('c') && pair[1].contains("{dir}")
        };
        if stem.is_some_and(|stem| SHELLS.contains(&stem)) && words.windows(2).any(is_script) {
            return Err(TrainingCommandError::Shell(program));
        }
        if !words.iter().any(|word| word.contains("{dir}")) {
            words.push("{dir}".to_owned());
        }
        Ok(Self {
            program,
            arguments: words,
        })
    }

    /// The program's name, for messages.
    pub fn name(&self) -> &str {
        let name = Path::new(&self.program).file_name().and_then(OsStr::to_str);
        name.unwrap_or(&self.program)
    }

    /// The process that trains what is in a folder.
    pub(super) fn process(&self, folder: &Path, seed: u64) -> Command {
        let mut command = Command::new(&self.program);
        let seed = seed.to_string();
        for argument in &self.arguments {
            // a path that isn't UTF-8 can stand alone, and in the environment
            if argument == "{dir}" {
                command.arg(folder);
                continue;
            }
            let folder = folder.to_string_lossy();
            let mut parts = argument.split("{dir}");
            let first = parts.next().unwrap_or_default().replace("{seed}", &seed);
            command.arg(parts.fold(first, |filled, part| {
                filled + &folder + &part.replace("{seed}", &seed)
            }));
        }
        command.env("ROOFNAS_DIR", folder);
        command.env("ROOFNAS_SEED", seed);
        command
    }
}

/// A name in braces that nothing is put in the place of. Braces around anything else stand for themselves.
fn unknown_placeholder(word: &str) -> Option<&str> {
    let mut rest = word;
    while let Some((_, behind)) = rest.split_once('{') {
        if let Some((name, _)) = behind.split_once('}') {
            let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase());
            if is_name && !PLACEHOLDERS.contains(&&*format!("{{{name}}}")) {
                return Some(name);
            }
        }
        rest = behind;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        let command = TrainingCommand::parse(line).unwrap();
        let process = command.process(Path::new("/a b/{seed}"), 7);
        let words = std::iter::once(process.get_program()).chain(process.get_args());
        words
            .map(|word| word.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn placeholders_stay_in_their_arguments() {
        assert_eq!(
            words("python3 'my train.py' --seed={seed} --at {dir}/x"),
            [
                "python3",
                "my train.py",
                "--seed=7",
                "--at",
                "/a b/{seed}/x"
            ]
        );
        assert_eq!(words("./train"), ["./train", "/a b/{seed}"]);
        assert_eq!(
            words("awk '{ print $1 }' {dir}/f"),
            ["awk", "{ print $1 }", "/a b/{seed}/f"]
        );
    }

    #[test]
    fn what_cannot_be_called_is_refused() {
        for (line, said) in [
            ("", "is empty"),
            ("train 'x", "quote"),
            ("train {dri}", "{dri} is not a placeholder"),
            ("sh -c 'train {dir}'", "$ROOFNAS_DIR"),
            ("/bin/bash -lc 'train {dir}'", "$ROOFNAS_DIR"),
        ] {
            let error = TrainingCommand::parse(line).unwrap_err().to_string();
            assert!(error.contains(said), "{line}: {error}");
        }
        assert!(TrainingCommand::parse("sh -c 'train \"$ROOFNAS_DIR\"'").is_ok());
        assert!(TrainingCommand::parse("sh train.sh {dir}").is_ok());
    }
}
