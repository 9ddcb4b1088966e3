//! What a caller decides about a file.

use std::collections::BTreeMap;

use crate::shape::Resolution;

/// What to take for sizes that a file leaves open, and what to call the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// The network's name; without one, that of the graph.
    pub name: Option<String>,
    /// Images at once, for a model that takes any number. Counts are per image either way; a model with a fixed
    /// batch is run on that.
    pub batch: usize,
    /// Height and width of the image, where the file leaves them open.
    pub resolution: Option<Resolution>,
    /// Sizes by the names the file has for them, such as `height` or `sequence`; for one without a name, by its input
    /// and axis, such as `image.2`.
    pub sizes: BTreeMap<String, usize>,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            name: None,
            batch: 1,
            resolution: None,
            sizes: BTreeMap::new(),
        }
    }
}
