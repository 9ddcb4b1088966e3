//! JSON Schemas of the files that people write, for editors that complete and check them.

use roofnas_cost::Platform;
use roofnas_hardware::Profiles;
use roofnas_space::{SpaceDefinition, presets};
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::config::ExperimentConfig;

/// A kind of file that people write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaOf {
    /// An experiment.
    Experiment,
    /// A platform profile.
    Platform,
    /// A search space in a file of its own.
    Space,
}

impl SchemaOf {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Experiment, Self::Platform, Self::Space];

    /// The schema of such files (JSON Schema, draft 2020-12): it accepts what the parser accepts. What is checked beyond, such as bounds that contradict each other, it
    /// can't know.
    pub fn schema(self) -> Value {
        let (title, mut schema) = match self {
            Self::Experiment => ("roofnas experiment", root::<ExperimentConfig>()),
            Self::Platform => ("roofnas platform profile", root::<Platform>()),
            Self::Space => ("roofnas search space", root::<SpaceDefinition>()),
        };
        schema.insert("title".to_owned(), title.into());
        schema.to_value()
    }
}

fn root<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(for_toml))
        .into_generator()
        .into_root_schema_for::<T>()
}

/// What TOML and readers of a schema have no use for: null, Rust's names of number formats, and rustdoc's links.
fn for_toml(schema: &mut Schema) {
    schema.remove("format");
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    let several = schema.get_mut("type").and_then(Value::as_array_mut);
    if let Some(types) = several {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    let alternatives = schema.get_mut("anyOf").and_then(Value::as_array_mut);
    if let Some(alternatives) = alternatives {
        alternatives.retain(|one| one.get("type").is_none_or(|name| name != "null"));
        if let [Value::Object(only)] = alternatives.as_mut_slice() {
            let only = std::mem::take(only);
            schema.remove("anyOf");
            let object = schema.ensure_object();
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace("[`", "`").replace("`]", "`");
    }
}

/// A string that names one of these or a file.
fn name_or_path(names: &[impl AsRef<str>]) -> Schema {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    json_schema!({ "anyOf": [{ "type": "string", "enum": names }, { "type": "string" }] })
}

/// The name of a preset, or a path.
pub(crate) fn preset(_: &mut SchemaGenerator) -> Schema {
    name_or_path(&presets::NAMES)
}

/// The name of a profile that ships, or any other string.
pub(crate) fn profile(_: &mut SchemaGenerator) -> Schema {
    // those that ship alone can always be listed
    name_or_path(&Profiles::default().names().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every schema inside a schema.
    fn inside<'a>(schema: &'a Value, all: &mut Vec<&'a Value>) {
        all.push(schema);
        match schema {
            Value::Object(keys) => keys.values().for_each(|value| inside(value, all)),
            Value::Array(values) => values.iter().for_each(|value| inside(value, all)),
            _ => {}
        }
    }

    #[test]
    fn tables_are_closed_and_described() {
        for of in SchemaOf::ALL {
            let schema = of.schema();
            assert_eq!(
                schema["$schema"],
                "https://json-schema.org/draft/2020-12/schema"
            );
            let mut all = Vec::new();
            inside(&schema, &mut all);
            for part in all {
                if part.get("properties").is_some() && part.get("type").is_some() {
                    assert_eq!(part["additionalProperties"], Value::Bool(false), "{part}");
                    for (key, property) in part["properties"].as_object().unwrap() {
                        // keys of a map by names say what they are by themselves
                        let described = property.get("description").is_some();
                        assert!(described || part.get("required").is_none(), "{key}: {part}");
                    }
                }
                let description = part.get("description").and_then(Value::as_str);
                let description = description.unwrap_or_default();
                assert!(
                    !description.contains("[`") && !description.contains("]("),
                    "{description}"
                );
            }
        }
    }

    #[test]
    fn nothing_is_null() {
        for of in SchemaOf::ALL {
            assert!(!of.schema().to_string().contains("null"), "{of:?}");
        }
    }

    #[test]
    fn defaults_are_those_of_the_parser() {
        let schema = SchemaOf::Experiment.schema();
        assert_eq!(schema["properties"]["seed"]["default"], 1);
        let search = &schema["$defs"]["SearchConfig"]["properties"];
        assert_eq!(search["population"]["default"], 256);
        assert_eq!(search["certify"]["default"], true);
        assert!(search["islands"].get("default").is_none());
        assert_eq!(
            schema["required"],
            serde_json::json!(["name", "platform", "space"])
        );
    }
}
