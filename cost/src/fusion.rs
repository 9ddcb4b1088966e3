//! Which layers an engine runs as one.

use roofnas_space::{Activation, Network, Op, Part, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an engine fuses. Batch-norm right after a convolution needs no rule: exporting a network for
/// inference folds it into the weights everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Fusion {
    /// Activations that cost nothing after a convolution or linear layer.
    pub activations: Vec<Activation>,
    /// Whether a sum joins the convolution that produces one of its terms.
    pub add: bool,
    /// Whether such an activation also joins a sum or gate that stands alone.
    pub elementwise: bool,
}

impl Fusion {
    /// Every activation joins what it follows, and nothing else does: what a table of layers says that names a layer's activation beside it.
    pub fn every_activation() -> Self {
        Self {
            activations: Activation::ALL.to_vec(),
            add: false,
            elementwise: true,
        }
    }
}

/// Layers that run as one: an anchor and what is fused into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// The layers, in order; the first is the anchor, the last produces the output.
    pub layers: Vec<usize>,
    /// Whether a batch-norm is folded into the anchor.
    pub folds_norm: bool,
}

impl Kernel {
    /// The layer that gives the kernel its class.
    pub fn anchor(&self) -> usize {
        self.layers[0]
    }

    /// The layer whose output the kernel writes.
    pub fn last(&self) -> usize {
        self.layers[self.layers.len() - 1]
    }

    /// The tensors it reads from memory, one entry for each reading.
    pub fn reads<'a>(&'a self, network: &'a Network) -> impl Iterator<Item = Tensor> + 'a {
        let inputs = self
            .layers
            .iter()
            .flat_map(|&layer| &network.layers()[layer].inputs);
        inputs
            .copied()
            .filter(|tensor| !matches!(tensor, Tensor::Layer(layer) if self.layers.contains(layer)))
    }
}

/// The kernels an engine with these rules runs, in execution order.
pub fn kernels(network: &Network, fusion: &Fusion) -> Vec<Kernel> {
    let readers = network.readers();
    let head = fixed_head_begins(network);
    let mut kernels: Vec<Kernel> = Vec::with_capacity(network.layers().len());
    let mut owner: Vec<usize> = Vec::with_capacity(network.layers().len());
    for (index, layer) in network.layers().iter().enumerate() {
        // only the kernel that runs last among the producers can wait for all inputs, and only a
        // tensor nobody else reads can vanish
        let latest = layer
            .inputs
            .iter()
            .filter_map(|tensor| match tensor {
                Tensor::Input | Tensor::Elsewhere(_) => None,
                Tensor::Layer(producer) => Some((owner[*producer], *producer)),
            })
            .max();
        let joins = latest.filter(|&(kernel, producer)| {
            readers[producer] == 1
                && (producer < head) == (index < head)
                && kernels[kernel].last() == producer
                && (network.folds_into(index, &readers).is_some()
                    || absorbs(network, fusion, &kernels[kernel], &layer.op))
        });
        match joins {
            Some((kernel, _)) => {
                kernels[kernel].layers.push(index);
                kernels[kernel].folds_norm |= layer.op == Op::BatchNorm;
                owner.push(kernel);
            }
            None => {
                kernels.push(Kernel {
                    layers: vec![index],
                    folds_norm: false,
                });
                owner.push(kernels.len() - 1);
            }
        }
    }
    kernels
}

/// The first layer of a fixed head, if there is one. It reads outputs of the backbone, which are tensors whatever it does first: nothing of it is fused into
/// the backbone, so that what it costs doesn't depend on the last layer there.
fn fixed_head_begins(network: &Network) -> usize {
    let last = network.sections().last();
    last.filter(|section| section.part == Part::FixedHead)
        .map_or(network.layers().len(), |section| section.layers.start)
}

fn absorbs(network: &Network, fusion: &Fusion, kernel: &Kernel, op: &Op) -> bool {
    let at = |layer: usize| &network.layers()[layer].op;
    let anchor = at(kernel.anchor());
    let multiplies = matches!(
        anchor,
        Op::Conv(_) | Op::ConvTranspose(_) | Op::Linear { .. } | Op::MatMul(_)
    );
    let activated = matches!(at(kernel.last()), Op::Activation(_));
    match op {
        Op::Activation(activation) => {
            let standing = fusion.elementwise && matches!(anchor, Op::Add | Op::Scale);
            (multiplies || standing) && !activated && fusion.activations.contains(activation)
        }
        Op::Add => fusion.add && matches!(anchor, Op::Conv(_)) && !activated,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roofnas_space::{Conv, NetworkBuilder, Role, Shape};

    /// Input -> conv, norm, relu -> conv, norm -> add with a projected shortcut -> relu.
    fn residual() -> Network {
        let mut b = NetworkBuilder::new("residual", Shape::new(8, 4, 4));
        b.section(Part::Stem, "");
        let mut push =
            |name: &'static str, op, inputs: &[Tensor]| b.push(name, op, inputs, Role::Main);
        let relu = Op::Activation(Activation::Relu);
        let conv = Op::Conv(Conv::same(16, 3, 1));
        let x = push("a", conv.clone(), &[Tensor::Input]);
        let x = push("a.bn", Op::BatchNorm, &[x]);
        let x = push("a.act", relu.clone(), &[x]);
        let x = push("b", conv, &[x]);
        let x = push("b.bn", Op::BatchNorm, &[x]);
        let s = push("s", Op::Conv(Conv::pointwise(16)), &[Tensor::Input]);
        let s = push("s.bn", Op::BatchNorm, &[s]);
        let sum = push("add", Op::Add, &[x, s]);
        let out = push("act", relu, &[sum]);
        b.output("out", out);
        b.finish().unwrap()
    }

    fn groups(network: &Network, fusion: &Fusion) -> Vec<Vec<usize>> {
        kernels(network, fusion)
            .into_iter()
            .map(|k| k.layers)
            .collect()
    }

    #[test]
    fn only_batch_norm_folds_without_rules() {
        let none = Fusion::default();
        let expected = [
            vec![0, 1],
            vec![2],
            vec![3, 4],
            vec![5, 6],
            vec![7],
            vec![8],
        ];
        assert_eq!(groups(&residual(), &none), expected);
    }

    #[test]
    fn the_sum_joins_the_convolution_that_runs_last() {
        let all = Fusion {
            activations: vec![Activation::Relu],
            add: true,
            elementwise: true,
        };
        let network = residual();
        assert_eq!(
            groups(&network, &all),
            [vec![0, 1, 2], vec![3, 4], vec![5, 6, 7, 8]]
        );
        let kernels = kernels(&network, &all);
        let reads: Vec<Tensor> = kernels[2].reads(&network).collect();
        assert_eq!(reads, [Tensor::Input, Tensor::Layer(4)]);
    }

    #[test]
    fn activations_join_a_sum_of_their_own() {
        let network = residual();
        let fusion = Fusion {
            activations: vec![Activation::Relu],
            add: false,
            elementwise: true,
        };
        assert_eq!(groups(&network, &fusion).last(), Some(&vec![7, 8]));
        let other = Fusion {
            activations: vec![Activation::Gelu],
            ..fusion
        };
        assert_eq!(groups(&network, &other).last(), Some(&vec![8]));
    }

    #[test]
    fn nothing_of_a_fixed_head_joins_the_backbone() {
        let mut b = NetworkBuilder::new("border", Shape::new(8, 4, 4));
        b.section(Part::Stem, "");
        let conv = Op::Conv(Conv::same(8, 3, 1));
        let relu = Op::Activation(Activation::Relu);
        let x = b.push("c", conv.clone(), &[Tensor::Input], Role::Main);
        b.section(Part::FixedHead, "");
        let x = b.push("act", relu.clone(), &[x], Role::Main);
        let x = b.push("own", conv, &[x], Role::Main);
        let x = b.push("own.act", relu, &[x], Role::Main);
        b.output("out", x);
        let all = Fusion::every_activation();
        assert_eq!(
            groups(&b.finish().unwrap(), &all),
            [vec![0], vec![1], vec![2, 3]]
        );
    }

    #[test]
    fn a_tensor_somebody_else_reads_stays() {
        let mut b = NetworkBuilder::new("shared", Shape::new(8, 4, 4));
        let conv = b.push(
            "c",
            Op::Conv(Conv::same(8, 3, 1)),
            &[Tensor::Input],
            Role::Main,
        );
        let norm = b.push("bn", Op::BatchNorm, &[conv], Role::Main);
        let sum = b.push("add", Op::Add, &[conv, norm], Role::Main);
        b.output("out", sum);
        let network = b.finish().unwrap();
        let all = Fusion {
            add: true,
            ..Fusion::default()
        };
        assert_eq!(groups(&network, &all), [vec![0], vec![1], vec![2]]);
    }
}
