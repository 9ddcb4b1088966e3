//! Genotypes as points.

use roofnas_space::{Activation, Block, BlockKind, Genotype, Groups, SearchSpace};

/// Deviation below which a coordinate counts as the same for all networks.
const LEAST_DEVIATION: f64 = 1e-9;

/// What is encoded of one block: logarithms of base 2 of kernel, expansion and number of groups; whether it is depthwise; the squeeze-and-excite ratio;
/// whether it is there at all; its family and its activation as one column each. A block that does nothing has kernel and expansion 1.
const BLOCK_COLUMNS: usize = 6 + BlockKind::ALL.len() + Activation::ALL.len();

/// How the genotypes of a space become points: resolution, channels of stem and head; of each stage channels, stride, depth, its first block (it
/// changes the shape) and the mean over all of its blocks. What doesn't vary over the space, and what repeats another column, is left out; the others are
/// centred and scaled to deviation 1 over a sample of the space.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoding {
    columns: Vec<Column>,
}

/// A column that is kept.
#[derive(Debug, Clone, PartialEq)]
struct Column {
    place: usize,
    mean: f64,
    deviation: f64,
}

impl Encoding {
    /// The encoding of a space, scaled over a sample of it.
    pub fn new(space: &SearchSpace, sample: &[Genotype]) -> Self {
        let rows: Vec<Vec<f64>> = sample.iter().map(|genotype| raw(space, genotype)).collect();
        let count = rows.len().max(1) as f64;
        let width = rows.first().map_or(0, Vec::len);
        let mut columns: Vec<Column> = Vec::new();
        for place in 0..width {
            let values = rows.iter().map(|row| row[place]);
            let mean = values.clone().sum::<f64>() / count;
            let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            let repeats = |column: &Column| {
                let mut pairs = rows.iter().map(|row| (row[column.place], row[place]));
                pairs.all(|(a, b)| a == b)
            };
            if variance.sqrt() > LEAST_DEVIATION && !columns.iter().any(repeats) {
                columns.push(Column {
                    place,
                    mean,
                    deviation: variance.sqrt(),
                });
            }
        }
        Self { columns }
    }

    /// Number of coordinates.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there are none: the space has one network, as far as can be told.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Appends the coordinates of a genotype of the space.
    pub fn encode(&self, space: &SearchSpace, genotype: &Genotype, into: &mut Vec<f64>) {
        let raw = raw(space, genotype);
        let scaled = |column: &Column| (raw[column.place] - column.mean) / column.deviation;
        into.extend(self.columns.iter().map(scaled));
    }
}

/// Every column, as it is.
fn raw(space: &SearchSpace, genotype: &Genotype) -> Vec<f64> {
    let stages = space.stages();
    let mut all = Vec::with_capacity(3 + stages * (3 + 2 * BLOCK_COLUMNS));
    let resolution = space.resolution(genotype);
    all.push(log2(resolution.height * resolution.width));
    all.push(log2(space.stem_channels(genotype)));
    all.push(space.head_channels(genotype).map_or(0.0, log2));
    let mut blocks = space.blocks(genotype).peekable();
    for stage in 0..stages {
        let (mut sum, mut first) = ([0.0; BLOCK_COLUMNS], [0.0; BLOCK_COLUMNS]);
        let (mut depth, mut channels, mut stride) = (0, 1, 1);
        while let Some(placed) = blocks.next_if(|placed| placed.stage == stage) {
            let own = block(&placed.block);
            if depth == 0 {
                (first, channels, stride) = (own, placed.channels, placed.stride);
            }
            for (sum, own) in sum.iter_mut().zip(own) {
                *sum += own;
            }
            depth += 1;
        }
        all.extend([log2(channels), log2(stride), log2(1 + depth)]);
        all.extend(first);
        all.extend(sum.map(|sum| sum / depth.max(1) as f64));
    }
    all
}

fn block(block: &Block) -> [f64; BLOCK_COLUMNS] {
    let mut columns = [0.0; BLOCK_COLUMNS];
    let is_there = block.kind != BlockKind::Identity;
    if is_there {
        columns[0] = log2(block.kernel);
        columns[1] = block.expand.log2();
        columns[2] = match block.groups {
            Groups::Count(groups) => log2(groups),
            Groups::Width(width) => -log2(width),
            Groups::Depthwise => 0.0,
        };
        columns[3] = f64::from(block.groups == Groups::Depthwise);
        columns[4] = block.se;
        columns[5] = 1.0;
    }
    let (families, activations) = columns[6..].split_at_mut(BlockKind::ALL.len());
    for (column, kind) in families.iter_mut().zip(BlockKind::ALL) {
        *column = f64::from(block.kind == kind);
    }
    for (column, activation) in activations.iter_mut().zip(Activation::ALL) {
        *column = f64::from(is_there && block.activation == activation);
    }
    columns
}

fn log2(number: usize) -> f64 {
    (number as f64).log2()
}
