//! Whether two networks are made of the same layers.

use super::graph::{Graph, IMAGE};
use crate::network::Network;

/// How alike two networks are, batch-norms folded and views left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likeness {
    /// MACs per image of each.
    pub macs: [u64; 2],
    /// Layers that only the first has: what they do, from which shapes to which.
    pub only_first: Vec<String>,
    /// Layers that only the second has.
    pub only_second: Vec<String>,
}

impl Likeness {
    /// Compares two networks, layer by layer: the same operators on the same shapes, in whatever order.
    pub fn of(first: &Network, second: &Network) -> Self {
        let graphs = [first, second].map(Graph::new);
        let macs = graphs.each_ref().map(|graph| {
            let ids = (0..graph.nodes.len()).filter(|&id| id != IMAGE);
            ids.map(|id| graph.macs(id)).sum()
        });
        let [first, second] = graphs.map(|graph| graph.essence());
        Self {
            macs,
            only_first: without(&first, &second),
            only_second: without(&second, &first),
        }
    }

    /// Whether both have the same layers.
    pub fn is_same(&self) -> bool {
        self.only_first.is_empty() && self.only_second.is_empty()
    }
}

/// What a sorted list has more of than another.
fn without(list: &[String], other: &[String]) -> Vec<String> {
    let mut left = other.iter().peekable();
    let mut only = Vec::new();
    for item in list {
        while left.next_if(|one| *one < item).is_some() {}
        if left.next_if(|one| *one == item).is_none() {
            only.push(item.clone());
        }
    }
    only
}
