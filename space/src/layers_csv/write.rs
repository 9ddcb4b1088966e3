//! Writing networks as tables of layers.

use super::{COLUMNS, ELSEWHERE};
use crate::network::{Network, Tensor};
use crate::op::{Conv, Op};
use crate::shape::Shape;

/// The networks as a table, with `from`, so that it reads back with all that it costs. A tensor from elsewhere comes back in the size that its row tells.
///
/// # Panics
/// Never: a vector takes any bytes.
pub fn write<'a>(networks: impl IntoIterator<Item = &'a Network>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(COLUMNS)
        .expect("a vector takes any bytes");
    for network in networks {
        for row in Rows::of(network).lines() {
            writer.write_record(row).expect("a vector takes any bytes");
        }
    }
    writer.into_inner().expect("a vector takes any bytes")
}

/// A network's layers, with batch-norms and activations that one layer alone feeds joined to it.
struct Rows<'a> {
    network: &'a Network,
    rows: Vec<RowLayers>,
    /// The row that each layer is part of.
    row_of: Vec<usize>,
}

/// The layers of one row.
struct RowLayers {
    layer: usize,
    norm: bool,
    activation: Option<usize>,
}

impl<'a> Rows<'a> {
    fn of(network: &'a Network) -> Self {
        let readers = network.readers();
        let mut rows: Vec<RowLayers> = Vec::new();
        let mut row_of: Vec<usize> = Vec::new();
        for (index, layer) in network.layers().iter().enumerate() {
            let joined = match layer.inputs[..] {
                [Tensor::Layer(producer)] if readers[producer] == 1 => {
                    let row = row_of[producer];
                    join(network, &readers, &mut rows[row], index).then_some(row)
                }
                _ => None,
            };
            row_of.push(joined.unwrap_or_else(|| {
                rows.push(RowLayers {
                    layer: index,
                    norm: false,
                    activation: None,
                });
                rows.len() - 1
            }));
        }
        Self {
            network,
            rows,
            row_of,
        }
    }

    fn lines(&self) -> impl Iterator<Item = [String; 19]> + '_ {
        self.rows
            .iter()
            .enumerate()
            .map(|(number, row)| self.line(number, row))
    }

    fn line(&self, number: usize, row: &RowLayers) -> [String; 19] {
        let layer = &self.network.layers()[row.layer];
        let (input, output) = (self.network.input_shape(layer), layer.output);
        let window = Window::of(&layer.op, input, output);
        let activation = row.activation.map(|layer| &self.network.layers()[layer].op);
        let bias = match &layer.op {
            Op::Conv(conv) => conv.bias || row.norm,
            Op::Linear { bias, .. } => *bias,
            // over tokens: more weights than the product takes
            Op::MatMul(product) => {
                let factors = input.width as u64 * layer.output.width as u64;
                layer.inputs.len() == 1 && product.weights > factors
            }
            Op::ConvTranspose(transposed) => transposed.conv.bias,
            _ => false,
        };
        let from = layer.inputs.iter().map(|&tensor| match tensor {
            Tensor::Input => "input".to_owned(),
            Tensor::Layer(layer) => self.row_of[layer].to_string(),
            Tensor::Elsewhere(_) => ELSEWHERE.to_owned(),
        });
        let from = from.collect::<Vec<_>>().join(";");
        let number_of = |value: usize| value.to_string();
        [
            self.network.name().to_owned(),
            number_of(number),
            name(&layer.op).to_owned(),
            number_of(window.kernel[0]),
            number_of(window.kernel[1]),
            number_of(window.stride[0]),
            number_of(window.stride[1]),
            number_of(window.dilation),
            number_of(window.groups),
            number_of(input.channels),
            number_of(input.height),
            number_of(input.width),
            number_of(output.channels),
            number_of(output.height),
            number_of(output.width),
            activation.map_or("", name).to_owned(),
            number_of(usize::from(bias)),
            number_of(layer.inputs.len()),
            from,
        ]
    }
}

/// Joins a layer to the row of the layer it reads, if it belongs there.
fn join(network: &Network, readers: &[usize], row: &mut RowLayers, index: usize) -> bool {
    let op = |layer: usize| &network.layers()[layer].op;
    let anchor = matches!(op(row.layer), Op::Conv(_) | Op::Linear { .. });
    if network.folds_into(index, readers) == Some(row.layer) {
        row.norm = true;
    } else if matches!(op(index), Op::Activation(_)) && anchor && row.activation.is_none() {
        row.activation = Some(index);
    } else {
        return false;
    }
    true
}

/// The name of an operator in a table: an activation is its own operator.
fn name(op: &Op) -> &str {
    match op {
        Op::Activation(activation) => activation.name(),
        Op::MatMul(_) => "gemm",
        op => op.name(),
    }
}

/// The columns of a sliding window.
struct Window {
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: usize,
    groups: usize,
}

impl Window {
    fn of(op: &Op, input: Shape, output: Shape) -> Self {
        let none = Self {
            kernel: [1; 2],
            stride: [1; 2],
            dilation: 1,
            groups: 1,
        };
        let conv = |conv: &Conv| Self {
            kernel: conv.kernel,
            stride: conv.stride,
            dilation: conv.dilation[0],
            groups: conv.groups,
        };
        match op {
            Op::Conv(convolution) => conv(convolution),
            Op::ConvTranspose(transposed) => conv(&transposed.conv),
            Op::Pool(pool) => Self {
                kernel: [pool.kernel; 2],
                stride: [pool.stride; 2],
                ..none
            },
            Op::ChannelShuffle { groups } => Self {
                groups: *groups,
                ..none
            },
            Op::GlobalAvgPool if output.positions() == 1 => Self {
                kernel: [input.height, input.width],
                ..none
            },
            _ => none,
        }
    }
}
