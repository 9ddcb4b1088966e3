//! What comes behind the backbone.

use super::Remark;
use super::graph::{Graph, Id};
use crate::fixed_head::HeadCut;

/// A neck and head: the layers behind the last block where there is no classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Behind {
    /// The layers in words, from the first to the last.
    pub layers: String,
    /// Their share of the network's MACs.
    pub share: f64,
    /// Where they begin.
    pub cut: HeadCut,
}

impl Behind {
    /// The nodes that are not `covered`, some of which read `ends` of blocks; those stand with their strides.
    pub(super) fn new(
        graph: &Graph<'_>,
        covered: &[bool],
        ends: &[(Id, usize)],
        share: f64,
    ) -> Option<Self> {
        let left: Vec<Id> = (0..graph.nodes.len()).filter(|&id| !covered[id]).collect();
        let described: Vec<String> = left.iter().map(|&id| graph.described(id)).collect();
        let layers = match &described[..] {
            [] => return None,
            [one] => one.clone(),
            [first, .., last] => format!("{first} to {last}, {} layers", described.len()),
        };
        let backbone = graph.layers().filter(|&(_, id)| covered[id]);
        let stride = |id: Id| ends.iter().rev().find(|&&(end, _)| end == id);
        let maps = graph
            .layers()
            .filter_map(|(layer, id)| Some((layer, stride(id)?.1)));
        Some(Self {
            layers,
            share,
            cut: HeadCut {
                maps: maps.collect(),
                backbone: backbone.map(|(layer, _)| layer).collect(),
            },
        })
    }

    /// What is said where it is left out.
    pub(super) fn left_out(&self, reason: Option<&str>) -> Remark {
        let reason = reason.map_or_else(String::new, |reason| format!("; {reason}"));
        Remark {
            layer: self.layers.clone(),
            what: format!(
                "come behind the backbone and are left out: a neck or a head of its own{reason}"
            ),
        }
    }
}
