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
    AttributeProto, AttributeType, DimensionValue, GraphProto, ModelProto, NodeProto, TensorProto,
    ValueInfoProto,
};
use super::super::test_model::{
    Model, attribute, float, float_tensor, floats, info, int, int_tensor, ints, sizes, string,
    tensor,
};
use super::{ImportError, ImportOptions, import};
use crate::network::Network;
use crate::op::{Op, Work};

impl Model {
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
