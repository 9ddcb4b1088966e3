//! What a network costs and is worth: counts, memory, the roofline, latency, and closed-form quality terms.
//!
//! Pure: no clocks, no threads, no files beyond parsing text that is given.
//!
//! ```
//! use roofnas_cost::{Dtype, Fusion, NetworkCost};
//! use roofnas_space::presets;
//!
//! let landmarks = presets::landmarks();
//! let resnet = landmarks.iter().find(|l| l.name == "ResNet-50").unwrap();
//! let cost = NetworkCost::new(&resnet.network, &Fusion::default());
//! assert_eq!(cost.macs, 4_089_184_256);
//! assert!(cost.intensity(32, Dtype::Fp32) > cost.intensity(1, Dtype::Fp32));
//! ```

mod advice;
mod blocks;
pub mod calibration;
mod class;
mod counts;
mod distribution;
mod dtype;
mod figures;
mod fusion;
mod latency;
mod memory;
mod platform;
mod platform_threads;
mod price;
mod quality;
mod roofline;
mod spearman;
pub mod surrogate;

pub use advice::{Advice, AdviceKind, advise, peak_culprits};
pub use blocks::{
    BlockPrice, BlockTable, BlockTableError, Deviation, SiteAddends, SiteCost, SiteSum, Wanted,
};
pub use class::OpClass;
pub use counts::{Geometry, KernelCost, NetworkCost, Variant, layer_flops, layer_macs, params};
pub use distribution::{normal_quantile, student_quantile};
pub use dtype::Dtype;
pub use figures::{Figures, Prediction, order_accuracy_in_bands};
pub use fusion::{Fusion, Kernel, kernels};
pub use latency::{LatencyError, LatencyModel};
pub use memory::Footprint;
pub use platform::{
    FORMAT, Overhead, Platform, PlatformError, Provenance, RoofFigures, RoofKind, Roofs,
    Uncertainty, Utilisation,
};
pub use platform_threads::{ThreadsError, threads_in_words};
pub use price::{Bound, Breakdown, KernelPrice, Latency, Shares};
pub use quality::{
    DEEPMAD_LEVELS, LEVELS, MAE_DET_LEVELS, Mix, MixError, Moments, Normalisation, QualityTerms,
    Score, Term, TermWeights, expected_log_determinant,
};
pub use roofline::Roof;
pub use spearman::spearman;
