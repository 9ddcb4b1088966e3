//! Networks as tables of layers, for those who have no ONNX file: one row a layer, in execution order.
//!
//! ```text
//! network,layer,op,kernel_h,kernel_w,stride_h,stride_w,dilation,groups,in_channels,in_h,in_w,out_channels,out_h,out_w,activation,bias,inputs,from
//! ```
//!
//! Batch-norm is folded; `activation` follows the layer (empty or `none`: none); an empty `bias` is 0; `inputs` is the number
//! of input tensors (a concat gives its first input's channels). `from` is optional: the numbers of the layers that produce the inputs,
//! `;` between, `input` for the network's own. Without it nobody knows which layer reads what, and peak memory has no answer.
//!
//! Operators go by the names in [`ops`]; a name that isn't there becomes an operator of unknown work, which whoever prices
//! it must report. Rows without inputs hold constants and are passed over.

mod ops;
mod read;
mod row;
mod write;

pub use read::{LayerTable, LayerTableError, LeftOut, read};
pub use write::write;

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
