//! How far predictions and measurements agreed in a round.

use roofnas_cost::{Figures, Prediction};

use super::measured::MeasuredNetwork;
use crate::tables::{csv, optional};

/// Columns of the rounds.
pub const ROUND_COLUMNS: [&str; 22] = [
    "round",
    "profile",
    "profile_networks",
    "front",
    "measured",
    "failed",
    "mean_error",
    "bias",
    "within_5pct",
    "within_10pct",
    "spearman",
    "coverage_90",
    "width_90",
    "exceeds_upper_95",
    "budget_ms",
    "promised",
    "promised_within_budget",
    "promised_worst_over",
    "promised_median_of_budget",
    "drift",
    "tolerance",
    "agrees",
];

/// A machine whose speed has changed by more than this, as a share, is told.
const MUCH_DRIFT: f64 = 0.03;

/// What came of a round.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// Its number, from 1.
    pub number: usize,
    /// The profile that its search used, and that predicted.
    pub profile: String,
    /// Networks that this profile was fitted on; 0 for an uncalibrated one.
    pub profile_networks: usize,
    /// Networks in the front of its search.
    pub front: usize,
    /// Networks that could not be measured.
    pub failed: usize,
    /// How well the predictions hold that were made before the measuring: of this round's networks alone, all of them new.
    pub figures: Figures,
    /// How the networks keep the latency budget that the search holds to keep it; nothing without a budget, or such a network.
    pub budget: Option<PromisedBudget>,
    /// How much longer networks of the first round took when they were measured again in this one; nothing where none was.
    pub drift: Option<f64>,
    /// The mean error that is good enough.
    pub tolerance: f64,
}

/// How networks keep a latency budget that a search promised they would.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PromisedBudget {
    /// The budget, in milliseconds.
    pub budget_ms: f64,
    /// Networks that the search holds to keep the constraints.
    pub promised: usize,
    /// Those of them that keep the budget as measured.
    pub within: usize,
    /// By how much of the budget the slowest exceeds it; 0 where it keeps it.
    pub worst_over: f64,
    /// The median of measured over budget.
    pub median_of_budget: f64,
}

impl PromisedBudget {
    fn of(networks: &[MeasuredNetwork]) -> Option<Self> {
        let budget_ms = networks.first()?.budget_ms?;
        let promised = networks.iter().filter(|one| one.selected.is_promised);
        let mut shares: Vec<f64> = promised.map(|one| one.measured_ms() / budget_ms).collect();
        shares.sort_by(f64::total_cmp);
        let n = shares.len();
        let last = shares.last()?;
        Some(Self {
            budget_ms,
            promised: n,
            within: shares.iter().filter(|share| **share <= 1.0).count(),
            worst_over: (last - 1.0).max(0.0),
            median_of_budget: f64::midpoint(shares[(n - 1) / 2], shares[n / 2]),
        })
    }
}

impl Round {
    /// Of the networks measured in one round; nothing of none. `front`: how many the search found; `failed`: how many could not be measured.
    pub fn of(
        networks: &[MeasuredNetwork],
        front: usize,
        failed: usize,
        tolerance: f64,
    ) -> Option<Self> {
        let first = networks.first()?;
        let predictions: Vec<Prediction> =
            networks.iter().map(MeasuredNetwork::prediction).collect();
        Some(Self {
            number: first.round,
            profile: first.profile.clone(),
            profile_networks: first.profile_networks,
            front,
            failed,
            figures: Figures::of(&predictions)?,
            budget: PromisedBudget::of(networks),
            drift: None,
            tolerance,
        })
    }

    /// Whether predictions were good enough.
    pub fn agrees(&self) -> bool {
        self.figures.mape <= self.tolerance
    }

    /// What casts doubt on its figures.
    pub fn doubt(&self) -> Option<String> {
        let drift = self.drift?;
        (drift.ln().abs() > MUCH_DRIFT).then(|| {
            format!(
                "round {}: networks of round 1 took {drift:.2} times as long as then: the machine has changed, and no profile fits both; measure on a quiet one",
                self.number
            )
        })
    }

    /// The round in words.
    pub fn sentence(&self) -> String {
        let figures = &self.figures;
        let inside = figures.coverage_90.map_or_else(String::new, |share| {
            let inside = (share * figures.n as f64).round();
            format!(", {inside} of {} inside the 90 % interval", figures.n)
        });
        let budget = self.budget.map_or_else(String::new, |budget| {
            format!(
                ", {} of {} that should keep the budget of {} ms do",
                budget.within, budget.promised, budget.budget_ms
            )
        });
        let failed = match self.failed {
            0 => String::new(),
            failed => format!(" ({failed} could not be)"),
        };
        let basis = match self.profile_networks {
            0 => "an uncalibrated profile".to_owned(),
            networks => format!("a profile of {networks} networks"),
        };
        format!(
            "round {}: {} networks measured{failed}; {basis} had predicted them with a mean error of {} %, bias {} %{inside}{budget}",
            self.number,
            figures.n,
            percent(figures.mape),
            percent(figures.bias),
        )
    }

    fn cells(&self) -> [String; 22] {
        let (figures, budget) = (&self.figures, self.budget);
        [
            self.number.to_string(),
            self.profile.clone(),
            self.profile_networks.to_string(),
            self.front.to_string(),
            figures.n.to_string(),
            self.failed.to_string(),
            figures.mape.to_string(),
            figures.bias.to_string(),
            figures.within_5pct.to_string(),
            figures.within_10pct.to_string(),
            optional(figures.spearman),
            optional(figures.coverage_90),
            optional(figures.width_90),
            optional(figures.exceeds_upper_95),
            optional(budget.map(|budget| budget.budget_ms)),
            optional(budget.map(|budget| budget.promised)),
            optional(budget.map(|budget| budget.within)),
            optional(budget.map(|budget| budget.worst_over)),
            optional(budget.map(|budget| budget.median_of_budget)),
            optional(self.drift),
            self.tolerance.to_string(),
            self.agrees().to_string(),
        ]
    }
}

/// The rounds as CSV, one row a round. Floats are written to round-trip.
pub fn rounds_csv(rounds: &[Round]) -> Vec<u8> {
    csv(&ROUND_COLUMNS, rounds.iter().map(Round::cells))
}

/// A share in percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}
