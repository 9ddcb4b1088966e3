//! Nodes and their attributes, written in one go.

use super::proto::{AttributeProto, AttributeType, NodeProto};

impl NodeProto {
    /// An operator of ONNX's own domain. Name and output are set when it joins a graph.
    pub(super) fn of(op_type: &str, inputs: &[&str]) -> Self {
        Self {
            op_type: Some(op_type.to_owned()),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            ..Self::default()
        }
    }

    pub(super) fn int(self, name: &str, value: usize) -> Self {
        self.with(AttributeProto {
            i: Some(value as i64),
            ..AttributeProto::typed(name, AttributeType::Int)
        })
    }

    pub(super) fn ints(self, name: &str, values: &[usize]) -> Self {
        self.with(AttributeProto {
            ints: values.iter().map(|&value| value as i64).collect(),
            ..AttributeProto::typed(name, AttributeType::Ints)
        })
    }

    pub(super) fn float(self, name: &str, value: f32) -> Self {
        self.with(AttributeProto {
            f: Some(value),
            ..AttributeProto::typed(name, AttributeType::Float)
        })
    }

    pub(super) fn text(self, name: &str, value: &str) -> Self {
        self.with(AttributeProto {
            s: Some(value.as_bytes().to_vec()),
            ..AttributeProto::typed(name, AttributeType::String)
        })
    }

    fn with(mut self, attribute: AttributeProto) -> Self {
        self.attribute.push(attribute);
        self
    }
}

impl AttributeProto {
    fn typed(name: &str, kind: AttributeType) -> Self {
        Self {
            name: Some(name.to_owned()),
            r#type: Some(kind as i32),
            ..Self::default()
        }
    }
}
