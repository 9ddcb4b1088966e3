//! A checker of JSON Schema, as much of draft 2020-12 as our schemas use. A keyword it doesn't know fails the test: nothing passes unseen.

use serde_json::{Map, Value};

/// Whether a schema accepts a value, and if not, where and why.
pub(crate) fn validate(schema: &Value, value: &Value) -> Result<(), String> {
    Checker { root: schema }.check(schema, value, "")
}

struct Checker<'a> {
    root: &'a Value,
}

impl Checker<'_> {
    fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let keywords = match schema {
            Value::Bool(true) => return Ok(()),
            Value::Bool(false) => return Err(format!("{at}: nothing may stand here")),
            other => other.as_object().unwrap(),
        };
        for (keyword, rule) in keywords {
            self.keyword(keywords, keyword, rule, value, at)?;
        }
        Ok(())
    }

    fn keyword(
        &self,
        keywords: &Map<String, Value>,
        keyword: &str,
        rule: &Value,
        value: &Value,
        at: &str,
    ) -> Result<(), String> {
        let fails = || Err(format!("{at}: {value} breaks {keyword} {rule}"));
        let holds = match keyword {
            "$schema" | "$defs" | "title" | "description" | "default" => true,
            "$ref" => {
                let path = rule.as_str().unwrap().strip_prefix('#').unwrap();
                return self.check(self.root.pointer(path).unwrap(), value, at);
            }
            "type" => match rule {
                Value::String(name) => is_of(name, value),
                several => {
                    let names = several.as_array().unwrap();
                    names
                        .iter()
                        .any(|name| is_of(name.as_str().unwrap(), value))
                }
            },
            "const" => same(rule, value),
            "enum" => rule.as_array().unwrap().iter().any(|one| same(one, value)),
            "anyOf" => {
                let all = rule.as_array().unwrap().iter();
                let results: Vec<_> = all.map(|one| self.check(one, value, at)).collect();
                if results.iter().all(Result::is_err) {
                    let reasons: Vec<String> =
                        results.into_iter().filter_map(Result::err).collect();
                    return Err(reasons.join("; or "));
                }
                true
            }
            "oneOf" => {
                let all = rule.as_array().unwrap().iter();
                all.filter(|one| self.check(one, value, at).is_ok()).count() == 1
            }
            "minimum" => value.as_f64().is_none_or(|n| n >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|n| n <= rule.as_f64().unwrap()),
            "pattern" => {
                let pattern = regex_lite::Regex::new(rule.as_str().unwrap()).unwrap();
                value.as_str().is_none_or(|text| pattern.is_match(text))
            }
            "minItems" => value
                .as_array()
                .is_none_or(|list| list.len() as u64 >= rule.as_u64().unwrap()),
            "maxItems" => value
                .as_array()
                .is_none_or(|list| list.len() as u64 <= rule.as_u64().unwrap()),
            "items" | "prefixItems" => return self.items(keywords, keyword, rule, value, at),
            "required" => {
                let names = rule
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|name| name.as_str().unwrap());
                value
                    .as_object()
                    .is_none_or(|table| names.clone().all(|name| table.contains_key(name)))
            }
            "properties" => {
                for (key, inner) in rule.as_object().unwrap() {
                    if let Some(found) = value.get(key) {
                        self.check(inner, found, &format!("{at}.{key}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = keywords.get("properties").and_then(Value::as_object);
                for (key, found) in value.as_object().into_iter().flatten() {
                    if !known.is_some_and(|known| known.contains_key(key)) {
                        self.check(rule, found, &format!("{at}.{key}"))?;
                    }
                }
                true
            }
            "uniqueItems" => value.as_array().is_none_or(|list| {
                let mut rest = list.iter().enumerate();
                rest.all(|(index, item)| !list[..index].contains(item))
            }),
            _ => panic!("the checker knows no keyword {keyword}: {rule}"),
        };
        if holds { Ok(()) } else { fails() }
    }

    fn items(
        &self,
        keywords: &Map<String, Value>,
        keyword: &str,
        rule: &Value,
        value: &Value,
        at: &str,
    ) -> Result<(), String> {
        let Some(list) = value.as_array() else {
            return Ok(());
        };
        let prefix = keywords.get("prefixItems").and_then(Value::as_array);
        let fixed = prefix.map_or(0, Vec::len);
        for (index, found) in list.iter().enumerate() {
            let at = format!("{at}[{index}]");
            match keyword {
                "prefixItems" if index < fixed => self.check(&rule[index], found, &at)?,
                "items" if index >= fixed => self.check(rule, found, &at)?,
                _ => {}
            }
        }
        Ok(())
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => panic!("the checker knows no type {name}"),
    }
}

/// Equal, where 2 and 2.0 are the same number.
fn same(a: &Value, b: &Value) -> bool {
    a == b || a.as_f64().is_some_and(|a| b.as_f64() == Some(a))
}
