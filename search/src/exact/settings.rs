use std::num::NonZeroUsize;

/// What [`exact_front`](crate::exact_front) can be told.
///
/// | setting | default | range |
/// |---|---|---|
/// | `objectives` | 2 | 1 to the number of criteria |
/// | `epsilon` | 0 | 0 or more |
/// | `labels` | 1,000,000 | 1 or more |
/// | `beam` | 2,000 | 1 or more |
/// | `slopes` | 128 | 2 or more |
/// | `rounds` | 20 | 1 or more |
#[derive(Clone, Debug, PartialEq)]
pub struct ExactSettings {
    /// The criteria from 0 on that span the front. With another number than 2, labels are dropped
    /// only for dominance and limits, and nothing is proven once `labels` are too few.
    pub objectives: usize,
    /// What a path must gain in criterion 1 to be looked for: 0 for all of the front.
    pub epsilon: f64,
    /// How many partial paths are kept at a position, in all its states. Each costs 8 bytes until
    /// the end, and with what competes with it up to about 1 kB while its position is under way.
    pub labels: NonZeroUsize,
    /// How many are kept in the first pass; each further pass keeps 64 times as many, up to
    /// `labels`, until nothing is dropped that matters.
    pub beam: NonZeroUsize,
    /// How many weightings of the objectives bound what is possible.
    pub slopes: usize,
    /// How often tangent points and prices are moved for each weighting. Matters only with a log-sum
    /// or limits.
    pub rounds: usize,
}

impl Default for ExactSettings {
    fn default() -> Self {
        Self {
            objectives: 2,
            epsilon: 0.0,
            labels: NonZeroUsize::new(1_000_000).expect("not zero"),
            beam: NonZeroUsize::new(2_000).expect("not zero"),
            slopes: 128,
            rounds: 20,
        }
    }
}
