//! The multi-stage entropies of MAE-DET and DeepMAD.

use roofnas_space::Shape;

/// How many levels of a network count in the multi-stage scores.
///
/// A *level* is a run of the body's sections (stem and blocks) whose outputs have one resolution; resolutions never grow along a network of a
/// space. Levels are counted from the deepest: it is C5 in the papers, the one before it C4, and so on to C1. A network of fewer levels lacks the
/// first ones, and levels before the last five count nothing. Level i ends with a feature map of `c_i` channels and resolution `r_i`; with `S_i`
/// the weight entropy S of all convolutions up to there,
///
/// ```text
/// MAE-DET = sum over i of a_i (ln c_i + S_i),            a = 0, 0, 1, 1, 6 for C1 to C5
/// DeepMAD = sum over i of b_i ln(r_i^2 c_i) * 2 S_i,     b = 1, 1, 1, 1, 8
/// ```
///
/// The first is the score `madnas` that MAE-DET's authors (arXiv 2111.13336) have published as code (alibaba/lightweight-neural-architecture-search,
/// `nas/scores/compute_madnas.py`), weights included, whose entropy of a convolution is `ln sqrt n`; the second is the entropy of DeepMAD's paper (arXiv 2303.02165),
/// a product of `ln(r^2 c)` and the sum of `ln n`. DeepMAD's code takes half of that sum, which scales the score and orders nothing otherwise.
/// Both sum over the convolutions of a block and leave out those of its projection; here projections count, as they do in S. There a
/// level ends before every stride; here it needs another resolution, which is the same but for maps of 1x1.
pub const LEVELS: usize = 5;

/// MAE-DET's weight of each level, the deepest first.
pub const MAE_DET_LEVELS: [f64; LEVELS] = [6.0, 1.0, 1.0, 0.0, 0.0];

/// DeepMAD's weight of each level, the deepest first.
pub const DEEPMAD_LEVELS: [f64; LEVELS] = [8.0, 1.0, 1.0, 1.0, 1.0];

/// What counts of the feature map that a level ends with.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct LevelEnd {
    /// `ln c`.
    ln_channels: f64,
    /// `ln(r^2 c)`.
    ln_elements: f64,
}

impl LevelEnd {
    pub(crate) fn new(output: Shape) -> Self {
        Self {
            ln_channels: (output.channels as f64).ln(),
            ln_elements: (output.elements() as f64).ln(),
        }
    }
}

/// The last levels of a network so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Levels {
    /// The ends of levels with S up to there, the deepest first; nothing adds nothing.
    ended: [(LevelEnd, f64); LEVELS],
    count: usize,
}

impl Levels {
    /// Ends a level; `s` is the weight entropy up to there.
    #[inline]
    pub(crate) fn end(&mut self, end: LevelEnd, s: f64) {
        self.ended.rotate_right(1);
        self.ended[0] = (end, s);
        self.count = (self.count + 1).min(LEVELS);
    }

    pub(crate) fn mae_det(&self) -> f64 {
        self.sum(&MAE_DET_LEVELS, |end, s| end.ln_channels + s)
    }

    pub(crate) fn deepmad(&self) -> f64 {
        self.sum(&DEEPMAD_LEVELS, |end, s| end.ln_elements * 2.0 * s)
    }

    fn sum(&self, weights: &[f64; LEVELS], entropy: impl Fn(&LevelEnd, f64) -> f64) -> f64 {
        let ended = self.ended[..self.count].iter().zip(weights);
        ended
            .map(|((end, s), weight)| weight * entropy(end, *s))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_counted_from_the_deepest() {
        let mut levels = Levels::default();
        let end = |channels: usize, side: usize| LevelEnd::new(Shape::new(channels, side, side));
        assert_eq!((levels.mae_det(), levels.deepmad()), (0.0, 0.0));
        levels.end(end(2, 4), 1.0);
        let ln = |x: f64| x.ln();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} is not {b}");
        close(levels.mae_det(), 6.0 * (ln(2.0) + 1.0));
        close(levels.deepmad(), 8.0 * ln(32.0) * 2.0);
        levels.end(end(3, 2), 1.5);
        close(levels.mae_det(), 6.0 * (ln(3.0) + 1.5) + ln(2.0) + 1.0);
        close(levels.deepmad(), 8.0 * ln(12.0) * 3.0 + ln(32.0) * 2.0);
        // the first of six counts nothing
        for _ in 0..4 {
            levels.end(end(1, 1), 2.0);
        }
        close(levels.mae_det(), 6.0 * 2.0 + 2.0 + 2.0);
        close(levels.deepmad(), ln(12.0) * 3.0);
    }
}
