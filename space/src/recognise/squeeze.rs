//! The style of a network's squeeze-and-excite, and each block's ratio in it.

use super::path::SqueezeExcite;
use super::walk::FoundBlock;
use crate::definition::{SeBase, SeStyle};

/// Ratios that people choose; the first that fits is taken.
const USUAL: [f64; 6] = [0.25, 0.5, 0.125, 0.0625, 1.0, 1.0 / 3.0];

/// The style in which the fewest ratios explain the blocks, and the ratio of each block in it; 0 where it has none.
pub(super) fn style(blocks: &[FoundBlock]) -> (SeStyle, Vec<f64>) {
    let first = blocks.iter().find_map(|block| block.se);
    let Some(SqueezeExcite {
        activation, gate, ..
    }) = first
    else {
        return (SeStyle::default(), vec![0.0; blocks.len()]);
    };
    let shapes = [
        (SeBase::Expanded, 8),
        (SeBase::Input, 8),
        (SeBase::Expanded, 1),
        (SeBase::Input, 1),
        (SeBase::Expanded, 4),
    ];
    let styles = shapes.map(|(of, multiple_of)| SeStyle {
        of,
        multiple_of,
        activation,
        gate,
    });
    let explained = styles.into_iter().filter_map(|style| {
        let ratios = ratios(&style, blocks)?;
        let mut distinct: Vec<f64> = ratios
            .iter()
            .copied()
            .filter(|&ratio| ratio > 0.0)
            .collect();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        Some((distinct.len(), style, ratios))
    });
    // the first of those that are equally simple
    let simplest = explained.min_by_key(|(distinct, ..)| *distinct);
    simplest.map_or_else(
        || (SeStyle::default(), vec![0.0; blocks.len()]),
        |(_, style, ratios)| (style, ratios),
    )
}

/// The ratio of each block in a style, if the style has one for each.
fn ratios(style: &SeStyle, blocks: &[FoundBlock]) -> Option<Vec<f64>> {
    let ratio = |block: &FoundBlock| {
        let Some(se) = block.se else {
            return Some(0.0);
        };
        let base = match style.of {
            SeBase::Input => block.inputs,
            SeBase::Expanded => se.channels,
        };
        let exact = se.squeezed as f64 / base as f64;
        let usual = USUAL.into_iter().chain([exact]);
        let mut fitting = usual.filter(|&ratio| ratio > 0.0 && ratio <= 1.0);
        fitting.find(|&ratio| style.channels(ratio, base) == se.squeezed)
    };
    blocks.iter().map(ratio).collect()
}
