//! Networks that every run times again.

use std::collections::BTreeMap;

use roofnas_space::{Activation, Conv, Op, Shape, Tensor};

use super::body::Body;
use super::{PlanError, PlannedNetwork, Purpose};

/// Names of the anchors.
const NAMES: [&str; 3] = ["anchor-dense", "anchor-mobile", "anchor-deep"];

/// Whether a network of this name is one of the [`anchors`].
pub fn is_anchor(name: &str) -> bool {
    NAMES.contains(&name)
}

/// How many times as long the anchors take as they did: the middle one's ratio. `before` and `now`: what each took, in the same unit. None where they have none in
/// common.
///
/// ```
/// use std::collections::BTreeMap;
/// use roofnas_hardware::sampling::slower;
///
/// let before = BTreeMap::from([("anchor-dense".to_owned(), 4.0), ("anchor-deep".to_owned(), 1.0)]);
/// let now = [("anchor-dense", 5.0), ("anchor-deep", 1.25), ("resnet50", 40.0)];
/// assert_eq!(slower(&before, now), Some(1.25));
/// assert_eq!(slower(&before, [("resnet50", 40.0)]), None);
/// ```
pub fn slower<'a>(
    before: &BTreeMap<String, f64>,
    now: impl IntoIterator<Item = (&'a str, f64)>,
) -> Option<f64> {
    let now = now.into_iter();
    let ratios = now.filter_map(|(name, now)| Some(now / before.get(name)?));
    let mut ratios: Vec<f64> = ratios.collect();
    ratios.sort_by(f64::total_cmp);
    let middle = ratios.len() / 2;
    match ratios.len() {
        0 => None,
        n if n % 2 == 1 => Some(ratios[middle]),
        _ => Some(f64::midpoint(ratios[middle - 1], ratios[middle])),
    }
}

/// Three networks bound by different things: dense convolutions by arithmetic, inverted bottlenecks by memory, many small layers by
/// overheads. They are the same whatever a plan covers and whatever its seed, so that runs of different plans can be compared.
///
/// # Errors
/// None in practice: they can be built (tested).
pub fn anchors() -> Result<Vec<PlannedNetwork>, PlanError> {
    let blocks = [dense as fn(&mut Body, Tensor) -> Tensor, mobile, deep];
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
    NAMES.into_iter().zip(blocks).map(anchor).collect()
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
