//! Which rows and which column of a table are meant.

use thiserror::Error;

/// Which column holds the latencies, and which rows are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The column of latencies, in milliseconds.
    pub latency_column: String,
    /// Columns, and the value a row must have there. Spaces around a value don't count.
    pub conditions: Vec<(String, String)>,
}

impl Default for Selection {
    /// Every row, by its `latency_ms`.
    fn default() -> Self {
        Self {
            latency_column: "latency_ms".to_owned(),
            conditions: Vec::new(),
        }
    }
}

/// Conditions that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConditionError {
    /// No equals sign, or nothing before it.
    #[error(
        "\"{0}\" is no condition: must be COLUMN=VALUE, several of them separated by commas; \
         a value that holds a comma itself goes in double quotes"
    )]
    Shape(String),
    /// A quote that never ends.
    #[error("{column} = \"{value}: the closing double quote is missing")]
    Unclosed {
        /// The column.
        column: String,
        /// What stands behind the opening quote.
        value: String,
    },
    /// Text between a closing quote and the next comma.
    #[error("\"{rest}\" follows the quoted value of {column}: must be a comma, or nothing")]
    AfterQuote {
        /// The column.
        column: String,
        /// What follows.
        rest: String,
    },
    /// Two conditions on one column, which no row can meet.
    #[error("{0} is there twice: each column can have one value")]
    Twice(String),
}

impl Selection {
    /// Reads `COLUMN=VALUE,COLUMN=VALUE...`. A value may be empty and may hold further equals signs. One that holds a comma goes in
    /// double quotes, and a double quote among those is written twice.
    ///
    /// # Errors
    /// When a part is no condition, a quote is left open, or a column is named twice.
    ///
    /// ```
    /// use roofnas_hardware::Selection;
    ///
    /// let conditions = Selection::parse_conditions("device=\"board, 4 cores\",threads=1").unwrap();
    /// assert_eq!(conditions[0], ("device".to_owned(), "board, 4 cores".to_owned()));
    /// assert_eq!(conditions[1], ("threads".to_owned(), "1".to_owned()));
    /// ```
    pub fn parse_conditions(text: &str) -> Result<Vec<(String, String)>, ConditionError> {
        let mut conditions: Vec<(String, String)> = Vec::new();
        let mut rest = Some(text);
        while let Some(text) = rest {
            let (column, behind) = column(text)?;
            let (value, next) = value(column, behind)?;
            if conditions.iter().any(|(known, _)| known == column) {
                return Err(ConditionError::Twice(column.to_owned()));
            }
            conditions.push((column.to_owned(), value));
            rest = next;
        }
        Ok(conditions)
    }
}

/// The column of the first condition, and what stands behind the equals sign.
fn column(text: &str) -> Result<(&str, &str), ConditionError> {
    let refuse = || {
        let end = text.find(',').unwrap_or(text.len());
        ConditionError::Shape(text[..end].trim().to_owned())
    };
    let (column, behind) = text.split_once('=').ok_or_else(refuse)?;
    let column = column.trim();
    if column.is_empty() || column.contains(',') {
        return Err(refuse());
    }
    Ok((column, behind))
}

/// The value of a condition, and the text of the next condition if there is one.
fn value<'t>(column: &str, text: &'t str) -> Result<(String, Option<&'t str>), ConditionError> {
    let Some(quoted) = text.trim_start().strip_prefix('"') else {
        let (value, next) = match text.split_once(',') {
            Some((value, next)) => (value, Some(next)),
            None => (text, None),
        };
        return Ok((value.trim().to_owned(), next));
    };
    let Some((value, behind)) = unquote(quoted) else {
        return Err(ConditionError::Unclosed {
            column: column.to_owned(),
            value: quoted.to_owned(),
        });
    };
    let behind = behind.trim_start();
    let next = behind.strip_prefix(',');
    if next.is_none() && !behind.is_empty() {
        return Err(ConditionError::AfterQuote {
            column: column.to_owned(),
            rest: behind.trim_end().to_owned(),
        });
    }
    Ok((value.trim().to_owned(), next))
}

/// The text up to the closing quote, with doubled quotes made single, and what stands behind.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (before, behind) = rest.split_once('"')?;
        value.push_str(before);
        let Some(doubled) = behind.strip_prefix('"') else {
            return Some((value, behind));
        };
        value.push('"');
        rest = doubled;
    }
}

/// A condition as [`Selection::parse_conditions`] reads it.
pub(super) fn condition(column: &str, value: &str) -> String {
    if value.contains([',', '"']) {
        format!("{column}=\"{}\"", value.replace('"', "\"\""))
    } else {
        format!("{column}={value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<(String, String)> {
        Selection::parse_conditions(text).unwrap()
    }

    fn refusal(text: &str) -> String {
        Selection::parse_conditions(text).unwrap_err().to_string()
    }

    #[test]
    fn conditions_by_hand() {
        let table: [(&str, &[(&str, &str)]); 8] = [
            ("platform=x", &[("platform", "x")]),
            ("a=1,b=2", &[("a", "1"), ("b", "2")]),
            (" a = 1 , b = 2 ", &[("a", "1"), ("b", "2")]),
            ("flags=-DX=1,b=", &[("flags", "-DX=1"), ("b", "")]),
            ("d=\"x, y\"", &[("d", "x, y")]),
            ("d= \"x, y\" ,b=2", &[("d", "x, y"), ("b", "2")]),
            ("d=\"a \"\"b\"\"\",c=3", &[("d", "a \"b\""), ("c", "3")]),
            ("d=5\" tube", &[("d", "5\" tube")]),
        ];
        for (text, expected) in table {
            let found = parse(text);
            let found: Vec<(&str, &str)> = found.iter().map(|(c, v)| (&**c, &**v)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_is_named() {
        assert!(refusal("").starts_with("\"\" is no condition"));
        assert!(refusal("a=1,").starts_with("\"\" is no condition"));
        assert!(refusal("d=x, y").starts_with("\"y\" is no condition"));
        assert!(refusal("d=x, y,b=1").starts_with("\"y\" is no condition"));
        assert!(refusal("=x").starts_with("\"=x\" is no condition"));
        assert_eq!(
            refusal("d=\"x, y"),
            "d = \"x, y: the closing double quote is missing"
        );
        assert_eq!(
            refusal("d=\"x\"y,b=1"),
            "\"y,b=1\" follows the quoted value of d: must be a comma, or nothing"
        );
        assert!(refusal("a=1,a=2").starts_with("a is there twice"));
    }

    #[test]
    fn conditions_are_written_as_they_are_read() {
        for value in ["x", "", "x, y", "5\" tube, \"thin\"", "a=b"] {
            let text = condition("c", value);
            assert_eq!(parse(&text), [("c".to_owned(), value.to_owned())], "{text}");
        }
    }
}
