//! What a training says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

/// What a command has measured of one network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Accuracy, in per cent.
    pub accuracy: f64,
    /// Its standard deviation, in points, where the command knows it.
    pub std: Option<f64>,
    /// The seed it was trained with, where the command says another than it was told.
    pub seed: Option<u64>,
    /// What it cost, in seconds (or whatever the command counts), where the command says so.
    pub cost_s: Option<f64>,
}

/// Why an answer can't be used.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum AnswerError {
    /// Nothing that could be one.
    #[error(
        "printed no result: expected a line such as {{\"accuracy\": 71.3}} on standard output, but {printed}"
    )]
    None {
        /// What stands there instead.
        printed: String,
    },
    /// A result without accuracy.
    #[error("printed a result without \"accuracy\": {found}")]
    NoAccuracy {
        /// The result.
        found: String,
    },
    /// A value that can't be.
    #[error("printed \"{key}\": {value}, which must be {rule}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What would be accepted.
        rule: &'static str,
    },
    /// A share of one, or an accuracy of at most one per cent.
    #[error(
        "printed \"accuracy\": {value}, which may be a fraction of 1: accuracy is in per cent, so print 71.3 and not 0.713; an accuracy of no more than 1 % needs \"unit\": \"percent\" beside it"
    )]
    Fraction {
        /// The value.
        value: f64,
    },
}

impl AnswerError {
    /// Whether another try may go better: the command printed nothing that looks like a result.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::None { .. })
    }
}

/// Characters of what was printed that a message shows.
const SHOWN: usize = 160;

/// The result that a command for one network prints: the last line that is a JSON object, or all it prints.
///
/// # Errors
/// When there is no result, or one that can't be.
pub fn answer(printed: &str) -> Result<Measured, AnswerError> {
    let object = objects(printed).last().or_else(|| object(printed));
    match object {
        Some(object) => measured(&object),
        None => Err(AnswerError::None {
            printed: shown(printed),
        }),
    }
}

/// The results that a command for several networks prints, by `id`: lines that are JSON objects with one. The first of an id that is a result is final, so
/// that it counts alike whether the command goes on afterwards or not; where none is, the last says why.
pub fn answers(printed: &str) -> BTreeMap<String, Result<Measured, AnswerError>> {
    let mut results: BTreeMap<String, Result<Measured, AnswerError>> = BTreeMap::new();
    for object in objects(printed) {
        let Some(id) = object.get("id").and_then(Value::as_str) else {
            continue;
        };
        if !matches!(results.get(id), Some(Ok(_))) {
            results.insert(id.to_owned(), measured(&object));
        }
    }
    results
}

fn objects(printed: &str) -> impl Iterator<Item = Map<String, Value>> + '_ {
    printed.lines().filter_map(object)
}

fn object(text: &str) -> Option<Map<String, Value>> {
    let text = text.trim();
    // trainings print many lines that aren't
    if !text.starts_with('{') {
        return None;
    }
    serde_json::from_str(text).ok()
}

fn measured(object: &Map<String, Value>) -> Result<Measured, AnswerError> {
    let Some(accuracy) = object.get("accuracy") else {
        return Err(AnswerError::NoAccuracy {
            found: shown(&Value::Object(object.clone()).to_string()),
        });
    };
    let rule = "a number from 0 to 100, in per cent";
    let accuracy = number("accuracy", accuracy, rule, |value| {
        (0.0..=100.0).contains(&value)
    })?;
    let is_percent = object
        .get("unit")
        .is_some_and(|unit| unit.as_str() == Some("percent"));
    // a share taken for per cent would spoil every comparison, and nearly every network reaches more than 1 %
    if accuracy <= 1.0 && !is_percent {
        return Err(AnswerError::Fraction { value: accuracy });
    }
    let optional = |key: &'static str, rule: &'static str, most: f64| {
        let given = object.get(key).filter(|value| !value.is_null());
        given
            .map(|value| number(key, value, rule, |value| (0.0..=most).contains(&value)))
            .transpose()
    };
    let seed = object.get("seed").filter(|value| !value.is_null());
    let seed = seed.map(|value| {
        value.as_u64().ok_or_else(|| AnswerError::Value {
            key: "seed",
            value: shown(&value.to_string()),
            rule: "a whole number that is not negative",
        })
    });
    Ok(Measured {
        accuracy,
        std: optional("std", "a number of points from 0 to 50", 50.0)?,
        seed: seed.transpose()?,
        cost_s: optional("cost_s", "a number that is not negative", f64::MAX)?,
    })
}

fn number(
    key: &'static str,
    value: &Value,
    rule: &'static str,
    is_right: impl Fn(f64) -> bool,
) -> Result<f64, AnswerError> {
    let number = value.as_f64().filter(|number| number.is_finite());
    number
        .filter(|&number| is_right(number))
        .ok_or_else(|| AnswerError::Value {
            key,
            value: shown(&value.to_string()),
            rule,
        })
}

/// The end of a text, short enough for a message.
fn shown(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() {
        return "it printed nothing".to_owned();
    }
    let line = text.lines().last().unwrap_or_default().trim();
    let mut short: String = line.chars().take(SHOWN).collect();
    if short.len() < line.len() {
        short += " ...";
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_result_counts() {
        let printed = "epoch 1: {loss}\n{\"accuracy\": 10}\nepoch 2\n{\"accuracy\": 71.3, \"seed\": 4, \"cost_s\": 120.5, \"std\": 0.2, \"note\": []}\nbye\n";
        let expected = Measured {
            accuracy: 71.3,
            std: Some(0.2),
            seed: Some(4),
            cost_s: Some(120.5),
        };
        assert_eq!(answer(printed), Ok(expected));
        assert_eq!(answer("{\n \"accuracy\": 55\n}\n").unwrap().accuracy, 55.0);
        assert_eq!(answer("{\"accuracy\": 100}").unwrap().accuracy, 100.0);
    }

    #[test]
    fn what_is_no_result_says_what_would_be() {
        for (printed, said) in [
            ("", "it printed nothing"),
            ("71.3\n", "\"71.3\""),
            ("acc=71.3 {not json}", "acc=71.3"),
            ("{\"acuracy\": 71.3}", "without \"accuracy\""),
            (
                "{\"accuracy\": NaN}",
                "expected a line such as {\"accuracy\": 71.3}",
            ),
            ("{\"accuracy\": \"71.3\"}", "from 0 to 100"),
            ("{\"accuracy\": null}", "from 0 to 100"),
            ("{\"accuracy\": -3}", "from 0 to 100"),
            ("{\"accuracy\": 100.1}", "from 0 to 100"),
            ("{\"accuracy\": 1e999}", "expected a line"),
            ("{\"accuracy\": 0.713}", "print 71.3 and not 0.713"),
            ("{\"accuracy\": 1}", "fraction"),
            ("{\"accuracy\": 0}", "fraction"),
            ("{\"accuracy\": 50, \"std\": -1}", "\"std\": \"-1\""),
            ("{\"accuracy\": 50, \"cost_s\": \"long\"}", "cost_s"),
            ("{\"accuracy\": 50, \"seed\": 1.5}", "whole number"),
        ] {
            let error = answer(printed).unwrap_err().to_string();
            assert!(error.contains(said), "{printed}: {error}");
        }
    }

    #[test]
    fn an_untrained_network_can_say_so() {
        let poor = answer("{\"accuracy\": 0.1, \"unit\": \"percent\"}").unwrap();
        assert_eq!(poor.accuracy, 0.1);
    }

    #[test]
    fn a_batch_answers_by_ids() {
        let printed = "{\"id\": \"t002\"}\nlog\n{\"id\": \"t001\", \"accuracy\": 70}\n{\"accuracy\": 3}\n{\"id\": \"t003\"}\n\
             {\"id\": \"t002\", \"accuracy\": 80}\n{\"id\": \"t002\", \"accuracy\": 90}\n";
        let all = answers(printed);
        assert_eq!(all.len(), 3);
        assert_eq!(all["t001"].as_ref().unwrap().accuracy, 70.0);
        // the first that is a result is final
        assert_eq!(all["t002"].as_ref().unwrap().accuracy, 80.0);
        assert!(all["t003"].is_err());
    }
}
