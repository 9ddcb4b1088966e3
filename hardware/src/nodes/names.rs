//! From the name of an engine's node to the layer it was made of.
//!
//! ONNX Runtime (1.32) calls a node of its optimised graph, and adds `_token_<number>` where a name is taken:
//!
//! | node | name |
//! |---|---|
//! | left as it was | the file's; nameless ones by operator and position, `Conv_12` (nothing at all in older versions) |
//! | convolution or pooling in the blocked layout | what it produced before, that is the *value's* name, with `_nchwc` |
//! | convolution with an activation | the activation's; in the blocked layout what the activation produced |
//! | batch-norm or scaling run as a convolution in the blocked layout | what it produced, with `_bn_nchwc` or `_mul_nchwc` |
//! | convolution with a folded batch-norm | in the blocked layout what the batch-norm produced |
//! | several nodes recognised as one operator | that of the last, with `/QuickGeluFusion/`, `/MatMulAddFusion` and the like |
//! | reorders, reshapes and transpositions of its own | the operator: `ReorderInput`, `gemm_input_reshape` |
//!
//! OpenVINO (2026.4) lists what each node of its graph was made of, and commas are put between:
//!
//! | node | name |
//! |---|---|
//! | left as it was | the file's, or what it produced if that is an output of the network |
//! | convolution or product without a bias, or with one that was folded in | the same with `/WithoutBiases` |
//! | convolution or product with what was fused into it | the list of both: `conv/WithoutBiases,relu`, `conv/WithoutBiases,add` |
//! | elementwise operators in one node | the list of them: `add,relu` |
//! | what its optimisations made, such as a convolution with a folded batch-norm | a name of its own, `Multiply_1234`; what is fused into that stands behind it |
//! | reorders | `<from>_abcd_acdb_<to>`, by the layouts |

use std::collections::HashMap;

use roofnas_space::onnx::HELPER_NODES;
use roofnas_space::{Network, Tensor};

/// The names that nodes and values of a network's file have; looked up only, never iterated.
pub(super) struct Names<'a> {
    network: &'a Network,
    layers: HashMap<String, usize>,
    outputs: HashMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    pub(super) fn of(network: &'a Network) -> Self {
        let mut layers = HashMap::new();
        for index in 0..network.layers().len() {
            layers.entry(network.layer_name(index)).or_insert(index);
        }
        let outputs = network.outputs().iter();
        let outputs = outputs.filter_map(|output| match output.tensor {
            Tensor::Layer(layer) => Some((output.name.as_str(), layer)),
            Tensor::Input | Tensor::Elsewhere(_) => None,
        });
        Self {
            network,
            layers,
            outputs: outputs.collect(),
        }
    }

    /// The layers that a node of the engine's graph was made of, as far as its name says, in the network's order.
    pub(super) fn layers(&self, node: &str) -> Vec<usize> {
        if let Some(layer) = self.layer(node) {
            return vec![layer];
        }
        if !node.contains(',') {
            return Vec::new();
        }
        let parts = node.split(',').filter_map(|part| self.layer(part));
        let mut layers: Vec<usize> = parts.collect();
        layers.sort_unstable();
        layers.dedup();
        layers
    }

    /// The layer that something of the engine's graph was made of, as far as its name says.
    fn layer(&self, node: &str) -> Option<usize> {
        let mut name = node;
        loop {
            if let Some(layer) = self.node(name).or_else(|| self.value(name)) {
                return Some(layer);
            }
            let (rest, named_after) = without_suffix(name)?;
            if named_after == NamedAfter::Value
                && let Some(layer) = self.value(rest)
            {
                return Some(layer);
            }
            name = rest;
        }
    }

    fn node(&self, name: &str) -> Option<usize> {
        let file = self.network.file_names();
        let known = |name: &str| file.node(name).or_else(|| self.layers.get(name).copied());
        known(name).or_else(|| {
            let (layer, helper) = name.rsplit_once('.').filter(|_| file.is_empty())?;
            HELPER_NODES
                .contains(&helper)
                .then(|| self.layers.get(layer).copied())?
        })
    }

    fn value(&self, name: &str) -> Option<usize> {
        let file = self.network.file_names().value(name);
        file.or_else(|| self.outputs.get(name).copied())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NamedAfter {
    /// What a node was called.
    Node,
    /// What it produced.
    Value,
}

/// A name without the last thing that the engine added to it, and what the rest is the name of.
fn without_suffix(name: &str) -> Option<(&str, NamedAfter)> {
    for suffix in ["_nchwc", "_bn", "_mul"] {
        if let Some(rest) = name.strip_suffix(suffix) {
            return Some((rest, NamedAfter::Value));
        }
    }
    if let Some((rest, number)) = name.rsplit_once("_token_")
        && is_number(number)
    {
        return Some((rest, NamedAfter::Node));
    }
    if let Some(rest) = name.strip_suffix("/WithoutBiases") {
        return Some((rest, NamedAfter::Node));
    }
    let (rest, pass) = name.strip_suffix('/').unwrap_or(name).rsplit_once('/')?;
    pass.ends_with("Fusion").then_some((rest, NamedAfter::Node))
}

/// Whether the engine made this name up for a node without one.
pub(super) fn is_made_up(name: &str, op_type: &str) -> bool {
    let name = match name.rsplit_once("_token_") {
        Some((rest, number)) if is_number(number) => rest,
        _ => name,
    };
    let number = |rest: &str| rest.strip_prefix('_').is_some_and(is_number);
    match name.strip_prefix(op_type) {
        _ if name.is_empty() => true,
        Some(rest) => rest.is_empty() || number(rest),
        None => false,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_adds() {
        use NamedAfter::{Node, Value};
        let table = [
            ("a.conv_nchwc", Some(("a.conv", Value))),
            ("a_nchwc_token_12", Some(("a_nchwc", Node))),
            ("/f/0/Mul/QuickGeluFusion/", Some(("/f/0/Mul", Node))),
            ("fc/MatMulAddFusion", Some(("fc", Node))),
            ("/f/0/Conv/WithoutBiases", Some(("/f/0/Conv", Node))),
            ("x_abcd_acdb_/f/0/Conv", None),
            ("/features/0/Conv", None),
            ("n8_bn", Some(("n8", Value))),
            ("a_token_", None),
            ("a_token_x1", None),
            ("", None),
            ("/", None),
        ];
        for (name, expected) in table {
            assert_eq!(without_suffix(name), expected, "{name}");
        }
    }

    #[test]
    fn names_for_nameless_nodes() {
        let table = [
            ("", "Conv", true),
            ("Conv_12", "Conv", true),
            ("Gelu_token_4", "Gelu", true),
            ("Gelu", "Gelu", true),
            ("Conv_a", "Conv", false),
            ("Convolution_1", "Conv", false),
            ("conv1", "Conv", false),
        ];
        for (name, op_type, expected) in table {
            assert_eq!(is_made_up(name, op_type), expected, "{name}");
        }
    }
}
