//! Tables of trained networks: which networks of a space somebody trained, and the accuracies they reached.
//!
//! A table is CSV with a header, one row for each network. Accuracies are in per cent, one column for each seed; an empty cell is a training that
//! wasn't done. Networks are written in one of three forms, told by the header:
//!
//! | form | columns |
//! |---|---|
//! | genotypes | one column, `genotype`, `arch` or `architecture`: the text of [`SearchSpace::parse`](roofnas_space::SearchSpace::parse), as `pareto.csv` has it |
//! | layers | one column of the same names with an option for each layer, all stages one after the other: digits (`12020110`, the position of the option among the stage's, from 0), or numbers and labels with commas, spaces, semicolons or bars between (`ibk3e3\|id\|...`). For spaces that let nothing else be chosen |
//! | genes | a column for each gene; see below |
//!
//! Where several are there, the first of this list counts; a column can be named instead.
//!
//! # Names of genes
//!
//! | column | short | values |
//! |---|---|---|
//! | `resolution`, `stem`, `head` | | pixels (`224`, `256x160`), channels, channels; `stem_channels` and `head_channels` are the same |
//! | `stageN_channels`, `stageN_depth`, `stageN_stride` | `bN_c`, `bN_l`, `bN_s` | numbers |
//! | `stageN_block` | | `inverted_bottleneck`, or its abbreviation `ib` |
//! | `stageN_kernel`, `stageN_expand` | `bN_k`, `bN_e` | numbers; `expansion` is `expand` |
//! | `stageN_groups` | `bN_g` | a number, `depthwise` or `dw`, `w16` for groups of 16 channels |
//! | `stageN_se` | `bN_se` | the ratio, 0 for none; 1 for some, where the space has one ratio |
//! | `stageN_activation` | `bN_a` | `relu`, `swish`, ... |
//!
//! Stages count from 0. What a layer has of its own is `stageN_layerM_kernel` or `bN_lM_k` with layers from 0, and comes before its stage's column.
//! Genes that the space leaves no choice in can be left out; where they stand there, they must be the space's. Other columns are passed over.
//!
//! Nothing is repaired or left out in silence: a row that is not of the space is an error with its line.
//!
//! ```
//! use roofnas::{TrainedColumns, TrainedTable};
//! use roofnas_space::{SearchSpace, presets};
//!
//! let space = SearchSpace::new(presets::definition("nas-bench-macro").unwrap()).unwrap();
//! let columns = TrainedColumns {
//!     truth: vec!["top1".to_owned()],
//!     ..TrainedColumns::default()
//! };
//! // identities after a stage's first layer commute: the second and third row are one network
//! let table = "arch,top1\n11111111,92.5\n12010110,91.0\n12001110,90.0\n";
//! let table = TrainedTable::parse(table, &space, &columns).unwrap();
//! let distinct = table.distinct(&space);
//! assert_eq!(distinct.len(), 2);
//! assert_eq!(distinct[1].lines, [3, 4]);
//! assert_eq!(distinct[1].accuracy(), 90.5);
//! ```

mod check;
mod distinct;
mod error;
mod form;
mod gene;
mod genes;
mod layers;
mod read;
mod table;
#[cfg(test)]
mod tests;

pub use distinct::DistinctNetwork;
pub use error::TrainedError;
pub use read::{TrainedColumns, TrainedRow, TrainedTable};
