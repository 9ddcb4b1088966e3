//! Evolutionary multi-objective search over any genotype.
//!
//! Say what a candidate is and what it costs by implementing [`Problem`]; choose an
//! [`Optimizer`] ([`Nsga2`]; [`Nsga3`] for more than two costs; [`RegularizedEvolution`];
//! [`LocalSearch`] to polish what another found; [`RandomSearch`] as the baseline; [`WarmStart`]
//! around any of them); let [`Search`] drive it under [`Limits`], on one island or on several
//! [`Islands`] side by side; read the [`ParetoFront`]. All costs are minimised, constraints are one
//! non-negative violation, and the same seed gives the same result on any number of threads.
//!
//! Sixteen parcels, each of a weight and a value: which sets are worth the most for their weight,
//! if a van takes 40?
//!
//! ```
//! use std::num::NonZeroU64;
//! use std::ops::ControlFlow;
//! use std::time::Instant;
//!
//! use rand::RngExt;
//! use roofnas_search::*;
//!
//! struct Van;
//!
//! const WEIGHTS: [f64; 16] = [3., 7., 2., 9., 5., 4., 8., 6., 1., 7., 3., 5., 9., 2., 6., 4.];
//! const VALUES: [f64; 16] = [4., 9., 1., 9., 8., 2., 9., 9., 1., 5., 6., 4., 7., 3., 5., 6.];
//!
//! fn total(parcels: u16, of: &[f64; 16]) -> f64 {
//!     (0..16).filter(|i| parcels >> i & 1 == 1).map(|i| of[i]).sum()
//! }
//!
//! impl Problem for Van {
//!     type Genotype = u16; // bit i: parcel i is taken
//!
//!     fn objectives(&self) -> usize {
//!         2
//!     }
//!     fn sample(&self, rng: &mut SearchRng) -> u16 {
//!         rng.random()
//!     }
//!     fn mutate(&self, parcels: &mut u16, rng: &mut SearchRng) {
//!         *parcels ^= 1 << rng.random_range(0..16);
//!     }
//!     fn crossover(&self, child: &mut u16, father: &u16, rng: &mut SearchRng) {
//!         let mask: u16 = rng.random();
//!         *child = *child & mask | father & !mask;
//!     }
//!     fn evaluate(&self, parcels: &u16) -> Evaluation {
//!         let weight = total(*parcels, &WEIGHTS);
//!         let value = total(*parcels, &VALUES);
//!         Evaluation::new([weight, -value], weight - 40.0) // a value is a negative cost
//!     }
//! }
//!
//! let settings = Nsga2Settings::new(40, 0.9)?;
//! let limits = Limits::new(NonZeroU64::new(4000).expect("not zero"));
//! let began = Instant::now();
//! let clock = || began.elapsed().as_secs_f64();
//! let mut search = Search::new(Nsga2::new(settings, 1));
//! let reason = search.run(&Van, &limits, &clock, |_| ControlFlow::Continue(()));
//!
//! assert_eq!(reason, StopReason::Evaluations);
//! let fullest = search.front().members().last().expect("an empty van is feasible");
//! assert_eq!(fullest.costs(), [39.0, -55.0]); // the optimum, by dynamic programming
//! # Ok::<(), Nsga2SettingsError>(())
//! ```

mod batch_count;
mod clock;
mod cost_front;
mod crowding;
mod dominance;
mod emigration;
mod epoch;
mod evaluation;
mod exact;
mod front;
mod hyperplane;
mod hypervolume;
mod individual;
mod islands;
mod json_float;
mod layered;
mod limits;
mod local_search;
mod many_front;
mod niching;
mod normalization;
mod novelty;
mod nsga2;
mod nsga2_settings;
mod nsga3;
mod offspring;
mod optimizer;
mod point;
mod population;
mod problem;
mod random_search;
mod random_stream;
mod reference_directions;
mod regularized_evolution;
mod regularized_evolution_settings;
mod scratch;
mod search;
mod sorting;
mod stagnation;
mod standing;
mod survival;
mod sweep;
#[cfg(test)]
mod testing;
mod warm_start;

pub use batch_count::BatchCount;
pub use clock::Clock;
pub use crowding::crowding_distances;
pub use dominance::{constrained_dominates, dominates};
pub use evaluation::{Costs, Evaluation, MAX_OBJECTIVES};
pub use exact::{
    BoundLine, BoundPlane, Certificate, ExactFront, ExactMember, ExactProgress, ExactSettings,
    PlaneBound, RelaxedBound, exact_front, plane_bound, relaxed_bound, volume_above,
};
pub use front::ParetoFront;
pub use hypervolume::hypervolume;
pub use individual::Individual;
pub use islands::{Islands, IslandsError};
pub use layered::{Layered, LogSum, Transition, path_costs};
pub use limits::{Limits, LimitsError, StopReason};
pub use local_search::LocalSearch;
pub use nsga2::Nsga2;
pub use nsga2_settings::{Nsga2Settings, Nsga2SettingsError};
pub use nsga3::Nsga3;
pub use optimizer::Optimizer;
pub use problem::{Neighbourhood, Problem, SearchRng};
pub use random_search::RandomSearch;
pub use random_stream::random_stream;
pub use reference_directions::{Direction, reference_directions};
pub use regularized_evolution::RegularizedEvolution;
pub use regularized_evolution_settings::{
    RegularizedEvolutionSettings, RegularizedEvolutionSettingsError,
};
pub use search::Search;
pub use sorting::non_dominated_ranks;
pub use stagnation::{Stagnation, StagnationError};
pub use warm_start::WarmStart;
