//! What differs between two TOML files, told by keys rather than by lines.

use std::fmt;

use toml::{Table, Value};

/// A key whose value differs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Difference {
    /// The key, with dots between tables.
    pub(crate) key: String,
    /// The value in the first file; empty where it has none.
    pub(crate) before: String,
    /// The value in the second file; empty where it has none.
    pub(crate) after: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |text: &str| match text {
            "" => "not there".to_owned(),
            text => format!("{} = {text}", self.key),
        };
        write!(
            f,
            "{} then, {} now",
            value(&self.before),
            value(&self.after)
        )
    }
}

/// Every difference between two texts, comments and layout apart; a text that isn't TOML differs as a whole.
pub(crate) fn differences(before: &str, after: &str) -> Vec<Difference> {
    let mut all = Vec::new();
    match (
        toml::from_str::<Table>(before),
        toml::from_str::<Table>(after),
    ) {
        (Ok(before), Ok(after)) => compare("", &before, &after, &mut all),
        _ if before == after => {}
        _ => all.push(Difference {
            key: "the whole file".to_owned(),
            before: "not TOML".to_owned(),
            after: String::new(),
        }),
    }
    all
}

fn compare(path: &str, before: &Table, after: &Table, all: &mut Vec<Difference>) {
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let full = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match (before.get(key), after.get(key)) {
            (Some(Value::Table(before)), Some(Value::Table(after))) => {
                compare(&full, before, after, all);
            }
            (Some(Value::Array(before)), Some(Value::Array(after)))
                if before != after
                    && before.len() == after.len()
                    && are_tables(before)
                    && are_tables(after) =>
            {
                for (place, pair) in before.iter().zip(after).enumerate() {
                    if let (Value::Table(before), Value::Table(after)) = pair {
                        compare(&format!("{full}[{place}]"), before, after, all);
                    }
                }
            }
            (before, after) if before != after => {
                let text = |value: Option<&Value>| value.map_or_else(String::new, short);
                all.push(Difference {
                    key: full,
                    before: text(before),
                    after: text(after),
                });
            }
            _ => {}
        }
    }
}

fn are_tables(values: &[Value]) -> bool {
    values.iter().all(Value::is_table)
}

/// A value as text, cut where it gets long.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        None => text,
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_compared_and_comments_are_not() {
        let before = "# one\na = 1\n[b]\nc = [1, 2]\nd = 3\n";
        let after = "a = 1\n[b]\nc = [1, 3]\ne = 4 # two\n";
        let found: Vec<_> = differences(before, after)
            .into_iter()
            .map(|d| (d.key, d.before, d.after))
            .collect();
        let expected = [
            ("b.c", "[1, 2]", "[1, 3]"),
            ("b.d", "3", ""),
            ("b.e", "", "4"),
        ];
        assert_eq!(
            found,
            expected.map(|(k, b, a)| (k.into(), b.into(), a.into()))
        );
        let stages = |kernel: u8| format!("[[stage]]\na = 1\n[[stage]]\nkernel = {kernel}\n");
        let found = differences(&stages(3), &stages(5));
        assert_eq!((found.len(), found[0].key.as_str()), (1, "stage[1].kernel"));
        assert!(differences(before, before).is_empty());
        assert_eq!(differences("= broken", before).len(), 1);
    }
}
