//! A command: a program and its arguments.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::arguments::{Argument, Placeholder};
use super::{CommandError, OutputFormat};

/// Programs that interpret what stands behind their `-c`.
const SHELLS: [&str; 9] = [
    "sh",
    "bash",
    "dash",
    "zsh",
    "ksh",
    "fish",
    "cmd",
    "powershell",
    "pwsh",
];
/// Programs that join their arguments and hand them to a shell on the other side.
const REMOTE: [&str; 2] = ["ssh", "adb"];

/// A program that runs a network and says its timings, and how it is called.
///
/// In its arguments, these are replaced, each within its own argument:
///
/// | placeholder | becomes |
/// |---|---|
/// | `{model}` | the path of the ONNX file; put behind all arguments where no argument has it |
/// | `{threads}`, `{batch}` | numbers |
/// | `{dtype}` | `fp32`, `fp16`, `bf16` or `int8` |
/// | `{runs}` | how many timings are wanted |
/// | `{output}` | the path of a file that the program writes; where an argument has it, timings are read from there |
/// | `{scratch}` | a folder of the model's own on this machine, empty at first, that stays while it is measured: for what the program converts or compiles once |
///
/// No shell is involved: nothing is split, expanded or quoted, whatever a path holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    program: OsString,
    arguments: Vec<Argument>,
    format: OutputFormat,
    shown: String,
}

impl CommandLine {
    /// A command.
    ///
    /// # Errors
    /// For an argument with a placeholder that there isn't, and for a shell that would interpret a path as part of its script.
    pub fn new<A: AsRef<str>>(
        program: impl Into<OsString>,
        arguments: impl IntoIterator<Item = A>,
        format: OutputFormat,
    ) -> Result<Self, CommandError> {
        let program = program.into();
        let texts: Vec<A> = arguments.into_iter().collect();
        let parsed = texts.iter().map(|text| Argument::parse(text.as_ref()));
        let mut arguments = parsed.collect::<Result<Vec<_>, _>>()?;
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        if let Some(position) = interpreted(&program, &arguments, &texts) {
            return Err(CommandError::Shell {
                program: stem(&program).to_owned(),
                argument: texts[position].to_owned(),
            });
        }
        if !arguments
            .iter()
            .any(|argument| argument.has(Placeholder::Model))
        {
            arguments.push(Argument::parse("{model}")?);
        }
        Ok(Self {
            program,
            arguments,
            format,
            shown: texts.join(" "),
        })
    }

    /// How the program says its timings.
    pub fn format(&self) -> OutputFormat {
        self.format
    }

    pub(super) fn program(&self) -> &OsStr {
        &self.program
    }

    /// The program's name, for messages.
    pub(super) fn name(&self) -> String {
        let name = Path::new(&self.program).file_name();
        name.unwrap_or(&self.program).to_string_lossy().into_owned()
    }

    /// The arguments as they were given.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether the program writes its timings to a file.
    pub(super) fn writes_file(&self) -> bool {
        self.arguments
            .iter()
            .any(|argument| argument.has(Placeholder::Output))
    }

    /// The arguments with values in the places of their placeholders.
    pub(super) fn fill<'a>(
        &self,
        value: impl Fn(Placeholder) -> &'a OsStr,
    ) -> Result<Vec<OsString>, CommandError> {
        let has = |placeholder| self.arguments.iter().any(|one| one.has(placeholder));
        let paths = Placeholder::ALL.into_iter();
        let paths = paths.filter(|&placeholder| placeholder.is_path() && has(placeholder));
        let mut paths = paths.map(|placeholder| Path::new(value(placeholder)));
        if REMOTE.contains(&stem(&self.program))
            && let Some(path) = paths.find(|path| !is_plain(path))
        {
            return Err(CommandError::Path {
                program: self.name(),
                path: path.to_owned(),
            });
        }
        let filled = self.arguments.iter().map(|argument| argument.fill(&value));
        Ok(filled.collect())
    }
}

/// The position of an argument that a shell would interpret with a path in it: one that is more than the path, or a script.
fn interpreted(program: &OsStr, arguments: &[Argument], texts: &[&str]) -> Option<usize> {
    if !SHELLS.contains(&stem(program)) {
        return None;
    }
    let is_script = |position: usize| {
        let before = position.checked_sub(1).map(|before| texts[before]);
        before.is_some_and(|option| {
            option.starts_with(['-', '/']) && option.to_lowercase().ends_with(['c', 'd'])
        })
    };
    let mut with_path = (0..arguments.len()).filter(|&position| arguments[position].has_path());
    with_path.find(|&position| is_script(position) || !arguments[position].is_placeholder())
}

/// The program's name without its ending.
fn stem(program: &OsStr) -> &str {
    let stem = Path::new(program).file_stem().and_then(OsStr::to_str);
    stem.unwrap_or_default()
}

/// Whether every shell leaves this path as it is.
fn is_plain(path: &Path) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    path.to_str().is_some_and(|path| path.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(program: &str, arguments: &[&str]) -> Result<CommandLine, CommandError> {
        CommandLine::new(program, arguments, OutputFormat::Plain)
    }

    fn filled(line: &CommandLine, model: &str) -> Result<Vec<OsString>, CommandError> {
        line.fill(|placeholder| match placeholder {
            Placeholder::Model => OsStr::new(model),
            _ => OsStr::new("4"),
        })
    }

    #[test]
    fn a_path_stays_one_argument_whatever_it_holds() {
        let model = "my nets/$(touch x); 'y'.onnx";
        let bench = line("bench", &["--model={model}", "-t", "{threads}"]).unwrap();
        let expected = [&format!("--model={model}"), "-t", "4"].map(OsString::from);
        assert_eq!(filled(&bench, model).unwrap(), expected);
        // the path comes last where nobody says where
        let bare = line("bench", &["-n", "{runs}"]).unwrap();
        assert_eq!(filled(&bare, "a b.onnx").unwrap(), ["-n", "4", "a b.onnx"]);
    }

    #[test]
    fn shells_get_paths_as_arguments_only() {
        for arguments in [
            &["-c", "bench {model}"][..],
            &["-c", "{model}"],
            &["-lc", "bench --out {output} \"$1\"", "sh", "{model}"],
            &["script.sh", "--model={model}"],
        ] {
            let error = line("/bin/sh", arguments).unwrap_err().to_string();
            assert!(error.starts_with("sh would interpret the path"), "{error}");
        }
        assert!(line("sh", &["-c", "bench \"$1\"", "sh", "{model}"]).is_ok());
        assert!(line("bash", &["bench.sh", "{model}", "{threads}"]).is_ok());
        assert!(line("bench", &["-c", "{model}"]).is_ok());
    }

    #[test]
    fn remote_shells_get_plain_paths_only() {
        let adb = line("adb", &["shell", "/data/bench", "{model}"]).unwrap();
        assert!(filled(&adb, "/tmp/roofnas-X1/network.onnx").is_ok());
        let error = filled(&adb, "/tmp/a;reboot.onnx").unwrap_err().to_string();
        assert!(
            error.contains("would take /tmp/a;reboot.onnx apart"),
            "{error}"
        );
    }
}
