//! How well scores rank networks whose accuracies are known.
//!
//! | figure | what it is |
//! |---|---|
//! | tau | Kendall's [tau-b](kendall_tau) over all networks: 1 for the same order, 0 for chance, -1 for the opposite |
//! | Spearman | correlation of the [ranks](roofnas_cost::spearman()) |
//! | tau in bands | networks sorted by MACs (or params), cut into ten groups of as many each; the mean of the groups' tau: what a score is worth where cost alone says nothing |
//! | tau in the top fifth | tau among the fifth of the networks with the highest accuracies: where a search spends its time |
//! | regret | [points of accuracy](Regret) that are lost by picking the highest score under a latency budget, and with the best of the five highest scores |
//!
//! Groups or columns in which all is equal have no tau, and are left out of means.
//!
//! Accuracies are noisy: each is one training run, or the mean of a few. [`NoiseFloor`] says what these figures come to for somebody who knows
//! all that can be known.

mod band;
mod budgets;
mod figures;
mod kendall;
mod noise_floor;
mod rank;
mod regret;
mod surrogate;
mod truth;

pub use band::{Band, GROUPS};
pub use budgets::{Budgets, QUANTILES};
pub use figures::RankFigures;
pub use kendall::kendall_tau;
pub use noise_floor::{DRAWS, NoiseFloor, NoiseSource};
pub use rank::{Ranking, TermFigures};
pub use regret::{BEST_OF, Regret};
pub use surrogate::{Prediction, Splits, SurrogateFigures, judge};
pub use truth::{Device, DeviceKind, Truth};
