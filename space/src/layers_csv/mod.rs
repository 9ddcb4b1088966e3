//! Networks as tables of layers, for those who have no ONNX file: one row a layer, in execution order.
//!
//! ```text
//! network,layer,op,kernel_h,kernel_w,stride_h,stride_w,dilation,groups,in_channels,in_h,in_w,out_channels,out_h,out_w,activation,bias,inputs,from
//! ```
//!
//! Batch-norm is folded; `activation` follows the layer (empty or `none`: none); an empty `bias` is 0; `inputs` is the number
//! of input tensors (a concat gives its first input's channels). `from` is optional: the numbers of the layers that produce the inputs,
//! `;` between, `input` for the network's own, `elsewhere` for a tensor that no layer of the table produces: as large as the row's input, a concat's other than the first with
//! the channels that are left, a gate of `mul` (C, 1, 1). Without the column nobody knows which layer reads what, and nothing but activations is fused. With any tensor from
//! elsewhere, peak memory has no answer.
//!
//! Operators go by these names; another name becomes an operator of unknown work, which whoever prices it must report. Rows
//! without inputs hold constants and are passed over.
//!
//! | names | operator |
//! |---|---|
//! | `conv`, `conv_transpose` | convolutions |
//! | `linear`, `gemm` | linear layer; over each token where the output has several positions: C features of T tokens are (C, T, 1) or (1, T, C), and an input (C, 1, 1) stands for one token of them |
//! | `multiheadattention` | attention of T tokens of width D: four projections and two products, `4 T D^2 + 2 T^2 D` MACs |
//! | `pool`, `global_avg_pool`, `reduction` | pooling; over all positions where the output has one |
//! | `add`, `mul`, `binary` | sum; product with a gate (C, 1, 1); any arithmetic of two tensors, 1 FLOP per element |
//! | `concat`, `channel_shuffle`, `shufflechannel` | the same |
//! | `relu`, `relu6`, `swish`, `silu`, `hardswish`, `sigmoid`, `hardsigmoid`, `gelu` | activations |
//! | `leakyrelu`, `prelu`, `elu`, `tanh`, `mish` | arithmetic, 2 FLOPs per element (`mish` 6) |
//! | `batchnorm` | 2 FLOPs per element, 2 parameters a channel |
//! | `softmax`, `layernorm`, `groupnorm`, `instancenorm`, `lrn` | arithmetic, 5 (softmax), 7 (norms) and 14 (lrn, over five channels) FLOPs per element |
//! | `interp`, `resize`, `upsample` | arithmetic of a bilinear interpolation, 7 FLOPs per element |
//! | `crop`, `slice`, `split`, `permute`, `transpose`, `padding` | copies |
//! | `reshape`, `flatten`, `noop`, `dropout`, `identity` | views: nothing happens |
//!
//! Underscores in names don't count.

mod ops;
mod read;
mod row;
mod write;

pub(crate) use ops::{fused_activation, operator};
pub use read::{LayerTable, LayerTableError, LeftOut, read};
pub(crate) use row::{Header, Row};
pub use write::write;

/// What stands in `from` for a tensor that no layer of the table produces.
const ELSEWHERE: &str = "elsewhere";

/// The columns, in the order they are written.
pub(crate) const COLUMNS: [&str; 19] = [
    "network",
    "layer",
    "op",
    "kernel_h",
    "kernel_w",
    "stride_h",
    "stride_w",
    "dilation",
    "groups",
    "in_channels",
    "in_h",
    "in_w",
    "out_channels",
    "out_h",
    "out_w",
    "activation",
    "bias",
    "inputs",
    "from",
];

/// The columns that may be missing.
pub(crate) const OPTIONAL: [&str; 4] = ["activation", "bias", "inputs", "from"];
