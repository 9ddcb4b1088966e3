//! What trusting a score under a latency budget costs.

use super::budgets::Budgets;

/// How many of the highest scores the second figure looks at.
pub const BEST_OF: usize = 5;

/// Points of accuracy that are lost under a latency budget by choosing by a score.
///
/// For each of the ten [budgets](super::QUANTILES) of a device: the pick is the highest score among the networks whose latency is within the budget, the first
/// row of equals; its regret is the best accuracy of all those networks, minus the pick's. `best_of_five` is the best accuracy minus the best among the five
/// highest scores, as if these were trained. Both are means over the budgets. Rows without a latency are left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Regret {
    /// Of the highest score.
    pub top: f64,
    /// Of the best of the five highest scores.
    pub best_of_five: f64,
}

impl Regret {
    /// The regret of scores on a device. Nothing where no latency is known.
    pub(super) fn new(budgets: &Budgets, scores: &[f64], truth: &[f64]) -> Option<Self> {
        let at = |&limit: &f64| {
            let feasible = budgets.known.iter().filter(|known| known.1 <= limit);
            Self::under(feasible.map(|known| known.0), scores, truth)
        };
        let regrets = budgets.limits.iter().filter_map(at);
        Self::mean(&regrets.collect::<Vec<_>>())
    }

    /// The regret among these rows, which ascend. Nothing of none.
    fn under(rows: impl Iterator<Item = usize>, scores: &[f64], truth: &[f64]) -> Option<Self> {
        let mut best = f64::NEG_INFINITY;
        // descending by score; of equals the first row comes first
        let mut highest: Vec<usize> = Vec::with_capacity(BEST_OF + 1);
        for row in rows {
            best = best.max(truth[row]);
            let place = highest.partition_point(|&other| scores[other] >= scores[row]);
            if place < BEST_OF {
                highest.insert(place, row);
                highest.truncate(BEST_OF);
            }
        }
        let accuracies = highest.iter().map(|&row| truth[row]);
        let best_of_five = accuracies.fold(f64::NEG_INFINITY, f64::max);
        highest.first().map(|&pick| Self {
            top: best - truth[pick],
            best_of_five: best - best_of_five,
        })
    }

    /// The mean of regrets, such as those of several devices. Nothing of none.
    pub fn mean(regrets: &[Self]) -> Option<Self> {
        let mean = |part: fn(&Self) -> f64| {
            let sum: f64 = regrets.iter().map(part).sum();
            sum / regrets.len() as f64
        };
        (!regrets.is_empty()).then(|| Self {
            top: mean(|regret| regret.top),
            best_of_five: mean(|regret| regret.best_of_five),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranking::{Device, DeviceKind};

    #[test]
    fn a_hand_count() {
        let truth = [70.0, 72.0, 71.0, 75.0, 74.0, 73.0, 60.0];
        let scores = [1.0, 3.0, 3.0, 0.0, 2.0, 2.5, 1.5];
        let regret = Regret::under(0..7, &scores, &truth).unwrap();
        // of rows 1 and 2 with equal scores the first is picked; the best, row 3, is the last of all
        assert_eq!(regret.top, 3.0);
        // rows 1, 2, 5, 4, 6
        assert_eq!(regret.best_of_five, 1.0);
        assert_eq!(Regret::under(0..0, &scores, &truth), None);
    }

    #[test]
    fn budgets_cut_what_is_too_slow() {
        // the score wants what is slow, and the truth what is fast
        let latency: Vec<f64> = (1..=21).map(f64::from).collect();
        let truth: Vec<f64> = latency.iter().map(|latency| 100.0 - latency).collect();
        let device = Device::new("ms", DeviceKind::Latency, latency.iter().copied().map(Some));
        let budgets = Budgets::new(&device);
        // a budget at quantile q admits 1 + 20 q networks
        let expected: f64 = super::super::QUANTILES.iter().map(|q| 20.0 * q).sum();
        let regret = Regret::new(&budgets, &latency, &truth).unwrap();
        assert!((regret.top - expected / 10.0).abs() < 1e-9, "{regret:?}");
        let perfect = Regret::new(&budgets, &truth, &truth).unwrap();
        assert_eq!((perfect.top, perfect.best_of_five), (0.0, 0.0));
    }

    #[test]
    fn a_throughput_is_a_latency_upside_down_and_empty_cells_are_left_out() {
        let rates = [Some(100.0), None, Some(50.0), Some(25.0)];
        let device = Device::new("images", DeviceKind::Throughput, rates);
        let budgets = Budgets::new(&device);
        assert_eq!(budgets.left_out, 1);
        assert_eq!(budgets.networks(), 3);
        assert_eq!(budgets.known, [(0, 0.01), (2, 0.02), (3, 0.04)]);
        // row 1 would be the best and has the highest score, but nobody knows how fast it is
        let truth = [1.0, 9.0, 2.0, 3.0];
        let regret = Regret::new(&budgets, &truth, &truth).unwrap();
        assert_eq!(regret.top, 0.0);
        let nothing = Device::new("images", DeviceKind::Latency, [None, None]);
        let nothing = Budgets::new(&nothing);
        assert_eq!(Regret::new(&nothing, &truth, &truth), None);
    }
}
