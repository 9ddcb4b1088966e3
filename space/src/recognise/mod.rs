//! From somebody's network to the space around it.
//!
//! A network that was read from a file is a list of operators. Here it becomes what a space is made of: a stem, blocks in stages, a head, and the feature maps
//! that leave it ([`Recognised`]). From the image on, each tensor is asked which block begins at it: a run of convolutions whose sum, activations,
//! groups and squeeze-and-excite are those of a [family](crate::BlockKind). What has no such form gets the nearest block, and a [`Remark`]; a network that is mostly of such is refused.
//! Where the blocks end and no classifier comes, what follows is a neck and head ([`Behind`]), which a space can carry as it is.
//!
//! Whether the space really holds the network, and not one like it, is nobody's guess: the network that [`Recognised::own`] stands for is built and held against the
//! file's, layer by layer ([`Likeness`]).
//!
//! ```
//! use roofnas_space::{presets, recognise};
//!
//! let network = presets::landmarks().remove(2).network;
//! let found = recognise::recognise(&network)?;
//! assert!(found.remarks.is_empty());
//! let around = found.surroundings()?;
//! let own = around.space.parse(&around.own)?;
//! assert!(recognise::Likeness::of(&network, &around.space.decode(&own)).is_same());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod behind;
mod families;
mod graph;
mod likeness;
mod path;
mod squeeze;
mod stages;
mod surroundings;
mod walk;

#[cfg(test)]
mod tests;

use thiserror::Error;

pub use self::behind::Behind;
use self::graph::Graph;
pub use self::likeness::Likeness;
pub use self::stages::{Own, OwnStage};
pub use self::surroundings::{Reach, Surroundings};
use crate::network::Network;

/// A network as the parts of a space.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognised {
    /// Its parts.
    pub own: Own,
    /// Where the parts differ from the network, in the order of its layers; none where they are the network.
    pub remarks: Vec<Remark>,
    /// Share of the MACs in layers that were recognised; of those of the backbone where something comes [behind](Self::behind) it.
    pub share: f64,
    /// The neck and head behind the backbone.
    pub behind: Option<Behind>,
    /// Whether layers that do arithmetic are left out behind the backbone.
    pub is_cut: bool,
}

/// Something about a layer that a space can't have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The layer, or a run of layers, as the file calls it.
    pub layer: String,
    /// What about it, as the rest of a sentence.
    pub what: String,
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.layer, self.what)
    }
}

/// Why no space can be made around a network.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum RecogniseError {
    /// The input is no image.
    #[error(
        "its input of {input} is no image: a backbone takes channels x height x width, of 8 pixels a side or more"
    )]
    NoImage {
        /// The input's shape.
        input: String,
    },
    /// A network without edges.
    #[error(
        "it isn't known which layer reads which, as in a table of layers without the column from"
    )]
    NoEdges,
    /// Something else than a convolution reads the image.
    #[error("it doesn't begin with a convolution: the image goes into {first}")]
    NoStem {
        /// What does.
        first: String,
    },
    /// There is no block.
    #[error(
        "no block of a known form follows its first convolution{}",
        listed(remarks)
    )]
    NoBlocks {
        /// What was met.
        remarks: Vec<Remark>,
    },
    /// Too little of it is made of blocks.
    #[error("only {:.0} % of its MACs lie in layers of a known form, and half of them must{}", 100.0 * share, listed(remarks))]
    Foreign {
        /// Share of the MACs in layers of a known form.
        share: f64,
        /// What has none.
        remarks: Vec<Remark>,
    },
    /// Not even the network's own parts make a space.
    #[error("its parts make no space: {0}")]
    Space(#[from] crate::space::SpaceError),
}

/// Remarks behind a sentence, the first of many.
fn listed(remarks: &[Remark]) -> String {
    const MOST: usize = 5;
    let shown: Vec<String> = remarks
        .iter()
        .take(MOST)
        .map(|remark| format!("\n  {remark}"))
        .collect();
    let more = match remarks.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    if shown.is_empty() {
        String::new()
    } else {
        format!(":{}{more}", shown.concat())
    }
}

/// Least share of the MACs that must lie in layers of a known form.
const LEAST_SHARE: f64 = 0.5;

/// Most of the MACs that may come behind the backbone: where there is more, the blocks are hardly what the network is made of.
const MOST_BEHIND: f64 = 0.8;

/// Least side of an image, in pixels.
const LEAST_SIDE: usize = 8;

/// Finds a network's stem, stages and head.
///
/// # Errors
/// For what takes no image, doesn't begin with a convolution, or is mostly of layers that are no blocks.
pub fn recognise(network: &Network) -> Result<Recognised, RecogniseError> {
    let input = network.input();
    if input.height.min(input.width) < LEAST_SIDE {
        return Err(RecogniseError::NoImage {
            input: input.to_string(),
        });
    }
    if !network.knows_edges() {
        return Err(RecogniseError::NoEdges);
    }
    let graph = Graph::new(network);
    let walked = walk::walk(&graph)?;
    let mut remarks = walked.remarks.clone();
    let (behind, is_cut) = (walked.behind.clone(), walked.is_cut);
    if walked.blocks.is_empty() {
        remarks.extend(behind.map(|behind| behind.left_out(None)));
        return Err(RecogniseError::NoBlocks { remarks });
    }
    if graph.paddings > 0 {
        remarks.push(Remark {
            layer: format!("paddings before {} convolutions", graph.paddings),
            what: "are layers of their own; here the convolutions have them".to_owned(),
        });
    }
    let share = walked.share;
    let own = Own::new(input, walked, &mut remarks);
    let found = Recognised {
        own,
        remarks,
        share,
        behind,
        is_cut,
    };
    // where all that comes out has one position, the blocks were the beginning of another kind of classifier
    let outputs = network.outputs().iter();
    let mut shapes = outputs.map(|output| network.shape(output.tensor));
    let classifies = shapes.all(|shape| shape.positions() == 1);
    match &found.behind {
        Some(behind) if behind.share <= MOST_BEHIND && !classifies => found.known_enough(),
        Some(_) => found.without_head(None),
        None => found.known_enough(),
    }
}

impl Recognised {
    /// The same where a space can't carry what comes behind the backbone, for this reason: it is left out.
    ///
    /// # Errors
    /// For a network that is mostly of layers that are no blocks.
    pub fn without_head(mut self, reason: Option<&str>) -> Result<Self, RecogniseError> {
        if let Some(behind) = self.behind.take() {
            self.share *= 1.0 - behind.share;
            self.is_cut = true;
            self.remarks.push(behind.left_out(reason));
        }
        self.known_enough()
    }

    fn known_enough(self) -> Result<Self, RecogniseError> {
        if self.share < LEAST_SHARE {
            return Err(RecogniseError::Foreign {
                share: self.share,
                remarks: self.remarks,
            });
        }
        Ok(self)
    }
}
