//! Lines of Python, wrapped as `black` wraps them.

/// Columns of a line.
pub(super) const WIDTH: usize = 88;
/// Columns of one level of indentation.
const INDENT: usize = 4;

/// Python source in the making.
#[derive(Debug, Default)]
pub(super) struct Python {
    text: String,
    level: usize,
}

impl Python {
    /// Whether a line has room at the present level.
    pub(super) fn fits(&self, line: &str) -> bool {
        self.level * INDENT + line.chars().count() <= WIDTH
    }

    /// A line at the present level.
    pub(super) fn line(&mut self, line: impl AsRef<str>) {
        let line = line.as_ref();
        if !line.is_empty() {
            self.text.push_str(&" ".repeat(self.level * INDENT));
            self.text.push_str(line);
        }
        self.text.push('\n');
    }

    /// An empty line.
    pub(super) fn blank(&mut self) {
        self.line("");
    }

    /// Lines one level deeper.
    pub(super) fn indented(&mut self, lines: impl FnOnce(&mut Self)) {
        self.level += 1;
        lines(self);
        self.level -= 1;
    }

    /// Everything between a pair of brackets: on one line if it fits, else on a line of its own, else
    /// an argument a line.
    pub(super) fn call(&mut self, open: &str, arguments: &[String], close: &str) {
        let joined = arguments.join(", ");
        let whole = format!("{open}{joined}{close}");
        if self.fits(&whole) {
            return self.line(whole);
        }
        self.line(open);
        self.indented(|python| {
            if python.fits(&joined) {
                python.line(joined);
            } else {
                for argument in arguments {
                    python.line(format!("{argument},"));
                }
            }
        });
        self.line(close);
    }

    /// An attribute that is the identity unless something is given.
    pub(super) fn optional(&mut self, name: &str, module: &str, given: &str) {
        let line = format!("self.{name} = {module} if {given} else nn.Identity()");
        if self.fits(&line) {
            return self.line(line);
        }
        self.line(format!("self.{name} = nn.Identity()"));
        self.line(format!("if {given}:"));
        self.indented(|python| python.line(format!("self.{name} = {module}")));
    }

    /// A class of its own, two lines below whatever came before.
    pub(super) fn class(&mut self, head: &str, body: impl FnOnce(&mut Self)) {
        self.blank();
        self.blank();
        self.line(format!("class {head}:"));
        self.indented(body);
    }

    /// `__init__` with these parameters.
    pub(super) fn init(&mut self, parameters: Vec<String>, body: impl FnOnce(&mut Self)) {
        let mut all = vec!["self".to_owned()];
        all.extend(parameters);
        self.blank();
        self.call("def __init__(", &all, "):");
        self.indented(|python| {
            python.line("super().__init__()");
            body(python);
        });
    }

    /// A method of a tensor.
    pub(super) fn method(&mut self, name: &str, body: impl FnOnce(&mut Self)) {
        self.blank();
        self.line(format!("def {name}(self, x):"));
        self.indented(body);
    }

    /// The source.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_wrap_in_three_steps() {
        let written = |length: usize| {
            let mut python = Python::default();
            let arguments = ["a".repeat(length), "b".repeat(length)];
            python.call("call(", &arguments, ")");
            python.finish()
        };
        // 8 columns besides the arguments on one line, 6 on a line of their own
        assert_eq!(written(40).lines().count(), 1);
        assert_eq!(written(41).lines().count(), 3);
        assert_eq!(written(42).lines().count(), 4);
        assert!(written(41).ends_with("b\n)\n"));
        assert!(written(42).ends_with("b,\n)\n"));
        for length in 38..44 {
            assert!(written(length).lines().all(|line| line.len() <= WIDTH));
        }
    }
}
