//! What the parts of a network are called in the file it was read from.

use std::collections::BTreeMap;

/// Names of nodes and values of a file, with the layer (by index) that each has become part of.
///
/// A layer may stand for several nodes: an activation that is written out in primitives, say. An engine that runs the file names what
/// it runs after any of them, or after what they produce. Empty for a network that wasn't read from a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileNames {
    nodes: BTreeMap<String, usize>,
    values: BTreeMap<String, usize>,
}

impl FileNames {
    /// The layer that a node of this name has become part of.
    pub fn node(&self, name: &str) -> Option<usize> {
        self.nodes.get(name).copied()
    }

    /// The layer that produces a value of this name, or produces something from it that the file has in several nodes.
    pub fn value(&self, name: &str) -> Option<usize> {
        self.values.get(name).copied()
    }

    /// Whether no names are known.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.values.is_empty()
    }

    /// Adds a node's name; of two equal ones, which a file should not have, the first counts. Nameless nodes are left out.
    pub(crate) fn add_node(&mut self, name: String, layer: usize) {
        if !name.is_empty() {
            self.nodes.entry(name).or_insert(layer);
        }
    }

    /// Adds a value's name.
    pub(crate) fn add_value(&mut self, name: String, layer: usize) {
        if !name.is_empty() {
            self.values.entry(name).or_insert(layer);
        }
    }
}
