//! The closed loop: search, measure, fit, and search again, until what is predicted is what is measured.
//!
//! A round searches with the profile at hand, selects networks of its front ([`select`]) that nobody has measured, runs them for real, and holds
//! the timings against what that profile had predicted. So every error is that of a prediction made before its network was measured, by a
//! profile that knows nothing of it; networks of earlier rounds, which the profile was fitted on, are not among them. When the mean absolute
//! error of a round's networks is within the tolerance, or the rounds are used up, a last search uses a profile that knows everything.
//!
//! # What is fitted, and why
//!
//! A profile holds no timings: it is the posterior of a fit, for one machine and engine. What to do with it depends on whether that is the
//! machine at hand. Were it, its posterior would be the prior of an exact update. But most refinements begin with the profile of another device or
//! engine, and its posterior is far too narrow for this one: it says how well *that* device is known, not how far this one is from it. So
//! each refit ([`refit`]) is a fit from scratch to the timings of all rounds, under several priors that are averaged by how probable they make
//! those timings: one that knows of no platform in particular, and, where they come close, platforms calibrated before: the profile that the
//! experiment began with, if it is calibrated, and those that ship. Such a prior takes over what kernels cost beside each other, with
//! the deviations that platforms have among each other ("kin") or that nearly equal ones have ("twin", from 15 timings on), and lets the timings set the
//! speed as a whole. A profile that fits is thus believed, and one that doesn't is given up. Profiles of earlier rounds are no priors: they are
//! made of the same timings, which would count twice.
//!
//! A round is small. With `K` networks whose relative errors deviate by `s`, the mean absolute error is known to about `0.6 s / sqrt(K)`, so a round
//! can agree by luck; measure more where that matters, and look at the network you use with `roofnas verify`.

mod config;
mod folder;
mod measured;
mod refit;
mod round;
mod selection;

pub use config::{RefineConfig, RefineEngine};
pub use folder::RefineDirectory;
pub use measured::{MeasuredNetwork, REFINE_COLUMNS, refine_csv};
pub use refit::{BEGUN_WITH, LEAST_NETWORKS, refit};
pub(crate) use round::percent;
pub use round::{PromisedBudget, ROUND_COLUMNS, Round, rounds_csv};
pub use selection::{Origin, Selected, select};

/// All that came of a refinement.
#[derive(Debug, Clone, PartialEq)]
pub struct Refinement {
    /// The rounds.
    pub rounds: Vec<Round>,
    /// Every network that was measured.
    pub networks: Vec<MeasuredNetwork>,
}

impl Refinement {
    /// The round that ended it, where predictions were good enough in the end.
    pub fn agreed(&self) -> Option<&Round> {
        self.rounds.last().filter(|round| round.agrees())
    }

    /// The network of the highest quality among those that keep the budget as measured; the faster of equals.
    pub fn best_measured(&self) -> Option<&MeasuredNetwork> {
        let keeps = |one: &&MeasuredNetwork| {
            one.selected.keeps_other_limits && one.is_within_budget() != Some(false)
        };
        self.networks.iter().filter(keeps).max_by(|a, b| {
            let quality = a.selected.quality.total_cmp(&b.selected.quality);
            quality.then(b.measured_ms().total_cmp(&a.measured_ms()))
        })
    }

    /// How it ended, in words.
    pub fn sentence(&self) -> String {
        let Some(last) = self.rounds.last() else {
            return "nothing was measured".to_owned();
        };
        let ended = match last.agrees() {
            true => format!("agreed in round {}", last.number),
            false => format!("did not agree within {} rounds", last.number),
        };
        let error = format!(
            "{ended}: mean error {} % on {} networks that were predicted before they were measured (tolerance {} %)",
            percent(last.figures.mape),
            last.figures.n,
            percent(last.tolerance),
        );
        let best = self.best_measured().map_or_else(String::new, |best| {
            let kept = match best.budget_ms {
                Some(budget_ms) => format!(" within the budget of {budget_ms} ms"),
                None => String::new(),
            };
            format!(
                "; the best network measured{kept}: {} of round {} with {:.3} at {:.4} ms",
                best.selected.id,
                best.round,
                best.selected.quality,
                best.measured_ms()
            )
        });
        error + &best
    }
}

#[cfg(test)]
mod tests;
