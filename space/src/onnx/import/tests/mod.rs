//! Small models in, layers out.

mod control;
mod cut;
mod fuzz;
mod malformed;
mod operators;
mod patterns;
mod quantized;
mod round_trip;
mod shapes;

use prost::Message;

use super::super::proto::{
    AttributeProto, AttributeType, DataType, DimensionProto, DimensionValue, GraphProto,
    ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};
use super::{ImportError, ImportOptions, import};
use crate::network::Network;
use crate::op::{Op, Work};

/// A model under construction. The output is that of the last node unless stated.
#[derive(Clone)]
struct Model(ModelProto);

/// An attribute.
fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(kind as i32),
        ..AttributeProto::default()
    }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        i: Some(value),
        ..attribute(name, AttributeType::Int)
    }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        ints: values.to_vec(),
        ..attribute(name, AttributeType::Ints)
    }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        f: Some(value),
        ..attribute(name, AttributeType::Float)
    }
}

fn floats(name: &str, values: &[f32]) -> AttributeProto {
    AttributeProto {
        floats: values.to_vec(),
        ..attribute(name, AttributeType::Floats)
    }
}

fn string(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        s: Some(value.into()),
        ..attribute(name, AttributeType::String)
    }
}

fn tensor(name: &str, value: TensorProto) -> AttributeProto {
    AttributeProto {
        t: Some(value),
        ..attribute(name, AttributeType::Tensor)
    }
}

fn int_tensor(dims: &[i64], values: &[i64]) -> TensorProto {
    TensorProto {
        dims: dims.to_vec(),
        data_type: Some(DataType::Int64 as i32),
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

fn float_tensor(dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        dims: dims.to_vec(),
        data_type: Some(DataType::Float as i32),
        float_data: values.to_vec(),
        ..TensorProto::default()
    }
}

fn info(name: &str, dims: &[DimensionValue]) -> ValueInfoProto {
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

fn sizes(dims: &[i64]) -> Vec<DimensionValue> {
    dims.iter().map(|&dim| DimensionValue::Size(dim)).collect()
}

impl Model {
    /// A model with an input `x`, opset 17.
    fn new(input: &[i64]) -> Self {
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

    fn graph(&mut self) -> &mut GraphProto {
        self.0.graph.as_mut().unwrap()
    }

    fn opset(mut self, version: i64) -> Self {
        self.0.opset_import[0].version = Some(version);
        self
    }

    fn input(mut self, name: &str, dims: &[DimensionValue]) -> Self {
        self.graph().input.push(info(name, dims));
        self
    }

    fn declared(mut self, name: &str, dims: &[i64]) -> Self {
        self.graph().value_info.push(info(name, &sizes(dims)));
        self
    }

    fn output(mut self, name: &str) -> Self {
        let info = ValueInfoProto {
            name: Some(name.to_owned()),
            ..ValueInfoProto::default()
        };
        self.graph().output.push(info);
        self
    }

    fn stored(mut self, name: &str, tensor: TensorProto) -> Self {
        self.graph().initializer.push(TensorProto {
            name: Some(name.to_owned()),
            ..tensor
        });
        self
    }

    /// A weight whose elements are left out.
    fn weight(self, name: &str, dims: &[i64]) -> Self {
        self.stored(name, float_tensor(dims, &[]))
    }

    fn ints(self, name: &str, values: &[i64]) -> Self {
        self.stored(name, int_tensor(&[values.len() as i64], values))
    }

    fn index(self, name: &str, value: i64) -> Self {
        self.stored(name, int_tensor(&[], &[value]))
    }

    fn scalar(self, name: &str, value: f32) -> Self {
        self.stored(name, float_tensor(&[], &[value]))
    }

    /// A node: inputs and outputs are names with spaces between, `_` is one left out.
    fn node(
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

    fn bytes(mut self) -> Vec<u8> {
        if self.graph().output.is_empty() {
            let last = self.graph().node.last().map(|node| node.output[0].clone());
            return self.output(&last.unwrap_or_default()).0.encode_to_vec();
        }
        self.0.encode_to_vec()
    }

    fn import(self) -> Result<Network, ImportError> {
        import(&self.bytes(), &ImportOptions::default())
    }

    /// The layers of a model that imports.
    fn listing(self) -> Vec<String> {
        listing(&self.import().unwrap())
    }

    /// The complaint about a model that doesn't.
    fn complaint(self) -> String {
        self.import().unwrap_err().to_string()
    }
}

/// Each layer as `name: operator -> shape`.
fn listing(network: &Network) -> Vec<String> {
    let lines = network.layers().iter().map(|layer| {
        let op = match &layer.op {
            Op::Other(other) => {
                let work = match other.work {
                    Work::Elementwise { flops } => format!("elementwise {flops}"),
                    Work::Reduction { flops } => format!("reduction {flops}"),
                    Work::Move => "move".to_owned(),
                    Work::View => "view".to_owned(),
                    Work::Unknown => "unknown".to_owned(),
                };
                assert_eq!(other.output, layer.output);
                format!("{} ({work})", other.name)
            }
            Op::Activation(activation) => activation.name().to_owned(),
            Op::MatMul(product) => {
                assert_eq!(product.output, layer.output);
                format!("matmul {} {}", product.macs, product.weights)
            }
            Op::Linear { out_features, bias } => format!("linear {out_features} {bias}"),
            Op::Pool(pool) => format!(
                "{:?} pool {}/{}+{}",
                pool.kind, pool.kernel, pool.stride, pool.padding
            ),
            Op::Conv(conv) => {
                let [rows, columns] = conv.kernel;
                let bias = if conv.bias { " bias" } else { "" };
                format!("conv {rows}x{columns} g{}{bias}", conv.groups)
            }
            Op::ConvTranspose(transposed) => {
                let [rows, columns] = transposed.conv.kernel;
                format!("transposed {rows}x{columns} g{}", transposed.conv.groups)
            }
            Op::ChannelShuffle { groups } => format!("shuffle {groups}"),
            op => op.name().to_owned(),
        };
        format!("{}: {op} -> {}", layer.name, layer.output)
    });
    lines.collect()
}
