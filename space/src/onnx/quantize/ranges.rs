//! Synthetic ranges of feature maps, and how 8 bits cover them.

use super::super::proto::{AttributeProto, NodeProto};
use super::types::attribute;

/// The numbers that a feature map is said to hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    pub(super) low: f32,
    pub(super) high: f32,
}

/// How unsigned 8-bit integers stand for numbers: `number = scale * (integer - zero)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scaling {
    pub(super) scale: f32,
    pub(super) zero: u8,
}

/// Steps between 256 levels.
const STEPS: f32 = 255.0;

impl Range {
    const fn new(low: f32, high: f32) -> Self {
        Self { low, high }
    }

    /// A feature map of its own width, the `number`th of the network. No two neighbours have the same: of equal scales, engines leave conversions out that
    /// a trained network needs.
    pub(super) fn free(number: usize) -> Self {
        let width = width(number);
        Self::new(-width, width)
    }

    /// What an operator puts out, given what it reads, where its operands have ranges.
    pub(super) fn of(
        node: &NodeProto,
        number: usize,
        read: &[Option<Self>],
        bounds: Bounds,
    ) -> Self {
        let width = width(number);
        let first = read.first().copied().flatten();
        match node.op_type() {
            "Relu" => Self::new(0.0, width),
            "Clip" => bounds.of(Self::free(number)),
            "Sigmoid" | "HardSigmoid" | "Softmax" => Self::new(0.0, 1.0),
            // their least values
            "HardSwish" => Self::new(-0.375, width),
            "Gelu" => Self::new(-0.17, width),
            "AveragePool" | "GlobalAveragePool" => first.map_or(Self::free(number), |of| {
                Self::new(0.8 * of.low, 0.8 * of.high)
            }),
            "LeakyRelu" => {
                let slope = attribute(node, "alpha").map_or(0.01, AttributeProto::f);
                Self::new(-width * slope.clamp(0.0, 1.0), width)
            }
            "Concat" => {
                let known = read.iter().flatten();
                let hull = known
                    .copied()
                    .reduce(|a, b| Self::new(a.low.min(b.low), a.high.max(b.high)));
                hull.unwrap_or(Self::free(number))
            }
            _ => Self::free(number),
        }
    }

    /// The scaling in which zero is a whole number, as padding needs it. Its levels lie within the range, zero included: an engine that leaves out a clip at
    /// its ends must not find them beyond.
    pub(super) fn scaling(self) -> Scaling {
        let (below, above) = ((-self.low).max(0.0), self.high.max(0.0));
        let span = below + above;
        if span <= 0.0 {
            return Scaling {
                scale: 1.0,
                zero: 0,
            };
        }
        let zero = (STEPS * below / span).round();
        let finest = |side: f32, levels: f32| match levels {
            0.0 => f32::INFINITY,
            levels => side / levels,
        };
        let scale = finest(below, zero).min(finest(above, STEPS - zero));
        // where one side is a trifle, the other rules
        let scale = if scale > 0.0 { scale } else { span / STEPS };
        Scaling {
            // a sum of roundings must not lead beyond either
            scale: 0.9999 * scale,
            zero: zero as u8,
        }
    }

    /// Whether all levels lie within these bounds.
    pub(super) fn is_within(self, bounds: Bounds) -> bool {
        let Scaling { scale, zero } = self.scaling();
        let (low, high) = (-scale * f32::from(zero), scale * (STEPS - f32::from(zero)));
        bounds.least.is_none_or(|least| low >= least) && bounds.most.is_none_or(|most| high <= most)
    }
}

/// Between 3 and 5: a normal distribution of about one hardly leaves it.
fn width(number: usize) -> f32 {
    3.0 + 0.5 * (number % 5) as f32
}

/// The ends of a clip.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Bounds {
    pub(super) least: Option<f32>,
    pub(super) most: Option<f32>,
}

impl Bounds {
    /// What it puts out of such a map.
    pub(super) fn of(self, free: Range) -> Range {
        let finite = |bound: Option<f32>| bound.filter(|bound| bound.is_finite());
        let low = finite(self.least).unwrap_or(free.low);
        let high = finite(self.most).unwrap_or(free.high);
        if low < high {
            Range::new(low, high)
        } else {
            free
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_a_whole_number_and_the_ends_are_within() {
        for range in [
            Range::new(0.0, 6.0),
            Range::new(-0.375, 4.0),
            Range::new(-4.0, 4.0),
            Range::new(-1.0, 1.0),
            Range::new(1.0, 6.0),
            Range::new(-2.0, -1.0),
        ] {
            let Scaling { scale, zero } = range.scaling();
            assert!(scale > 0.0 && scale.is_finite(), "{range:?}");
            let level = |integer: i32| scale * (integer - i32::from(zero)) as f32;
            assert!(level(0) >= range.low.min(0.0), "{range:?}");
            assert!(level(255) <= range.high.max(0.0), "{range:?}");
            // and cover it but for a hundredth
            let covered = level(255) - level(0);
            let asked = range.high.max(0.0) - range.low.min(0.0);
            assert!(covered > 0.98 * asked, "{range:?} {covered}");
        }
        assert_eq!(Range::new(0.0, 6.0).scaling().zero, 0);
        // a clip at 6 finds nothing beyond its ends
        let six = Range::new(0.0, 6.0).scaling();
        assert!(six.scale * 255.0 <= 6.0 && six.scale * 255.0 > 5.99);
        assert_eq!(Range::new(-4.0, 4.0).scaling().zero, 128);
        // of zeros alone, any scale but zero
        assert!(Range::new(0.0, 0.0).scaling().scale > 0.0);
    }

    #[test]
    fn clips_keep_to_their_bounds() {
        let of = |least, most| Bounds { least, most }.of(Range::free(0));
        assert_eq!(of(Some(0.0), Some(6.0)), Range::new(0.0, 6.0));
        assert_eq!(of(Some(0.0), None), Range::new(0.0, 3.0));
        assert_eq!(of(Some(2.0), Some(1.0)), Range::free(0));
        assert_eq!(of(Some(f32::NAN), Some(f32::INFINITY)), Range::free(0));
    }
}
