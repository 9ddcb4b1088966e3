//! Arguments with placeholders.

use std::ffi::{OsStr, OsString};

use super::CommandError;

/// What can stand in an argument, in braces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placeholder {
    Model,
    Threads,
    Batch,
    Runs,
    Dtype,
    Output,
    Scratch,
}

impl Placeholder {
    pub(super) const ALL: [Self; 7] = [
        Self::Model,
        Self::Threads,
        Self::Batch,
        Self::Runs,
        Self::Dtype,
        Self::Output,
        Self::Scratch,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Threads => "threads",
            Self::Batch => "batch",
            Self::Runs => "runs",
            Self::Dtype => "dtype",
            Self::Output => "output",
            Self::Scratch => "scratch",
        }
    }

    /// Whether it becomes a path, which may hold any character.
    pub(super) const fn is_path(self) -> bool {
        matches!(self, Self::Model | Self::Output | Self::Scratch)
    }
}

/// An argument in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Argument {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Placeholder(Placeholder),
}

impl Argument {
    /// Takes an argument apart. `{{` stands for a brace; a brace that no name and closing brace follow stands for itself.
    pub(super) fn parse(argument: &str) -> Result<Self, CommandError> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = argument;
        while let Some((before, behind)) = rest.split_once('{') {
            text += before;
            if let Some(behind) = behind.strip_prefix('{') {
                text.push('{');
                rest = behind;
            } else if let Some((name, behind)) = braced(behind) {
                parts.push(Part::Text(std::mem::take(&mut text)));
                parts.push(Part::Placeholder(placeholder(name, argument)?));
                rest = behind;
            } else {
                text.push('{');
                rest = behind;
            }
        }
        parts.push(Part::Text(text + rest));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Self { parts })
    }

    /// Whether this placeholder is in it.
    pub(super) fn has(&self, placeholder: Placeholder) -> bool {
        self.parts.contains(&Part::Placeholder(placeholder))
    }

    /// Whether a path becomes part of it.
    pub(super) fn has_path(&self) -> bool {
        let path = |part: &Part| matches!(part, Part::Placeholder(p) if p.is_path());
        self.parts.iter().any(path)
    }

    /// Whether it is a placeholder and nothing else.
    pub(super) fn is_placeholder(&self) -> bool {
        matches!(self.parts[..], [Part::Placeholder(_)])
    }

    /// The argument with values in the places of its placeholders.
    pub(super) fn fill<'a>(&self, value: impl Fn(Placeholder) -> &'a OsStr) -> OsString {
        let mut filled = OsString::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push(text),
                Part::Placeholder(placeholder) => filled.push(value(*placeholder)),
            }
        }
        filled
    }
}

/// A name that a closing brace follows, and what is behind that.
fn braced(text: &str) -> Option<(&str, &str)> {
    let (name, behind) = text.split_once('}')?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    is_name.then_some((name, behind))
}

fn placeholder(name: &str, argument: &str) -> Result<Placeholder, CommandError> {
    let mut all = Placeholder::ALL.into_iter();
    all.find(|placeholder| placeholder.name() == name)
        .ok_or_else(|| CommandError::Placeholder {
            name: name.to_owned(),
            argument: argument.to_owned(),
            known: Placeholder::ALL
                .map(|known| format!("{{{}}}", known.name()))
                .join(", "),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(argument: &str) -> String {
        let argument = Argument::parse(argument).unwrap();
        let value = |placeholder: Placeholder| OsStr::new(placeholder.name());
        argument.fill(value).into_string().unwrap()
    }

    #[test]
    fn placeholders_become_their_values() {
        let table = [
            ("--onnx={model}", "--onnx=model"),
            ("{runs}x{batch}", "runsxbatch"),
            ("-v", "-v"),
            ("", ""),
            ("{{model}", "{model}"),
            ("awk '{ print $1 }'", "awk '{ print $1 }'"),
            ("${HOME}/{threads}{dtype}", "${HOME}/threadsdtype"),
            ("{", "{"),
            ("{output", "{output"),
            ("{{{output}}", "{output}"),
        ];
        for (argument, expected) in table {
            assert_eq!(filled(argument), expected, "{argument}");
        }
    }

    #[test]
    fn a_typing_error_is_not_passed_on() {
        let error = Argument::parse("--onnx={modle}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "{modle} in the argument \"--onnx={modle}\" is not a placeholder; known are {model}, {threads}, {batch}, {runs}, \
             {dtype}, {output}, {scratch}, and {{ stands for {"
        );
    }
}
