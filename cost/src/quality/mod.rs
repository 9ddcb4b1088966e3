//! Closed-form terms that stand in for accuracy, computed without a forward pass. They are unitless rank
//! scores: fit for comparing networks of one space, never to be read as accuracy.
//!
//! For a convolution with `c_in` and `c_out` channels, kernel `k`, `g` groups and an output of side `r`, let
//! `n = (c_in / g) k^2` be its fan-in and `m = c_out / g`. The *body* is stem, blocks and projections, without
//! the head; squeeze-and-excite is left out of every term but the counts.
//!
//! | term | definition |
//! |---|---|
//! | S | `1/2 * sum over body convolutions of ln n`, weight entropy (MAE-DET, arXiv 2111.13336; DeepMAD, 2303.02165) |
//! | NSC | `sum over all convolutions of g * psi(m, n, 2/n)`, see [`expected_log_determinant`] |
//! | st_la | `sum over the distinct body resolutions of ln(convolution output elements booked there)`; a block's convolutions are booked at the block's output resolution |
//! | MAE-DET, DeepMAD | weighted sums of entropies at every resolution of the body, see [`LEVELS`] |
//! | activations | `sum of c_out r^2` over all convolutions, and the classifier's outputs |
//! | rho | `max over stages of D exp(-(1/D) sum ln n)` with `D` the depth so far: DeepMAD's effectiveness, a constraint against networks too deep for their width |
//! | channel drop | `sum over the body's outputs of max(0, 1 - channels / channels before)`: 0 where channels never fall, which DeepMAD asks for; a constraint as well |
//!
//! A [`Score`] is one term as it is, or a weighted sum of terms that are normalised over a sample of the space: `AE3 = z(S) + z(NSC) + z(st_la)`,
//! `S+NSC = z(S) + z(NSC)`, or any [`Mix`].

mod levels;
mod log_determinant;
mod mix;
mod normalisation;
mod score;
mod section;
mod term;
mod terms;
mod weights;

pub(crate) use levels::{LevelEnd, Levels};
pub(crate) use section::SectionTerms;
pub(crate) use terms::{channel_drop, depth_over_width};

pub use levels::{DEEPMAD_LEVELS, LEVELS, MAE_DET_LEVELS};
pub use log_determinant::expected_log_determinant;
pub use mix::{Mix, MixError};
pub use normalisation::{Moments, Normalisation};
pub use score::Score;
pub use term::Term;
pub use terms::QualityTerms;
pub use weights::TermWeights;
