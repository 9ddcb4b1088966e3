//! Small models for tests, written node by node.

use prost::Message;

use super::proto::{
    AttributeProto, AttributeType, DataType, DimensionProto, DimensionValue, GraphProto,
    ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};

/// A model under construction. The output is that of the last node unless stated.
#[derive(Clone)]
pub(super) struct Model(pub(super) ModelProto);

/// An attribute.
pub(super) fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(kind as i32),
        ..AttributeProto::default()
    }
}

pub(super) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        i: Some(value),
        ..attribute(name, AttributeType::Int)
    }
}

pub(super) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        ints: values.to_vec(),
        ..attribute(name, AttributeType::Ints)
    }
}

pub(super) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        f: Some(value),
        ..attribute(name, AttributeType::Float)
    }
}

pub(super) fn floats(name: &str, values: &[f32]) -> AttributeProto {
    AttributeProto {
        floats: values.to_vec(),
        ..attribute(name, AttributeType::Floats)
    }
}

pub(super) fn string(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        s: Some(value.into()),
        ..attribute(name, AttributeType::String)
    }
}

pub(super) fn tensor(name: &str, value: TensorProto) -> AttributeProto {
    AttributeProto {
        t: Some(value),
        ..attribute(name, AttributeType::Tensor)
    }
}

pub(super) fn int_tensor(dims: &[i64], values: &[i64]) -> TensorProto {
    TensorProto {
        dims: dims.to_vec(),
        data_type: Some(DataType::Int64 as i32),
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

pub(super) fn float_tensor(dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        dims: dims.to_vec(),
        data_type: Some(DataType::Float as i32),
        float_data: values.to_vec(),
        ..TensorProto::default()
    }
}

pub(super) fn info(name: &str, dims: &[DimensionValue]) -> ValueInfoProto {
    let dim = dims.iter().cloned().map(|value| DimensionProto {
        value: Some(value),
        denotation: None,
    });
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorTypeProto {
                elem_type: Some(DataType::Float as i32),
                shape: Some(TensorShapeProto { dim: dim.collect() }),
            }),
            denotation: None,
        }),
        doc_string: None,
    }
}

pub(super) fn sizes(dims: &[i64]) -> Vec<DimensionValue> {
    dims.iter().map(|&dim| DimensionValue::Size(dim)).collect()
}

impl Model {
    /// A model with an input `x`, opset 17.
    pub(super) fn new(input: &[i64]) -> Self {
        Self(ModelProto {
            ir_version: Some(8),
            opset_import: vec![OperatorSetIdProto {
                domain: None,
                version: Some(17),
            }],
            graph: Some(GraphProto {
                name: Some("graph".to_owned()),
                ..GraphProto::default()
            }),
            ..ModelProto::default()
        })
        .input("x", &sizes(input))
    }

    pub(super) fn graph(&mut self) -> &mut GraphProto {
        self.0.graph.as_mut().unwrap()
    }

    pub(super) fn opset(mut self, version: i64) -> Self {
        self.0.opset_import[0].version = Some(version);
        self
    }

    pub(super) fn input(mut self, name: &str, dims: &[DimensionValue]) -> Self {
        self.graph().input.push(info(name, dims));
        self
    }

    pub(super) fn declared(mut self, name: &str, dims: &[i64]) -> Self {
        self.graph().value_info.push(info(name, &sizes(dims)));
        self
    }

    pub(super) fn output(mut self, name: &str) -> Self {
        let info = ValueInfoProto {
            name: Some(name.to_owned()),
            ..ValueInfoProto::default()
        };
        self.graph().output.push(info);
        self
    }

    pub(super) fn stored(mut self, name: &str, tensor: TensorProto) -> Self {
        self.graph().initializer.push(TensorProto {
            name: Some(name.to_owned()),
            ..tensor
        });
        self
    }

    /// A weight whose elements are left out.
    pub(super) fn weight(self, name: &str, dims: &[i64]) -> Self {
        self.stored(name, float_tensor(dims, &[]))
    }

    pub(super) fn ints(self, name: &str, values: &[i64]) -> Self {
        self.stored(name, int_tensor(&[values.len() as i64], values))
    }

    pub(super) fn index(self, name: &str, value: i64) -> Self {
        self.stored(name, int_tensor(&[], &[value]))
    }

    pub(super) fn scalar(self, name: &str, value: f32) -> Self {
        self.stored(name, float_tensor(&[], &[value]))
    }

    /// A node: inputs and outputs are names with spaces between, `_` is one left out.
    pub(super) fn node(
        mut self,
        op: &str,
        inputs: &str,
        outputs: &str,
        attributes: &[AttributeProto],
    ) -> Self {
        let names = |text: &str| {
            let names = text.split_whitespace();
            names.map(|name| name.replace('_', "")).collect()
        };
        let (domain, op) = op.split_once(':').unwrap_or(("", op));
        self.graph().node.push(NodeProto {
            op_type: Some(op.to_owned()),
            domain: Some(domain.to_owned()),
            input: names(inputs),
            output: names(outputs),
            attribute: attributes.to_vec(),
            ..NodeProto::default()
        });
        self
    }

    pub(super) fn bytes(mut self) -> Vec<u8> {
        if self.graph().output.is_empty() {
            let last = self.graph().node.last().map(|node| node.output[0].clone());
            return self.output(&last.unwrap_or_default()).0.encode_to_vec();
        }
        self.0.encode_to_vec()
    }
}
