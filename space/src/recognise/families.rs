//! Which family of blocks a run of convolutions is.

use super::path::{SqueezeExcite, Step};
use crate::activation::Activation;
use crate::block::{Block, BlockKind, Groups, multiple_near};

/// A run of convolutions as a block.
#[derive(Debug, Clone)]
pub(super) struct Family {
    /// The block; its squeeze-and-excite ratio is yet to be worked out.
    pub(super) block: Block,
    /// How many of the steps it has.
    pub(super) steps: usize,
    pub(super) stride: usize,
    pub(super) se: Option<SqueezeExcite>,
    /// Where it differs from the block, in words.
    pub(super) remarks: Vec<String>,
}

/// What a sum around the convolutions is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sum {
    /// There is none.
    None,
    /// A sum as it is.
    Plain,
    /// A sum with an activation behind it.
    Activated(Activation),
}

/// The family that the first steps are of, or that all of them are of where they end in a sum.
pub(super) fn family(steps: &[Step], sum: Sum) -> Option<Family> {
    let whole = |count: usize| sum == Sum::None || steps.len() == count;
    let act = |step: &Step| step.activation.is_some();
    match (sum, steps) {
        (Sum::Activated(_), [a, b, c]) if a.is_pointwise() && act(a) && act(b) && c.projects() => {
            Some(
                Draft::new(BlockKind::Bottleneck, steps, 1)
                    .with_groups()
                    .bottleneck(),
            )
        }
        (Sum::Activated(_), [a, b]) if act(a) && !act(b) => {
            Some(Draft::new(BlockKind::Basic, steps, 0).with_groups().basic())
        }
        (Sum::Activated(_), _) => None,
        (_, [a, b, c, ..])
            if whole(3)
                && a.shuffle.is_some()
                && act(a)
                && b.is_depthwise()
                && act(b)
                && c.projects() =>
        {
            Some(Draft::new(BlockKind::GroupedShuffle, &steps[..3], 1).shuffled())
        }
        (_, [a, b, c, ..])
            if whole(3)
                && a.is_pointwise()
                && a.conv.groups == 1
                && act(a)
                && b.is_spatial()
                && act(b)
                && c.projects()
                && c.conv.groups == 1 =>
        {
            Some(
                Draft::new(BlockKind::InvertedBottleneck, &steps[..3], 1)
                    .with_groups()
                    .inverted(),
            )
        }
        (_, [a, b, c, ..])
            if whole(3)
                && a.is_depthwise()
                && !act(a)
                && b.is_pointwise()
                && act(b)
                && c.projects() =>
        {
            Some(Draft::new(BlockKind::LargeKernelDepthwise, &steps[..3], 0).large_kernel())
        }
        (_, [a, b, ..]) if whole(2) && a.is_depthwise() && act(a) && b.projects() => {
            let draft = Draft::new(BlockKind::InvertedBottleneck, &steps[..2], 0);
            Some(draft.with_groups().unexpanded())
        }
        (Sum::None, [a, b, ..]) if a.is_depthwise() && act(a) && b.is_pointwise() && act(b) => {
            Some(Draft::new(BlockKind::DepthwiseSeparable, &steps[..2], 0).done())
        }
        (_, [a, b, ..]) if whole(2) && !a.is_pointwise() && act(a) && b.projects() => Some(
            Draft::new(BlockKind::FusedInvertedBottleneck, &steps[..2], 0)
                .with_groups()
                .fused(),
        ),
        (Sum::Plain, [a]) if !a.is_pointwise() && act(a) => {
            let draft = Draft::new(BlockKind::FusedInvertedBottleneck, steps, 0);
            Some(draft.with_groups().unexpanded())
        }
        (Sum::None, [a, ..]) if act(a) => Some(
            Draft::new(BlockKind::Conv, &steps[..1], 0)
                .with_groups()
                .done(),
        ),
        (Sum::None, [a, ..]) if a.projects() && a.conv.groups == 1 => {
            Some(Draft::new(BlockKind::Identity, &steps[..1], 0).done())
        }
        _ => None,
    }
}

/// A block that takes shape.
struct Draft<'a> {
    steps: &'a [Step],
    spatial: &'a Step,
    family: Family,
}

impl<'a> Draft<'a> {
    /// `spatial` is the step that has the kernel and should have the stride.
    fn new(kind: BlockKind, steps: &'a [Step], spatial: usize) -> Self {
        let at = &steps[spatial];
        let mut block = kind.default_block();
        let activations: Vec<Activation> =
            steps.iter().filter_map(|step| step.activation).collect();
        let mut remarks = Vec::new();
        if let Some(&first) = activations.first()
            && kind != BlockKind::Identity
        {
            block.activation = first;
        }
        if activations
            .iter()
            .any(|activation| activation != &activations[0])
        {
            remarks.push(format!(
                "has several activations, here {} alone",
                block.activation
            ));
        }
        if kind != BlockKind::Identity {
            block.kernel = kernel(at, &mut remarks);
        }
        let mut stride = 1;
        for (index, step) in steps.iter().enumerate() {
            let [rows, columns] = step.conv.stride;
            stride *= rows.max(columns);
            if rows != columns {
                remarks.push(format!(
                    "has stride {rows}x{columns}, here {}",
                    rows.max(columns)
                ));
            }
            if index != spatial && stride_of(step) > 1 {
                remarks.push("has its stride elsewhere than in the k x k convolution".to_owned());
            }
            if step.conv.dilation != [1; 2] {
                remarks.push("is dilated, which no block here is".to_owned());
            }
            if index != spatial && !step.is_pointwise() && kind != BlockKind::Basic {
                remarks.push("has a second k x k convolution".to_owned());
            }
        }
        if stride > 2 {
            remarks.push(format!("has stride {stride}, here 2"));
            stride = 2;
        }
        let se = steps.iter().find_map(|step| step.se);
        let after = match kind {
            BlockKind::Basic => steps.len() - 1,
            _ => spatial,
        };
        for (index, step) in steps.iter().enumerate() {
            if step.se.is_some() && (index != after || !has_se(kind)) {
                remarks.push("has squeeze-and-excite in another place".to_owned());
            }
            let shuffles = kind == BlockKind::GroupedShuffle && index == 0;
            if step.shuffle.is_some() && !shuffles {
                remarks.push("shuffles its channels, which this block doesn't".to_owned());
            }
        }
        Self {
            steps,
            spatial: at,
            family: Family {
                block,
                steps: steps.len(),
                stride,
                se: se.filter(|_| has_se(kind)),
                remarks,
            },
        }
    }

    fn done(self) -> Family {
        self.family
    }

    fn with_groups(mut self) -> Self {
        let groups = self.spatial.conv.groups;
        self.family.block.groups = if self.spatial.is_depthwise() {
            Groups::Depthwise
        } else {
            Groups::Count(groups)
        };
        self
    }

    fn outputs(&self) -> usize {
        self.steps[self.steps.len() - 1].output.channels
    }

    fn expand(mut self, hidden: usize, of: usize, is_free: bool) -> Family {
        match expansion(hidden, of, is_free) {
            Some(expand) => self.family.block.expand = expand,
            None => {
                self.family.block.expand = (hidden as f64 / of as f64).clamp(0.1, 16.0);
                let rule =
                    "channels inside a block are multiples of 8 and at most 16 times those outside";
                self.family
                    .remarks
                    .push(format!("has {hidden} channels inside; {rule}"));
            }
        }
        self.family
    }

    fn bottleneck(self) -> Family {
        let (hidden, of) = (self.steps[0].output.channels, self.outputs());
        self.expand(hidden, of, true)
    }

    fn inverted(self) -> Family {
        let (hidden, of) = (self.steps[0].output.channels, self.steps[0].input.channels);
        self.expand(hidden, of, false)
    }

    fn fused(self) -> Family {
        self.inverted()
    }

    fn large_kernel(mut self) -> Family {
        let (hidden, of) = (self.steps[1].output.channels, self.steps[1].input.channels);
        self.family.block.activation = self.steps[1].activation.unwrap_or(Activation::Relu);
        self.expand(hidden, of, true)
    }

    fn shuffled(mut self) -> Family {
        let groups = self.steps[0].conv.groups;
        self.family.block.groups = Groups::Count(groups);
        let (hidden, of) = (self.steps[0].output.channels, self.steps[0].input.channels);
        self.expand(hidden, of, true)
    }

    fn unexpanded(mut self) -> Family {
        self.family.block.expand = 1.0;
        self.family
    }

    fn basic(mut self) -> Family {
        let [first, second] = self.steps else {
            return self.family;
        };
        if first.conv.kernel != second.conv.kernel || first.conv.groups != second.conv.groups {
            let remark =
                "has two convolutions of different kernels or groups, here those of the first";
            self.family.remarks.push(remark.to_owned());
        }
        if first.output.channels != second.output.channels {
            let remark = "has other channels inside than outside, which a basic block doesn't";
            self.family.remarks.push(remark.to_owned());
        }
        self.family
    }
}

fn stride_of(step: &Step) -> usize {
    step.conv.stride[0].max(step.conv.stride[1])
}

/// Families with squeeze-and-excite.
fn has_se(kind: BlockKind) -> bool {
    kind.has(crate::block::Attribute::Se)
}

/// The kernel as one that blocks have: square and odd.
fn kernel(step: &Step, remarks: &mut Vec<String>) -> usize {
    let [rows, columns] = step.conv.kernel;
    let side = rows.max(columns);
    let kernel = if side.is_multiple_of(2) {
        side + 1
    } else {
        side
    };
    if rows != columns || kernel != side {
        remarks.push(format!(
            "has a kernel of {rows}x{columns}, here {kernel}x{kernel}"
        ));
    } else if step.output.resolution() != step.input.resolution().strided(stride_of(step)) {
        remarks.push("is padded otherwise than to keep its sides".to_owned());
    }
    kernel.min(31)
}

/// The expansion, in as few digits as give these hidden channels. One of 1 leaves the expanding convolution out, except where it is free to be 1.
fn expansion(hidden: usize, of: usize, is_free: bool) -> Option<f64> {
    let exact = hidden as f64 / of as f64;
    let rounded = (0..=4).map(|digits| {
        let scale = 10_f64.powi(digits);
        (exact * scale).round() / scale
    });
    let beside = [exact + 1e-3];
    let mut candidates = rounded.chain([exact]).chain(beside);
    candidates.find(|&expand| {
        expand > 0.0
            && expand <= 16.0
            && (is_free || expand != 1.0)
            && multiple_near(expand * of as f64, 8) == hidden
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expansions_have_few_digits() {
        // MobileNetV3-large, MobileNetV2, ResNet-50
        assert_eq!(expansion(184, 80, false), Some(2.3));
        assert_eq!(expansion(96, 16, false), Some(6.0));
        assert_eq!(expansion(64, 256, true), Some(0.25));
        assert_eq!(expansion(256, 256, true), Some(1.0));
        // an expanding convolution that doesn't expand
        assert_eq!(expansion(64, 64, false), Some(1.001));
        assert_eq!(expansion(36, 24, false), None);
    }
}
