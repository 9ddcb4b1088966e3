//! JSON Schemas of values that are read by hand: each accepts what its `Deserialize` accepts, and nothing else.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::block::{BlockKind, Groups};
use crate::definition::{BlockDefinition, BlockTable, Choices, GroupWidth, Numbers, Range};
use crate::shape::Resolution;

/// A derived enum as a plain list of its names. A description of each is lost, but maps by such names get a schema that knows their keys.
pub fn names(schema: &mut Schema) {
    let Some(Value::Array(variants)) = schema.remove("oneOf") else {
        return;
    };
    let mut names: Vec<Value> = Vec::new();
    for variant in variants {
        match (variant.get("const"), variant.get("enum")) {
            (Some(name), _) => names.push(name.clone()),
            (None, Some(Value::Array(several))) => names.extend(several.iter().cloned()),
            _ => {}
        }
    }
    schema.insert("type".to_owned(), "string".into());
    schema.insert("enum".to_owned(), names.into());
}

impl<T: JsonSchema> JsonSchema for Choices<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("ChoicesOf{}", T::schema_name()).into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("{}::Choices<{}>", module_path!(), T::schema_id()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

impl JsonSchema for Numbers {
    fn schema_name() -> Cow<'static, str> {
        "Numbers".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let listed = generator.subschema_for::<Choices<usize>>();
        let range = generator.subschema_for::<Range>();
        json_schema!({
            "description": "A number, a list of numbers, or a range `{ from, to, step }` with both ends.",
            "anyOf": [listed, range],
        })
    }
}

impl JsonSchema for Groups {
    fn schema_name() -> Cow<'static, str> {
        "Groups".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let count = generator.subschema_for::<usize>();
        let width = generator.subschema_for::<GroupWidth>();
        json_schema!({
            "description": "A number of groups, `\"depthwise\"`, or `{ width = 16 }`: groups of that many channels.",
            "anyOf": [count, { "type": "string", "const": "depthwise" }, width],
        })
    }
}

impl JsonSchema for Resolution {
    fn schema_name() -> Cow<'static, str> {
        "Resolution".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A side in pixels (224), or `\"HEIGHTxWIDTH\"` (`\"256x160\"`).",
            "anyOf": [
                { "type": "integer", "minimum": 1 },
                { "type": "string", "pattern": r"^\s*\+?0*[1-9][0-9]*\s*(x\s*\+?0*[1-9][0-9]*\s*)?$" },
            ],
        })
    }
}

impl JsonSchema for BlockDefinition {
    fn schema_name() -> Cow<'static, str> {
        "BlockDefinition".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let kind = generator.subschema_for::<BlockKind>();
        let table = generator.subschema_for::<BlockTable>();
        json_schema!({
            "description": "A block's name, or a table `{ kind = \"inverted_bottleneck\", ... }` with choices of its own.",
            "anyOf": [kind, table],
        })
    }
}
