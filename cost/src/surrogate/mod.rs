//! Accuracy predicted from networks that were trained.
//!
//! A Gaussian process (Rasmussen, Williams: Gaussian Processes for Machine Learning, 2006) on the logarithm of the error, `ln(100 - top-1)`, over the
//! [quality terms](crate::QualityTerms) and an [`Encoding`] of the genes. Errors of trained networks are positive, spread over a range that is a
//! factor rather than a difference, and what a change of a network does to them is nearer to a factor, too.
//!
//! ```text
//! ln error = offset + linear(terms) + linear(genes) + curved(terms) + curved(genes) + noise
//! ```
//!
//! Each part but the noise is a Gaussian process of its own; how much each of them varies, how far the curved ones reach and how noisy a training is are
//! fitted by marginal likelihood. Terms carry over what is known of networks at large, genes what is peculiar to the space.
//!
//! A prediction holds for a network trained by the recipe that trained the rows, and for nothing else.

mod encoding;
mod fit;
mod hyper;
mod prediction;
mod process;
mod training_set;

pub use encoding::Encoding;
pub use hyper::Hyper;
pub use prediction::TopOne;
pub use training_set::{Surrogate, SurrogateError, Trained, TrainingSet};
