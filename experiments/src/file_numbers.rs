//! The numbers that an ONNX file of ours holds.

use roofnas_cost::Dtype;
use roofnas_space::onnx;

use crate::error::Error;

/// A file in single precision as one in a number format: quantised with synthetic ranges for int8, and as it is otherwise.
///
/// # Errors
/// When it can't be quantised.
pub fn in_numbers(bytes: Vec<u8>, network: &str, dtype: Dtype) -> Result<Vec<u8>, Error> {
    if dtype != Dtype::Int8 {
        return Ok(bytes);
    }
    onnx::quantize(&bytes).map_err(|source| Error::Quantize {
        network: network.to_owned(),
        source: Box::new(source),
    })
}
