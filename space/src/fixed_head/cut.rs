//! Where a head begins.

use std::collections::{BTreeMap, BTreeSet};

/// Where a head is cut from a network: what it may read, and what it may not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeadCut {
    /// Layers (by index) whose outputs are feature maps, with their strides. Of those of one stride that a head reads, all must have one shape.
    pub maps: BTreeMap<usize, usize>,
    /// All layers of the backbone, those of the feature maps among them.
    pub backbone: BTreeSet<usize>,
}
