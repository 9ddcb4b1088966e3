//! Normalisations.

use super::super::call::{Call, Kind, Outcome, Produced};
use super::super::dims::{self, per_image};
use crate::op::{Op, Work};
use crate::other::{MOMENTS_FLOPS, local_response_flops};

/// Batch normalisation: two parameters for each channel.
pub(super) fn batch(call: &Call) -> Outcome {
    let input = call.dims(0)?;
    let channels = input.get(1).copied().unwrap_or(1);
    for position in 1..5 {
        let parameters = call.dims(position)?;
        if parameters != [channels] {
            return Err(format!(
                "parameters of {} for {channels} channels",
                dims::text(parameters)
            ));
        }
    }
    let exact = per_image(input, call.images).channels == channels;
    let kind = if exact {
        Kind::Op(Op::BatchNorm)
    } else {
        Kind::Work(Work::Elementwise { flops: 2 })
    };
    let mut outputs = vec![Produced::of(input.to_vec(), kind).reading([0])];
    // moments and the like, of training
    let spare = Produced::work(vec![channels], Work::View).reading([0]);
    outputs.resize(call.node.output.len().max(1), spare);
    Ok(outputs)
}

/// FLOPs per element of the others; root-mean-square needs neither mean nor difference nor sum.
pub(super) fn flops(op_type: &str) -> Option<u64> {
    Some(match op_type {
        "InstanceNormalization" | "LayerNormalization" | "GroupNormalization" => MOMENTS_FLOPS,
        "MeanVarianceNormalization" => 6,
        "RMSNormalization" | "SimplifiedLayerNormalization" => 4,
        "LpNormalization" => 3,
        _ => return None,
    })
}

/// A normalisation by moments of its own input.
pub(super) fn own_moments(call: &Call, flops: u64) -> Outcome {
    let input = call.dims(0)?;
    let mut outputs =
        vec![Produced::work(input.to_vec(), Work::Elementwise { flops }).reading([0])];
    if call.op_type() == "LayerNormalization" {
        let axis = call.axis(-1, input.len())?;
        let mut moments = input.to_vec();
        moments[axis..].fill(1);
        let moments = Produced::work(moments, Work::View).reading([0]);
        outputs.resize(3, moments);
    }
    Ok(outputs)
}

/// Local response normalisation over `size` channels.
pub(super) fn local_response(call: &Call) -> Outcome {
    let size = dims::size(call.int("size", 1)?, "size")? as u64;
    let work = Work::Elementwise {
        flops: local_response_flops(size),
    };
    Ok(vec![Produced::work(call.dims(0)?.to_vec(), work)])
}
