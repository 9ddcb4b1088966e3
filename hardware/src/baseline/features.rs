//! What baselines count of a network.

use std::collections::BTreeSet;

use roofnas_cost::{KernelCost, NetworkCost, OpClass};

/// A choice of counts. Kernels that only see memory under another shape are never counted: they take no time.
#[derive(Debug, Clone)]
pub(super) enum Features {
    /// MACs.
    Macs,
    /// MACs, elements that convolutions, linear layers and matrix products write, weights, kernels, depthwise kernels.
    Five,
    /// Of each of these classes: kernels, MACs, elements moved.
    ByClass(Vec<OpClass>),
    /// Both.
    FiveAndByClass(Vec<OpClass>),
}

impl Features {
    /// By the classes that occur in these networks.
    pub(super) fn by_class(networks: &[&NetworkCost]) -> Self {
        Self::ByClass(classes(networks))
    }

    /// The five, and those by the classes that occur in these networks.
    pub(super) fn five_and_by_class(networks: &[&NetworkCost]) -> Self {
        Self::FiveAndByClass(classes(networks))
    }

    /// The counts of a network in one inference of a batch.
    pub(super) fn of(&self, cost: &NetworkCost, batch: u64) -> Vec<f64> {
        match self {
            Self::Macs => vec![batch as f64 * cost.macs as f64],
            Self::Five => five(cost, batch).to_vec(),
            Self::ByClass(classes) => by_class(cost, classes, batch),
            Self::FiveAndByClass(classes) => {
                let mut counts = five(cost, batch).to_vec();
                counts.extend(by_class(cost, classes, batch));
                counts
            }
        }
    }
}

fn executed(cost: &NetworkCost) -> impl Iterator<Item = &KernelCost> {
    let kernels = cost.kernels.iter();
    kernels.filter(|kernel| kernel.class != OpClass::View)
}

fn classes(networks: &[&NetworkCost]) -> Vec<OpClass> {
    let kernels = networks.iter().flat_map(|cost| executed(cost));
    let classes: BTreeSet<OpClass> = kernels.map(|kernel| kernel.class).collect();
    classes.into_iter().collect()
}

fn five(cost: &NetworkCost, batch: u64) -> [f64; 5] {
    let images = batch as f64;
    // convolutions, linear layers and matrix products, whatever classes they are told apart in
    let activations: u64 = executed(cost)
        .filter(|kernel| kernel.macs > 0)
        .map(|kernel| kernel.written_elements)
        .sum();
    let depthwise = executed(cost).filter(|kernel| kernel.class == OpClass::Depthwise);
    [
        images * cost.macs as f64,
        images * activations as f64,
        cost.weight_elements as f64,
        executed(cost).count() as f64,
        depthwise.count() as f64,
    ]
}

fn by_class(cost: &NetworkCost, classes: &[OpClass], batch: u64) -> Vec<f64> {
    let counts = classes.iter().flat_map(|&class| {
        let mut counts = [0.0; 3];
        for kernel in executed(cost).filter(|kernel| kernel.class == class) {
            counts[0] += 1.0;
            counts[1] += batch as f64 * kernel.macs as f64;
            counts[2] += moved_elements(kernel, batch);
        }
        counts
    });
    counts.collect()
}

/// Elements moved in one inference: what is read and written for each image, and the weights once.
fn moved_elements(kernel: &KernelCost, batch: u64) -> f64 {
    let per_image = kernel.read_elements as f64 + kernel.written_elements as f64;
    batch as f64 * per_image + kernel.weight_elements as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use roofnas_cost::Fusion;
    use roofnas_space::{Activation, Conv, NetworkBuilder, Op, Part, Role, Shape, Tensor};

    /// Input 3x4x4 -> 3x3 conv to 8 -> relu -> depthwise 3x3 -> global pooling -> linear to 10.
    fn small() -> NetworkCost {
        let mut b = NetworkBuilder::new("small", Shape::new(3, 4, 4));
        b.section(Part::Whole, "");
        let mut last = Tensor::Input;
        let ops = [
            Op::Conv(Conv::same(8, 3, 1)),
            Op::Activation(Activation::Relu),
            Op::Conv(Conv::same(8, 3, 1).grouped(8)),
            Op::GlobalAvgPool,
            Op::Linear {
                out_features: 10,
                bias: true,
            },
        ];
        for op in ops {
            last = b.push("layer", op, &[last], Role::Main);
        }
        b.output("logits", last);
        NetworkCost::new(&b.finish().unwrap(), &Fusion::default())
    }

    #[test]
    fn counts_by_hand() {
        let cost = small();
        // 8 * 16 * 27, 8 * 16 * 9, 8 * 10
        assert_eq!(Features::Macs.of(&cost, 1), [3456.0 + 1152.0 + 80.0]);
        assert_eq!(
            Features::Five.of(&cost, 1),
            [4688.0, 128.0 + 128.0 + 10.0, 216.0 + 72.0 + 90.0, 5.0, 1.0]
        );
        let by_class = Features::by_class(&[&cost]);
        let expected = [
            // dense: 2 * (48 + 128) + 216
            [1.0, 2.0 * 3456.0, 568.0],
            // depthwise: 2 * (128 + 128) + 72
            [1.0, 2.0 * 1152.0, 584.0],
            // linear: 2 * (8 + 10) + 90
            [1.0, 2.0 * 80.0, 126.0],
            // pool: 2 * (128 + 8)
            [1.0, 0.0, 272.0],
            // relu: 2 * (128 + 128)
            [1.0, 0.0, 512.0],
        ];
        assert_eq!(by_class.of(&cost, 2), expected.concat());
        // of two images: weights and kernels stay
        assert_eq!(
            Features::Five.of(&cost, 2),
            [2.0 * 4688.0, 2.0 * 266.0, 378.0, 5.0, 1.0]
        );
        let both = Features::five_and_by_class(&[&cost]).of(&cost, 2);
        assert_eq!(both.len(), 5 + 15);
    }

    #[test]
    fn classes_not_fitted_on_are_passed_over() {
        let cost = small();
        let none = Features::by_class(&[]);
        assert!(none.of(&cost, 1).is_empty());
    }
}
