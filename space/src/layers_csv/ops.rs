//! Which operator each name in a table stands for: see the table in [the module above](super).

use super::row::Row;
use crate::activation::Activation;
use crate::op::{Conv, ConvTranspose, MatMul, Op, Other, Pool, PoolKind, Work};
use crate::other::{LOCAL_CHANNELS, MOMENTS_FLOPS, local_response_flops};

/// The operator a row describes, or how the row contradicts itself.
pub(crate) fn operator(row: &Row) -> Result<Op, String> {
    let name = row.op.replace('_', "");
    Ok(match name.as_str() {
        "conv" => Op::Conv(conv(row)?),
        "convtranspose" => Op::ConvTranspose(conv_transpose(row)?),
        "linear" | "gemm" => linear(row)?,
        "multiheadattention" => attention(row),
        "pool" | "globalavgpool" | "reduction" => pool(row),
        "add" => Op::Add,
        "mul" => Op::Scale,
        "concat" => Op::Concat,
        "channelshuffle" | "shufflechannel" => Op::ChannelShuffle {
            groups: row.groups.max(1),
        },
        "batchnorm" => Op::BatchNorm,
        _ => match activation(&name) {
            Some(activation) => Op::Activation(activation),
            None => other(row, work(&name)),
        },
    })
}

/// The operator behind the name of a fused activation; nothing for none.
pub(crate) fn fused_activation(row: &Row) -> Option<Op> {
    let name = row.activation.replace('_', "");
    match name.as_str() {
        "" | "none" => None,
        name => Some(match activation(name) {
            Some(activation) => Op::Activation(activation),
            None => Op::Other(Other {
                name: row.activation.clone().into(),
                work: work(name),
                weights: 0,
                output: row.output,
            }),
        }),
    }
}

fn activation(name: &str) -> Option<Activation> {
    Some(match name {
        "relu" => Activation::Relu,
        "relu6" => Activation::Relu6,
        "swish" | "silu" => Activation::Swish,
        "hardswish" => Activation::HardSwish,
        "sigmoid" => Activation::Sigmoid,
        "hardsigmoid" => Activation::HardSigmoid,
        "gelu" => Activation::Gelu,
        _ => return None,
    })
}

fn work(name: &str) -> Work {
    match name {
        "binary" => Work::Elementwise { flops: 1 },
        "leakyrelu" | "prelu" | "elu" | "tanh" => Work::Elementwise { flops: 2 },
        "softmax" => Work::Elementwise { flops: 5 },
        "mish" => Work::Elementwise { flops: 6 },
        "layernorm" | "groupnorm" | "instancenorm" => Work::Elementwise {
            flops: MOMENTS_FLOPS,
        },
        "interp" | "resize" | "upsample" => Work::Elementwise { flops: 7 },
        "lrn" => Work::Elementwise {
            flops: local_response_flops(LOCAL_CHANNELS as u64),
        },
        "crop" | "slice" | "split" | "permute" | "transpose" | "padding" => Work::Move,
        "reshape" | "flatten" | "noop" | "dropout" | "identity" => Work::View,
        _ => Work::Unknown,
    }
}

fn other(row: &Row, work: Work) -> Op {
    Op::Other(Other {
        name: row.op.clone().into(),
        work,
        // a row doesn't tell
        weights: 0,
        output: row.output,
    })
}

/// A row doesn't tell its padding: it is whatever gives the output's size, rounded up to be alike on both sides.
fn conv(row: &Row) -> Result<Conv, String> {
    let (input, output) = (row.input, row.output);
    for channels in [input.channels, output.channels] {
        if channels % row.groups != 0 {
            return Err(format!(
                "groups = {}: must divide {channels} channels",
                row.groups
            ));
        }
    }
    let padding = |axis: usize, from: usize, to: usize| {
        let window = row.dilation * (row.kernel[axis] - 1) + 1;
        let reach = (to - 1) * row.stride[axis] + window;
        let padding = reach.saturating_sub(from).div_ceil(2);
        // more padding than the window is wide (as much has been seen), or an output that leaves whole windows out
        if padding > window || reach + row.stride[axis] <= from {
            return Err(format!(
                "kernel {}, stride {} and dilation {} don't turn {from} into {to} positions",
                row.kernel[axis], row.stride[axis], row.dilation
            ));
        }
        Ok(padding)
    };
    Ok(Conv {
        out_channels: output.channels,
        kernel: row.kernel,
        stride: row.stride,
        dilation: [row.dilation; 2],
        padding: [
            padding(0, input.height, output.height)?,
            padding(1, input.width, output.width)?,
        ],
        groups: row.groups,
        bias: row.bias,
    })
}

/// The padding of a transposed convolution takes no part in its cost, and a row doesn't tell it.
fn conv_transpose(row: &Row) -> Result<ConvTranspose, String> {
    let divides = |channels: usize| channels.is_multiple_of(row.groups);
    if !divides(row.input.channels) || !divides(row.output.channels) {
        return Err(format!(
            "groups = {}: must divide {} and {} channels",
            row.groups, row.input.channels, row.output.channels
        ));
    }
    Ok(ConvTranspose {
        conv: Conv {
            out_channels: row.output.channels,
            kernel: row.kernel,
            stride: row.stride,
            dilation: [row.dilation; 2],
            padding: [0; 2],
            groups: row.groups,
            bias: row.bias,
        },
        output_padding: [0; 2],
    })
}

fn linear(row: &Row) -> Result<Op, String> {
    let (input, output) = (row.input, row.output);
    if output.positions() == 1 {
        return Ok(Op::Linear {
            out_features: output.channels,
            bias: row.bias,
        });
    }
    // tokens lie along the height (features are channels), or in rows of a matrix (features lie along the width)
    let (from, to, keeps) = if input.width == 1 && output.width == 1 {
        (
            input.channels,
            output.channels,
            input.height == output.height,
        )
    } else {
        let rows = (input.channels, input.height) == (output.channels, output.height);
        (input.width, output.width, rows)
    };
    if !keeps {
        return Err(format!(
            "a linear layer keeps the number of tokens, but {input} becomes {output}"
        ));
    }
    let weights = from * to + if row.bias { to } else { 0 };
    Ok(Op::MatMul(MatMul {
        macs: output.elements() * from as u64,
        weights: weights as u64,
        output,
    }))
}

fn attention(row: &Row) -> Op {
    let (tokens, width) = (row.input.height as u64, row.input.width as u64);
    if row.input.channels != 1 || row.output != row.input {
        return other(row, Work::Unknown);
    }
    Op::MatMul(MatMul {
        macs: 4 * tokens * width * width + 2 * tokens * tokens * width,
        weights: 4 * (width * width + width),
        output: row.output,
    })
}

fn pool(row: &Row) -> Op {
    if row.output.positions() == 1 && row.output.channels == row.input.channels {
        return Op::GlobalAvgPool;
    }
    let [rows, columns] = row.kernel;
    if rows != columns || row.stride[0] != row.stride[1] {
        let flops = (rows * columns) as u64;
        return other(row, Work::Elementwise { flops });
    }
    Op::Pool(Pool {
        kind: PoolKind::Max,
        kernel: rows,
        stride: row.stride[0],
        padding: 0,
    })
}
