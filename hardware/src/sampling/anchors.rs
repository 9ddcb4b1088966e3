//! Networks that every run times again.

use roofnas_space::{Activation, Conv, NetworkError, Op, Shape, Tensor};

use super::body::Body;
use super::{PlannedNetwork, Purpose};

/// Three networks bound by different things: dense convolutions by arithmetic, inverted bottlenecks by memory, many small layers by
/// overheads. They are the same whatever a plan covers and whatever its seed, so that runs of different plans can be compared.
pub(super) fn anchors() -> Result<Vec<PlannedNetwork>, NetworkError> {
    let networks = [
        ("anchor-dense", dense as fn(&mut Body, Tensor) -> Tensor),
        ("anchor-mobile", mobile),
        ("anchor-deep", deep),
    ];
    let anchor = |(name, blocks): (&str, fn(&mut Body, Tensor) -> Tensor)| {
        let mut body = Body::new(name, Shape::new(3, 160, 160));
        let x = body.conv_act(Conv::same(32, 3, 2), Activation::Relu, Tensor::Input);
        let x = blocks(&mut body, x);
        let x = body.op(Op::GlobalAvgPool, &[x]);
        let x = body.linear(1000, x);
        let network = body.finish("logits", x)?;
        Ok(PlannedNetwork::new(
            name.to_owned(),
            Purpose::Anchor,
            network,
        ))
    };
    networks.into_iter().map(anchor).collect()
}

fn dense(body: &mut Body, mut x: Tensor) -> Tensor {
    for channels in [64, 96, 128, 192] {
        x = body.conv_act(Conv::same(channels, 3, 2), Activation::Relu, x);
        let y = body.conv_act(Conv::same(channels, 3, 1), Activation::Relu, x);
        let y = body.conv(Conv::same(channels, 3, 1), y);
        let sum = body.add(y, x);
        x = body.act(Activation::Relu, sum);
    }
    x
}

fn mobile(body: &mut Body, mut x: Tensor) -> Tensor {
    for channels in [32, 48, 96, 160] {
        for stride in [2, 1, 1] {
            let from = x;
            x = body.pointwise(4 * body.channels(x), Activation::Relu6, x);
            let depthwise = body.depthwise(5, stride, x);
            x = body.conv_act(depthwise, Activation::Relu6, x);
            x = body.conv(Conv::pointwise(channels), x);
            if stride == 1 {
                x = body.add(x, from);
            }
        }
    }
    x
}

fn deep(body: &mut Body, mut x: Tensor) -> Tensor {
    for channels in [32, 64, 64] {
        x = body.conv_act(Conv::same(channels, 3, 2), Activation::Relu, x);
        for _ in 0..12 {
            let depthwise = body.depthwise(3, 1, x);
            x = body.conv_act(depthwise, Activation::Relu, x);
            x = body.pointwise(channels, Activation::Relu, x);
        }
    }
    x
}
